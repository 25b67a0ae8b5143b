"""
Writers that add and remove members at once, and oracles that count what was committed.

A writer is an application: a transaction of it adds or removes a few members of a team
and records that in the book, as members or as counts. Some are rolled back. What has to
be retried is done again.

An oracle knows nothing of the book. On PostgreSQL it is the write-ahead log, decoded:
it has the rows of each transaction in the order of the commits. On SQLite transactions
that write come one after the other, and each notes how many there are.
"""

from __future__ import annotations

import contextlib
import random
import re
import sqlite3
import sys
import time

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

import servers

from integrations.applications import METERS, postgres_application
from meterbook import Book, errors


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.services.seats.live import Live


TEAMS = ["acme", "globex"]
NAMES = [f"member {number}" for number in range(12)]

WRITERS = 16

# A writer that fails so often in a row is in a livelock, and that is a bug.
ATTEMPTS_MAX = 500
PAUSE_SECONDS = 0.002

SLOT = "oracle"
_CHANGE = re.compile(
    r"table public\.members: (INSERT|DELETE): team\[text\]:'(\w+)' name\[text\]:'(.+)'"
)

STATEMENTS = {
    "add": "INSERT INTO members VALUES (?, ?) ON CONFLICT DO NOTHING",
    "remove": "DELETE FROM members WHERE team = ? AND name = ?",
}

NOTE = """
INSERT INTO states (team, members)
SELECT ?1, count(*) FROM members WHERE team = ?1
"""


class Job(NamedTuple):
    """
    What a writer does.

    Attributes:
        kind: sqlite or postgres.

        address: Of the database.

        mode: members or counts.

        isolation: On PostgreSQL.

        seed: Of its choices.

        transactions: How many it commits.
    """

    kind: str
    address: str
    mode: str
    isolation: str
    seed: int
    transactions: int


def write(job: Job) -> None:
    """
    Do a whole job, on connections of its own.
    """
    chance = random.Random(job.seed)  # noqa: S311 - the same choices every time
    with contextlib.ExitStack() as stack:
        if job.kind == "sqlite":
            book = stack.enter_context(Book.open(job.address))
            connection: Any = stack.enter_context(
                contextlib.closing(sqlite3.connect(job.address, timeout=60))
            )
        else:
            book = stack.enter_context(_postgres_book(job.address))
            connection = stack.enter_context(
                contextlib.closing(psycopg.connect(job.address))
            )
            connection.isolation_level = psycopg.IsolationLevel[job.isolation]
        for _ in range(job.transactions):
            changes = _chosen(chance)
            kept = chance.random() > 0.1
            _persistently(lambda: _transact(book, connection, job, changes, keep=kept))  # noqa: B023 - called at once


def _chosen(chance: random.Random) -> list[tuple[str, str, str]]:
    """
    Return what one transaction does: (what, team, name); now and then a swap.
    """
    count = chance.choice([1, 1, 2, 3])
    return [
        (
            chance.choice(["add", "add", "remove"]),
            chance.choice(TEAMS),
            chance.choice(NAMES),
        )
        for _ in range(count)
    ]


def _transact(
    book: Book,
    connection: Any,  # noqa: ANN401 - of two drivers
    job: Job,
    changes: Sequence[tuple[str, str, str]],
    *,
    keep: bool,
) -> None:
    """
    Do *changes* in one transaction.
    """
    mark = "?" if job.kind == "sqlite" else "%s"
    try:
        with book.within(connection, actor=f"writer {job.seed}") as within:
            for what, team, name in changes:
                statement = STATEMENTS[what].replace("?", mark)
                changed = connection.execute(statement, (team, name)).rowcount
                if changed and job.mode == "members":
                    _tell(within, what, team, name)
            for team in sorted({team for _, team, _ in changes}):
                if job.mode == "counts":
                    within.count(
                        "level",
                        customer=team,
                        sql=f"SELECT count(*) FROM members WHERE team = {mark}",
                        parameters=[team],
                    )
                if job.kind == "sqlite":
                    connection.execute(NOTE, (team,))
        if keep:
            connection.commit()
    finally:
        connection.rollback()


def _tell(within: Live, what: str, team: str, name: str) -> None:
    if what == "add":
        within.join("seats", customer=team, member=name)
    else:
        within.leave("seats", customer=team, member=name)


def _persistently(work: Callable[[], None]) -> None:
    """
    Do *work* again while somebody was in its way.
    """
    for attempt in range(ATTEMPTS_MAX):
        try:
            work()
        except errors.StoreError as error:
            if not error.retryable:
                raise
        except (
            psycopg.errors.SerializationFailure,
            psycopg.errors.DeadlockDetected,
        ):
            pass
        else:
            return
        time.sleep(PAUSE_SECONDS * random.random() * min(attempt, 10))  # noqa: S311 - so that two do not meet again
    message = f"{ATTEMPTS_MAX} attempts failed"
    raise AssertionError(message)


@contextlib.contextmanager
def _postgres_book(dsn: str) -> Iterator[Book]:
    from meterbook.app.clocks import clock_of  # noqa: PLC0415 - of PostgreSQL alone
    from meterbook.stores.postgres import PostgresStore  # noqa: PLC0415 - likewise

    with contextlib.closing(PostgresStore.open(dsn)) as store:
        yield Book(store, clock_of(store))


# -- the oracles --------------------------------------------------------------------


@contextlib.contextmanager
def watched_postgres(dsn: str) -> Iterator[Book]:
    """
    Give a book in an application's database whose log is kept for the oracle.
    """
    with postgres_application(dsn) as book:
        servers.ask(
            dsn, f"SELECT pg_create_logical_replication_slot('{SLOT}', 'test_decoding')"
        )
        yield book
        servers.ask(dsn, f"SELECT pg_drop_replication_slot('{SLOT}')")


def committed_on_postgres(dsn: str) -> dict[str, list[int]]:
    """
    Return how many members each team had after each transaction that changed it.
    """
    rows = servers.ask(
        dsn,
        f"SELECT data FROM pg_logical_slot_get_changes('{SLOT}', NULL, NULL)",
    )
    present: dict[str, set[str]] = defaultdict(set)
    states: dict[str, list[int]] = {team: [] for team in TEAMS}
    touched: set[str] = set()
    for (line,) in rows:
        assert isinstance(line, str)
        if found := _CHANGE.fullmatch(line):
            what, team, name = found.groups()
            touched.add(team)
            if what == "INSERT":
                present[team].add(name)
            else:
                present[team].remove(name)
        elif line.startswith("COMMIT"):
            for team in touched:
                states[team].append(len(present[team]))
            touched.clear()
    return states


def watched_sqlite(path: str) -> None:
    """
    Make what the oracle reads, in an application's file.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE states (state_id INTEGER PRIMARY KEY AUTOINCREMENT,"
            " team TEXT, members INTEGER)"
        )


def committed_on_sqlite(path: str) -> dict[str, list[int]]:
    """
    Return how many members each team had after each transaction that spoke of it.
    """
    states: dict[str, list[int]] = {team: [] for team in TEAMS}
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for team, count in connection.execute(
            "SELECT team, members FROM states ORDER BY state_id"
        ):
            states[team].append(count)
    return states


if __name__ == "__main__":
    assert METERS
    kind, address, mode, isolation, seed, transactions = sys.argv[1:]
    write(Job(kind, address, mode, isolation, int(seed), int(transactions)))
