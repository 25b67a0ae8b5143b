-- Seats, recorded live in the caller's own transaction.

-- Whoever changes the seats of a customer updates its row first, and holds it to the end.
CREATE TABLE meterbook_seat_locks (
    customer TEXT NOT NULL,
    type TEXT NOT NULL,              -- of the events that say so
    last_at INTEGER NOT NULL,        -- the instant of the last change
    PRIMARY KEY (customer, type)
) STRICT, WITHOUT ROWID;

-- Changes that the worker has not made entries of yet. It removes them when it has.
-- AUTOINCREMENT: the id becomes the identity of the entry, and is never given twice.
CREATE TABLE meterbook_seat_changes (
    change_id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,              -- of the event to be
    customer TEXT NOT NULL,
    change TEXT NOT NULL,            -- join, leave, level, baseline
    member TEXT,                     -- by name; NULL for level and baseline
    way TEXT,                        -- in; NULL for level and baseline
    state TEXT,                      -- of a member: active, pending, suspended
    units INTEGER,                   -- of a level
    actor TEXT,
    cause TEXT,
    definition INTEGER NOT NULL,     -- the version of what counts as a seat
    occurred_at INTEGER NOT NULL
) STRICT;

-- What a trigger cannot know: who does this, why, and since when. One row, written and
-- removed within one transaction, so that nobody else ever sees it.
CREATE TABLE meterbook_seat_session (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    actor TEXT,
    cause TEXT,
    occurred_at INTEGER
) STRICT;

-- Tables of the application that are captured by triggers.
CREATE TABLE meterbook_captures (
    capture_key TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,        -- canonical JSON
    installed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
