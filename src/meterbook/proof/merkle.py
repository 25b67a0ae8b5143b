r"""
Merkle trees: one hash over many leaves, and short proofs of what is among them.

::

              root                     size 7: a hash over all leaves, in order
           /        \
         .            .                proof of leaf 2: the hashes at the side of its
       /   \        /   \              way to the root (3, then 0..1, then 4..6)
      .     .      .     6
     / \   / \    / \                  proof that the tree of size 4 is its beginning:
    0   1 2   3  4   5                 the hash of 4..6

A proof is a list of hashes of ranges of leaves, nearest first. So there are two halves:
which ranges (`inclusion_ranges`, `consistency_ranges`), and the hash of a range, which
a list of leaves can tell as well as a stored tree (`proof/tiles.py`).

To verify needs no tree: the root, the proof, and two numbers.

Laws (tests/laws/test_merkle.py):
    - *Whole*: every proof of every tree verifies, for trees of every shape.
    - *Tight*: with a bit changed anywhere, in leaf, root, size, place or proof, it does
      not; nor with a hash too many or too few.
    - *Oracle*: roots and proofs are those of the recursive definition in the RFC.

Source:
    RFC 6962, section 2.1; how to verify: RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib

from typing import TYPE_CHECKING, Final, TypeAlias


if TYPE_CHECKING:
    from collections.abc import Sequence


HASH_BYTES: Final = 32

# The root of the tree that has no leaves.
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

# Leaves and nodes are hashed apart, or a node could be passed off as a leaf.
LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"

# The leaves from the first number on, and before the second.
Range: TypeAlias = tuple[int, int]


def leaf_hash(leaf: bytes) -> bytes:
    """
    Return the hash of a leaf.
    """
    return hashlib.sha256(LEAF_PREFIX + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """
    Return the hash over two hashes.
    """
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """
    Return the root of the tree over leaf hashes.
    """
    if not hashes:
        return EMPTY_ROOT

    level = list(hashes)
    while len(level) > 1:
        level = paired(level)
    return level[0]


def paired(level: list[bytes]) -> list[bytes]:
    """
    Return the level above one: a hash for each two, and an odd last one as it is.
    """
    sha256 = hashlib.sha256
    above = [
        sha256(NODE_PREFIX + left + right).digest()
        for left, right in zip(level[::2], level[1::2], strict=False)
    ]
    if len(level) % 2:
        above.append(level[-1])
    return above


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """
    Return the proof that a leaf is in the tree over *hashes*.

    Args:
        hashes: The leaf hashes of the whole tree.

        index: Of the leaf, from 0.
    """
    ranges = inclusion_ranges(index=index, size=len(hashes))
    return [root(hashes[start:end]) for start, end in ranges]


def consistency_proof(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """
    Return the proof that the first *old* leaves were the whole tree once.

    Args:
        hashes: The leaf hashes of the whole tree.

        old: The size it had. Of a tree without leaves there is nothing to prove.
    """
    ranges = consistency_ranges(old=old, new=len(hashes))
    return [root(hashes[start:end]) for start, end in ranges]


def inclusion_ranges(*, index: int, size: int) -> list[Range]:
    """
    Return the ranges of leaves whose hashes prove that the leaf at *index* is there.
    """
    assert 0 <= index < size
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(*, old: int, new: int) -> list[Range]:
    """
    Return the ranges of leaves whose hashes prove that one tree is another's beginning.
    """
    assert 0 <= old <= new
    if old in {0, new}:
        return []

    ranges: list[Range] = []
    start, end = 0, new
    while end != old:
        middle = start + split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    # The old tree itself is known to whoever verifies, a part of it is not.
    if start > 0:
        ranges.append((start, end))
    return ranges[::-1]


def split(size: int) -> int:
    """
    Return how many of *size* leaves are on the left: the largest power of two below.
    """
    assert size > 1
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(
    *, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """
    Tell whether *proof* shows that a leaf is in a tree.

    Args:
        leaf: The hash of the leaf (`leaf_hash`).

        index: Of the leaf, from 0.

        size: Of the tree.

        proof: Hashes, nearest first.

        root: Of the tree.
    """
    if not (0 <= index < size and _are_hashes((leaf, root, *proof))):
        return False

    at, last, found = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            return False
        if at % 2 or at == last:
            found = node_hash(hash_, found)
            at, last = _up_to_right_child(at, last)
        else:
            found = node_hash(found, hash_)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    *,
    old: int,
    new: int,
    proof: Sequence[bytes],
    old_root: bytes,
    new_root: bytes,
) -> bool:
    """
    Tell whether *proof* shows that the old tree is the beginning of the new one.

    Args:
        old: The size of the old tree.

        new: The size of the new one.

        proof: Hashes, nearest first.

        old_root: Of the old tree.

        new_root: Of the new one.
    """
    if not (0 <= old <= new and _are_hashes((old_root, new_root, *proof))):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT

    # A whole old tree is a hash in the new one: it is not in the proof.
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        return False
    at, last = old - 1, new - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    before = after = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            before, after = node_hash(hash_, before), node_hash(hash_, after)
            at, last = _up_to_right_child(at, last)
        else:
            after = node_hash(after, hash_)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _up_to_right_child(at: int, last: int) -> tuple[int, int]:
    """
    Return where the way goes up past levels at which nothing is beside it.
    """
    while at % 2 == 0 and at != 0:
        at, last = at >> 1, last >> 1
    return at, last


def _are_hashes(hashes: Sequence[bytes]) -> bool:
    return all(len(hash_) == HASH_BYTES for hash_ in hashes)
