"""
What an application does on a connection of psycopg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import servers

from meterbook import Book, Duplicate, Event, Recorded


if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from meterbook.services.seats.live import Live


if TYPE_CHECKING:
    Connecting = Callable[..., psycopg.Connection[Any]]


def add(connection: psycopg.Connection[Any], book: Book, name: str) -> None:
    """
    Add a member as an application does: a row of its own, and a seat.
    """
    with book.within(connection, actor="ops") as within:
        connection.execute("INSERT INTO members VALUES ('acme', %s)", (name,))
        within.join("seats", customer="acme", member=name)


def members(dsn: str) -> list[object]:
    return [row[0] for row in servers.ask(dsn, "SELECT name FROM members ORDER BY 1")]


def everything(within: Live) -> None:
    """
    Do each thing once that can be done in a block.
    """
    event = Event(source="api", id="1", type="llm.request", subject="Zoë ∞", data={})
    recorded = within.record([event, event])
    assert type(recorded[0]) in {Recorded, Duplicate}
    assert type(recorded[1]) is Duplicate
    within.join("seats", customer="acme", member="Zoë ∞", way="Ω", cause="naïve 道")
    within.leave("seats", customer="acme", member="ann")
    within.level("level", customer="acme", units=3)
    sql = "SELECT count(*) FROM members WHERE team = %s"
    assert within.count("level", customer="é∞", sql=sql, parameters=["é"]).units == 0


EVERYTHING = [
    ("join", "Zoë ∞"),
    ("leave", "ann"),
    ("level", "3"),
    ("level", "0"),
]
