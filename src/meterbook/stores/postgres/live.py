"""
Recording on a connection of the caller's: what it was set to does not matter.

=======================  =============================================================
the caller's             here
=======================  =============================================================
cursor and row factory   a cursor of our own, which answers tuples
adapters                 our own, so that numbers and text are sent as they always are
client encoding          UTF-8 for the length of a statement, if it is another
time zone, date style    nothing is sent or read that depends on them
pipeline mode            a statement ends the pipeline's batch; nothing is copied in
autocommit               allowed inside a transaction; `integrations` refuses it outside
search path              every name is qualified
=======================  =============================================================

Nothing is remembered of it: no savepoint, no temporary table, no setting is left.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, Any, Final, cast

import psycopg

from psycopg import errors
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from meterbook.foundation.errors import (
    InvalidQueryError,
    MeterbookError,
    UnusableConnectionError,
)
from meterbook.ports import Heard
from meterbook.stores.postgres.failures import translated
from meterbook.stores.postgres.sessions import Row, adapters, written
from meterbook.stores.postgres.writing import PostgresWriter


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meterbook.ports import Told
    from meterbook.ports.live import Parameters
    from meterbook.stores.postgres.sessions import Connection, Session, Values


_ADAPTERS: Final = adapters()

_ENCODING: Final = b"client_encoding"
_UTF8: Final = b"UTF8"
_SET_ENCODING: Final = b"SELECT set_config('client_encoding', %s::text, true)"

# Nothing more can be said in the transaction, or there is none any more.
_OVER: Final = frozenset({
    TransactionStatus.IDLE, TransactionStatus.INERROR, TransactionStatus.UNKNOWN
})  # fmt: skip

# Classes of errors that say something of the caller's own query: no such column, more
# than one row, a value that is no number.
_ABOUT_QUERIES: Final = ("0A", "21", "22", "42", "P0")


class _OwnCursor(psycopg.Cursor[Row]):
    """
    A cursor of ours on a connection of somebody else's.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, row_factory=tuple_row)
        self._adapters = _ADAPTERS


class CallersSpeaker:
    """
    A `Speaker` on the connection of a caller, in the caller's transaction.
    """

    def __init__(self, connection: Connection, *, failed: Callable[[], None]) -> None:
        self._connection = connection
        self._failed = failed

    def rows(self, sql: bytes, values: Values | None = None) -> list[Row]:
        """
        Return all rows that *sql* answers.
        """
        with self._speaking() as cursor:
            self._execute(cursor, sql, values)
            return cursor.fetchall()

    def run(self, sql: bytes, values: Values | None = None) -> int:
        """
        Run *sql* and return how many rows it changed.
        """
        with self._speaking() as cursor:
            self._execute(cursor, sql, values)
            return cursor.rowcount

    def written(self, sql: str, values: Values) -> str:
        """
        Return a caller's *sql* with its values written into it, as its driver does.
        """
        with self._speaking():
            return written(self._connection, sql, values)

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[psycopg.Cursor[Row]]:
        """
        Give a cursor on which text is UTF-8, and translate what goes wrong.
        """
        try:
            with contextlib.closing(_OwnCursor(self._connection)) as cursor:
                spoken = self._connection.pgconn.parameter_status(_ENCODING)
                if spoken is None or spoken == _UTF8:
                    yield cursor
                    return
                self._speak(_UTF8)
                yield cursor
                self._speak(spoken)
        except psycopg.Error as error:
            self._failed()
            raise translated(error) from error

    def _speak(self, encoding: bytes) -> None:
        with contextlib.closing(_OwnCursor(self._connection)) as cursor:
            self._execute(cursor, _SET_ENCODING, (encoding.decode(),))
            cursor.fetchall()

    def _execute(
        self, cursor: psycopg.Cursor[Row], sql: bytes, values: Values | None
    ) -> None:
        """
        Run *sql*; in a pipeline, together with what was sent before it.
        """
        if self._connection.pgconn.pipeline_status == PipelineStatus.OFF:
            cursor.execute(sql, values, binary=True)
            return
        with self._connection.pipeline():
            cursor.execute(sql, values, binary=True)


def required(connection: object) -> psycopg.Connection[Any]:
    """
    Return *connection*, on which a transaction is open that the caller will end.

    Or will be, by the first statement.

    Raises:
        UnusableConnectionError: If it is no connection of psycopg, commits every
            statement by itself, or its transaction has failed.
    """
    if isinstance(connection, psycopg.AsyncConnection):
        message = "Meterbook is synchronous: give no asynchronous connection."
        raise UnusableConnectionError(message)
    if not isinstance(connection, psycopg.Connection):
        message = (
            "The book is in PostgreSQL, and this connection is not one to it: give one"
            " of psycopg 3, or of SQLAlchemy or Django that uses it."
        )
        raise UnusableConnectionError(message)
    _require_transaction(connection)
    return connection


def _require_transaction(connection: psycopg.Connection[Any]) -> None:
    if connection.pgconn.pipeline_status != PipelineStatus.OFF:
        # What was sent before decides what state it is in.
        with connection.pipeline():
            pass
    status = connection.info.transaction_status
    if status == TransactionStatus.IDLE and connection.autocommit:
        message = (
            "This connection is in autocommit mode, and no transaction is open: open"
            " the block inside `with connection.transaction()`, or after BEGIN."
        )
        raise UnusableConnectionError(message)
    if status in {TransactionStatus.INERROR, TransactionStatus.UNKNOWN}:
        message = (
            "The transaction has failed, or the connection is closed: roll back, and do"
            " it all again."
        )
        raise UnusableConnectionError(message)


class PostgresLive(PostgresWriter):
    """
    A `LiveWriter` over the transaction that its session has open.
    """

    def change_seats(self, told: Told) -> Heard | None:
        """
        Record a change in the queue, under the lock of its customer and type.
        """
        name = "change_level" if told.units is not None else "change_member"
        return _heard(self._session.row(name, _values(told)))

    def count_seats(
        self, told: Told, *, sql: str, parameters: Parameters | None
    ) -> Heard | None:
        """
        Record the level that *sql* counts once the lock is held.

        Raises:
            InvalidQueryError: If the count cannot be taken so.
        """
        query = sql
        if parameters is not None:
            query = self._session.speaker.written(sql, parameters)
        try:
            return _heard(
                self._session.row("count_level", {**_values(told), "query": query})
            )
        except MeterbookError as error:
            raise _judged(error) from error.__cause__


@contextlib.contextmanager
def told_to_triggers(
    session: Session, *, actor: str | None, cause: str | None
) -> Iterator[None]:
    """
    Say *actor* and *cause* to the triggers of what happens in the block.

    At its end triggers are told what they were told before.
    """
    if actor is None and cause is None:
        yield
        return
    before = session.row("set_session", {"actor": actor, "cause": cause})
    assert before is not None
    try:
        yield
    finally:
        # A transaction that failed is rolled back, and with it what was set.
        if session.connection.info.transaction_status not in _OVER:
            session.row("set_session", {"actor": before[0], "cause": before[1]})


def _values(told: Told) -> dict[str, object]:
    return {**told._asdict(), "aggregations": list(told.aggregations)}


def _heard(row: Row | None) -> Heard | None:
    return None if row is None else Heard(*cast("tuple[int, str, int | None]", row))


def _judged(error: MeterbookError) -> MeterbookError:
    """
    Return *error* as the caller's fault, if it says something of the caller's query.
    """
    cause = error.__cause__
    if not isinstance(cause, errors.Error) or not cause.sqlstate:
        return error
    about = cause.sqlstate.startswith(_ABOUT_QUERIES)
    context = cause.diag.context or ""
    if not about or "count_seats" not in context:
        return error
    said = (cause.diag.message_primary or "").removeprefix("meterbook: ")
    message = (
        f"The count cannot be taken: {said}. It runs as one statement that answers"
        " one whole number."
    )
    return InvalidQueryError(message)
