"""
Subscriptions of a book: what was agreed, and what it comes to in seats.

::

    book.subscriptions.create("acme", "main", meter="seats", anchor="2026-01-31")
    book.subscriptions.seats("acme", "main").owed

Moments are aware datetimes, or text, where a bare date is midnight in the zone of the
subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.asking import as_of_moment, moment_from
from meterbook.app.clocks import new_id
from meterbook.catalog.subscriptions import SubscriptionFact
from meterbook.foundation.errors import InvalidPriceError
from meterbook.foundation.instants import to_utc
from meterbook.foundation.periods import Calendar, Interval, interval_named
from meterbook.licensing.true_up import TrueUpPolicy
from meterbook.services.agreements import agreed, alerting, owing
from meterbook.services.agreements.subscribing import Subscriber


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable
    from decimal import Decimal

    from meterbook.app.asking import Moment
    from meterbook.catalog.subscriptions import Subscription
    from meterbook.metering.events import Recorded
    from meterbook.ports import Clock, Store
    from meterbook.services.agreements.agreed import Saying
    from meterbook.services.agreements.alerting import SubscriptionAlert
    from meterbook.services.agreements.owing import SubscriptionSeats, TrueUp
    from meterbook.services.agreements.subscribing import Stated
    from meterbook.services.seats.seating import SeatReading


class Subscriptions:
    """
    The subscriptions of a book.
    """

    def __init__(
        self, store: Store, clock: Clock, work_first: Callable[[], None]
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock: now is as-of, unless another moment is asked for.

            work_first: Lets the worker catch up before a reading, where it runs here.
        """
        self._store = store
        self._clock = clock
        self._work_first = work_first
        self._subscriber = Subscriber(store, clock, new_id)

    # What was agreed.

    def create(  # noqa: PLR0913 - what is agreed, each by its name
        self,
        customer: str,
        key: str,
        *,
        meter: str,
        anchor: Moment,
        interval: Interval | str = "month",
        interval_count: int = 1,
        zone: str = "UTC",
        actor: str | None = None,
    ) -> Stated:
        """
        State a subscription.

        Args:
            customer: Whose. It need not be declared.

            key: What it is called, once and for all, among those of its customer.

            meter: Which meter counts its seats: of members, or a level without groups.

            anchor: Where its months are counted from.

            interval: What they are counted in: hour, day, week, month, quarter, year.

            interval_count: How many of those make one.

            zone: Whose clock says when a day begins.

            actor: Who says so.

        Returns:
            `Recorded`; `Duplicate` if it was stated so, `Conflict` if otherwise.

        Raises:
            InvalidPeriodError: If months cannot be counted so.

            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If it does not count whole seats.
        """
        unit = interval if isinstance(interval, Interval) else interval_named(interval)
        calendar = Calendar(moment_from(anchor, zone=zone), unit, interval_count, zone)
        fact = SubscriptionFact(
            customer=customer, key=key, meter_key=meter, calendar=calendar
        )
        return self._subscriber.create(fact, actor=actor)

    def all(
        self, *, customer: str | None = None, place: int | None = None
    ) -> list[Subscription]:
        """
        Return subscriptions by customer and key, as known at a place.
        """
        with self._store.reading() as reader:
            return agreed.subscriptions(reader, customer=customer, place=place)

    def show(
        self, customer: str, key: str, *, place: int | None = None
    ) -> Subscription:
        """
        Return one subscription, as known at a place.

        Raises:
            UnknownSubscriptionError: If it is not known there.
        """
        with self._store.reading() as reader:
            return agreed.subscription(reader, customer=customer, key=key, place=place)

    def history(self, customer: str, key: str) -> list[Saying]:
        """
        Return all that was stated of a subscription, by whom, in the book's order.

        Raises:
            UnknownSubscriptionError: If nothing was.
        """
        with self._store.reading() as reader:
            agreed.subscription(reader, customer=customer, key=key)
            return agreed.history(reader, customer=customer, key=key)

    def buy(  # noqa: PLR0913 - whose, how many, since when, who says so, and why
        self,
        customer: str,
        key: str,
        *,
        seats: int | None,
        at: Moment,
        term: str | None = None,
        correct: bool = False,
        actor: str | None = None,
        reason: str | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Stated:
        """
        State that from *at* on so many seats are bought, in all.

        Args:
            customer: Whose.

            key: The subscription's.

            seats: How many; None for no limit.

            at: Since when.

            term: In which term; the one that holds at *at* if it is not said.

            correct: Whether a purchase was stated wrongly, so that the number may fall.
                It needs *actor* and *reason*. Otherwise fewer seats are another term.

            actor: Who says so.

            reason: Why.

            id: What the caller calls this, so that a retry is a duplicate.

        Raises:
            UnknownSubscriptionError: If there is no such subscription.

            UnknownTermError: If it has no such term.

            InvalidTermError: If no term holds at *at*, or the number would fall.
        """
        zone = self.show(customer, key).calendar.zone
        return self._subscriber.buy(
            customer=customer,
            key=key,
            seats=seats,
            at=_utc(at, zone),
            term=term,
            may_lower=correct,
            actor=actor,
            reason=reason,
            id=id,
        )

    # What it comes to.

    def seats(
        self,
        customer: str,
        key: str,
        *,
        as_of: Moment | None = None,
        place: int | None = None,
        names: bool = False,
    ) -> SubscriptionSeats:
        """
        Return the seats of each term: in use, at most, bought and owed.

        Args:
            customer: Whose.

            key: The subscription's.

            as_of: What occurred after this moment is not counted; now by default.

            place: The last place in the book to read: the same answer for ever. All
                there is by default.

            names: Whether to say who was there at each mark, and who made it; else
                people have pseudonyms.

        Raises:
            UnknownSubscriptionError: If it is not known there.

            UnknownPlaceError: If nothing has that place yet.
        """
        moment = self._moment(as_of)
        self._work_first()
        with self._store.reading() as reader:
            return owing.seats_of(
                reader,
                customer=customer,
                key=key,
                moment=moment,
                place=place,
                names=names,
            )

    def months(
        self,
        customer: str,
        key: str,
        *,
        as_of: Moment | None = None,
        place: int | None = None,
        names: bool = False,
    ) -> SeatReading:
        """
        Return the seats of each month that has begun, through all terms.

        Arguments and errors are those of `seats`.
        """
        moment = self._moment(as_of)
        self._work_first()
        with self._store.reading() as reader:
            return owing.months_of(
                reader,
                customer=customer,
                key=key,
                moment=moment,
                place=place,
                names=names,
            )

    def true_up(  # noqa: PLR0913 - of which term, by which policy and price
        self,
        customer: str,
        key: str,
        *,
        policy: TrueUpPolicy | str,
        price: str | int | Decimal,
        currency: str,
        term: str | None = None,
        as_of: Moment | None = None,
        place: int | None = None,
    ) -> TrueUp:
        """
        Return what is asked for the seats of a term above those bought.

        Args:
            customer: Whose.

            key: The subscription's.

            policy: `annual-true-up` or `quarterly-reconciliation`.

            price: Of a seat for a year, in the currency's major unit: "100.00".

            currency: By its code: USD.

            term: Which term; the one that holds at *as_of* if it is not said.

            as_of: What occurred after this moment is not counted; now by default.

            place: The last place in the book to read; all there is by default.

        Raises:
            InvalidPriceError: If policy, price or currency cannot be used.

            UnknownTermError: If there is no such term.

            InvalidTermError: If no term is named, and none holds.
        """
        moment = self._moment(as_of)
        self._work_first()
        with self._store.reading() as reader:
            return owing.true_up(
                reader,
                customer=customer,
                key=key,
                term=term,
                policy=_policy(policy),
                price=price,
                currency=currency,
                moment=moment,
                place=place,
            )

    def alerts(
        self,
        *,
        customer: str | None = None,
        as_of: Moment | None = None,
        dismissed: bool = False,
    ) -> list[SubscriptionAlert]:
        """
        Return whose seats are nearly used up; also what was dismissed, if asked for.
        """
        moment = self._moment(as_of)
        self._work_first()
        with self._store.reading() as reader:
            return alerting.alerts(
                reader,
                moment=moment,
                customer=customer,
                dismissed=dismissed,
            )

    def dismiss_alert(
        self, customer: str, key: str, *, actor: str | None = None
    ) -> Recorded:
        """
        State that the alert of a subscription was seen: it is silent until another seat
        is used, or another number is bought.

        Raises:
            UnknownSubscriptionError: If there is no such subscription.

            InvalidQueryError: If there is nothing to dismiss.
        """
        return alerting.dismiss(
            self._store, self._clock, customer=customer, key=key, actor=actor
        )

    def _moment(self, as_of: Moment | None) -> dt.datetime:
        return as_of_moment(as_of, now=self._clock.now(), zone="UTC")


def _policy(policy: TrueUpPolicy | str) -> TrueUpPolicy:
    """
    Return the policy that is meant.

    Raises:
        InvalidPriceError: If there is none of that name.
    """
    try:
        return TrueUpPolicy(policy)
    except ValueError as error:
        allowed = ", ".join(TrueUpPolicy)
        message = f"policy is {str(policy)[:40]!r}: use one of {allowed}."
        raise InvalidPriceError(message) from error


def _utc(moment: Moment, zone: str) -> dt.datetime:
    return to_utc(moment_from(moment, zone=zone))
