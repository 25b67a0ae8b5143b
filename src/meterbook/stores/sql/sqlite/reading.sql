-- What a snapshot of the book answers. An entry's place is its entry_id.

-- marks: How far the worker has come.
SELECT (SELECT coalesce(max(entry_id), 0) FROM entries), posted FROM worker;

-- setting: One of the book's own settings.
SELECT value FROM book WHERE name = :name;

-- meters: Every version of every meter.
SELECT meter_id, meter_key, version, definition, defined_at, coalesce(seq, 0)
FROM meters LEFT JOIN rolled USING (meter_id)
ORDER BY meter_key, version;

-- people: The ids of names, given as a JSON array.
SELECT name, person_id FROM people
WHERE name IN (SELECT value FROM json_each(:names));

-- names: The names of ids, given as a JSON array.
SELECT person_id, name FROM people
WHERE person_id IN (SELECT value FROM json_each(:person_ids));

-- entry_of_identity: The entry that has this identity.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM entries WHERE source = :source AND event_id = :event_id;

-- entries_at: The entries at places, given as a JSON array.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM entries WHERE entry_id IN (SELECT value FROM json_each(:places))
ORDER BY entry_id;

-- tail: The entries above a place.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM entries WHERE entry_id > :after
ORDER BY entry_id LIMIT :limit;

-- entries: The entries above a place that match; what is NULL does not narrow.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM entries
WHERE entry_id > :after
    AND (:source IS NULL OR source = :source)
    AND (:event_id IS NULL OR event_id = :event_id)
    AND (:customer IS NULL OR customer = :customer)
    AND (:type IS NULL OR type = :type)
    AND (:subject_id IS NULL OR subject_id = :subject_id OR actor_id = :subject_id)
    AND (:start IS NULL OR occurred_at >= :start)
    AND (:end IS NULL OR occurred_at < :end)
    AND (:kind IS NULL OR kind = :kind)
ORDER BY entry_id LIMIT :limit;

-- entries_of_identity: The same where source and id are given: found by the index.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM entries
WHERE source = :source AND event_id = :event_id
    AND entry_id > :after
    AND (:customer IS NULL OR customer = :customer)
    AND (:type IS NULL OR type = :type)
    AND (:subject_id IS NULL OR subject_id = :subject_id OR actor_id = :subject_id)
    AND (:start IS NULL OR occurred_at >= :start)
    AND (:end IS NULL OR occurred_at < :end)
    AND (:kind IS NULL OR kind = :kind)
ORDER BY entry_id LIMIT :limit;

-- attributions: Those of subjects, given as a JSON array. Each has its place already.
SELECT subject_id, effective_at, customer, entry_id, entry_id
FROM attributions
WHERE subject_id IN (SELECT value FROM json_each(:subject_ids))
ORDER BY entry_id;

-- voided: Since which place entries are void, given as a JSON array.
SELECT entry_id, seq FROM voids
WHERE entry_id IN (SELECT value FROM json_each(:entry_ids));

-- effects: The postings of a stretch as of a place, with what their events say.
-- CROSS JOIN keeps the planner from walking the entries first.
SELECT p.place, p.seq, p.sign, p.occurred_at,
    e.source, e.subject_id, e.actor_id, e.data
FROM postings AS p CROSS JOIN entries AS e ON e.entry_id = p.place
WHERE p.customer = :customer AND p.type = :type
    AND p.occurred_at >= :start AND p.occurred_at < :end
    AND p.seq <= :upto
ORDER BY p.occurred_at, p.place, p.seq;

-- first_effect_at: The moment of the earliest posting.
SELECT min(occurred_at) FROM postings WHERE customer = :customer AND type = :type;

-- customers: Those that have postings. DISTINCT would read every posting; each step
-- of this jumps to the next customer by the index.
WITH RECURSIVE payers (customer) AS (
    SELECT min(customer) FROM postings WHERE customer > ''
    UNION ALL
    SELECT (SELECT min(p.customer) FROM postings AS p
            WHERE p.customer > payers.customer)
    FROM payers WHERE payers.customer IS NOT NULL
)
SELECT customer FROM payers
WHERE customer IS NOT NULL
    AND (:type IS NULL OR EXISTS (
        SELECT 1 FROM postings AS p
        WHERE p.customer = payers.customer AND p.type = :type
    ))
ORDER BY customer;

-- buckets: The rollups of a stretch.
SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = :grouped
    AND hours = :hours AND bucket >= :start AND bucket < :end
ORDER BY bucket, grp;

-- last_bucket: The latest hour before a moment, all groups together.
SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0
    AND hours = 1 AND bucket < :before
ORDER BY bucket DESC LIMIT 1;

-- last_buckets: The latest hour of each group before a moment. Beside max(), SQLite
-- takes the other columns from the row that has the maximum.
SELECT meter_id, customer, grouped, hours, max(bucket), grp, state FROM rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 1
    AND hours = 1 AND bucket < :before
GROUP BY grp ORDER BY grp;

-- first_bucket: The earliest hour, all groups together.
SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0 AND hours = 1
ORDER BY bucket LIMIT 1;

-- first_buckets: The earliest hour of each group.
SELECT meter_id, customer, grouped, hours, min(bucket), grp, state FROM rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 1 AND hours = 1
GROUP BY grp ORDER BY grp;

-- sightings: Those that meet a stretch.
SELECT meter_id, customer, grouped, month, grp, key, first_at, last_at
FROM sightings
WHERE meter_id = :meter_id AND customer = :customer AND grouped = :grouped
    AND month >= :month AND month < :end
    AND first_at < :end AND last_at >= :start
ORDER BY month, grp, key;

-- count_in_month: Keys surely seen, and rows that cannot tell, of a stretch inside one
-- month. A key has one row there, so that nothing must be made distinct.
SELECT
    count(*) FILTER (WHERE first_at >= :start AND first_at < :end
        OR last_at >= :start AND last_at < :end),
    count(*) FILTER (WHERE first_at < :start AND last_at >= :end)
FROM sightings
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0
    AND month = :month;

-- count_in_months: Keys surely seen in a stretch that ends in a later month than it
-- starts in. No row spans it, so none of them cannot tell.
SELECT count(DISTINCT key), 0 FROM sightings
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0
    AND month >= :month AND month < :end
    AND (first_at >= :start AND first_at < :end
        OR last_at >= :start AND last_at < :end);

-- unusable: What a meter could not take, without the voided.
SELECT u.place, u.reason,
    e.entry_id, e.entry_id, e.kind, e.source, e.event_id, e.type, e.subject_id,
    e.actor_id, e.customer, e.occurred_at, e.time_given, e.data, e.extensions,
    e.fingerprint, e.recorded_at
FROM unusable AS u CROSS JOIN entries AS e ON e.entry_id = u.place
WHERE u.meter_id = :meter_id AND u.place > :after
    AND NOT EXISTS (SELECT 1 FROM voids AS v WHERE v.entry_id = u.place)
ORDER BY u.place LIMIT :limit;

-- types: How many events there are of each type.
SELECT type, events FROM types ORDER BY type;

-- quarantined: The documents that are held.
SELECT quarantine_id, received_at, code, field, reason, document, state, resolved_at
FROM quarantine WHERE quarantine_id > :after AND state = 'held'
ORDER BY quarantine_id LIMIT :limit;
