"""
A Merkle tree in tiles: stored so that it grows at its end, and any hash is found.

::

    level 2                     [.  .  .  ...]           each hash is over 65,536 leaves
                               /
    level 1          [.  .  .  ...  .][.  .              each hash is over 256 leaves
                    /   |
    level 0   [256 leaves][256 leaves][256 leaves][12    the hashes of the leaves

A tile holds up to 256 hashes. A hash is in the level above as soon as its 256 are full,
and never changes then: what grows is the last tile of each level. So a tree of any size
grows by one leaf with one tile of each level at the most, and a hash between two levels
is found from the 128 below it at the most.

Laws (tests/laws/test_tiles.py):
    - *Cutting*: however the leaves are cut into parts, the tiles are the same.
    - *Any range*: hashes of ranges are those over a list of the leaves.

Source:
    The tiles of C2SP tlog-tiles and of Go's checksum database, height 8.
"""

from __future__ import annotations

import hashlib

from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.foundation.errors import CorruptBook
from meterbook.proof.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    LEAF_PREFIX,
    NODE_PREFIX,
    node_hash,
    split,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


# A tile of 8 KB is a row that databases like, and three levels are 16 million leaves.
TILE_BITS: Final = 8
TILE_HASHES: Final = 1 << TILE_BITS
TILE_BYTES: Final = TILE_HASHES * HASH_BYTES

_TWO: Final = 2 * HASH_BYTES


class Tile(NamedTuple):
    """
    Up to 256 hashes that stand side by side.

    Attributes:
        level: 0 for leaves; each level stands for 256 of the one below.

        number: Which tile of the level, from 0.

        hashes: One after the other.
    """

    level: int
    number: int
    hashes: bytes


def leaf_hashes(leaves: Iterable[bytes]) -> bytes:
    """
    Return the hashes of *leaves*, one after the other.
    """
    sha256 = hashlib.sha256
    return b"".join(
        [hash_.digest() for hash_ in map(sha256, map(LEAF_PREFIX.__add__, leaves))]
    )


def grown(size: int, hashes: bytes, tile_at: Callable[[int, int], bytes]) -> list[Tile]:
    """
    Return the tiles that change when leaves are added to a tree.

    Args:
        size: How many leaves it has.

        hashes: Of the leaves that are added, one after the other.

        tile_at: Gives the tile of a (level, number) as it is now.

    Raises:
        CorruptBook: The last tile of a level is not as long as the tree says.
    """
    changed: list[Tile] = []
    level, before, added = 0, size, hashes
    while added:
        first, there = divmod(before, TILE_HASHES)
        edge = tile_at(level, first) if there else b""
        if len(edge) != there * HASH_BYTES:
            message = (
                f"The tree has {size} leaves, and tile {first} of its level {level} is"
                " not as long as that: drop the tree and let the worker build it anew."
            )
            raise CorruptBook(message)
        content = edge + added
        tiles = [
            Tile(level, number, content[start : start + TILE_BYTES])
            for number, start in enumerate(
                range(0, len(content), TILE_BYTES), start=first
            )
        ]
        changed += tiles
        added = b"".join(
            combined(tile.hashes) for tile in tiles if len(tile.hashes) == TILE_BYTES
        )
        level, before = level + 1, first
    return changed


def combined(hashes: bytes) -> bytes:
    """
    Return the hash over a whole number of hashes, a power of two of them.
    """
    sha256 = hashlib.sha256
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [
                sha256(NODE_PREFIX + hashes[at : at + _TWO]).digest()
                for at in range(0, len(hashes), _TWO)
            ]
        )
    return hashes


def range_hash(start: int, end: int, tile_at: Callable[[int, int], bytes]) -> bytes:
    """
    Return the hash of the leaves from *start* on and before *end*.

    Args:
        start: Where such a range may begin in a Merkle tree: at 0, or at a multiple of
            a power of two that is as large as the range.

        end: At most as many leaves as the tree has.

        tile_at: Gives the tile of a (level, number).

    Raises:
        CorruptBook: A tile is shorter than the tree says.
    """
    if start == end:
        return EMPTY_ROOT

    size = end - start
    if size & (size - 1):
        middle = start + split(size)
        return node_hash(
            range_hash(start, middle, tile_at), range_hash(middle, end, tile_at)
        )
    assert start % size == 0
    return _whole_hash(start, size, tile_at)


def _whole_hash(start: int, size: int, tile_at: Callable[[int, int], bytes]) -> bytes:
    """
    Return the hash of a power of two of leaves that stand together in the tree.
    """
    level, rest = divmod(size.bit_length() - 1, TILE_BITS)
    first = start >> (TILE_BITS * level)
    number, offset = divmod(first, TILE_HASHES)
    hashes = tile_at(level, number)[
        offset * HASH_BYTES : (offset + (1 << rest)) * HASH_BYTES
    ]
    if len(hashes) != (1 << rest) * HASH_BYTES:
        message = (
            f"Tile {number} of level {level} of the tree is cut off or not there: drop"
            " the tree and let the worker build it anew."
        )
        raise CorruptBook(message)
    return combined(hashes)


class Frontier:
    """
    The root over leaves that are told one after the other, with nothing stored.

    It is a second way to a root, shorter than the tiles, by which they are checked.

    Attributes:
        size: How many leaves were told.
    """

    def __init__(self) -> None:
        self.size = 0
        # Of the whole subtrees from left to right: how many leaves, and the hash.
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf_hash: bytes) -> None:
        """
        Add the hash of the next leaf.
        """
        self.size += 1
        width = 1
        while self._peaks and self._peaks[-1][0] == width:
            _, left = self._peaks.pop()
            leaf_hash = node_hash(left, leaf_hash)
            width *= 2
        self._peaks.append((width, leaf_hash))

    def root(self) -> bytes:
        """
        Return the root over all leaves so far.
        """
        if not self._peaks:
            return EMPTY_ROOT

        _, found = self._peaks[-1]
        for _, left in self._peaks[-2::-1]:
            found = node_hash(left, found)
        return found
