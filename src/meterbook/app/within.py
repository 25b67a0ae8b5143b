"""
Recording in a transaction: the caller's, or one of the book's own.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, Final

from meterbook.app.clocks import now_in
from meterbook.integrations import Callers, recognised
from meterbook.services.seats.live import Live, check_session


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.ports import Clock, Store


# A transaction of the book's own: nobody else manages it.
NOBODY: Final = Callers(connection=None)


class Transactions:
    """
    The transactions in which a book can be told things together with others.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._now = now_in(clock)

    @contextlib.contextmanager
    def within(
        self,
        connection: object,
        *,
        actor: str | None = None,
        cause: str | None = None,
    ) -> Iterator[Live]:
        """
        Record on *connection*, in the transaction that is open there.

        What is recorded is committed or rolled back with the caller's own rows, also by
        savepoints. No other connection is used in the block.

        Args:
            connection: To the database in which the book is: a connection of sqlite3 or
                psycopg, a Connection or Session of SQLAlchemy, or one of Django's.

            actor: Who does this, for everything that the block records, and for the
                triggers of `capture`.

            cause: Why, likewise.

        Raises:
            UnusableConnectionError: If no transaction is open on it that the caller
                will end, or it is no such connection.

            NotABookError: If there is no book in its database.

            InvalidQueryError: If *actor* or *cause* is blank, or too long.

            StoreError: If the storage failed. A retryable one wants the whole
                transaction again.
        """
        check_session(actor=actor, cause=cause)
        callers = recognised(connection)
        yield from self._live(callers, actor=actor, cause=cause)

    @contextlib.contextmanager
    def live(
        self, *, actor: str | None = None, cause: str | None = None
    ) -> Iterator[Live]:
        """
        Record in a transaction of the book's own, committed at the end of the block.

        It is rolled back if the block raises. For whoever keeps members elsewhere than
        in the book's database. Arguments and errors are those of `within`.
        """
        check_session(actor=actor, cause=cause)
        yield from self._live(NOBODY, actor=actor, cause=cause)

    def _live(
        self, callers: Callers, *, actor: str | None, cause: str | None
    ) -> Iterator[Live]:
        with self._store.live(
            now=self._now,
            actor=actor,
            cause=cause,
            connection=callers.connection,
            failed=callers.failed,
        ) as writer:
            yield Live(writer, now=self._now, actor=actor, cause=cause, manager=callers)
            # Triggers see who acts only as long as the block lasts.
            callers.flush()
