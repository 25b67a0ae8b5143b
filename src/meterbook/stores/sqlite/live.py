"""
Recording seats in a transaction of SQLite that is open, the caller's or our own.

All changes of one block have one instant for each customer and type. The block is
known by a token, as a transaction of PostgreSQL is by its id; triggers that record
changes are told the token, the moment, who acts and why, as long as the block lasts.
"""

from __future__ import annotations

import os

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import msgspec

from meterbook.foundation.errors import UnusableConnectionError
from meterbook.ports import Heard
from meterbook.stores.sqlite.queue import SEATS
from meterbook.stores.sqlite.writing import SqliteWriter


if TYPE_CHECKING:
    import sqlite3

    from collections.abc import Callable, Iterator

    from meterbook.ports import Told
    from meterbook.ports.live import Parameters
    from meterbook.stores.sqlite.callers import CallersConnection


# Of a token, which is a positive number of SQLite's: as good as a UUID for two blocks
# of one customer that must be told apart.
TOKEN_BYTES: Final = 7

METER: Final = SEATS["meter"]
LOCK: Final = SEATS["lock"]
ADD: Final = SEATS["add"]
BEGIN: Final = SEATS["begin"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Block(NamedTuple):
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
        row = self._meter(told)
        if row is None:
            return None
        version, text = row
        definition = _fitting(told, text)
        if definition is None:
            return Heard(version, text, None)
        instant = self._lock(definition["event_type"], told.customer)
        path = scale = None
        if told.units is not None:
            path, scale = definition["value"], definition["scale"]
        self._add(
            told, definition["event_type"], (told.units, path, scale), version, instant
        )
        return Heard(version, text, instant)

    def count_seats(
        self, told: Told, *, sql: str, parameters: Parameters | None
    ) -> Heard | None:
        """
        Record the level that *sql* counts once the lock is held.

        Raises:
            InvalidQueryError: If the count cannot be taken so.
        """
        row = self._meter(told)
        if row is None:
            return None
        version, text = row
        definition = _fitting(told, text)
        if definition is None:
            return Heard(version, text, None)
        instant = self._lock(definition["event_type"], told.customer)
        units = self._callers.counted(sql, parameters or ())
        level = (units, definition["value"], None)
        self._add(told, definition["event_type"], level, version, instant)
        return Heard(version, text, instant, units)

    def _meter(self, told: Told) -> tuple[int, str] | None:
        """
        Return the latest version of the meter and its definition, if there is one.
        """
        if not self._callers.in_transaction:
            # What came now would have the instant of what is committed already.
            message = (
                "The transaction was ended inside the block of `within`: end it after"
                " the block, and open another block for the next one."
            )
            raise UnusableConnectionError(message)
        row = self._callers.row(METER, (told.meter_key,))
        return cast("tuple[int, str] | None", row)

    def _lock(self, type_: str, customer: str) -> int:
        values = (customer, type_, self._block.now, self._block.token)
        row = self._callers.row(LOCK, values)
        assert row is not None
        instant: int = row[0]
        return instant

    def _add(
        self,
        told: Told,
        type_: str,
        level: tuple[int | None, str | None, int | None],
        version: int,
        instant: int,
    ) -> None:
        self._callers.row(
            ADD,
            (
                type_,
                told.customer,
                told.change,
                told.member,
                told.way,
                told.state,
                *level,
                told.actor,
                told.cause,
                version if told.definition is None else told.definition,
                instant,
            ),
        )


def telling_triggers(
    connection: CallersConnection,
    block: Block,
    *,
    actor: str | None,
    cause: str | None,
) -> Iterator[SqliteLive]:
    """
    Yield the writer of a block, in which triggers are told *actor* and *cause*.

    At its end they are told what they were told before.
    """
    live = SqliteLive(connection, block)
    if not block.has_triggers:
        yield live
        return
    values: dict[str, object] = {"token": block.token}
    before = connection.execute(SEATS["session"], values).fetchone()
    outer = before or (None, None)
    values["occurred_at"] = block.now
    values["actor"] = outer[0] if actor is None else actor
    values["cause"] = outer[1] if cause is None else cause
    connection.execute(SEATS["set_session"], values)
    try:
        yield live
    finally:
        if before is None:
            _end_session(connection, block)
        elif connection.in_transaction:
            values["actor"], values["cause"] = before
            connection.execute(SEATS["set_session"], values)


def begin_block(
    connection: CallersConnection, now: Callable[[SqliteWriter], int]
) -> Block:
    """
    Return what the changes of a new block share.
    """
    row = connection.row(BEGIN)
    assert row is not None
    return Block(
        int.from_bytes(os.urandom(TOKEN_BYTES)),
        now(SqliteWriter(as_own(connection))),
        bool(row[0]),
    )


def as_own(connection: CallersConnection) -> sqlite3.Connection:
    """
    Return *connection* for what takes one of ours, and uses no more than it has.
    """
    return cast("sqlite3.Connection", connection)


def _fitting(told: Told, text: str) -> dict[str, Any] | None:
    """
    Return the definition of a meter, if it is of the kind that is asked for.
    """
    definition = _decode(text)
    fits = definition["aggregation"] in told.aggregations
    return definition if fits and not definition.get("group_by") else None


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
