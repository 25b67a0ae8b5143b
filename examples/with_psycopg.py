"""
Members of a team in PostgreSQL, and the seats that they take, in one transaction.

The book is in a schema of its own beside the application's tables::

    python examples/with_psycopg.py postgresql://user@host/database
"""

from __future__ import annotations

import contextlib
import sys

import psycopg

from meterbook import Book


METERS = {
    "seats": {"event_type": "seat.change", "aggregation": "members"},
    "level": {"event_type": "seat.level", "aggregation": "peak", "value": "units"},
}
TABLE = "CREATE TABLE members (team text, name text, PRIMARY KEY (team, name))"
COUNT = "SELECT count(*) FROM members WHERE team = %s"


def add(application: psycopg.Connection, book: Book, name: str) -> None:
    """
    Add a member, and record who it is, and how many there are now.

    Each would do: the first says who, the second needs no names.
    """
    with application.transaction(), book.within(application, actor="ops") as within:
        application.execute("INSERT INTO members VALUES ('acme', %s)", (name,))
        within.join("seats", customer="acme", member=name)
        within.count("level", customer="acme", sql=COUNT, parameters=["acme"])


def remove_by_sql(application: psycopg.Connection, name: str) -> None:
    """
    Remove a member and record it with plain SQL, as a program in any language can.
    """
    with application.transaction():
        application.execute("SELECT set_config('meterbook.actor', 'ann', true)")
        application.execute("DELETE FROM members WHERE name = %s", (name,))
        application.execute(
            "SELECT meterbook.record_member('seat.change', 'acme', 'leave', %s)",
            (name,),
        )
        application.execute(
            "SELECT meterbook.count_seats('seat.level', 'acme',"
            " $$SELECT count(*) FROM members WHERE team = 'acme'$$)"
        )


def main(address: str) -> None:
    """
    Make an application and its book, and let members come and go.
    """
    with (
        Book.create(address, schema="meterbook") as book,
        psycopg.connect(address, autocommit=True) as application,
    ):
        book.define(METERS)
        application.execute(TABLE)
        for name in ("ann", "bob", "eve"):
            add(application, book, name)
        with contextlib.suppress(psycopg.errors.UniqueViolation):
            add(application, book, "ann")
        remove_by_sql(application, "bob")

        book.work()
        for meter in METERS:
            reading = book.read(
                meter, customer="acme", start="2020-01-01", end="2100-01-01"
            )
            print(f"{meter}: {reading.last_units} now, {reading.units} at the peak")


if __name__ == "__main__":
    main(sys.argv[1])
