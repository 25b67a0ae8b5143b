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
