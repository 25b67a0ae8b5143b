"""
Verifying: whatever was changed behind the book's back is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import servers

from meterbook.stores.sqlite import SqliteStore
from services.books import HOUR, NOW, START, define, derived, event, on_postgres, tell


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook import Book


UPDATABLE = "DROP TRIGGER meterbook_entries_are_not_updated;"
DELETABLE = "DROP TRIGGER meterbook_entries_are_not_deleted;"

# In the schema of a book in PostgreSQL, as somebody who owns the tables.
UNGUARDED = "ALTER TABLE meterbook.entries DISABLE TRIGGER USER;"


def fill(book: Book) -> None:
    """
    Make a book of three sums, a void, an attribution, a level, a key and a bad value.
    """
    define(book, "tokens", "peak", "models", "fine")
    book.record(
        [
            event("1", n=5),
            event("2", n=7, time=START + HOUR),
            event("3", n=9, customer="globex"),
            event("4", n=3, customer=None, subject="ann"),
            event("5", n=-1, time=START + 30 * HOUR),
        ]
    )
    book.void(source="api", id="2", actor="ops", reason="test")
    book.attribute("ann", "globex", effective_at=START - HOUR)
    book.work()


@pytest.fixture
def filled(book: Book) -> Book:
    book.move_clock(NOW)
    fill(book)
    assert book.verify().problems == []
    return book


@pytest.fixture
def postgres_book(postgres_dsn: str) -> Iterator[Book]:
    """
    Give such a book in PostgreSQL.
    """
    with on_postgres(postgres_dsn) as book:
        fill(book)
        assert book.verify().problems == []
        yield book


def test_an_untouched_book_is_sound(book: Book) -> None:
    """
    Nothing is wrong before the worker, after it, and without rollups; all is counted.
    """
    book.move_clock(NOW)
    define(book)
    tell(book, range(30))
    seen: list[tuple[str, int]] = []
    entries = book.verify().entries
    assert book.verify().sound
    book.work()
    found = book.verify(progress=lambda what, count: seen.append((what, count)))
    book.drop_rollups()

    assert (found.sound, found.problems, found.problems_count) == (True, [], 0)
    assert found.entries == entries == book.status().numbered_place
    assert found.rollups > 100
    assert ("entries", entries) in seen
    assert book.verify().sound


def test_an_empty_book_is_sound(book: Book) -> None:
    """
    A book in which nothing is has nothing wrong.
    """
    assert book.verify().sound


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            UPDATABLE + "UPDATE meterbook_entries SET data = replace(data, '5', '6')"
            " WHERE event_id = '1'",
            ["entry 1 (api, 1): its content is not what its fingerprint says"],
            id="data of an entry",
        ),
        pytest.param(
            UPDATABLE
            + "UPDATE meterbook_entries SET customer = 'globex' WHERE event_id = '1'",
            ["entry 1 (api, 1): its content", "entry 1: its posting under 'acme'"],
            id="customer of an entry",
        ),
        pytest.param(
            UPDATABLE + "UPDATE meterbook_entries SET occurred_at = occurred_at + 1"
            " WHERE event_id = '1'",
            ["entry 1 (api, 1): its content", "entry 1: it has no posting"],
            id="time of an entry",
        ),
        pytest.param(
            UPDATABLE + "UPDATE meterbook_entries SET fingerprint = zeroblob(32)"
            " WHERE event_id = '3'",
            ["entry 3 (api, 3): its content"],
            id="fingerprint",
        ),
        pytest.param(
            DELETABLE + "DELETE FROM meterbook_entries WHERE event_id = '1'",
            ["places 1 to 1 have no entry", "entry 1: its posting under 'acme'"],
            id="an entry gone",
        ),
        pytest.param(
            "UPDATE meterbook_postings SET customer = 'globex' WHERE place = 1",
            [
                "entry 1: it has no posting that says what it says",
                "entry 1: its posting under 'globex'",
                "meter 'tokens' of 'acme': the rollup",
                "meter 'tokens' of 'globex': the rollup",
            ],
            id="a posting moved",
        ),
        pytest.param(
            "DELETE FROM meterbook_postings WHERE place = 3 AND seq = 3",
            [
                "entry 3: it has no posting that says what it says",
                "meter 'peak' of 'globex': the rollup",
            ],
            id="a posting gone",
        ),
        pytest.param(
            "DELETE FROM meterbook_postings WHERE place = 2 AND seq = 6",
            ["meter 'tokens' of 'acme': the rollup", "entry 2 (api, 2): it is void"],
            id="the effect of a void gone",
        ),
        pytest.param(
            "DELETE FROM meterbook_postings WHERE place = 2 AND seq = 6;"
            "DELETE FROM meterbook_rollups; DELETE FROM"
            " meterbook_sightings; DELETE FROM meterbook_rolled;"
            "DELETE FROM meterbook_unusable",
            ["entry 2 (api, 2): it is void"],
            id="the effect of a void gone, and rollups without it",
        ),
        pytest.param(
            "DELETE FROM meterbook_voids",
            ["entry 2 (api, 2): it is void"],
            id="a void forgotten",
        ),
        pytest.param(
            "DELETE FROM meterbook_postings WHERE place = 4 AND seq = 7",
            ["meter 'tokens' of 'globex': the rollup"],
            id="the effect of an attribution gone",
        ),
        pytest.param(
            "UPDATE meterbook_rollups SET state = replace(state, '5', '6')"
            " WHERE customer = 'acme' AND hours = 1",
            ["meter 'tokens' of 'acme': the rollup"],
            id="a rollup",
        ),
        pytest.param(
            "DELETE FROM meterbook_rollups WHERE customer = 'acme' AND hours = 24",
            ["meter 'tokens' of 'acme': the rollup"],
            id="rollups gone",
        ),
        pytest.param(
            "INSERT INTO meterbook_rollups SELECT meter_id, 'initech',"
            " grouped, hours, bucket,"
            " grp, state FROM meterbook_rollups WHERE customer = 'acme'",
            ["meter 'tokens' of 'initech': the rollup"],
            id="rollups of a stranger",
        ),
        pytest.param(
            "INSERT INTO meterbook_rollups SELECT meter_id, customer, grouped, hours,"
            " bucket + 3600000000 * 240, grp, state FROM meterbook_rollups"
            " WHERE customer = 'acme'",
            ["meter 'tokens' of 'acme': the rollup"],
            id="rollups of another day",
        ),
        pytest.param(
            "UPDATE meterbook_sightings SET last_at = last_at + 1 WHERE"
            " customer = 'globex'",
            ["meter 'models': the sighting of"],
            id="a sighting",
        ),
        pytest.param(
            "DELETE FROM meterbook_sightings WHERE customer = 'acme'",
            ["meter 'models': the sighting of"],
            id="sightings gone",
        ),
        pytest.param(
            "INSERT INTO meterbook_sightings SELECT meter_id,"
            " 'initech', grouped, month, grp,"
            " key, first_at, last_at FROM meterbook_sightings",
            ["meter 'models': the sighting of"],
            id="sightings of a stranger",
        ),
    ],
)
def test_what_was_changed_is_named(filled: Book, sql: str, expected: list[str]) -> None:
    """
    Each way to tamper with the file of a book is found, and the entry or meter named.
    """
    store = filled._store
    assert isinstance(store, SqliteStore)
    store._session._connection.executescript(sql)

    found = filled.verify()

    assert not found.sound
    assert found.problems_count == len(found.problems)
    for beginning in expected:
        assert any(problem.startswith(beginning) for problem in found.problems), (
            beginning,
            found.problems,
        )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            "DELETE FROM meterbook.log WHERE seq = 2",
            "places 2 to 2",
            id="a gap",
        ),
        pytest.param(
            "DELETE FROM meterbook.log WHERE seq = 7",
            "places 7 to 7",
            id="the last place gone",
        ),
        pytest.param(
            UNGUARDED + "DELETE FROM meterbook.entries WHERE event_id = '3'",
            "place 3",
            id="an entry gone",
        ),
        pytest.param(
            UNGUARDED + "UPDATE meterbook.entries SET data = '{}' WHERE event_id = '1'",
            "(api, 1): its content is not what its fingerprint says",
            id="data of an entry",
        ),
        pytest.param(
            "UPDATE meterbook.rollups SET state = '[1,1,1,1,1,1]' WHERE hours = 24",
            "meter 'tokens' of 'acme': the rollup",
            id="rollups",
        ),
        pytest.param(
            "DELETE FROM meterbook.postings WHERE seq = 6",
            "is void",
            id="a void undone",
        ),
        pytest.param(
            "UPDATE meterbook.sightings SET first_at = first_at - 1",
            "meter 'models': the sighting of",
            id="sightings",
        ),
    ],
)
def test_what_was_changed_in_postgres_is_named(
    postgres_book: Book, postgres_dsn: str, sql: str, expected: str
) -> None:
    """
    Likewise in PostgreSQL, where the order of the book is a table of its own.
    """
    for statement in sql.split(";"):
        if statement:
            servers.ask(postgres_dsn, statement)

    problems = postgres_book.verify().problems

    assert any(expected in problem for problem in problems), problems


def test_only_the_first_problems_are_told(
    filled: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Of very many problems the first are shown, and all are counted.
    """
    monkeypatch.setattr("meterbook.services.checks.verifying.PROBLEMS_SHOWN_MAX", 2)
    store = filled._store
    assert isinstance(store, SqliteStore)
    store._session._connection.execute("DELETE FROM meterbook_rollups")

    found = filled.verify()

    assert len(found.problems) == 2
    assert found.problems_count > 2


def test_verifying_mends_nothing(filled: Book) -> None:
    """
    A damaged book is as damaged after it was verified.
    """
    store = filled._store
    assert isinstance(store, SqliteStore)
    store._session._connection.execute("DELETE FROM meterbook_rollups WHERE hours = 1")
    before = derived(filled)

    first, second = filled.verify(), filled.verify()

    assert first.problems == second.problems != []
    assert derived(filled) == before
