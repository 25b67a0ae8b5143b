"""
The Merkle tree over the entries of a SQLite book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, cast

from meterbook.ports import CheckpointRow
from meterbook.proof.leaves import leaves_of
from meterbook.proof.tiles import Tile, leaf_hashes
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    import sqlite3

    from collections.abc import Iterator, Sequence


# As in LeafRow.
_Leaf: TypeAlias = tuple[int, int, int, int, bytes]

PROVING: Final = statements("sqlite", "proving")


class SqliteTree:
    """
    A `TreeReader` and a `TreeGrower` over the transaction that is open.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def size(self) -> int:
        """
        Return how many entries, from place 1 on, are leaves of it.
        """
        (size,) = self._connection.execute(PROVING["tree_size"]).fetchone()
        return cast("int", size)

    def tile(self, level: int, number: int) -> bytes:
        """
        Return the hashes of a tile, nothing if there is none.
        """
        values = {"level": level, "tile": number}
        row = self._connection.execute(PROVING["tile"], values).fetchone()
        return row[0] if row else b""

    def tiles(self, level: int, *, start: int, end: int) -> list[Tile]:
        """
        Return the tiles of a level with start <= number < end, in order.
        """
        values = {"level": level, "start": start, "end": end}
        return list(map(Tile._make, self._connection.execute(PROVING["tiles"], values)))

    def checkpoints(self) -> list[CheckpointRow]:
        """
        Return every checkpoint that was signed, by size and then by when.
        """
        rows = self._connection.execute(PROVING["checkpoints"])
        return list(map(CheckpointRow._make, rows))

    def leaf_hashes(self, *, after: int, limit: int) -> Iterator[bytes]:
        """
        Yield the leaf hashes of entries at places above *after*, all in one part.

        At most *limit* of them, and none beyond a place that has no entry.
        """
        values = {"after": after, "limit": limit}
        rows = self._connection.execute(PROVING["leaves"], values).fetchall()
        yield leaf_hashes(leaves_of(_joined(rows, after)))

    def put_tiles(self, tiles: Sequence[Tile]) -> None:
        """
        Write tiles, replacing those that exist.
        """
        self._connection.executemany(PROVING["put_tile"], tiles).close()

    def set_size(self, size: int) -> None:
        """
        Move the mark up to which every entry is a leaf.
        """
        self._connection.execute(PROVING["set_tree_size"], {"size": size}).close()

    def forget(self) -> None:
        """
        Drop the tree; the worker builds it anew. Signed checkpoints stay.
        """
        self._connection.execute(PROVING["forget_tiles"]).close()
        self.set_size(0)


def _joined(rows: list[_Leaf], after: int) -> list[_Leaf]:
    """
    Return the rows before the first gap in their places.
    """
    # Ids ascend, and nearly always nothing is missing: then the last tells of all.
    if not rows or rows[-1][1] == after + len(rows):
        return rows
    places = range(after + 1, after + 1 + len(rows))
    return [row for place, row in zip(places, rows, strict=True) if row[1] == place]
