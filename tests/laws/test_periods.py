"""
The laws of calendars.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import zoneinfo

from typing import TYPE_CHECKING

import pytest

from hypothesis import assume, example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.instants import parse_moment
from meterbook.foundation.periods import (
    INTERVAL_COUNT_MAX,
    Calendar,
    Interval,
    Period,
    interval_named,
)
from meterbook.foundation.zones import first_moment, zone_named


if TYPE_CHECKING:
    from collections.abc import Callable


US = dt.timedelta(microseconds=1)
HOUR = dt.timedelta(hours=1)

# Zones by what is odd about them, each with a local day on which it was odd.
ODD_DAYS = {
    "UTC": dt.date(2024, 2, 29),
    "America/New_York": dt.date(2026, 3, 8),  # 02:00 to 03:00
    "Europe/Berlin": dt.date(2026, 10, 25),  # 03:00 back to 02:00
    "Australia/Lord_Howe": dt.date(2026, 10, 4),  # by half an hour
    "Pacific/Apia": dt.date(2011, 12, 30),  # a day that was not
    "Africa/Cairo": dt.date(2024, 4, 26),  # no midnight
    "America/Sao_Paulo": dt.date(2018, 11, 4),  # no midnight
    "America/Havana": dt.date(2026, 11, 1),  # 01:00 back to midnight
    "America/Goose_Bay": dt.date(2010, 11, 7),  # 00:01 back to the day before
    "Asia/Kathmandu": dt.date(1986, 1, 1),  # a quarter of an hour, for good
    "Pacific/Kiritimati": dt.date(1994, 12, 31),  # another day that was not
}


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]  # numbers


def local(zone: str, *parts: int, fold: int = 0) -> dt.datetime:
    when = dt.datetime(*parts, fold=fold, tzinfo=zone_named(zone))  # type: ignore[arg-type,misc]  # numbers
    assert isinstance(when, dt.datetime)
    return when


@st.composite
def walls(draw: st.DrawFn, *, around: int = 800) -> tuple[str, dt.datetime]:
    """
    Draw a zone and what its clock may show near its odd day, mostly near midnight.
    """
    zone = draw(st.sampled_from(sorted(ODD_DAYS)))
    day = ODD_DAYS[zone] + dt.timedelta(
        days=draw(st.integers(-1, 1) | st.integers(-around, around))
    )
    minutes = draw(
        st.sampled_from([0, 1, 30, 60, 90, 119, 120, 121, 150, 180, 1380, 1439])
        | st.integers(0, 1439)
    )
    midnight = dt.datetime.combine(day, dt.time())
    return zone, midnight + dt.timedelta(minutes=minutes)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """
    Draw a calendar whose first boundaries fall on and around its zone's odd day.
    """
    zone, wall = draw(walls())
    nudge = draw(st.sampled_from([0, 0, 1, -1])) * US
    anchor = first_moment(wall, zone_named(zone)) + nudge
    if draw(st.booleans()):
        anchor = anchor.astimezone(zone_named(zone))
    return Calendar(
        anchor, draw(st.sampled_from(Interval)), draw(st.integers(1, 3)), zone
    )


indexes = st.integers(0, 40)
nudges = st.sampled_from([-1, 0, 1]) | st.integers(-(10**11), 10**11)


def first_by_looking(zone: str, wall: dt.datetime) -> dt.datetime:
    """
    Return the first minute at which the clock shows *wall* or later, by looking.
    """
    clock = zone_named(zone)
    minute = (wall - dt.timedelta(hours=27)).replace(tzinfo=dt.UTC)
    while minute.astimezone(clock).replace(tzinfo=None) < wall:
        minute += dt.timedelta(minutes=1)
    return minute


@given(where=walls(around=3))
@example(where=("Pacific/Apia", dt.datetime.fromisoformat("2011-12-30T12:00:00")))
@example(where=("America/New_York", dt.datetime.fromisoformat("2026-03-08T02:30:00")))
@example(where=("Europe/Berlin", dt.datetime.fromisoformat("2026-10-25T02:30:00")))
def test_the_first_moment_is_found_by_looking(where: tuple[str, dt.datetime]) -> None:
    """
    A time on the wall means the first moment at which the clock shows it or later.
    """
    zone, wall = where

    assert first_moment(wall, zone_named(zone)) == first_by_looking(zone, wall)


@given(where=walls(around=2), minutes=st.integers(0, 3000))
def test_a_later_time_is_no_earlier_moment(
    where: tuple[str, dt.datetime], minutes: int
) -> None:
    """
    Times on the wall keep their order as moments, whatever the clock does.
    """
    zone, wall = where
    later = wall + dt.timedelta(minutes=minutes)

    clock = zone_named(zone)
    assert first_moment(wall, clock) <= first_moment(later, clock)


@given(cal=calendars(), edge=indexes, nudge=nudges)
@example(cal=Calendar(utc(2026, 1, 31), Interval.MONTH, 1, "UTC"), edge=1, nudge=-1)
@example(
    cal=Calendar(utc(2011, 12, 28, 10), Interval.DAY, 1, "Pacific/Apia"),
    edge=2,
    nudge=0,
)
@example(
    cal=Calendar(utc(2010, 11, 1, 3), Interval.DAY, 1, "America/Goose_Bay"),
    edge=6,
    nudge=3 * 10**9,
)
def test_every_moment_is_in_exactly_one_period(
    cal: Calendar, edge: int, nudge: int
) -> None:
    """
    The period of a moment is the last that has started, counted one by one.
    """
    moment = cal.boundary(edge) + nudge * US

    index = cal.index_at(moment)

    if moment < cal.anchor:
        assert index is None
        assert cal.period_at(moment) is None
        return
    started = itertools.takewhile(
        lambda k: cal.boundary(k) <= moment, itertools.count()
    )
    assert index == max(started)
    period = cal.period_at(moment)
    assert period is not None
    assert moment in period
    assert moment.astimezone(zoneinfo.ZoneInfo("Asia/Tokyo")) in period


@given(cal=calendars(), until=indexes, nudge=nudges)
def test_periods_tile_time(cal: Calendar, until: int, nudge: int) -> None:
    """
    Listed periods touch, begin at the anchor, and are those that have started.
    """
    moment = cal.boundary(until) + nudge * US
    listed = list(cal.periods(moment))

    assume(listed)
    assert listed[0][1].start == cal.anchor
    for (_, period), (_, following) in itertools.pairwise(listed):
        assert period.end == following.start
    assert all(period == cal.period(index) for index, period in listed)
    assert listed[-1][1] == cal.period_at(moment)
    missing = set(range(listed[-1][0] + 1)) - {index for index, _ in listed}
    assert {cal.period(index) for index in missing} <= {None}


@given(cal=calendars(), index=st.integers(1, 60))
def test_boundaries_are_counted_from_the_anchor(cal: Calendar, index: int) -> None:
    """
    Boundary k is anchor plus k intervals on the wall, the day within its month.
    """
    assume(cal.interval is not Interval.HOUR)
    wall = cal.anchor.astimezone(zone_named(cal.zone)).replace(tzinfo=None, fold=0)
    count = index * cal.interval_count
    months = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}
    if cal.interval in months:
        month0 = wall.month - 1 + count * months[cal.interval]
        year, month = wall.year + month0 // 12, month0 % 12 + 1
        last = calendar.monthrange(year, month)[1]
        reached = wall.replace(year=year, month=month, day=min(wall.day, last))
    else:
        days = count * (7 if cal.interval is Interval.WEEK else 1)
        reached = wall + dt.timedelta(days=days)

    assert cal.boundary(index) == first_moment(reached, zone_named(cal.zone))


@given(where=walls(), count=st.integers(1, 50), index=indexes)
def test_hours_are_elapsed(
    where: tuple[str, dt.datetime], count: int, index: int
) -> None:
    """
    Periods of hours are as long as they say, whatever the clock does meanwhile.
    """
    zone, wall = where
    anchor = first_moment(wall, zone_named(zone))
    period = Calendar(anchor, Interval.HOUR, count, zone).period(index)

    assert period is not None
    assert period.start == anchor + index * count * HOUR
    assert period.end - period.start == count * HOUR


@pytest.mark.parametrize(
    ("cal", "starts"),
    [
        pytest.param(
            Calendar(utc(2026, 1, 31), Interval.MONTH),
            [utc(2026, 1, 31), utc(2026, 2, 28), utc(2026, 3, 31), utc(2026, 4, 30)],
            id="the 31st comes back",
        ),
        pytest.param(
            Calendar(utc(2024, 2, 29), Interval.YEAR),
            [utc(2024, 2, 29), utc(2025, 2, 28), utc(2026, 2, 28), utc(2027, 2, 28)],
            id="a leap day is clamped",
        ),
        pytest.param(
            Calendar(utc(2025, 11, 30), Interval.QUARTER),
            [utc(2025, 11, 30), utc(2026, 2, 28), utc(2026, 5, 30)],
            id="quarters",
        ),
        pytest.param(
            Calendar(
                local("America/New_York", 2026, 3, 7, 2, 30),
                Interval.DAY,
                zone="America/New_York",
            ),
            [utc(2026, 3, 7, 7, 30), utc(2026, 3, 8, 7), utc(2026, 3, 9, 6, 30)],
            id="a skipped time is the end of the gap",
        ),
        pytest.param(
            Calendar(
                local("Europe/Berlin", 2026, 10, 24, 2, 30),
                Interval.DAY,
                zone="Europe/Berlin",
            ),
            [
                utc(2026, 10, 24, 0, 30),
                utc(2026, 10, 25, 0, 30),
                utc(2026, 10, 26, 1, 30),
            ],
            id="a repeated time is the first",
        ),
        pytest.param(
            Calendar(
                local("Europe/Berlin", 2026, 10, 25, 2, 30, fold=1),
                Interval.DAY,
                zone="Europe/Berlin",
            ),
            [utc(2026, 10, 25, 1, 30), utc(2026, 10, 26, 1, 30)],
            id="an anchor may be the second",
        ),
        pytest.param(
            Calendar(
                parse_moment("2018-11-04", zone="America/Sao_Paulo"),
                Interval.DAY,
                zone="America/Sao_Paulo",
            ),
            [utc(2018, 11, 4, 3), utc(2018, 11, 5, 2), utc(2018, 11, 6, 2)],
            id="an anchor without a midnight is back at midnight",
        ),
        pytest.param(
            Calendar(
                local("Africa/Cairo", 2024, 4, 25), Interval.DAY, zone="Africa/Cairo"
            ),
            [utc(2024, 4, 24, 22), utc(2024, 4, 25, 22), utc(2024, 4, 26, 21)],
            id="a midnight that Cairo skips",
        ),
        pytest.param(
            Calendar(utc(2026, 1, 1, 23, 59, 59, 999_999), Interval.WEEK, 2),
            [
                utc(2026, 1, 1, 23, 59, 59, 999_999),
                utc(2026, 1, 15, 23, 59, 59, 999_999),
            ],
            id="the time of day is kept to the microsecond",
        ),
    ],
)
def test_examples(cal: Calendar, starts: list[dt.datetime]) -> None:
    """
    The corners of the calendar, one by one.
    """
    assert [cal.boundary(index) for index in range(len(starts))] == starts


def test_a_day_that_was_not_has_no_period() -> None:
    """
    Samoa went from Thursday to Saturday: Friday has no period, and keeps its number.
    """
    cal = Calendar(
        local("Pacific/Apia", 2011, 12, 29), Interval.DAY, zone="Pacific/Apia"
    )

    assert cal.period(1) is None
    assert [index for index, _ in cal.periods(utc(2012, 1, 1))] == [0, 2, 3]
    assert cal.index_at(utc(2011, 12, 30, 10)) == 2
    assert cal.index_at(utc(2011, 12, 30, 10) - US) == 0


def test_a_period_at_its_boundary_is_listed() -> None:
    """
    A period is listed from the moment that it starts, and not before.
    """
    cal = Calendar(utc(2026, 1, 1), Interval.MONTH)

    assert [k for k, _ in cal.periods(utc(2026, 2, 1))] == [0, 1]
    assert [k for k, _ in cal.periods(utc(2026, 2, 1) - US)] == [0]
    assert list(cal.periods(utc(2026, 1, 1) - US)) == []


def test_the_same_calendar_is_equal() -> None:
    """
    A calendar is its anchor as an instant, its interval and its zone.
    """
    there = dt.timezone(2 * HOUR)
    cal = Calendar(utc(2026, 1, 1), Interval.DAY, 1, "UTC")

    assert cal == Calendar(dt.datetime(2026, 1, 1, 2, tzinfo=there), Interval.DAY)
    assert cal == Calendar(utc(2026, 1, 1), interval_named("day"))
    assert cal != Calendar(utc(2026, 1, 1), Interval.DAY, 1, "Europe/London")
    assert cal != Calendar(utc(2026, 1, 1), Interval.DAY, 2)
    assert len({cal, Calendar(utc(2026, 1, 1), Interval.DAY)}) == 1


ANCHOR = utc(2026, 1, 1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(
            lambda: Calendar(dt.datetime(2026, 1, 1), Interval.DAY),  # noqa: DTZ001 - the case
            "anchor cannot be used.*no time zone",
            id="naive anchor",
        ),
        pytest.param(
            lambda: Calendar(utc(1, 1, 1), Interval.DAY, 1, "America/New_York"),
            "anchor is 0001-01-01.*out of the years",
            id="anchor before year 1 there",
        ),
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY, 0), "interval_count", id="0"
        ),
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY, -1), "interval_count", id="below 0"
        ),
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY, INTERVAL_COUNT_MAX + 1),
            "interval_count is above",
            id="too many",
        ),
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY, 10**5000),
            "interval_count is above",
            id="far too many",
        ),
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY, interval_count=True),
            "type bool",
            id="a flag",
        ),
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY, 1.0),  # type: ignore[arg-type]  # what a caller may do
            "type float",
            id="a float",
        ),
        pytest.param(
            lambda: Calendar(ANCHOR, "fortnight"),  # type: ignore[arg-type]  # what a caller may do
            "interval is 'fortnight': use one of hour, day",
            id="no interval",
        ),
        *[
            pytest.param(
                lambda zone=zone: Calendar(ANCHOR, Interval.DAY, 1, zone),
                "zone is .* no time zone",
                id=f"zone {str(zone)[:12]!r}",
            )
            for zone in (
                "",
                "Mars/Olympus",
                "America",
                "../UTC",
                "/etc/localtime",
                "localtime",
                "right/UTC",
                "tzdata.zi",
                "x" * 5000,
                "a\0b",
                "\ud800",
                None,
                5,
            )
        ],
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY).boundary(-1),
            "index is below 0",
            id="before the anchor",
        ),
        *[
            pytest.param(
                lambda interval=interval, index=index: Calendar(
                    ANCHOR, interval
                ).period(index),
                "index is too large",
                id=f"{index:.0e} {interval.value}s",
            )
            for interval in Interval
            for index in (10**8, 10**30)
        ],
        pytest.param(
            lambda: Calendar(ANCHOR, Interval.DAY).index_at(dt.datetime(2026, 1, 1)),  # noqa: DTZ001 - the case
            "moment cannot be used",
            id="naive moment",
        ),
        pytest.param(
            lambda: list(Calendar(ANCHOR, Interval.DAY).periods(dt.date(2026, 1, 1))),  # type: ignore[arg-type]  # what a caller may do
            "until cannot be used",
            id="a date",
        ),
        pytest.param(
            lambda: Period(utc(2026, 1, 1), utc(2026, 1, 1)),
            "must start before it ends",
            id="a period of no length",
        ),
        pytest.param(
            lambda: Period(utc(2026, 1, 2), utc(2026, 1, 1)),
            "must start before it ends",
            id="a period backwards",
        ),
        pytest.param(
            lambda: Period(dt.datetime(2026, 1, 1), utc(2026, 1, 2)),  # noqa: DTZ001 - the case
            "start cannot be used",
            id="a naive start",
        ),
        pytest.param(
            lambda: Period.between(0, 10**20), "years 1 to 9999", id="endless"
        ),
    ],
)
def test_what_cannot_be_used_is_named(make: Callable[[], object], says: str) -> None:
    """
    A calendar or period that cannot be used is refused, and the field is named.
    """
    with pytest.raises(InvalidPeriodError, match=says):
        make()


def test_the_end_of_time() -> None:
    """
    A moment whose period ends after 9999 has a number, though no period.
    """
    cal = Calendar(utc(9999, 1, 1), Interval.MONTH, zone="Asia/Tokyo")
    last = utc(9999, 12, 31, 23, 59, 59, 999_999)

    assert cal.index_at(last) == 11
    with pytest.raises(InvalidPeriodError, match="after the year 9999"):
        cal.period_at(last)


def test_a_period_is_half_open_and_in_utc() -> None:
    """
    A period holds its start and not its end, and shows both in UTC.
    """
    period = Period(
        local("America/New_York", 2025, 3, 1), local("America/New_York", 2025, 4, 1)
    )

    assert period.start in period
    assert period.end not in period
    assert period == Period.between(period.start_us, period.end_us)
    assert period.microseconds == 743 * 3600 * 10**6
    assert period.start.tzinfo is period.end.tzinfo is dt.UTC
