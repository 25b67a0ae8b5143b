"""
What a local clock shows, and when: time zones by name, and their clock changes.

::

    local   01:00    02:00|03:00    04:00         00:00    01:00|00:00    01:00
    clock  ---|--------|--|--------|---      ---|--------|--|--------|---
    UTC       10       11          12            04       05          06
                     a gap: 02:30 is skipped            a fold: 00:30 comes twice

A period begins at what a clock on the wall shows, and a wall clock may skip that
time or show it twice. One rule answers both: the moment meant is **the first at
which the clock shows that time or a later one**. It never runs backwards, so the
periods that it cuts never overlap.

Laws (tests/laws/test_periods.py):
    - *Oracle*: the rule above, looked up instant by instant around the change.
    - *Order*: a later time on the clock is never an earlier moment.
"""

from __future__ import annotations

import calendar
import datetime as dt
import zoneinfo

from meterbook.foundation.errors import InvalidPeriodError


# Names that a zone database may hold and whose answer depends on the machine
# (`localtime`), or that count leap seconds, which UTC in Python does not.
_UNSTABLE = frozenset({"localtime", "posixrules", "Factory", "posix", "right"})

_SECOND = dt.timedelta(seconds=1)


def zone_named(name: object) -> dt.tzinfo:
    """
    Return the time zone that the IANA database calls *name*.

    Returns:
        `datetime.UTC` itself for "UTC", so that it can be told by identity.

    Raises:
        InvalidPeriodError: If there is none, or if its clock would depend on the
            machine that asks.
    """
    if name == "UTC":
        return dt.UTC

    if not isinstance(name, str) or name.partition("/")[0] in _UNSTABLE:
        raise InvalidPeriodError(_no_zone(name))
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidPeriodError(_no_zone(name)) from error


def _no_zone(name: object) -> str:
    """
    Return the sentence that refuses *name*.
    """
    shown = repr(name[:40]) if isinstance(name, str) else type(name).__name__
    return (
        f"zone is {shown}, which is no time zone: use a name of the IANA database, "
        "such as UTC or Europe/Berlin."
    )


def first_moment(wall: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """
    Return the first moment at which the clock of *zone* shows *wall* or later.

    Args:
        wall: What the clock shows, without a zone.

        zone: Whose clock it is.

    Returns:
        The moment in UTC: the end of the gap if a clock change skips *wall*, the
        first of the two if it comes twice.

    Raises:
        OverflowError: If the moment is not within the years 1 to 9999 of UTC.
    """
    if zone is dt.UTC:
        return wall.replace(tzinfo=dt.UTC)

    before = _offset(wall, zone, fold=0)
    after = _offset(wall, zone, fold=1)
    if before >= after:
        return (wall - before).replace(tzinfo=dt.UTC)

    return _end_of_gap(wall, zone, not_yet=wall - after, passed=wall - before)


def wall_at(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """
    Return what the clock of *zone* shows at *moment*, without a zone.

    Raises:
        OverflowError: If that is not within the years 1 to 9999.
    """
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def months_after(wall: dt.datetime, months: int) -> dt.datetime:
    """
    Move *wall* by *months*; the day stays within the month that is reached.

    Raises:
        OverflowError: If that is after the year 9999.
    """
    year, month0 = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    if year > dt.MAXYEAR:
        raise OverflowError

    day_max = calendar.monthrange(year, month0 + 1)[1]
    return wall.replace(year=year, month=month0 + 1, day=min(wall.day, day_max))


def _offset(wall: dt.datetime, zone: dt.tzinfo, *, fold: int) -> dt.timedelta:
    """
    Return how far the clock is ahead of UTC: by the first (0) or second (1) reading.

    Source:
        PEP 495: for a time in a gap, fold 0 has the offset from before the change
        and fold 1 the one from after it.
    """
    offset = wall.replace(tzinfo=zone, fold=fold).utcoffset()
    assert offset is not None
    return offset


def _end_of_gap(
    wall: dt.datetime, zone: dt.tzinfo, *, not_yet: dt.datetime, passed: dt.datetime
) -> dt.datetime:
    """
    Return the moment of the clock change that skips *wall*, found by halving.

    Clocks change on whole seconds, so the halving stops at one.
    """
    early = not_yet.replace(microsecond=0, tzinfo=dt.UTC)
    late = passed.replace(microsecond=0, tzinfo=dt.UTC) + _SECOND
    while late - early > _SECOND:
        middle = early + (late - early) // 2 // _SECOND * _SECOND
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle

    return late
