"""
The percentile of hourly readings.

Every hour of the period gets a reading; the highest few are dropped, and the highest
that is left is the answer. A short spike is then free, and a standing load is not.
The field has three wordings for "the 99th percentile" that agree only for some month
lengths, so a meter states its own: how many whole hours the dropped share is, or a
fixed number of hours.

::

    hours, highest first    100 100 100 100 100 100 100 100  10  10 ... 10
    drop 7 (floor of 1 %)    x   x   x   x   x   x   x  100
    drop 8 (ceil of 1 %)     x   x   x   x   x   x   x   x   10

Hours are counted from the period's start and are elapsed hours: a month with a clock
change has one more or one fewer. The last may be cut by the end. In an open period
only hours that have begun by as-of count, the one that begins exactly then included.
An hour without events reads 0, or for levels what is carried in.

Laws (tests/laws/test_percentiles.py):
    - *Oracle*: sorting all hours and dropping by hand finds the same.
    - *Bounds*: the answer is one of the hours, or 0; dropping more never raises it.

Source: dd-hwm-ramp-28d and dd-spike-8h of the vectors show the wordings.
"""

from __future__ import annotations

import math

from typing import TYPE_CHECKING

from meterbook.foundation.instants import HOUR
from meterbook.metering import levels, tallies
from meterbook.metering.aggregations import LEVELS, Aggregation, Rounding


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from meterbook.metering.tallies import State


def hours_begun(*, start: int, end: int, as_of: int) -> int:
    """
    Return how many hours of [*start*, *end*) have begun at *as_of*.
    """
    return max(0, -((start - min(end, as_of + 1)) // HOUR))


def hours_dropped(
    hours: int,
    *,
    percentile: Fraction,
    rounding: Rounding | None,
    drop_hours: int | None,
) -> int:
    """
    Return how many of *hours* are dropped, by exactly one of the two rules.

    Args:
        hours: How many hours have begun.

        percentile: Above 0, at most 100. What is above it is dropped.

        rounding: How many whole hours (100 - percentile) % of *hours* is.

        drop_hours: A fixed number, however many hours there are.
    """
    assert (rounding is None) != (drop_hours is None)
    if drop_hours is not None:
        return drop_hours

    share = hours * (100 - percentile) / 100
    return math.floor(share) if rounding is Rounding.FLOOR else math.ceil(share)


def highest_left(readings: Sequence[int | Fraction], dropped: int) -> int | Fraction:
    """
    Return the highest of *readings* after the *dropped* highest are gone; 0 if none is.
    """
    if dropped >= len(readings):
        return 0

    return sorted(readings, reverse=True)[dropped]


def hourly_readings(  # noqa: PLR0913 - a period has these ends, and a level carries
    hours: Iterable[tuple[int, State]],
    hourly: Aggregation,
    *,
    start: int,
    end: int,
    carried: int | None,
    as_of: int,
) -> list[int | Fraction]:
    """
    Return the reading of every hour that has begun, from the period's first.

    Args:
        hours: (the hour's start, its state) of the hours that have events, in order. An
            hour's start is *start* plus whole hours: not always a UTC hour.

        hourly: How one hour is read.

        start: The period's first moment, in microseconds.

        end: The first moment after it.

        carried: For levels, what the period begins with; None when none is known.

        as_of: The moment at which the question is asked. No state takes in a later
            event.
    """
    states = dict(hours)
    readings: list[int | Fraction] = []
    for index in range(hours_begun(start=start, end=end, as_of=as_of)):
        at = start + index * HOUR
        state = states.pop(at, None)
        if hourly in LEVELS:
            held = levels.read_level(
                state, start=at, end=min(end, at + HOUR), carried=carried, as_of=as_of
            )
            carried = held.last_units
            readings.append(levels.read_held(held, hourly))
        else:
            readings.append(tallies.read_tally(state, hourly) or 0)

    assert not states, "every state is of an hour of the period that has begun"
    return readings
