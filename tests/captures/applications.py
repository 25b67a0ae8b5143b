"""
An application with a membership table, in SQLite or PostgreSQL, and a book beside it.

What the book was told is read from its tables by queries of these tests, and folded by
loops of these tests: nothing of what is tested helps to test it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import psycopg

from meterbook import Book
from meterbook.app.clocks import clock_of
from meterbook.stores.postgres import PostgresStore


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from meterbook.services.captures.capture_checking import Checked

    Anything: TypeAlias = Any

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(seconds=1)

DECLARATION = """
[captures.members]
table = "membership"
customer = "org_id"
member = "user_id"
when = "suspended_at IS NULL AND active"
event_type = "seat.changed"
customers = "SELECT id FROM org"
"""

METERS = {"seats": {"event_type": "seat.changed", "aggregation": "members"}}

TABLES = """
CREATE TABLE org (id integer PRIMARY KEY);
CREATE TABLE person (id text PRIMARY KEY);
CREATE TABLE membership (
    id {serial} PRIMARY KEY,
    org_id integer REFERENCES org ON DELETE CASCADE ON UPDATE CASCADE,
    user_id text REFERENCES person ON DELETE CASCADE ON UPDATE CASCADE,
    role text NOT NULL DEFAULT 'member',
    active boolean NOT NULL DEFAULT true,
    suspended_at {moment},
    last_seen_at {moment},
    UNIQUE (org_id, user_id)
);
INSERT INTO org VALUES (1), (2), (3);
INSERT INTO person VALUES ('ann'), ('bob'), ('cid'), ('dan'), ('eve');
"""

# What was told, as `Told` has it; what waits comes behind the entries of an instant.
TOLD_SQLITE = """
SELECT e.occurred_at, e.entry_id, e.customer, e.data ->> 'change', p.name,
    e.data ->> 'way', e.data ->> 'state', a.name, e.data ->> 'cause',
    e.data ->> 'definition'
FROM meterbook_entries e
LEFT JOIN meterbook_people p ON p.person_id = e.subject_id
LEFT JOIN meterbook_people a ON a.person_id = e.actor_id
WHERE e.type = 'seat.changed'
UNION ALL
SELECT occurred_at, change_id + (1 << 40), customer, change, member, way, state,
    actor, cause, definition
FROM meterbook_seat_changes WHERE type = 'seat.changed'
ORDER BY 1, 2
"""
TOLD_POSTGRES = """
SELECT e.occurred_at, e.entry_id, e.customer, e.data::jsonb ->> 'change', p.name,
    e.data::jsonb ->> 'way', e.data::jsonb ->> 'state', a.name,
    e.data::jsonb ->> 'cause', (e.data::jsonb ->> 'definition')::integer
FROM meterbook.entries e
LEFT JOIN meterbook.people p ON p.person_id = e.subject_id
LEFT JOIN meterbook.people a ON a.person_id = e.actor_id
WHERE e.type = 'seat.changed'
UNION ALL
SELECT occurred_at, change_id + (1::bigint << 40), customer, change, member, way, state,
    actor, cause, definition
FROM meterbook.seat_changes WHERE type = 'seat.changed'
ORDER BY 1, 2
"""


class Told(NamedTuple):
    """
    A change that the book was told.
    """

    at: int
    customer: str
    change: str
    member: str | None
    way: str | None
    state: str | None
    actor: str | None
    cause: str | None
    definition: int

    @property
    def said(self) -> tuple[str, str, str | None]:
        return self.customer, self.change, self.member


class Application:
    """
    The tables of an application, a connection to them, and the book.

    Attributes:
        book: With a test clock, which every statement moves.

        connection: The application's own, which commits each statement by itself.
    """

    def __init__(
        self, book: Book, connection: Anything, *, told: str, tables: dict[str, str]
    ) -> None:
        self.book = book
        self.connection = connection
        self._told = told
        for statement in TABLES.format_map(tables).split(";\n"):
            if statement.strip():
                connection.execute(statement)

    @property
    def is_postgres(self) -> bool:
        return isinstance(self.connection, psycopg.Connection)

    def run(self, *statements: str) -> None:
        """
        Run statements, each a transaction of its own, a second apart.
        """
        for statement in statements:
            self.tick()
            self.connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Anything, ...]]:
        return [tuple(row) for row in self.connection.execute(query).fetchall()]

    def tick(self) -> None:
        self.book.move_clock(self.book.now() + STEP)

    @contextlib.contextmanager
    def transaction(
        self, *, actor: str | None = None, cause: str | None = None
    ) -> Iterator[Anything]:
        """
        Give the connection in a transaction that the book is told of.
        """
        self.tick()
        self.connection.execute("BEGIN")
        try:
            with self.book.within(self.connection, actor=actor, cause=cause):
                yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def install(self, declaration: str = DECLARATION) -> None:
        self.tick()
        self.book.captures.install(declaration)

    def told(self) -> list[Told]:
        """
        Return all that the book was told of seats, in the order of what it was about.
        """
        return [Told(at, *rest) for at, _, *rest in self.rows(self._told)]

    def heard(self, *statements: str) -> list[tuple[str, str, str | None]]:
        """
        Run statements and return what the book was told by them: whose, what, and who.
        """
        before = len(self.told())
        self.run(*statements)
        return [told.said for told in self.told()[before:]]

    def seats(self) -> dict[str, set[str]]:
        """
        Return who is in by the book, by customer, folded here.
        """
        return seats_after(self.told())

    def live(self) -> dict[str, set[str]]:
        """
        Return who is in by the table, by customer.
        """
        found: dict[str, set[str]] = defaultdict(set)
        query = (
            "SELECT org_id, user_id FROM membership WHERE suspended_at IS NULL"
            " AND active AND org_id IS NOT NULL AND user_id IS NOT NULL"
        )
        for org, user in self.rows(query):
            found[str(org)].add(user)
        return dict(found)

    def check(self) -> Checked:
        [found] = self.book.captures.check()
        return found

    def peak(self, customer: str) -> int:
        """
        Return the highest number of seats since the beginning, by the meter.
        """
        reading = self.book.read(
            "seats", customer=customer, start=START, end=self.book.now() + STEP
        )
        assert isinstance(reading.units, int)
        return reading.units


def seats_after(told: Sequence[Told]) -> dict[str, set[str]]:
    """
    Return who is in after all of *told*, by customer.
    """
    inside: dict[tuple[str, str, str], str] = {}
    for one in told:
        key = (one.customer, one.member or "", one.way or "")
        if one.change == "join":
            inside[key] = one.state or "active"
        elif one.change == "leave":
            inside.pop(key, None)
    found: dict[str, set[str]] = defaultdict(set)
    for (customer, member, _), state in inside.items():
        if state == "active":
            found[customer].add(member)
    return dict(found)


def peaks(told: Sequence[Told]) -> dict[str, int]:
    """
    Return the highest number of seats of each customer that was held for any time.
    """
    found: dict[str, int] = defaultdict(int)
    instants = sorted({one.at for one in told})
    for instant in instants:
        for customer, seats in seats_after(
            [t for t in told if t.at <= instant]
        ).items():
            found[customer] = max(found[customer], len(seats))
    return dict(found)


@contextlib.contextmanager
def in_sqlite(folder: Path) -> Iterator[Application]:
    """
    Give an application in a file of SQLite.
    """
    path = folder / "application.db"
    with Book.create(path, test_clock=START) as book:
        book.define(METERS)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = OFF")
            tables = {"serial": "integer", "moment": "datetime"}
            yield Application(book, connection, told=TOLD_SQLITE, tables=tables)
        finally:
            connection.close()


@contextlib.contextmanager
def in_postgres(dsn: str) -> Iterator[Application]:
    """
    Give an application in a database of PostgreSQL.
    """
    with (
        contextlib.closing(PostgresStore.open(dsn)) as store,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        with store.writing() as writer:
            micros = int(START.timestamp() * 1_000_000)
            writer.set_setting(name="clock", value=f"test:{micros}")
        book = Book(store, clock_of(store))
        book.define(METERS)
        tables = {
            "serial": "bigint GENERATED BY DEFAULT AS IDENTITY",
            "moment": "timestamptz",
        }
        yield Application(book, connection, told=TOLD_POSTGRES, tables=tables)
