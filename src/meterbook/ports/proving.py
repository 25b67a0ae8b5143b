"""
What the Merkle tree over the entries is kept by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterbook.proof.tiles import Tile

# What the book is called in its checkpoints, for ever. Made with the book.
ORIGIN_SETTING = "origin"


class CheckpointRow(NamedTuple):
    """
    A checkpoint that was signed.

    Attributes:
        size: How many entries it covers.

        key_name: Who signed it.

        key_id: With which key of that name, in hex.

        made_at: When, by the book's clock.

        note: The note as it was handed out.
    """

    size: int
    key_name: str
    key_id: str
    made_at: int
    note: str


class TreeReader(Protocol):
    """
    The tree as one snapshot of the book has it.
    """

    def size(self) -> int:
        """
        Return how many entries, from place 1 on, are leaves of it.
        """
        ...

    def tile(self, level: int, number: int) -> bytes:
        """
        Return the hashes of a tile, nothing if there is none.
        """
        ...

    def tiles(self, level: int, *, start: int, end: int) -> list[Tile]:
        """
        Return the tiles of a level with start <= number < end, in order.
        """
        ...

    def checkpoints(self) -> list[CheckpointRow]:
        """
        Return every checkpoint that was signed, by size and then by when.
        """
        ...


class TreeGrower(Protocol):
    """
    The tree as the worker extends it.
    """

    def leaf_hashes(self, *, after: int, limit: int) -> Iterator[bytes]:
        """
        Yield the leaf hashes of entries at places above *after*, in parts, one after
        the other in each.

        At most *limit* of them, and none beyond a place that has no entry. Nothing else
        is asked of the transaction until the last part was taken.
        """
        ...

    def put_tiles(self, tiles: Sequence[Tile]) -> None:
        """
        Write tiles, replacing those that exist.
        """
        ...

    def set_size(self, size: int) -> None:
        """
        Move the mark up to which every entry is a leaf.
        """
        ...

    def forget(self) -> None:
        """
        Drop the tree; the worker builds it anew. Signed checkpoints stay.
        """
        ...
