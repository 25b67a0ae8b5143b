"""
A transaction over a SQLite database that holds the application's tables and the book.
"""

from __future__ import annotations

import sqlite3

from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.foundation.errors import InvalidCaptureError
from meterbook.ports.capturing import BlindSpot, CaptureRow, Seat, SeatTold
from meterbook.stores.sqlite import capture_tables
from meterbook.stores.sqlite.capture_tables import CAPTURING
from meterbook.stores.sqlite.capture_triggers import (
    asked,
    is_name,
    seats,
    table_of,
    text_of,
    trigger_names,
    trigger_texts,
)
from meterbook.stores.sqlite.reading import json_array
from meterbook.stores.sqlite.writing import SqliteWriter
from meterbook.stores.templates import filled, identifier
from meterbook.stores.understanding import digest, shortened


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from meterbook.metering.captures import Capture
    from meterbook.ports.capturing import Making, Telling, Understood


_REPLACE: Final = (
    "INSERT OR REPLACE and UPDATE OR REPLACE hide the row that they push out, unless"
    " the connection has PRAGMA recursive_triggers = ON: the check finds what is left."
)
_STATEMENTS: Final = (
    "Several statements of one transaction outside of book.within are told apart by the"
    " millisecond: what was there only between them may be counted."
)
_SWITCHED_OFF: Final = (
    "A connection can switch all triggers off (SQLITE_DBCONFIG_ENABLE_TRIGGER), and a"
    " tool that rebuilds the table drops them: the check finds what is left."
)
LIMITS: Final = (_REPLACE, _STATEMENTS, _SWITCHED_OFF)


class _Held(NamedTuple):
    """
    The customers whose seats a transaction holds, and their instant.
    """

    customers: frozenset[str]
    at: int


class SqliteCaptor(SqliteWriter):
    """
    A `Captor` over the transaction that is open on a connection.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._held: dict[str, _Held] = {}

    def captures(self) -> list[CaptureRow]:
        """
        Return every version of every capture, removed ones too, by key and version.
        """
        found = self._connection.execute(CAPTURING["captures"])
        return [CaptureRow._make(row) for row in found]

    def understand(self, capture: Capture) -> Understood:
        """
        Resolve the names of a declaration and compile its expressions.
        """
        understood = capture_tables.understand(self._connection, capture)
        self.payers(understood)
        return understood

    def script(self, making: Making) -> list[str]:
        """
        Return the statements that make the triggers, in order.
        """
        return list(trigger_texts(making).values())

    def digests(self, making: Making) -> dict[str, str]:
        """
        Return a digest of each trigger, by name.
        """
        return {name: digest(text) for name, text in trigger_texts(making).items()}

    def make_triggers(self, making: Making) -> None:
        """
        Make the triggers, instead of those that the key may have.
        """
        self.drop_triggers(making.key, making.understood)
        for text in self.script(making):
            self._connection.execute(text).close()

    def drop_triggers(self, key: str, understood: Understood) -> None:  # noqa: ARG002 - the key is enough here
        """
        Take the triggers of a capture away, as far as they are there.
        """
        for name in trigger_names(key).values():
            self._connection.execute(filled(asked("drop"), trigger=identifier(name)))

    def keep_capture(self, row: CaptureRow) -> None:
        """
        Write a version of a capture, or write it anew.
        """
        self._connection.execute(CAPTURING["keep_capture"], row)

    def seats(
        self, understood: Understood, *, customers: Collection[str] | None = None
    ) -> Iterator[Seat]:
        """
        Yield the seats of the table, or of some customers, by customer.
        """
        source = seats(understood, source=table_of(understood))
        query = filled(asked("live"), seats=source)
        among = None if customers is None else json_array(customers)
        yield from map(Seat._make, self._connection.execute(query, (among,)))

    def payers(self, understood: Understood) -> list[str]:
        """
        Return all customers: those of the query, or else those in the table.
        """
        query = understood.customers or filled(
            asked("payers_in_table"),
            customer=understood.customer,
            table=table_of(understood),
        )
        sql = filled(
            asked("payers"),
            query=query,
            payer_text=text_of("payer"),
            is_name=is_name("name"),
        )
        try:
            return [name for (name,) in self._connection.execute(sql)]
        except sqlite3.Error as error:
            sentence = f"customers cannot be run as a query: {shortened(error)}."
            raise InvalidCaptureError(sentence) from error

    @property
    def limits(self) -> Sequence[str]:
        """
        Say in sentences what no trigger of SQLite can see.
        """
        return LIMITS

    def blind_spots(self, making: Making) -> list[BlindSpot]:
        """
        Return what is wrong with the triggers, and what passes them unseen.
        """
        understood = making.understood
        columns = capture_tables.columns_of(self._connection, understood.table[-1])
        if not columns:
            sentence = f"The table {understood.table[-1]} is gone."
            return [BlindSpot("no_table", sentence)]
        altered = list(self._changed_triggers(making))
        gone = set(understood.columns) - {identifier(one.name) for one in columns}
        if gone:
            # SQLite would take the quoted name for text, and go on.
            sentence = (
                f"The column {min(gone)} is gone, or has another name: mend the"
                " declaration and install it."
            )
            return [*altered, BlindSpot("unreadable", sentence)]
        try:
            return [*altered, *self._odd_rows(understood)]
        except sqlite3.Error as error:
            sentence = f"The table cannot be read as declared: {shortened(error)}."
            return [BlindSpot("unreadable", sentence)]

    def seats_told(self, type_: str) -> list[SeatTold]:
        """
        Return the changes of members that wait to become entries, in order.
        """
        found = self._connection.execute(CAPTURING["seats_told"], (type_,))
        return [SeatTold._make(row) for row in found]

    def lock_payers(self, type_: str, customers: Collection[str]) -> int:
        """
        Give *customers* one instant, later than any that one of them had before.
        """
        held = self._held.get(type_)
        if held is not None and held.customers.issuperset(customers):
            return held.at
        values = {"type": type_, "customers": json_array(sorted(customers))}
        self._connection.execute(CAPTURING["lock_payers"], values)
        (at,) = self._connection.execute(CAPTURING["locked_at"], values).fetchone()
        self._held[type_] = _Held(frozenset(customers), int(at or 0))
        return self._held[type_].at

    def tell_seats(
        self,
        changes: Sequence[Telling],
        *,
        type_: str,
        definition: int,
        occurred_at: int,
        said: Mapping[str, str | None],
    ) -> None:
        """
        Put changes where the worker makes entries of them, in order.
        """
        actor, cause = said["actor"], said["cause"]
        self._connection.executemany(
            CAPTURING["tell_seat"],
            (
                (type_, *change, actor, cause, definition, occurred_at)
                for change in changes
            ),
        )

    def _changed_triggers(self, making: Making) -> Iterator[BlindSpot]:
        table = making.understood.table[-1]
        found = self._connection.execute(CAPTURING["triggers"], (table,))
        there = {name: digest(sql) for name, sql in found}
        for name, kept in making.understood.made.items():
            if name not in there:
                sentence = f"The trigger {name} is gone: install the capture again."
                yield BlindSpot("trigger_missing", sentence)
            elif there[name] != kept:
                sentence = f"The trigger {name} was altered: install the capture again."
                yield BlindSpot("trigger_altered", sentence)

    def _odd_rows(self, understood: Understood) -> Iterator[BlindSpot]:
        connection = self._connection
        if understood.unique and not capture_tables.is_still_unique(
            connection, understood
        ):
            sentence = (
                "The unique index of customer and member is gone, so that two rows can"
                " be one seat: install the capture again."
            )
            yield BlindSpot("not_unique", sentence)
        unnamed = capture_tables.unnamed(connection, understood)
        if unnamed:
            sentence = (
                f"{unnamed:,} rows have no customer or no member that an event could"
                " name (null, blank, or longer than 255 characters): no seats."
            )
            yield BlindSpot("unnamed_rows", sentence)
        otherwise = capture_tables.read_otherwise(connection, understood)
        if otherwise:
            sentence = (
                f"{otherwise:,} rows hold values of another type than the declaration"
                " compares them with: a trigger reads them otherwise."
            )
            yield BlindSpot("read_otherwise", sentence)
