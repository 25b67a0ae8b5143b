"""
Half-open periods, and the calendar that counts them from an anchor.

::

    anchor
      |   period 0   |   period 1   |   period 2   |
      [--------------)[-------------)[-------------)---->
    Jan 31         Feb 28         Mar 31         Apr 30

Every period is ``[start, end)``: an event at *end* belongs to the next one, so that
neighbours neither overlap nor leave a gap.

Boundaries are counted from the anchor, never from the boundary before. A month
after Feb 28 is Mar 28, and a calendar that stepped would stay on the 28th for good;
one that counts is back on the 31st in March. Nothing precedes the anchor.

A boundary of a day or longer is what the local clock shows: midnight in New York is
an hour earlier in UTC in summer, and the month of March has 743 hours there. Hours
are elapsed hours, whatever the clock does meanwhile.

Laws (tests/laws/test_periods.py):
    - *Tiling*: every moment from the anchor on is in exactly one period.
    - *No drift*: boundary k does not depend on boundary k - 1.
    - *Oracle*: `index_at` is what counting boundaries one by one finds.

Source:
    Stripe, "Set the billing cycle date": an anchor of January 31 bills on the last
    day of a shorter month, and on the 31st again when there is one. That the count
    is from the original anchor in local time, and the rule for skipped and repeated
    times, is our choice.
"""

from __future__ import annotations

import datetime as dt
import enum

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import InvalidInstantError, InvalidPeriodError
from meterbook.foundation.instants import (
    format_instant,
    to_micros,
    to_moment,
    to_utc,
)
from meterbook.foundation.zones import first_moment, months_after, wall_at, zone_named


if TYPE_CHECKING:
    from collections.abc import Iterator


# An hourly calendar of 10,000 has periods of more than a year, a daily one of 27
# years: a larger count is a mistake in the unit.
INTERVAL_COUNT_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Period:
    """
    A stretch of time, from *start* up to but not including *end*.

    Two periods are equal if they start and end at the same instants.

    Attributes:
        start: The first moment inside. Given with any UTC offset, kept in UTC.

        end: The first moment after. Likewise.

    Raises:
        InvalidPeriodError: If a moment has no zone or is out of range, or *start* is
            not before *end*.
    """

    start: dt.datetime
    end: dt.datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _moment_in_utc(self.start, "start"))
        object.__setattr__(self, "end", _moment_in_utc(self.end, "end"))
        if self.start >= self.end:
            message = (
                f"The period must start before it ends: start is {self.start}, "
                f"end is {self.end}."
            )
            raise InvalidPeriodError(message)

    @classmethod
    def between(cls, start_us: int, end_us: int) -> Period:
        """
        Return the period between two instants, in microseconds since 1970.

        Raises:
            InvalidPeriodError: If *start_us* is not before *end_us*, or one of them
                is outside the years 1 to 9999.
        """
        try:
            return cls(to_moment(start_us), to_moment(end_us))
        except InvalidInstantError as error:
            raise InvalidPeriodError(str(error)) from error

    def __contains__(self, moment: dt.datetime) -> bool:
        return self.start_us <= to_micros(moment) < self.end_us

    @property
    def start_us(self) -> int:
        """
        The first instant inside, in microseconds since 1970.
        """
        return to_micros(self.start)

    @property
    def end_us(self) -> int:
        """
        The first instant after, in microseconds since 1970.
        """
        return to_micros(self.end)

    @property
    def microseconds(self) -> int:
        """
        How long the period is. At least 1.
        """
        return self.end_us - self.start_us


class Interval(enum.Enum):
    """
    The unit that periods are counted in, by the name that people write.
    """

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_DAYS: Final = {Interval.DAY: 1, Interval.WEEK: 7}
_MONTHS: Final = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}

# An interval is counted in hours, days or months, and in exactly one of them.
assert {Interval.HOUR} | _DAYS.keys() | _MONTHS.keys() == set(Interval)
assert not _DAYS.keys() & _MONTHS.keys()


def interval_named(name: str) -> Interval:
    """
    Return the interval that people write as *name*.

    Raises:
        InvalidPeriodError: If there is none.
    """
    try:
        return Interval(name)
    except ValueError as error:
        allowed = ", ".join(interval.value for interval in Interval)
        message = f"interval is {str(name)[:40]!r}: use one of {allowed}."
        raise InvalidPeriodError(message) from error


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    Periods numbered from an anchor: 0 starts there, and none is before it.

    Attributes:
        anchor: The moment that period 0 starts. Aware, kept in UTC. Given in *zone*
            itself, it also says what the wall shows: an anchor at a midnight that a
            clock change skips starts at the end of the gap, and the next day starts
            at midnight again.

        interval: The unit of a period.

        interval_count: How many units make a period: 1 to `INTERVAL_COUNT_MAX`.

        zone: Whose clock says when a day begins: a name of the IANA database. It
            changes nothing for hours.

    Raises:
        InvalidPeriodError: If a field cannot be used; the message names it.
    """

    anchor: dt.datetime
    interval: Interval
    interval_count: int = 1
    zone: str = "UTC"
    _wall: dt.datetime = field(init=False, repr=False)
    _clock: dt.tzinfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.interval, Interval):
            object.__setattr__(self, "interval", interval_named(self.interval))
        _check_count(self.interval_count)
        clock = zone_named(self.zone)
        anchor, wall = _anchored(self.anchor, clock)
        object.__setattr__(self, "anchor", anchor)
        object.__setattr__(self, "_wall", wall)
        object.__setattr__(self, "_clock", clock)

    @property
    def anchor_text(self) -> str:
        """
        The anchor as `parse_moment` reads it in *zone*: the calendar it makes is equal.

        A date if it is a midnight there: so it is the same midnight in every month,
        whatever the clock did on that very day. Otherwise RFC 3339 in UTC.
        """
        is_midnight = self._wall.time() == dt.time()
        if is_midnight and first_moment(self._wall, self._clock) == self.anchor:
            return self._wall.date().isoformat()

        return format_instant(to_micros(self.anchor))

    def boundary(self, index: int) -> dt.datetime:
        """
        Return the moment that period *index* starts, in UTC.

        Args:
            index: At least 0.

        Raises:
            InvalidPeriodError: If *index* is below 0, or the moment is after 9999.
        """
        if index < 0:
            message = "index is below 0: nothing precedes the anchor, use 0 or more."
            raise InvalidPeriodError(message)

        moment = self._boundary(index)
        if moment is None:
            message = (
                "index is too large: that boundary is after the year 9999, "
                "counted from this anchor with this interval_count."
            )
            raise InvalidPeriodError(message)

        return moment

    def period(self, index: int) -> Period | None:
        """
        Return period *index*, or None if the local clock skips all of it.

        Friday 2011-12-30 did not happen in Pacific/Apia: a daily calendar has no
        period for it, and the numbers of the others stay what they are.

        Raises:
            InvalidPeriodError: As `boundary`, of *index* and the one after it.
        """
        start, end = self.boundary(index), self.boundary(index + 1)
        return Period(start, end) if start < end else None

    def index_at(self, moment: dt.datetime) -> int | None:
        """
        Return the number of the period that contains *moment*.

        Returns:
            At least 0; None if *moment* is before the anchor.

        Raises:
            InvalidPeriodError: If *moment* is not an aware datetime.
        """
        at = _moment_in_utc(moment, "moment")
        if at < self.anchor:
            return None

        index = max(0, self._estimate(at))
        # The estimate looks at the date alone, so it may be one too high; and after
        # a clock change back across midnight, one too low.
        while index > 0 and self._starts_after(index, at):
            index -= 1
        while not self._starts_after(index + 1, at):
            index += 1

        return index

    def period_at(self, moment: dt.datetime) -> Period | None:
        """
        Return the period that contains *moment*, or None if it precedes the anchor.

        Raises:
            InvalidPeriodError: If *moment* is not an aware datetime, or its period
                ends after the year 9999.
        """
        index = self.index_at(moment)
        return None if index is None else self.period(index)

    def periods(self, until: dt.datetime) -> Iterator[tuple[int, Period]]:
        """
        List the periods that have started at *until*, with their numbers.

        Args:
            until: Included: a period that starts at this very moment is listed.

        Yields:
            The periods in order. None if *until* is before the anchor. A number is
            left out where a local day does not exist.

        Raises:
            InvalidPeriodError: If *until* is not an aware datetime, or the last
                period ends after the year 9999.
        """
        at = _moment_in_utc(until, "until")
        index, start = 0, self.anchor
        while start <= at:
            end = self.boundary(index + 1)
            if start < end:
                yield index, Period(start, end)
            index, start = index + 1, end

    def _boundary(self, index: int) -> dt.datetime | None:
        """
        Return the moment that period *index* starts; None if it is after 9999.
        """
        # The anchor is exact, even where it is the second 01:30 of an autumn night.
        if index == 0:
            return self.anchor
        try:
            steps = index * self.interval_count
            if self.interval is Interval.HOUR:
                return self.anchor + dt.timedelta(hours=steps)

            return first_moment(self._wall_after(steps), self._clock)
        except OverflowError:
            return None

    def _wall_after(self, steps: int) -> dt.datetime:
        """
        Return what the local clock shows *steps* units after the anchor.
        """
        if self.interval in _DAYS:
            return self._wall + dt.timedelta(days=steps * _DAYS[self.interval])

        return months_after(self._wall, steps * _MONTHS[self.interval])

    def _starts_after(self, index: int, at: dt.datetime) -> bool:
        """
        Whether period *index* starts after *at*; those after 9999 always do.
        """
        start = self._boundary(index)
        return start is None or start > at

    def _estimate(self, at: dt.datetime) -> int:
        """
        Return about which period contains *at*: right, or off by one.
        """
        if self.interval is Interval.HOUR:
            units = (at - self.anchor) // dt.timedelta(hours=1)
            return units // self.interval_count

        try:
            wall = wall_at(at, self._clock)
        except OverflowError:
            wall = at.replace(tzinfo=None)
        if self.interval in _DAYS:
            units = (wall - self._wall).days // _DAYS[self.interval]
        else:
            months = 12 * (wall.year - self._wall.year) + wall.month - self._wall.month
            units = months // _MONTHS[self.interval]

        return units // self.interval_count


def _anchored(anchor: dt.datetime, clock: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """
    Return the moment of *anchor* in UTC, and what *clock* shows then.

    Raises:
        InvalidPeriodError: If *anchor* is naive, or out of range in UTC or there.
    """
    moment = _moment_in_utc(anchor, "anchor")
    try:
        if anchor.tzinfo is not clock:
            return moment, wall_at(moment, clock)

        # Said in local time: keep what was said. A second occurrence was meant if
        # fold says so; otherwise the rule for every boundary holds for this one.
        wall = anchor.replace(tzinfo=None, fold=0)
        return (moment if anchor.fold else first_moment(wall, clock)), wall
    except OverflowError as error:
        message = f"anchor is {anchor}, out of the years 1 to 9999 in its zone."
        raise InvalidPeriodError(message) from error


def _moment_in_utc(moment: object, name: str) -> dt.datetime:
    """
    Return *moment* in UTC; *name* is the field to blame.

    Raises:
        InvalidPeriodError: If it is not an aware datetime of the years 1 to 9999.
    """
    if isinstance(moment, dt.datetime) and moment.tzinfo is dt.UTC:
        return moment
    try:
        return to_utc(moment)  # type: ignore[arg-type]  # it checks
    except InvalidInstantError as error:
        message = f"{name} cannot be used. {error}"
        raise InvalidPeriodError(message) from error


def _check_count(count: object) -> None:
    """
    Check that *count* is a whole number within bounds.

    Raises:
        InvalidPeriodError: If it is not.
    """
    whole = isinstance(count, int) and not isinstance(count, bool)
    if whole and count in range(1, INTERVAL_COUNT_MAX + 1):
        return

    found = f"of type {type(count).__name__}"
    if whole:
        found = "below 1" if count < 1 else f"above {INTERVAL_COUNT_MAX}"  # type: ignore[operator]  # an int
    message = (
        f"interval_count is {found}: use a whole number from 1 to {INTERVAL_COUNT_MAX}."
    )
    raise InvalidPeriodError(message)
