"""
An instant is a whole number of microseconds since 1970-01-01T00:00:00 UTC.

::

    -1          0           1                                (microseconds)
    ---|-----------|-----------|----------------------------------------->
               1970-01-01T00:00:00Z

What is stored and folded is the number, which has no zone, no rounding and one
order. What people read is an aware datetime in UTC, or RFC 3339 text with a Z.
Both forms carry the same microsecond.

Laws (tests/laws/test_instants.py):
    - *Round trip*: number to datetime to number, and number to text to number.
    - *Offsets*: the same moment written with any UTC offset is the same number.
    - *Cut*: digits beyond the microsecond are cut, never rounded, also before 1970.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re

from typing import Final

from meterbook.foundation.errors import InvalidInstantError
from meterbook.foundation.zones import zone_named


SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_ORDINAL: Final = EPOCH.toordinal()

# The first and the last instant that a datetime can show: years 1 to 9999 of UTC.
INSTANT_MIN: Final = (1 - _EPOCH_ORDINAL) * DAY
INSTANT_MAX: Final = (dt.date.max.toordinal() + 1 - _EPOCH_ORDINAL) * DAY - 1

# Long enough for any clock's digits (attoseconds have 18), short enough to show.
INSTANT_CHARS_MAX: Final = 64

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def to_micros(moment: dt.datetime) -> int:
    """
    Return the instant of *moment*, in microseconds since 1970.

    Args:
        moment: Aware, with any UTC offset.

    Raises:
        InvalidInstantError: If it is naive, or outside the years 1 to 9999 of UTC.
    """
    try:
        since = moment - EPOCH
    except TypeError as error:
        raise InvalidInstantError(_not_aware(moment)) from error

    micros = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
    if INSTANT_MIN <= micros <= INSTANT_MAX:
        return micros

    raise InvalidInstantError(_out_of_years(f"{moment}"))


def to_moment(micros: int) -> dt.datetime:
    """
    Return the instant *micros* as an aware datetime in UTC.

    Raises:
        InvalidInstantError: If it is outside the years 1 to 9999.
    """
    try:
        return EPOCH + dt.timedelta(microseconds=micros)
    except OverflowError as error:
        shown = "that number of microseconds"
        raise InvalidInstantError(_out_of_years(shown)) from error


def to_utc(moment: dt.datetime) -> dt.datetime:
    """
    Return *moment* in UTC, whatever its offset.

    Raises:
        InvalidInstantError: If it is naive, or outside the years 1 to 9999 of UTC.
    """
    return to_moment(to_micros(moment))


def parse_utc(text: str) -> dt.datetime:
    """
    Return the moment that *text* writes, in UTC.

    Args:
        text: RFC 3339: date, time to the second or finer, and Z or an offset.
            Digits beyond the microsecond are cut.

    Raises:
        InvalidInstantError: If it is anything else: no zone, a day or an hour that
            does not exist, a leap second, a year outside 1 to 9999 in UTC.

    Source:
        RFC 3339, section 5.6, where T and Z may be lower case and a space may stand
        for T. A second of 60 is refused: UTC in Python has no such instant.
    """
    if not isinstance(text, str):
        message = f"A moment is text, not {type(text).__name__}."
        raise InvalidInstantError(message)
    if len(text) > INSTANT_CHARS_MAX or _RFC_3339.fullmatch(text) is None:
        raise InvalidInstantError(_not_an_instant(text))
    try:
        moment = dt.datetime.fromisoformat(text.upper())
        return moment if moment.tzinfo is dt.UTC else moment.astimezone(dt.UTC)
    except ValueError as error:
        raise InvalidInstantError(_not_an_instant(text)) from error
    except OverflowError as error:
        raise InvalidInstantError(_out_of_years(text)) from error


def parse_moment(text: str, *, zone: str = "UTC") -> dt.datetime:
    """
    Return the moment that *text* writes, where a bare date is a local midnight.

    For anchors and for what people type. Events need a whole instant: `parse_utc`.

    Args:
        text: RFC 3339, or a date as in 2026-01-31.

        zone: Whose midnight a bare date means. It changes nothing else.

    Returns:
        An aware datetime: in UTC if *text* has a time, in *zone* if it is a date.
        There it keeps what the wall shows, so that a calendar anchored on a day
        without a midnight is back at midnight the day after.

    Raises:
        InvalidInstantError: If *text* is neither.

        InvalidPeriodError: If there is no such zone.
    """
    if _DATE.fullmatch(str(text)) is None:
        return parse_utc(text)
    try:
        midnight = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInstantError(_not_an_instant(text)) from error

    return midnight.replace(tzinfo=zone_named(zone))


def format_instant(micros: int) -> str:
    """
    Return the instant *micros* as RFC 3339 text in UTC.

    Returns:
        As in `2026-01-31T00:00:00Z`; with six digits of a second if they are not
        all zero.

    Raises:
        InvalidInstantError: If it is outside the years 1 to 9999.
    """
    return to_moment(micros).isoformat().removesuffix("+00:00") + "Z"


def hour_of(micros: int) -> int:
    """
    Return the start of the UTC hour that contains *micros*.
    """
    return micros - micros % HOUR


def day_of(micros: int) -> int:
    """
    Return the start of the UTC day that contains *micros*.
    """
    return micros - micros % DAY


def month_of(micros: int) -> tuple[int, int]:
    """
    Return the start and the end of the UTC month that contains *micros*.

    Returns:
        `[start, end)`: the end is the first instant of the next month. That of
        December 9999 is a number which no datetime can show.

    Raises:
        InvalidInstantError: If *micros* is outside the years 1 to 9999.
    """
    first = to_moment(micros).date().replace(day=1)
    start = (first.toordinal() - _EPOCH_ORDINAL) * DAY
    return start, start + calendar.monthrange(first.year, first.month)[1] * DAY


def _not_aware(moment: object) -> str:
    """
    Return the sentence that refuses what is not an aware datetime.
    """
    if isinstance(moment, dt.datetime):
        return f"The moment {moment} has no time zone: give one, such as UTC."

    return f"A moment is an aware datetime, not {type(moment).__name__}."


def _not_an_instant(text: str) -> str:
    """
    Return the sentence that refuses *text*.
    """
    return (
        f"{text[:40]!r} is no moment: write a date, a time and a UTC offset, "
        "as in 2026-01-31T09:30:00Z."
    )


def _out_of_years(shown: str) -> str:
    """
    Return the sentence that refuses a moment out of range.
    """
    return f"{shown} is not within the years 1 to 9999 of UTC."
