"""
A connection of the caller's, as far as our own classes use one.

=======================  =============================================================
the caller's             here
=======================  =============================================================
row and text factory     a cursor of our own, which answers tuples of str
isolation level          a transaction is open, or it is begun, IMMEDIATE
secure_delete            on while names are given: a split page keeps no copy of one
recursive triggers       nothing is replaced that a trigger guards
=======================  =============================================================

What it costs is paid in the caller's transaction, so that less is said here by context
managers and dictionaries than elsewhere.
"""

from __future__ import annotations

import sqlite3

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from meterbook.foundation.errors import (
    InvalidQueryError,
    MeterbookError,
    NotABookError,
    UnusableConnectionError,
)
from meterbook.stores.sqlite.connecting import translated
from meterbook.stores.sqlite.queue import SEATS
from meterbook.stores.sqlite.writing import WRITING


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from meterbook.ports.live import Parameters


# What errors of the caller's connection begin with, where others have a path.
CALLERS: Final = "the caller's connection"

# What sqlite3 calls the mode in which it begins transactions itself (Python 3.12).
LEGACY: Final = -1

NAME_PEOPLE: Final = WRITING["name_people"]

_NO_TABLE: Final = "no such table: meterbook_"


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """
    What a statement answered, as far as our own classes look at a cursor.
    """

    rows: list[tuple[Any, ...]]
    lastrowid: int | None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        """
        Return the first row, or None.
        """
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """
        Return all rows.
        """
        return self.rows

    def close(self) -> None:
        """
        Do nothing: everything is fetched.
        """


class CallersConnection:
    """
    A connection of somebody else's, as far as our own classes use one.
    """

    __slots__ = ("_connection", "_cursor", "_speech")

    def __init__(
        self, connection: sqlite3.Connection, failed: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._speech = _Speech(connection, failed)
        # Made by its class: whatever the connection makes cursors of, it is plain.
        self._cursor = sqlite3.Cursor(connection)

    @property
    def total_changes(self) -> int:
        """
        How many rows were changed since the connection was opened.
        """
        return self._connection.total_changes

    @property
    def in_transaction(self) -> bool:
        """
        Whether a transaction is open.
        """
        return self._connection.in_transaction

    def cursor(self) -> CallersConnection:
        """
        Return what executes statements: itself.
        """
        return self

    def close(self) -> None:
        """
        Do nothing: the connection stays open.
        """

    def execute(self, sql: str, values: Parameters = ()) -> Fetched:
        """
        Run one statement, and fetch what it answers.
        """
        if sql is NAME_PEOPLE:
            with self._overwriting():
                return self._fetched(sql, values)
        return self._fetched(sql, values)

    def row(self, sql: str, values: Parameters = ()) -> tuple[Any, ...] | None:
        """
        Run one statement, and return the first row that it answers, or None.
        """
        with self._speech:
            rows = self._cursor.execute(sql, cast("Any", values)).fetchall()
        return rows[0] if rows else None

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> Fetched:
        """
        Run one statement for each of *rows*.
        """
        with self._speech:
            self._cursor.executemany(sql, cast("Any", rows))
        return Fetched([], None)

    def begin(self) -> None:
        """
        See to it that a transaction is open which the caller will end.

        By default sqlite3 begins one before the first statement that writes. It is
        begun here in its stead, and at once for writing: a transaction that read first
        may find that it cannot write any more.

        Raises:
            UnusableConnectionError: If every statement is committed by itself.

            StoreError: If another process is writing (retryable).
        """
        connection = self._connection
        if connection.in_transaction:
            return
        begins_itself = getattr(connection, "autocommit", LEGACY) == LEGACY
        if not begins_itself or connection.isolation_level is None:
            message = (
                "This connection commits every statement by itself, and no transaction"
                " is open: begin one (BEGIN IMMEDIATE), and open the block inside it."
            )
            raise UnusableConnectionError(message)
        self._fetched("BEGIN IMMEDIATE", ())

    def commit_own(self) -> None:
        """
        Commit what was changed outside of the caller's transaction.
        """
        with self._speech:
            if self._connection.in_transaction:
                self._connection.commit()

    def counted(self, sql: str, values: Parameters) -> int:
        """
        Return the one whole number that a caller's own *sql* answers.

        Raises:
            InvalidQueryError: If it cannot be asked, or answers something else.
        """
        try:
            with self._speech:
                cursor = sqlite3.Cursor(self._connection)
                rows = cursor.execute(sql, cast("Any", values)).fetchmany(2)
                cursor.close()
        except (MeterbookError, sqlite3.Warning) as error:
            cause = error.__cause__ or error
            code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code != sqlite3.SQLITE_ERROR:
                raise
            message = f"The count cannot be taken: {str(cause).rstrip('.')}."
            raise InvalidQueryError(message) from cause
        return _whole(rows)

    def _fetched(self, sql: str, values: Parameters) -> Fetched:
        with self._speech:
            cursor = self._cursor.execute(sql, cast("Any", values))
            return Fetched(cursor.fetchall(), cursor.lastrowid)

    @contextmanager
    def _overwriting(self) -> Iterator[None]:
        """
        Have deleted bytes overwritten in the block.
        """
        row = self._fetched(SEATS["secure"], ()).fetchone()
        before = row[0] if row else 1
        self._fetched(f"{SEATS['secure']} = 1", ())
        try:
            yield
        finally:
            self._fetched(f"{SEATS['secure']} = {before}", ())


class _Speech:
    """
    The block in which something is said to the connection: text is text, and its errors
    are ours.
    """

    __slots__ = ("_connection", "_factory", "_failed")

    def __init__(
        self, connection: sqlite3.Connection, failed: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._failed = failed
        self._factory: Any = str

    def __enter__(self) -> None:
        self._factory = self._connection.text_factory
        if self._factory is not str:
            self._connection.text_factory = str

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._factory is not str:
            self._connection.text_factory = self._factory
        if not isinstance(error, sqlite3.Error):
            return
        self._failed()
        if str(error).startswith(_NO_TABLE):
            message = (
                "There is no book in the database of this connection: create it there,"
                " or give a connection to where it is."
            )
            raise NotABookError(message) from error
        raise translated(error, CALLERS) from error


def _whole(rows: list[tuple[Any, ...]]) -> int:
    """
    Return the one number that a count answered.

    Raises:
        InvalidQueryError: If it is none, or less than 0.
    """
    value = rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else None
    if type(value) is not int or value < 0:
        found = repr(value) if len(rows) == 1 else f"{len(rows)} rows"
        message = (
            f"The count cannot be taken: the query answered {found}, and must answer"
            " one row with one whole number, 0 or more."
        )
        raise InvalidQueryError(message)
    return value
