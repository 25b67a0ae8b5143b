"""
Seats that are changed on a connection of psycopg: locks, snapshots, rights, answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import servers

from integrations.applications import events, told
from integrations.psycopg_callers import everything
from meterbook import Book, Conflict, Duplicate, Event, Recorded, Refused, errors


if TYPE_CHECKING:
    from collections.abc import Callable

    from integrations.psycopg_callers import Connecting
    from meterbook.services.seats.live import Live


CHANGES: dict[str, Callable[[Live, str], object]] = {
    "join": lambda live, who: live.join("seats", customer=who, member="bob"),
    "level": lambda live, who: live.level("level", customer=who, units=2),
    "count": lambda live, who: live.count(
        "level", customer=who, sql="SELECT count(*) FROM members"
    ),
}


@pytest.mark.parametrize("isolation", ["REPEATABLE_READ", "SERIALIZABLE"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_a_snapshot_that_is_too_old_is_a_retryable_error(
    shared: Connecting, shared_book: Book, isolation: str, what: str, *, known: bool
) -> None:
    """
    Who looked before another changed the seats cannot count them any more: the error
    can be retried, and nothing wrong is recorded. Whether the customer had seats
    before, or has the first ones now.
    """
    who, change = f"{isolation} {what} {known}", CHANGES[what]
    first, second = shared(), shared()
    second.isolation_level = psycopg.IsolationLevel[isolation]
    if known:
        with first.transaction(), shared_book.within(first) as within:
            change(within, who)
    second.execute("SELECT count(*) FROM members")
    with first.transaction(), shared_book.within(first) as within:
        change(within, who)
    before = told(shared_book, who)

    with (
        pytest.raises(errors.StoreError) as raised,
        shared_book.within(second, actor="ops") as within,
    ):
        change(within, who)
    assert raised.value.retryable
    second.rollback()
    assert told(shared_book, who) == before

    with second.transaction(), shared_book.within(second) as within:
        change(within, who)
    assert len(told(shared_book, who)) == len(before) + 1 == 2 + known


def test_a_deadlock_is_a_retryable_error(connecting: Connecting, book: Book) -> None:
    """
    Of two transactions that change two customers in opposite order, one has to do it
    again.
    """
    met, failed = threading.Barrier(2, timeout=10), []

    def change(connection: psycopg.Connection[Any], *customers: str) -> None:
        one, other = customers
        with book.within(connection) as within:
            within.join("seats", customer=one, member="ann")
            met.wait()
            try:
                within.join("seats", customer=other, member="ann")
            except errors.StoreError as error:
                failed.append(error.retryable)
        connection.commit()

    threads = [
        threading.Thread(target=change, args=(connecting(), *customers))
        for customers in (("acme", "globex"), ("globex", "acme"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert failed == [True]
    assert told(book) == [("join", "ann")] * 2


def test_changes_of_one_transaction_have_one_instant(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    Whatever blocks and savepoints it has, all that a transaction changes of a customer
    and type counts together; the next transaction is later.
    """
    with connection.transaction():
        with book.within(connection) as within:
            first = within.join("seats", customer="acme", member="ann")
        with connection.transaction(), book.within(connection) as within:
            second = within.leave("seats", customer="acme", member="ann")
    with connection.transaction(), book.within(connection) as within:
        third = within.join("seats", customer="acme", member="bob")

    assert first.occurred_at == second.occurred_at < third.occurred_at


def test_triggers_are_told_who_acts_as_long_as_the_block_lasts(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    Actor and cause are settings of the session inside the block, those of the inner one
    of two, and what they were before after it.
    """

    def settings() -> object:
        return connection.execute(
            "SELECT current_setting('meterbook.actor', true),"
            " current_setting('meterbook.cause', true)"
        ).fetchone()

    connection.execute("SELECT set_config('meterbook.actor', 'Zoë', true)")
    with book.within(connection, actor="ann", cause="outer"):
        assert settings() == ("ann", "outer")
        with book.within(connection, actor="bob"):
            assert settings() == ("bob", "outer")
            with pytest.raises(KeyError), book.within(connection, cause="inner"):
                assert settings() == ("bob", "inner")
                raise KeyError
        assert settings() == ("ann", "outer")
    assert settings() == ("Zoë", "")
    connection.commit()
    assert settings() == ("", "")


def test_who_acts_can_be_told_by_the_session(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    Without an actor of its own a change has the one that the session was told of.
    """
    with connection.transaction():
        connection.execute("SELECT set_config('meterbook.actor', 'session', true)")
        with book.within(connection) as within:
            within.join("seats", customer="acme", member="ann")
            within.join("seats", customer="acme", member="bob", actor="change")
        with book.within(connection, actor="block") as within:
            within.join("seats", customer="acme", member="eve")

    book.work()
    assert [entry.actor for entry in book.entries()] == ["session", "change", "block"]


def test_the_answers_are_those_of_record(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    New, the same again, other content, and what cannot be taken, each with its answer;
    and warnings by the meters that the transaction sees.
    """
    first = Event(source="api", id="1", type="llm.request", data={"n": 1})
    with connection.transaction(), book.within(connection) as within:
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


def test_a_large_batch_leaves_nothing_behind(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    However many events there are, no temporary table and no savepoint is made: nothing
    but rows of the book.
    """
    many = [
        Event(source="api", id=f"{n:05d}", type="t", subject=f"p{n % 500}")
        for n in range(5_000)
    ]
    with connection.transaction(), book.within(connection) as within:
        answers = within.record(many)
        temporary = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()"
        )
        assert temporary.fetchone() == (0,)
    assert all(isinstance(answer, Recorded) for answer in answers)
    assert events(book)[:3] == ["00000", "00001", "00002"]
    assert book.status().numbered_place == 5_000


def test_an_identity_that_was_recorded_since_can_be_retried(
    connecting: Connecting, book: Book
) -> None:
    """
    In a transaction that cannot see who was first, that is a retryable error.
    """
    connection = connecting()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    event = Event(source="api", id="1", type="t", customer="acme")
    connection.execute("SELECT 1")
    book.record([event])

    with pytest.raises(errors.StoreError) as raised, book.within(connection) as within:
        within.record([event])
    assert raised.value.retryable
    connection.rollback()
    with connection.transaction(), book.within(connection) as within:
        assert isinstance(within.record([event])[0], Duplicate)


@pytest.mark.parametrize(
    ("sql", "parameters", "said"),
    [
        ("SELECT nothing FROM members", None, 'column "nothing" does not exist'),
        ("SELECT count(*) FROM nowhere", None, 'relation "nowhere" does not exist'),
        ("SELEC 1", None, "syntax error"),
        ("SELECT count(*) FROM members WHERE team = %s", [], "1 placeholders|0 param"),
        ("SELECT count(*) FROM members WHERE team = %s", [object()], "adapt"),
        ("SELECT 1 WHERE false", None, "no rows"),
        ("SELECT 1 UNION SELECT 2", None, "more than one row"),
        ("SELECT 1, 2", None, "1', 2"),
        ("SELECT 1.5", None, "1.5"),
        ("SELECT -1", None, "-1"),
        ("SELECT true", None, "numeric"),
        ("SELECT 'three'", None, "three"),
        ("SELECT 1e30", None, "out of range"),
        ("DELETE FROM members RETURNING 1", None, "no rows"),
    ],
)
def test_a_count_that_cannot_be_taken_is_named(
    shared: Connecting,
    shared_book: Book,
    sql: str,
    parameters: list[object] | None,
    said: str,
) -> None:
    """
    A query that fails, or answers no whole number, is the caller's mistake.
    """
    connection = shared()
    with (
        pytest.raises(errors.InvalidQueryError, match=said),
        shared_book.within(connection) as within,
    ):
        within.count("level", customer="acme", sql=sql, parameters=parameters)
    connection.rollback()
    assert told(shared_book, "acme") == []


def test_the_count_runs_with_the_callers_path(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    A table of the caller's own schema is found, and its rows are counted.
    """
    connection.execute(
        "CREATE SCHEMA app; CREATE TABLE app.people AS SELECT generate_series(1, 7);"
        " SET search_path = app"
    )
    with book.within(connection) as within:
        counted = within.count(
            "level",
            customer="acme",
            sql="SELECT count(*) FROM people -- all of them\n",
        )
    assert counted.units == 7


def test_what_shadows_the_system_is_not_used(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    Functions and operators of the caller's that have the names of the system's do not
    reach the lock or the queue.
    """
    connection.execute(
        "CREATE SCHEMA evil;"
        " CREATE FUNCTION evil.more(bigint, bigint) RETURNS boolean LANGUAGE sql"
        " AS 'SELECT false';"
        " CREATE OPERATOR evil.= (FUNCTION = evil.more, LEFTARG = bigint,"
        " RIGHTARG = bigint);"
        " CREATE FUNCTION evil.greatest(bigint, bigint) RETURNS bigint LANGUAGE sql"
        " AS 'SELECT 0::bigint';"
        " CREATE TABLE evil.seat_changes (x int); CREATE TABLE evil.seat_locks (x int);"
        " SET search_path = evil, pg_catalog"
    )
    with book.within(connection) as within:
        within.join("seats", customer="acme", member="ann")
        within.count("level", customer="acme", sql="SELECT 3")
    connection.commit()
    assert told(book) == [("join", "ann"), ("level", "3")]


def test_these_rights_are_enough(
    connecting: Connecting, book: Book, postgres_dsn: str
) -> None:
    """
    An application that does not own the book needs these rights, and no others.
    """
    servers.ask(postgres_dsn, "DROP ROLE IF EXISTS app_of_tests")
    for grant in RIGHTS:
        servers.ask(postgres_dsn, grant)
    connection = connecting()
    connection.execute("SET ROLE app_of_tests")
    with book.within(connection, actor="ops") as within:
        everything(within)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM meterbook.seat_changes")
    connection.rollback()
    connection.execute("SET ROLE app_of_tests")
    with book.within(connection) as within:
        within.join("seats", customer="acme", member="ann")
    connection.commit()
    assert told(book) == [("join", "ann")]
    connection.execute("RESET ROLE")
    connection.execute("DROP OWNED BY app_of_tests; DROP ROLE app_of_tests")
    connection.commit()


# As docs/how-to/record-in-your-transaction.md has them.
RIGHTS = [
    "CREATE ROLE app_of_tests",
    "GRANT USAGE ON SCHEMA meterbook TO app_of_tests",
    """
    GRANT SELECT ON meterbook.book, meterbook.meters, meterbook.rolled,
        meterbook.attributions, meterbook.log, meterbook.people, meterbook.entries,
        meterbook.seat_locks TO app_of_tests
    """,
    """
    GRANT INSERT ON meterbook.entries, meterbook.people, meterbook.seat_changes,
        meterbook.seat_locks TO app_of_tests
    """,
    "GRANT UPDATE ON meterbook.seat_locks TO app_of_tests",
    "GRANT DELETE ON meterbook.people TO app_of_tests",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA meterbook TO app_of_tests",
    "GRANT ALL ON members TO app_of_tests",
]


def test_asynchronous_connections_are_refused(book: Book, postgres_dsn: str) -> None:
    """
    Meterbook is synchronous, and says so.
    """

    async def refused() -> None:
        async with await psycopg.AsyncConnection.connect(postgres_dsn) as connection:
            with (
                pytest.raises(errors.UnusableConnectionError, match="asynchronous"),
                book.within(connection),
            ):
                pass

    asyncio.run(refused())


def test_a_database_without_a_book_is_named(
    empty_postgres_dsn: str, book: Book
) -> None:
    """
    A connection to another database is no place for this book's records.
    """
    with (
        contextlib.closing(psycopg.connect(empty_postgres_dsn)) as connection,
        pytest.raises(errors.NotABookError),
        book.within(connection) as within,
    ):
        within.join("seats", customer="acme", member="ann")


def test_a_closed_connection_is_named(
    connection: psycopg.Connection[Any], book: Book
) -> None:
    """
    Nothing can be recorded on a connection that is closed.
    """
    connection.close()
    with (
        pytest.raises(errors.UnusableConnectionError, match="closed"),
        book.within(connection),
    ):
        pass
