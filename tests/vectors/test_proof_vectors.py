"""
Worked cases of standards about hashes and signatures.

A case is run, or it is in NOT_OURS with the reason; a test proves that there is no
third way.
"""

from __future__ import annotations

import base64
import hashlib
import json

from typing import TYPE_CHECKING

import pytest

from meterbook.metering.canonical import canonical_text
from meterbook.proof.keys import Signer
from meterbook.proof.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from meterbook.proof.tiles import Frontier, grown, leaf_hashes, range_hash
from vectors.cases import Case, all_cases, require_vectors


if TYPE_CHECKING:
    from collections.abc import Callable


require_vectors()

PREFIXES = ("merkle.", "hash_chain", "signature.", "canonical_json")

NOT_OURS = {
    "hash-chain-3": (
        "no chain: a Merkle tree over the same order tells as much, proves an entry"
        " without all the others, and its head is signed (decision 0014)"
    ),
}


def leaves(case: Case) -> list[bytes]:
    return [bytes.fromhex(text) for text in case.inputs["leaves_hex"]]


def hexes(hashes: list[bytes]) -> list[str]:
    return [hash_.hex() for hash_ in hashes]


# --- by kind --------------------------------------------------------------------------


def tree_root(case: Case) -> None:
    """
    The root over a list, over tiles, and by the frontier.
    """
    said = leaves(case)
    hashes = [leaf_hash(leaf) for leaf in said]
    tiles = {
        tile[:2]: tile.hashes for tile in grown(0, leaf_hashes(said), lambda *_: b"")
    }
    frontier = Frontier()
    for hash_ in hashes:
        frontier.add(hash_)

    expected = bytes.fromhex(case.expected["root"])
    assert root(hashes) == expected
    assert range_hash(0, len(hashes), lambda *at: tiles[at]) == expected
    assert frontier.root() == expected


def inclusion(case: Case) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves(case)]
    index, size = case.inputs["index"], case.inputs["size"]
    path = inclusion_proof(hashes[:size], index)

    assert hexes(path) == case.expected["path"]
    assert root(hashes[:size]).hex() == case.expected["root"]
    assert verify_inclusion(
        leaf=hashes[index],
        index=index,
        size=size,
        proof=path,
        root=bytes.fromhex(case.expected["root"]),
    )


def consistency(case: Case) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves(case)]
    old, new = case.inputs["old"], case.inputs["new"]
    path = consistency_proof(hashes[:new], old)

    assert hexes(path) == case.expected["proof"]
    assert root(hashes[:old]).hex() == case.expected["old_root"]
    assert root(hashes[:new]).hex() == case.expected["new_root"]
    assert verify_consistency(
        old=old,
        new=new,
        proof=path,
        old_root=bytes.fromhex(case.expected["old_root"]),
        new_root=bytes.fromhex(case.expected["new_root"]),
    )


def signature(case: Case) -> None:
    """
    The signature of a JWS is over its own bytes: our keys make and verify it. The
    envelope around it is not ours: signed notes are text that people can read.
    """
    signed, _, text = case.expected["jws"].rpartition(".")
    header, payload = signed.split(".")
    assert unpadded(header) == b'{"alg":"EdDSA"}'
    assert unpadded(payload).decode() == case.inputs["payload"]

    signer = Signer(name="rfc8037", seed=unpadded(case.inputs["d"]))
    assert signer.verifier.public == unpadded(case.inputs["x"])
    assert signer.sign(signed.encode()) == unpadded(text)
    assert signer.verifier.verify(signed.encode(), unpadded(text))
    assert not signer.verifier.verify(payload.encode(), unpadded(text))


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(case: Case) -> None:
    """
    Keys in order, amounts as text: our canonical text is that of JCS.
    """
    data = json.loads(case.inputs["json_text"])
    text = canonical_text(data, field="data")

    assert isinstance(text, bytes)
    assert text.decode() == case.expected["canonical"]
    assert hashlib.sha256(text).hexdigest() == case.expected["sha256"]


RUN: dict[str, Callable[[Case], None]] = {
    "canonical_json": canonical,
    "merkle.consistency": consistency,
    "merkle.inclusion": inclusion,
    "merkle.root": tree_root,
    "signature.jws": signature,
}

OF_OUR_KINDS = [case for case in all_cases() if case.kind.startswith(PREFIXES)]


@pytest.mark.parametrize(
    "case",
    [case for case in OF_OUR_KINDS if case.id not in NOT_OURS],
    ids=lambda case: case.id,
)
def test_a_case_is_what_its_source_says(case: Case) -> None:
    """
    Our hashes, proofs, signatures and texts are those of the standards.
    """
    RUN[case.kind](case)


def test_no_case_is_left_out_in_silence() -> None:
    """
    Every case of these kinds is run, or listed with the reason why it is not ours.
    """
    ids = {case.id for case in OF_OUR_KINDS}
    not_run = {case.id for case in OF_OUR_KINDS if case.kind not in RUN}

    assert not_run <= NOT_OURS.keys() <= ids
    assert {case.kind for case in OF_OUR_KINDS} >= RUN.keys()


def test_the_tree_tells_what_the_chain_tells() -> None:
    """
    By our rule, what the case of the hash chain asks for: an entry that was edited
    changes the root, and the last one that was dropped is caught by the signed head.
    """
    [case] = [case for case in OF_OUR_KINDS if case.id == "hash-chain-3"]
    said = [repr(entry).encode() for entry in case.inputs["entries"]]
    hashes = [leaf_hash(leaf) for leaf in said]
    edited = [hashes[0], leaf_hash(b"edited"), hashes[2]]

    assert root(edited) != root(hashes)
    assert root(hashes[:2]) != root(hashes)
    assert not verify_consistency(
        old=3, new=2, proof=[], old_root=root(hashes), new_root=root(hashes[:2])
    )
    assert root(edited[:1]) == root(hashes[:1])
