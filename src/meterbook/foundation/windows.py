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
    - *Oracle*: inside a window the clock shows one date, or one month; at its start
      another than the instant before.
"""

from __future__ import annotations

import datetime as dt
import itertools

from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.instants import HOUR, INSTANT_MAX, to_moment
from meterbook.foundation.periods import Interval, Period
from meterbook.foundation.zones import first_moment, months_after, wall_at, zone_named


if TYPE_CHECKING:
    from collections.abc import Iterator


def windows(period: Period, interval: Interval, zone: str = "UTC") -> Iterator[Period]:
    """
    Cut *period* where an hour, a day or a month begins in *zone*.

    ::

        period         [----------------------------)
        days      |-------|-------|-------|-------|-------|
        windows        [--)[------)[------)[------)[)

    Args:
        period: What to cut.

        interval: Hour, day or month, as the calendar on the wall counts them.

        zone: Whose clock: a name of the IANA database.

    Yields:
        The windows in order. Together they are *period*: the first and the last are
        clipped to it. An hour window lasts an hour at most, also in the night that
        shows an hour twice; a day that a zone skips has none.

    Raises:
        InvalidPeriodError: If the interval is another, or there is no such zone.
    """
    clock = zone_named(zone)
    if interval is Interval.HOUR:
        yield from _hours(period, clock)
    elif interval in {Interval.DAY, Interval.MONTH}:
        yield from _dates(period, interval, clock)
    else:
        shown = str(interval)
        message = f"interval is {shown[:40]}: a window is an hour, day or month."
        raise InvalidPeriodError(message)


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


def _dates(period: Period, interval: Interval, clock: dt.tzinfo) -> Iterator[Period]:
    """
    Cut *period* where a local day or month begins.
    """
    start = period.start
    first = wall_at(start, clock).replace(hour=0, minute=0, second=0, microsecond=0)
    steps = itertools.count()
    while start < period.end:
        stop = min(_date_after(first, interval, next(steps), clock), period.end)
        # The first day or month began before *start*; and so may the next have, if
        # the clock was set back across midnight.
        if start < stop:
            yield Period(start, stop)
            start = stop


def _date_after(
    first: dt.datetime, interval: Interval, steps: int, clock: dt.tzinfo
) -> dt.datetime:
    """
    Return when the local day or month *steps* after that of *first* begins.

    Returns:
        The last moment of all if that is after the year 9999.
    """
    try:
        if interval is Interval.DAY:
            return first_moment(first + dt.timedelta(days=steps), clock)

        return first_moment(months_after(first.replace(day=1), steps), clock)
    except OverflowError:
        return to_moment(INSTANT_MAX)
