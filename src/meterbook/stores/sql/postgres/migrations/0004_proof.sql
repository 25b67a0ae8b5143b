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

-- Hashes cannot be compressed, and to try costs more than they do.
ALTER TABLE {schema}.tree_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Checkpoints that were signed: facts, for whoever got one may come back with it.
CREATE TABLE {schema}.checkpoints (
    size bigint NOT NULL,
    key_name text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,             -- 8 hex digits: a name has several keys over time
    made_at bigint NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (size, key_name, key_id)
);

CREATE FUNCTION {schema}.refuse_checkpoint_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'meterbook: checkpoints are never updated or deleted'
        USING ERRCODE = 'raise_exception';
END $$;

CREATE TRIGGER checkpoints_are_not_changed BEFORE UPDATE OR DELETE ON {schema}.checkpoints
FOR EACH ROW EXECUTE FUNCTION {schema}.refuse_checkpoint_change();

CREATE TRIGGER checkpoints_are_not_truncated BEFORE TRUNCATE ON {schema}.checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_checkpoint_change();

-- What the book is called in its checkpoints. A copy of it keeps the name: whoever gets
-- checkpoints of both can tell that there are two.
INSERT INTO {schema}.book (name, value)
VALUES ('origin', 'meterbook/' || replace(gen_random_uuid()::text, '-', ''));
