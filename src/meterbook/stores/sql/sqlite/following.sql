-- What the worker derives. Statements with ? are run for many rows at once.

-- corrections: What voids and attributions did, found by the index of just these.
SELECT customer, type, occurred_at, place, seq, sign FROM meterbook_postings
WHERE seq <> place AND seq > :after AND seq <= :upto
ORDER BY seq, place, customer;

-- post: In the order of Posting.
INSERT INTO meterbook_postings (customer, type, occurred_at, place, seq, sign)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (customer, type, occurred_at, place, seq)
    DO UPDATE SET sign = excluded.sign;

-- withdraw: Remove a posting, in the order of Posting.
DELETE FROM meterbook_postings
WHERE customer = ? AND type = ? AND occurred_at = ? AND place = ? AND seq = ?;

-- stated: What is at the places above one and up to another. What is no event that states a customer and was not void before has none here.
SELECT entry_id, type,
    CASE WHEN kind = 0 AND NOT EXISTS (
        SELECT 1 FROM meterbook_voids
        WHERE meterbook_voids.entry_id = meterbook_entries.entry_id AND meterbook_voids.seq < meterbook_entries.entry_id
    ) THEN customer END,
    occurred_at, source, subject_id, actor_id, data
FROM meterbook_entries
WHERE entry_id > :after AND entry_id <= :upto
ORDER BY 3, type, occurred_at;

-- post_stated: Post those events.
INSERT INTO meterbook_postings (customer, type, occurred_at, place, seq, sign)
SELECT customer, type, occurred_at, entry_id, entry_id, 1
FROM meterbook_entries
WHERE entry_id > :after AND entry_id <= :upto AND kind = 0 AND customer IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM meterbook_voids
        WHERE meterbook_voids.entry_id = meterbook_entries.entry_id AND meterbook_voids.seq < meterbook_entries.entry_id
    )
ORDER BY customer, type, occurred_at, entry_id;

-- add_void: What is void, and since which place. The first void holds.
INSERT INTO meterbook_voids (entry_id, seq) VALUES (?, ?)
ON CONFLICT (entry_id) DO NOTHING;

-- count_type: More events of a type.
INSERT INTO meterbook_types (type, events) VALUES (?, ?)
ON CONFLICT (type) DO UPDATE SET events = events + excluded.events;

-- state: Of one key, in the order of the primary key.
SELECT state FROM meterbook_rollups
WHERE meter_id = ? AND customer = ? AND grouped = ? AND hours = ? AND bucket = ?
    AND grp = ?;

-- states: Of a range of buckets, in the order of the primary key.
SELECT bucket, grp, state FROM meterbook_rollups
WHERE meter_id = ? AND customer = ? AND grouped = ? AND hours = ?
    AND bucket BETWEEN ? AND ?;

-- put_bucket: In the order of Bucket.
INSERT INTO meterbook_rollups (meter_id, customer, grouped, hours, bucket, grp, state)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (meter_id, customer, grouped, hours, bucket, grp)
    DO UPDATE SET state = excluded.state;

-- drop_buckets: One hour or day, of all groups and of all together.
DELETE FROM meterbook_rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped IN (0, 1)
    AND hours = :hours AND bucket = :bucket;

-- widen_sighting: In the order of Sighting.
INSERT INTO meterbook_sightings
    (meter_id, customer, grouped, month, grp, key, first_at, last_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (meter_id, customer, grouped, month, grp, key) DO UPDATE SET
    first_at = min(first_at, excluded.first_at),
    last_at = max(last_at, excluded.last_at)
WHERE excluded.first_at < first_at OR excluded.last_at > last_at;

-- drop_sightings: A month of one meter and customer.
DELETE FROM meterbook_sightings
WHERE meter_id = :meter_id AND customer = :customer AND grouped IN (0, 1)
    AND month = :month;

-- add_unusable: What a meter could not take. One that is listed stays.
INSERT INTO meterbook_unusable (meter_id, place, reason) VALUES (?, ?, ?)
ON CONFLICT (meter_id, place) DO NOTHING;

-- set_posted: Up to where every entry has its postings.
UPDATE meterbook_worker SET posted = :seq;

-- set_rolled: Up to where every entry is in a meter's rollups.
INSERT INTO meterbook_rolled (meter_id, seq) VALUES (:meter_id, :seq)
ON CONFLICT (meter_id) DO UPDATE SET seq = excluded.seq;

-- forget_rollups: Of one meter version, or of all where it is NULL.
DELETE FROM meterbook_rollups WHERE :meter_id IS NULL OR meter_id = :meter_id;

-- forget_sightings: Likewise.
DELETE FROM meterbook_sightings WHERE :meter_id IS NULL OR meter_id = :meter_id;

-- forget_unusable: Likewise.
DELETE FROM meterbook_unusable WHERE :meter_id IS NULL OR meter_id = :meter_id;

-- forget_rolled: Likewise.
DELETE FROM meterbook_rolled WHERE :meter_id IS NULL OR meter_id = :meter_id;
