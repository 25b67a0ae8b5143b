"""
Verifying the Merkle tree: it is made anew from what the entries say now.

::

    entries   -->  leaves  =  level 0 of the tiles         else: the first that differs
                     |
                   root    =  of each signed checkpoint   else: between which two
                     |
                           =  what the tiles come to

The leaves hold what is said, not the fingerprint that is stored beside it, and the root
is found by the frontier, not from tiles: nothing that is stored is believed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import CorruptBook, MalformedNoteError
from meterbook.ports import ORIGIN_SETTING
from meterbook.proof.leaves import LeafRow, leaf_of
from meterbook.proof.merkle import HASH_BYTES, leaf_hash
from meterbook.proof.tiles import TILE_BYTES, TILE_HASHES, Frontier, combined
from meterbook.services.proofs.proving import root_at, signed_in


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.ports import CheckpointRow, Reader, StoredEntry
    from meterbook.proof.checkpoints import Checkpoint

# Tiles in memory at a time: 8 MB.
PAGE_TILES: Final = 1_000


class TreeCheck:
    """
    One look at the tree of a book, beside the look at its entries.
    """

    def __init__(self, reader: Reader, add: Callable[[str], None]) -> None:
        """
        Args:
            reader: The snapshot.

            add: Called with each problem.
        """
        self._reader = reader
        self._add = add
        self._size = reader.tree.size()
        self._frontier = Frontier()
        self._checkpoints = list(_readable(reader, add))[::-1]
        self._covered = 0
        self._differing: list[tuple[int, StoredEntry]] = []
        self._differing_count = 0

    def look(
        self, entries: Sequence[StoredEntry], fingerprints: Sequence[bytes]
    ) -> None:
        """
        Look at the next entries.

        Args:
            entries: In order of place.

            fingerprints: Of what each says now.
        """
        kept = self._kept(entries)
        for entry, fingerprint in zip(entries, fingerprints, strict=True):
            assert entry.seq is not None
            self._close(entry.seq - 1)
            hash_ = leaf_hash(_leaf(entry, fingerprint))
            self._frontier.add(hash_)
            if entry.seq <= self._size and kept.get(entry.seq) != hash_:
                self._differing_count += 1
                if not self._differing:
                    self._differing.append((entry.seq, entry))

    def end(self, numbered: int) -> None:
        """
        Say what is wrong, after the last entry.

        Args:
            numbered: The last place that was given out.
        """
        self._close(numbered)
        if self._size > numbered:
            self._add(
                f"the tree covers {self._size} entries, more than the last numbered"
                f" place, {numbered}"
            )
        for row, checkpoint in reversed(self._checkpoints):
            self._add(
                f"{_named(row)}: it covers {checkpoint.size} entries, and the book has"
                f" {numbered}: entries were taken out, or a backup was restored"
            )
        for place, entry in self._differing:
            self._add(
                f"place {place}: entry {entry.entry_id} ({entry.source},"
                f" {entry.event_id}) is not the one that the tree has there: it was"
                " changed, or another was put in or taken out before it"
                f" ({self._differing_count} of the places up to {self._size} differ)"
            )
        for problem in _tile_problems(self._reader, self._size):
            self._add(problem)

    def _kept(self, entries: Sequence[StoredEntry]) -> dict[int, bytes]:
        """
        Return the leaf hashes that the tree has at the places of *entries*.
        """
        first, last = entries[0].seq, entries[-1].seq
        assert first is not None
        assert last is not None
        start, end = (first - 1) // TILE_HASHES, (last - 1) // TILE_HASHES + 1
        return {
            tile.number * TILE_HASHES + at // HASH_BYTES + 1: tile.hashes[
                at : at + HASH_BYTES
            ]
            for tile in self._reader.tree.tiles(0, start=start, end=end)
            for at in range(0, len(tile.hashes), HASH_BYTES)
        }

    def _close(self, place: int) -> None:
        """
        Compare the checkpoints that end at *place*, or ended before it.
        """
        while self._checkpoints and self._checkpoints[-1][1].size <= place:
            row, checkpoint = self._checkpoints.pop()
            if self._frontier.root() == checkpoint.root:
                self._covered = checkpoint.size
                continue
            since = f"after place {self._covered} " if self._covered else ""
            self._add(
                f"{_named(row)}: the entries up to there have another root: one"
                f" {since}was changed, put in or taken out since it was signed"
            )


def _leaf(entry: StoredEntry, fingerprint: bytes) -> bytes:
    row = LeafRow(
        kind=entry.kind,
        entry_id=entry.entry_id,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        fingerprint=fingerprint,
    )
    return leaf_of(row)


def _readable(
    reader: Reader, add: Callable[[str], None]
) -> Iterator[tuple[CheckpointRow, Checkpoint]]:
    """
    Yield the checkpoints that say what their rows say, by size.
    """
    origin = reader.setting(ORIGIN_SETTING)
    for row in reader.tree.checkpoints():
        try:
            checkpoint = signed_in(row)
        except MalformedNoteError as error:
            add(f"{_named(row)}: it cannot be read: {error}")
            continue
        if checkpoint.origin != origin:
            add(f"{_named(row)}: it is of {checkpoint.origin}, not of {origin}")
        elif checkpoint.size != row.size:
            add(f"{_named(row)}: it says that it covers {checkpoint.size} entries")
        else:
            yield row, checkpoint


def _named(row: CheckpointRow) -> str:
    return f"the checkpoint of {row.key_name} ({row.key_id}) at place {row.size}"


def _tile_problems(reader: Reader, size: int) -> Iterator[str]:
    """
    Yield what is wrong with the tiles among themselves: the first of each level.
    """
    level, width = 0, size
    while width > 0:
        problem = _level_problem(reader, level, width)
        if problem is not None:
            yield problem
        level, width = level + 1, width // TILE_HASHES
    try:
        root_at(reader, size)
    except CorruptBook as error:
        yield str(error)


def _level_problem(reader: Reader, level: int, width: int) -> str | None:
    """
    Return the first tile of a level of *width* hashes that is not as it must be.
    """
    tiles = -(-width // TILE_HASHES)
    for start in range(0, tiles, PAGE_TILES):
        end = min(start + PAGE_TILES, tiles)
        there = {
            t.number: t.hashes for t in reader.tree.tiles(level, start=start, end=end)
        }
        above = b"".join(
            tile.hashes
            for tile in reader.tree.tiles(
                level + 1, start=start // TILE_HASHES, end=end // TILE_HASHES + 1
            )
        )
        for number in range(start, end):
            hashes = there.get(number, b"")
            length = min(TILE_HASHES, width - number * TILE_HASHES) * HASH_BYTES
            at = (number - start // TILE_HASHES * TILE_HASHES) * HASH_BYTES
            whole = length == TILE_BYTES
            if len(hashes) != length or (
                whole and combined(hashes) != above[at : at + HASH_BYTES]
            ):
                return (
                    f"tile {number} of level {level} of the tree is not what the levels"
                    " beside it say: drop the tree and let the worker build it anew"
                )
    return None
