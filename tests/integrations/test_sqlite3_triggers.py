"""
Triggers on a connection of sqlite3: who acts, as long as a block lasts.
"""

from __future__ import annotations

import contextlib
import sqlite3

from typing import TYPE_CHECKING

import pytest

from integrations.applications import sqlite_application


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meterbook import Book


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "application.db"


@pytest.fixture
def book(path: Path) -> Iterator[Book]:
    """
    Give a book in the file of an application.
    """
    with sqlite_application(path) as book:
        yield book


@pytest.fixture
def connection(path: Path, book: Book) -> Iterator[sqlite3.Connection]:
    """
    Give the application's connection, as sqlite3 opens it by default.
    """
    assert book is not None
    with contextlib.closing(sqlite3.connect(path)) as connection:
        yield connection


def add(connection: sqlite3.Connection, book: Book, name: str) -> None:
    """
    Add a member as an application does: a row of its own, and a seat.
    """
    with book.within(connection, actor="ops") as within:
        connection.execute("INSERT INTO members VALUES ('acme', ?)", (name,))
        within.join("seats", customer="acme", member=name)


def members(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM members")]


TRIGGER = """
CREATE TRIGGER seen AFTER INSERT ON members BEGIN
    INSERT INTO seen SELECT NEW.name, s.actor, s.cause, s.occurred_at, s.token
    FROM (SELECT 1) LEFT JOIN meterbook_seat_session s;
END
"""
CAPTURED = """
INSERT INTO meterbook_captures (capture_key, version, definition, made, installed_at)
VALUES ('members', 1, '{}', '{}', 0)
"""


@pytest.fixture
def triggered(connection: sqlite3.Connection) -> sqlite3.Connection:
    """
    Give the connection of an application whose table has a trigger.
    """
    connection.execute("CREATE TABLE seen (name, actor, cause, occurred_at, token)")
    connection.execute(TRIGGER)
    connection.execute(CAPTURED)
    connection.commit()
    return connection


def sessions(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM meterbook_seat_session").fetchall()


def test_triggers_are_told_who_acts_as_long_as_the_block_lasts(
    triggered: sqlite3.Connection, book: Book
) -> None:
    """
    Actor, cause and instant of the block reach them, those of the inner one of two, and
    nothing of it is left after it.
    """
    add_row = "INSERT INTO members VALUES ('acme', ?)"
    with triggered:
        with book.within(triggered, actor="ann", cause="outer") as within:
            triggered.execute(add_row, ("1",))
            with book.within(triggered, actor="bob"):
                triggered.execute(add_row, ("2",))
                with pytest.raises(KeyError), book.within(triggered, cause="inner"):
                    triggered.execute(add_row, ("3",))
                    raise KeyError
            triggered.execute(add_row, ("4",))
            joined = within.join("seats", customer="acme", member="ann")
        triggered.execute(add_row, ("5",))
        assert sessions(triggered) == []

    seen = triggered.execute("SELECT * FROM seen").fetchall()
    assert [row[:3] for row in seen] == [
        ("1", "ann", "outer"),
        ("2", "bob", "outer"),
        ("3", "bob", "inner"),
        ("4", "ann", "outer"),
        ("5", None, None),
    ]
    instants, tokens = {row[3] for row in seen[:4]}, {row[4] for row in seen[:4]}
    assert len(tokens) == 1
    assert instants == {int(joined.occurred_at.timestamp() * 1_000_000)}


def test_nothing_is_left_of_a_block_whose_transaction_ended_inside(
    triggered: sqlite3.Connection, book: Book
) -> None:
    """
    After a commit inside the block triggers of others would be told who acted here: the
    block takes that back.
    """
    with book.within(triggered, actor="ann"):
        triggered.commit()
        assert len(sessions(triggered)) == 1
    assert sessions(triggered) == []
    assert not triggered.in_transaction

    with book.within(triggered, actor="ann"):
        triggered.rollback()
    assert sessions(triggered) == []
    with pytest.raises(KeyError), book.within(triggered, actor="ann"):
        raise KeyError
    assert sessions(triggered) == []
    triggered.rollback()


def test_without_captures_triggers_are_not_told(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    Where there are none the block does not write what nobody reads.
    """
    with connection, book.within(connection, actor="ann"):
        assert sessions(connection) == []
