-- What a database looks like that has had all migrations. Nothing runs this file but the test that compares them.

-- The facts: what the book was told. Nothing here is ever updated or deleted, but for
-- people (whose names may be erased) and the quarantine (whose rows are resolved).
-- All moments are microseconds since 1970-01-01 UTC.

CREATE TABLE {schema}.book (
    name text PRIMARY KEY,
    value text NOT NULL
);

-- Names of subjects and actors, apart from their usage, so that they can be erased.
CREATE TABLE {schema}.people (
    person_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

-- Ids are handed out in blocks, so that a batch needs no round trip for each.
CREATE SEQUENCE {schema}.entry_ids AS bigint INCREMENT BY 1000;

-- A heap with two narrow indexes: the identity, and the transaction by which the worker finds new rows.
CREATE TABLE {schema}.entries (
    entry_id bigint NOT NULL,
    kind smallint NOT NULL,                       -- 0 event, 1 void, 2 attribution, 3 statement
    source text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject_id bigint,
    actor_id bigint,
    customer text COLLATE "C",                    -- as stated; absent: settled by attribution
    occurred_at bigint NOT NULL,
    time_given smallint NOT NULL,                 -- 0: the first receipt stands in for the time
    data text NOT NULL,                           -- canonical JSON
    extensions text NOT NULL,                     -- canonical JSON, or empty
    fingerprint bytea NOT NULL,
    recorded_at bigint NOT NULL,
    generation integer NOT NULL DEFAULT 1,        -- of the cluster: the worker raises it after a restore
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE UNIQUE INDEX entries_identity ON {schema}.entries (source, event_id);

CREATE INDEX entries_transaction ON {schema}.entries (generation, xid, entry_id);

-- Statements: facts about a customer, or about the book, that are no usage: terms, notes,
-- licences, reports. Found by customer and type; '' is the book itself.
CREATE INDEX entries_statements ON {schema}.entries (customer, type, entry_id) WHERE kind = 3;

CREATE FUNCTION {schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'meterbook: entries are never updated or deleted; record a correction or a void'
        USING ERRCODE = 'raise_exception';
END $$;

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE OR DELETE ON {schema}.entries
FOR EACH ROW EXECUTE FUNCTION {schema}.refuse_change();

CREATE TRIGGER entries_are_not_truncated BEFORE TRUNCATE ON {schema}.entries
FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_change();

-- Attribution entries, found by subject. The entry is the fact; this row is its index.
CREATE TABLE {schema}.attributions (
    subject_id bigint NOT NULL,
    effective_at bigint NOT NULL,
    customer text COLLATE "C",
    entry_id bigint NOT NULL,
    PRIMARY KEY (subject_id, entry_id)
);

CREATE TABLE {schema}.meters (
    meter_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_key text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    definition text NOT NULL,                     -- canonical JSON
    defined_at bigint NOT NULL,
    UNIQUE (meter_key, version)
);

CREATE TABLE {schema}.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at bigint NOT NULL,
    code text NOT NULL,
    field text NOT NULL,
    reason text NOT NULL,
    document bytea NOT NULL,                      -- as received
    state text NOT NULL,                          -- held, replayed, discarded
    resolved_at bigint
);

-- What the worker derives from the entries. Drop it all and every answer is the same.

-- How far the worker has come. The snapshot is that of the last tick: rows it does not see are not numbered yet.
CREATE TABLE {schema}.worker (
    only_row smallint PRIMARY KEY CHECK (only_row = 1),
    numbered bigint NOT NULL,
    posted bigint NOT NULL,                       -- every entry up to this place has its postings
    generation integer NOT NULL,
    snapshot pg_snapshot NOT NULL,
    system_identifier bigint NOT NULL,
    backlog boolean NOT NULL                      -- rows of older generations may be un-numbered: look by anti-join
);

-- The book's order. Stored once, by the worker; places start at 1 and have no gaps.
CREATE TABLE {schema}.log (
    seq bigint PRIMARY KEY,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    entry_id bigint NOT NULL UNIQUE
);

-- The effect of each place on a customer's usage: an event posts +1 under its payer ('' for nobody),
-- a void takes it back, an attribution moves it. As of place p: the postings with seq <= p.
CREATE TABLE {schema}.postings (
    customer text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    occurred_at bigint NOT NULL,
    place bigint NOT NULL,                        -- of the event
    seq bigint NOT NULL,                          -- of the entry that had this effect
    sign smallint NOT NULL,                       -- +1 or -1
    PRIMARY KEY (customer, type, occurred_at, place, seq) INCLUDE (sign)
);

-- What voids and attributions did: few rows, found by the place that did it.
CREATE INDEX postings_corrections ON {schema}.postings (seq) WHERE seq <> place;

CREATE TABLE {schema}.voids (
    entry_id bigint PRIMARY KEY,                  -- what is void
    seq bigint NOT NULL                           -- since this place
);

-- Events by type, so that types which no meter reads can be reported.
CREATE TABLE {schema}.types (
    type text COLLATE "C" PRIMARY KEY,
    events bigint NOT NULL
);

CREATE TABLE {schema}.rolled (
    meter_id integer PRIMARY KEY,
    seq bigint NOT NULL                           -- every entry up to this place is in the meter's rollups
);

CREATE TABLE {schema}.rollups (
    meter_id integer NOT NULL,
    customer text COLLATE "C" NOT NULL,
    grouped smallint NOT NULL,                    -- 0: all groups together, 1: one row a group
    hours smallint NOT NULL,                      -- 1 or 24: a UTC hour or a UTC day
    bucket bigint NOT NULL,                       -- its start
    grp text COLLATE "C" NOT NULL,
    state text NOT NULL,                          -- the fold's, a JSON array of integers
    PRIMARY KEY (meter_id, customer, grouped, hours, bucket, grp)
) WITH (fillfactor = 80);

CREATE TABLE {schema}.sightings (
    meter_id integer NOT NULL,
    customer text COLLATE "C" NOT NULL,
    grouped smallint NOT NULL,
    month bigint NOT NULL,                        -- its start, UTC
    grp text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (meter_id, customer, grouped, month, grp, key)
) WITH (fillfactor = 80);

CREATE TABLE {schema}.unusable (
    meter_id integer NOT NULL,
    place bigint NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (meter_id, place)
);

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

-- The Merkle tree over the entries in the order of their places (RFC 6962), in tiles of
-- 256 hashes: derived, and built again if it is dropped.
CREATE TABLE {schema}.tree (
    only_row smallint PRIMARY KEY CHECK (only_row = 1),
    size bigint NOT NULL                          -- every entry up to this place is a leaf
);

CREATE TABLE {schema}.tree_tiles (
    level smallint NOT NULL,                      -- 0: the leaves; each level is 256 times as wide
    tile bigint NOT NULL,                         -- from 0
    hashes bytea NOT NULL,                        -- up to 256 of 32 bytes
    PRIMARY KEY (level, tile)
);

-- Hashes cannot be compressed, and to try costs more than they do.
ALTER TABLE {schema}.tree_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Checkpoints that were signed: facts, for whoever got one may come back with it.
CREATE TABLE {schema}.checkpoints (
    size bigint NOT NULL,
    key_name text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,             -- 8 hex digits: a name has several keys over time
    made_at bigint NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (size, key_name, key_id)
);

CREATE FUNCTION {schema}.refuse_checkpoint_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'meterbook: checkpoints are never updated or deleted'
        USING ERRCODE = 'raise_exception';
END $$;

CREATE TRIGGER checkpoints_are_not_changed BEFORE UPDATE OR DELETE ON {schema}.checkpoints
FOR EACH ROW EXECUTE FUNCTION {schema}.refuse_checkpoint_change();

CREATE TRIGGER checkpoints_are_not_truncated BEFORE TRUNCATE ON {schema}.checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_checkpoint_change();
