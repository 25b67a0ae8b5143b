"""
Periods in words: how they are asked for, and how they are shown.

::

    2026
    [Jan 31, Feb 28)   420  from 1 entry
    [Feb 28, Mar 31)    80  from 1 entry, in progress

The year stands above, once for the periods that start in it. A period of a year or
longer says both of its years, and one that does not start at midnight says the time.
"""

from __future__ import annotations

import datetime as dt

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from meterbook.cli.errors import moment_of, refuse
from meterbook.foundation.errors import InvalidPeriodError, InvalidQueryError
from meterbook.foundation.periods import Calendar, Interval, Period, interval_named
from meterbook.foundation.zones import wall_at, zone_named


if TYPE_CHECKING:
    from collections.abc import Iterator


# An hourly calendar of a year has 8,760 periods; more is a file, not an answer.
PERIODS_MAX: Final = 10_000

# From so many days on, a month and a day do not say which year is meant.
_YEAR_DAYS: Final = 365

_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]  # whatever the locale


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """
    Which periods a command was asked for.

    Attributes:
        anchor: Where they are counted from; or

        start: the first moment of the only one

        end: and the first moment after it.

        interval: What they are counted in.

        count: How many of those make one.

        zone: Whose clock.

        index: Only this one, from 0.

        current: Only the one that contains the moment it is.
    """

    anchor: str | None
    start: str | None
    end: str | None
    interval: str
    count: int
    zone: str
    index: int | None
    current: bool

    def periods(self, until: dt.datetime) -> list[tuple[int | None, Period]]:
        """
        Return the periods that have started at *until*, with their numbers.

        Raises:
            BadParameter: If it is not said in one way which ones.

            InvalidQueryError: If there are more than PERIODS_MAX.

            InvalidPeriodError: If there is no such period.
        """
        self._check()
        if self.anchor is None:
            return [(None, self._range())]

        calendar = self.calendar(self.anchor)
        if self.index is not None:
            return [(self.index, _there(calendar.period(self.index), self.zone))]
        if self.current:
            index = calendar.index_at(until)
            found = None if index is None else calendar.period(index)
            return [(index, _there(found, self.zone))]

        listed = list(islice(calendar.periods(until), PERIODS_MAX + 1))
        if len(listed) > PERIODS_MAX:
            message = (
                f"These are more than {PERIODS_MAX:,} periods: choose one with "
                "--period or --current, or a longer --interval."
            )
            raise InvalidQueryError(message)

        return [*listed]

    def calendar(self, anchor: str) -> Calendar:
        """
        Return the periods counted from *anchor*.
        """
        at = moment_of("--anchor", anchor, zone=self.zone)
        return Calendar(at, interval_named(self.interval), self.count, self.zone)

    def _range(self) -> Period:
        assert self.start is not None
        assert self.end is not None
        return Period(
            moment_of("--from", self.start, zone=self.zone),
            moment_of("--to", self.end, zone=self.zone),
        )

    def _check(self) -> None:
        ranged = [self.start is not None, self.end is not None]
        if self.anchor is None and not all(ranged):
            sentence = "say which periods: --anchor, or --from and --to."
            refuse("--anchor", sentence)
        if self.anchor is not None and any(ranged):
            sentence = "give either --anchor, or --from and --to."
            refuse("--anchor", sentence)
        if self.anchor is None and (self.index is not None or self.current):
            sentence = "periods are numbered from an --anchor: give one."
            refuse("--period", sentence)
        if self.index is not None and self.current:
            sentence = "give either --period or --current."
            refuse("--period", sentence)


def _there(period: Period | None, zone: str) -> Period:
    if period is None:
        message = (
            f"There is no such period: it precedes the anchor, or {zone} skipped it."
        )
        raise InvalidPeriodError(message)

    return period


@dataclass(frozen=True, slots=True)
class Spelling:
    """
    How periods and moments are written for people in *zone*.
    """

    zone: str

    def periods(self, periods: list[Period]) -> Iterator[tuple[int | None, str]]:
        """
        Yield the year to write above each period, if it is another, and its text.

        The texts are all of the same width.
        """
        texts = [self.period(period) for period in periods]
        width = max(map(len, texts), default=0)
        shown: int | None = None
        for period, text in zip(periods, texts, strict=True):
            year = self.wall(period.start).year
            if _says_years(period):
                yield None, text.ljust(width)
                continue
            yield (None if year == shown else year), text.ljust(width)
            shown = year

    def period(self, period: Period) -> str:
        """
        Return a period as in `[Jan 31, Feb 28)`.
        """
        start, end = self.wall(period.start), self.wall(period.end)
        timed = any(wall.time() != dt.time() for wall in (start, end))
        years = _says_years(period)
        shown = [_date(wall, timed=timed, year=years) for wall in (start, end)]
        return f"[{shown[0]}, {shown[1]})"

    def window(self, period: Period, window: Interval) -> str:
        """
        Return the beginning of a window, as in `Jan`, `Jan 31` or `Jan 31 14:00`.
        """
        start = self.wall(period.start)
        if window is Interval.MONTH and start.day == 1:
            return _MONTHS[start.month - 1]

        timed = window is Interval.HOUR or start.time() != dt.time()
        return _date(start, timed=timed, year=False)

    def moment(self, moment: dt.datetime) -> str:
        """
        Return a moment as in `Jan 31 2026`, with the time if it is not midnight.
        """
        wall = self.wall(moment)
        return _date(wall, timed=wall.time() != dt.time(), year=True)

    def wall(self, moment: dt.datetime) -> dt.datetime:
        """
        Return what the clock of the zone shows at *moment*.
        """
        return wall_at(moment, zone_named(self.zone))


def day_text(wall: dt.datetime) -> str:
    """
    Return the day that a clock shows, as in `Jan 31 2026`.
    """
    return _date(wall, timed=False, year=True)


def _says_years(period: Period) -> bool:
    return period.end - period.start >= dt.timedelta(days=_YEAR_DAYS)


def _date(wall: dt.datetime, *, timed: bool, year: bool) -> str:
    text = f"{_MONTHS[wall.month - 1]} {wall.day}"
    if year:
        text = f"{text} {wall.year}"
    if not timed:
        return text

    exact = wall.second or wall.microsecond
    return f"{text} {wall.time().isoformat('auto' if exact else 'minutes')}"
