"""
The laws of the percentile of hourly readings.
"""

from __future__ import annotations

import math

from fractions import Fraction

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.foundation.instants import HOUR
from meterbook.metering import levels, tallies
from meterbook.metering.aggregations import HOURLY, LEVELS, Aggregation, Rounding
from meterbook.metering.folds import FOLDS
from meterbook.metering.percentiles import (
    highest_left,
    hourly_readings,
    hours_begun,
    hours_dropped,
)


readings = st.lists(st.integers(0, 9), max_size=9)
percents = st.sampled_from(["1", "50", "90", "99", "99.9", "100"]).map(Fraction)

# The period: four hours and a bit, beginning at no whole hour. Moments lie at the
# edges of its hours, a microsecond to either side.
START = 1_000
END = START + 4 * HOUR + HOUR // 2
edges = st.builds(
    lambda hour, off: START + hour * HOUR + off,
    st.integers(0, 5),
    st.sampled_from([-1, 0, 1, HOUR // 3]),
)


@given(values=readings, dropped=st.integers(0, 10))
def test_the_highest_left_is_found_by_taking_the_highest_away(
    values: list[int], dropped: int
) -> None:
    """
    Take the highest reading away so often: the highest left is the answer, or 0.
    """
    left: list[int] = list(values)
    for _ in range(min(dropped, len(left))):
        left.remove(max(left))

    assert highest_left(values, dropped) == max(left, default=0)


@given(values=readings, dropped=st.integers(0, 10))
def test_dropping_more_never_raises_it(values: list[int], dropped: int) -> None:
    """
    One more hour dropped is never dearer.
    """
    assert highest_left(values, dropped + 1) <= highest_left(values, dropped)


@given(hours=st.integers(0, 800), percentile=percents)
def test_floor_and_ceil_enclose_the_share(hours: int, percentile: Fraction) -> None:
    """
    Floor and ceil are whole hours next to the exact share, which they never pass.
    """
    low, high = (
        hours_dropped(hours, percentile=percentile, rounding=rounding, drop_hours=None)
        for rounding in (Rounding.FLOOR, Rounding.CEIL)
    )

    share = Fraction(hours) * (1 - percentile / 100)
    assert low <= share <= high
    assert high - low == (share.denominator != 1)


def test_exactly_one_rule_says_how_many_hours_are_dropped() -> None:
    """
    A share and a fixed number at once, or neither, is our bug.
    """
    for rounding, drop_hours in ((None, None), (Rounding.CEIL, 3)):
        with pytest.raises(AssertionError):
            hours_dropped(
                9, percentile=Fraction(99), rounding=rounding, drop_hours=drop_hours
            )


@given(as_of=edges)
def test_hours_that_have_begun_are_those_whose_start_is_not_after_as_of(
    as_of: int,
) -> None:
    """
    An hour counts from the microsecond it begins, and the last may be cut by the end.
    """
    begun = [at for at in range(START, END, HOUR) if at <= as_of]

    assert hours_begun(start=START, end=END, as_of=as_of) == len(begun)


@given(
    said=st.lists(st.tuples(edges, st.integers(0, 4)), max_size=6),
    hourly=st.sampled_from(sorted(HOURLY)),
    carried=st.none() | st.integers(0, 4),
    as_of=edges,
)
def test_hourly_readings_are_those_of_each_hour_by_itself(
    said: list[tuple[int, int]],
    hourly: Aggregation,
    carried: int | None,
    as_of: int,
) -> None:
    """
    Each hour reads what it would as a period of its own, carrying the level along.
    """
    samples = sorted(
        (at, seq, units)
        for seq, (at, units) in enumerate(said)
        if START <= at < END and at <= as_of
    )
    states = []
    expected: list[int | Fraction] = []
    level = carried
    for at in range(START, END, HOUR):
        if at > as_of:
            break
        end = min(END, at + HOUR)
        inside = [sample for sample in samples if at <= sample[0] < end]
        state = FOLDS[hourly].fold(inside)
        if state is not None:
            states.append((at, state))
        if hourly in LEVELS:
            held = levels.read_level(
                state, start=at, end=end, carried=level, as_of=as_of
            )
            level = held.last_units
            expected.append(levels.read_held(held, hourly))
        else:
            expected.append(tallies.read_tally(state, hourly) or 0)

    found = hourly_readings(
        states, hourly, start=START, end=END, carried=carried, as_of=as_of
    )

    assert found == expected


@pytest.mark.parametrize(
    ("hours", "floor", "ceil"),
    [
        pytest.param(672, 6, 7, id="February: 28 days"),
        pytest.param(696, 6, 7, id="February: 29 days"),
        pytest.param(720, 7, 8, id="30 days"),
        pytest.param(744, 7, 8, id="31 days"),
        pytest.param(743, 7, 8, id="31 days, an hour skipped"),
        pytest.param(700, 7, 7, id="a whole number: no choice"),
        pytest.param(1, 0, 1, id="the first hour"),
        pytest.param(0, 0, 0, id="none has begun"),
    ],
)
def test_one_percent_of_a_month_in_hours(hours: int, floor: int, ceil: int) -> None:
    """
    One percent of a month is no whole number of hours: the meter says which it is.
    """
    assert math.floor(hours / Fraction(100)) == floor
    for rounding, dropped in ((Rounding.FLOOR, floor), (Rounding.CEIL, ceil)):
        found = hours_dropped(
            hours, percentile=Fraction(99), rounding=rounding, drop_hours=None
        )
        assert found == dropped
