"""
Which period is meant? Callers say it in one of three ways.

::

    period=Period(...)                      this one
    start=..., end=...                      this one, too
    anchor=..., index=0                     the first one counted from the anchor
    anchor=..., at=...                      the one that contains this moment

Moments can be aware datetimes, or text; a bare date is midnight in *zone*.
"""

from __future__ import annotations

import datetime as dt

from dataclasses import dataclass
from typing import TypeAlias

from meterbook.foundation.errors import InvalidPeriodError, InvalidQueryError
from meterbook.foundation.instants import parse_moment, to_moment, to_utc
from meterbook.foundation.periods import Calendar, Interval, Period, interval_named


Moment: TypeAlias = dt.datetime | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """
    The period that a caller means, as the caller said it.

    Attributes:
        period: Itself, or

        start: its first moment

        end: and the first one after; or

        anchor: where periods are counted from,

        index: which of them, from 0; None for the first, or

        at: the one that contains this moment.

        interval: What the periods from the anchor are counted in.

        interval_count: And how many of those make one.

        zone: Whose clock says when a day begins.
    """

    period: Period | None = None
    start: Moment | None = None
    end: Moment | None = None
    anchor: Moment | None = None
    index: int | None = None
    at: Moment | None = None
    interval: Interval | str = Interval.MONTH
    interval_count: int = 1
    zone: str = "UTC"

    def chosen(self) -> Period:
        """
        Return the period that is meant.

        Raises:
            InvalidQueryError: If it is not said in exactly one way.

            InvalidPeriodError: If there is no such period.
        """
        self._check_one_way()
        if self.period is not None:
            return self.period

        if self.start is not None and self.end is not None:
            return Period(self._moment(self.start), self._moment(self.end))

        calendar = self.calendar()
        if self.at is not None:
            found = calendar.period_at(self._moment(self.at))
        else:
            found = calendar.period(self.index or 0)
        if found is None:
            message = (
                "There is no such period: it would precede the anchor, or be a day "
                f"that {self.zone} has skipped."
            )
            raise InvalidPeriodError(message)

        return found

    def calendar(self) -> Calendar:
        """
        Return the periods counted from the anchor.

        Raises:
            InvalidQueryError: If there is no anchor.

            InvalidPeriodError: If they cannot be counted so.
        """
        if self.anchor is None:
            message = "Say from where periods are counted: give an anchor."
            raise InvalidQueryError(message)

        interval = self.interval
        if not isinstance(interval, Interval):
            interval = interval_named(interval)
        anchor = self._moment(self.anchor)
        return Calendar(anchor, interval, self.interval_count, self.zone)

    def _moment(self, moment: Moment) -> dt.datetime:
        return moment_from(moment, zone=self.zone)

    def _check_one_way(self) -> None:
        ranged = (self.start is not None) + (self.end is not None)
        ways = [self.period is not None, ranged > 0, self.anchor is not None]
        counted = self.index is not None or self.at is not None
        if (
            sum(ways) != 1
            or ranged == 1
            or (counted and self.anchor is None)
            or (self.index is not None and self.at is not None)
        ):
            message = (
                "Say which period in one way: period, or start and end, or anchor "
                "(and index or at)."
            )
            raise InvalidQueryError(message)


def moment_from(moment: Moment, *, zone: str = "UTC") -> dt.datetime:
    """
    Return the moment that a caller means, aware if it was so or is text.

    Raises:
        InvalidInstantError: If text is no moment.

        InvalidPeriodError: If there is no such zone.
    """
    return parse_moment(moment, zone=zone) if isinstance(moment, str) else moment


def as_of_moment(as_of: Moment | None, *, now: int, zone: str) -> dt.datetime:
    """
    Return the moment up to which to read, in UTC: *now*, unless another is asked for.

    Raises:
        InvalidInstantError: If text is no moment, or a datetime has no zone.
    """
    if as_of is None:
        return to_moment(now)

    return to_utc(moment_from(as_of, zone=zone))
