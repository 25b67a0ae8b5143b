"""
A book that was changed behind its back: what its tree and its checkpoints tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meterbook.foundation.errors import CorruptBook, MeterbookError, StoreError
from meterbook.services.proofs import proving
from services.books import NOW, START, event, on_postgres
from services.trees import (
    ACME,
    entries,
    forget,
    run_sql,
    sign,
    tamper,
    tiles,
    told_book,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meterbook import Book


@pytest.fixture(params=["sqlite", "postgres"])
def told(request: pytest.FixtureRequest) -> Iterator[Book]:
    with told_book(request) as book:
        yield book


CHANGES = {
    "data": (
        "UPDATE @entries SET data = '{\"n\":999}' WHERE event_id = '3'",
        "its content is not what its fingerprint says",
    ),
    "time that was stated": (
        "UPDATE @entries SET occurred_at = occurred_at + 1 WHERE event_id = '3'",
        "its content is not what its fingerprint says",
    ),
    "time that was not": (
        "UPDATE @entries SET occurred_at = 1 WHERE event_id = 'no time'",
        "is not the one that the tree has there",
    ),
    "when it was recorded": (
        "UPDATE @entries SET recorded_at = recorded_at + 1 WHERE event_id = '3'",
        "is not the one that the tree has there",
    ),
    "kind": (
        "UPDATE @entries SET kind = 3 WHERE event_id = '3'",
        "is not the one that the tree has there",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_entry_is_named(told: Book, what: str) -> None:
    """
    Whatever of an entry is changed, the book is not sound: the entry and the signed
    checkpoint that it is under are named, and the place.
    """
    told.work()
    sign(told)
    place = next(
        e.seq for e in entries(told) if e.event_id == CHANGES[what][0].split("'")[-2]
    )
    assert told.verify().sound
    sql, sentence = CHANGES[what]

    tamper(told, sql)

    problems = told.verify().problems
    assert any(sentence in problem for problem in problems)
    assert any(problem.startswith(f"place {place}: entry") for problem in problems)
    assert any(
        f"checkpoint of acme.example/book ({ACME.key_id.hex()})" in problem
        for problem in problems
    )


def test_entries_that_changed_places_are_found(book: Book) -> None:
    """
    Two entries that each are as they were, and stand in each other's place.
    """
    book.move_clock(NOW)
    book.record([event(str(number), time=START) for number in range(5)])
    book.work()
    sign(book)

    tamper(book, "UPDATE @entries SET entry_id = 99 WHERE entry_id = 2")
    tamper(book, "UPDATE @entries SET entry_id = 2 WHERE entry_id = 4")
    tamper(book, "UPDATE @entries SET entry_id = 4 WHERE entry_id = 99")

    found = book.verify().problems
    assert any("place 2: entry 2 (api, 3)" in problem for problem in found)
    assert any("(2 of the places up to 5 differ)" in problem for problem in found)


def test_a_whole_book_made_anew_is_found_by_its_checkpoint(told: Book) -> None:
    """
    Entry, fingerprint and tree changed together: what was signed tells that one was
    changed, and after which checkpoint; and nothing more is signed.
    """
    told.work()
    early = sign(told)
    told.record([event("a", time=START), event("b", time=START)])
    told.work()
    late = sign(told)
    tamper(
        told,
        "UPDATE @entries SET recorded_at = recorded_at - 1 WHERE event_id = 'a'",
    )
    forget(told)
    told.work()

    found = told.verify().problems
    assert len(found) == 1
    assert f"at place {late.checkpoint.size}: the entries up to there" in found[0]
    assert f"one after place {early.checkpoint.size} was changed" in found[0]
    with pytest.raises(CorruptBook, match="changed after it was signed"):
        sign(told)


def test_entries_that_were_cut_off_are_missed(book: Book) -> None:
    """
    A backup from before the last checkpoint is missing what that covers, also where the
    worker built the tree anew; and it signs nothing.
    """
    book.move_clock(NOW)
    book.record([event(str(number), time=START) for number in range(5)])
    book.work()
    sign(book)
    tamper(book, "DELETE FROM @entries WHERE entry_id > 3")
    forget(book)
    with book._store.following() as follower:
        assert follower is not None
        proving.extend(follower)

    assert any(
        "it covers 5 entries, and the book has 3: entries were taken out" in problem
        for problem in book.verify().problems
    )
    with pytest.raises(CorruptBook, match="covers 5 entries, and the tree has 3"):
        sign(book)


TREE_CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a leaf": (
        lambda tile: tile[:64] + bytes(32) + tile[96:],
        "place 3: entry",
    ),
    "cut off": (lambda tile: tile[:-32], "tile 0 of level 0"),
    "nothing left": (lambda _tile: b"", "tile 0 of level 0"),
}


@pytest.mark.parametrize("what", TREE_CHANGES)
def test_a_changed_tile_is_named(told: Book, what: str) -> None:
    """
    A tile that was changed is named, the worker goes on without it, and dropping the
    tree mends it.
    """
    told.work()
    change, sentence = TREE_CHANGES[what]
    [tile] = tiles(told)
    _spoil(told, change(tile.hashes))

    assert any(sentence in problem for problem in told.verify().problems)
    told.record([event("more", time=START)])
    assert told.work().posted == 1
    assert told.status().posted_place == len(entries(told))

    forget(told)
    told.work()
    assert told.verify().sound


def _spoil(book: Book, hashes: bytes) -> None:
    """
    Write other hashes into the first tile, as plain SQL could.
    """
    with book._store.following() as follower:
        assert follower is not None
        [tile] = follower.tree.tiles(0, start=0, end=1)
        follower.tree_growth.put_tiles([tile._replace(hashes=hashes)])


def test_a_changed_tile_of_a_higher_level_is_named(book: Book) -> None:
    """
    Also where no root is on its way: proofs of inclusion would be.
    """
    book.move_clock(NOW)
    book.record([event(str(number), time=START) for number in range(600)])
    book.work()
    with book._store.following() as follower:
        assert follower is not None
        [tile] = follower.tree.tiles(1, start=0, end=1)
        assert len(tile.hashes) == 64
        wrong = tile._replace(hashes=bytes(32) + tile.hashes[32:])
        follower.tree_growth.put_tiles([wrong])

    [problem] = book.verify().problems
    assert problem.startswith("tile 0 of level 0 of the tree is not what the levels")


NOTE_CHANGES: dict[str, tuple[Callable[[str], str], str]] = {
    "no note": (lambda _note: "changed", "it cannot be read"),
    "another size": (
        lambda note: note.replace("\n2", "\n1", 1),
        "it says that it covers",
    ),
    "another book": (lambda note: f"x{note}", "it is of xmeterbook/"),
}


@pytest.mark.parametrize("what", NOTE_CHANGES)
def test_a_changed_checkpoint_is_named(told: Book, what: str) -> None:
    """
    A kept checkpoint that does not say what it said is a problem of its own.
    """
    told.work()
    change, sentence = NOTE_CHANGES[what]
    note = change(sign(told).note)

    tamper(told, f"UPDATE @checkpoints SET note = '{note}'")

    assert any(sentence in problem for problem in told.verify().problems)
    with pytest.raises(MeterbookError):
        sign(told)


def test_checkpoints_are_not_changed_by_accident(told: Book) -> None:
    """
    The store refuses to update or delete what was signed.
    """
    told.work()
    sign(told)
    for sql in (
        "UPDATE @checkpoints SET size = 1",
        "DELETE FROM @checkpoints",
    ):
        with pytest.raises(StoreError, match=r"never (updated|deleted)"):
            run_sql(told, sql)


def test_a_place_that_is_missing_stops_the_tree_alone(postgres_dsn: str) -> None:
    """
    On PostgreSQL a place whose entry is gone ends the tree before it; the worker goes
    on numbering and posting, and the place is named.
    """
    with on_postgres(postgres_dsn) as book:
        book.record([event(str(number), time=START) for number in range(40)])
        book.work()
        size = len(entries(book))
        tamper(book, "DELETE FROM @log WHERE seq = 30")
        forget(book)
        book.record([event("more", time=START)])
        book.work()

        assert book.status().posted_place == size + 1
        with book._store.reading() as reader:
            assert reader.tree.size() == 29
        assert not book.verify().sound


def test_a_gap_between_parts_stops_the_tree(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Likewise where the server hashes in parts, wherever in a part the place is missing.
    """
    monkeypatch.setattr("meterbook.stores.postgres.proving.PART_ENTRIES", 8)
    with on_postgres(postgres_dsn) as book:
        book.record([event(str(number), time=START) for number in range(30)])
        book.work()
        tamper(book, "DELETE FROM @log WHERE seq = 13")
        for _ in range(2):
            forget(book)
            book.work()
            with book._store.reading() as reader:
                assert reader.tree.size() == 12


def test_a_tree_that_is_ahead_is_named(told: Book) -> None:
    """
    A tree that says it covers more than there is, is a problem.
    """
    told.work()
    run_sql(told, "UPDATE @tree SET size = size + 1")

    problems = told.verify().problems
    assert any("more than the last numbered place" in problem for problem in problems)
