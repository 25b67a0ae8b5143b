-- The Merkle tree over the entries, and the checkpoints that were signed. {schema} is the book's schema.

-- tree_size: Up to which place every entry is a leaf.
SELECT size FROM {schema}.tree;

-- tile: The hashes of one tile.
SELECT hashes FROM {schema}.tree_tiles WHERE level = %(level)s AND tile = %(tile)s;

-- tiles: Those of a level from one on and before another.
SELECT level, tile, hashes FROM {schema}.tree_tiles
WHERE level = %(level)s AND tile >= %(start)s AND tile < %(end)s
ORDER BY tile;

-- leaf_hashes: How many entries stand at the places above one and up to another, and the hashes of their leaves. See meterbook.proof.leaves.
-- The entries of a transaction have places one after the other, in the order of their ids: so they are looked up once for a transaction.
SELECT count(*), string_agg(
    sha256(
        '\x00'::bytea || int2send((256 + e.kind)::smallint) || int8send(e.entry_id)
        || int8send(e.occurred_at) || int8send(e.recorded_at) || e.fingerprint
    ),
    ''::bytea ORDER BY t.first_seq, e.entry_id
)
FROM (
    SELECT l.generation, l.xid, min(l.seq) AS first_seq, min(l.entry_id) AS first_id, count(*) AS entries
    FROM (SELECT * FROM {schema}.log WHERE seq > %(after)s AND seq <= %(upto)s ORDER BY seq OFFSET 0) l
    GROUP BY l.generation, l.xid
) t
CROSS JOIN LATERAL (
    SELECT entry_id, kind, occurred_at, recorded_at, fingerprint
    FROM {schema}.entries e
    WHERE e.generation = t.generation AND e.xid = t.xid AND e.entry_id >= t.first_id
    ORDER BY e.entry_id
    LIMIT t.entries
) e;

-- put_tile: In the order of Tile.
INSERT INTO {schema}.tree_tiles (level, tile, hashes) VALUES (%s, %s, %b)
ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes;

-- set_tree_size: Up to where the leaves are.
UPDATE {schema}.tree SET size = %(size)s;

-- forget_tiles: All of them. Readers go on with their snapshots: rows are deleted, not truncated.
DELETE FROM {schema}.tree_tiles;

-- checkpoints: In the order of their sizes.
SELECT size, key_name, key_id, made_at, note FROM {schema}.checkpoints
ORDER BY size, made_at, key_name, key_id;

-- add_checkpoint: In the order of CheckpointRow. The same one again changes nothing.
INSERT INTO {schema}.checkpoints (size, key_name, key_id, made_at, note)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (size, key_name, key_id) DO NOTHING;
