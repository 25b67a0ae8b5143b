-- The facts: what the book was told. Nothing here is ever updated or deleted, but for
-- people (whose names may be erased) and the quarantine (whose rows are resolved).
-- All moments are microseconds since 1970-01-01 UTC.

CREATE TABLE meterbook_book (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Names of subjects and actors, apart from their usage, so that they can be erased.
-- AUTOINCREMENT: the id of an erased person is never given to another.
CREATE TABLE meterbook_people (
    person_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- One writer at a time, so the order of rows is the order of the book: entry_id is also the place.
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

-- Statements: facts about a customer, or about the book, that are no usage: terms, notes,
-- licences, reports. Found by customer and type; '' is the book itself.
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

-- Attribution entries, found by subject. The entry is the fact; this row is its index.
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
