-- Seats, recorded live in the caller's own transaction.

-- Whoever changes the seats of a customer updates its row first. There is one writer at a
-- time, so that the row need only yield the instant. A token says who wrote it: all changes
-- under one token have one instant. Without a token (statements of somebody who does not
-- use `within`) it never goes backwards:
--
--   INSERT INTO meterbook_seat_locks (customer, type, last_at, token) VALUES (..., now, token)
--   ON CONFLICT (customer, type) DO UPDATE SET
--       last_at = CASE WHEN token IS NOT excluded.token THEN max(excluded.last_at, last_at + 1)
--           WHEN token IS NULL THEN max(excluded.last_at, last_at) ELSE last_at END,
--       token = excluded.token
CREATE TABLE meterbook_seat_locks (
    customer TEXT NOT NULL,
    type TEXT NOT NULL,              -- of the events that say so
    last_at INTEGER NOT NULL,        -- the instant of the last change
    token INTEGER,                   -- of the session that made it, if there was one
    PRIMARY KEY (customer, type)
) STRICT, WITHOUT ROWID;

-- Changes that the worker has not made entries of yet. It removes them when it has.
-- AUTOINCREMENT: the id becomes the identity of the entry, and is never given twice.
-- What the worker could not store is refused here, where somebody still listens.
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

-- What a trigger cannot know: who does this, why, since when, and in which session. One row,
-- written and removed within one transaction, so that nobody else ever sees it.
CREATE TABLE meterbook_seat_session (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    actor TEXT,
    cause TEXT,
    occurred_at INTEGER,
    token INTEGER
) STRICT;

-- Tables of the application that are captured by triggers.
CREATE TABLE meterbook_captures (
    capture_key TEXT NOT NULL,
    version INTEGER NOT NULL,        -- as in the entries: a change of what counts
    definition TEXT NOT NULL,        -- canonical JSON
    made TEXT NOT NULL,              -- canonical JSON: how it was understood
    installed_at INTEGER NOT NULL,
    removed_at INTEGER,              -- NULL: its triggers are there
    PRIMARY KEY (capture_key, version)
) STRICT, WITHOUT ROWID;
