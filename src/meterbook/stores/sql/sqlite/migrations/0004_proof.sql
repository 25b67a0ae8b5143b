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

-- What the book is called in its checkpoints. A copy of it keeps the name: whoever gets
-- checkpoints of both can tell that there are two.
INSERT INTO meterbook_book (name, value)
VALUES ('origin', 'meterbook/' || lower(hex(randomblob(16))));
