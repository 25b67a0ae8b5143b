"""
Several connections change members at once while an oracle counts.

The oracle is a count of rows in each transaction, after its changes: whoever changed
the seats of a customer holds their lock to the end, so it counts what is committed with
it. The highest of these counts is the true peak.
"""

from __future__ import annotations

import random
import sqlite3
import threading

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from psycopg import errors

from captures.applications import DECLARATION, peaks
from meterbook.foundation.errors import StoreError


if TYPE_CHECKING:
    from collections.abc import Callable

    from captures.applications import Application


WRITERS = 6
TRANSACTIONS = 20

SOME = " SELECT {org}, id FROM person WHERE id > '{who}' ON CONFLICT DO NOTHING"
INSERT = "INSERT INTO membership (org_id, user_id)"

# A change, and whether it touches both customers, if it changes anything.
CHANGES = [
    (INSERT + " VALUES ({org}, '{who}')", False),
    (INSERT + " VALUES ({org}, '{who}')", False),
    ("DELETE FROM membership WHERE org_id = {org} AND user_id = '{who}'", False),
    ("UPDATE membership SET org_id = 3 - org_id WHERE user_id = '{who}'", True),
    (INSERT + SOME, False),
]


def changes(dice: random.Random) -> list[tuple[str, set[int]]]:
    """
    Return one or two changes, and which customers each touches.
    """
    found = []
    for _ in range(dice.choice([1, 1, 2])):
        statement, both = dice.choice(CHANGES)
        org, who = dice.choice([1, 2]), f"p{dice.randrange(12):02d}"
        touched = {1, 2} if both else {org}
        found.append((statement.format(org=org, who=who), touched))
    return found


class Oracle:
    """
    The highest number that anybody counted, by customer.
    """

    def __init__(self) -> None:
        self.highest: dict[str, int] = defaultdict(int)
        self._turn = threading.Lock()

    def saw(self, counts: dict[int, int]) -> None:
        with self._turn:
            for org, count in counts.items():
                self.highest[str(org)] = max(self.highest[str(org)], count)


def run(connection: Any, dice: random.Random) -> dict[int, int]:  # noqa: ANN401 - of either driver
    """
    Make some changes in the open transaction, and count whom they leave there.
    """
    touched: set[int] = set()
    for statement, orgs in changes(dice):
        if connection.execute(statement).rowcount > 0:
            touched |= orgs
    query = "SELECT count(*) FROM membership WHERE org_id = {}"
    return {org: connection.execute(query.format(org)).fetchone()[0] for org in touched}


def together(write: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(write, number) for number in range(WRITERS)]:
            done.result()


def people(application: Application) -> None:
    names = ", ".join(f"('p{number:02d}')" for number in range(12))
    application.run(f"INSERT INTO person VALUES {names}")


def agrees(application: Application, oracle: Oracle) -> bool:
    assert application.seats() == application.live()
    assert peaks(application.told()) == {c: n for c, n in oracle.highest.items() if n}
    for _ in range(TRANSACTIONS):
        application.tick()
    assert {c: application.peak(c) for c in oracle.highest} == oracle.highest
    return application.check().clean


@pytest.mark.parametrize(
    "isolation",
    [
        "READ COMMITTED",
        pytest.param("REPEATABLE READ", marks=pytest.mark.slow),
        pytest.param("SERIALIZABLE", marks=pytest.mark.slow),
    ],
)
def test_writers_in_postgres(postgres_application: Application, isolation: str) -> None:
    """
    The peak that the book reads is the true one at every isolation level; whoever was
    in another's way is told to try again.
    """
    application, oracle = postgres_application, Oracle()
    people(application)
    info = application.connection.info
    dsn = psycopg.conninfo.make_conninfo(
        host=info.host, port=info.port, dbname=info.dbname, user=info.user
    )

    def write(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same dice every time
        with psycopg.connect(dsn, autocommit=True) as connection:
            for _ in range(TRANSACTIONS):
                try:
                    connection.execute(f"BEGIN ISOLATION LEVEL {isolation}")
                    counts = run(connection, dice)
                    connection.execute("COMMIT")
                except (
                    errors.SerializationFailure,
                    errors.DeadlockDetected,
                    errors.UniqueViolation,
                ):
                    connection.execute("ROLLBACK")
                else:
                    oracle.saw(counts)

    together(write)
    assert max(oracle.highest.values()) > 2
    assert agrees(application, oracle)


def test_writers_in_sqlite(sqlite_application: Application) -> None:
    """
    Likewise in SQLite, where one writes at a time and the book is told of transactions.
    """
    application, oracle = sqlite_application, Oracle()
    people(application)
    [(_, _, path)] = application.rows("PRAGMA database_list")

    def write(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same dice every time
        connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        connection.execute("PRAGMA synchronous = OFF")
        for _ in range(TRANSACTIONS):
            connection.execute("BEGIN IMMEDIATE")
            try:
                with application.book.within(connection):
                    counts = run(connection, dice)
            except sqlite3.IntegrityError:
                connection.execute("ROLLBACK")
            else:
                connection.execute("COMMIT")
                oracle.saw(counts)
        connection.close()

    together(write)
    assert max(oracle.highest.values()) > 2
    assert agrees(application, oracle)


@pytest.mark.slow
def test_installing_while_others_write(postgres_application: Application) -> None:
    """
    Installing, and installing another version, misses nobody who is changed meanwhile.
    """
    application = postgres_application
    people(application)
    info = application.connection.info
    dsn = psycopg.conninfo.make_conninfo(
        host=info.host, port=info.port, dbname=info.dbname, user=info.user
    )
    done = threading.Event()

    def write(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same dice every time
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not done.is_set():
                try:
                    with connection.transaction():
                        run(connection, dice)
                except (errors.DeadlockDetected, errors.UniqueViolation):
                    continue

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        try:
            application.book.captures.remove("members")
            for version in range(4):
                way = f"way = \"'{version}'\"\n"
                application.book.captures.install(DECLARATION + way)
        finally:
            done.set()
        for writer in writers:
            writer.result()
    assert application.seats() == application.live()
    assert application.check().clean


@pytest.mark.slow
def test_a_table_that_is_in_use(postgres_application: Application) -> None:
    """
    Where a transaction keeps the table for long, installing does not make everybody
    wait behind it: it gives up, changes nothing, and can be tried again.
    """
    application = postgres_application
    info = application.connection.info
    dsn = psycopg.conninfo.make_conninfo(
        host=info.host, port=info.port, dbname=info.dbname, user=info.user
    )
    with psycopg.connect(dsn) as other:
        other.execute("INSERT INTO membership (org_id, user_id) VALUES (1, 'ann')")
        with pytest.raises(StoreError) as raised:
            application.book.captures.install(DECLARATION + "way = \"'x'\"\n")
        assert raised.value.retryable
    assert application.book.captures.installed()[0].version == 1
    assert application.seats() == {"1": {"ann"}}
