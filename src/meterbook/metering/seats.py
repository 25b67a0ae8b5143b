"""
Seats by subscription month: the peak, when it was reached, and what is known of it.

Whoever sells seats asks the same of every month, counted from the day of signing: how
many were there at most, and when::

    level
     9            ______
     5  __________|     |_____|                       <- replaced at the boundary: of
     2                        |__________________        the 5 nothing is left in 2
        [ month 1             [ month 2            [
             peak 9 at |            peak 2 at the start, reached there, too

It is a fold over changes of a level, whoever told of them: members that come and go, or
somebody who counts. All months are read in one look at the changes.

Before the first level is told nobody knows how many there were. Such a month is
*unknown*: its units are 0 as everywhere (semantics 4.4), and they are not a true 0.

Laws (tests/laws/test_seats.py):
    - *Oracle*: a month is what `levels.read_level` says of it, and `read_facts`.
    - *Cutting*: the peak of two months together is the higher of their peaks.
    - *As-of*: what comes after the moment does not matter.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - a reader of the dataclass wants it
import enum

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import partial
from itertools import chain, compress
from operator import ne
from typing import TYPE_CHECKING, NamedTuple, cast

from meterbook.foundation.instants import to_micros, to_moment
from meterbook.foundation.periods import Period  # noqa: TC001 - likewise


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meterbook.metering.members import Running


class LevelChange(NamedTuple):
    """
    From *at* on, in microseconds, the level is *units*.
    """

    at: int
    units: int


class Knowledge(enum.StrEnum):
    """
    How much of a stretch of time the book was told of.

    From its start, from a moment inside it, or not at all.
    """

    KNOWN = "known"
    PARTLY = "partly"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatPeriod:
    """
    What was held in one subscription month, or in any other period.

    Attributes:
        index: Which period, from 0.

        period: The stretch, end exclusive.

        peak_units: The most that was held at any moment; 0 if nothing is known.

        peak_at: The first moment of the period at which it was.

        reached_at: Since when that level was held then: before the period's start if it
            was carried in. None if nothing is known.

        end_units: What holds at the end of the elapsed part; 0 if nothing is known.

        carried_units: What the period began with; None if that is not known.

        known_since: When the first level of all was told of; None if none was.

        knowledge: How much of the elapsed part is known.

        complete: The period has ended at as-of. What is told late may still change it.
    """

    index: int
    period: Period
    peak_units: int
    peak_at: dt.datetime
    reached_at: dt.datetime | None
    end_units: int
    carried_units: int | None
    known_since: dt.datetime | None
    knowledge: Knowledge
    complete: bool

    @property
    def number(self) -> int:
        """
        The number of the period for people, from 1.
        """
        return self.index + 1


def level_changes(running: Running) -> list[LevelChange]:
    """
    Return the moments from which another level holds; the first is always there.

    Of several levels at one instant only the last holds.
    """
    # What LevelChange's own `_make` does is Python, and there may be a million.
    made = partial(tuple.__new__, LevelChange)
    return cast("list[LevelChange]", list(map(made, zip(*_held(running), strict=True))))


def seat_periods(
    changes: Sequence[LevelChange],
    periods: Iterable[tuple[int, Period]],
    *,
    as_of: dt.datetime,
) -> list[SeatPeriod]:
    """
    Return what was held in each of *periods*.

    Args:
        changes: In order of time, no two at one instant. They may go on after as-of.

        periods: With their numbers, from 0. In any order; they may overlap.

        as_of: What comes after it is not counted; what comes at it is.
    """
    held = _Held([at for at, _ in changes], [units for _, units in changes])
    return _read(held, periods, as_of=as_of)


def running_periods(
    running: Running, periods: Iterable[tuple[int, Period]], *, as_of: dt.datetime
) -> list[SeatPeriod]:
    """
    Return what `seat_periods` does of the changes of *running*, without making them.
    """
    return _read(_held(running), periods, as_of=as_of)


class _Held(NamedTuple):
    """
    The moments from which another level holds, and the levels, side by side.
    """

    ats: Sequence[int]
    units: Sequence[int]


def _held(running: Running) -> _Held:
    """
    Return what was held for any time, each level once: in C as far as it goes.
    """
    ats, units = running.ats, running.units
    last_of_instant = bytes(map(ne, ats, chain(ats[1:], (None,))))
    ats, units = _chosen(ats, last_of_instant), _chosen(units, last_of_instant)
    changed = bytes(map(ne, units, chain((None,), units)))
    return _Held(_chosen(ats, changed), _chosen(units, changed))


def _chosen(numbers: Sequence[int], which: bytes) -> Sequence[int]:
    """
    Return those of *numbers* that are chosen, kept as narrowly as they were.
    """
    chosen = compress(numbers, which)
    return array("q", chosen) if isinstance(numbers, array) else list(chosen)


def _read(
    held: _Held, periods: Iterable[tuple[int, Period]], *, as_of: dt.datetime
) -> list[SeatPeriod]:
    """
    Return what was held in each of *periods*, up to and at as-of.
    """
    upto = bisect_right(held.ats, to_micros(as_of))
    return [
        _seat_period(held, upto, index, period, as_of=as_of)
        for index, period in periods
    ]


def _seat_period(
    held: _Held, upto: int, index: int, period: Period, *, as_of: dt.datetime
) -> SeatPeriod:
    """
    Return what was held in one period, looking at the first *upto* changes.
    """
    ats, units = held
    start = period.start_us
    first = bisect_left(ats, start, hi=upto)
    after = bisect_left(ats, period.end_us, lo=first, hi=upto)
    # What is replaced exactly at the start was never held in this period (4.3).
    replaced = first < after and ats[first] == start
    begins = first if replaced or first == 0 else first - 1
    peak_units = max(units[begins:after], default=0)
    reached: int | None = None
    if peak_units or replaced or first:
        # Else nothing is known at the start, and that is 0: no level of 0 exceeds it.
        reached = ats[units.index(peak_units, begins, after)] if after else None
    known_at = ats[0] if upto else None
    return SeatPeriod(
        index=index,
        period=period,
        peak_units=peak_units,
        peak_at=to_moment(start if reached is None else max(start, reached)),
        reached_at=None if reached is None else to_moment(reached),
        end_units=units[after - 1] if after else 0,
        carried_units=units[first - 1] if first else None,
        known_since=None if known_at is None else to_moment(known_at),
        knowledge=_knowledge(known_at, start=start, end=period.end_us),
        complete=period.end <= as_of,
    )


def _knowledge(known_at: int | None, *, start: int, end: int) -> Knowledge:
    if known_at is None or known_at >= end:
        return Knowledge.UNKNOWN

    return Knowledge.KNOWN if known_at <= start else Knowledge.PARTLY
