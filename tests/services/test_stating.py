"""
Stating: facts that are no usage are entries like others, and count as nothing.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook import Book, Conflict, Duplicate, Event, Recorded, errors
from meterbook.app.clocks import clock_of
from meterbook.foundation.instants import to_micros
from meterbook.services.entries.stating import THE_BOOK, state, statement_id, statements


if TYPE_CHECKING:
    from meterbook.services.entries.stating import Statement
    from meterbook.stores.postgres import PostgresStore

NOON = to_micros(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))
NOTE = "meterbook.note"


def say(
    book: Book, id_: str, *, customer: str = "acme", units: int = 1
) -> Recorded | Duplicate | Conflict:
    with book._store.writing() as writer:
        return state(
            writer,
            type_=NOTE,
            customer=customer,
            body={"units": units},
            actor_id=None,
            occurred_at=NOON,
            now=NOON,
            event_id=id_,
        )


def said(
    book: Book, *, customer: str | None = "acme", place: int | None = None
) -> list[Statement]:
    with book._store.reading() as reader:
        return statements(reader, customer=customer, type_=NOTE, place=place)


def test_a_statement_is_said_once(book: Book) -> None:
    """
    The same statement again is a duplicate; another under its identity is a conflict.
    """
    first = say(book, "n-1")

    assert first == Recorded(1)
    assert say(book, "n-1") == Duplicate(1)
    assert say(book, "n-1", units=2) == Conflict(1)
    assert say(book, "n-1", customer="globex") == Conflict(1)
    assert [one.body for one in said(book)] == [{"units": 1}]


def test_statements_are_found_by_whom_they_are_about(book: Book) -> None:
    """
    Those about a customer, about the book itself, or about anybody, in order.
    """
    for id_, customer in [("a", "acme"), ("b", THE_BOOK), ("c", "globex")]:
        say(book, id_, customer=customer)

    assert [one.customer for one in said(book, customer=None)] == ["acme", "", "globex"]
    assert [one.entry_id for one in said(book, customer=THE_BOOK)] == [2]
    assert [one.entry_id for one in said(book, customer="globex")] == [3]


def test_what_was_stated_by_then(book: Book) -> None:
    """
    As of a place are the statements up to it, whatever was stated later.
    """
    say(book, "a")
    book.work()
    place = book.status().numbered_place
    say(book, "b", units=2)

    assert [one.body["units"] for one in said(book, place=place)] == [1]
    assert [one.body["units"] for one in said(book)] == [1, 2]


def test_statements_without_a_place_come_last(postgres_store: PostgresStore) -> None:
    """
    On PostgreSQL a statement is there before it is numbered, after those that are.
    """
    book = Book(postgres_store, clock_of(postgres_store))
    say(book, "a", units=1)
    book.work()
    say(book, "b", units=2)

    found = [(one.place, one.body["units"]) for one in said(book)]
    assert found == [(1, 1), (None, 2)]
    assert [one.place for one in said(book, place=1)] == [1]


def test_a_statement_is_listed_and_counts_as_nothing(book: Book) -> None:
    """
    It is in the listing of entries, by kind; no meter and no type count it.
    """
    book.define({"notes": {"event_type": NOTE, "aggregation": "count"}})
    say(book, "a")
    book.work()

    [entry] = book.entries(kind="statement")
    assert (entry.type, entry.customer, entry.id) == (NOTE, "acme", "a")
    assert book.entries(kind="event") == []
    reading = book.read("notes", customer="acme", start="2026-01-01", end="2027-01-01")
    assert reading.units == 0
    assert book.unattributed() == []
    assert book.verify().problems == []


def test_a_statement_cannot_be_voided(book: Book) -> None:
    """
    Voiding or amending a statement is refused, and the message says what it is.
    """
    said = say(book, "a")
    who = {"actor": "ops", "reason": "a try"}

    with pytest.raises(errors.InvalidQueryError, match=f"statement.*{NOTE}"):
        book.void(entry_id=said.entry_id, **who)
    with pytest.raises(errors.InvalidQueryError, match="only events"):
        book.amend(
            entry_id=said.entry_id,
            replacement=Event(source="api", id="r", type="x", customer="acme"),
            **who,
        )
    assert book.entries(kind="void") == []


def test_whom_it_is_about_is_checked(book: Book) -> None:
    """
    A blank customer is refused; the book itself is the empty one.
    """
    with pytest.raises(errors.InvalidQueryError, match="customer"):
        say(book, "a", customer="  ")


@given(
    st.lists(st.lists(st.text("a[],\"'é", max_size=90), max_size=4), unique_by=tuple)
)
def test_identities_differ_as_their_parts_do(names: list[list[str]]) -> None:
    """
    Different parts give different identities, of a length that an index can hold.
    """
    found = [statement_id(*parts) for parts in names]

    assert len(set(found)) == len(names)
    assert all(len(name) <= 255 for name in found)
