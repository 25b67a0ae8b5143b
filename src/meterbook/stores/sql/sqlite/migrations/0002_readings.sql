-- What the worker derives from the entries. Drop it all and every answer is the same.

-- How far the worker has come.
CREATE TABLE meterbook_worker (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    posted INTEGER NOT NULL          -- every entry up to this place has its postings
) STRICT;

INSERT INTO meterbook_worker (only_row, posted) VALUES (1, 0);

-- The effect of each place on a customer's usage: an event posts +1 under its payer ('' for nobody),
-- a void takes it back, an attribution moves it. As of place p: the postings with seq <= p.
CREATE TABLE meterbook_postings (
    customer TEXT NOT NULL,
    type TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    place INTEGER NOT NULL,          -- of the event
    seq INTEGER NOT NULL,            -- of the entry that had this effect
    sign INTEGER NOT NULL,           -- +1 or -1
    PRIMARY KEY (customer, type, occurred_at, place, seq)
) STRICT, WITHOUT ROWID;

-- What voids and attributions did: few rows, found by the place that did it.
CREATE INDEX meterbook_postings_corrections ON meterbook_postings (seq) WHERE seq <> place;

CREATE TABLE meterbook_voids (
    entry_id INTEGER PRIMARY KEY,    -- what is void
    seq INTEGER NOT NULL             -- since this place
) STRICT;

-- Events by type, so that types which no meter reads can be reported.
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
