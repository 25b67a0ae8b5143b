"""
A session: one connection, the statements of one book, and what lives as long as they.

Everything that the store says to PostgreSQL goes through here, so that an error of the
driver is translated in one place and never reaches a service. Nothing relies on the
settings of the role or the database: names are qualified with the schema, numbers and
text are all that is sent and received, and the isolation level is always stated.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from uuid import uuid4

import psycopg

from psycopg.adapt import AdaptersMap
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper

from meterbook.foundation.errors import CallerError, InvalidQueryError
from meterbook.stores.postgres.failures import translated
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


# A row as psycopg gives it: each query knows what it asked for.
Row: TypeAlias = tuple[object, ...]
Values: TypeAlias = "Sequence[object] | Mapping[str, object]"
Connection: TypeAlias = psycopg.Connection[Row]

# In a transaction plans are made for the values at hand: a plan for any values mistakes
# the few entries above a place for a third of the table. The single statement that
# records one event outside of one is planned once: that was up to a fifth of its time.
_PLANNED: Final = b"; SET LOCAL plan_cache_mode = force_custom_plan"

READ: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" + _PLANNED
WRITE: Final = b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" + _PLANNED
# The worker sorts a step's rows in memory, not on disk.
FOLLOW: Final = (
    b"BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE"
    + _PLANNED
    + b"; SET LOCAL work_mem = '64MB'"
)

# How many rows of a stream are fetched at a time: some hundred KB.
STREAM_ROWS: Final = 5_000

# Letters, digits, - and _: nothing that must be escaped anywhere.
SCHEMA_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")

_ENTRY_COLUMNS: Final = (
    "e.entry_id, e.kind, e.source, e.event_id, e.type, e.subject_id, e.actor_id,"
    " e.customer, e.occurred_at, e.time_given, e.data, e.extensions, e.fingerprint,"
    " e.recorded_at"
)


def adapters() -> AdaptersMap:
    """
    Return how values are sent: every int as a bigint, whatever its size.

    By default each size is a type of its own, and each mix of types a statement to
    prepare.
    """
    made = AdaptersMap(psycopg.adapters)
    made.register_dumper(int, Int8BinaryDumper)
    return made


@dataclass(slots=True, kw_only=True, eq=False)
class Belongings:
    """
    What a connection keeps from one loan to the next.

    Attributes:
        spare_ids: Ranges of entry ids that it drew and did not use yet. They die with
            it: after a crash the server may draw the same ones again, for others.

        has_temporary_tables: They are made once, when it first writes.
    """

    spare_ids: list[range] = field(default_factory=list)
    has_temporary_tables: bool = False


class Speaker(Protocol):
    """
    How statements reach a connection.
    """

    def rows(self, sql: bytes, values: Values | None = None) -> list[Row]:
        """
        Return all rows that *sql* answers.
        """
        ...

    def run(self, sql: bytes, values: Values | None = None) -> int:
        """
        Run *sql* and return how many rows it changed.
        """
        ...

    def written(self, sql: str, values: Values) -> str:
        """
        Return a caller's *sql* with its values written into it, as its driver does.
        """
        ...


@dataclass(frozen=True, slots=True)
class OwnSpeaker:
    """
    A `Speaker` on a connection that we made.
    """

    connection: Connection

    def rows(self, sql: bytes, values: Values | None = None) -> list[Row]:
        """
        Return all rows that *sql* answers.
        """
        try:
            with self.connection.cursor(binary=True) as cursor:
                return cursor.execute(sql, values).fetchall()
        except psycopg.Error as error:
            raise translated(error) from error

    def run(self, sql: bytes, values: Values | None = None) -> int:
        """
        Run *sql* and return how many rows it changed.
        """
        try:
            with self.connection.cursor() as cursor:
                return cursor.execute(sql, values).rowcount
        except psycopg.Error as error:
            raise translated(error) from error

    def written(self, sql: str, values: Values) -> str:
        """
        Return a caller's *sql* with its values written into it, as its driver does.
        """
        return written(self.connection, sql, values)


class Session:
    """
    A connection that speaks of one book.

    Attributes:
        connection: In autocommit mode, unless a caller's.

        schema: The name of the book's schema, as it was given.

        belongings: What the connection kept from earlier loans.

        filled: The statements that would empty the temporary tables which hold rows of
            the transaction that is open.

        may_copy: Whether rows can be copied in, through temporary tables.

        speaker: By which statements reach the connection.

        rows_of: Returns all rows that an SQL text answers.

        run_sql: Runs an SQL text and returns how many rows it changed.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        schema: str,
        belongings: Belongings | None = None,
        speaker: Speaker | None = None,
    ) -> None:
        self.connection = connection
        self.may_copy = speaker is None
        self.speaker = speaker or OwnSpeaker(connection)
        self.rows_of = self.speaker.rows
        self.run_sql = self.speaker.run
        self.schema = schema
        self.belongings = belongings or Belongings()
        self.filled: set[str] = set()
        self._queries = queries(schema)

    def sql(self, name: str) -> bytes:
        """
        Return the statement of this *name*.
        """
        return self._queries[name]

    def rows(self, name: str, values: Values | None = None) -> list[Row]:
        """
        Return all rows that a statement answers.
        """
        return self.rows_of(self._queries[name], values)

    def row(self, name: str, values: Values | None = None) -> Row | None:
        """
        Return the first row that a statement answers, or None.
        """
        found = self.rows_of(self._queries[name], values)
        return found[0] if found else None

    def run(self, name: str, values: Values | None = None) -> int:
        """
        Run a statement and return how many rows it changed.
        """
        return self.run_sql(self._queries[name], values)

    def run_each(self, name: str, rows: Iterable[Row]) -> None:
        """
        Run a statement once for each of *rows*.
        """
        try:
            with self.connection.cursor() as cursor:
                cursor.executemany(self._queries[name], rows)
        except psycopg.Error as error:
            raise translated(error) from error

    def copy(self, name: str, text: bytes) -> None:
        """
        Bring *text*, which is in the format of COPY, to the table of a statement.
        """
        try:
            with (
                self.connection.cursor() as cursor,
                cursor.copy(self._queries[name]) as copy,
            ):
                copy.write(text)
        except psycopg.Error as error:
            raise translated(error) from error

    def stream(self, name: str, values: Values) -> Iterator[Row]:
        """
        Yield the rows of a statement a part at a time, while the transaction lasts.
        """
        try:
            with self.connection.cursor(name=f"meterbook_{uuid4().hex}") as cursor:
                cursor.itersize = STREAM_ROWS
                cursor.execute(self._queries[name], values, binary=True)
                yield from cursor
        except psycopg.Error as error:
            raise translated(error) from error

    def pour(self, name: str, values: Values) -> Iterator[Row]:
        """
        Yield the rows of a statement while the server is still finding them.

        Nothing else can be asked until all are taken. For very many rows it takes two
        thirds of the time of `stream`: the server may use several processes, and works
        while rows are looked at here.
        """
        if not psycopg.capabilities.has_stream_chunked():
            yield from self.stream(name, values)
            return
        try:
            with self.connection.cursor() as cursor:
                yield from cursor.stream(
                    self._queries[name], values, binary=True, size=STREAM_ROWS
                )
        except psycopg.Error as error:
            raise translated(error) from error

    def begin(self, statement: bytes) -> None:
        """
        Begin a transaction; *statement* is READ, WRITE or FOLLOW.
        """
        self.filled.clear()
        self.run_sql(statement)

    def commit(self) -> None:
        """
        Commit the transaction that is open.
        """
        self.run_sql(b"COMMIT")

    def roll_back(self) -> None:
        """
        Leave nothing of a transaction, if one is open.

        Where even that fails the connection is closed: the server leaves nothing then.
        """
        try:
            if self.connection.info.transaction_status != TransactionStatus.IDLE:
                self.connection.execute(b"ROLLBACK")
        except psycopg.Error:
            self.connection.close()

    @contextlib.contextmanager
    def holding(self, purpose: str) -> Iterator[bool]:
        """
        Hold the book's advisory lock for *purpose* while the block lasts.

        Yields:
            Whether it was free. It belongs to the session, not to a transaction; what
            is open at the end is rolled back.
        """
        key = {"key": lock_key(purpose, self.schema)}
        if self.row("lock", key) != (True,):
            yield False
            return
        try:
            yield True
        finally:
            self.roll_back()
            if not self.connection.closed:
                self.run("unlock", key)

    def make_temporary_tables(self) -> None:
        """
        Make the session's temporary tables, once, and outside of any transaction: what
        a transaction makes is gone when it is rolled back.
        """
        if not self.belongings.has_temporary_tables:
            self.run("create_temporary_tables")
            self.belongings.has_temporary_tables = True


def written(connection: psycopg.Connection[Any], sql: str, values: Values) -> str:
    """
    Return *sql* with its values written into it as *connection* has them written.

    Raises:
        InvalidQueryError: If they do not fit, or cannot be written.
    """
    with contextlib.closing(psycopg.ClientCursor(connection)) as cursor:
        try:
            return cursor.mogrify(sql.encode(), values)
        except (psycopg.Error, UnicodeError) as error:
            message = f"The values do not fit the query: {error}."
            raise InvalidQueryError(message) from error


def lock_key(purpose: str, schema: str) -> int:
    """
    Return the key of an advisory lock for *purpose* on the book in *schema*.

    Advisory locks belong to a database, so the schema is all that must be told apart.
    """
    digest = hashlib.sha256(f"meterbook {purpose} {schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@functools.cache
def queries(schema: str) -> dict[str, bytes]:
    """
    Return all statements by name, for the book in *schema*.
    """
    found: dict[str, str] = {}
    for topic in ("reading", "writing", "following", "verifying", "proving", "seats"):
        found |= statements("postgres", topic)
    return {name: in_schema(text, schema).encode() for name, text in found.items()}


def in_schema(text: str, schema: str) -> str:
    """
    Return the SQL *text* for the book in *schema*.
    """
    return text.replace("{schema}", quoted(schema)).replace("{entry}", _ENTRY_COLUMNS)


def quoted(schema: str) -> str:
    """
    Return *schema* as an SQL identifier.

    Raises:
        CallerError: It has other characters than letters, digits, `_` and `-`.
    """
    if not SCHEMA_NAME.fullmatch(schema):
        message = (
            f"A schema cannot be called {schema!r}: use at most 63 letters, digits,"
            " _ and -, beginning with a letter or _."
        )
        raise CallerError(message)
    return f'"{schema}"'
