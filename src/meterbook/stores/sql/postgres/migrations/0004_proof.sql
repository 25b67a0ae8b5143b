-- The Merkle tree over the entries in the order of their places (RFC 6962), in tiles of
-- 256 hashes: derived, and built again if it is dropped.
CREATE TABLE {schema}.tree (
    only_row smallint PRIMARY KEY CHECK (only_row = 1),
    size bigint NOT NULL                          -- every entry up to this place is a leaf
);

INSERT INTO {schema}.tree (only_row, size) VALUES (1, 0);

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
