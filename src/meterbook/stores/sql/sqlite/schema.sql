-- The sum of the migrations, for reading. Generated; a test compares the two:
-- SqliteStore.create(":memory:").schema_text() makes it anew.

CREATE TABLE meterbook_book (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meterbook_people (
    person_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE meterbook_entries (
    entry_id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,           -- 0 event, 1 void, 2 attribution, 3 statement
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

CREATE UNIQUE INDEX meterbook_entries_identity ON meterbook_entries (source, event_id);

CREATE INDEX meterbook_entries_statements ON meterbook_entries (customer, type, entry_id)
    WHERE kind = 3;

CREATE TRIGGER meterbook_entries_are_not_updated BEFORE UPDATE ON meterbook_entries
BEGIN
    SELECT RAISE(ABORT, 'meterbook: entries are never updated; record a correction');
END;

CREATE TRIGGER meterbook_entries_are_not_deleted BEFORE DELETE ON meterbook_entries
BEGIN
    SELECT RAISE(ABORT, 'meterbook: entries are never deleted; record a void');
END;

CREATE TABLE meterbook_attributions (
    subject_id INTEGER NOT NULL,
    effective_at INTEGER NOT NULL,
    customer TEXT,
    entry_id INTEGER NOT NULL,
    PRIMARY KEY (subject_id, entry_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE meterbook_meters (
    meter_id INTEGER PRIMARY KEY,
    meter_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,        -- canonical JSON
    defined_at INTEGER NOT NULL,
    UNIQUE (meter_key, version)
) STRICT;

CREATE TABLE meterbook_quarantine (
    quarantine_id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    document BLOB NOT NULL,          -- as received
    state TEXT NOT NULL,             -- held, replayed, discarded
    resolved_at INTEGER
) STRICT;

CREATE TABLE meterbook_worker (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    posted INTEGER NOT NULL          -- every entry up to this place has its postings
) STRICT;

CREATE TABLE meterbook_postings (
    customer TEXT NOT NULL,
    type TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    place INTEGER NOT NULL,          -- of the event
    seq INTEGER NOT NULL,            -- of the entry that had this effect
    sign INTEGER NOT NULL,           -- +1 or -1
    PRIMARY KEY (customer, type, occurred_at, place, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX meterbook_postings_corrections ON meterbook_postings (seq) WHERE seq <> place;

CREATE TABLE meterbook_voids (
    entry_id INTEGER PRIMARY KEY,    -- what is void
    seq INTEGER NOT NULL             -- since this place
) STRICT;

CREATE TABLE meterbook_types (
    type TEXT PRIMARY KEY,
    events INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meterbook_rolled (
    meter_id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL             -- every entry up to this place is in the meter's rollups
) STRICT;

CREATE TABLE meterbook_rollups (
    meter_id INTEGER NOT NULL,
    customer TEXT NOT NULL,
    grouped INTEGER NOT NULL,        -- 0: all groups together, 1: one row a group
    hours INTEGER NOT NULL,          -- 1 or 24: a UTC hour or a UTC day
    bucket INTEGER NOT NULL,         -- its start
    grp TEXT NOT NULL,
    state TEXT NOT NULL,             -- the fold's, a JSON array of integers
    PRIMARY KEY (meter_id, customer, grouped, hours, bucket, grp)
) STRICT, WITHOUT ROWID;

CREATE TABLE meterbook_sightings (
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

CREATE TABLE meterbook_unusable (
    meter_id INTEGER NOT NULL,
    place INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (meter_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE meterbook_seat_locks (
    customer TEXT NOT NULL,
    type TEXT NOT NULL,              -- of the events that say so
    last_at INTEGER NOT NULL,        -- the instant of the last change
    token INTEGER,                   -- of the session that made it, if there was one
    PRIMARY KEY (customer, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE meterbook_seat_changes (
    change_id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,              -- of the event to be
    customer TEXT NOT NULL,
    change TEXT NOT NULL CHECK (change IN ('join', 'leave', 'level', 'baseline')),
    member TEXT CHECK (length(member) <= 255),   -- by name; NULL for level and baseline
    way TEXT,                        -- in; NULL for level and baseline
    state TEXT,                      -- of a member: active, pending, suspended
    units INTEGER CHECK (units >= 0),            -- of a level, in the meter's smallest unit
    path TEXT,                       -- of a level: where in the data it stands; NULL for units
    scale INTEGER,                   -- of a level: how many of its digits are decimal places
    actor TEXT CHECK (length(actor) <= 255),
    cause TEXT CHECK (length(cause) <= 1000),
    definition INTEGER NOT NULL,     -- the version of what counts as a seat
    occurred_at INTEGER NOT NULL
) STRICT;

CREATE TABLE meterbook_seat_session (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    actor TEXT,
    cause TEXT,
    occurred_at INTEGER,
    token INTEGER
) STRICT;

CREATE TABLE meterbook_captures (
    capture_key TEXT NOT NULL,
    version INTEGER NOT NULL,        -- as in the entries: a change of what counts
    definition TEXT NOT NULL,        -- canonical JSON
    made TEXT NOT NULL,              -- canonical JSON: how it was understood
    installed_at INTEGER NOT NULL,
    removed_at INTEGER,              -- NULL: its triggers are there
    PRIMARY KEY (capture_key, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE meterbook_tree (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    size INTEGER NOT NULL            -- every entry up to this place is a leaf
) STRICT;

CREATE TABLE meterbook_tree_tiles (
    level INTEGER NOT NULL,          -- 0: the leaves; each level is 256 times as wide
    tile INTEGER NOT NULL,           -- from 0
    hashes BLOB NOT NULL,            -- up to 256 of 32 bytes
    PRIMARY KEY (level, tile)
) STRICT;

CREATE TABLE meterbook_checkpoints (
    size INTEGER NOT NULL,
    key_name TEXT NOT NULL,
    key_id TEXT NOT NULL,            -- 8 hex digits: a name has several keys over time
    made_at INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (size, key_name, key_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER meterbook_checkpoints_are_not_updated BEFORE UPDATE ON meterbook_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'meterbook: checkpoints are never updated');
END;

CREATE TRIGGER meterbook_checkpoints_are_not_deleted BEFORE DELETE ON meterbook_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'meterbook: checkpoints are never deleted');
END;
