"""
Levels over time: several together, and a busy month said briefly.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meterbook.foundation.instants import DAY, HOUR, SECOND, parse_utc, to_micros
from meterbook.licensing import timelines
from meterbook.licensing.timelines import (
    LEVELS_MAX,
    Resolution,
    held_in,
    highest_of_each,
    peak_of,
    said_briefly,
    together,
)
from meterbook.metering.seats import LevelChange


levels = st.dictionaries(st.integers(0, 60), st.integers(0, 9), max_size=8).map(
    lambda said: [LevelChange(at, said[at]) for at in sorted(said)]
)


def held_at(timeline: list[LevelChange], moment: int) -> int | None:
    """
    Return the level at a moment, found by looking; None if it is not known.
    """
    told = [change.units for change in timeline if change.at <= moment]
    return told[-1] if told else None


@given(st.lists(levels, max_size=4))
def test_together_is_the_sum_at_every_moment(several: list[list[LevelChange]]) -> None:
    """
    Several levels together are at every moment the sum of what each holds then.
    """
    found = together(several)

    for moment in range(62):
        told = [held_at(one, moment) for one in several]
        assert (held_at(found, moment) or 0) == sum(units or 0 for units in told)


@given(st.lists(levels, max_size=3), st.randoms())
def test_together_does_not_depend_on_the_order(
    several: list[list[LevelChange]], chance: object
) -> None:
    """
    Whose level comes first does not matter.
    """
    mixed = [*several]
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # a Random

    assert together(mixed) == together(several)


@given(levels, st.integers(0, 30), st.integers(1, 32))
def test_a_stretch_says_what_is_held_in_it(
    timeline: list[LevelChange], start: int, length: int
) -> None:
    """
    Inside a stretch the level is what it is, and it begins with what is carried in.
    """
    end = start + length

    found = held_in(timeline, start=start, end=end)

    for moment in range(start, end):
        assert held_at(found, moment) == held_at(timeline, moment)
    assert all(start <= change.at < end for change in found)


@given(levels, st.integers(1, 20))
def test_briefly_is_the_highest_of_each_step(
    timeline: list[LevelChange], step: int
) -> None:
    """
    What is said of a step is the highest level that was held in it, and so the highest
    of all is the same.
    """
    end = 70

    found = highest_of_each(timeline, step=step, end=end)

    for index in range(end // step + 1):
        inside = range(index * step, min((index + 1) * step, end))
        held = [held_at(timeline, moment) for moment in inside]
        known = [units for units in held if units is not None]
        if known:
            last = inside[-1]
            assert held_at(found, last) == max(known)
    assert (peak_of(found) or LevelChange(0, 0)).units == (
        peak_of(timeline) or LevelChange(0, 0)
    ).units


def test_a_busy_month_is_said_by_the_hour() -> None:
    """
    What no reader could go through is said by the minute, the hour, or the day.
    """
    january = to_micros(parse_utc("2026-01-01T00:00:00Z"))

    def busy(every: int, count: int) -> list[LevelChange]:
        return [LevelChange(january + every * n, n % 7) for n in range(count)]

    exact = busy(HOUR, LEVELS_MAX)
    assert said_briefly(exact, end=january + 40 * DAY) == (
        Resolution.EVERY_CHANGE,
        exact,
    )
    for every, count, resolution in (
        (SECOND, 2_000, Resolution.MINUTE),
        (60 * SECOND, 5_000, Resolution.HOUR),
        (HOUR, 8_784, Resolution.DAY),
    ):
        said = busy(every, count)
        found, brief = said_briefly(said, end=said[-1].at + every)
        assert found is resolution
        assert len(brief) <= LEVELS_MAX
        assert max(brief, key=lambda one: one.units).units == 6
    assert timelines.STEPS[Resolution.DAY] == DAY
