"""
What a capture costs the application: many members inserted by one statement.

Both tables have the same columns and the same unique index, and neither has foreign
keys, which would make the plain insert slower and the ratio smaller. The queue that the
triggers fill is emptied between rounds, as the worker would.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import psycopg

from benchmarks.measuring import Figure, Outcome, Samples, at_most, in_turn
from meterbook.stores.sqlite.connecting import connect


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.measuring import Trial
    from benchmarks.places import Kept, Places

TITLE = "members inserted by one statement, with a capture and without"

TARGET = 2.0

DECLARATION = """
[captures.members]
table = "{table}"
customer = "org_id"
member = "user_id"
way = "role"
when = "suspended_at IS NULL AND active"
event_type = "seat.changed"
"""

COLUMNS = """(
    id {serial} PRIMARY KEY, org_id integer NOT NULL, user_id integer NOT NULL,
    role text NOT NULL DEFAULT 'member', active boolean NOT NULL DEFAULT true,
    suspended_at {moment}, UNIQUE (org_id, user_id)
)"""
POSTGRES = {
    "serial": "bigint GENERATED ALWAYS AS IDENTITY",
    "moment": "timestamptz",
    "numbers": "SELECT n % {orgs}, n FROM generate_series(1, {members}) AS n",
}
SQLITE = {
    "serial": "integer",
    "moment": "datetime",
    "numbers": (
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s"
        " WHERE n < {members}) SELECT n % {orgs}, n FROM s"
    ),
}


class Connection(Protocol):
    """
    The application's, of either driver.
    """

    def execute(self, sql: str, /) -> Any:  # noqa: ANN401 - a cursor of the driver's
        """
        Run a statement.
        """


Connecting: TypeAlias = "Iterator[tuple[Connection, dict[str, str], list[str]]]"


def run(places: Places) -> Outcome:
    scale = places.scale
    members = scale.of(quick=1_000, full=100_000)
    rounds = scale.of(quick=2, full=11)
    sizes: dict[str, object] = {"members": members, "rounds": rounds}
    outcome = Outcome(sizes=sizes)
    for orgs in scale.of(quick=(10,), full=(1, 1_000)):
        customers = "one customer" if orgs == 1 else f"{orgs:,} customers"
        for kept, target in (
            (places.schema(f"capture_bulk_{orgs}"), at_most(TARGET)),
            (places.file(f"capture-bulk-{orgs}"), None),
        ):
            with _tables(kept, orgs=orgs, members=members) as (captured, bare):
                seconds = in_turn(captured, bare, rounds=rounds)
            where = "PostgreSQL" if kept.in_postgres else "SQLite"
            figure = Figure(
                what=f"{where}, {members:,} members of {customers}",
                ours=Samples("captured", "ms", tuple(1_000 * a for a, _ in seconds)),
                against=Samples("bare", "ms", tuple(1_000 * b for _, b in seconds)),
                target=target,
            )
            outcome.figures.append(figure)
    return outcome


@contextlib.contextmanager
def _tables(kept: Kept, *, orgs: int, members: int) -> Iterator[tuple[Trial, Trial]]:
    """
    Make a captured table and a bare one, and return what inserts into each.
    """
    with kept.created() as book, _connected(kept) as (connection, dialect, clearing):
        tables = [f"captured_{kept.schema}", f"bare_{kept.schema}"]
        for table in tables:
            columns = COLUMNS.format_map(dialect)
            connection.execute(f"CREATE TABLE {table} {columns}")
        book.captures.install(DECLARATION.format(table=tables[0]))
        numbers = dialect["numbers"].format(orgs=orgs, members=members)

        def inserting(table: str) -> Trial:
            def ready(_round: int) -> Callable[[], object]:
                for statement in clearing:
                    connection.execute(statement.format(table=table))
                return lambda: connection.execute(
                    f"INSERT INTO {table} (org_id, user_id) {numbers}"
                )

            return ready

        yield inserting(tables[0]), inserting(tables[1])
        for table in tables:
            connection.execute(f"DROP TABLE {table}")


@contextlib.contextmanager
def _connected(kept: Kept) -> Connecting:
    """
    Connect as the application does, and say how its table is emptied unseen.
    """
    if kept.in_postgres:
        schema = f'"{kept.schema}"'
        clearing = [
            "SET session_replication_role = replica",
            "TRUNCATE {table}",
            f"TRUNCATE {schema}.seat_changes, {schema}.seat_locks",
            "SET session_replication_role = origin",
            "CHECKPOINT",
        ]
        with psycopg.connect(kept.target, autocommit=True) as connection:
            yield connection, POSTGRES, clearing
            connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())
        return
    clearing = [
        "DELETE FROM {table}",
        "DELETE FROM meterbook_seat_changes",
        "DELETE FROM meterbook_seat_locks",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ]
    with contextlib.closing(connect(kept.target, mode="rw")) as connection:
        yield connection, SQLITE, clearing
