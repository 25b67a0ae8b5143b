-- The sum of the migrations, for reading. Generated; a test compares the two:
-- SqliteStore.create(":memory:").schema_text() makes it anew.

CREATE TABLE book (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE people (
    person_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE entries (
    entry_id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,           -- 0 event, 1 void, 2 attribution
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject_id INTEGER,
    actor_id INTEGER,
    customer TEXT,                   -- as stated; absent: settled by attribution
    occurred_at INTEGER NOT NULL,
    time_given INTEGER NOT NULL,     -- 0: the first receipt stands in for the time
    data TEXT NOT NULL,              -- canonical JSON
    extensions TEXT NOT NULL,        -- canonical JSON, or empty
    fingerprint BLOB NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX entries_identity ON entries (source, event_id);

CREATE TRIGGER entries_are_not_updated BEFORE UPDATE ON entries
BEGIN
    SELECT RAISE(ABORT, 'meterbook: entries are never updated; record a correction');
END;

CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries
BEGIN
    SELECT RAISE(ABORT, 'meterbook: entries are never deleted; record a void');
END;

CREATE TABLE attributions (
    subject_id INTEGER NOT NULL,
    effective_at INTEGER NOT NULL,
    customer TEXT,
    entry_id INTEGER NOT NULL,
    PRIMARY KEY (subject_id, entry_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE meters (
    meter_id INTEGER PRIMARY KEY,
    meter_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,        -- canonical JSON
    defined_at INTEGER NOT NULL,
    UNIQUE (meter_key, version)
) STRICT;

CREATE TABLE quarantine (
    quarantine_id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    document BLOB NOT NULL,          -- as received
    state TEXT NOT NULL,             -- held, replayed, discarded
    resolved_at INTEGER
) STRICT;

CREATE TABLE worker (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    posted INTEGER NOT NULL          -- every entry up to this place has its postings
) STRICT;

CREATE TABLE postings (
    customer TEXT NOT NULL,
    type TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    place INTEGER NOT NULL,          -- of the event
    seq INTEGER NOT NULL,            -- of the entry that had this effect
    sign INTEGER NOT NULL,           -- +1 or -1
    PRIMARY KEY (customer, type, occurred_at, place, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX postings_corrections ON postings (seq) WHERE seq <> place;

CREATE TABLE voids (
    entry_id INTEGER PRIMARY KEY,    -- what is void
    seq INTEGER NOT NULL             -- since this place
) STRICT;

CREATE TABLE types (
    type TEXT PRIMARY KEY,
    events INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rolled (
    meter_id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL             -- every entry up to this place is in the meter's rollups
) STRICT;

CREATE TABLE rollups (
    meter_id INTEGER NOT NULL,
    customer TEXT NOT NULL,
    grouped INTEGER NOT NULL,        -- 0: all groups together, 1: one row a group
    hours INTEGER NOT NULL,          -- 1 or 24: a UTC hour or a UTC day
    bucket INTEGER NOT NULL,         -- its start
    grp TEXT NOT NULL,
    state TEXT NOT NULL,             -- the fold's, a JSON array of integers
    PRIMARY KEY (meter_id, customer, grouped, hours, bucket, grp)
) STRICT, WITHOUT ROWID;

CREATE TABLE sightings (
    meter_id INTEGER NOT NULL,
    customer TEXT NOT NULL,
    grouped INTEGER NOT NULL,
    month INTEGER NOT NULL,          -- its start, UTC
    grp TEXT NOT NULL,
    key TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (meter_id, customer, grouped, month, grp, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE unusable (
    meter_id INTEGER NOT NULL,
    place INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (meter_id, place)
) STRICT, WITHOUT ROWID;
