-- Seats, recorded live in the caller's own transaction.

-- Whoever changes the seats of a customer updates its row first, and holds it to the end.
CREATE TABLE {schema}.seat_locks (
    customer text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,               -- of the events that say so
    last_at bigint NOT NULL,                      -- the instant of the last change
    xid xid8 NOT NULL,                            -- by whom: one instant for all of a transaction
    locked_at timestamptz NOT NULL,               -- by the server's clock: an older xid is of another cluster
    PRIMARY KEY (customer, type)
) WITH (fillfactor = 50);

-- Changes that the worker has not made entries of yet. It removes them when it has.
-- What it could not store is refused here, where somebody still listens; by the types of
-- the columns, since CHECKs are prepared anew for each statement, for half of its time.
CREATE TABLE {schema}.seat_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type text COLLATE "C" NOT NULL,               -- of the event to be
    customer text COLLATE "C" NOT NULL,
    change text COLLATE "C" NOT NULL,             -- join, leave, level, baseline
    member varchar(255) COLLATE "C",              -- by name; null for level and baseline
    way text COLLATE "C",                         -- in; null for level and baseline
    state text COLLATE "C",                       -- of a member: active, pending, suspended
    units bigint,                                 -- of a level, in the meter's smallest unit
    path text COLLATE "C",                        -- of a level: where in the data it stands; null for units
    scale smallint,                               -- of a level: how many of its digits are decimal places
    actor varchar(255) COLLATE "C",
    cause varchar(1000) COLLATE "C",
    definition integer NOT NULL,                  -- the version of what counts as a seat
    occurred_at bigint NOT NULL
);

-- Tables of the application that are captured by triggers.
CREATE TABLE {schema}.captures (
    capture_key text COLLATE "C" NOT NULL,
    version integer NOT NULL,                     -- as in the entries: a change of what counts
    definition text NOT NULL,                     -- canonical JSON
    made text NOT NULL,                           -- canonical JSON: how it was understood
    installed_at bigint NOT NULL,
    removed_at bigint,                            -- null: its triggers are there
    PRIMARY KEY (capture_key, version)
);

-- The moment it is by the book's own clock: the server's. A book with a test clock has
-- another function by this name, since looking for one at each change would cost a third
-- of the change.
CREATE FUNCTION {schema}.book_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8
$$;

-- Take the lock row of a customer and type to the end of the transaction, and return the
-- instant of its changes: later than that of whoever held it before. The row is updated,
-- never merely locked: a snapshot that is older than the last change fails then (40001),
-- where it would count a wrong level in silence. A transaction that has it already has
-- one instant for all its changes, and does not lengthen the chain of versions.
CREATE FUNCTION {schema}.lock_seats(type text, customer text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    instant bigint;
BEGIN
    SELECT l.last_at INTO instant FROM {schema}.seat_locks l
    WHERE l.customer = $2 AND l.type = $1
        AND l.xid = pg_current_xact_id() AND l.locked_at >= transaction_timestamp();
    IF FOUND THEN
        RETURN instant;
    END IF;
    UPDATE {schema}.seat_locks AS l
    SET last_at = greatest({schema}.book_now(), l.last_at + 1), xid = pg_current_xact_id(), locked_at = clock_timestamp()
    WHERE l.customer = $2 AND l.type = $1
    RETURNING l.last_at INTO instant;
    IF FOUND THEN
        RETURN instant;
    END IF;
    IF $1 IS NULL OR btrim($1) = '' OR $2 IS NULL OR btrim($2) = '' THEN
        RAISE EXCEPTION 'meterbook: say type (%) and customer (%)', quote_nullable($1), quote_nullable($2)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO {schema}.seat_locks AS l (customer, type, last_at, xid, locked_at)
    VALUES ($2, $1, {schema}.book_now(), pg_current_xact_id(), clock_timestamp())
    ON CONFLICT (customer, type) DO UPDATE
    SET last_at = greatest({schema}.book_now(), l.last_at + 1), xid = excluded.xid, locked_at = clock_timestamp()
    RETURNING l.last_at INTO instant;
    RETURN instant;
END $$;

-- Likewise of many customers, in one order for all who do, so that they cannot deadlock.
CREATE FUNCTION {schema}.lock_many_seats(type text, customers text[])
RETURNS TABLE (customer text, occurred_at bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO {schema}.seat_locks AS l (customer, type, last_at, xid, locked_at)
    SELECT d.name, $1, {schema}.book_now(), pg_current_xact_id(), clock_timestamp()
    FROM (SELECT DISTINCT c.name COLLATE "C" AS name FROM unnest($2) AS c (name) WHERE c.name IS NOT NULL) d
    ORDER BY d.name
    ON CONFLICT (customer, type) DO UPDATE
    SET last_at = greatest({schema}.book_now(), l.last_at + 1), xid = excluded.xid, locked_at = clock_timestamp()
    WHERE NOT (l.xid = excluded.xid AND l.locked_at >= transaction_timestamp());
    RETURN QUERY SELECT l.customer, l.last_at FROM {schema}.seat_locks l
    WHERE l.type = $1 AND l.customer = ANY ($2);
END $$;

-- The functions below are what a change costs its transaction. They set no search_path,
-- which takes time, and qualify every name and operator instead. Each takes the lock row
-- by itself; lock_seats is called only where it has that already, or there is none yet.

-- Record that a member joins or leaves, and return the instant. Of a member nobody names
-- (change baseline) it only says that the level is known from now on. Actor and cause are
-- those of the session unless they are given: set_config('meterbook.actor', ..., true).
CREATE FUNCTION {schema}.record_member(
    type text, customer text, change text, member text,
    way text DEFAULT NULL, state text DEFAULT NULL,
    actor text DEFAULT NULL, cause text DEFAULT NULL, definition integer DEFAULT 1
) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    instant bigint;
BEGIN
    IF (
        $3 OPERATOR(pg_catalog.=) ANY ('{join,leave}') AND pg_catalog.btrim($4) OPERATOR(pg_catalog.<>) ''
        OR $3 OPERATOR(pg_catalog.=) 'baseline' AND $4 IS NULL
    ) IS NOT TRUE THEN
        RAISE EXCEPTION 'meterbook: change % of member %: it is join or leave, of a name, or baseline, of nobody',
            pg_catalog.quote_nullable($3), pg_catalog.quote_nullable($4)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE {schema}.seat_locks AS l
    SET last_at = greatest({schema}.book_now(), l.last_at OPERATOR(pg_catalog.+) 1),
        xid = pg_catalog.pg_current_xact_id(), locked_at = pg_catalog.clock_timestamp()
    WHERE l.customer OPERATOR(pg_catalog.=) $2 AND l.type OPERATOR(pg_catalog.=) $1
        AND NOT (l.xid OPERATOR(pg_catalog.=) pg_catalog.pg_current_xact_id()
            AND l.locked_at OPERATOR(pg_catalog.>=) pg_catalog.transaction_timestamp())
    RETURNING l.last_at INTO instant;
    IF NOT FOUND THEN
        instant := {schema}.lock_seats($1, $2);
    END IF;
    INSERT INTO {schema}.seat_changes (type, customer, change, member, way, state, actor, cause, definition, occurred_at)
    VALUES (
        $1, $2, $3, $4, $5, $6,
        coalesce($7, pg_catalog.substring(pg_catalog.current_setting('meterbook.actor', true), '.+')),
        coalesce($8, pg_catalog.substring(pg_catalog.current_setting('meterbook.cause', true), '.+')),
        $9, instant
    );
    RETURN instant;
END $$;

-- Record a level, and return the instant. One that follows from a count of rows is only
-- right if it was counted after lock_seats: see count_seats.
CREATE FUNCTION {schema}.record_level(
    type text, customer text, units bigint,
    actor text DEFAULT NULL, cause text DEFAULT NULL, definition integer DEFAULT 1,
    path text DEFAULT NULL, scale integer DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    instant bigint;
BEGIN
    IF $3 IS NULL OR $3 OPERATOR(pg_catalog.<) 0 THEN
        RAISE EXCEPTION 'meterbook: units % is no level: it is a whole number, 0 or more', pg_catalog.quote_nullable($3)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE {schema}.seat_locks AS l
    SET last_at = greatest({schema}.book_now(), l.last_at OPERATOR(pg_catalog.+) 1),
        xid = pg_catalog.pg_current_xact_id(), locked_at = pg_catalog.clock_timestamp()
    WHERE l.customer OPERATOR(pg_catalog.=) $2 AND l.type OPERATOR(pg_catalog.=) $1
        AND NOT (l.xid OPERATOR(pg_catalog.=) pg_catalog.pg_current_xact_id()
            AND l.locked_at OPERATOR(pg_catalog.>=) pg_catalog.transaction_timestamp())
    RETURNING l.last_at INTO instant;
    IF NOT FOUND THEN
        instant := {schema}.lock_seats($1, $2);
    END IF;
    INSERT INTO {schema}.seat_changes (type, customer, change, units, path, scale, actor, cause, definition, occurred_at)
    VALUES (
        $1, $2, 'level', $3, $7, $8,
        coalesce($4, pg_catalog.substring(pg_catalog.current_setting('meterbook.actor', true), '.+')),
        coalesce($5, pg_catalog.substring(pg_catalog.current_setting('meterbook.cause', true), '.+')),
        $6, instant
    );
    RETURN instant;
END $$;

-- Record how many seats there are, as *query* counts them under the lock. The lock comes
-- first and the count is a statement of its own, so that it sees what the holder before
-- committed. The query is the caller's: it runs with the caller's rights and search_path.
CREATE FUNCTION {schema}.count_seats(
    type text, customer text, query text,
    actor text DEFAULT NULL, cause text DEFAULT NULL, definition integer DEFAULT 1,
    path text DEFAULT NULL,
    OUT units bigint, OUT occurred_at bigint
)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    instant bigint;
    counted pg_catalog.numeric;
    another pg_catalog.text;
BEGIN
    UPDATE {schema}.seat_locks AS l
    SET last_at = greatest({schema}.book_now(), l.last_at OPERATOR(pg_catalog.+) 1),
        xid = pg_catalog.pg_current_xact_id(), locked_at = pg_catalog.clock_timestamp()
    WHERE l.customer OPERATOR(pg_catalog.=) $2 AND l.type OPERATOR(pg_catalog.=) $1
        AND NOT (l.xid OPERATOR(pg_catalog.=) pg_catalog.pg_current_xact_id()
            AND l.locked_at OPERATOR(pg_catalog.>=) pg_catalog.transaction_timestamp())
    RETURNING l.last_at INTO instant;
    IF NOT FOUND THEN
        instant := {schema}.lock_seats($1, $2);
    END IF;
    EXECUTE $3 INTO STRICT counted, another;
    IF counted IS NULL OR counted OPERATOR(pg_catalog.<) 0
        OR counted OPERATOR(pg_catalog.<>) pg_catalog.trunc(counted) OR another IS NOT NULL THEN
        RAISE EXCEPTION 'meterbook: the query counted %: it must answer one whole number, 0 or more',
            pg_catalog.concat_ws(', ', pg_catalog.quote_nullable(counted), another)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    units := counted;
    occurred_at := instant;
    INSERT INTO {schema}.seat_changes (type, customer, change, units, path, actor, cause, definition, occurred_at)
    VALUES (
        $1, $2, 'level', units, $7,
        coalesce($4, pg_catalog.substring(pg_catalog.current_setting('meterbook.actor', true), '.+')),
        coalesce($5, pg_catalog.substring(pg_catalog.current_setting('meterbook.cause', true), '.+')),
        $6, instant
    );
END $$;
