-- The application's tables beside the book, and what watches them. {schema} is the book's schema.

-- captures: Every version of every capture.
SELECT capture_key, version, definition, made, installed_at, removed_at
FROM {schema}.captures ORDER BY capture_key, version;

-- keep_capture: A version of a capture, as it is now.
INSERT INTO {schema}.captures (capture_key, version, definition, made, installed_at, removed_at)
VALUES (
    %(capture_key)s::text, %(version)s::integer, %(definition)s::text, %(made)s::text,
    %(installed_at)s::bigint, %(removed_at)s::bigint
)
ON CONFLICT (capture_key, version) DO UPDATE SET
    definition = excluded.definition, made = excluded.made,
    installed_at = excluded.installed_at, removed_at = excluded.removed_at;

-- found_table: What has this name, in a schema or in the first of the search path that has it, and what we may do with it.
SELECT
    c.oid::bigint AS oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text,
    row_security_active(c.oid), has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'TRIGGER'),
    c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = %(name)s::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND CASE
        WHEN %(schema)s::text IS NULL THEN n.nspname = ANY (current_schemas(false))
        ELSE n.nspname = %(schema)s::text
    END
ORDER BY array_position(current_schemas(false), n.nspname)
LIMIT 1;

-- columns: The columns of a table.
SELECT a.attname::text, a.attnotnull, t.typname::text
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %(oid)s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- unique_indexes: The columns of each index that lets no two rows be the same, at any time.
SELECT array_agg(a.attname::text)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_attribute a
    ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
WHERE i.indrelid = %(oid)s::bigint::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid;

-- probed: The expressions of a table's constraints, qualified, and what they are made of.
SELECT c.conname::text, pg_get_expr(c.conbin, c.conrelid), c.conbin::text
FROM pg_catalog.pg_constraint c
WHERE c.conrelid = %(table)s::regclass AND c.contype = 'c' AND c.conname LIKE 'meterbook_probe_%%';

-- unsteady: Functions that can answer differently for the same row, by what an expression is made of.
SELECT p.oid::regprocedure::text
FROM pg_catalog.pg_proc p
WHERE p.oid = ANY (%(oids)s::bigint[]::oid[]) AND (
    p.provolatile = 'v' OR p.provolatile = 's' AND (
        p.oid >= 16384 OR p.proname = ANY (%(names)s::text[]) OR p.proname = 'age' AND p.pronargs = 1
    )
)
ORDER BY 1;

-- tree: A table with its partitions and the tables that inherit from it, itself first.
WITH RECURSIVE tree (oid, depth) AS (
    SELECT to_regclass(%(table)s::text)::oid, 0
    UNION
    SELECT i.inhrelid, t.depth + 1 FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
)
SELECT
    c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text,
    row_security_active(c.oid),
    EXISTS (SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = c.oid)
FROM tree t
JOIN pg_catalog.pg_class c ON c.oid = t.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY t.depth, n.nspname, c.relname;

-- triggers: The triggers of these names on these tables, and whether they are what was made.
SELECT
    t.tgrelid::bigint, t.tgname::text, t.tgenabled::text,
    t.tgfoid = to_regproc(%(function)s::text)::oid AND t.tgqual IS NULL AND t.tgattr = ''::int2vector
        AND t.tgnargs = 0 AND NOT t.tgisinternal,
    t.tgtype::integer, t.tgoldtable::text, t.tgnewtable::text
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid = ANY (%(oids)s::bigint[]::oid[]) AND t.tgname = ANY (%(names)s::text[]);

-- function: The function of a capture, and how it runs.
SELECT p.prosrc, p.prosecdef AND p.provolatile = 'v' AND l.lanname = 'plpgsql', coalesce(p.proconfig, '{}')
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid = to_regproc(%(function)s::text);

-- replicas: Whose sessions begin in replica mode, in which no trigger of ours fires.
SELECT coalesce(r.rolname::text, 'everybody')
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
WHERE (s.setdatabase = 0 OR d.datname = current_database())
    AND 'session_replication_role=replica' = ANY (s.setconfig)
UNION
SELECT 'everybody' FROM pg_catalog.pg_settings
WHERE name = 'session_replication_role' AND reset_val = 'replica'
ORDER BY 1;

-- seats_told: Changes of members that wait to become entries.
SELECT change_id, customer, change, member, way, state, occurred_at
FROM {schema}.seat_changes
WHERE type = %(type)s::text AND change <> 'level'
ORDER BY change_id;

-- lock_payers: Hold the seats of many customers; the latest of their instants.
SELECT max(l.occurred_at)
FROM {schema}.lock_many_seats(%(type)s::text, %(customers)s::text[]) l;

-- one_instant: Give the customers that are held one instant.
UPDATE {schema}.seat_locks SET last_at = %(at)s::bigint
WHERE type = %(type)s::text AND customer = ANY (%(customers)s::text[]) AND last_at < %(at)s::bigint;

-- tell_seats: Changes for the worker to make entries of, in order.
INSERT INTO {schema}.seat_changes (type, customer, change, member, way, state, actor, cause, definition, occurred_at)
SELECT
    %(type)s::text, c.customer, c.change, c.member, c.way, c.state, %(actor)s::text, %(cause)s::text,
    %(definition)s::integer, %(at)s::bigint
FROM unnest(
    %(customers)s::text[], %(changes)s::text[], %(members)s::text[], %(ways)s::text[], %(states)s::text[]
) WITH ORDINALITY AS c (customer, change, member, way, state, line)
ORDER BY c.line;
