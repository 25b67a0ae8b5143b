"""
Levels over time, as a report carries them, and several of them together.

::

    one       10 ________12____________
    another    5 ____7__________4______
    together  15 ____17__19_____16_____        at every moment their sum

Peaks do not add up: 40 on January 3 and 60 on January 20 are not 100. What adds up is
the level at each moment, so a report says every change, and not only the peak.

A month of a million changes is said more briefly: by the highest level of each minute,
hour or day. Its peak is the same; two of them together may then be too high by what
happened within one of those steps, and never too low.

Laws (tests/laws/test_timelines.py):
    - *Together*: at every moment the sum of what each holds then.
    - *Briefly*: of every step the highest level that was held in it; so the same peak.
"""

from __future__ import annotations

import enum

from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING, Final

from meterbook.foundation.instants import DAY, HOUR, SECOND
from meterbook.metering.seats import LevelChange


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


# A month has 744 hours: where each is said, a reader can still scroll through it.
LEVELS_MAX: Final = 800


class Resolution(enum.StrEnum):
    """
    How closely levels are said.
    """

    EVERY_CHANGE = "every change"
    MINUTE = "highest of each minute"
    HOUR = "highest of each hour"
    DAY = "highest of each day"


STEPS: Final = {
    Resolution.MINUTE: 60 * SECOND,
    Resolution.HOUR: HOUR,
    Resolution.DAY: DAY,
}


def held_in(
    changes: Sequence[LevelChange], *, start: int, end: int
) -> list[LevelChange]:
    """
    Return the level from *start* on, and its changes before *end*.

    Args:
        changes: In order of time, no two at one instant.

        start: The first moment, in microseconds.

        end: The first moment after, likewise.

    Returns:
        Empty if nothing is known before *end*. The first is at *start*, or where the
        level is first known.
    """
    first = bisect_left(changes, start, key=_at)
    within = list(changes[first : bisect_left(changes, end, lo=first, key=_at)])
    if first and (not within or within[0].at > start):
        within.insert(0, LevelChange(start, changes[first - 1].units))
    return list(_apart(within))


def said_briefly(
    levels: Sequence[LevelChange], *, end: int
) -> tuple[Resolution, list[LevelChange]]:
    """
    Return *levels* as closely as `LEVELS_MAX` changes can say them.

    Args:
        levels: In order of time, no two at one instant.

        end: Until when the last one holds.
    """
    if len(levels) <= LEVELS_MAX:
        return Resolution.EVERY_CHANGE, list(levels)

    for resolution in (Resolution.MINUTE, Resolution.HOUR):
        said = _apart(_highest(levels, STEPS[resolution], end))
        # A busy month is not gone through to its end to see that it is too busy.
        brief = list(islice(said, LEVELS_MAX + 1))
        if len(brief) <= LEVELS_MAX:
            return resolution, brief

    # A licence's longest period is a year: it has 366 days, and always fits.
    return Resolution.DAY, highest_of_each(levels, step=DAY, end=end)


def highest_of_each(
    levels: Sequence[LevelChange], *, step: int, end: int
) -> list[LevelChange]:
    """
    Return the highest level that was held in each *step* of UTC, where it changes.

    Args:
        levels: In order of time, no two at one instant.

        step: In microseconds.

        end: Until when the last one holds.
    """
    return list(_apart(_highest(levels, step, end)))


def _highest(
    levels: Sequence[LevelChange], step: int, end: int
) -> Iterator[LevelChange]:
    """
    Yield the highest level of each step in which something changes, and of the next.
    """
    if not levels:
        return

    began, held = levels[0]
    index, highest = began // step, held
    for at, units in levels:
        there = at // step
        if there != index:
            yield LevelChange(max(index * step, began), highest)
            if there > index + 1:
                yield LevelChange((index + 1) * step, held)
            index, highest = there, held
        # Nobody saw the level before, if this one replaced it as the step began.
        if units > highest or at == index * step:
            highest = units
        held = units
    yield LevelChange(max(index * step, began), highest)
    if (end - 1) // step > index:
        yield LevelChange((index + 1) * step, held)


def together(timelines: Iterable[Sequence[LevelChange]]) -> list[LevelChange]:
    """
    Return the sum of several levels over time.

    Before its first change a level is not known, and adds nothing.
    """
    turns: dict[int, int] = {}
    for timeline in timelines:
        held = 0
        for at, units in timeline:
            turns[at] = turns.get(at, 0) + units - held
            held = units
    held = 0
    sums = []
    for at in sorted(turns):
        held += turns[at]
        sums.append(LevelChange(at, held))
    return list(_apart(sums))


def peak_of(levels: Sequence[LevelChange]) -> LevelChange | None:
    """
    Return the highest level, and the first moment it was held; None if none is known.
    """
    return max(levels, key=_units, default=None)


def _at(change: LevelChange) -> int:
    return change.at


def _units(change: LevelChange) -> int:
    return change.units


def _apart(changes: Iterable[LevelChange]) -> Iterator[LevelChange]:
    """
    Yield *changes* without those that change nothing.
    """
    last = -1
    for change in changes:
        if change.units != last:
            last = change.units
            yield change
