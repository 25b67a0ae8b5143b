"""
Owing: the seats of a subscription's terms against those that were bought.

::

    in use       |       ____                     now
    high water   |  ____|    |____________         :    of each term, its own
    bought       |------------- 110 ------------   :
                 [ term 2025        )[ term 2026   :
                    owed: 10              owed: 0

The high-water mark of a term is the peak over the term (semantics 4.8). It is read anew
each time, so nothing has to be reset at a renewal, and nothing is lost by one: the mark
of an old term stays what it was.

Laws (tests/services/test_owing.py):
    - *Oracle*: a mark is the most seats found by looking at every instant of the term.
    - *Own mark*: a renewal changes no mark but that of the term it cuts.
    - *As-of*: the same place and moment, the same answer.
"""

from __future__ import annotations

import datetime as dt

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.catalog.terms import MICROSECOND, Term, TermKind, TermState
from meterbook.foundation.errors import InvalidTermError, StoreError
from meterbook.foundation.money import price_in_minor
from meterbook.foundation.periods import Period
from meterbook.licensing.true_up import (
    SettledPeriod,
    Settlement,
    TrueUpPolicy,
    Used,
    settle,
    settled_periods,
)
from meterbook.services.agreements.agreed import subscription
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.usage import Asked, find_meter
from meterbook.services.seats.seating import read_months


if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from meterbook.catalog.subscriptions import Subscription
    from meterbook.metering.readings import AsOf
    from meterbook.ports import Reader
    from meterbook.services.seats.seating import SeatMonth, SeatReading


# Where an open term ends, for as long as it does not.
LAST_MOMENT: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermSeats:
    """
    The seats of one term.

    Attributes:
        term: The term.

        state: Where it stands at as-of.

        reading: Its high-water mark: the peak of the term so far, when it was reached,
            who made it and what was noted. None before the term, or if it never holds.

        in_use: How many are used at as-of, or were at its end; None before.

        purchased: How many are bought at as-of, or were at its end; None for no limit.

        owed: How many were used above those, in a paid term; else 0.
    """

    term: Term
    state: TermState
    reading: SeatMonth | None
    in_use: int | None
    purchased: int | None
    owed: int

    @property
    def high_water(self) -> int:
        """
        The most seats of the term so far; 0 if nothing is known of it.
        """
        return 0 if self.reading is None else self.reading.seats.peak_units

    @property
    def remaining(self) -> int | None:
        """
        How many more could be used at once before any are owed; None for no limit.
        """
        if self.purchased is None:
            return None

        return max(0, self.purchased - self.high_water)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSeats:
    """
    The seats of a subscription, term by term, of one snapshot.

    Attributes:
        subscription: As known at the place.

        as_of: The place and moment at which it was asked.

        provisional: Something without a place was read; it cannot be cited.

        behind: More waits for a place than is read; it answers for an earlier one.

        terms: In order of their start.
    """

    subscription: Subscription
    as_of: AsOf
    provisional: bool
    behind: bool
    terms: tuple[TermSeats, ...]

    @property
    def current(self) -> TermSeats | None:
        """
        The term that holds at as-of; None if none does.
        """
        return next((one for one in self.terms if one.state is TermState.CURRENT), None)

    @property
    def owed(self) -> int:
        """
        How many seats are owed, of all terms together.
        """
        return sum(one.owed for one in self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueUp:
    """
    What is asked for the seats of a term that were used above those bought.

    Attributes:
        subscription: Whose.

        term: Which term.

        policy: How it is settled.

        currency: Of the amounts.

        as_of: The place and moment at which it was asked.

        provisional: Something without a place was read; it cannot be cited.

        settlements: Those of ended periods, and of the one in progress.
    """

    subscription: Subscription
    term: Term
    policy: TrueUpPolicy
    currency: str
    as_of: AsOf
    provisional: bool
    settlements: tuple[Settlement, ...]

    @property
    def total_minor(self) -> int:
        """
        What the ended periods ask for, in minor units: the sum of their lines.
        """
        return sum(one.amount_minor for one in self.settlements if one.complete)

    @property
    def expected_minor(self) -> int:
        """
        The same with what the period in progress would come to if it ended now.
        """
        return sum(one.amount_minor for one in self.settlements)


def seats_of(  # noqa: PLR0913 - whose, as of when, and how much of it
    reader: Reader,
    *,
    customer: str,
    key: str,
    moment: dt.datetime,
    place: int | None = None,
    names: bool = False,
) -> SubscriptionSeats:
    """
    Return the seats of a subscription, term by term.

    Args:
        reader: One snapshot.

        customer: Whose.

        key: The subscription's.

        moment: What occurred after it is not counted. In UTC.

        place: What was told later is not known; None for all there is.

        names: Whether to say who was there at each mark, and who people are; else they
            have pseudonyms.

    Raises:
        UnknownSubscriptionError: If it is not known at the place.

        UnknownPlaceError: If the place is not numbered yet.
    """
    found = subscription(reader, customer=customer, key=key, place=place)
    begun = [
        (index, _period(term))
        for index, term in enumerate(found.terms)
        if term.is_held and term.start <= moment
    ]
    reading = _read(reader, found, begun, moment=moment, place=place, names=names)
    marks = {month.seats.index: month for month in reading.months}
    return SubscriptionSeats(
        subscription=found,
        as_of=reading.as_of,
        provisional=reading.provisional,
        behind=reading.behind,
        terms=tuple(
            _term_seats(term, marks.get(index), moment)
            for index, term in enumerate(found.terms)
        ),
    )


def months_of(  # noqa: PLR0913 - whose, as of when, and how much of it
    reader: Reader,
    *,
    customer: str,
    key: str,
    moment: dt.datetime,
    place: int | None = None,
    names: bool = False,
) -> SeatReading:
    """
    Return the seats of a subscription, month by month; see `Subscription.months`.

    Arguments and errors are those of `seats_of`.
    """
    found = subscription(reader, customer=customer, key=key, place=place)
    listed = list(found.months(moment))
    return _read(reader, found, listed, moment=moment, place=place, names=names)


def true_up(  # noqa: PLR0913 - of which term, by which policy and price
    reader: Reader,
    *,
    customer: str,
    key: str,
    term: str | None,
    policy: TrueUpPolicy,
    price: str | int | Decimal,
    currency: str,
    moment: dt.datetime,
    place: int | None = None,
) -> TrueUp:
    """
    Return what is asked for seats above those bought, period by period.

    Args:
        reader: One snapshot.

        customer: Whose.

        key: The subscription's.

        term: Which term; the one that holds at *moment* if it is not said.

        policy: When seats are settled, and for how long they are asked for.

        price: Of a seat for a year, in the currency's major unit.

        currency: By its code.

        moment: As of when. In UTC.

        place: What was told later is not known; None for all there is.

    Raises:
        UnknownSubscriptionError: If there is no such subscription.

        UnknownTermError: If it has no such term.

        InvalidTermError: If no term is named, and none holds.

        InvalidPriceError: If price or currency cannot be used.

        StoreError: If the worker is so far behind that the answer would not be right.
    """
    price_minor = price_in_minor(price, currency)
    found = subscription(reader, customer=customer, key=key, place=place)
    settled = _asked_term(found, term, moment)
    listed = _settled_periods(settled, policy, zone=found.calendar.zone, until=moment)
    periods = [(one.index, one.period) for one in listed]
    reading = _read(reader, found, periods, moment=moment, place=place, names=False)
    if reading.behind:
        message = (
            "More entries wait for their place than can be counted here: let the "
            "worker catch up, then ask again."
        )
        raise StoreError(message, retryable=True)

    used = [
        Used(
            settled=one,
            peak_units=month.seats.peak_units,
            purchased=settled.purchased_at(min(moment, one.period.end - MICROSECOND)),
            complete=month.seats.complete,
        )
        for one, month in zip(listed, reading.months, strict=True)
    ]
    is_paid = settled.kind is TermKind.PAID
    return TrueUp(
        subscription=found,
        term=settled,
        policy=policy,
        currency=currency,
        as_of=reading.as_of,
        provisional=reading.provisional,
        settlements=tuple(settle(used, price_minor=price_minor, is_paid=is_paid)),
    )


def _settled_periods(
    term: Term, policy: TrueUpPolicy, *, zone: str, until: dt.datetime
) -> list[SettledPeriod]:
    """
    Return the periods of a term that are settled; none if it never holds.
    """
    if not term.is_held:
        return []

    found = settled_periods(term.start, term.end, policy, zone=zone, until=until)
    return list(found)


def seats_owed(*, kind: TermKind, high_water: int, purchased: int | None) -> int:
    """
    Return how many seats are owed: those above what is bought, in a paid term.

    Source:
        semantics 4.8. Trials and free plans owe nothing, nor does a term without a
        limit.
    """
    if kind is not TermKind.PAID or purchased is None:
        return 0

    return max(0, high_water - purchased)


def _asked_term(found: Subscription, term: str | None, moment: dt.datetime) -> Term:
    """
    Return the term that is meant.

    Raises:
        UnknownTermError: If there is none of that key.

        InvalidTermError: If none is named, and none holds.
    """
    if term is not None:
        return found.term(term)

    held = found.term_at(moment)
    if held is None:
        message = (
            f"no term of subscription {found.key!r} holds at {moment:%Y-%m-%d %H:%M}Z: "
            "name the term."
        )
        raise InvalidTermError(message)

    return held


def _read(  # noqa: PLR0913 - as `seats_of`
    reader: Reader,
    found: Subscription,
    periods: Iterable[tuple[int, Period]],
    *,
    moment: dt.datetime,
    place: int | None,
    names: bool,
) -> SeatReading:
    asked = Asked(
        meter_key=found.meter_key, version=None, by=(), moment=moment, place=place
    )
    meter = compiled(find_meter(reader, found.meter_key, None)).meter
    return read_months(
        reader,
        asked,
        customer=found.customer,
        periods=periods,
        names=names,
        who=names and meter.names_members,
    )


def _period(term: Term) -> Period:
    return Period(term.start, term.end or LAST_MOMENT)


def _term_seats(
    term: Term, reading: SeatMonth | None, moment: dt.datetime
) -> TermSeats:
    purchased = term.purchased_at(moment)
    high_water = 0 if reading is None else reading.seats.peak_units
    return TermSeats(
        term=term,
        state=term.state_at(moment),
        reading=reading,
        in_use=None if reading is None else reading.seats.end_units,
        purchased=purchased,
        owed=seats_owed(kind=term.kind, high_water=high_water, purchased=purchased),
    )
