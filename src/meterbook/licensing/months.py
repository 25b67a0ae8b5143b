"""
Which months does an installation report? Those of every licence it has had.

::

    acme-2026   [ 1 | 2 | 3 | ... | 11 | 12 ][                      its own end
    acme-2027                         [ 1 | 2 | 3 | ...             renewed early,
                                      ^                             another anchor
    reported      1   2   3   ...  11'| 1   2   3                   11 is cut here

At any moment the licence holds that began last; it holds until its own end, or until
the next one begins, whichever comes first. In which order they were installed does not
matter. Of two that begin at once the one that was issued later holds: it replaces the
other.

A month that is cut is complete at the cut, and no day is in two months. A month is
called by its licence and its number, counted from that licence's anchor: numbers of a
renewed licence begin anew, and nothing of an older term is lost by that.

Laws (tests/laws/test_licence_months.py):
    - *Tiling*: a moment is in at most one month, and in one of its own licence.
    - *Order*: the order of installation does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from meterbook.foundation.instants import to_micros
from meterbook.foundation.periods import Period
from meterbook.licensing.validity import days_after


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Collection, Iterable, Iterator, Sequence

    from meterbook.licensing.licences import Licence


class MonthId(NamedTuple):
    """
    What a month is called: `3 of acme-2026`.
    """

    licence_id: str
    number: int

    @property
    def text(self) -> str:
        """
        The same for people, and in a report.
        """
        return f"{self.number} of {self.licence_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """
    The time in which a licence holds.

    Attributes:
        start: None: since ever, and then it has no months.

        end: The first moment after; None: for ever.
    """

    licence: Licence
    start: dt.datetime | None
    end: dt.datetime | None

    def holds_at(self, moment: dt.datetime) -> bool:
        """
        Tell whether the licence holds at *moment*.
        """
        begun = self.start is None or self.start <= moment
        return begun and (self.end is None or moment < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceMonth:
    """
    One month of a term.

    Attributes:
        month: What it is called.

        period: The stretch, cut where the term begins or ends inside it.

        cut: It is shorter at its end than its calendar says.

        seats: How many were bought; None for as many as there are.

        meter: By which meter they are counted.
    """

    month: MonthId
    period: Period
    cut: bool
    seats: int | None
    meter: str


def terms(licences: Iterable[Licence]) -> list[Term]:
    """
    Return when each of *licences* holds, in order of time.

    One that was replaced before it began is not among them.
    """
    ordered = sorted(licences, key=_by_start)
    found = []
    for index, licence in enumerate(ordered):
        following = ordered[index + 1].begins if index + 1 < len(ordered) else None
        ends = [end for end in (licence.end, following) if end is not None]
        end = min(ends, default=None)
        if licence.begins is None or end is None or licence.begins < end:
            found.append(Term(licence=licence, start=licence.begins, end=end))
    return found


def months(held: Iterable[Term], *, until: dt.datetime) -> list[LicenceMonth]:
    """
    Return the months of all terms that have started at *until*, in order of time.

    A licence that names no meter counts no seats, and has none to report.
    """
    return [month for term in held for month in _months(term, until)]


def expected_months(
    held: Iterable[Term], *, since: dt.datetime | None, until: dt.datetime
) -> list[LicenceMonth]:
    """
    Return the months that a report must say, as of *until*.

    Args:
        held: The terms of all licences.

        since: When the epoch began, if only what was recorded since then counts: a
            month in which it began is cut at its start. None for all of them.

        until: As of which moment.
    """
    listed = months(held, until=until)
    if since is None:
        return listed

    return [
        replace(month, period=Period(max(month.period.start, since), month.period.end))
        for month in listed
        if month.period.end > since
    ]


def due_at(licence: Licence, month: Period) -> dt.datetime | None:
    """
    Return by when a report of *month* is due; None if the licence names no deadline.
    """
    if licence.report_days is None:
        return None

    return days_after(month.end, licence.report_days, zone=licence.zone)


def next_to_report(
    held: Sequence[Term], *, reported: Collection[MonthId], at: dt.datetime
) -> tuple[LicenceMonth, dt.datetime | None] | None:
    """
    Return the first month that is not reported yet, and by when it is due.

    Args:
        held: The terms of all licences.

        reported: Months that were reported when they were complete.

        at: Now. A month in progress is next where all before it were reported.

    Returns:
        None if no term has another month.
    """
    by_id = {term.licence.licence_id: term.licence for term in held}
    for month in months(held, until=at):
        if month.month not in reported:
            return month, due_at(by_id[month.month.licence_id], month.period)
    return None


def _months(term: Term, until: dt.datetime) -> Iterator[LicenceMonth]:
    calendar, meter = term.licence.calendar(), term.licence.meter
    if calendar is None or meter is None:
        return
    if term.start is None or until < term.start:
        return

    first = calendar.index_at(term.start) or 0
    last = calendar.index_at(until if term.end is None else min(until, term.end)) or 0
    for index in range(first, last + 1):
        whole = calendar.period(index)
        if whole is None or (term.end is not None and whole.start >= term.end):
            continue
        end = whole.end if term.end is None else min(whole.end, term.end)
        yield LicenceMonth(
            month=MonthId(term.licence.licence_id, index + 1),
            period=Period(max(whole.start, term.start), end),
            cut=end < whole.end,
            seats=term.licence.seats,
            meter=meter,
        )


def _by_start(licence: Licence) -> tuple[int, int, int, str]:
    """
    Order licences by their beginning; one since ever comes first.
    """
    begins = licence.begins
    known = (0, 0) if begins is None else (1, to_micros(begins))
    return *known, to_micros(licence.issued_at), licence.licence_id
