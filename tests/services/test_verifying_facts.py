"""
Verifying: attributions, voids, lists, counts, marks and definitions that were changed.
"""

from __future__ import annotations

import contextlib
import functools

from typing import TYPE_CHECKING

import pytest

import servers

from meterbook import Book
from meterbook.services.worker.following import work_once
from meterbook.stores.sqlite import SqliteStore
from services.books import HOUR, NOW, START, define, event, on_postgres, tell


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# A meter's key, as the sub-query that finds its number.
TOKENS = "(SELECT meter_id FROM meterbook_meters WHERE meter_key = 'tokens')"

TAMPERINGS = [
    pytest.param(
        "UPDATE meterbook_attributions SET effective_at = effective_at + 1",
        "its row of the attributions is not what it says",
        id="since when a subject belongs to somebody",
    ),
    pytest.param(
        "UPDATE meterbook_attributions SET customer = 'acme'",
        "its row of the attributions is not what it says",
        id="to whom it belongs",
    ),
    pytest.param(
        "UPDATE meterbook_attributions SET customer = NULL",
        "its row of the attributions is not what it says",
        id="to nobody",
    ),
    pytest.param(
        "DELETE FROM meterbook_attributions",
        "its row of the attributions is not what it says",
        id="an attribution gone",
    ),
    pytest.param(
        "INSERT INTO meterbook_attributions SELECT subject_id,"
        " effective_at - 1, 'acme',"
        " entry_id - 1 FROM meterbook_attributions",
        "the attributions have a row that it does not say",
        id="an attribution invented",
    ),
    pytest.param(
        "UPDATE meterbook_attributions SET subject_id = subject_id + 1000",
        "the attributions have a row that it does not say",
        id="the subject of an attribution",
    ),
    pytest.param(
        "DELETE FROM meterbook_voids",
        "and not known as that",
        id="what is void, forgotten",
    ),
    pytest.param(
        "UPDATE meterbook_voids SET seq = seq + 1",
        "and not known as that",
        id="since when something is void",
    ),
    pytest.param(
        "INSERT INTO meterbook_voids SELECT entry_id, 3 FROM"
        " meterbook_entries WHERE event_id = '3'",
        "it is known as void, and nothing voids it",
        id="something void that is not",
    ),
    pytest.param(
        "DELETE FROM meterbook_unusable",
        "meter 'tokens': that entry",
        id="what is unusable, forgotten",
    ),
    pytest.param(
        "UPDATE meterbook_unusable SET reason = 'it is fine'",
        "meter 'tokens': that entry",
        id="why it is unusable",
    ),
    pytest.param(
        f"INSERT INTO meterbook_unusable SELECT {TOKENS}, 1, 'not liked'",
        "meter 'tokens': that entry",
        id="something unusable that is not",
    ),
    pytest.param(
        f"INSERT INTO meterbook_unusable SELECT {TOKENS}, 6, 'not liked'",
        "meter 'tokens': that entry",
        id="a void that is unusable",
    ),
    pytest.param(
        "UPDATE meterbook_types SET events = events + 1",
        "type 'llm.request': 5 events are posted, and 6 counted",
        id="how many events there are",
    ),
    pytest.param(
        "DELETE FROM meterbook_types",
        "type 'llm.request': 5 events are posted, and 0 counted",
        id="a type gone",
    ),
    pytest.param(
        "INSERT INTO meterbook_types SELECT 'x', events FROM meterbook_types",
        "type 'x': 0 events are posted, and 5 counted",
        id="a type invented",
    ),
    pytest.param(
        f"UPDATE meterbook_rolled SET seq = 99 WHERE meter_id = {TOKENS}",
        "meter 'tokens' version 1: its mark is at place 99, ahead of the last posted",
        id="a meter's mark ahead",
    ),
    pytest.param(
        f"UPDATE meterbook_rolled SET seq = 2 WHERE meter_id = {TOKENS}",
        "meter 'tokens' of 'globex': the rollup",
        id="a meter's mark back",
    ),
    pytest.param(
        "UPDATE meterbook_worker SET posted = 99",
        "the mark of postings is at place 99, ahead of the last numbered one, 7",
        id="the mark of postings ahead",
    ),
    pytest.param(
        "UPDATE meterbook_worker SET posted = 5",
        "did not correct it, and it is posted so",
        id="the mark of postings back",
    ),
    pytest.param(
        "INSERT INTO meterbook_postings SELECT customer, type,"
        " occurred_at, place, 3, -1"
        " FROM meterbook_postings WHERE place = 1",
        "place 1: place 3 did not correct it, and it is posted so",
        id="an event taken back by another",
    ),
    pytest.param(
        "UPDATE meterbook_meters SET definition = 'sum' WHERE meter_key = 'tokens'",
        "meter 'tokens' version 1: its definition cannot be read",
        id="a definition that is no JSON",
    ),
    pytest.param(
        "UPDATE meterbook_meters SET definition = replace(definition, 'sum', 'product')"
        " WHERE meter_key = 'tokens'",
        "meter 'tokens' version 1: its definition cannot be read",
        id="a definition that is none",
    ),
    pytest.param(
        "UPDATE meterbook_meters SET definition = replace(definition, ':', ': ')"
        " WHERE meter_key = 'tokens'",
        "meter 'tokens' version 1: its definition is not in its canonical text",
        id="a definition in other words",
    ),
    pytest.param(
        'UPDATE meterbook_meters SET definition = \'{"aggregation":"peak",'
        '"event_type":"llm.request","value":"n"}\' WHERE meter_key = \'tokens\'',
        "meter 'tokens' of 'acme': the rollup",
        id="another aggregation",
    ),
    pytest.param(
        "UPDATE meterbook_meters SET definition = replace(definition,"
        " 'llm.request', 'x')"
        " WHERE meter_key = 'tokens'",
        "meter 'tokens' of 'acme': the rollup",
        id="another type of event",
    ),
    pytest.param(
        "UPDATE meterbook_meters SET version = 2 WHERE meter_key = 'tokens'",
        "meter 'tokens' version 2: its versions are not counted from 1 without gaps",
        id="a first version gone",
    ),
    pytest.param(
        "DELETE FROM meterbook_meters WHERE meter_key = 'tokens'",
        "it was rolled up, and its definition is gone",
        id="a meter gone",
    ),
    pytest.param(
        "UPDATE meterbook_rollups SET state = 'much' WHERE hours = 24",
        "meter 'tokens' of 'acme': the rollup",
        id="a rollup that is no state",
    ),
]


def fill(book: Book) -> None:
    """
    Make a book of a void, an attribution, a level, a key and a value of no use.
    """
    define(book, "tokens", "peak", "models", "fine")
    book.record(
        [
            event("1", n=5),
            event("2", n=7, time=START + HOUR),
            event("3", n=9, customer="globex"),
            event("4", n=3, customer=None, subject="ann"),
            event("5", n=None, time=START + 30 * HOUR),
        ]
    )
    book.void(source="api", id="2", actor="ops", reason="test")
    book.attribute("ann", "globex", effective_at=START - HOUR)
    book.work()


def in_postgres(dsn: str, sql: str) -> object:
    # What has a prefix in SQLite has a schema in PostgreSQL.
    sql = sql.replace("meterbook_", "")
    return servers.ask(dsn, f"SET search_path TO meterbook; {sql}")


@pytest.fixture(params=["sqlite", "postgres"])
def tampered(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[Book, Callable[[str], object]]]:
    """
    Give such a book in each store, and a way to change what it keeps.
    """
    change: Callable[[str], object]
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            book = stack.enter_context(Book.create(":memory:", test_clock=NOW))
            store = book._store
            assert isinstance(store, SqliteStore)
            change = store._session._connection.execute
        else:
            dsn = request.getfixturevalue("postgres_dsn")
            book = stack.enter_context(on_postgres(dsn))
            change = functools.partial(in_postgres, dsn)
        fill(book)
        assert book.verify().problems == []
        yield book, change


@pytest.mark.parametrize(("sql", "expected"), TAMPERINGS)
def test_what_was_changed_is_named(
    tampered: tuple[Book, Callable[[str], object]], sql: str, expected: str
) -> None:
    """
    Each way to change facts beside the entries, or what is derived, is named.
    """
    book, change = tampered
    change(sql)

    problems = book.verify().problems

    assert any(expected in problem for problem in problems), problems


def test_a_gap_between_versions_is_named(book: Book) -> None:
    """
    A version that went from between others leaves a gap, and it is named once.
    """
    for aggregation in ("sum", "max", "min"):
        book.define(
            {"n": {"event_type": "x", "aggregation": aggregation, "value": "n"}}
        )
    store = book._store
    assert isinstance(store, SqliteStore)
    store._session._connection.execute("DELETE FROM meterbook_meters WHERE version = 2")

    assert book.verify().problems == [
        "meter 'n' version 3: its versions are not counted from 1 without gaps"
    ]


def test_a_meter_that_lags_behind_is_sound(book: Book) -> None:
    """
    Wherever the worker is, with meters at different places, nothing is wrong.
    """
    book.move_clock(NOW)
    define(book, "tokens")
    tell(book, range(40))
    for _ in range(3):
        work_once(book._store, entries_max=10)
        assert book.verify().problems == []
    define(book)
    for _ in range(12):
        work_once(book._store, entries_max=7)
        assert book.verify().problems == []


def test_entries_are_looked_at_in_pages(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What is found does not depend on how many entries are looked at together.
    """
    book.move_clock(NOW)
    define(book)
    tell(book, range(30))
    book.work()
    store = book._store
    assert isinstance(store, SqliteStore)
    store._session._connection.execute("DELETE FROM meterbook_unusable WHERE place % 2")
    whole = book.verify()
    monkeypatch.setattr("meterbook.services.checks.verifying.PAGE_ENTRIES", 3)

    paged = book.verify()

    assert whole.problems != []
    assert sorted(paged.problems) == sorted(whole.problems)
    assert paged.entries == whole.entries
