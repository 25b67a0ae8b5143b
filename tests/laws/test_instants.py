"""
The laws of instants.
"""

from __future__ import annotations

import datetime as dt

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidInstantError, InvalidPeriodError
from meterbook.foundation.instants import (
    DAY,
    HOUR,
    INSTANT_CHARS_MAX,
    INSTANT_MAX,
    INSTANT_MIN,
    day_of,
    format_instant,
    hour_of,
    month_of,
    parse_moment,
    parse_utc,
    to_micros,
    to_moment,
    to_utc,
)


EDGES = (INSTANT_MIN, INSTANT_MIN + 1, -1, 0, 1, INSTANT_MAX - 1, INSTANT_MAX)
instants = st.sampled_from(EDGES) | st.integers(INSTANT_MIN, INSTANT_MAX)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)


def micros_of(text: str) -> int:
    return to_micros(parse_utc(text))


@given(micros=instants)
def test_round_trip_of_a_moment(micros: int) -> None:
    """
    The moment of an instant is that instant again, to the microsecond.
    """
    moment = to_moment(micros)

    assert to_micros(moment) == micros
    assert moment.tzinfo is dt.UTC


@given(micros=instants)
def test_round_trip_of_text(micros: int) -> None:
    """
    The text of an instant reads as that instant again.
    """
    assert micros_of(format_instant(micros)) == micros


@given(micros=st.integers(INSTANT_MIN + DAY, INSTANT_MAX - DAY), offset=offsets)
def test_the_offset_does_not_matter(micros: int, offset: dt.timezone) -> None:
    """
    The same moment with any UTC offset is the same instant.
    """
    elsewhere = to_moment(micros).astimezone(offset)

    assert to_micros(elsewhere) == micros
    assert micros_of(elsewhere.isoformat()) == micros
    assert to_utc(elsewhere) == to_moment(micros)


@given(
    second=st.integers(INSTANT_MIN // 10**6, INSTANT_MAX // 10**6),
    digits=st.text("0123456789", min_size=1, max_size=30),
)
@example(second=-1, digits="9999999")
def test_digits_beyond_the_microsecond_are_cut(second: int, digits: str) -> None:
    """
    Digits beyond the microsecond are cut, never rounded, also before 1970.
    """
    whole = format_instant(second * 10**6).removesuffix("Z")

    instant = micros_of(f"{whole}.{digits}Z")

    assert instant == second * 10**6 + int(digits[:6].ljust(6, "0"))


@given(micros=instants)
def test_hours_days_and_months_contain_their_instant(micros: int) -> None:
    """
    The hour, day and month of an instant begin where the clock of UTC says.
    """
    moment = to_moment(micros)
    start, end = month_of(micros)

    assert to_moment(hour_of(micros)) == moment.replace(
        minute=0, second=0, microsecond=0
    )
    assert to_moment(day_of(micros)) == moment.replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    assert to_moment(start).timetuple()[:6] == (moment.year, moment.month, 1, 0, 0, 0)
    assert start <= micros < end
    assert 28 * DAY <= end - start <= 31 * DAY
    assert end > INSTANT_MAX or to_moment(end).day == 1
    assert HOUR * 24 == DAY


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        pytest.param("1970-01-01T00:00:00Z", 0, id="the epoch"),
        pytest.param("1970-01-01t00:00:00.000001z", 1, id="lower case"),
        pytest.param("1970-01-01 00:00:01Z", 1_000_000, id="a space"),
        pytest.param("1970-01-01T02:00:00+02:00", 0, id="an offset"),
        pytest.param("1970-01-01T00:00:00-00:00", 0, id="an unknown local offset"),
        pytest.param("1969-12-31T23:59:59.9999999Z", -1, id="cut before the epoch"),
        pytest.param("2026-01-31T09:30:00Z", 1_769_851_800_000_000, id="a day in 2026"),
        pytest.param("2024-02-29T00:00:00Z", 1_709_164_800_000_000, id="a leap day"),
        pytest.param("0001-01-01T00:00:00Z", INSTANT_MIN, id="the first"),
        pytest.param("9999-12-31T23:59:59.999999Z", INSTANT_MAX, id="the last"),
    ],
)
def test_texts_that_are_instants(text: str, micros: int) -> None:
    """
    RFC 3339 is read in each spelling that it allows.
    """
    assert micros_of(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("2026-01-31", id="a date alone"),
        pytest.param("2026-01-31T09:30:00", id="no zone"),
        pytest.param("2026-01-31T09:30Z", id="no seconds"),
        pytest.param("2026-02-30T00:00:00Z", id="no such day"),
        pytest.param("2025-02-29T00:00:00Z", id="no leap year"),
        pytest.param("2026-13-01T00:00:00Z", id="no such month"),
        pytest.param("2026-01-31T24:00:00Z", id="no such hour"),
        pytest.param("2016-12-31T23:59:60Z", id="a leap second"),
        pytest.param("2026-01-31T09:30:00+24:00", id="no such offset"),
        pytest.param("2026-01-31T09:30:00+01", id="half an offset"),
        pytest.param("2026-01-31T09:30:00.Z", id="a point alone"),
        pytest.param("2026-01-31T09:30:00,5Z", id="a comma"),
        pytest.param("20260131T093000Z", id="the basic form"),
        pytest.param("2026-W05-6T09:30:00Z", id="a week date"),
        pytest.param("\u0662026-01-31T09:30:00Z", id="digits of another script"),
        pytest.param(" 2026-01-31T09:30:00Z", id="space before"),
        pytest.param("2026-01-31T09:30:00Z\n", id="a newline after"),
        pytest.param("0000-01-01T00:00:00Z", id="year 0"),
        pytest.param("0001-01-01T00:00:00+01:00", id="before year 1 in UTC"),
        pytest.param("9999-12-31T23:59:59-01:00", id="after year 9999 in UTC"),
        pytest.param(f"2026-01-31T09:30:00.{'0' * INSTANT_CHARS_MAX}Z", id="endless"),
    ],
)
def test_texts_that_are_none(text: str) -> None:
    """
    What is no whole instant is refused, and nothing else is raised.
    """
    with pytest.raises(InvalidInstantError):
        parse_utc(text)


@pytest.mark.parametrize("value", [None, 5, b"2026-01-31T00:00:00Z"])
def test_other_types_are_no_text(value: object) -> None:
    """
    What is not text is refused with its type.
    """
    with pytest.raises(InvalidInstantError, match=type(value).__name__):
        parse_utc(value)  # type: ignore[arg-type]  # what a caller may do


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        pytest.param(dt.datetime(2026, 1, 1), "has no time zone", id="naive"),  # noqa: DTZ001 - the case
        pytest.param(dt.date(2026, 1, 1), "not date", id="a date"),
        pytest.param("2026-01-01T00:00:00Z", "not str", id="text"),
        pytest.param(None, "not NoneType", id="nothing"),
    ],
)
def test_what_is_no_moment(moment: object, says: str) -> None:
    """
    A moment without a zone is refused: it could mean any of 38 hours.
    """
    with pytest.raises(InvalidInstantError, match=says):
        to_micros(moment)  # type: ignore[arg-type]  # what a caller may do


def test_moments_out_of_the_years() -> None:
    """
    What no UTC datetime can show is refused both ways.
    """
    early = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))

    with pytest.raises(InvalidInstantError, match="years 1 to 9999"):
        to_micros(early)
    for micros in (INSTANT_MIN - 1, INSTANT_MAX + 1, 10**30, -(10**30)):
        with pytest.raises(InvalidInstantError, match="years 1 to 9999"):
            to_moment(micros)


def test_a_bare_date_is_a_local_midnight() -> None:
    """
    For anchors, a date is the midnight of the zone that is asked for.
    """
    assert parse_moment("2026-01-31") == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert to_micros(parse_moment("2026-01-31", zone="Asia/Kathmandu")) == to_micros(
        dt.datetime(2026, 1, 30, 18, 15, tzinfo=dt.UTC)
    )
    assert parse_moment("2026-01-31T01:00:00+01:00", zone="Asia/Kathmandu") == (
        dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    )


def test_a_bare_date_may_be_wrong() -> None:
    """
    A date that does not exist is refused, and so is a zone that does not.
    """
    with pytest.raises(InvalidInstantError, match="2026-02-30"):
        parse_moment("2026-02-30")
    with pytest.raises(InvalidInstantError, match="31 January"):
        parse_moment("31 January")
    with pytest.raises(InvalidPeriodError, match="zone is 'Mars/Olympus'"):
        parse_moment("2026-01-31", zone="Mars/Olympus")
