"""
True-up: each seat above is asked for once, for the time that the policy says.
"""

from __future__ import annotations

import datetime as dt

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.periods import Calendar, Interval
from meterbook.licensing.true_up import (
    Settlement,
    TrueUpPolicy,
    Used,
    settle,
    settled_periods,
)


if TYPE_CHECKING:
    from collections.abc import Sequence


ANNUAL = TrueUpPolicy.ANNUAL_TRUE_UP
QUARTERLY = TrueUpPolicy.QUARTERLY_RECONCILIATION

START = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
YEAR = dt.datetime(2027, 1, 31, tzinfo=dt.UTC)
LATER = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)

PEAKS = st.lists(st.integers(95, 125), min_size=4, max_size=4)


def settled(  # noqa: PLR0913 - as many as a test may want to say
    peaks: Sequence[int],
    policy: TrueUpPolicy,
    *,
    purchased: Sequence[int | None] | int | None = 100,
    price: Fraction = Fraction(10_000),
    start: dt.datetime = START,
    end: dt.datetime | None = YEAR,
    is_paid: bool = True,
) -> list[Settlement]:
    listed = list(settled_periods(start, end, policy, zone="UTC", until=LATER))
    bought = purchased
    if purchased is None or isinstance(purchased, int):
        bought = [purchased] * len(peaks)
    assert isinstance(bought, list)
    used = [
        Used(period, peak, stated, complete=True)
        for period, peak, stated in zip(listed, peaks, bought, strict=False)
    ]
    return settle(used, price_minor=price, is_paid=is_paid)


def charges(settlements: list[Settlement]) -> list[int]:
    return [one.amount_minor for one in settlements]


def test_the_two_policies_of_the_field() -> None:
    """
    100 seats at 100.00: quarters of 110, 105, 120, 120 come to 1,000.00, the year's
    peak of 120 to 2,000.00.
    """
    by_quarter = settled([110, 105, 120, 120], QUARTERLY)
    by_year = settled([120], ANNUAL)

    assert charges(by_quarter) == [75_000, 0, 25_000, 0]
    assert [one.purchased_after for one in by_quarter] == [110, 110, 120, 120]
    assert charges(by_year) == [200_000]


def test_the_last_quarter_asks_for_nothing() -> None:
    """
    Seats that only the last quarter needed are seen, and neither asked for nor bought.
    """
    *_, last = settled([100, 100, 100, 130], QUARTERLY)

    assert (last.over_units, last.amount_minor, last.purchased_after) == (30, 0, 100)


def test_a_purchase_is_not_counted_twice() -> None:
    """
    What was settled and then stated as bought is bought once; more is more.
    """
    stated = [100, 110, 110, 130]
    found = settled([110, 110, 125, 140], QUARTERLY, purchased=stated)

    assert [one.purchased for one in found] == [100, 110, 110, 130]
    assert [one.over_units for one in found] == [10, 0, 15, 10]


@given(PEAKS)
@example([110, 105, 120, 120])
def test_each_seat_is_asked_for_once(peaks: list[int]) -> None:
    """
    Seat by seat: one above 100 is asked for when a quarter first needs it, for the
    quarters that are left.
    """
    expected = Fraction()
    for seat in range(101, 126):
        needing = [quarter for quarter, peak in enumerate(peaks) if peak >= seat]
        if needing:
            expected += Fraction(10_000, 4) * (3 - needing[0])

    assert sum(one.amount for one in settled(peaks, QUARTERLY)) == expected


@given(PEAKS)
def test_the_year_asks_for_the_peak(peaks: list[int]) -> None:
    """
    The annual policy asks a whole year for each seat of the year's peak above, and
    the quarters never ask for more.
    """
    [year] = settled([max(peaks)], ANNUAL)

    assert year.amount == 10_000 * max(0, max(peaks) - 100)
    assert sum(charges(settled(peaks, QUARTERLY))) <= year.amount_minor


@given(PEAKS, st.fractions(0, 10**6))
def test_a_settlement_is_rounded_once(peaks: list[int], price: Fraction) -> None:
    """
    Each is within half a minor unit of the exact amount.
    """
    for one in settled(peaks, QUARTERLY, price=price):
        assert abs(one.amount_minor - one.amount) <= Fraction(1, 2)


@given(PEAKS)
def test_nothing_is_owed_without_a_limit_or_a_price(peaks: list[int]) -> None:
    """
    A trial, a free plan and a term without a limit of seats owe nothing.
    """
    assert charges(settled(peaks, QUARTERLY, is_paid=False)) == [0] * 4
    assert charges(settled(peaks, QUARTERLY, purchased=None)) == [0] * 4


@given(
    minutes=st.integers(0, 800 * 24 * 60),
    days=st.integers(1, 1_200),
    policy=st.sampled_from(TrueUpPolicy),
)
def test_settled_periods_tile_a_term(
    minutes: int, days: int, policy: TrueUpPolicy
) -> None:
    """
    They follow each other from the start of the term to its end, numbered from 0.
    """
    start = START + dt.timedelta(minutes=minutes)
    end = start + dt.timedelta(days=days)
    listed = list(settled_periods(start, end, policy, zone="UTC", until=LATER))

    edges = [start, *(one.period.end for one in listed)]
    assert [one.period.start for one in listed] == edges[:-1]
    assert edges[-1] == end
    assert [one.index for one in listed] == list(range(len(listed)))


@given(days=st.integers(1, 1_200))
def test_a_cut_year_counts_for_its_share(days: int) -> None:
    """
    The years of a term together are as long as its quarters; whole ones count 1.
    """
    end = START + dt.timedelta(days=days)
    quarters = Calendar(START, Interval.QUARTER)
    expected = Fraction()
    index = 0
    while quarters.boundary(index) < end:
        first, after = quarters.boundary(index), quarters.boundary(index + 1)
        expected += Fraction(1, 4) * Fraction(
            (min(after, end) - first) // dt.timedelta(microseconds=1),
            (after - first) // dt.timedelta(microseconds=1),
        )
        index += 1

    years = list(settled_periods(START, end, ANNUAL, zone="UTC", until=LATER))

    assert sum(one.years_charged for one in years) == expected
    assert [one.years_charged for one in years[:-1]] == [1] * (len(years) - 1)


def test_an_odd_term_does_not_pay_for_more_than_its_time() -> None:
    """
    One year and two weeks: the two weeks are a cut year, and ask for their share.
    """
    end = YEAR + dt.timedelta(weeks=2)
    year, rest = settled([120, 120], ANNUAL, end=end)

    assert (year.over_units, rest.over_units) == (20, 0)
    [_, alone] = settled([100, 120], ANNUAL, end=end)
    assert alone.amount == 20 * 10_000 * Fraction(14, 89) / 4


def test_an_open_term_is_settled_year_by_year() -> None:
    """
    A term without an end: what has started is listed, whatever is to come.
    """
    until = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
    listed = list(settled_periods(START, None, QUARTERLY, zone="UTC", until=until))

    assert [one.years_charged * 4 for one in listed] == [3, 2, 1, 0, 3]


def test_seats_of_a_last_quarter_are_settled_in_the_next_year() -> None:
    """
    What the last quarter did not ask for, the first one of the next year does.
    """
    found = settled([100, 100, 100, 120, 120], QUARTERLY, end=None)

    assert charges(found) == [0, 0, 0, 0, 20 * 7_500]


@pytest.mark.parametrize("policy", TrueUpPolicy)
def test_a_term_that_has_not_begun_settles_nothing(policy: TrueUpPolicy) -> None:
    """
    Before the start there is no period.
    """
    before = START - dt.timedelta(days=1)

    assert not list(settled_periods(START, YEAR, policy, zone="UTC", until=before))
