"""
Recording on a connection of the caller's: what it was set to does not matter.

=======================  =============================================================
the caller's             here
=======================  =============================================================
row and text factory     a cursor of our own, which answers tuples of str
isolation level          a transaction is open already: `integrations` sees to it
secure_delete            on while names are given: a split page keeps no copy of one
recursive triggers       nothing is replaced that a trigger guards
=======================  =============================================================

All changes of one block have one instant for each customer and type. The block is known
by a token, as a transaction of PostgreSQL is by its id.
"""

from __future__ import annotations

import secrets
import sqlite3

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from meterbook.foundation.errors import (
    InvalidQueryError,
    MeterbookError,
    NotABookError,
    UnusableConnectionError,
)
from meterbook.ports import Heard
from meterbook.stores.sqlite.connecting import translated
from meterbook.stores.sqlite.queue import SEATS
from meterbook.stores.sqlite.writing import WRITING, SqliteWriter


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from meterbook.ports import Told
    from meterbook.ports.live import Parameters


# What errors of the caller's connection begin with, where others have a path.
CALLERS: Final = "the caller's connection"

# A token: a number that SQLite can keep, and that no other block has.
TOKEN_BITS: Final = 62

# What sqlite3 calls the mode in which it begins transactions itself (Python 3.12).
LEGACY: Final = -1

_NO_TABLE: Final = "no such table: meterbook_"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Fetched:
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

    def __init__(
        self, connection: sqlite3.Connection, failed: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._failed = failed

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
        if sql == WRITING["name_people"]:
            with self._overwriting():
                return self._fetched(sql, values)
        return self._fetched(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> Fetched:
        """
        Run one statement for each of *rows*.
        """
        with self._translating():
            cursor = sqlite3.Cursor(self._connection)
            cursor.executemany(sql, cast("Any", rows))
            cursor.close()
        return Fetched([], None)

    def commit_own(self) -> None:
        """
        Commit what was changed outside of the caller's transaction.
        """
        with self._translating():
            if self._connection.in_transaction:
                self._connection.commit()

    def asked(self, sql: str, values: Parameters) -> list[tuple[Any, ...]]:
        """
        Return the first rows, two at most, that a caller's own *sql* answers.

        Raises:
            InvalidQueryError: If it cannot be asked, or answers nothing.
        """
        try:
            with self._translating():
                cursor = sqlite3.Cursor(self._connection)
                cursor.execute(sql, cast("Any", values))
                rows = cursor.fetchmany(2)
                cursor.close()
        except (MeterbookError, sqlite3.Warning) as error:
            cause = error.__cause__ or error
            code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code != sqlite3.SQLITE_ERROR:
                raise
            message = f"The count cannot be taken: {str(cause).rstrip('.')}."
            raise InvalidQueryError(message) from cause
        return rows

    def _fetched(self, sql: str, values: Parameters) -> Fetched:
        with self._translating():
            cursor = sqlite3.Cursor(self._connection)
            cursor.execute(sql, cast("Any", values))
            fetched = Fetched(cursor.fetchall(), cursor.lastrowid)
            cursor.close()
        return fetched

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """
        Read text as text, and raise SQLite's errors as ours.
        """
        factory = self._connection.text_factory
        if factory is not str:
            self._connection.text_factory = str
        try:
            yield
        except sqlite3.Error as error:
            self._failed()
            if str(error).startswith(_NO_TABLE):
                message = (
                    "There is no book in the database of this connection: create it"
                    " there, or give a connection to where it is."
                )
                raise NotABookError(message) from error
            raise translated(error, CALLERS) from error
        finally:
            if factory is not str:
                self._connection.text_factory = factory

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """
    What all changes of a block share, and those of the blocks in it.

    Attributes:
        token: By which it is known.

        now: Its moment by the book's clock.

        has_triggers: Whether there are triggers to be told of it.
    """

    token: int
    now: int
    has_triggers: bool


class SqliteLive(SqliteWriter):
    """
    A `LiveWriter` over the transaction that is open on a connection.
    """

    def __init__(self, connection: CallersConnection, block: Block) -> None:
        super().__init__(as_own(connection))
        self._callers = connection
        self._block = block

    def change_seats(self, told: Told) -> Heard | None:
        """
        Record a change in the queue, under the lock of its customer and type.
        """
        heard, definition = self._meter_of(told)
        if heard is None or definition is None:
            return heard
        instant = self._lock(definition["event_type"], told.customer)
        self._add(told, heard, definition, units=told.units, instant=instant)
        return heard._replace(occurred_at=instant)

    def count_seats(
        self, told: Told, *, sql: str, parameters: Parameters | None
    ) -> Heard | None:
        """
        Record the level that *sql* counts once the lock is held.

        Raises:
            InvalidQueryError: If the count cannot be taken so.
        """
        heard, definition = self._meter_of(told)
        if heard is None or definition is None:
            return heard
        instant = self._lock(definition["event_type"], told.customer)
        units = _whole(self._callers.asked(sql, parameters or ()))
        counted = {**definition, "scale": None}
        self._add(told, heard, counted, units=units, instant=instant)
        return heard._replace(occurred_at=instant, units=units)

    def _meter_of(self, told: Told) -> tuple[Heard | None, dict[str, Any] | None]:
        """
        Return the latest version of the meter, and its definition if it is of the kind.
        """
        self._require_transaction()
        values = {"meter_key": told.meter_key}
        row = self._callers.execute(SEATS["meter"], values).fetchone()
        if row is None:
            return None, None
        heard = Heard(row[0], row[1], None)
        definition = _decode(heard.text)
        fits = definition["aggregation"] in told.aggregations
        return heard, definition if fits and not definition.get("group_by") else None

    def _lock(self, type_: str, customer: str) -> int:
        values = {
            "customer": customer,
            "type": type_,
            "now": self._block.now,
            "token": self._block.token,
        }
        row = self._callers.execute(SEATS["lock"], values).fetchone()
        assert row is not None
        instant: int = row[0]
        return instant

    def _add(
        self,
        told: Told,
        heard: Heard,
        definition: dict[str, Any],
        *,
        units: int | None,
        instant: int,
    ) -> None:
        is_level = units is not None
        values = {
            **told._asdict(),
            "type": definition["event_type"],
            "units": units,
            "path": definition.get("value") if is_level else None,
            "scale": definition.get("scale") if is_level else None,
            "definition": (
                heard.version if told.definition is None else told.definition
            ),
            "occurred_at": instant,
        }
        self._callers.execute(SEATS["add"], values)

    def _require_transaction(self) -> None:
        """
        Raise if the caller ended the transaction inside the block.

        What came then would have the instant of what was committed before.
        """
        if not self._callers.in_transaction:
            message = (
                "The transaction was ended inside the block of `within`: end it after"
                " the block, and open another block for the next one."
            )
            raise UnusableConnectionError(message)


@contextmanager
def told_to_triggers(
    connection: CallersConnection,
    block: Block,
    *,
    actor: str | None,
    cause: str | None,
) -> Iterator[None]:
    """
    Say *actor* and *cause* to the triggers of what happens in the block.

    At its end triggers are told what they were told before.
    """
    if not block.has_triggers:
        yield
        return
    values: dict[str, object] = {"token": block.token}
    before = connection.execute(SEATS["session"], values).fetchone()
    outer = before or (None, None)
    values["occurred_at"] = block.now
    values["actor"] = outer[0] if actor is None else actor
    values["cause"] = outer[1] if cause is None else cause
    connection.execute(SEATS["set_session"], values)
    try:
        yield
    finally:
        if before is None:
            _end_session(connection, block)
        elif connection.in_transaction:
            values["actor"], values["cause"] = before
            connection.execute(SEATS["set_session"], values)


def require_transaction(connection: sqlite3.Connection) -> None:
    """
    See to it that a transaction is open which the caller will end.

    By default sqlite3 begins one before the first statement that writes. It is begun
    here in its stead, and at once for writing: a transaction that read first may find
    that it cannot write any more.

    Raises:
        UnusableConnectionError: If every statement is committed by itself.

        StoreError: If another process is writing (retryable).
    """
    if connection.in_transaction:
        return
    begins_itself = getattr(connection, "autocommit", LEGACY) == LEGACY
    if not begins_itself or connection.isolation_level is None:
        message = (
            "This connection commits every statement by itself, and no transaction is"
            " open: begin one (BEGIN IMMEDIATE), and open the block inside it."
        )
        raise UnusableConnectionError(message)
    CallersConnection(connection, _nothing).execute("BEGIN IMMEDIATE")


def _nothing() -> None:
    """
    Do nothing: no transaction has failed that nobody began.
    """


def begin_block(
    connection: CallersConnection, now: Callable[[SqliteWriter], int]
) -> Block:
    """
    Return what the changes of a new block share.
    """
    row = connection.execute(SEATS["begin"]).fetchone()
    assert row is not None
    return Block(
        token=secrets.randbits(TOKEN_BITS),
        now=now(SqliteWriter(as_own(connection))),
        has_triggers=bool(row[0]),
    )


def as_own(connection: CallersConnection) -> sqlite3.Connection:
    """
    Return *connection* for what takes one of ours, and uses no more than it has.
    """
    return cast("sqlite3.Connection", connection)


def _end_session(connection: CallersConnection, block: Block) -> None:
    """
    Say nothing to triggers any more.

    If the caller has ended the transaction in the block, it may be said in the file.
    """
    values = {"token": block.token}
    if connection.in_transaction:
        connection.execute(SEATS["end_session"], values)
    elif connection.execute(SEATS["session"], values).fetchone() is not None:
        connection.execute(SEATS["end_session"], values)
        connection.commit_own()


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
