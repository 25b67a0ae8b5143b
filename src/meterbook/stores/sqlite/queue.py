"""
The changes of seats that wait to become entries, in SQLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meterbook.ports import SeatChange
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    import sqlite3


SEATS: Final = statements("sqlite", "seats")


class SqliteQueue:
    """
    A `SeatQueue` over the transaction that is open on a connection.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def waiting(self, *, limit: int, customer: str | None = None) -> list[SeatChange]:
        """
        Return the first *limit* changes (of a customer), in order.
        """
        values = {"limit": limit, "customer": customer}
        rows = self._connection.execute(SEATS["waiting"], values)
        return [SeatChange._make(row) for row in rows]

    def count(self, *, limit: int) -> int:
        """
        Return how many there are, counting to *limit*.
        """
        count: int
        (count,) = self._connection.execute(SEATS["count"], {"limit": limit}).fetchone()
        return count

    def take(self, *, limit: int) -> list[SeatChange]:
        """
        Remove the first *limit* changes and return them, in order.

        Nobody else writes, so that those up to the last one are these.
        """
        taken = self.waiting(limit=limit)
        if taken:
            upto = taken[-1].change_id
            self._connection.execute(SEATS["forget"], {"upto": upto}).close()
        return taken
