"""
The laws of trees in tiles.
"""

from __future__ import annotations

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import CorruptBook
from meterbook.proof.merkle import (
    HASH_BYTES,
    consistency_proof,
    consistency_ranges,
    inclusion_proof,
    inclusion_ranges,
    leaf_hash,
    root,
)
from meterbook.proof.tiles import (
    TILE_BYTES,
    Frontier,
    combined,
    grown,
    leaf_hashes,
    range_hash,
)


# Three levels: 65,536 leaves fill a tile of the second.
LEAVES_MAX = 66_100
HASHES = leaf_hashes(b"%d" % number for number in range(LEAVES_MAX))

# Where a tile is full, and its neighbours; of the second level, too.
EDGES = [0, 1, 2, 255, 256, 257, 511, 512, 1_100]
HIGH_EDGES = [65_535, 65_536, 65_537, LEAVES_MAX]

sizes = st.sampled_from(EDGES) | st.integers(0, 1_100)


def hash_at(index: int) -> bytes:
    return HASHES[index * HASH_BYTES : (index + 1) * HASH_BYTES]


def listed(size: int) -> list[bytes]:
    return [hash_at(index) for index in range(size)]


class Forest:
    """
    A tree whose tiles are kept in a dictionary.
    """

    def __init__(self) -> None:
        self.size = 0
        self.kept: dict[tuple[int, int], bytes] = {}

    def tile_at(self, level: int, number: int) -> bytes:
        return self.kept.get((level, number), b"")

    def grow(self, size: int) -> int:
        """
        Add leaves up to *size*, and return how many tiles that changed.
        """
        new = HASHES[self.size * HASH_BYTES : size * HASH_BYTES]
        tiles = grown(self.size, new, self.tile_at)
        self.kept |= {tile[:2]: tile.hashes for tile in tiles}
        self.size = size
        return len(tiles)


WHOLE = Forest()
WHOLE.grow(LEAVES_MAX)


@given(cuts=st.lists(sizes, max_size=5).map(sorted))
@example(cuts=[255, 256, 257])
@example(cuts=[0, 0, 300, 300])
def test_the_tiles_do_not_depend_on_cutting(cuts: list[int]) -> None:
    """
    However leaves are cut into parts, the tiles are the same.
    """
    forest, whole = Forest(), Forest()
    last = max([*cuts, 260])
    for size in [*cuts, last]:
        forest.grow(size)
    whole.grow(last)

    assert forest.kept == whole.kept


def test_the_tiles_of_large_trees_do_not_depend_on_cutting() -> None:
    """
    Likewise where the second level is full, and a third begins.
    """
    forest = Forest()
    for size in [300, *HIGH_EDGES]:
        forest.grow(size)

    assert forest.kept == WHOLE.kept
    assert len(forest.kept[2, 0]) == HASH_BYTES


def test_one_leaf_changes_one_tile_of_a_level() -> None:
    """
    Growing by one leaf writes one tile of each level at the most, all of bounded size.
    """
    forest = Forest()
    forest.grow(65_533)

    assert [forest.grow(65_533 + more) for more in (1, 2, 3, 4)] == [1, 1, 3, 1]
    assert max(map(len, forest.kept.values())) == TILE_BYTES


@pytest.mark.parametrize("size", [*EDGES, *HIGH_EDGES])
def test_the_root_of_a_forest_is_that_of_its_leaves(size: int) -> None:
    """
    A root is found from tiles as from the list of the leaves, also for an older size,
    and by the frontier, which stores nothing.
    """
    frontier = Frontier()
    for hash_ in listed(size):
        frontier.add(hash_)

    said = root(listed(size))
    assert range_hash(0, size, WHOLE.tile_at) == said
    assert frontier.root() == said
    assert frontier.size == size


@given(size=sizes, index=st.integers(0), old=st.integers(0))
@example(size=513, index=512, old=512)
@example(size=1_100, index=255, old=257)
def test_proofs_from_tiles_are_those_from_leaves(
    size: int, index: int, old: int
) -> None:
    """
    The hashes that prove an inclusion or a consistency are those over the leaves.
    """
    leaves, old = listed(size), old % (size + 1)

    def found(ranges: list[tuple[int, int]]) -> list[bytes]:
        return [range_hash(start, end, WHOLE.tile_at) for start, end in ranges]

    assert found(consistency_ranges(old=old, new=size)) == consistency_proof(
        leaves, old
    )
    if size:
        index %= size
        assert found(inclusion_ranges(index=index, size=size)) == inclusion_proof(
            leaves, index
        )


@pytest.mark.parametrize("spoilt", [b"", bytes(31), bytes(64), bytes(TILE_BYTES)])
def test_a_tile_that_was_cut_is_noticed(spoilt: bytes) -> None:
    """
    A tree does not grow from a last tile that is not as long as it must be.
    """
    forest = Forest()
    forest.grow(300)
    forest.kept[0, 1] = spoilt

    with pytest.raises(CorruptBook, match="tile 1 of its level 0"):
        forest.grow(301)


def test_a_tile_that_is_missing_is_noticed() -> None:
    """
    No hash is made up for a tile that is not there.
    """
    forest = Forest()
    forest.grow(7_000)
    del forest.kept[1, 0]

    with pytest.raises(CorruptBook, match="Tile 0 of level 1"):
        range_hash(0, 7_000, forest.tile_at)


def test_leaf_hashes_stand_side_by_side() -> None:
    """
    Hashing many leaves is hashing each.
    """
    assert leaf_hashes([b"", b"a"]) == leaf_hash(b"") + leaf_hash(b"a")
    assert combined(leaf_hashes([b"", b"a"])) == root([leaf_hash(b""), leaf_hash(b"a")])
