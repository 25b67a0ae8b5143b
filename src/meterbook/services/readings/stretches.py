"""
Cutting a period into what answers cheapest: days, hours, and effects at the edges.

::

    start                                                     end
      [--|----|----|---------|---------|----|----|----|----|---)
      raw hour hour    day       day    hour raw  hour hour raw
                                             ^ an hour that rollups do not answer for

Laws (tests/laws/test_stretches.py):
    - *Tiling*: the stretches are the period, in order, without gap or overlap.
    - *Whole rows*: a row's stretch begins and ends at its own boundaries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.foundation.instants import DAY, HOUR


if TYPE_CHECKING:
    from collections.abc import Iterator

# How many hours a rollup row has; 0 stands for no row at all.
DAY_ROWS = 24
HOUR_ROWS = 1
EFFECTS = 0


def stretches(
    start: int, end: int, *, fresh: set[int], widest: int
) -> Iterator[tuple[int, int, int]]:
    """
    Cut [*start*, *end*) into what days, hours and effects answer best.

    Args:
        start: The first moment inside.

        end: The first moment after.

        fresh: Hours that rollups do not answer for.

        widest: DAY_ROWS to use days and hours, HOUR_ROWS for hours only, EFFECTS for
            neither.

    Yields:
        (hours, start, end): rows of so many hours, or EFFECTS. In order of
        time, without gaps.
    """
    if widest == EFFECTS:
        if start < end:
            yield EFFECTS, start, end
        return

    first, last = -(-start // HOUR) * HOUR, end // HOUR * HOUR
    if first >= last:
        if start < end:
            yield EFFECTS, start, end
        return

    if start < first:
        yield EFFECTS, start, first
    yield from _whole_hours(first, last, fresh=fresh, widest=widest)
    if last < end:
        yield EFFECTS, last, end


def _whole_hours(
    start: int, end: int, *, fresh: set[int], widest: int
) -> Iterator[tuple[int, int, int]]:
    """
    Cut whole hours into days and hours, and effects for the hours in *fresh*.
    """
    fresh_days = {hour - hour % DAY for hour in fresh}
    at = start
    while at < end:
        day_end = at - at % DAY + DAY
        whole = widest == DAY_ROWS and at % DAY == 0 and day_end <= end
        if whole and at not in fresh_days:
            last = at + DAY
            while last + DAY <= end and last not in fresh_days:
                last += DAY
            yield DAY_ROWS, at, last
        elif at in fresh:
            last = at + HOUR
            yield EFFECTS, at, last
        else:
            stop = min(end, day_end) if widest == DAY_ROWS else end
            last = at + HOUR
            while last < stop and last not in fresh:
                last += HOUR
            yield HOUR_ROWS, at, last
        at = last
