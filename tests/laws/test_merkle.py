"""
The laws of Merkle trees.
"""

from __future__ import annotations

import hashlib

from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.proof.leaves import LeafRow, leaf_of
from meterbook.proof.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)


if TYPE_CHECKING:
    from collections.abc import Sequence


LEAVES_MAX = 70

# The tree of each size, over leaves that differ.
HASHES = [leaf_hash(bytes([n])) for n in range(LEAVES_MAX)]

sizes = st.integers(1, LEAVES_MAX)


# --- the RFC's own words, as recursion ------------------------------------------------


def said_root(leaves: Sequence[bytes]) -> bytes:
    """
    Return MTH(D[n]), section 2.1.
    """
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = said_split(len(leaves))
    left, right = said_root(leaves[:k]), said_root(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def said_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """
    Return PATH(m, D[n]), section 2.1.1.
    """
    if len(leaves) == 1:
        return []
    k = said_split(len(leaves))
    if m < k:
        return [*said_path(m, leaves[:k]), said_root(leaves[k:])]
    return [*said_path(m - k, leaves[k:]), said_root(leaves[:k])]


def said_subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """
    Return SUBPROOF(m, D[n], b), section 2.1.2.
    """
    if m == len(leaves):
        return [] if whole else [said_root(leaves)]
    k = said_split(len(leaves))
    if m <= k:
        return [*said_subproof(m, leaves[:k], whole=whole), said_root(leaves[k:])]
    return [*said_subproof(m - k, leaves[k:], whole=False), said_root(leaves[:k])]


def said_split(n: int) -> int:
    """
    Return the largest power of two smaller than n.
    """
    return max(1 << e for e in range(n.bit_length()) if 1 << e < n)


def leaves(size: int) -> list[bytes]:
    return [bytes([n]) for n in range(size)]


def test_trees_are_those_of_the_standard() -> None:
    """
    Root and proofs of every tree are what the RFC's recursive definition says.
    """
    for size in range(1, 34):
        said = leaves(size)
        assert root(HASHES[:size]) == said_root(said)
        for m in range(size):
            assert inclusion_proof(HASHES[:size], m) == said_path(m, said)
        for m in range(1, size + 1):
            assert consistency_proof(HASHES[:size], m) == said_subproof(
                m, said, whole=True
            )
    assert root([]) == EMPTY_ROOT == said_root([])


def test_every_proof_verifies() -> None:
    """
    Of each leaf of each tree, and from each tree to each larger one.
    """
    for size in range(1, LEAVES_MAX + 1):
        tree = HASHES[:size]
        top = root(tree)
        for index in range(size):
            assert verify_inclusion(
                leaf=tree[index],
                index=index,
                size=size,
                proof=inclusion_proof(tree, index),
                root=top,
            )
        for old in range(size + 1):
            assert verify_consistency(
                old=old,
                new=size,
                proof=consistency_proof(tree, old),
                old_root=root(tree[:old]),
                new_root=top,
            )


def bent(hashes: list[bytes], bit: int) -> list[bytes]:
    """
    Return *hashes* with one bit changed; bits are counted round and round.
    """
    which, at = divmod(bit % (256 * len(hashes)), 256)
    value = int.from_bytes(hashes[which], "big") ^ (1 << at)
    return [*hashes[:which], value.to_bytes(32, "big"), *hashes[which + 1 :]]


@given(size=sizes, index=st.integers(0), bit=st.integers(0), other=st.integers(-2, 99))
@example(size=1, index=0, bit=0, other=1)
@example(size=7, index=6, bit=300, other=5)
def test_a_proof_of_inclusion_is_tight(
    size: int, index: int, bit: int, other: int
) -> None:
    """
    With one bit changed anywhere, another place or size, or a hash too many or too few,
    a proof of inclusion does not verify.
    """
    tree, index = HASHES[:size], index % size
    top, proof = root(tree), inclusion_proof(tree, index)

    def holds(hashes: list[bytes], index: int = index, size: int = size) -> bool:
        leaf, top, *rest = hashes
        return verify_inclusion(leaf=leaf, index=index, size=size, proof=rest, root=top)

    right = [tree[index], top, *proof]
    assert holds(right)
    assert not holds(bent(right, bit))
    assert not holds([*right, HASHES[0]])
    assert not holds([right[0], right[1], HASHES[0], *proof])
    assert not proof or not holds(right[:-1])
    assert not holds([hash_[:-1] for hash_ in right])
    assert other == index or not holds(right, index=other)


@given(size=sizes, old=st.integers(0), bit=st.integers(0), other=st.integers(-2, 99))
@example(size=8, old=4, bit=0, other=3)
@example(size=8, old=8, bit=0, other=7)
@example(size=8, old=0, bit=1, other=1)
@example(size=7, old=3, bit=600, other=4)
def test_a_proof_of_consistency_is_tight(
    size: int, old: int, bit: int, other: int
) -> None:
    """
    Likewise a proof that one tree is the beginning of another.
    """
    tree, old = HASHES[:size], old % (size + 1)
    right = [root(tree[:old]), root(tree), *consistency_proof(tree, old)]

    def holds(hashes: list[bytes], old: int = old, new: int = size) -> bool:
        old_root, new_root, *rest = hashes
        return verify_consistency(
            old=old, new=new, proof=rest, old_root=old_root, new_root=new_root
        )

    assert holds(right)
    # Of the empty tree nothing is proved, so nothing is said of the new root.
    changed = bent(right[:1], bit) + right[1:] if old == 0 else bent(right, bit)
    assert not holds(changed)
    assert not holds([*right, HASHES[0]])
    assert len(right) == 2 or not holds(right[:-1])
    assert not holds([hash_[:-1] for hash_ in right])
    assert other == old or not holds(right, old=other)


@given(
    size=sizes,
    new=st.integers(0, 90),
    proof=st.lists(st.sampled_from(HASHES), max_size=9),
)
def test_a_proof_that_was_made_up_does_not_verify(
    size: int, new: int, proof: list[bytes]
) -> None:
    """
    Hashes of the tree in any order prove nothing of another tree.
    """
    other = leaf_hash(b"another")

    assert not verify_inclusion(
        leaf=other, index=0, size=size, proof=proof, root=root(HASHES[:size])
    )
    assert not verify_consistency(
        old=size, new=new, proof=proof, old_root=root(HASHES[:size]), new_root=other
    )


@given(sizes=st.lists(sizes, min_size=3, max_size=3).map(sorted))
def test_consistency_goes_on(sizes: list[int]) -> None:
    """
    What is the beginning of a beginning is a beginning.
    """
    roots = [root(HASHES[:size]) for size in sizes]

    for a, b in [(0, 1), (1, 2), (0, 2)]:
        assert verify_consistency(
            old=sizes[a],
            new=sizes[b],
            proof=consistency_proof(HASHES[: sizes[b]], sizes[a]),
            old_root=roots[a],
            new_root=roots[b],
        )


# --- leaves ---------------------------------------------------------------------------

rows = st.builds(
    LeafRow,
    kind=st.integers(0, 3),
    entry_id=st.sampled_from([1, 2, 2**63 - 1]),
    occurred_at=st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1]),
    recorded_at=st.sampled_from([-1, 0, 1, 1_700_000_000_000_000]),
    fingerprint=st.sampled_from([bytes(32), bytes(31) + b"\x01"]),
)


@given(one=rows, other=rows)
def test_entries_that_differ_have_leaves_that_differ(
    one: LeafRow, other: LeafRow
) -> None:
    """
    A leaf has every part, each of its own length: equal leaves are of equal entries.
    """
    assert (leaf_of(one) == leaf_of(other)) == (one == other)


def test_the_written_form_of_a_leaf_is_kept() -> None:
    """
    The bytes of a leaf are a promise: checkpoints that were handed out rest on them.
    """
    row = LeafRow(
        kind=3,
        entry_id=258,
        occurred_at=-1,
        recorded_at=1_700_000_000_000_000,
        fingerprint=bytes(range(32)),
    )

    assert leaf_of(row) == bytes.fromhex(
        "01 03 0000000000000102 ffffffffffffffff 00060a24181e4000"
    ) + bytes(range(32))
