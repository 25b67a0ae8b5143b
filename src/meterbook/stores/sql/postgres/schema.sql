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
    locked_at timestamptz NOT NULL,               -- by the server's clock
    PRIMARY KEY (customer, type)
) WITH (fillfactor = 50);

-- Changes that the worker has not made entries of yet. It removes them when it has.
CREATE TABLE {schema}.seat_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type text COLLATE "C" NOT NULL,               -- of the event to be
    customer text COLLATE "C" NOT NULL,
    change text COLLATE "C" NOT NULL,             -- join, leave, level, baseline
    member text COLLATE "C",                      -- by name; null for level and baseline
    way text COLLATE "C",                         -- in; null for level and baseline
    state text COLLATE "C",                       -- of a member: active, pending, suspended
    units bigint,                                 -- of a level
    actor text COLLATE "C",
    cause text COLLATE "C",
    definition integer NOT NULL,                  -- the version of what counts as a seat
    occurred_at bigint NOT NULL
);

-- Tables of the application that are captured by triggers.
CREATE TABLE {schema}.captures (
    capture_key text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL,
    definition text NOT NULL,                     -- canonical JSON
    installed_at bigint NOT NULL
);

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

-- Checkpoints that were signed: facts, for whoever got one may come back with it.
CREATE TABLE {schema}.checkpoints (
    size bigint NOT NULL,
    key_name text COLLATE "C" NOT NULL,
    made_at bigint NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (size, key_name)
);
