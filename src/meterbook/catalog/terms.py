"""
A term: what a customer agreed to for a stretch of time.

::

    agreed   |== 2025: 100 seats ==================|
                               |== 2026, early: 80 seats =========|
    holds    |== 2025 ========)[== 2026 ==========================)
    bought   100   110         80        95

A term is stated once. A renewal is another term, and holds from its own start: the one
before it ends there, whatever end was agreed, and keeps its own mark of the most seats.
Nothing is reset, because nothing is kept that could need it (semantics 4.8).

The seats that were bought are a timeline: so many from the start, another number from
some moment on. That the dates of a term were wrong is a fact of its own.

Laws (tests/laws/test_subscriptions.py):
    - *Tiling*: no moment is held by two terms.
    - *Order*: it does not matter in which order terms and purchases are told.
"""

from __future__ import annotations

import datetime as dt
import enum

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import InvalidTermError
from meterbook.foundation.instants import format_instant, to_micros, to_utc
from meterbook.foundation.units import UNITS_MAX


if TYPE_CHECKING:
    from meterbook.foundation.periods import Calendar


# The shortest stretch that there is: what holds until a moment holds one of it before.
MICROSECOND: Final = dt.timedelta(microseconds=1)


class TermKind(enum.StrEnum):
    """
    What is asked for in a term: seats above those bought are owed in a paid one only.

    It is stated, and never implied by a number of seats or by an end.
    """

    PAID = "paid"
    FREE = "free"
    TRIAL = "trial"


class TermState(enum.StrEnum):
    """
    Where a term stands at a moment.

    A *replaced* term never holds: another one starts at the same moment.
    """

    UPCOMING = "upcoming"
    CURRENT = "current"
    ENDED = "ended"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermFact:
    """
    A term was agreed.

    Attributes:
        key: What the vendor calls it; unique in its subscription, for ever.

        start: The first moment inside, in UTC.

        end: The first moment after, in UTC; None if it is open.

        seats: How many are bought from the start on; None if there is no limit: seats
            are counted, and none is too many.

        kind: Paid, free or trial.

        anchor: Where its months are counted from; None to go on as before.

    Raises:
        InvalidTermError: If it cannot be; the message names the field.
    """

    key: str
    start: dt.datetime
    end: dt.datetime | None
    seats: int | None
    kind: TermKind
    anchor: dt.datetime | None

    def __post_init__(self) -> None:
        check_dates(self.start, self.end)
        check_seats(self.seats)
        if self.anchor is not None and to_utc(self.anchor) > self.start:
            message = (
                "anchor is after start: months of the term could not be counted "
                f"before {self.anchor.isoformat()}. Give the start or an earlier one."
            )
            raise InvalidTermError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatesFact:
    """
    The dates of a term were others: both are stated, in UTC.

    Raises:
        InvalidTermError: If *end* is not after *start*.
    """

    term: str
    start: dt.datetime
    end: dt.datetime | None

    def __post_init__(self) -> None:
        check_dates(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsFact:
    """
    From *at* on, in UTC, *seats* are bought in a term; None for no limit.

    Raises:
        InvalidTermError: If *seats* is no number of seats.
    """

    term: str
    at: dt.datetime
    seats: int | None

    def __post_init__(self) -> None:
        check_seats(self.seats)


@dataclass(frozen=True, slots=True)
class Purchase:
    """
    From *at* on, *seats* are bought; None for no limit.
    """

    at: dt.datetime
    seats: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """
    A term as it holds, given all terms of its subscription.

    Attributes:
        key: What the vendor calls it.

        kind: Paid, free or trial.

        start: The first moment inside, in UTC.

        end: The first moment after, in UTC: what was agreed, or where the next term
            starts. None while it is open.

        agreed_end: The end that was agreed; None if none was.

        followed_by: The key of the term that cuts this one short; None if none does.

        calendar: By which its months are counted.

        purchases: How many seats are bought from when on, the first at the start.
    """

    key: str
    kind: TermKind
    start: dt.datetime
    end: dt.datetime | None
    agreed_end: dt.datetime | None
    followed_by: str | None
    calendar: Calendar
    purchases: tuple[Purchase, ...]

    @property
    def is_held(self) -> bool:
        """
        Tell whether there is a moment at which it holds.
        """
        return self.end is None or self.start < self.end

    def holds_at(self, moment: dt.datetime) -> bool:
        """
        Tell whether it is this term that holds at *moment*.
        """
        return self.start <= moment and (self.end is None or moment < self.end)

    def state_at(self, moment: dt.datetime) -> TermState:
        """
        Return where the term stands at *moment*.
        """
        if not self.is_held:
            return TermState.REPLACED
        if moment < self.start:
            return TermState.UPCOMING
        return TermState.CURRENT if self.holds_at(moment) else TermState.ENDED

    def purchased_at(self, moment: dt.datetime) -> int | None:
        """
        Return how many seats are bought at *moment*; None for no limit.

        Before the term it is what the term starts with, after it what it ended with.
        """
        last = moment if self.end is None else min(moment, self.end - MICROSECOND)
        bought = self.purchases[0].seats
        for purchase in self.purchases[1:]:
            if purchase.at > last:
                break
            bought = purchase.seats
        return bought


def check_dates(start: dt.datetime, end: dt.datetime | None) -> None:
    """
    Check that a term starts before it ends.

    Raises:
        InvalidTermError: If it does not.
    """
    if end is not None and end <= start:
        message = (
            "A term must start before it ends: start is "
            f"{format_instant(to_micros(start))}, end is "
            f"{format_instant(to_micros(end))}, which is the first moment after it."
        )
        raise InvalidTermError(message)


def check_seats(seats: object) -> None:
    """
    Check a number of seats that were bought; None is no limit.

    Raises:
        InvalidTermError: If it is no whole number from 1 to UNITS_MAX.
    """
    if seats is None or (type(seats) is int and 1 <= seats <= UNITS_MAX):
        return

    found = f"{seats}" if type(seats) is int else f"{seats!r}"
    message = (
        f"seats is {found[:40]}: use a whole number of at least 1, or leave it out if "
        "there is no limit."
    )
    raise InvalidTermError(message)
