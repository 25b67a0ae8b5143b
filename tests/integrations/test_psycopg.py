"""
Recording on a connection of psycopg, in the transaction of whoever opened it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

import servers

from integrations.applications import events, told
from integrations.psycopg_callers import EVERYTHING, add, everything, members
from meterbook import Book, Event, errors


if TYPE_CHECKING:
    from psycopg.abc import Buffer

    from integrations.psycopg_callers import Connecting


def test_both_are_committed_or_neither(
    connection: psycopg.Connection[Any], book: Book, postgres_dsn: str
) -> None:
    """
    The application's row and the seat are there after a commit, and neither is after a
    rollback.
    """
    add(connection, book, "ann")
    connection.rollback()
    assert (members(postgres_dsn), told(book)) == ([], [])

    add(connection, book, "bob")
    assert (members(postgres_dsn), told(book)) == ([], [])
    connection.commit()

    assert members(postgres_dsn) == ["bob"]
    assert told(book) == [("join", "bob")]


def test_a_savepoint_takes_both_back(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    What was recorded since a savepoint goes with it, and what was before stays.
    """
    with connection.transaction(), book.within(connection) as within:
        first = within.join("seats", customer="acme", member="ann")
        with connection.transaction(force_rollback=True):
            within.join("seats", customer="acme", member="bob")
            within.join("seats", customer="globex", member="bob")
            within.record([Event(source="api", id="1", type="t", customer="a")])
        last = within.join("seats", customer="acme", member="eve")

    assert first.occurred_at == last.occurred_at
    assert told(book) == [("join", "ann"), ("join", "eve")]
    assert events(book) == []


def test_a_connection_that_commits_by_itself_is_refused(
    connecting: Connecting, book: Book
) -> None:
    """
    Without a transaction nothing could be rolled back: an error says to begin one, and
    nothing is recorded. Inside one it is as on any other connection.
    """
    connection = connecting(autocommit=True)
    with (
        pytest.raises(errors.UnusableConnectionError, match="autocommit"),
        book.within(connection) as within,
    ):
        within.join("seats", customer="acme", member="ann")

    with connection.transaction(force_rollback=True):
        add(connection, book, "bob")
    with connection.transaction():
        add(connection, book, "eve")
    connection.execute("BEGIN")
    add(connection, book, "zoe")
    connection.execute("COMMIT")

    assert told(book) == [("join", "eve"), ("join", "zoe")]


SETTINGS = [
    "SET client_encoding = 'LATIN1'",
    "SET client_encoding = 'SQL_ASCII'",
    "SET client_encoding = 'SJIS'",
    "SET timezone = 'Pacific/Chatham'; SET datestyle = 'SQL, DMY'",
    "SET bytea_output = 'escape'; SET extra_float_digits = -15",
    "SET search_path = nowhere, public",
    "SET plan_cache_mode = force_generic_plan",
    "SET standard_conforming_strings = off",
]


def test_the_sessions_settings_do_not_matter(
    connecting: Connecting, book: Book
) -> None:
    """
    Encodings, dates, numbers and paths are the caller's affair, and stay as they were.
    """
    for setting in SETTINGS:
        connection = connecting()
        connection.execute(setting.encode())
        connection.commit()
        with connection.transaction():
            connection.execute("SELECT meterbook.book_now()")
            before = settings_of(connection)
            with book.within(connection, actor="Ünn ∞", cause="道") as within:
                everything(within)
            assert settings_of(connection) == before

    assert told(book) == EVERYTHING * len(SETTINGS)
    actors = {entry.actor for entry in book.entries() if entry.source != "api"}
    assert actors == {"Ünn ∞"}


def settings_of(connection: psycopg.Connection[Any]) -> list[object]:
    return connection.execute(
        "SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'plpgsql.%'"
    ).fetchall()


def test_the_callers_cursors_do_not_matter(connecting: Connecting, book: Book) -> None:
    """
    Rows as dictionaries, other cursors and prepared statements are the caller's affair.
    """
    options: list[dict[str, object]] = [
        {"row_factory": dict_row},
        {"cursor_factory": psycopg.ClientCursor},
        {"cursor_factory": psycopg.RawCursor},
        {"prepare_threshold": 0},
        {"prepare_threshold": None},
    ]
    for option in options:
        connection = connecting(**option)
        with connection.transaction():
            for _ in range(3):
                with book.within(connection, actor="ops") as within:
                    within.join("seats", customer="acme", member="bob")
            with book.within(connection, cause="why") as within:
                everything(within)

    assert told(book) == ([("join", "bob")] * 3 + EVERYTHING) * len(options)


def test_the_callers_adapters_do_not_matter(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    How the caller has numbers and text sent and read is not how the book does.
    """

    class Shouting(psycopg.types.string.StrDumper):
        def dump(self, obj: str) -> Buffer | None:  # type: ignore[explicit-override]  # typing has no override in 3.11
            return super().dump(obj.upper())

    class Wrong(psycopg.adapt.Loader):
        def load(self, data: Buffer) -> object:  # type: ignore[explicit-override]  # likewise
            return len(data)

    connection.adapters.register_dumper(str, Shouting)
    for type_ in ("text", "int8", "int4", "int2", "bytea"):
        connection.adapters.register_loader(type_, Wrong)
    with connection.transaction(), book.within(connection) as within:
        within.join("seats", customer="acme", member="ann")
        within.record([Event(source="api", id="a", type="t", subject="ann")])

    assert told(book) == [("join", "ann")]
    assert events(book) == ["a"]


@pytest.mark.parametrize("autocommit", [False, True])
def test_a_pipeline_is_no_obstacle(
    connecting: Connecting, book: Book, postgres_dsn: str, *, autocommit: bool
) -> None:
    """
    In pipeline mode statements are answered later: those of a block are answered in it.
    """
    connection = connecting(autocommit=autocommit)
    with connection.pipeline(), connection.transaction():
        connection.execute("INSERT INTO members VALUES ('acme', 'ann')")
        with book.within(connection, actor="ops") as within:
            everything(within)
            connection.execute("INSERT INTO members VALUES ('acme', 'bob')")
            counted = within.count(
                "level", customer="acme", sql="SELECT count(*) FROM members"
            )
            with pytest.raises(errors.InvalidQueryError, match="not members"):
                within.join("level", customer="acme", member="x")
        connection.execute("INSERT INTO members VALUES ('acme', 'eve')")

    assert counted.units == 2
    assert members(postgres_dsn) == ["ann", "bob", "eve"]
    assert told(book) == [*EVERYTHING, ("level", "2")]


def test_in_a_pipeline_without_transaction_it_is_refused(
    connecting: Connecting, book: Book
) -> None:
    """
    What a pipeline has not answered yet may have begun a transaction, or not: it is
    looked up before it is refused.
    """
    connection = connecting(autocommit=True)
    with connection.pipeline():
        connection.execute("INSERT INTO members VALUES ('acme', 'ann')")
        with pytest.raises(errors.UnusableConnectionError), book.within(connection):
            pass
    with connection.pipeline():
        connection.execute("BEGIN")
        add(connection, book, "bob")
        connection.execute("COMMIT")
    assert told(book) == [("join", "bob")]


def test_a_pool_of_one_is_enough(postgres_dsn: str, book: Book) -> None:
    """
    With the only connection of a pool, and the book's own closed, nothing waits.
    """
    book.close()
    with (
        ConnectionPool(
            postgres_dsn, min_size=1, max_size=1, timeout=5, open=True
        ) as pool,
        pool.connection() as connection,
        book.within(connection, actor="ops", cause="why") as within,
    ):
        everything(within)
    [(waiting,)] = servers.ask(
        postgres_dsn, "SELECT count(*) FROM meterbook.seat_changes"
    )
    assert waiting == len(EVERYTHING)


def test_a_failed_transaction_is_refused(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    After an error of the caller's nothing more can be recorded: an error says so.
    """
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM nowhere")
    with (
        pytest.raises(errors.UnusableConnectionError, match="failed"),
        book.within(connection),
    ):
        pass

    connection.rollback()
    with pytest.raises(psycopg.Error), book.within(connection, actor="ops") as within:
        within.join("seats", customer="acme", member="ann")
        connection.execute("SELECT * FROM nowhere")
    connection.rollback()
    assert told(book) == []
