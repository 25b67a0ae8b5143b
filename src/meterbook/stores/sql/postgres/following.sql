-- What the worker does. {schema} is the book's schema.

-- lock: Take the advisory lock of a key for this session, if nobody has it.
SELECT pg_try_advisory_lock(%(key)s);

-- unlock: Give it back.
SELECT pg_advisory_unlock(%(key)s);

-- moved: The generation of a cluster that is not the one the worker last ran on; no row if it is the same.
SELECT w.generation FROM {schema}.worker w, pg_control_system() c
WHERE w.system_identifier <> c.system_identifier;

-- await_writers: Wait for those who are writing entries, and make others wait.
LOCK TABLE {schema}.entries IN ACCESS EXCLUSIVE MODE;

-- raise_generation: Tell entries of this cluster from those of the one before.
ALTER TABLE {schema}.entries ALTER COLUMN generation SET DEFAULT {generation};

-- settle: Begin on this cluster. Its transaction ids say nothing of the older entries, so these are found by anti-join.
UPDATE {schema}.worker
SET generation = %(generation)s,
    snapshot = pg_current_snapshot(),
    system_identifier = (SELECT system_identifier FROM pg_control_system()),
    backlog = true
WHERE generation < %(generation)s;

-- settle_empty: Begin on this cluster with a book that has no entries yet.
UPDATE {schema}.worker
SET system_identifier = (SELECT system_identifier FROM pg_control_system()),
    backlog = false
WHERE system_identifier = 0 AND NOT EXISTS (SELECT FROM {schema}.entries);

-- claim: Touch the worker's row, so that of two that began before either ended, one fails.
UPDATE {schema}.worker SET only_row = only_row;

-- number_window: Give places to the entries that the last tick could not see and this one can.
INSERT INTO {schema}.log (seq, generation, xid, entry_id)
SELECT %(numbered)s + row_number() OVER (ORDER BY e.xid, e.entry_id), %(generation)s, e.xid, e.entry_id
FROM (
    SELECT xid, entry_id FROM {schema}.entries WHERE generation = %(generation)s AND xid >= %(xmax)s::xid8
    UNION ALL
    SELECT xid, entry_id FROM {schema}.entries WHERE generation = %(generation)s AND xid = ANY (%(xip)s::xid8[])
) e;

-- number_backlog: Give places to all entries that have none.
INSERT INTO {schema}.log (seq, generation, xid, entry_id)
SELECT
    %(numbered)s + row_number() OVER (ORDER BY e.generation, e.xid, e.entry_id),
    e.generation, e.xid, e.entry_id
FROM {schema}.entries e
WHERE NOT EXISTS (SELECT FROM {schema}.log l WHERE l.entry_id = e.entry_id);

-- end_tick: Remember what this tick could see.
UPDATE {schema}.worker
SET numbered = numbered + %(count)s, snapshot = pg_current_snapshot(), backlog = false;

-- corrections: Postings that voids and attributions made, at the places above one and up to another.
SELECT customer, type, occurred_at, place, seq, sign
FROM {schema}.postings
WHERE seq <> place AND seq > %(after)s AND seq <= %(upto)s
ORDER BY seq, place, customer;

-- post: Add postings.
COPY {schema}.postings (customer, type, occurred_at, place, seq, sign) FROM STDIN;

-- withdraw: Remove a posting.
DELETE FROM {schema}.postings WHERE customer = %s AND type = %s AND occurred_at = %s AND place = %s AND seq = %s;

-- stated: What is at the places above one and up to another; where asked, post its events. What is no event that states a customer and was not void before has none here.
-- The entries of a transaction have places one after the other, in the order of their ids: so they are looked up once for a transaction.
WITH stated AS MATERIALIZED (
    SELECT
        e.seq, e.type, CASE WHEN e.kind = 0 AND v.seq IS NULL THEN e.customer END AS customer,
        e.occurred_at, e.source, e.subject_id, e.actor_id, e.data
    FROM (
        SELECT t.first_seq - 1 + e.nth AS seq, e.*
        FROM (
            SELECT l.generation, l.xid, min(l.seq) AS first_seq, min(l.entry_id) AS first_id, count(*) AS entries
            FROM (SELECT * FROM {schema}.log WHERE seq > %(after)s AND seq <= %(upto)s ORDER BY seq OFFSET 0) l
            GROUP BY l.generation, l.xid
        ) t
        CROSS JOIN LATERAL (
            SELECT row_number() OVER (ORDER BY e.entry_id) AS nth, e.*
            FROM (
                SELECT entry_id, kind, type, customer, occurred_at, source, subject_id, actor_id, data
                FROM {schema}.entries e
                WHERE e.generation = t.generation AND e.xid = t.xid AND e.entry_id >= t.first_id
                ORDER BY e.entry_id
                LIMIT t.entries
            ) e
        ) e
        OFFSET 0
    ) e
    LEFT JOIN LATERAL (
        SELECT v.seq FROM {schema}.voids v WHERE v.entry_id = e.entry_id AND v.seq < e.seq LIMIT 1
    ) v ON true
    ORDER BY customer, type, occurred_at, seq
), posted AS (
    INSERT INTO {schema}.postings (customer, type, occurred_at, place, seq, sign)
    SELECT customer, type, occurred_at, seq, seq, 1 FROM stated
    WHERE customer IS NOT NULL AND %(posting)s
)
SELECT * FROM stated;

-- add_void: Remember that an entry is void; the first void of it holds.
INSERT INTO {schema}.voids (entry_id, seq) VALUES (%s, %s) ON CONFLICT (entry_id) DO NOTHING;

-- count_type: Add to the events of a type.
INSERT INTO {schema}.types (type, events) VALUES (%s, %s)
ON CONFLICT (type) DO UPDATE SET events = types.events + excluded.events;

-- empty_buckets: Forget rollups that were copied earlier in the same transaction.
TRUNCATE pg_temp.meterbook_buckets;

-- copy_buckets: Bring rollups.
COPY pg_temp.meterbook_buckets FROM STDIN;

-- add_buckets: Write the rollups that were brought and are not there; answer those that are. Nobody else writes any meanwhile.
WITH brought AS MATERIALIZED (
    SELECT b.meter_id, b.customer, b.grouped, b.hours, b.bucket, b.grp, b.state, r.state AS known
    FROM pg_temp.meterbook_buckets b
    LEFT JOIN LATERAL (
        SELECT r.state FROM {schema}.rollups r
        WHERE (r.meter_id, r.customer, r.grouped, r.hours, r.bucket, r.grp)
            = (b.meter_id, b.customer, b.grouped, b.hours, b.bucket, b.grp)
        LIMIT 1
    ) r ON true
), added AS (
    INSERT INTO {schema}.rollups (meter_id, customer, grouped, hours, bucket, grp, state)
    SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM brought WHERE known IS NULL
)
SELECT meter_id, customer, grouped, hours, bucket, grp, known FROM brought WHERE known IS NOT NULL;

-- put_buckets: Write the rollups that were brought over those that exist.
INSERT INTO {schema}.rollups AS r (meter_id, customer, grouped, hours, bucket, grp, state)
SELECT meter_id, customer, grouped, hours, bucket, grp, state FROM pg_temp.meterbook_buckets
ON CONFLICT (meter_id, customer, grouped, hours, bucket, grp)
DO UPDATE SET state = excluded.state WHERE r.state <> excluded.state;

-- drop_buckets: Remove the rollups of one hour or day.
DELETE FROM {schema}.rollups
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped IN (0, 1)
    AND hours = %(hours)s AND bucket = %(bucket)s;

-- empty_sightings: Forget sightings that were copied earlier in the same transaction.
TRUNCATE pg_temp.meterbook_sightings;

-- copy_sightings: Bring sightings.
COPY pg_temp.meterbook_sightings FROM STDIN;

-- widen_sightings: Write the sightings that were brought, one for a key; the earlier first and the later last stay.
INSERT INTO {schema}.sightings AS s (meter_id, customer, grouped, month, grp, key, first_at, last_at)
SELECT meter_id, customer, grouped, month, grp, key, first_at, last_at
FROM pg_temp.meterbook_sightings
ON CONFLICT (meter_id, customer, grouped, month, grp, key)
DO UPDATE SET
    first_at = least(s.first_at, excluded.first_at),
    last_at = greatest(s.last_at, excluded.last_at)
WHERE excluded.first_at < s.first_at OR excluded.last_at > s.last_at;

-- drop_sightings: Remove the sightings of one month.
DELETE FROM {schema}.sightings
WHERE meter_id = %(meter_id)s AND customer = %(customer)s AND grouped IN (0, 1) AND month = %(month)s;

-- add_unusable: List an event that a meter could not take.
INSERT INTO {schema}.unusable (meter_id, place, reason) VALUES (%s, %s, %s)
ON CONFLICT (meter_id, place) DO NOTHING;

-- set_posted: Move the mark of the postings.
UPDATE {schema}.worker SET posted = %(seq)s;

-- set_rolled: Move the mark of a meter's rollups.
INSERT INTO {schema}.rolled (meter_id, seq) VALUES (%(meter_id)s, %(seq)s)
ON CONFLICT (meter_id) DO UPDATE SET seq = excluded.seq;

-- forget_rollups: Drop the rollups of one meter, or of all.
DELETE FROM {schema}.rollups WHERE (%(meter_id)s::integer IS NULL OR meter_id = %(meter_id)s::integer);

-- forget_sightings: Drop the sightings of one meter, or of all.
DELETE FROM {schema}.sightings WHERE (%(meter_id)s::integer IS NULL OR meter_id = %(meter_id)s::integer);

-- forget_unusable: Drop the list of one meter, or of all.
DELETE FROM {schema}.unusable WHERE (%(meter_id)s::integer IS NULL OR meter_id = %(meter_id)s::integer);

-- forget_rolled: Set the mark of one meter, or of all, back to the beginning.
DELETE FROM {schema}.rolled WHERE (%(meter_id)s::integer IS NULL OR meter_id = %(meter_id)s::integer);
