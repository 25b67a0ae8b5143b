"""
Recording on a connection of sqlite3, in the transaction of whoever opened it.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from integrations.applications import events, sqlite_application, told
from meterbook import Book, Conflict, Duplicate, Event, Recorded, Refused, errors


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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


def test_both_are_committed_or_neither(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    The application's row and the seat are there after a commit, and neither is after a
    rollback.
    """
    add(connection, book, "ann")
    connection.rollback()
    assert (members(connection), told(book)) == ([], [])
    connection.commit()

    with connection:
        add(connection, book, "bob")

    assert members(connection) == ["bob"]
    assert told(book) == [("join", "bob")]


def test_a_savepoint_takes_both_back(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    What was recorded since a savepoint goes with it, and what was before stays.
    """
    with connection, book.within(connection) as within:
        within.join("seats", customer="acme", member="ann")
        connection.execute("SAVEPOINT s")
        within.join("seats", customer="acme", member="bob")
        within.record([Event(source="api", id="1", type="llm.request", customer="a")])
        connection.execute("ROLLBACK TO s")
        connection.execute("RELEASE s")
        within.join("seats", customer="acme", member="eve")

    assert told(book) == [("join", "ann"), ("join", "eve")]
    assert events(book) == []


def test_by_default_the_block_begins_a_transaction_for_writing(
    connection: sqlite3.Connection, book: Book, path: Path
) -> None:
    """
    Where sqlite3 has begun none yet, nobody else can write from the block on, and the
    caller ends it as any other.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as other:
        with book.within(connection):
            assert connection.in_transaction
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("INSERT INTO members VALUES ('acme', 'zoe')")
        connection.commit()
        other.execute("INSERT INTO members VALUES ('acme', 'zoe')")


def test_a_connection_that_commits_by_itself_is_refused(path: Path, book: Book) -> None:
    """
    Without a transaction nothing could be rolled back: an error says to begin one, and
    nothing is recorded. Inside BEGIN and COMMIT it is as on any other connection.
    """
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with (
            pytest.raises(errors.UnusableConnectionError, match="BEGIN"),
            book.within(connection) as within,
        ):
            within.join("seats", customer="acme", member="ann")
        assert not connection.in_transaction

        connection.execute("BEGIN")
        add(connection, book, "bob")
        connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        add(connection, book, "eve")
        connection.execute("COMMIT")

    assert told(book) == [("join", "eve")]


def test_a_transaction_that_read_first_may_have_to_begin_again(
    connection: sqlite3.Connection, book: Book, path: Path
) -> None:
    """
    A deferred transaction whose snapshot is older than another's commit cannot write:
    the error can be retried, nothing is recorded, and the second attempt goes through.
    """
    connection.execute("BEGIN")
    members(connection)
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO members VALUES ('acme', 'zoe')")

    with (
        pytest.raises(errors.StoreError) as raised,
        book.within(connection) as within,
    ):
        within.join("seats", customer="acme", member="ann")
    assert raised.value.retryable
    connection.rollback()
    assert told(book) == []
    with connection:
        add(connection, book, "ann")
    assert told(book) == [("join", "ann")]


def test_whoever_waits_too_long_for_the_writer_can_retry(
    path: Path, book: Book
) -> None:
    """
    While another process writes, the block cannot begin; the error can be retried.
    """
    with (
        contextlib.closing(sqlite3.connect(path)) as other,
        contextlib.closing(sqlite3.connect(path, timeout=0.01)) as connection,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.StoreError) as raised, book.within(connection):
            pass
        assert raised.value.retryable
        other.rollback()
        with connection:
            add(connection, book, "ann")
    assert told(book) == [("join", "ann")]


def by_name(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    names = [column[0] for column in cursor.description]
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("row_factory", [sqlite3.Row, by_name, lambda _cursor, _row: 0])
def test_the_callers_factories_do_not_matter(
    connection: sqlite3.Connection,
    book: Book,
    row_factory: Callable[[sqlite3.Cursor, tuple[Any, ...]], object],
) -> None:
    """
    Rows as dictionaries and text as bytes are the caller's affair, and stay so.
    """
    connection.row_factory = row_factory
    connection.text_factory = bytes
    event = Event(source="api", id="1", type="llm.request", subject="Zoë")
    with connection, book.within(connection) as within:
        recorded = within.record([event, event])
        within.join("seats", customer="acme", member="Zoë")
        counted = within.count(
            "level",
            customer="acme",
            sql="SELECT count(*) FROM members WHERE team = ?",
            parameters=["acme"],
        )

    assert [type(answer) for answer in recorded] == [Recorded, Duplicate]
    assert counted.units == 0
    assert connection.text_factory is bytes
    connection.row_factory = None
    assert connection.execute("SELECT 'x'").fetchone() == (b"x",)
    assert told(book) == [("join", "Zoë"), ("level", "0")]


def test_no_other_connection_is_used(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    The book's own connection may be closed, and the file held exclusively: meters and
    people are looked up on the caller's.
    """
    book.close()
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    event = Event(source="api", id="1", type="llm.request", subject="ann", actor="bob")
    with connection, book.within(connection, actor="ops", cause="moved") as within:
        [recorded] = within.record([event])
        within.join("seats", customer="acme", member="ann")
        within.level("level", customer="acme", units=3)

    assert isinstance(recorded, Recorded)
    waiting = connection.execute(
        "SELECT change, member, units, actor, cause FROM meterbook_seat_changes"
    )
    assert waiting.fetchall() == [
        ("join", "ann", None, "ops", "moved"),
        ("level", None, 3, "ops", "moved"),
    ]


def test_a_book_in_memory_is_recorded_in(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    A database that only the caller's connection can reach is enough.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as memory:
        connection.backup(memory)
        with memory, book.within(memory) as within:
            within.join("seats", customer="acme", member="ann")
        assert memory.execute(
            "SELECT member FROM meterbook_seat_changes"
        ).fetchall() == [("ann",)]
    assert told(book) == []


def test_the_answers_are_those_of_record(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    New, the same again, other content, and what cannot be taken, each with its answer,
    as far as the transaction sees; and warnings by the meters that it sees.
    """
    first = Event(source="api", id="1", type="llm.request", data={"n": 1})
    with connection, book.within(connection) as within:
        answers = within.record(
            [
                first,
                first,
                Event(source="api", id="1", type="llm.request", data={"n": 2}),
                Event(source="", id="2", type="llm.request"),
                Event(source="api", id="3", type="llm.request", data={"n": "x"}),
                Event(source="api", id="4", type="unheard.of", customer="acme"),
            ]
        )
        again = within.record([first])

    kinds = [Recorded, Duplicate, Conflict, Refused, Recorded, Recorded]
    assert [type(answer) for answer in answers] == kinds
    warned = [
        [warning.code for warning in answer.warnings]
        for answer in answers
        if isinstance(answer, Recorded)
    ]
    assert warned == [["unattributed"], ["unusable", "unattributed"], ["unmatched"]]
    assert isinstance(again[0], Duplicate)
    assert book.record([first]) == again


def test_names_that_were_rolled_back_are_not_remembered(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    A number that a person had in a transaction that was rolled back is nobody's.
    """
    event = Event(source="api", id="1", type="llm.request", subject="ann")
    other = Event(source="api", id="2", type="llm.request", subject="bob")
    with book.within(connection) as within:
        within.record([event])
    connection.rollback()

    book.record([other])
    book.record([event])

    book.work()
    assert [(entry.id, entry.subject) for entry in book.entries()] == [
        ("2", "bob"),
        ("1", "ann"),
    ]


def test_deleted_bytes_are_overwritten_while_names_are_given(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    A caller that keeps deleted bytes leaves no copy of a name when a page is split, and
    keeps its setting.
    """
    connection.execute("PRAGMA secure_delete = OFF")
    names = [f"{number * 7919 % 2003:04d} {'x' * 60}" for number in range(2_000)]
    told = [Event(source="api", id=name[:4], type="t", subject=name) for name in names]
    with connection, book.within(connection) as within:
        for start in range(0, 2_000, 10):
            within.record(told[start : start + 10])
    assert connection.execute("PRAGMA secure_delete").fetchone() == (0,)

    copies = Counter(re.findall(rb"[0-9]{4} x{60}", connection.serialize()))
    # In the table, and in the index of names.
    assert copies == Counter({name.encode(): 2 for name in names})


def test_changes_of_one_block_have_one_instant(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    All that a block, and a block inside it, changes of a customer counts together; the
    next block is later, whatever the clock says.
    """
    with connection, book.within(connection) as within:
        first = within.join("seats", customer="acme", member="ann")
        with book.within(connection, actor="bob") as inner:
            second = inner.leave("seats", customer="acme", member="eve")
        third = within.join("seats", customer="acme", member="bob")
    with connection, book.within(connection) as within:
        fourth = within.leave("seats", customer="acme", member="bob")

    assert first.occurred_at == second.occurred_at == third.occurred_at
    assert fourth.occurred_at > third.occurred_at


def test_a_transaction_that_ends_inside_the_block_is_noticed(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    What comes after it would have the instant of what is committed: it is refused, and
    what was committed stays.
    """
    with book.within(connection, actor="ops") as within:
        within.join("seats", customer="acme", member="ann")
        connection.commit()
        with pytest.raises(errors.UnusableConnectionError, match="after the block"):
            within.leave("seats", customer="acme", member="ann")

    assert told(book) == [("join", "ann")]


@pytest.mark.parametrize(
    ("sql", "parameters", "said"),
    [
        ("SELECT seats FROM members", None, "no such column"),
        ("SELEC 1", None, "syntax error"),
        ("SELECT count(*) FROM members WHERE team = ?", None, "bindings"),
        ("SELECT count(*) FROM members WHERE team = ?", [object()], "binding|type"),
        ("SELECT 1; SELECT 2", None, "one statement"),
        ("SELECT 1 WHERE 0", None, "0 rows"),
        ("SELECT 1 UNION SELECT 2", None, "2 rows"),
        ("SELECT 1.5", None, "1.5"),
        ("SELECT NULL", None, "None"),
        ("SELECT -1", None, "-1"),
        ("SELECT '3'", None, "'3'"),
        ("   ", None, "sql"),
    ],
)
def test_a_count_that_cannot_be_taken_is_named(
    connection: sqlite3.Connection,
    book: Book,
    sql: str,
    parameters: list[object] | None,
    said: str,
) -> None:
    """
    A query that fails, or answers no whole number, is the caller's mistake.
    """
    with (
        pytest.raises(errors.InvalidQueryError, match=said),
        book.within(connection) as within,
    ):
        within.count("level", customer="acme", sql=sql, parameters=parameters)
    connection.rollback()
    assert told(book) == []


def test_a_database_without_a_book_is_named(tmp_path: Path, book: Book) -> None:
    """
    A connection to another database is no place for this book's records.
    """
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection,
        pytest.raises(errors.NotABookError, match="no book"),
        book.within(connection),
    ):
        pass


@pytest.mark.parametrize("connection", [None, "application.db", object()])
def test_what_is_no_connection_is_named(book: Book, connection: object) -> None:
    """
    Anything else than a connection is refused with a sentence that says what to give.
    """
    with (
        pytest.raises(errors.UnusableConnectionError, match="connection"),
        book.within(connection),
    ):
        pass


def test_the_callers_work_is_never_committed(
    connection: sqlite3.Connection, book: Book
) -> None:
    """
    However much is recorded, and whatever fails, the caller's transaction stays open.
    """
    connection.execute("INSERT INTO members VALUES ('acme', 'ann')")
    many = [
        Event(source="api", id=str(n), type="t", subject=str(n)) for n in range(999)
    ]
    with book.within(connection) as within:
        within.record(many)
        within.record(many)
        with pytest.raises(errors.InvalidQueryError):
            within.count("level", customer="acme", sql="SELECT seats FROM members")
        within.count("level", customer="acme", sql="SELECT count(*) FROM members")

    assert connection.in_transaction
    connection.rollback()
    assert members(connection) == []
    assert (told(book), events(book)) == ([], [])


def test_the_test_clock_is_read_on_the_connection(path: Path) -> None:
    """
    A book with a test clock gives its instants, without another connection.
    """
    import datetime as dt  # noqa: PLC0415 - of this test alone

    noon = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    with Book.create(path, test_clock=noon) as book:
        book.define({"seats": {"event_type": "seat", "aggregation": "members"}})
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            book.close()
            with book.within(connection) as within:
                changed = within.join("seats", customer="acme", member="ann")
                [recorded] = within.record(
                    [Event(source="api", id="1", type="t", customer="acme")]
                )
            assert isinstance(recorded, Recorded)
            at = "SELECT occurred_at FROM meterbook_entries WHERE entry_id = ?"
            (micros,) = connection.execute(at, (recorded.entry_id,)).fetchone()
    assert changed.occurred_at == noon
    assert micros == int(noon.timestamp()) * 1_000_000
