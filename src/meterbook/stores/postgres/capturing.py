"""
A transaction over a PostgreSQL database that holds the application's tables, and a book
in a schema of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

import psycopg

from meterbook.foundation.errors import InvalidCaptureError
from meterbook.ports.capturing import CaptureRow, Seat, SeatTold
from meterbook.stores.postgres import capture_tables, capture_triggers
from meterbook.stores.postgres.capture_tables import ask
from meterbook.stores.postgres.capture_triggers import asked, is_name, table_of
from meterbook.stores.postgres.capture_watching import blind_spots
from meterbook.stores.postgres.failures import translated
from meterbook.stores.postgres.sessions import STREAM_ROWS
from meterbook.stores.postgres.writing import PostgresWriter
from meterbook.stores.templates import filled
from meterbook.stores.understanding import shortened


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from meterbook.metering.captures import Capture
    from meterbook.ports.capturing import BlindSpot, Making, Telling, Understood


# The application's writers wait no longer than this behind an installation that waits
# for them; then they pass, and it is tried again.
LOCK_WAIT: Final = b"SET LOCAL lock_timeout = '2s'"
NO_LOCK_WAIT: Final = b"SET LOCAL lock_timeout = 0"

# Some MB in one statement.
TELLINGS_MAX: Final = 20_000

_REPLICA: Final = (
    "A session in which session_replication_role is replica fires no trigger, as a"
    " restore with --disable-triggers does: the check finds what is left."
)
_REWRITTEN: Final = (
    "ALTER TABLE can change values without a trigger (ALTER COLUMN ... TYPE ... USING,"
    " ATTACH and DETACH PARTITION): the check finds what is left."
)
LIMITS: Final = (_REPLICA, _REWRITTEN)


class PostgresCaptor(PostgresWriter):
    """
    A `Captor` in the transaction that its session has open.
    """

    def captures(self) -> list[CaptureRow]:
        """
        Return every version of every capture, removed ones too, by key and version.
        """
        return [CaptureRow._make(row) for row in ask(self._session, "captures")]

    def understand(self, capture: Capture) -> Understood:
        """
        Resolve the names of a declaration and compile its expressions.
        """
        understood = capture_tables.understand(self._session, capture)
        self.payers(understood)
        return understood

    def digests(self, making: Making) -> dict[str, str]:
        """
        Return a digest of the function.
        """
        return capture_triggers.digests(making, schema=self._session.schema)

    def script(self, making: Making) -> list[str]:
        """
        Return the statements that make the function and its triggers, in order.
        """
        tree = capture_tables.tree_of(self._session, making.understood)
        tables = [(one.schema, one.name) for one in tree if one.takes_triggers]
        return capture_triggers.script(
            making, schema=self._session.schema, tables=tables
        )

    def make_triggers(self, making: Making) -> None:
        """
        Make the triggers, instead of those that the key may have.

        CREATE TRIGGER takes the table for itself, as far as writers go, until the end
        of the transaction. Whoever wrote has committed by then.
        """
        self._session.run_sql(LOCK_WAIT)
        self.drop_triggers(making.key, making.understood)
        for statement in self.script(making):
            self._session.run_sql(statement.encode())
        self._session.run_sql(NO_LOCK_WAIT)

    def drop_triggers(self, key: str, understood: Understood) -> None:  # noqa: ARG002 - the key is enough here
        """
        Take the function of a capture away, and with it its triggers.

        So it needs no more rights than were needed to make it: to drop a trigger by
        itself one must own the table.
        """
        self._session.run_sql(LOCK_WAIT)
        sql = capture_triggers.dropping(key, schema=self._session.schema)
        self._session.run_sql(sql.encode())
        self._session.run_sql(NO_LOCK_WAIT)

    def keep_capture(self, row: CaptureRow) -> None:
        """
        Write a version of a capture, or write it anew.
        """
        self._run("keep_capture", row._asdict())

    def seats(
        self, understood: Understood, *, customers: Collection[str] | None = None
    ) -> Iterator[Seat]:
        """
        Yield the seats of the table, or of some customers, by customer.
        """
        source = capture_triggers.seats(understood, source=table_of(understood))
        parts = {"seats": source, "asked": "true"}
        values: dict[str, object] = {}
        if customers is not None:
            # The driver looks for parameters, and takes a % that is not one for one.
            parts = {
                "seats": source.replace("%", "%%"),
                "asked": "s.customer = ANY (%(customers)s::text[])",
            }
            values = {"customers": sorted(customers)}
        sql = filled(asked("live"), **parts)
        connection = self._session.connection
        try:
            with connection.cursor(name=f"meterbook_{uuid4().hex}") as cursor:
                cursor.itersize = STREAM_ROWS
                cursor.execute(sql.encode(), values or None, binary=True)
                for row in cursor:
                    yield Seat._make(row)
        except psycopg.Error as error:
            raise translated(error) from error

    def payers(self, understood: Understood) -> list[str]:
        """
        Return all customers: those of the query, or else those in the table.
        """
        query = understood.customers or filled(
            asked("payers_in_table"),
            customer=understood.customer,
            table=table_of(understood),
        )
        sql = filled(asked("payers"), query=query, named=is_name("p.payer"))
        shape = filled(asked("payers_shape"), query=query)
        connection = self._session.connection
        try:
            with connection.transaction():
                columns = connection.execute(shape.encode()).description or ()
                found = connection.execute(sql.encode()).fetchall()
        except psycopg.Error as error:
            sentence = f"customers cannot be run as a query: {shortened(error)}."
            raise InvalidCaptureError(sentence) from error
        if len(columns) != 1:
            sentence = (
                f"customers cannot be a query of {len(columns)} columns, but one."
            )
            raise InvalidCaptureError(sentence)
        return [cast("str", name) for (name,) in found]

    @property
    def limits(self) -> Sequence[str]:
        """
        Say in sentences what no trigger of PostgreSQL can see.
        """
        return LIMITS

    def blind_spots(self, making: Making) -> list[BlindSpot]:
        """
        Return what is wrong with the triggers, and what passes them unseen.
        """
        return blind_spots(self._session, making)

    def seats_told(self, type_: str) -> list[SeatTold]:
        """
        Return the changes of members that wait to become entries, in order.
        """
        found = ask(self._session, "seats_told", {"type": type_})
        return [SeatTold._make(row) for row in found]

    def lock_payers(self, type_: str, customers: Collection[str]) -> int:
        """
        Hold the seats of *customers* to the end, and return one instant for them all.
        """
        values: dict[str, object] = {"type": type_, "customers": sorted(customers)}
        [(at,)] = ask(self._session, "lock_payers", values)
        if at is None:
            return 0
        self._run("one_instant", {**values, "at": at})
        return int(at)

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
        for start in range(0, len(changes), TELLINGS_MAX):
            part = changes[start : start + TELLINGS_MAX]
            values: dict[str, object] = {
                "type": type_,
                "definition": definition,
                "at": occurred_at,
                "actor": said["actor"],
                "cause": said["cause"],
                "customers": [change.customer for change in part],
                "changes": [change.change for change in part],
                "members": [change.member for change in part],
                "ways": [change.way for change in part],
                "states": [change.state for change in part],
            }
            self._run("tell_seats", values)

    def _run(self, name: str, values: Mapping[str, object]) -> None:
        sql = capture_tables.statement(name, self._session.schema)
        self._session.run_sql(sql, values)
