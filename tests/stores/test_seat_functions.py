"""
The functions of a book in PostgreSQL: seats by plain SQL, from any language.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import servers

from stores.postgres_books import transaction


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.stores.postgres import PostgresStore


JOIN = "SELECT meterbook.record_member('seat', 'acme', 'join', 'ann')"
LOCK = "SELECT meterbook.lock_seats('seat', 'acme')"
LOCKED = "SELECT ctid::text, last_at FROM meterbook.seat_locks ORDER BY customer"
QUEUE = (
    "SELECT type, customer, change, member, way, state, units, path, scale, actor,"
    " cause, definition FROM meterbook.seat_changes ORDER BY change_id"
)


@pytest.fixture
def connection(postgres_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """
    Give an application's connection, in autocommit mode.
    """
    with contextlib.closing(psycopg.connect(postgres_dsn, autocommit=True)) as made:
        yield made


def one(connection: psycopg.Connection[Any], query: str) -> Any:  # noqa: ANN401 - of any type
    """
    Return the first value that a query answers.
    """
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_what_is_told_waits_in_the_queue(connection: psycopg.Connection[Any]) -> None:
    """
    Names, ways, states, levels and who did it, as positions or by name, with defaults.
    """
    for call in (
        "record_member('seat', 'acme', 'join', 'ann')",
        "record_member('seat', 'acme', 'leave', 'bob', 'scim', NULL, 'ops', 'why', 3)",
        """record_member(type => 'seat', customer => 'acme', change => 'join',
            member => 'eve', state => 'pending', definition => 2)""",
        "record_member('seat', 'acme', 'baseline', NULL)",
        "record_level('lv', 'acme', 7)",
        "record_level('lv', 'acme', 725, cause => 'why', path => 'a.b', scale => 2)",
        "count_seats('lv', 'acme', 'SELECT count(*) FROM generate_series(1, 3)')",
    ):
        connection.execute(f"SELECT meterbook.{call}".encode())

    seat, level = ("seat", "acme"), ("lv", "acme", "level", None, None, None)
    assert connection.execute(QUEUE.encode()).fetchall() == [
        (*seat, "join", "ann", None, None, None, None, None, None, None, 1),
        (*seat, "leave", "bob", "scim", None, None, None, None, "ops", "why", 3),
        (*seat, "join", "eve", None, "pending", None, None, None, None, None, 2),
        (*seat, "baseline", None, None, None, None, None, None, None, None, 1),
        (*level, 7, None, None, None, None, 1),
        (*level, 725, "a.b", 2, None, "why", 1),
        (*level, 3, None, None, None, None, 1),
    ]


def test_a_count_answers_how_many_and_when(
    connection: psycopg.Connection[Any],
) -> None:
    """
    It is the instant of the lock, and the units that were counted.
    """
    with connection.transaction():
        at = one(connection, "SELECT meterbook.lock_seats('lv', 'acme')")
        found = connection.execute(
            b"SELECT * FROM meterbook.count_seats('lv', 'acme', 'SELECT 4')"
        ).fetchone()
    assert found == (4, at)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("record_member('seat', 'acme', 'enter', 'ann')", "change 'enter'"),
        ("record_member('seat', 'acme', NULL, 'ann')", "change NULL"),
        ("record_member('seat', 'acme', 'join', NULL)", "of a name"),
        ("record_member('seat', 'acme', 'leave', ' ')", "of a name"),
        ("record_member('seat', 'acme', 'baseline', 'ann')", "of nobody"),
        ("record_member('', 'acme', 'join', 'ann')", "say type"),
        ("record_member('seat', NULL, 'join', 'ann')", "customer"),
        ("record_member('seat', 'acme', 'join', repeat('x', 256))", "too long"),
        (
            "record_member('seat', 'a', 'join', 'b', actor => repeat('x', 256))",
            "too long",
        ),
        (
            "record_member('seat', 'a', 'join', 'b', cause => repeat('x', 1001))",
            "too long",
        ),
        ("record_level('lv', 'acme', -1)", "0 or more"),
        ("record_level('lv', 'acme', NULL)", "NULL is no level"),
        ("record_level('lv', ' ', 1)", "say type"),
        ("count_seats('lv', 'acme', 'SELECT 2.5')", "one whole number"),
        ("count_seats('lv', 'acme', 'SELECT NULL')", "one whole number"),
        ("count_seats('lv', 'acme', 'SELECT -1')", "0 or more"),
    ],
)
def test_what_cannot_be_a_change_is_named(
    connection: psycopg.Connection[Any], call: str, said: str
) -> None:
    """
    An error says what was given and what is wanted, and nothing waits.
    """
    with pytest.raises(psycopg.Error, match=said):
        connection.execute(f"SELECT meterbook.{call}".encode())
    assert connection.execute(QUEUE.encode()).fetchall() == []


def test_one_transaction_has_one_instant_and_one_version(
    connection: psycopg.Connection[Any],
) -> None:
    """
    A transaction that has the lock does not update it again: a thousand changes are as
    quick as one. The next transaction is later.
    """
    with connection.transaction():
        first = one(connection, LOCK)
        before = connection.execute(LOCKED.encode()).fetchall()
        for _ in range(3):
            assert one(connection, JOIN) == first
        many = "SELECT * FROM meterbook.lock_many_seats('seat', ARRAY['acme'])"
        assert connection.execute(many.encode()).fetchall() == [("acme", first)]
        assert connection.execute(LOCKED.encode()).fetchall() == before
    assert one(connection, LOCK) > first


def test_a_savepoint_that_is_rolled_back_gives_the_lock_back(
    connection: psycopg.Connection[Any], postgres_dsn: str
) -> None:
    """
    Whoever takes the lock meanwhile comes before: the instant is another one then.
    """
    with connection.transaction():
        with connection.transaction(force_rollback=True):
            lost = one(connection, LOCK)
        [(between,)] = servers.ask(postgres_dsn, LOCK)
        kept = one(connection, LOCK)
        with connection.transaction(force_rollback=True):
            assert one(connection, LOCK) == kept
    assert lost < between < kept


def test_an_id_of_another_cluster_is_not_taken_for_ours(
    connection: psycopg.Connection[Any],
) -> None:
    """
    After a dump and restore a lock row may have the id of a transaction to come: it is
    older than that transaction, and so it is not its own.
    """
    one(connection, LOCK)
    with connection.transaction():
        connection.execute(
            b"UPDATE meterbook.seat_locks SET last_at = 5, xid = pg_current_xact_id(),"
            b" locked_at = now() - interval '1 day'"
        )
        assert one(connection, LOCK) > 5
    with connection.transaction():
        connection.execute(
            b"UPDATE meterbook.seat_locks SET last_at = 5, xid = pg_current_xact_id(),"
            b" locked_at = now() - interval '1 day'"
        )
        many = "SELECT occurred_at FROM meterbook.lock_many_seats('seat', '{acme}')"
        assert one(connection, many) > 5


def set_clock(store: PostgresStore, micros: int) -> None:
    with store.writing() as writer:
        writer.set_setting(name="clock", value=f"test:{micros}")


def test_an_instant_is_later_than_the_last_one_whatever_the_clock_says(
    connection: psycopg.Connection[Any], postgres_store: PostgresStore
) -> None:
    """
    With a clock that is behind the last change, or stands still, it is a microsecond
    later.
    """
    set_clock(postgres_store, 1000)
    assert one(connection, "SELECT meterbook.book_now()") == 1000
    found = [one(connection, LOCK) for _ in range(3)]
    set_clock(postgres_store, 500)
    many = "SELECT occurred_at FROM meterbook.lock_many_seats('seat', '{acme}')"
    found += [one(connection, many), one(connection, LOCK)]
    other = one(connection, "SELECT meterbook.lock_seats('seat', 'globex')")

    assert found == [1000, 1001, 1002, 1003, 1004]
    assert other == 500


def test_many_customers_are_locked_in_one_order(
    connection: psycopg.Connection[Any], postgres_dsn: str
) -> None:
    """
    However they are given, they are locked by name: two who lock the same do not
    deadlock. Nobody twice, and nobody who has no name.
    """
    many = (
        "SELECT customer FROM meterbook.lock_many_seats('seat',"
        " ARRAY['b', 'a', NULL, 'é', 'b', 'Z']) ORDER BY occurred_at, customer"
    )
    with connection.transaction():
        found = [row[0] for row in connection.execute(many.encode())]
    assert found == ["Z", "a", "b", "é"]

    with transaction(postgres_dsn) as other:
        other.execute(b"SELECT meterbook.lock_seats('seat', 'Z')")
        connection.execute(b"SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable), connection.transaction():
            connection.execute(many.encode())
        free = "SELECT meterbook.lock_seats('seat', 'a')"
        assert one(connection, free) > 0


def test_who_waits_for_the_lock_gets_a_later_instant(
    connection: psycopg.Connection[Any], postgres_dsn: str
) -> None:
    """
    The clock is looked at when the lock is had, not when it was asked for.
    """
    import threading  # noqa: PLC0415 - of this test alone

    found: list[int] = []
    with transaction(postgres_dsn) as holder:
        held = one(holder, LOCK)
        waiting = threading.Thread(target=lambda: found.append(one(connection, LOCK)))
        waiting.start()
        waiting.join(timeout=0.3)
        assert found == []
        now = one(holder, "SELECT meterbook.book_now()")
        holder.execute(b"COMMIT")
        waiting.join(timeout=10)
    assert found[0] > now > held
