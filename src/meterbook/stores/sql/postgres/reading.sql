-- What a reading asks. {schema} is the book's schema, {entry} the columns of a stored entry e after its place.
-- Where an entry is looked up by a place, LATERAL with LIMIT keeps it at two index look-ups for each, whatever the statistics say.

-- has_book: Whether there is a book in the schema, of any version.
SELECT to_regclass('{schema}.book') IS NOT NULL;

-- has_schema: Whether there is such a schema.
SELECT to_regnamespace('{schema}') IS NOT NULL;

-- cluster: Whether this is a standby, and whether the entries are replicated to here from elsewhere.
SELECT
    pg_is_in_recovery(),
    EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = '{schema}.entries'::regclass);

-- worker: How far the worker came, and what tells apart the entries that it has not numbered.
SELECT
    w.numbered,
    w.posted,
    w.generation,
    w.backlog OR w.system_identifier <> c.system_identifier,
    pg_snapshot_xmax(w.snapshot)::text,
    ARRAY(SELECT pg_snapshot_xip(w.snapshot))::text
FROM {schema}.worker w, pg_control_system() c;

-- setting: A row of the book's settings.
SELECT value FROM {schema}.book WHERE name = %(name)s;

-- meters: Every version of every meter.
SELECT m.meter_id, m.meter_key, m.version, m.definition, m.defined_at, coalesce(r.seq, 0)
FROM {schema}.meters m
LEFT JOIN {schema}.rolled r USING (meter_id)
ORDER BY m.meter_key, m.version;

-- people: The ids of names.
SELECT name, person_id FROM {schema}.people WHERE name = ANY (%(names)s::text[]);

-- names: The names of ids.
SELECT person_id, name FROM {schema}.people WHERE person_id = ANY (%(person_ids)s::bigint[]);

-- entry: The entry of an identity.
SELECT l.seq, {entry}
FROM {schema}.entries e
LEFT JOIN {schema}.log l ON l.entry_id = e.entry_id
WHERE e.source = %(source)s AND e.event_id = %(event_id)s;

-- numbered_entry: The entry of an id, if it has a place.
SELECT l.seq, {entry}
FROM {schema}.log l
CROSS JOIN LATERAL (
    SELECT * FROM {schema}.entries e
    WHERE (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id) LIMIT 1
) e
WHERE l.entry_id = %(entry_id)s;

-- entries_at: The entries at places.
SELECT l.seq, {entry}
FROM {schema}.log l
CROSS JOIN LATERAL (
    SELECT * FROM {schema}.entries e
    WHERE (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id) LIMIT 1
) e
WHERE l.seq = ANY (%(places)s::bigint[])
ORDER BY l.seq;

-- entries_matching: Numbered entries that match, in order. What is not asked for is null, and folds away in planning.
SELECT l.seq, {entry}
FROM {schema}.log l
JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
WHERE l.seq > %(after)s
    AND (%(customer)s::text IS NULL OR e.customer = %(customer)s::text)
    AND (%(type)s::text IS NULL OR e.type = %(type)s::text)
    AND (%(source)s::text IS NULL OR e.source = %(source)s::text)
    AND (%(event_id)s::text IS NULL OR e.event_id = %(event_id)s::text)
    AND (%(subject_id)s::bigint IS NULL OR %(subject_id)s::bigint IN (e.subject_id, e.actor_id))
    AND (%(start)s::bigint IS NULL OR e.occurred_at >= %(start)s::bigint)
    AND (%(end)s::bigint IS NULL OR e.occurred_at < %(end)s::bigint)
    AND (%(kind)s::smallint IS NULL OR e.kind = %(kind)s::smallint)
ORDER BY l.seq
LIMIT %(limit)s::bigint;

-- tail_numbered: Numbered entries above a place, but for events that state another customer.
SELECT l.seq, {entry}
FROM {schema}.log l
CROSS JOIN LATERAL (
    SELECT * FROM {schema}.entries e
    WHERE (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id) LIMIT 1
) e
WHERE l.seq > %(after)s
    AND (%(customer)s::text IS NULL OR e.kind <> 0 OR e.customer IS NULL OR e.customer = %(customer)s::text)
ORDER BY l.seq
LIMIT %(limit)s::bigint;

-- tail_window: Entries that the last tick could not see: its snapshot has their transactions as to come, or as running.
SELECT NULL::bigint, {entry}
FROM (
    (
        SELECT * FROM {schema}.entries e
        WHERE e.generation = %(generation)s AND e.xid >= %(xmax)s::xid8
            AND (%(customer)s::text IS NULL OR e.kind <> 0 OR e.customer IS NULL OR e.customer = %(customer)s::text)
            AND (%(entry_id)s::bigint IS NULL OR e.entry_id = %(entry_id)s::bigint)
        ORDER BY e.xid, e.entry_id
        LIMIT %(limit)s::bigint
    )
    UNION ALL
    (
        SELECT * FROM {schema}.entries e
        WHERE e.generation = %(generation)s AND e.xid = ANY (%(xip)s::xid8[])
            AND (%(customer)s::text IS NULL OR e.kind <> 0 OR e.customer IS NULL OR e.customer = %(customer)s::text)
            AND (%(entry_id)s::bigint IS NULL OR e.entry_id = %(entry_id)s::bigint)
        ORDER BY e.xid, e.entry_id
        LIMIT %(limit)s::bigint
    )
) e
ORDER BY e.xid, e.entry_id
LIMIT %(limit)s::bigint;

-- tail_backlog: Entries that are not in the log, when no snapshot can tell: after a restore, or a migration.
SELECT NULL::bigint, {entry}
FROM {schema}.entries e
WHERE NOT EXISTS (SELECT FROM {schema}.log l WHERE l.entry_id = e.entry_id)
    AND (%(customer)s::text IS NULL OR e.kind <> 0 OR e.customer IS NULL OR e.customer = %(customer)s::text)
    AND (%(entry_id)s::bigint IS NULL OR e.entry_id = %(entry_id)s::bigint)
ORDER BY e.generation, e.xid, e.entry_id
LIMIT %(limit)s::bigint;

-- count_window: How many entries the last tick could not see, counting to a limit.
SELECT count(*) FROM (
    SELECT FROM {schema}.entries WHERE generation = %(generation)s AND xid >= %(xmax)s::xid8
    UNION ALL
    SELECT FROM {schema}.entries WHERE generation = %(generation)s AND xid = ANY (%(xip)s::xid8[])
    LIMIT %(limit)s::bigint
) e;

-- count_backlog: How many entries are not in the log, counting to a limit.
SELECT count(*) FROM (
    SELECT FROM {schema}.entries e
    WHERE NOT EXISTS (SELECT FROM {schema}.log l WHERE l.entry_id = e.entry_id)
    LIMIT %(limit)s::bigint
) e;

-- statements: Those of a type, about one customer or about anybody: with a place first, then as they would get one.
SELECT l.seq, {entry}
FROM {schema}.entries e
LEFT JOIN {schema}.log l ON l.entry_id = e.entry_id
WHERE e.kind = 3 AND e.type = %(type)s::text
    AND (%(customer)s::text IS NULL OR e.customer = %(customer)s::text)
ORDER BY l.seq NULLS LAST, e.generation, e.xid, e.entry_id;

-- attributions: Who subjects belong to: those with a place first, in order.
SELECT a.subject_id, a.effective_at, a.customer, a.entry_id, l.seq
FROM {schema}.attributions a
LEFT JOIN {schema}.log l ON l.entry_id = a.entry_id
WHERE a.subject_id = ANY (%(subject_ids)s::bigint[])
ORDER BY l.seq NULLS LAST, a.entry_id;

-- unattributed: Events of subjects that are posted under nobody, and are not void.
SELECT l.seq, {entry}
FROM (
    SELECT p.place FROM {schema}.postings p
    WHERE p.customer = '' GROUP BY p.place HAVING sum(p.sign) > 0
) p
JOIN {schema}.log l ON l.seq = p.place
JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
WHERE e.subject_id = ANY (%(subject_ids)s::bigint[])
    AND NOT EXISTS (SELECT FROM {schema}.voids v WHERE v.entry_id = l.entry_id)
ORDER BY l.seq;

-- voided: Which entries are void, and since which place.
SELECT entry_id, seq FROM {schema}.voids WHERE entry_id = ANY (%(entry_ids)s::bigint[]);

-- effects: What a stretch of a customer's usage is made of, as of a place.
SELECT p.place, p.seq, p.sign, p.occurred_at, e.source, e.subject_id, e.actor_id, e.data
FROM (
    SELECT place, seq, sign, occurred_at FROM {schema}.postings
    WHERE customer = %(customer)s AND type = %(type)s
        AND occurred_at >= %(start)s AND occurred_at < %(end)s AND seq <= %(upto)s
    ORDER BY occurred_at, place, seq
    LIMIT %(limit)s::bigint
) p
CROSS JOIN LATERAL (
    SELECT e.source, e.subject_id, e.actor_id, e.data
    FROM {schema}.log l
    JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
    WHERE l.seq = p.place
    LIMIT 1
) e
ORDER BY p.occurred_at, p.place, p.seq;

-- short_history: All postings before a moment as of a place, for a fold; and whether there are more than so many.
SELECT p.occurred_at, p.place, p.sign, e.source, e.subject_id, e.data
FROM (
    SELECT place, seq, sign, occurred_at FROM {schema}.postings
    WHERE customer = %(customer)s AND type = %(type)s AND occurred_at < %(end)s AND seq <= %(upto)s
    ORDER BY occurred_at, place, seq
    LIMIT %(limit)s::bigint
) p
CROSS JOIN LATERAL (
    SELECT e.source, e.subject_id, e.data
    FROM {schema}.log l
    JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
    WHERE l.seq = p.place
    LIMIT 1
) e
ORDER BY p.occurred_at, p.place, p.seq;

-- long_history: The same of very many: joined at once, which halves the time, since they are a large part of the book.
SELECT p.occurred_at, p.place, p.sign, e.source, e.subject_id, e.data
FROM {schema}.postings p
JOIN {schema}.log l ON l.seq = p.place
JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
WHERE p.customer = %(customer)s AND p.type = %(type)s AND p.occurred_at < %(end)s AND p.seq <= %(upto)s
ORDER BY p.occurred_at, p.place, p.seq;

-- room_to_sort: Lets what follows in this transaction be sorted in memory, not on disk.
SET LOCAL work_mem = '128MB';

-- first_effect_at: When a customer's usage of a type begins.
SELECT min(occurred_at) FROM {schema}.postings WHERE customer = %(customer)s AND type = %(type)s;

-- customers: Who has postings: from one to the next by the index, not by reading them all.
WITH RECURSIVE c (customer) AS (
    SELECT min(customer) FROM {schema}.postings WHERE customer > ''
    UNION ALL
    SELECT (SELECT min(p.customer) FROM {schema}.postings p WHERE p.customer > c.customer)
    FROM c WHERE c.customer IS NOT NULL
)
SELECT customer FROM c
WHERE customer IS NOT NULL
    AND (
        %(type)s::text IS NULL
        OR EXISTS (SELECT FROM {schema}.postings p WHERE p.customer = c.customer AND p.type = %(type)s::text)
    )
ORDER BY customer;

-- buckets: The rollups of a stretch.
SELECT meter_id, customer, grouped, hours, bucket, grp, state
FROM {schema}.rollups
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = %(grouped)s
    AND hours = %(hours)s AND bucket >= %(start)s AND bucket < %(end)s
ORDER BY bucket, grp;

-- last_bucket: The latest hour of all groups together before a moment.
SELECT meter_id, customer, grouped, hours, bucket, grp, state
FROM {schema}.rollups
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = 0 AND hours = 1 AND bucket < %(before)s
ORDER BY bucket DESC
LIMIT 1;

-- last_buckets: The latest hour of each group before a moment.
SELECT DISTINCT ON (grp) meter_id, customer, grouped, hours, bucket, grp, state
FROM {schema}.rollups
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = 1 AND hours = 1 AND bucket < %(before)s
ORDER BY grp, bucket DESC;

-- first_bucket: The earliest hour of all groups together.
SELECT meter_id, customer, grouped, hours, bucket, grp, state
FROM {schema}.rollups
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = 0 AND hours = 1
ORDER BY bucket
LIMIT 1;

-- first_buckets: The earliest hour of each group.
SELECT DISTINCT ON (grp) meter_id, customer, grouped, hours, bucket, grp, state
FROM {schema}.rollups
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = 1 AND hours = 1
ORDER BY grp, bucket;

-- sightings: The keys whose first and last sighting in a month enclose some of a stretch.
SELECT meter_id, customer, grouped, month, grp, key, first_at, last_at
FROM {schema}.sightings
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = %(grouped)s
    AND month >= %(month)s AND month < %(end)s
    AND first_at < %(end)s AND last_at >= %(start)s
ORDER BY month, grp, key;

-- count_month_sightings: The same keys counted, surely seen and not, in a stretch inside one month: a row is a key.
SELECT
    count(*) FILTER (WHERE first_at >= %(start)s OR last_at < %(end)s),
    count(*) FILTER (WHERE first_at < %(start)s AND last_at >= %(end)s)
FROM {schema}.sightings
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = 0 AND month = %(month)s
    AND first_at < %(end)s AND last_at >= %(start)s;

-- count_sightings: The same keys counted, surely seen and not, in a stretch of several months: a key counts once.
SELECT count(*) FILTER (WHERE sure), count(*) FILTER (WHERE NOT sure)
FROM (
    SELECT bool_or(first_at >= %(start)s OR last_at < %(end)s) AS sure
    FROM {schema}.sightings
    WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped = 0
        AND month >= %(month)s AND month < %(end)s
        AND first_at < %(end)s AND last_at >= %(start)s
    GROUP BY key
) k;

-- unusable: Events that a meter could not take, and why; not those that are void.
SELECT u.place, u.reason, u.place, {entry}
FROM {schema}.unusable u
CROSS JOIN LATERAL (
    SELECT e.*
    FROM {schema}.log l
    JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
    WHERE l.seq = u.place
    LIMIT 1
) e
WHERE u.meter_id = %(meter_id)s AND u.place > %(after)s
    AND NOT EXISTS (SELECT FROM {schema}.voids v WHERE v.entry_id = e.entry_id)
ORDER BY u.place
LIMIT %(limit)s::bigint;

-- bucket_owners: Who has rollups or sightings of a meter: from one to the next by the index.
WITH RECURSIVE rolled_up (customer) AS (
    SELECT min(customer) FROM {schema}.rollups WHERE meter_id = %(meter_id)s
    UNION ALL
    SELECT (
        SELECT min(r.customer) FROM {schema}.rollups r
        WHERE r.meter_id = %(meter_id)s AND r.customer > rolled_up.customer
    )
    FROM rolled_up WHERE rolled_up.customer IS NOT NULL
), sighted (customer) AS (
    SELECT min(customer) FROM {schema}.sightings WHERE meter_id = %(meter_id)s
    UNION ALL
    SELECT (
        SELECT min(s.customer) FROM {schema}.sightings s
        WHERE s.meter_id = %(meter_id)s AND s.customer > sighted.customer
    )
    FROM sighted WHERE sighted.customer IS NOT NULL
)
SELECT customer FROM rolled_up WHERE customer IS NOT NULL
UNION
SELECT customer FROM sighted WHERE customer IS NOT NULL
ORDER BY customer;

-- types: Numbered events by type.
SELECT type, events FROM {schema}.types ORDER BY type;

-- resolved: Documents that were held, oldest first.
SELECT quarantine_id, received_at, code, field, reason, document, state, resolved_at
FROM {schema}.quarantine
WHERE state <> 'held' AND quarantine_id > %(after)s
ORDER BY quarantine_id
LIMIT %(limit)s::bigint;

-- quarantined: Held documents, oldest first.
SELECT quarantine_id, received_at, code, field, reason, document, state, resolved_at
FROM {schema}.quarantine
WHERE state = 'held' AND quarantine_id > %(after)s
ORDER BY quarantine_id
LIMIT %(limit)s::bigint;
