-- What a recording writes. {schema} is the book's schema.

-- create_temporary_tables: A session's own tables, by which rows are copied in. Empty at the end of each transaction.
CREATE TEMPORARY TABLE IF NOT EXISTS meterbook_offered (
    entry_id bigint,
    kind smallint,
    source text COLLATE "C",
    event_id text COLLATE "C",
    type text,
    subject_id bigint,
    actor_id bigint,
    customer text,
    occurred_at bigint,
    time_given smallint,
    data text,
    extensions text,
    fingerprint bytea,
    recorded_at bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS meterbook_buckets (
    meter_id integer,
    customer text COLLATE "C",
    grouped smallint,
    hours smallint,
    bucket bigint,
    grp text COLLATE "C",
    state text
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS meterbook_sightings (
    meter_id integer,
    customer text COLLATE "C",
    grouped smallint,
    month bigint,
    grp text COLLATE "C",
    key text COLLATE "C",
    first_at bigint,
    last_at bigint
) ON COMMIT DELETE ROWS;

-- create_schema: Make the schema of a book.
CREATE SCHEMA {schema};

-- draw_ids: The first ids of blocks of a thousand.
SELECT nextval('{schema}.entry_ids'::regclass) FROM generate_series(1, %(blocks)s) ORDER BY 1;

-- append_one: Append a row that names nobody, if it is new; its id if it was.
INSERT INTO {schema}.entries (
    entry_id, kind, source, event_id, type, subject_id, actor_id, customer,
    occurred_at, time_given, data, extensions, fingerprint, recorded_at
)
VALUES (
    %s::bigint, %s::smallint, %s::text, %s::text, %s::text, %s::bigint, %s::bigint, %s::text,
    %s::bigint, %s::smallint, %s::text, %s::text, %s::bytea, %s::bigint
)
ON CONFLICT (source, event_id) DO NOTHING
RETURNING entry_id;

-- append_few: Append the new ones of a JSON array of rows, unless more people were erased; the ids of those that were.
INSERT INTO {schema}.entries (
    entry_id, kind, source, event_id, type, subject_id, actor_id, customer,
    occurred_at, time_given, data, extensions, fingerprint, recorded_at
)
SELECT
    o.entry_id, o.kind, o.source, o.event_id, o.type, o.subject_id, o.actor_id, o.customer,
    o.occurred_at, o.time_given, o.data, o.extensions, decode(o.fingerprint, 'hex'), o.recorded_at
FROM json_to_recordset(%(rows)s::json) AS o (
    entry_id bigint, kind smallint, source text, event_id text, type text, subject_id bigint,
    actor_id bigint, customer text, occurred_at bigint, time_given smallint, data text,
    extensions text, fingerprint text, recorded_at bigint
)
WHERE %(erasures)s::text IS NULL OR %(erasures)s::text = coalesce(
    (SELECT value FROM {schema}.book WHERE name = 'erasures'), '0'
)
ON CONFLICT (source, event_id) DO NOTHING
RETURNING entry_id;

-- erasures: How many people were erased.
SELECT coalesce((SELECT value FROM {schema}.book WHERE name = 'erasures'), '0');

-- known_few: The entries that have these identities, by where they stand in the arrays.
SELECT o.position, e.entry_id, e.fingerprint, e.subject_id, e.actor_id
FROM unnest(%(sources)s::text[], %(event_ids)s::text[]) WITH ORDINALITY o (source, event_id, position)
CROSS JOIN LATERAL (
    SELECT * FROM {schema}.entries e
    WHERE e.source = o.source AND e.event_id = o.event_id LIMIT 1
) e;

-- copy_offered: Bring the rows of a batch.
COPY pg_temp.meterbook_offered FROM STDIN;

-- empty_offered: Forget an earlier batch of the same transaction.
TRUNCATE pg_temp.meterbook_offered;

-- append_offered: Append the new ones of a batch, unless more people were erased; in the order of identities, so that overlapping batches cannot deadlock.
INSERT INTO {schema}.entries (
    entry_id, kind, source, event_id, type, subject_id, actor_id, customer,
    occurred_at, time_given, data, extensions, fingerprint, recorded_at
)
SELECT
    entry_id, kind, source, event_id, type, subject_id, actor_id, customer,
    occurred_at, time_given, data, extensions, fingerprint, recorded_at
FROM pg_temp.meterbook_offered
WHERE %(erasures)s::text IS NULL OR %(erasures)s::text = coalesce(
    (SELECT value FROM {schema}.book WHERE name = 'erasures'), '0'
)
ORDER BY source, event_id, entry_id
ON CONFLICT (source, event_id) DO NOTHING;

-- known_offered: The entries that have the identities of a batch, by the ids that were offered.
SELECT o.entry_id, e.entry_id, e.fingerprint, e.subject_id, e.actor_id
FROM pg_temp.meterbook_offered o
CROSS JOIN LATERAL (
    SELECT * FROM {schema}.entries e
    WHERE e.source = o.source AND e.event_id = o.event_id LIMIT 1
) e;

-- name_people: Give ids to new names, in order of name.
INSERT INTO {schema}.people (name)
SELECT name FROM unnest(%(names)s::text[]) AS n (name) ORDER BY name COLLATE "C"
ON CONFLICT (name) DO NOTHING
RETURNING name, person_id;

-- add_attribution: Index an attribution by its subject.
INSERT INTO {schema}.attributions (subject_id, effective_at, customer, entry_id)
VALUES (%(subject_id)s, %(effective_at)s, %(customer)s, %(entry_id)s);

-- lock_seats: Take the lock rows of customers for a type; the latest of their instants.
SELECT max(l.occurred_at) FROM {schema}.lock_many_seats(%(type)s::text, %(customers)s::text[]) l;

-- level_locks: Give the lock rows of customers and types one instant: this transaction has them.
UPDATE {schema}.seat_locks SET last_at = %(at)s
WHERE type = ANY (%(types)s::text[]) AND customer = ANY (%(customers)s::text[]);

-- add_meter: Add a version of a meter.
INSERT INTO {schema}.meters (meter_key, version, definition, defined_at)
VALUES (%(meter_key)s, %(version)s, %(definition)s, %(at)s)
RETURNING meter_id;

-- set_setting: Write a row of the book's settings.
INSERT INTO {schema}.book (name, value) VALUES (%(name)s, %(value)s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- quarantine: Keep a refused document.
INSERT INTO {schema}.quarantine (received_at, code, field, reason, document, state, resolved_at)
VALUES (%(received_at)s, %(code)s, %(field)s, %(reason)s, %(document)s, %(state)s, %(resolved_at)s)
RETURNING quarantine_id;

-- resolve_quarantined: Say what became of a refused document; its bytes go.
UPDATE {schema}.quarantine SET state = %(state)s, resolved_at = %(at)s, document = '' WHERE quarantine_id = %(quarantine_id)s;

-- erase_person: Forget a name.
DELETE FROM {schema}.people WHERE person_id = %(person_id)s;

-- unname_people: Forget names that were given a moment ago.
DELETE FROM {schema}.people WHERE person_id = ANY(%(person_ids)s::bigint[]);
