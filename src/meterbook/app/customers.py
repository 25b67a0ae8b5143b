"""
Customers of a book: who they are, and what they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.asking import moment_from
from meterbook.app.clocks import new_id
from meterbook.foundation.instants import to_micros
from meterbook.services.agreements import customers
from meterbook.services.agreements.importing import import_rows
from meterbook.services.seats.moving import Mover


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meterbook.app.asking import Moment
    from meterbook.metering.events import Duplicate, Recorded
    from meterbook.ports import Clock, Store
    from meterbook.services.agreements.customers import CustomerView
    from meterbook.services.agreements.importing import ImportPlan
    from meterbook.services.seats.moving import Moved


class Customers:
    """
    Everybody of whom the book has something.
    """

    def __init__(
        self, store: Store, clock: Clock, work_first: Callable[[], None]
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock.

            work_first: Lets the worker catch up before a reading, where it runs here.
        """
        self._store = store
        self._clock = clock
        self._work_first = work_first
        self._mover = Mover(store, clock, new_id)

    def all(self, *, place: int | None = None) -> list[CustomerView]:
        """
        Return every customer, in order of their keys.
        """
        self._work_first()
        with self._store.reading() as reader:
            return customers.customers(reader, place=place)

    def show(self, key: str, *, place: int | None = None) -> CustomerView:
        """
        Return one customer.

        Raises:
            UnknownCustomerError: If the book has nothing of it.
        """
        self._work_first()
        with self._store.reading() as reader:
            return customers.customer(reader, key, place=place)

    def name(
        self, key: str, name: str, *, actor: str | None = None
    ) -> Recorded | Duplicate:
        """
        State what people call a customer; the last name stated is it.

        Raises:
            InvalidQueryError: If a text is blank, or cannot be stored.
        """
        return customers.name_customer(
            self._store, self._clock, key=key, name=name, actor=actor
        )

    def move(  # noqa: PLR0913 - from whom, to whom, when, who says so, and why
        self,
        customer: str,
        *,
        to: str,
        actor: str,
        reason: str,
        at: Moment | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Moved:
        """
        Move all seats of a customer to another: members by name, and levels.

        Each keeps the high-water mark that it had, and no instant counts a seat twice.

        Args:
            customer: Whose they are.

            to: Whose they are to be.

            actor: Who says so.

            reason: Why.

            at: When: aware, or text, where a bare date is midnight in UTC; None for
                now.

            id: What the caller calls this, so that a retry is a duplicate.

        Raises:
            InvalidMoveError: If there is nothing to move, or something in the way.
        """
        return self._mover.move(
            customer=customer,
            to=to,
            actor=actor,
            reason=reason,
            at=None if at is None else to_micros(moment_from(at)),
            id=id,
        )

    def move_member(  # noqa: PLR0913 - who, from whom, to whom, when, by whom, and why
        self,
        subject: str,
        *,
        customer: str,
        to: str,
        actor: str,
        reason: str,
        at: Moment | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Moved:
        """
        Move one member to another customer: the seats, and the usage that follows.

        Arguments and errors are those of `move`.

        Raises:
            UnknownSubjectError: If the book knows nobody of this name.
        """
        return self._mover.move(
            customer=customer,
            to=to,
            subject=subject,
            actor=actor,
            reason=reason,
            at=None if at is None else to_micros(moment_from(at)),
            id=id,
        )

    def import_csv(
        self, lines: Iterable[str], *, dry_run: bool, actor: str | None = None
    ) -> ImportPlan:
        """
        State the customers, subscriptions and terms of a CSV file: all or nothing.

        See `services.agreements.importing.import_rows`.
        """
        return import_rows(
            self._store, self._clock, lines, dry_run=dry_run, actor=actor
        )
