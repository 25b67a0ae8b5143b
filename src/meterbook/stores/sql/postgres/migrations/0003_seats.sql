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
