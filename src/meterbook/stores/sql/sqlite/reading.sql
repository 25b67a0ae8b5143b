-- What a snapshot of the book answers. An entry's place is its entry_id.

-- marks: How far the worker has come.
SELECT (SELECT coalesce(max(entry_id), 0) FROM meterbook_entries), posted FROM meterbook_worker;

-- setting: One of the book's own settings.
SELECT value FROM meterbook_book WHERE name = :name;

-- meters: Every version of every meter.
SELECT meter_id, meter_key, version, definition, defined_at, coalesce(seq, 0)
FROM meterbook_meters LEFT JOIN meterbook_rolled USING (meter_id)
ORDER BY meter_key, version;

-- people: The ids of names, given as a JSON array.
SELECT name, person_id FROM meterbook_people
WHERE name IN (SELECT value FROM json_each(:names));

-- names: The names of ids, given as a JSON array.
SELECT person_id, name FROM meterbook_people
WHERE person_id IN (SELECT value FROM json_each(:person_ids));

-- entry_of_identity: The entry that has this identity.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM meterbook_entries WHERE source = :source AND event_id = :event_id;

-- entries_at: The entries at places, given as a JSON array.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM meterbook_entries WHERE entry_id IN (SELECT value FROM json_each(:places))
ORDER BY entry_id;

-- tail: The entries above a place, without events that state another customer.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM meterbook_entries
WHERE entry_id > :after
    AND (:customer IS NULL OR kind <> 0 OR customer IS NULL OR customer = :customer)
ORDER BY entry_id LIMIT :limit;

-- entries: The entries above a place that match; what is NULL does not narrow.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM meterbook_entries
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
FROM meterbook_entries
WHERE source = :source AND event_id = :event_id
    AND entry_id > :after
    AND (:customer IS NULL OR customer = :customer)
    AND (:type IS NULL OR type = :type)
    AND (:subject_id IS NULL OR subject_id = :subject_id OR actor_id = :subject_id)
    AND (:start IS NULL OR occurred_at >= :start)
    AND (:end IS NULL OR occurred_at < :end)
    AND (:kind IS NULL OR kind = :kind)
ORDER BY entry_id LIMIT :limit;

-- statements: Those of a type, about anybody. Each has its place already.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM meterbook_entries WHERE kind = 3 AND type = :type
ORDER BY entry_id;

-- statements_about: The same about one customer: found by the index.
SELECT entry_id, entry_id, kind, source, event_id, type, subject_id, actor_id,
    customer, occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM meterbook_entries WHERE kind = 3 AND type = :type AND customer = :customer
ORDER BY entry_id;

-- attributions: Those of subjects, given as a JSON array. Each has its place already.
SELECT subject_id, effective_at, customer, entry_id, entry_id
FROM meterbook_attributions
WHERE subject_id IN (SELECT value FROM json_each(:subject_ids))
ORDER BY entry_id;

-- unattributed: Events of subjects (a JSON array) that nobody pays for, and not void.
-- One that was posted under nobody and taken back nets to nothing.
SELECT e.entry_id, e.entry_id, e.kind, e.source, e.event_id, e.type, e.subject_id,
    e.actor_id, e.customer, e.occurred_at, e.time_given, e.data, e.extensions,
    e.fingerprint, e.recorded_at
FROM (
    SELECT place FROM meterbook_postings WHERE customer = '' GROUP BY place HAVING sum(sign) > 0
) AS p CROSS JOIN meterbook_entries AS e ON e.entry_id = p.place
WHERE e.subject_id IN (SELECT value FROM json_each(:subject_ids))
    AND NOT EXISTS (SELECT 1 FROM meterbook_voids AS v WHERE v.entry_id = e.entry_id)
ORDER BY e.entry_id;

-- voided: Since which place entries are void, given as a JSON array.
SELECT entry_id, seq FROM meterbook_voids
WHERE entry_id IN (SELECT value FROM json_each(:entry_ids));

-- effects: The postings of a stretch as of a place, with what their events say.
-- CROSS JOIN keeps the planner from walking the entries first.
SELECT p.place, p.seq, p.sign, p.occurred_at,
    e.source, e.subject_id, e.actor_id, e.data
FROM meterbook_postings AS p CROSS JOIN meterbook_entries AS e ON e.entry_id = p.place
WHERE p.customer = :customer AND p.type = :type
    AND p.occurred_at >= :start AND p.occurred_at < :end
    AND p.seq <= :upto
ORDER BY p.occurred_at, p.place, p.seq
LIMIT coalesce(:limit, -1);

-- history: All postings before a moment as of a place, with what a fold over them needs.
SELECT p.occurred_at, p.place, p.sign, e.source, e.subject_id, e.data
FROM meterbook_postings AS p CROSS JOIN meterbook_entries AS e ON e.entry_id = p.place
WHERE p.customer = :customer AND p.type = :type
    AND p.occurred_at < :end AND p.seq <= :upto
ORDER BY p.occurred_at, p.place, p.seq;

-- first_effect_at: The moment of the earliest posting.
SELECT min(occurred_at) FROM meterbook_postings WHERE customer = :customer AND type = :type;

-- customers: Those that have postings. DISTINCT would read every posting; each step
-- of this jumps to the next customer by the index.
WITH RECURSIVE payers (customer) AS (
    SELECT min(customer) FROM meterbook_postings WHERE customer > ''
    UNION ALL
    SELECT (SELECT min(p.customer) FROM meterbook_postings AS p
            WHERE p.customer > payers.customer)
    FROM payers WHERE payers.customer IS NOT NULL
)
SELECT customer FROM payers
WHERE customer IS NOT NULL
    AND (:type IS NULL OR EXISTS (
        SELECT 1 FROM meterbook_postings AS p
        WHERE p.customer = payers.customer AND p.type = :type
    ))
ORDER BY customer;

-- buckets: The rollups of a stretch.
SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM meterbook_rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = :grouped
    AND hours = :hours AND bucket >= :start AND bucket < :end
ORDER BY bucket, grp;

-- last_bucket: The latest hour before a moment, all groups together.
SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM meterbook_rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0
    AND hours = 1 AND bucket < :before
ORDER BY bucket DESC LIMIT 1;

-- last_buckets: The latest hour of each group before a moment. Beside max(), SQLite
-- takes the other columns from the row that has the maximum.
SELECT meter_id, customer, grouped, hours, max(bucket), grp, state FROM meterbook_rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 1
    AND hours = 1 AND bucket < :before
GROUP BY grp ORDER BY grp;

-- first_bucket: The earliest hour, all groups together.
SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM meterbook_rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0 AND hours = 1
ORDER BY bucket LIMIT 1;

-- first_buckets: The earliest hour of each group.
SELECT meter_id, customer, grouped, hours, min(bucket), grp, state FROM meterbook_rollups
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 1 AND hours = 1
GROUP BY grp ORDER BY grp;

-- sightings: Those that meet a stretch.
SELECT meter_id, customer, grouped, month, grp, key, first_at, last_at
FROM meterbook_sightings
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
FROM meterbook_sightings
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0
    AND month = :month;

-- count_in_months: Keys surely seen in a stretch that ends in a later month than it
-- starts in. No row spans it, so none of them cannot tell.
SELECT count(DISTINCT key), 0 FROM meterbook_sightings
WHERE meter_id = :meter_id AND customer = :customer AND grouped = 0
    AND month >= :month AND month < :end
    AND (first_at >= :start AND first_at < :end
        OR last_at >= :start AND last_at < :end);

-- unusable: What a meter could not take, without the voided.
SELECT u.place, u.reason,
    e.entry_id, e.entry_id, e.kind, e.source, e.event_id, e.type, e.subject_id,
    e.actor_id, e.customer, e.occurred_at, e.time_given, e.data, e.extensions,
    e.fingerprint, e.recorded_at
FROM meterbook_unusable AS u CROSS JOIN meterbook_entries AS e ON e.entry_id = u.place
WHERE u.meter_id = :meter_id AND u.place > :after
    AND NOT EXISTS (SELECT 1 FROM meterbook_voids AS v WHERE v.entry_id = u.place)
ORDER BY u.place LIMIT :limit;

-- gaps: Places without an entry, first and last of each gap.
SELECT previous + 1, entry_id - 1
FROM (
    SELECT entry_id, lag(entry_id, 1, 0) OVER (ORDER BY entry_id) AS previous
    FROM meterbook_entries
)
WHERE entry_id > previous + 1
ORDER BY entry_id LIMIT :limit;

-- not_posted: Events up to the mark without a posting of their own that says what they
-- say. One that states no customer is posted under nobody, or an owner of its subject.
SELECT e.entry_id FROM meterbook_entries AS e
WHERE e.kind = 0 AND e.entry_id <= (SELECT posted FROM meterbook_worker)
    AND NOT EXISTS (
        SELECT 1 FROM meterbook_postings AS p
        WHERE p.customer = coalesce(e.customer, '') AND p.type = e.type
            AND p.occurred_at = e.occurred_at AND p.place = e.entry_id
            AND p.seq = e.entry_id AND p.sign = 1
    )
    AND (e.customer IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM meterbook_attributions AS a JOIN meterbook_postings AS p
            ON p.customer = a.customer AND p.type = e.type
            AND p.occurred_at = e.occurred_at AND p.place = e.entry_id
            AND p.seq = e.entry_id AND p.sign = 1
        WHERE a.subject_id = e.subject_id
    ))
ORDER BY e.entry_id LIMIT :limit;

-- wrongly_posted: Own postings that do not say what their event says, or have none, or
-- are above the mark.
SELECT p.place, p.customer
FROM meterbook_postings AS p LEFT JOIN meterbook_entries AS e ON e.entry_id = p.place
WHERE p.seq = p.place
    AND (e.kind IS NOT 0 OR p.sign <> 1 OR p.type <> e.type
        OR p.occurred_at <> e.occurred_at OR p.customer <> e.customer
        OR (e.customer IS NULL AND p.customer <> '' AND NOT EXISTS (
            SELECT 1 FROM meterbook_attributions AS a
            WHERE a.subject_id = e.subject_id AND a.customer = p.customer
        ))
        OR p.place > (SELECT posted FROM meterbook_worker))
ORDER BY p.place LIMIT :limit;

-- posted_twice: Events with several postings of their own, under nobody or owners.
-- Looked up for each event: to group all postings would take their size in memory.
SELECT e.entry_id FROM meterbook_entries AS e
WHERE e.kind = 0 AND e.customer IS NULL AND (
    SELECT count(*)
    FROM (
        SELECT '' AS customer
        UNION SELECT customer FROM meterbook_attributions WHERE subject_id = e.subject_id
    ) AS payers JOIN meterbook_postings AS p
        ON p.customer = payers.customer AND p.type = e.type
        AND p.occurred_at = e.occurred_at AND p.place = e.entry_id
        AND p.seq = e.entry_id
) > 1
ORDER BY e.entry_id LIMIT :limit;

-- wrongly_attributed: Attribution entries without a row that says what they say.
SELECT e.entry_id FROM meterbook_entries AS e LEFT JOIN meterbook_attributions AS a
    ON a.subject_id = e.subject_id AND a.entry_id = e.entry_id
WHERE e.kind = 2 AND (a.entry_id IS NULL OR a.effective_at <> e.occurred_at
    OR a.customer IS NOT e.customer)
ORDER BY e.entry_id LIMIT :limit;

-- stray_attributions: Rows of attributions that no entry says.
SELECT a.entry_id FROM meterbook_attributions AS a
WHERE NOT EXISTS (
    SELECT 1 FROM meterbook_entries AS e
    WHERE e.entry_id = a.entry_id AND e.kind = 2 AND e.subject_id = a.subject_id
)
ORDER BY a.entry_id LIMIT :limit;

-- wrongly_void: What void entries up to the mark take back, and is not void since then.
SELECT e.event_id, e.entry_id
FROM meterbook_entries AS e LEFT JOIN meterbook_voids AS v ON v.entry_id = CAST(e.event_id AS INTEGER)
WHERE e.kind = 1 AND e.entry_id <= (SELECT posted FROM meterbook_worker)
    AND v.seq IS NOT e.entry_id
ORDER BY e.entry_id LIMIT :limit;

-- stray_voids: What is said to be void, and no void entry up to the mark takes back.
SELECT v.entry_id FROM meterbook_voids AS v
WHERE NOT EXISTS (
    SELECT 1 FROM meterbook_entries AS e
    WHERE e.source = 'meterbook:void' AND e.event_id = CAST(v.entry_id AS TEXT)
        AND e.kind = 1 AND e.entry_id <= (SELECT posted FROM meterbook_worker)
)
ORDER BY v.entry_id LIMIT :limit;

-- stray_corrections: Corrections that no void or attribution up to the mark made.
SELECT p.place, p.seq
FROM meterbook_postings AS p LEFT JOIN meterbook_entries AS e ON e.entry_id = p.seq
WHERE p.seq <> p.place
    AND (coalesce(e.kind, 0) = 0 OR p.seq > (SELECT posted FROM meterbook_worker))
ORDER BY p.place, p.seq LIMIT :limit;

-- lost_meters: Meters that were rolled up, and have no definition.
SELECT meter_id FROM meterbook_rolled WHERE meter_id NOT IN (SELECT meter_id FROM meterbook_meters)
ORDER BY meter_id LIMIT :limit;

-- bucket_owners: Customers that have rollups or sightings of a meter version. Each step
-- jumps to the next customer by the index.
WITH RECURSIVE rolled_up (customer) AS (
    SELECT min(customer) FROM meterbook_rollups WHERE meter_id = :meter_id
    UNION ALL
    SELECT (SELECT min(r.customer) FROM meterbook_rollups AS r
            WHERE r.meter_id = :meter_id AND r.customer > rolled_up.customer)
    FROM rolled_up WHERE rolled_up.customer IS NOT NULL
), sighted (customer) AS (
    SELECT min(customer) FROM meterbook_sightings WHERE meter_id = :meter_id
    UNION ALL
    SELECT (SELECT min(s.customer) FROM meterbook_sightings AS s
            WHERE s.meter_id = :meter_id AND s.customer > sighted.customer)
    FROM sighted WHERE sighted.customer IS NOT NULL
)
SELECT customer FROM rolled_up WHERE customer IS NOT NULL
UNION
SELECT customer FROM sighted WHERE customer IS NOT NULL
ORDER BY customer;

-- types: How many events there are of each type.
SELECT type, events FROM meterbook_types ORDER BY type;

-- resolved: The documents that were held.
SELECT quarantine_id, received_at, code, field, reason, document, state, resolved_at
FROM meterbook_quarantine WHERE quarantine_id > :after AND state <> 'held'
ORDER BY quarantine_id LIMIT :limit;

-- quarantined: The documents that are held.
SELECT quarantine_id, received_at, code, field, reason, document, state, resolved_at
FROM meterbook_quarantine WHERE quarantine_id > :after AND state = 'held'
ORDER BY quarantine_id LIMIT :limit;
