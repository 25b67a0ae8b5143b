"""
A subscription: terms one after another, and the months that they are counted in.

::

    stated     subscription "main", meter seats, monthly from Jan 31
               term 2025   Jan 31 -> Jan 31        100 seats
               term 2026   Mar 15 -> open           80 seats, months from Mar 15

    terms      [== 2025 ==========)[== 2026 ==============================
    months     [Jan 31)[Feb 28    )[Mar 15       )[Apr 15       )[May 15 ...
                               cut here, and complete

What is true of a subscription is a fold over what was stated about it, in the book's
order: what was known at a place is the fold of what was stated up to there.

At each moment at most one term holds: of those that have started, the one that started
last, and of two that start together the one stated last. It holds until the end that
was agreed. So a renewal holds from its start and cuts the term before it, and a term
does not come back when the one that cut it has ended.

Months go on through renewals, unless the new term is counted from another anchor, or
there is a gap. Then the last month ends where its term does.

Laws (tests/laws/test_subscriptions.py):
    - *Tiling*: terms do not overlap, and months tile the terms.
    - *Oracle*: who holds is found by asking at each moment.
    - *Order*: told in any order, facts about different starts and moments fold alike.
    - *Own mark*: what is told of one term changes no other, but for where it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

from meterbook.catalog.terms import (
    DatesFact,
    Purchase,
    SeatsFact,
    Term,
    TermFact,
)
from meterbook.foundation.errors import UnknownTermError
from meterbook.foundation.instants import to_utc
from meterbook.foundation.periods import Calendar, Period


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Iterator, Sequence


Fact: TypeAlias = TermFact | DatesFact | SeatsFact


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFact:
    """
    A customer subscribed.

    Attributes:
        customer: Who.

        key: What the vendor calls the subscription; unique for its customer, for ever.

        meter_key: The meter that counts its seats.

        calendar: Its months: anchor, interval, count and zone.
    """

    customer: str
    key: str
    meter_key: str
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """
    A subscription as it follows from what was stated.

    Attributes:
        stated: What was said when it was made.

        terms: In order of their start; also those that never hold.
    """

    stated: SubscriptionFact
    terms: tuple[Term, ...]

    @property
    def customer(self) -> str:
        """
        Whose it is.
        """
        return self.stated.customer

    @property
    def key(self) -> str:
        """
        What the vendor calls it.
        """
        return self.stated.key

    @property
    def meter_key(self) -> str:
        """
        The meter that counts its seats.
        """
        return self.stated.meter_key

    @property
    def calendar(self) -> Calendar:
        """
        The months of a term that states no other anchor.
        """
        return self.stated.calendar

    def term(self, key: str) -> Term:
        """
        Return the term that is called *key*.

        Raises:
            UnknownTermError: If there is none.
        """
        for term in self.terms:
            if term.key == key:
                return term

        known = ", ".join(term.key for term in self.terms) or "none"
        message = f"Subscription {self.key!r} has no term {key!r}; it has: {known}."
        raise UnknownTermError(message)

    def term_at(self, moment: dt.datetime) -> Term | None:
        """
        Return the term that holds at *moment*; None if none does.
        """
        held = [term for term in self.terms if term.holds_at(moment)]
        assert len(held) <= 1
        return held[0] if held else None

    def months(self, until: dt.datetime) -> Iterator[tuple[int, Period]]:
        """
        Yield the months that have started at *until*, numbered from 0 without a gap.

        They tile the terms: where there is no term there is no month, and none is
        before the anchor.

        Args:
            until: Included: a month that starts at this very moment is listed.
        """
        index = 0
        for stretch in _stretches(self.terms):
            for period in _months(stretch, until):
                yield index, period
                index += 1


@dataclass(frozen=True, slots=True)
class _Stretch:
    """
    A stretch without a gap, in which months are counted in one way.
    """

    calendar: Calendar
    start: dt.datetime
    end: dt.datetime | None


def subscription_of(stated: SubscriptionFact, facts: Iterable[Fact]) -> Subscription:
    """
    Return what *facts*, in the book's order, make of a subscription.

    What speaks of a term that nobody stated is left out.
    """
    agreed: dict[str, TermFact] = {}
    dates: dict[str, tuple[dt.datetime, dt.datetime | None]] = {}
    bought: dict[str, list[SeatsFact]] = {}
    for fact in facts:
        match fact:
            case TermFact():
                agreed[fact.key] = fact
            case DatesFact():
                dates[fact.term] = fact.start, fact.end
            case SeatsFact():
                bought.setdefault(fact.term, []).append(fact)

    held = {key: dates.get(key, (term.start, term.end)) for key, term in agreed.items()}
    in_order = sorted(agreed.values(), key=lambda term: held[term.key][0])
    terms: list[Term] = []
    calendar = stated.calendar
    for fact, after in zip_longest(in_order, in_order[1:]):
        start, agreed_end = held[fact.key]
        cut_at = None if after is None else held[after.key][0]
        is_cut = cut_at is not None and (agreed_end is None or cut_at < agreed_end)
        term = Term(
            key=fact.key,
            kind=fact.kind,
            start=start,
            end=cut_at if is_cut else agreed_end,
            agreed_end=agreed_end,
            followed_by=after.key if is_cut and after is not None else None,
            calendar=_counted_from(calendar, fact.anchor),
            purchases=_purchases(start, fact.seats, bought.get(fact.key, ())),
        )
        terms.append(term)
        if term.is_held:
            calendar = term.calendar
    return Subscription(stated=stated, terms=tuple(terms))


def _counted_from(calendar: Calendar, anchor: dt.datetime | None) -> Calendar:
    """
    Return *calendar* counted from another anchor; itself if there is none.
    """
    if anchor is None:
        return calendar

    return Calendar(anchor, calendar.interval, calendar.interval_count, calendar.zone)


def _purchases(
    start: dt.datetime, seats: int | None, changes: Sequence[SeatsFact]
) -> tuple[Purchase, ...]:
    """
    Return the timeline of what is bought; of two changes at one moment the last holds.

    One that was dated before the start, as the dates are known now, holds from there.
    """
    at_moment = {start: seats}
    for change in sorted(changes, key=lambda change: change.at):
        at_moment[max(start, change.at)] = change.seats
    return tuple(Purchase(at, seats) for at, seats in at_moment.items())


def _stretches(terms: Sequence[Term]) -> Iterator[_Stretch]:
    """
    Yield what terms that follow each other and count alike make up together.
    """
    last: _Stretch | None = None
    for term in terms:
        if not term.is_held:
            continue
        if last is not None and (
            last.end == term.start and last.calendar == term.calendar
        ):
            last = _Stretch(last.calendar, last.start, term.end)
            continue
        if last is not None:
            yield last
        last = _Stretch(term.calendar, term.start, term.end)
    if last is not None:
        yield last


def _months(stretch: _Stretch, until: dt.datetime) -> Iterator[Period]:
    """
    Yield the months of a stretch that have started at *until*, cut to the stretch.
    """
    calendar = stretch.calendar
    index = calendar.index_at(stretch.start) or 0
    start = max(stretch.start, calendar.boundary(index))
    moment = to_utc(until)
    while start <= moment and (stretch.end is None or start < stretch.end):
        boundary = calendar.boundary(index + 1)
        end = boundary if stretch.end is None else min(boundary, stretch.end)
        if start < end:
            yield Period(start, end)
        index, start = index + 1, boundary
