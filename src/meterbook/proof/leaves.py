"""
The leaf of an entry: the bytes of it that no number may change behind one's back.

::

    1 byte    version of this layout: 1
    1 byte    kind: event, void, attribution, statement
    8 bytes   entry id          what voids name their targets by
    8 bytes   occurred_at       where no time was stated, the receipt stands in for it
    8 bytes   recorded_at       what people are shown
    32 bytes  fingerprint       everything that the source stated

Every part has its length, so no two entries share a leaf. The fingerprint alone would
not do: it leaves out an absent time, and to move that would move usage to another
period. Numbers are big endian with a sign, as PostgreSQL's `int8send` writes them.
Names of people are not in it, so they can be erased.

Source:
    Our choice: docs/decisions/0014-a-leaf-is-more-than-the-fingerprint.md.
"""

from __future__ import annotations

import struct

from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


LEAF_VERSION: Final = 1
FINGERPRINT_BYTES: Final = 32

_LEAF: Final = struct.Struct(f">BBqqq{FINGERPRINT_BYTES}s")


class LeafRow(NamedTuple):
    """
    The columns of an entry that its leaf is made of.
    """

    kind: int
    entry_id: int
    occurred_at: int
    recorded_at: int
    fingerprint: bytes


def leaf_of(row: LeafRow) -> bytes:
    """
    Return the leaf of an entry.
    """
    return _LEAF.pack(LEAF_VERSION, *row)


def leaves_of(rows: Iterable[tuple[int, int, int, int, bytes]]) -> Iterator[bytes]:
    """
    Yield the leaves of entries; *rows* are as a database gives them, for a `LeafRow`.
    """
    # Without a step in Python for each: a tree is made of millions.
    return starmap(partial(_LEAF.pack, LEAF_VERSION), rows)
