"""
What a seat costs the application: a member added in a transaction of its own, durably.

Both transactions insert the row of the member. One records the seat besides, the other
inserts a row into a plain table instead, as an application does that keeps a log.
"""

from __future__ import annotations

import contextlib
import sqlite3

from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from benchmarks.measuring import Figure, Outcome, Samples, at_most, in_turn


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.measuring import Target, Trial
    from benchmarks.places import Kept, Places
    from meterbook import Book

TITLE = "a seat recorded in the caller's transaction, against one plain INSERT more"

POSTGRES_TARGET = 1.5
SQLITE_TARGET = 2.0

METERS = {
    "seats": {"event_type": "seat.change", "aggregation": "members"},
    "level": {"event_type": "seat.level", "aggregation": "peak", "value": "units"},
}
POSTGRES = (
    (
        "CREATE TABLE {0}members (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " team text NOT NULL, name text NOT NULL, UNIQUE (team, name))"
    ),
    (
        "CREATE TABLE {0}notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " team text NOT NULL, name text NOT NULL,"
        " at timestamptz NOT NULL DEFAULT now())"
    ),
)
SQLITE = (
    (
        "CREATE TABLE members (id INTEGER PRIMARY KEY, team TEXT NOT NULL,"
        " name TEXT NOT NULL, UNIQUE (team, name))"
    ),
    (
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, team TEXT NOT NULL,"
        " name TEXT NOT NULL, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
    ),
)


class Seats(NamedTuple):
    """
    An application: its connection, its book, and its statements.
    """

    book: Book
    connection: Any
    mark: str
    schema: str
    teams: int

    def member(self, number: int) -> tuple[str, str]:
        return f"team {number % self.teams}", f"member {number}"

    def trial(self, first: int, many: int, more: Callable[[str, str], None]) -> Trial:
        """
        Return what adds *many* members a round, each in a transaction with *more*.
        """
        table = f"{self.schema}members"
        add = f"INSERT INTO {table} (team, name) VALUES ({self.mark}, {self.mark})"

        def ready(round_: int) -> Callable[[], object]:
            numbers = range(first + round_ * many, first + (round_ + 1) * many)
            return lambda: transact_all(numbers)

        def transact_all(numbers: Iterable[int]) -> None:
            for number in numbers:
                transact(number)

        def transact(number: int) -> None:
            team, name = self.member(number)
            self.connection.execute(add, (team, name))
            more(team, name)
            self.connection.commit()

        return ready

    def note(self, team: str, name: str) -> None:
        self.connection.execute(
            f"INSERT INTO {self.schema}notes (team, name)"
            f" VALUES ({self.mark}, {self.mark})",
            (team, name),
        )

    def join(self, team: str, name: str) -> None:
        with self.book.within(self.connection) as within:
            within.join("seats", customer=team, member=name)

    def recount(self, team: str, name: str) -> None:
        del name
        sql = f"SELECT count(*) FROM {self.schema}members WHERE team = {self.mark}"
        with self.book.within(self.connection) as within:
            within.count("level", customer=team, sql=sql, parameters=[team])

    def call_join(self, team: str, name: str) -> None:
        self.connection.execute(
            f"SELECT {self.schema}record_member('seat.change', %s, 'join', %s)",
            (team, name),
        )

    def call_count(self, team: str, name: str) -> None:
        del name
        self.connection.execute(
            f"SELECT {self.schema}count_seats('seat.level', %s,"
            f" format('SELECT count(*) FROM {self.schema}members WHERE team = %%L',"
            " %s::text))",
            (team, team),
        )


def run(places: Places) -> Outcome:
    scale = places.scale
    teams = scale.of(quick=2, full=100)
    many = scale.of(quick=2, full=40)
    rounds = scale.of(quick=2, full=25)
    outcome = Outcome(
        sizes={"teams": teams, "transactions_a_round": many, "rounds": rounds}
    )
    postgres, sqlite = places.schema("seat_change"), places.file("seat-change")
    with in_postgres(postgres, teams) as seats:
        asked: tuple[tuple[str, Callable[[str, str], None], Target | None], ...] = (
            ("record_member", seats.call_join, at_most(POSTGRES_TARGET)),
            ("count_seats", seats.call_count, at_most(POSTGRES_TARGET)),
            ("within().join", seats.join, None),
            ("within().count", seats.recount, None),
        )
        outcome.figures.extend(
            _figure(f"PostgreSQL, {name}", seats, more, target, (at, many, rounds))
            for at, (name, more, target) in enumerate(asked)
        )
    with in_sqlite(sqlite, teams) as seats:
        outcome.figures.extend(
            _figure(
                f"SQLite, {name}",
                seats,
                more,
                at_most(SQLITE_TARGET),
                (at, many, rounds),
            )
            for at, (name, more) in enumerate(
                (("within().join", seats.join), ("within().count", seats.recount))
            )
        )
    return outcome


def _figure(
    what: str,
    seats: Seats,
    more: Callable[[str, str], None],
    target: Target | None,
    sizes: tuple[int, int, int],
) -> Figure:
    at, many, rounds = sizes
    first = 2 * at * many * (rounds + 1)
    ours = seats.trial(first, many, more)
    plain = seats.trial(first + many * (rounds + 1), many, seats.note)
    seconds = in_turn(ours, plain, rounds=rounds)
    return Figure(
        what=what,
        ours=Samples("with a seat", "us", tuple(a / many * 1e6 for a, _ in seconds)),
        against=Samples("with a row", "us", tuple(b / many * 1e6 for _, b in seconds)),
        target=target,
    )


@contextlib.contextmanager
def in_postgres(kept: Kept, teams: int) -> Iterator[Seats]:
    """
    Make an application in the schema of its book.
    """
    schema = f'"{kept.schema}".'
    with kept.created() as book, psycopg.connect(kept.target) as connection:
        book.define(METERS)
        for statement in POSTGRES:
            connection.execute(statement.format(schema).encode())
        connection.commit()
        yield Seats(book, connection, "%s", schema, teams)


@contextlib.contextmanager
def in_sqlite(kept: Kept, teams: int) -> Iterator[Seats]:
    """
    Make an application in the file of its book; a commit of it waits for the disk.
    """
    with (
        kept.created() as book,
        contextlib.closing(sqlite3.connect(kept.target)) as connection,
    ):
        book.define(METERS)
        connection.execute("PRAGMA synchronous = FULL")
        for statement in SQLITE:
            connection.execute(statement)
        yield Seats(book, connection, "?", "", teams)
