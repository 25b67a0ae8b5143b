-- The Merkle tree over the entries, and the checkpoints that were signed.

-- tree_size: Up to which place every entry is a leaf.
SELECT size FROM meterbook_tree;

-- tile: The hashes of one tile.
SELECT hashes FROM meterbook_tree_tiles WHERE level = :level AND tile = :tile;

-- tiles: Those of a level from one on and before another.
SELECT level, tile, hashes FROM meterbook_tree_tiles
WHERE level = :level AND tile >= :start AND tile < :end
ORDER BY tile;

-- leaves: What the leaves at the places above one are made of.
SELECT kind, entry_id, occurred_at, recorded_at, fingerprint FROM meterbook_entries
WHERE entry_id > :after
ORDER BY entry_id
LIMIT :limit;

-- put_tile: In the order of Tile.
INSERT INTO meterbook_tree_tiles (level, tile, hashes) VALUES (?, ?, ?)
ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes;

-- set_tree_size: Up to where the leaves are.
UPDATE meterbook_tree SET size = :size;

-- forget_tiles: All of them.
DELETE FROM meterbook_tree_tiles;

-- checkpoints: In the order of their sizes.
SELECT size, key_name, key_id, made_at, note FROM meterbook_checkpoints
ORDER BY size, made_at, key_name, key_id;

-- add_checkpoint: In the order of CheckpointRow. The same one again changes nothing.
INSERT INTO meterbook_checkpoints (size, key_name, key_id, made_at, note)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (size, key_name, key_id) DO NOTHING;
