"""
True-up: what is asked for seats that were used above those bought, and when.

::

    100 seats bought at 100.00 a year; the quarters peak at 110, 105, 120 and 120

    annual true-up             ------------------------------ 20 x 100.00   2,000.00
    quarterly reconciliation   10 x 75.00 | 0 | 10 x 25.00 |  never         1,000.00
    bought after it                  110    110       120     120

A settlement year is counted from the start of the term, and ends with the term at the
latest. Under the *annual true-up* every seat above is asked for at the price of the
whole year, once it has ended. Under the *quarterly reconciliation* a seat is asked for
once, after the quarter that first needed it, for the quarters that are left: so the
last quarter of a year asks for nothing. What was settled counts as bought from then on,
for the rest of the term; a purchase that says so itself is not counted twice.

A year or quarter that the end of the term cuts short counts for its share of time.
Amounts are exact fractions, and each settlement is rounded once.

Laws (tests/laws/test_true_up.py):
    - *Oracle*: seat by seat, each is asked for once, from when it was first needed.
    - *Never more*: the quarters of a year together ask for no more than the year does.
    - *Rounded once*: a settlement is within half a minor unit of the exact amount.

Source:
    GitLab, "Quarterly reconciliation and annual true-ups" (docs.gitlab.com), whose
    numbers these are. Cut years and terms of several years are our choice.
"""

from __future__ import annotations

import enum

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from meterbook.foundation.periods import Calendar, Interval, Period
from meterbook.foundation.rounding import half_away


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Iterator


class TrueUpPolicy(enum.StrEnum):
    """
    When seats above those bought are settled, by the name that contracts use.
    """

    ANNUAL_TRUE_UP = "annual-true-up"
    QUARTERLY_RECONCILIATION = "quarterly-reconciliation"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledPeriod:
    """
    A stretch of a term that is settled when it has ended.

    Attributes:
        index: Which one of the term, from 0.

        period: The stretch; the end of the term cuts it.

        years_charged: The time that a seat above is asked for, in years: for a year
            itself, for a quarter what is left of its year after it.
    """

    index: int
    period: Period
    years_charged: Fraction


class Used(NamedTuple):
    """
    What was used in a settled period.

    Attributes:
        settled: The period.

        peak_units: The most seats that were used in it.

        purchased: How many were bought by its end, as stated; None for no limit.

        complete: The period has ended.
    """

    settled: SettledPeriod
    peak_units: int
    purchased: int | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """
    What is asked for one period.

    Attributes:
        index: Which one of the term, from 0.

        period: The stretch that is settled.

        peak_units: The most seats that were used in it.

        purchased: How many count as bought before it is settled; None for no limit.

        over_units: How many were used above those.

        years_charged: The time that each of those is asked for, in years.

        amount: What is asked for, in minor units, exactly.

        amount_minor: The same, rounded once, half away from zero.

        purchased_after: How many count as bought once it is settled.

        complete: The period has ended: else this is what it would come to.
    """

    index: int
    period: Period
    peak_units: int
    purchased: int | None
    over_units: int
    years_charged: Fraction
    amount: Fraction
    amount_minor: int
    purchased_after: int | None
    complete: bool


def settled_periods(
    start: dt.datetime,
    end: dt.datetime | None,
    policy: TrueUpPolicy,
    *,
    zone: str,
    until: dt.datetime,
) -> Iterator[SettledPeriod]:
    """
    Yield the periods of a term that are settled, as far as they have started.

    Args:
        start: Of the term.

        end: The first moment after it; None while it is open.

        policy: By year or by quarter.

        zone: Whose clock says when a day begins.

        until: Included: a period that starts at this very moment is listed.
    """
    quarters = Calendar(start, Interval.QUARTER, 1, zone)
    index = 0
    while start <= until and (end is None or start < end):
        year = list(_quarters_of_year(quarters, index // 4, end))
        shares = [share for _, share in year]
        if policy is TrueUpPolicy.ANNUAL_TRUE_UP:
            period = Period(year[0][0].start, year[-1][0].end)
            yield SettledPeriod(
                index=index // 4, period=period, years_charged=sum(shares, Fraction())
            )
        else:
            for part, (period, _) in enumerate(year):
                if period.start > until:
                    return
                left = sum(shares[part + 1 :], Fraction())
                yield SettledPeriod(
                    index=index + part, period=period, years_charged=left
                )
        index += 4
        start = quarters.boundary(index)


def settle(
    used: Iterable[Used], *, price_minor: Fraction, is_paid: bool
) -> list[Settlement]:
    """
    Return what is asked for each period, one after the other.

    Args:
        used: In order of time; only the last may be in progress.

        price_minor: Of a seat for a year, in minor units.

        is_paid: Whether the term is a paid one; else nothing is owed.
    """
    settlements: list[Settlement] = []
    settled_up_to = 0
    for period, peak_units, stated, complete in used:
        bought = None if stated is None else max(stated, settled_up_to)
        over = max(0, peak_units - bought) if bought is not None and is_paid else 0
        amount = over * price_minor * period.years_charged
        after = bought
        if bought is not None and over and period.years_charged:
            after = settled_up_to = bought + over
        settlements.append(
            Settlement(
                index=period.index,
                period=period.period,
                peak_units=peak_units,
                purchased=bought,
                over_units=over,
                years_charged=period.years_charged,
                amount=amount,
                amount_minor=half_away(amount),
                purchased_after=after,
                complete=complete,
            )
        )
    return settlements


def _quarters_of_year(
    quarters: Calendar, year: int, end: dt.datetime | None
) -> Iterator[tuple[Period, Fraction]]:
    """
    Yield the quarters of a settlement year, cut at *end*, and the share of a year that
    each of them is.
    """
    for index in range(4 * year, 4 * year + 4):
        whole = Period(quarters.boundary(index), quarters.boundary(index + 1))
        if end is None or whole.end <= end:
            yield whole, Fraction(1, 4)
        elif whole.start < end:
            cut = Period(whole.start, end)
            yield cut, Fraction(cut.microseconds, whole.microseconds) / 4
