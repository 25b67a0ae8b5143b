"""
Rows for a PostgreSQL book, and what else goes on in its server.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING

import psycopg

import servers

from meterbook.ports import EVENT


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.ports import NewEntry
    from meterbook.stores.postgres import PostgresStore
    from meterbook.stores.postgres.sessions import Row


NOON = 1_767_182_400_000_000  # 2025-12-31T12:00:00Z


def offer(  # noqa: PLR0913 - as many as a test may want to say
    event_id: str,
    *,
    kind: int = EVENT,
    source: str = "ci",
    type_: str = "tokens",
    subject_id: int | None = None,
    actor_id: int | None = None,
    customer: str | None = "acme",
    occurred_at: int = NOON,
    data: str = '{"tokens":1}',
    extensions: str = "",
    fingerprint: bytes = b"\\f" * 16,
) -> NewEntry:
    return (
        kind,
        source,
        event_id,
        type_,
        subject_id,
        actor_id,
        customer,
        occurred_at,
        1,
        data,
        extensions,
        fingerprint,
        NOON,
    )


def offers(count: int, *, prefix: str = "e") -> list[NewEntry]:
    return [offer(f"{prefix}{index:06d}") for index in range(count)]


def number(store: PostgresStore) -> int:
    """
    Let the worker take one tick and return how many entries it numbered.
    """
    with store.following() as follower:
        assert follower is not None
        return follower.number()


def order(store: PostgresStore) -> list[tuple[int, str]]:
    """
    Return the (place, event_id) of every numbered entry, in order.
    """
    with store.reading() as reader:
        entries = reader.entries_at(range(1, reader.marks().numbered + 1))
    return [(entry.seq or 0, entry.event_id) for entry in entries]


def end_connections(dsn: str) -> None:
    """
    End all connections of books in this database, as a restarted server does.
    """
    servers.ask(
        dsn,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'meterbook' AND datname = current_database()",
    )


@contextlib.contextmanager
def transaction(
    dsn: str, isolation: str = "READ COMMITTED"
) -> Iterator[psycopg.Connection[Row]]:
    """
    Open a transaction of somebody else's; it is rolled back unless committed inside.
    """
    with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as connection:
        connection.execute(f"BEGIN ISOLATION LEVEL {isolation}".encode())
        yield connection
