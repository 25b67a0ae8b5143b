-- The Merkle tree over the entries in the order of their places (RFC 6962), in tiles of
-- 256 hashes: derived, and built again if it is dropped.
CREATE TABLE meterbook_tree (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    size INTEGER NOT NULL            -- every entry up to this place is a leaf
) STRICT;

INSERT INTO meterbook_tree (only_row, size) VALUES (1, 0);

CREATE TABLE meterbook_tree_tiles (
    level INTEGER NOT NULL,          -- 0: the leaves; each level is 256 times as wide
    tile INTEGER NOT NULL,           -- from 0
    hashes BLOB NOT NULL,            -- up to 256 of 32 bytes
    PRIMARY KEY (level, tile)
) STRICT;

-- Checkpoints that were signed: facts, for whoever got one may come back with it.
CREATE TABLE meterbook_checkpoints (
    size INTEGER NOT NULL,
    key_name TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (size, key_name)
) STRICT, WITHOUT ROWID;
