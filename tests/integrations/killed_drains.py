"""
A worker that is killed at every statement, one after the other, until it is done.

Run as a program, so that a process without threads forks: each child works as a worker
does, and kills itself (`kill -9`) before its k-th statement. After each of them the
parent looks whether every change still is in one place, and in no two.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys

from typing import TYPE_CHECKING, Any

import psycopg

from meterbook.services.worker.following import work_once
from meterbook.stores.postgres import PostgresStore
from meterbook.stores.postgres.sessions import OwnSpeaker, Session
from meterbook.stores.sqlite import SqliteStore


if TYPE_CHECKING:
    from collections.abc import Callable


# Of a step: a few steps are needed, and the last children do several of them.
CHANGES_MAX = 7

# A step is some fifty statements; a child that gets further than this is done.
STATEMENTS_MAX = 400


def count_down(statements: int) -> Callable[..., None]:
    """
    Return what kills this process at its call number *statements*.
    """
    left = [statements]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def work(kind: str, address: str, count: Callable[..., None]) -> None:
    """
    Work until nothing is left, and count each statement.
    """
    if kind == "sqlite":
        sqlite_store = SqliteStore.open(address)
        sqlite_store._session._connection.set_trace_callback(count)
        while not work_once(sqlite_store, entries_max=CHANGES_MAX).idle:
            pass
        return
    for owner, name in ((OwnSpeaker, "rows"), (OwnSpeaker, "run"), (Session, "copy")):
        setattr(owner, name, counted(getattr(owner, name), count))
    store = PostgresStore.open(address)
    while not work_once(store, entries_max=CHANGES_MAX).idle:
        pass


def counted(function: Callable[..., Any], count: Callable[..., None]) -> Any:  # noqa: ANN401 - as the function
    def call(*values: object) -> object:
        count()
        return function(*values)

    return call


def identities(kind: str, address: str) -> list[int]:
    """
    Return the number of every change, waiting or an entry, as it is committed now.
    """
    prefix = "meterbook_" if kind == "sqlite" else "meterbook."
    query = (
        f"SELECT change_id FROM {prefix}seat_changes UNION ALL"
        f" SELECT CAST(event_id AS bigint) FROM {prefix}entries"
        " WHERE source = 'meterbook:seats' ORDER BY 1"
    )
    connect: Any = sqlite3.connect if kind == "sqlite" else psycopg.connect
    with contextlib.closing(connect(address)) as connection:
        return [row[0] for row in connection.execute(query).fetchall()]


def main(kind: str, address: str) -> None:
    """
    Kill workers until one comes to the end.
    """
    expected = identities(kind, address)
    for statements in range(1, STATEMENTS_MAX):
        child = os.fork()
        if child == 0:
            work(kind, address, count_down(statements))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert identities(kind, address) == expected, statements
        if os.waitstatus_to_exitcode(status) == 0:
            print(statements)
            return
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    sys.exit(f"no worker came to the end in {STATEMENTS_MAX} statements")


if __name__ == "__main__":
    main(*sys.argv[1:])
