"""
Members of a team in a SQLite file, and the seats that they take, in one transaction.

::

    python examples/with_sqlite3.py application.db
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys

from meterbook import Book


METERS = {"seats": {"event_type": "seat.change", "aggregation": "members"}}
TABLE = "CREATE TABLE members (team TEXT, name TEXT, PRIMARY KEY (team, name))"


def add(application: sqlite3.Connection, book: Book, name: str, *, by: str) -> None:
    """
    Add a member: the row and the seat are committed together, or neither is.
    """
    with application, book.within(application, actor=by) as within:
        application.execute("INSERT INTO members VALUES ('acme', ?)", (name,))
        within.join("seats", customer="acme", member=name)


def remove(application: sqlite3.Connection, book: Book, name: str, *, by: str) -> None:
    """
    Remove a member, likewise.
    """
    with application, book.within(application, actor=by) as within:
        application.execute("DELETE FROM members WHERE name = ?", (name,))
        within.leave("seats", customer="acme", member=name, cause="left the company")


def main(path: str) -> None:
    """
    Make an application with a book in its own file, and let members come and go.
    """
    with (
        Book.create(path) as book,
        contextlib.closing(sqlite3.connect(path)) as application,
    ):
        book.define(METERS)
        application.execute(TABLE)
        for name in ("ann", "bob", "eve"):
            add(application, book, name, by="ops")
        # A name that is taken: sqlite3 raises, and the seat goes with the row.
        with contextlib.suppress(sqlite3.IntegrityError):
            add(application, book, "ann", by="ops")
        remove(application, book, "bob", by="ann")

        [(rows,)] = application.execute("SELECT count(*) FROM members")
        seats = book.read(
            "seats", customer="acme", start="2020-01-01", end="2100-01-01"
        )
        print(f"{rows} members, {seats.last_units} seats, {seats.units} at the peak")


if __name__ == "__main__":
    main(sys.argv[1])
