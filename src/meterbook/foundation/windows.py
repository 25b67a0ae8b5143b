"""
A period cut into the hours, days or months of a local calendar.

::

    period           [----------------------------)
    local days  |-------|-------|-------|-------|-------|
    windows          [--)[------)[------)[------)[)

A chart by day shows the days that its reader lives in. The first and the last are
clipped, so that the parts are of the period and of nothing else.

Laws (tests/laws/test_windows.py):
    - *Tiling*: the windows of a period make it up, in order, without a gap.
    - *Cut*: where a window begins, the clock turns to another hour, date or month,
      and to none that it has begun before.
"""

from __future__ import annotations

import datetime as dt
import itertools

from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.instants import HOUR, to_moment
from meterbook.foundation.periods import Interval, Period
from meterbook.foundation.zones import first_moment, months_after, wall_at, zone_named


if TYPE_CHECKING:
    from collections.abc import Iterator


def windows(period: Period, interval: Interval, zone: str = "UTC") -> Iterator[Period]:
    """
    Cut *period* where an hour, a day or a month begins in *zone*.

    Args:
        period: What to cut.

        interval: Hour, day or month, as the calendar on the wall counts them.

        zone: Whose clock: a name of the IANA database.

    Yields:
        The windows in order. Together they are *period*: the first and the last are
        clipped to it. An hour window lasts an hour at most, also in the night that
        shows an hour twice; a day that a zone skips has none.

    Raises:
        InvalidPeriodError: If the interval is another, there is no such zone, or a
            window would begin or end outside the years 1 to 9999.
    """
    cutter = _CUTTERS.get(interval)
    if cutter is None:
        message = f"interval is {interval}: a window is an hour, a day or a month."
        raise InvalidPeriodError(message)
    clock = zone_named(zone)
    try:
        yield from cutter(period, clock)
    except OverflowError as error:
        message = f"The period is too near the years 1 or 9999 to be cut in {zone}."
        raise InvalidPeriodError(message) from error


def _hours(period: Period, clock: dt.tzinfo) -> Iterator[Period]:
    """
    Cut *period* at full hours of *clock*, as the clock is set when a window starts.
    """
    start, end = period.start_us, period.end_us
    while start < end:
        offset = to_moment(start).astimezone(clock).utcoffset()
        assert offset is not None
        past_the_hour = (start + offset // dt.timedelta(microseconds=1)) % HOUR
        stop = min(start + HOUR - past_the_hour, end)
        yield Period.between(start, stop)
        start = stop


def _days(period: Period, clock: dt.tzinfo) -> Iterator[Period]:
    """
    Cut *period* where a local day begins.
    """
    midnight = wall_at(period.start, clock).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    walls = (midnight + dt.timedelta(days=days) for days in itertools.count(1))
    return _cut(period, (first_moment(wall, clock) for wall in walls))


def _months(period: Period, clock: dt.tzinfo) -> Iterator[Period]:
    """
    Cut *period* where a local month begins.
    """
    first = wall_at(period.start, clock).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    walls = (months_after(first, months) for months in itertools.count(1))
    return _cut(period, (first_moment(wall, clock) for wall in walls))


def _cut(period: Period, moments: Iterator[dt.datetime]) -> Iterator[Period]:
    """
    Cut *period* at *moments*, which do not run backwards and go past its end.
    """
    start = period.start
    while start < period.end:
        stop = min(next(moments), period.end)
        # A day may have begun before *start* though the clock shows the one before:
        # it was set back across midnight. And a day that is skipped has no length.
        if start < stop:
            yield Period(start, stop)
            start = stop


_CUTTERS = {Interval.HOUR: _hours, Interval.DAY: _days, Interval.MONTH: _months}
