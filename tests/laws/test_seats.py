"""
The laws of seats by subscription month: what a reading says, of all months in one look.
"""

from __future__ import annotations

import datetime as dt

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.instants import DAY, to_micros, to_moment
from meterbook.foundation.periods import Calendar, Interval, Period
from meterbook.metering.levels import Sample, fold, read_level
from meterbook.metering.members import run_levels
from meterbook.metering.seats import (
    Knowledge,
    LevelChange,
    SeatPeriod,
    level_changes,
    running_periods,
    seat_periods,
)


# Months counted from January 31: boundaries on the 31st, the 28th and the 30th.
ANCHOR = dt.datetime(2026, 1, 31, 9, 30, tzinfo=dt.UTC)
CALENDAR = Calendar(ANCHOR, Interval.MONTH)
EDGES = [to_micros(CALENDAR.boundary(index)) for index in range(5)]
PERIODS = list(CALENDAR.periods(to_moment(EDGES[-1])))

moments = st.builds(
    lambda edge, off: edge + off,
    st.sampled_from([EDGES[0] - DAY, *EDGES, EDGES[1] + DAY]),
    st.integers(-1, 1),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Sample]:
    """
    Draw levels in the order of time and place; several may be at one instant.
    """
    said = draw(st.lists(st.tuples(moments, st.integers(0, 3)), max_size=9))
    return sorted((at, place, n) for place, (at, n) in enumerate(said))


def months(samples: list[Sample], as_of: int) -> list[SeatPeriod]:
    """
    Read all months in both ways, which say the same.
    """
    running, moment = run_levels(samples), to_moment(as_of)
    found = running_periods(running, PERIODS, as_of=moment)
    assert found == seat_periods(level_changes(running), PERIODS, as_of=moment)
    return found


@given(samples=histories(), as_of=moments)
@example(samples=[(EDGES[0] + 1, 0, 3), (EDGES[1], 1, 1)], as_of=EDGES[2])
@example(samples=[(EDGES[0], 0, 3), (EDGES[0], 1, 1)], as_of=EDGES[0])
def test_a_month_is_what_a_level_reading_says(
    samples: list[Sample], as_of: int
) -> None:
    """
    Peak, its moment, level carried in and out: as `levels.read_level` has them.
    """
    known = [sample for sample in samples if sample[0] <= as_of]

    for month in months(samples, as_of):
        start, end = month.period.start_us, month.period.end_us
        before = [n for at, _, n in known if at < start]
        carried = before[-1] if before else None
        state = fold([one for one in known if start <= one[0] < end])
        held = read_level(state, start=start, end=end, carried=carried, as_of=as_of)

        assert month.peak_units == held.peak_units
        assert to_micros(month.peak_at) == held.peak_at
        assert month.end_units == (held.last_units or 0)
        assert month.carried_units == carried
        assert month.complete is (end <= as_of)
        assert month.number == month.index + 1


@given(samples=histories(), as_of=moments)
def test_what_comes_after_as_of_does_not_matter(
    samples: list[Sample], as_of: int
) -> None:
    """
    A month says the same with and without what occurred after its moment.
    """
    known = [sample for sample in samples if sample[0] <= as_of]

    assert months(known, as_of) == months(samples, as_of)


@given(samples=histories())
def test_two_months_together_peak_at_the_higher(samples: list[Sample]) -> None:
    """
    The peak of a term is the highest of its months', and is reached when that one was.
    """
    late = to_moment(EDGES[-1] + DAY)
    changes = level_changes(run_levels(samples))
    whole = Period(PERIODS[0][1].start, PERIODS[3][1].end)

    [term] = seat_periods(changes, [(0, whole)], as_of=late)

    parts = seat_periods(changes, PERIODS[:4], as_of=late)
    highest = max(part.peak_units for part in parts)
    first = next(part for part in parts if part.peak_units == highest)
    assert (term.peak_units, term.end_units) == (highest, parts[-1].end_units)
    if highest or term.carried_units is not None:
        assert term.peak_at == first.peak_at


@given(samples=histories(), as_of=moments)
def test_since_when_the_peak_was_held(samples: list[Sample], as_of: int) -> None:
    """
    From `reached_at` to the peak's moment nothing but the peak was held, and before it
    something else.
    """
    known = [sample for sample in samples if sample[0] <= as_of]
    changes = level_changes(run_levels(known))
    before = {then.at: earlier for earlier, then in pairwise(changes)}

    for month in months(samples, as_of):
        if month.reached_at is None:
            assert month.peak_units == 0
            continue
        reached, peaked = to_micros(month.reached_at), to_micros(month.peak_at)
        held = [n for at, n in changes if reached <= at <= peaked]
        assert reached <= peaked
        assert held == [month.peak_units]
        if reached in before:
            assert before[reached].units != month.peak_units


@given(samples=histories(), as_of=moments)
def test_before_the_first_level_nothing_is_known(
    samples: list[Sample], as_of: int
) -> None:
    """
    A month is known from its start, from a moment inside it, or not at all.
    """
    known = [at for at, _, _ in samples if at <= as_of]
    first = min(known, default=None)

    for month in months(samples, as_of):
        start, end = month.period.start_us, month.period.end_us
        if first is None or first >= end:
            expected = Knowledge.UNKNOWN
        else:
            expected = Knowledge.KNOWN if first <= start else Knowledge.PARTLY
        assert month.knowledge is expected
        assert (month.known_since is None) is (first is None)


@given(samples=histories())
def test_changes_are_of_the_level(samples: list[Sample]) -> None:
    """
    No two changes are at one instant, none says what holds already, and at every
    instant the level is the last that was said.
    """
    changes = level_changes(run_levels(samples))

    assert [at for at, _ in changes] == sorted({at for at, _ in changes})
    assert all(a.units != b.units for a, b in pairwise(changes))
    for at in {at for at, _, _ in samples}:
        said = [n for when, _, n in samples if when <= at]
        assert [n for when, n in changes if when <= at][-1] == said[-1]


def test_a_level_may_have_thirty_digits() -> None:
    """
    Levels are exact whatever their size.
    """
    most = 10**30
    running = run_levels([(EDGES[0], 1, most), (EDGES[1], 2, most - 1)])

    first, second = running_periods(running, PERIODS[:2], as_of=to_moment(EDGES[2]))

    assert (first.peak_units, second.peak_units) == (most, most - 1)


def test_a_level_replaced_at_the_boundary_was_not_held_in_the_month() -> None:
    """
    20 seats until February 28, 5 from then on: the month that begins then peaks at 5.
    """
    changes = [LevelChange(EDGES[0], 20), LevelChange(EDGES[1], 5)]

    first, second = seat_periods(changes, PERIODS[:2], as_of=to_moment(EDGES[2]))

    assert (first.peak_units, first.end_units) == (20, 20)
    assert (second.peak_units, second.carried_units) == (5, 20)
    assert second.peak_at == second.reached_at == second.period.start
