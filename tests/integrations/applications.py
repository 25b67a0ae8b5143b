"""
An application with a table of members, and a book in the same database.
"""

from __future__ import annotations

import contextlib
import sqlite3

from typing import TYPE_CHECKING

import servers

from meterbook import Book
from meterbook.app.clocks import clock_of
from meterbook.services.entries.listing import EventQuery
from meterbook.stores.postgres import PostgresStore


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MEMBERS = "CREATE TABLE members (team text, name text, PRIMARY KEY (team, name))"

METERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "seat.change", "aggregation": "members"},
    "level": {"event_type": "seat.level", "aggregation": "peak", "value": "units"},
    "tokens": {"event_type": "llm.request", "aggregation": "sum", "value": "n"},
}


@contextlib.contextmanager
def sqlite_application(path: Path) -> Iterator[Book]:
    """
    Give a book in a new file that has the application's table, too.
    """
    with Book.create(path) as book:
        book.define(METERS)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(MEMBERS)
        yield book


@contextlib.contextmanager
def postgres_application(dsn: str) -> Iterator[Book]:
    """
    Give the book of a database that has the application's table, too.
    """
    servers.ask(dsn, MEMBERS)
    with contextlib.closing(PostgresStore.open(dsn)) as store:
        book = Book(store, clock_of(store))
        book.define(METERS)
        yield book


def told(book: Book, customer: str | None = None) -> list[tuple[str, str | None]]:
    """
    Return every seat entry (of a customer), in order: what changed, who or how many.
    """
    book.work()
    about = EventQuery(customer=customer)
    return [
        (str(entry.data["change"]), entry.subject)
        if "change" in entry.data
        else ("level", str(entry.data["units"]))
        for entry in book.entries(about, limit=1_000)
        if entry.source == "meterbook:seats"
    ]


def events(book: Book) -> list[str]:
    """
    Return the ids of the ordinary events of the book, in order.
    """
    book.work()
    return [e.id for e in book.entries(limit=1_000) if e.source == "api"]
