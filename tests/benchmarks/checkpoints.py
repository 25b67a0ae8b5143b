"""
The Merkle tree: extending it over entries that have places, and what proofs cost.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, Outcome, Samples, at_least, at_most, timed
from benchmarks.pairs import fill_rows, named
from benchmarks.workloads import usual
from meterbook.proof.keys import Signer
from meterbook.services.proofs.evidence import file_text, verify_file
from meterbook.services.proofs.proving import checkpoint, extend


if TYPE_CHECKING:
    from benchmarks.places import Kept, Places
    from meterbook.app import Book
    from meterbook.ports import Store

TITLE = "The Merkle tree is extended, the head signed, an entry proved and verified"

TARGET = 100_000

# Many can be made and verified while somebody waits for a page.
VERIFYING_MS = 10

SIGNER = Signer(name="bench.example/book", seed=bytes(32))


def run(places: Places) -> Outcome:
    scale = places.scale
    entries = scale.of(quick=600, full=200_000, large=1_000_000)
    rounds = scale.of(quick=1, full=5)
    figures: list[Figure] = []
    for store, place in (("SQLite", places.file), ("PostgreSQL", places.schema)):
        kept = place("checkpoints")
        with kept.created() as book, contextlib.closing(kept.store()) as opened:
            _fill(places, kept, opened, entries)
            figures += _figures(book, opened, store, entries=entries, rounds=rounds)
        places.forget(kept)
    return Outcome(sizes={"entries": entries, "rounds": rounds}, figures=figures)


def _fill(places: Places, kept: Kept, store: Store, entries: int) -> None:
    """
    Record the entries and give them places: the tree needs nothing else.
    """
    usage = usual(places.scale, expected=entries)
    people = named(kept, usage.subjects)
    for rows in fill_rows(usage.events, people, entries):
        store.append(rows)
    with store.following() as follower:
        assert follower is not None
        follower.number()
    kept.settle()


def _figures(
    book: Book, store: Store, name: str, *, entries: int, rounds: int
) -> list[Figure]:
    extending = tuple(entries / _extended(store, entries) for _ in range(rounds))
    signing = tuple(1_000 * timed(lambda: _signed(book)) for _ in range(rounds))
    content = file_text(book.proofs.inclusion(place=entries // 2)).encode()
    keys = [SIGNER.verifier]
    verifying = [timed(lambda: verify_file(content, keys)) for _ in range(rounds)]
    return [
        Figure(
            what=f"{name}, the tree extended",
            ours=Samples("ours", "entries/s", extending),
            target=at_least(TARGET),
        ),
        Figure(
            what=f"{name}, the head signed and kept",
            ours=Samples("ours", "ms", signing),
        ),
        Figure(
            what=f"{name}, an entry's proof verified",
            ours=Samples("ours", "ms", tuple(1_000 * each for each in verifying)),
            target=at_most(VERIFYING_MS),
        ),
    ]


def _extended(store: Store, entries: int) -> float:
    """
    Return how many seconds the tree over so many *entries* takes, in steps, from none.
    """
    with store.following() as follower:
        assert follower is not None
        follower.tree_growth.forget()

    def extend_all() -> None:
        done = 1
        while done:
            with store.following() as follower:
                assert follower is not None
                done = extend(follower)

    seconds = timed(extend_all)
    with store.reading() as reader:
        assert reader.tree.size() == entries
    return seconds


def _signed(book: Book) -> None:
    """
    Sign as a book does, but without the worker, which would post all entries first.
    """
    checkpoint(book._store, SIGNER, book._clock)
