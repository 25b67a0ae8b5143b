"""
The Merkle tree over a book: always the same, proved from, and signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meterbook import Book
from meterbook.foundation.errors import UnknownPlaceError
from meterbook.proof.checkpoints import open_checkpoint
from meterbook.proof.merkle import verify_consistency, verify_inclusion
from meterbook.services.proofs import proving
from meterbook.services.worker.following import work_once
from services.books import START, event, on_postgres
from services.trees import (
    ACME,
    LATER,
    entries,
    fill,
    forget,
    said_leaf,
    said_root,
    sign,
    tiles,
    told_book,
)


if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["sqlite", "postgres"])
def told(request: pytest.FixtureRequest) -> Iterator[Book]:
    with told_book(request) as book:
        yield book


def test_the_tree_is_over_the_entries(told: Book) -> None:
    """
    At every size the root is that of the RFC over the leaves of the entries, in order
    of place, whatever kind they are of.
    """
    told.work()
    found = entries(told)
    hashes = [said_leaf(entry) for entry in found]

    assert {entry.kind for entry in found} >= {0, 1, 2}
    assert any(entry.occurred_at < 0 for entry in found)
    with told._store.reading() as reader:
        assert reader.tree.size() == len(found) == reader.marks().numbered
        for size in range(1, len(found) + 1):
            assert proving.root_at(reader, size) == said_root(hashes[:size])


def test_every_proof_verifies(told: Book) -> None:
    """
    Of each place, in the tree of each size, and from each size to each later one.
    """
    told.work()
    hashes = [said_leaf(entry) for entry in entries(told)]
    with told._store.reading() as reader:
        roots = [proving.root_at(reader, size) for size in range(len(hashes) + 1)]
        for size in (1, 2, 7, 16, 17, len(hashes)):
            for place in range(1, size + 1):
                assert verify_inclusion(
                    leaf=hashes[place - 1],
                    index=place - 1,
                    size=size,
                    proof=proving.inclusion(reader, place=place, size=size),
                    root=roots[size],
                )
            for old in range(size + 1):
                assert verify_consistency(
                    old=old,
                    new=size,
                    proof=proving.consistency(reader, old=old, new=size),
                    old_root=roots[old],
                    new_root=roots[size],
                )


def test_the_tree_does_not_depend_on_steps(told: Book) -> None:
    """
    Built entry by entry, in one go, or anew after it was dropped: the same tiles.
    """
    told.work()
    whole = tiles(told)
    forget(told)
    assert tiles(told) == []

    count = len(entries(told))
    for steps in (1, 10, 1_000):
        forget(told)
        added = [
            work_once(told._store, entries_max=steps).extended
            for _ in range(count // steps + 1)
        ]
        assert max(added) <= steps
        assert sum(added) == count
        assert tiles(told) == whole


def test_a_book_without_a_tree_catches_up(told: Book) -> None:
    """
    A book from before there were trees gets one while the worker goes on.
    """
    told.work()
    whole = tiles(told)
    forget(told)
    told.record([event("new", time=START)])

    step = work_once(told._store, entries_max=5)
    assert (step.posted, step.extended) == (1, 5)
    assert told.work().extended == len(entries(told)) - 5
    assert told.work().idle
    assert len(tiles(told)) == len(whole)
    assert told.verify().sound


def test_a_checkpoint_is_signed_and_kept(told: Book) -> None:
    """
    What was signed says how many entries there are, is kept, and is signed once.
    """
    told.work()
    signed = sign(told)

    assert signed.checkpoint.size == len(entries(told))
    assert signed.waiting_count == 0
    assert open_checkpoint(signed.note.encode(), [ACME.verifier]) == signed.checkpoint
    assert sign(told).note == signed.note
    assert sign(told, LATER).note != signed.note
    with told._store.reading() as reader:
        kept = reader.tree.checkpoints()
    assert [row.note for row in kept] == [signed.note, sign(told, LATER).note]
    assert {row.key_id for row in kept} == {ACME.key_id.hex(), LATER.key_id.hex()}
    assert told.verify().sound


def test_a_checkpoint_says_what_is_not_in_it(told: Book) -> None:
    """
    Where the worker is behind, the checkpoint covers what it got to, and says so.
    """
    told.work()
    size = sign(told).checkpoint.size
    told.record([event("late", time=START)])
    with told._store.following() as follower:
        assert follower is not None
        follower.number()

    signed = sign(told)
    assert (signed.checkpoint.size, signed.waiting_count) == (size, 1)
    told.work()
    assert (sign(told).checkpoint.size, sign(told).waiting_count) == (size + 1, 0)


def test_an_empty_book_has_a_head(book: Book) -> None:
    """
    Before anything was recorded the checkpoint is of no entries, and is a beginning.
    """
    first = sign(book).checkpoint
    book.record([event("1", time=START)])
    book.work()
    second = sign(book).checkpoint

    assert (first.size, second.size) == (0, 1)
    assert first.origin == second.origin
    with book._store.reading() as reader:
        assert proving.consistency(reader, old=0, new=1) == []


def test_books_have_origins_of_their_own() -> None:
    """
    Two books never sign under one name, unless one is a copy of the other.
    """
    origins = set()
    for _ in range(3):
        with Book.create(":memory:") as book, book._store.reading() as reader:
            origins.add(proving.origin_of(reader))

    assert len(origins) == 3


def test_what_is_not_there_is_not_proved(told: Book) -> None:
    """
    Places and sizes beyond the tree are refused by their number.
    """
    told.work()
    size = len(entries(told))
    with told._store.reading() as reader:
        for ask in (
            lambda: proving.root_at(reader, size + 1),
            lambda: proving.inclusion(reader, place=0, size=size),
            lambda: proving.inclusion(reader, place=5, size=4),
            lambda: proving.inclusion(reader, place=5, size=size + 1),
            lambda: proving.consistency(reader, old=5, new=4),
            lambda: proving.consistency(reader, old=-1, new=4),
            lambda: proving.consistency(reader, old=1, new=size + 1),
        ):
            with pytest.raises(UnknownPlaceError):
                ask()


def test_leaves_are_hashed_in_parts(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    On PostgreSQL the tree is the same in whatever parts the server hashes it.
    """
    with on_postgres(postgres_dsn) as book:
        fill(book)
        book.work()
        whole = tiles(book)
        for part in (1, 7, len(entries(book)), 1_000):
            monkeypatch.setattr("meterbook.stores.postgres.proving.PART_ENTRIES", part)
            forget(book)
            book.work()
            assert tiles(book) == whole


def test_readings_come_before_the_tree(
    told: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    While there is more to post the tree waits, but not for ever.
    """
    count = told.status().waiting_count
    monkeypatch.setattr("meterbook.services.proofs.proving.LAG_ENTRIES_MAX", count - 7)
    steps = [work_once(told._store, entries_max=5) for _ in range(2 * count)]

    posted = [step.posted for step in steps if step.posted]
    extended = [step.extended for step in steps]
    assert (sum(posted), sum(extended)) == (count, count)
    assert extended[0] == 5
    assert extended[2] == 0
    assert told.work().idle
