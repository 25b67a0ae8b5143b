"""
The changes of seats that wait to become entries, in PostgreSQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from meterbook.ports import SeatChange


if TYPE_CHECKING:
    from meterbook.stores.postgres.sessions import Session


class PostgresQueue:
    """
    A `SeatQueue` over the transaction that its session has open.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def waiting(self, *, limit: int, customer: str | None = None) -> list[SeatChange]:
        """
        Return the first *limit* changes (of a customer), in order.
        """
        values = {"limit": limit, "customer": customer}
        rows = self._session.rows("waiting_changes", values)
        return [SeatChange._make(row) for row in rows]

    def count(self, *, limit: int) -> int:
        """
        Return how many there are, counting to *limit*.
        """
        row = self._session.row("count_changes", {"limit": limit})
        assert row is not None
        return cast("int", row[0])

    def take(self, *, limit: int) -> list[SeatChange]:
        """
        Remove the first *limit* changes and return them, in order.
        """
        rows = self._session.rows("take_changes", {"limit": limit})
        return [SeatChange._make(row) for row in rows]
