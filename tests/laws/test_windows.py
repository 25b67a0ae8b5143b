"""
The laws of windows.
"""

from __future__ import annotations

import datetime as dt

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.periods import Interval, Period
from meterbook.foundation.windows import windows
from meterbook.foundation.zones import zone_named


US = dt.timedelta(microseconds=1)
HOUR = dt.timedelta(hours=1)

# Odd days as in test_periods, each a day or more before the clock changes.
STARTS = {
    "UTC": dt.datetime(2024, 2, 28, tzinfo=dt.UTC),
    "America/New_York": dt.datetime(2026, 3, 7, tzinfo=dt.UTC),
    "Europe/Berlin": dt.datetime(2026, 10, 24, tzinfo=dt.UTC),
    "Australia/Lord_Howe": dt.datetime(2026, 4, 4, tzinfo=dt.UTC),
    "Pacific/Apia": dt.datetime(2011, 12, 29, tzinfo=dt.UTC),
    "Africa/Cairo": dt.datetime(2024, 4, 25, tzinfo=dt.UTC),
    "America/Sao_Paulo": dt.datetime(2018, 2, 17, tzinfo=dt.UTC),
    "America/Goose_Bay": dt.datetime(2010, 11, 6, tzinfo=dt.UTC),
    "Asia/Kathmandu": dt.datetime(1985, 12, 31, tzinfo=dt.UTC),
}

kinds = st.sampled_from([Interval.HOUR, Interval.DAY, Interval.MONTH])
zones = st.sampled_from(sorted(STARTS))
minutes = st.integers(0, 5 * 1440)
lengths = st.sampled_from([1, 10**6]) | st.integers(1, 4 * 86_400 * 10**6)


def period_in(zone: str, *, minute: int, length: int) -> Period:
    start = STARTS[zone] + dt.timedelta(minutes=minute)
    return Period(start, start + length * US)


def shown(moment: dt.datetime, zone: str, interval: Interval) -> tuple[int, ...]:
    """
    Return what the calendar on the wall shows at *moment*, as far as it matters.
    """
    wall = moment.astimezone(zone_named(zone)).timetuple()
    return wall[: {Interval.HOUR: 4, Interval.DAY: 3, Interval.MONTH: 2}[interval]]


@given(zone=zones, minute=minutes, length=lengths, interval=kinds)
def test_windows_tile_the_period(
    zone: str, minute: int, length: int, interval: Interval
) -> None:
    """
    The windows of a period are the period, cut, and nothing else.
    """
    period = period_in(zone, minute=minute, length=length)

    cut = list(windows(period, interval, zone))

    assert cut[0].start == period.start
    assert cut[-1].end == period.end
    assert [one.end for one in cut[:-1]] == [one.start for one in cut[1:]]


@given(zone=zones, minute=minutes, length=lengths, interval=kinds)
@example(
    zone="America/Sao_Paulo", minute=1 * 1440, length=10**11, interval=Interval.DAY
)
@example(zone="America/Goose_Bay", minute=1570, length=10**10, interval=Interval.DAY)
@example(zone="Australia/Lord_Howe", minute=0, length=10**11, interval=Interval.HOUR)
def test_windows_are_cut_where_the_wall_calendar_turns(
    zone: str, minute: int, length: int, interval: Interval
) -> None:
    """
    A window is cut where the clock first shows the next hour, day or month.
    """
    period = period_in(zone, minute=minute, length=length)

    for window in list(windows(period, interval, zone))[1:]:
        before = (window.start - US).astimezone(zone_named(zone))
        if interval is Interval.HOUR:
            # By the clock as it was set before: at 02:00 it may show 01:30 again.
            reached = before.replace(tzinfo=None) + US
            assert (reached.minute, reached.second, reached.microsecond) == (0, 0, 0)
        else:
            ended = shown(before, zone, interval)
            assert shown(window.start, zone, interval) != ended


@given(zone=zones, minute=minutes, length=lengths)
def test_an_hour_window_is_no_longer_than_that(
    zone: str, minute: int, length: int
) -> None:
    """
    A window of an hour lasts an hour at most, also when the clock shows it twice.
    """
    period = period_in(zone, minute=minute, length=length)

    lengths = {one.end - one.start for one in windows(period, Interval.HOUR, zone)}

    assert max(lengths) <= HOUR


@given(zone=zones, minute=minutes, length=lengths)
@example(zone="America/Goose_Bay", minute=1570, length=10**10)
def test_a_day_is_not_begun_twice(zone: str, minute: int, length: int) -> None:
    """
    A day that the clock is set back into goes on: each date begins once at most.
    """
    period = period_in(zone, minute=minute, length=length)

    starts = [
        shown(window.start, zone, Interval.DAY)
        for window in list(windows(period, Interval.DAY, zone))[1:]
    ]

    assert starts == sorted(set(starts))


def test_examples() -> None:
    """
    A day in New York has 23 hours in March; Samoa's Friday has no window.
    """
    march = Period(
        dt.datetime(2026, 3, 8, 5, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 9, 4, tzinfo=dt.UTC),
    )
    assert list(windows(march, Interval.DAY, "America/New_York")) == [march]
    assert len(list(windows(march, Interval.HOUR, "America/New_York"))) == 23

    samoa = Period(
        dt.datetime(2011, 12, 29, 10, tzinfo=dt.UTC),
        dt.datetime(2012, 1, 1, 10, tzinfo=dt.UTC),
    )
    assert [
        window.start.astimezone(zone_named("Pacific/Apia")).day
        for window in windows(samoa, Interval.DAY, "Pacific/Apia")
    ] == [29, 31, 1]


@pytest.mark.parametrize("interval", [Interval.DAY, Interval.MONTH, Interval.HOUR])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_ends_of_time(interval: Interval, zone: str) -> None:
    """
    Where a window cannot be shown, the period is refused; nothing else is raised.
    """
    first = dt.datetime.min.replace(tzinfo=dt.UTC)
    last = dt.datetime.max.replace(tzinfo=dt.UTC)

    with pytest.raises(InvalidPeriodError, match="too near the years 1 or 9999"):
        for period in (Period(first, first + 3 * HOUR), Period(last - HOUR, last)):
            list(windows(period, interval, zone))


def test_other_windows_are_refused() -> None:
    """
    A window is an hour, a day or a month of a zone that exists.
    """
    period = Period.between(0, 1)

    with pytest.raises(InvalidPeriodError, match="an hour, a day or a month"):
        list(windows(period, Interval.WEEK))
    with pytest.raises(InvalidPeriodError, match="zone is"):
        list(windows(period, Interval.DAY, "Mars/Olympus"))
