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

-- A book that held entries before this table existed numbers them by anti-join.
INSERT INTO {schema}.worker
    (only_row, numbered, posted, generation, snapshot, system_identifier, backlog)
SELECT 1, 0, 0, 1, pg_current_snapshot(), 0, true;

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
