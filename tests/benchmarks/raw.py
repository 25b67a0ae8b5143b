"""
The raw path: what a good program without a book would do with the same rows.

The same columns, the same identity index, the same durability and the same batches as
ours, no more: no second index, no trigger, no order, no look at what came out. The rows
are ready before the clock runs; the text that COPY takes is made while it runs, by the
simplest code that is quick.
"""

from __future__ import annotations

import itertools
import sqlite3

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import psycopg

from meterbook.stores.migrating import pending
from meterbook.stores.postgres.sessions import queries
from meterbook.stores.sqlite.connecting import CACHE_KIB
from meterbook.stores.sqlite.writing import APPEND


if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.places import Kept
    from meterbook.ports import NewEntry

Row: TypeAlias = tuple[object, ...]

# Of the first migration: the table of entries and its identity index.
WANTED: Final = (
    "CREATE TABLE {schema}entries",
    "CREATE UNIQUE INDEX {prefix}entries_identity",
)


class Raw(Protocol):
    """
    A table that takes batches.
    """

    def ready(self, rows: Sequence[NewEntry]) -> Sequence[Row]:
        """
        Return *rows* as `append` wants them; this is not timed.
        """
        ...

    def append(self, rows: Sequence[Row]) -> None:
        """
        Append a batch in a transaction of its own.
        """
        ...

    def count(self) -> int:
        """
        Return how many rows there are.
        """
        ...

    def close(self) -> None: ...


class RawSqlite:
    """
    A table in a file of its own, filled by `executemany`.
    """

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            f"PRAGMA cache_size = -{CACHE_KIB}",
            *_creation("sqlite", "", prefix="meterbook_"),
        ):
            self._connection.execute(statement).close()

    def ready(self, rows: Sequence[NewEntry]) -> Sequence[Row]:
        return rows

    def append(self, rows: Sequence[Row]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(APPEND, rows)
        connection.execute("COMMIT")

    def append_one(self, row: Row) -> None:
        """
        Append a row, which is a transaction by itself.
        """
        self._connection.execute(APPEND, row)

    def count(self) -> int:
        (count,) = self._connection.execute(
            "SELECT count(*) FROM meterbook_entries"
        ).fetchone()
        return int(count)

    def close(self) -> None:
        self._connection.close()


class RawPostgres:
    """
    A table in a schema of its own, filled by COPY and INSERT ... SELECT.
    """

    def __init__(self, kept: Kept) -> None:
        self._connection = psycopg.connect(kept.target, autocommit=True)
        self._ids = itertools.count(1)
        schema = kept.schema
        statements = queries(schema)
        self._connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
        for statement in _creation("postgres", f'"{schema}".', prefix=""):
            self._connection.execute(statement.encode())
        self._connection.execute(statements["create_temporary_tables"])
        self._copy = statements["copy_offered"]
        insert, _, rest = statements["append_offered"].partition(b"\nWHERE ")
        self._insert = insert + b"\n" + rest[rest.index(b"ON CONFLICT") :]
        self._count = f'SELECT count(*) FROM "{schema}".entries'.encode()

    def ready(self, rows: Sequence[NewEntry]) -> Sequence[Row]:
        return [(next(self._ids), *row) for row in rows]

    def append(self, rows: Sequence[Row]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy(self._copy) as copy:
                copy.write(copy_text(rows))
            cursor.execute(self._insert)

    def count(self) -> int:
        row = self._connection.execute(self._count).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self._connection.close()


def copy_text(rows: Sequence[Row]) -> bytes:
    r"""
    Return *rows* as COPY text. Of this workload nothing must be escaped, and only the
    actor is null, so nobody looks.
    """
    return "".join(
        [
            f"{entry_id}\t{kind}\t{source}\t{event_id}\t{type_}\t{subject_id}\t\\N\t"
            f"{customer}\t{occurred_at}\t{time_given}\t{data}\t{extensions}\t"
            f"\\\\x{fingerprint.hex()}\t{recorded_at}\n"  # type: ignore[attr-defined]  # bytes, as every row has
            for (
                entry_id,
                kind,
                source,
                event_id,
                type_,
                subject_id,
                _,
                customer,
                occurred_at,
                time_given,
                data,
                extensions,
                fingerprint,
                recorded_at,
            ) in rows
        ]
    ).encode()


def raw_beside(kept: Kept) -> Raw:
    """
    Make the raw table that a book is compared with, in the same kind of place.
    """
    if kept.in_postgres:
        return RawPostgres(kept._replace(schema=f"{kept.schema}_raw"))
    return RawSqlite(f"{kept.target}.raw")


def _creation(dialect: str, schema: str, *, prefix: str) -> list[str]:
    """
    Return the statements of the first migration that make entries and its identity.
    """
    text = pending(dialect, stored=0)[0].text.replace("{schema}.", schema)
    lines = [line.partition("--")[0].rstrip() for line in text.splitlines()]
    statements = [part.strip() for part in "\n".join(lines).split(";\n")]
    wanted = tuple(
        part.format(schema=schema + prefix, prefix=prefix) for part in WANTED
    )
    found = [statement for statement in statements if statement.startswith(wanted)]
    assert len(found) == len(wanted), "the first migration looks different"
    return found
