"""
The Merkle tree over the book's entries: extended by the worker, proved from, signed.

::

    place      1     2     3     4     5     6     7
    leaf       0     1     2     3     4     5                <- the tree: size 6
                                             |     |
                                          signed   numbered
                                          at 5

The tree follows the places. Like rollups it can be dropped and is built anew, the same;
a book that never had one catches up in steps. What was signed cannot be built anew:
checkpoints are facts, and before another one is signed, the last must still be the
beginning of the book. A book that was changed is not signed.

Laws (tests/services/test_proving.py):
    - *Same tree*: of entries told in any parts, dropped or not, on every store.
    - *Every proof*: of each place, and from each earlier size, verifies against what is
      signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import CorruptBook, UnknownPlaceError
from meterbook.ports import ORIGIN_SETTING, CheckpointRow
from meterbook.proof.checkpoints import Checkpoint, sign_checkpoint
from meterbook.proof.merkle import HASH_BYTES, consistency_ranges, inclusion_ranges
from meterbook.proof.notes import parsed
from meterbook.proof.tiles import TILE_HASHES, Tile, grown, range_hash


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.ports import Clock, Follower, Reader, Store
    from meterbook.proof.keys import Signer
    from meterbook.proof.merkle import Range

# Half a second of hashing, and some hundred tiles to write.
EXTEND_ENTRIES_MAX: Final = 50_000

# How far the tree may stay behind while there is more to post: readings come first, and
# whoever signs has it catch up.
LAG_ENTRIES_MAX: Final = 1_000_000


def extend(
    follower: Follower,
    *,
    entries_max: int = EXTEND_ENTRIES_MAX,
    more_to_post: bool = False,
) -> int:
    """
    Add the next entries to the tree, and return how many there were.

    A place without an entry stops it, and so does a tile that was changed: the worker
    goes on with everything else, and whoever verifies the book is told.

    Args:
        follower: The worker's transaction.

        entries_max: How many to add at the most.

        more_to_post: Whether readings wait for the worker: then the tree does, up to
            LAG_ENTRIES_MAX.
    """
    size = follower.tree.size()
    lag = follower.marks().numbered - size
    limit = min(entries_max, EXTEND_ENTRIES_MAX, lag)
    if limit <= 0 or (more_to_post and lag <= LAG_ENTRIES_MAX):
        return 0

    kept = _edges(follower, size)
    changed: dict[tuple[int, int], Tile] = {}
    added = 0

    def tile_at(level: int, number: int) -> bytes:
        return kept.get((level, number), b"")

    try:
        for hashes in follower.tree_growth.leaf_hashes(after=size, limit=limit):
            tiles = grown(size + added, hashes, tile_at)
            changed |= {(tile.level, tile.number): tile for tile in tiles}
            kept |= {(tile.level, tile.number): tile.hashes for tile in tiles}
            added += len(hashes) // HASH_BYTES
    except CorruptBook:
        return 0
    if added:
        follower.tree_growth.put_tiles(list(changed.values()))
        follower.tree_growth.set_size(size + added)
    return added


def _edges(follower: Follower, size: int) -> dict[tuple[int, int], bytes]:
    """
    Return the last tile of each level, where it is not full.
    """
    edges = {}
    level, width = 0, size
    while width:
        number, there = divmod(width, TILE_HASHES)
        if there:
            edges[level, number] = follower.tree.tile(level, number)
        level, width = level + 1, number
    return edges


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """
    A checkpoint that was signed.

    Attributes:
        checkpoint: What it says.

        note: The note: the text to hand out, byte for byte.

        waiting_count: How many numbered entries it does not cover yet.
    """

    checkpoint: Checkpoint
    note: str
    waiting_count: int


def checkpoint(store: Store, signer: Signer, clock: Clock) -> Signed:
    """
    Sign the head of the book, and keep what was signed.

    Args:
        store: The book's store.

        signer: By whom.

        clock: The book's.

    Raises:
        CorruptBook: The book is not the one that was signed last: it was changed, or a
            backup was restored.
    """
    with store.reading() as reader:
        found = head(reader)
        waiting = reader.marks().numbered - found.size
        require_prefix(reader)
    note = sign_checkpoint(found, [signer])
    row = CheckpointRow(
        size=found.size,
        key_name=signer.name,
        key_id=signer.key_id.hex(),
        made_at=clock.now(),
        note=note,
    )
    with store.writing() as writer:
        writer.add_checkpoint(row)
    return Signed(checkpoint=found, note=note, waiting_count=waiting)


def head(reader: Reader) -> Checkpoint:
    """
    Return the checkpoint of all entries that the tree covers, to be signed.
    """
    return checkpoint_at(reader, reader.tree.size())


def checkpoint_at(reader: Reader, size: int) -> Checkpoint:
    """
    Return the checkpoint of the first *size* entries, to be signed.

    Raises:
        UnknownPlaceError: The tree does not reach so far.
    """
    return Checkpoint(origin=origin_of(reader), size=size, root=root_at(reader, size))


def origin_of(reader: Reader) -> str:
    """
    Return what the book is called in its checkpoints.
    """
    origin = reader.setting(ORIGIN_SETTING)
    if origin is None:
        message = "The book has lost its name for checkpoints (the setting origin)."
        raise CorruptBook(message)
    return origin


def root_at(reader: Reader, size: int) -> bytes:
    """
    Return the root of the tree over the first *size* entries.

    Raises:
        UnknownPlaceError: The tree does not reach so far.
    """
    [root] = _hashes(reader, [(0, size)], size=size)
    return root


def inclusion(reader: Reader, *, place: int, size: int) -> list[bytes]:
    """
    Return the proof that the entry at *place* is among the first *size*.

    Raises:
        UnknownPlaceError: It is not, or the tree does not reach so far.
    """
    if not 1 <= place <= size:
        message = f"Place {place} is not among the first {size}."
        raise UnknownPlaceError(message)
    ranges = inclusion_ranges(index=place - 1, size=size)
    return _hashes(reader, ranges, size=size)


def consistency(reader: Reader, *, old: int, new: int) -> list[bytes]:
    """
    Return the proof that the first *old* entries are the beginning of the first *new*.

    Raises:
        UnknownPlaceError: They are more, or the tree does not reach so far.
    """
    if not 0 <= old <= new:
        message = f"The first {old} entries are not a beginning of the first {new}."
        raise UnknownPlaceError(message)
    ranges = consistency_ranges(old=old, new=new)
    return _hashes(reader, ranges, size=new)


def require_prefix(reader: Reader) -> None:
    """
    Raise unless what was signed last is still the beginning of the book.

    Raises:
        CorruptBook: It is not.
    """
    rows = reader.tree.checkpoints()
    if not rows:
        return

    last = signed_in(rows[-1])
    size = reader.tree.size()
    if last.size > size:
        message = (
            f"{_named(rows[-1])} covers {last.size} entries, and the tree has {size}:"
            " entries were taken out, a backup was restored, or the tree was dropped"
            " and the worker has not built it anew. Verify the book."
        )
        raise CorruptBook(message)
    if last != checkpoint_at(reader, last.size):
        message = (
            f"{_named(rows[-1])} has another root than the same entries have now: an"
            f" entry up to place {last.size} was changed after it was signed. Verify"
            " the book."
        )
        raise CorruptBook(message)


def signed_in(row: CheckpointRow) -> Checkpoint:
    """
    Return what a kept checkpoint says; that its signature is good is not asked.

    Raises:
        MalformedNoteError: It was changed where it was kept.
    """
    text, _ = parsed(row.note.encode())
    return Checkpoint.from_text(text.decode())


def _named(row: CheckpointRow) -> str:
    return f"The checkpoint of {row.key_name} at place {row.size}"


def _hashes(reader: Reader, ranges: Sequence[Range], *, size: int) -> list[bytes]:
    """
    Return the hashes of *ranges* of the first *size* leaves.
    """
    there = reader.tree.size()
    if size > there:
        message = (
            f"The tree covers the first {there} entries, not {size}: let the worker"
            " catch up, or ask for fewer."
        )
        raise UnknownPlaceError(message)
    seen: dict[tuple[int, int], bytes] = {}

    def tile_at(level: int, number: int) -> bytes:
        if (level, number) not in seen:
            seen[level, number] = reader.tree.tile(level, number)
        return seen[level, number]

    return [range_hash(start, end, tile_at) for start, end in ranges]
