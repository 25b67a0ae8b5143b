"""
Seats by subscription month: the peak, who made it, what was known, and what was noted.

::

    changes ----fold once----> level ----> month 1, month 2, ... month 12
                                             |
                                 peak at: the changes of that instant, looked up

All months of a customer come from one pass over the changes. Who made a peak is looked
up for its instant alone.

Laws (tests/services/test_seating.py):
    - *One number*: a month's peak is what `read` says of the meter over that month.
    - *As-of*: the same place and moment, the same months, whatever was told later.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.foundation.instants import to_micros
from meterbook.metering import seats
from meterbook.metering.members import present_at
from meterbook.metering.seats import LevelChange, SeatPeriod, running_periods
from meterbook.services.entries.naming import shown_name
from meterbook.services.readings.usage import Asked
from meterbook.services.seats.seat_changes import (
    MADE_BY_MAX,
    SeatChange,
    makers_of,
    shown,
)
from meterbook.services.seats.seat_history import SeatHistory
from meterbook.services.seats.seat_notes import SeatNote, notes_on


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Sequence

    from meterbook.foundation.periods import Period
    from meterbook.metering.readings import AsOf
    from meterbook.ports import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatMonth:
    """
    One period of seats, with what people ask about it.

    Attributes:
        seats: The numbers.

        made_by: The changes that made the peak, at the instant it was reached: who came
            in then, or what stated the level; at most MADE_BY_MAX of them. None of a
            peak of 0, and of one that was left when others went.

        made_by_count: How many there are.

        present: Who was there at the peak, by name, in order; None unless asked for,
            and where only counts are told.

        definitions: The versions of what counts as a seat that were in use, in order of
            their numbers: more than one means that it changed.

        notes: On moments of this period.
    """

    seats: SeatPeriod
    made_by: tuple[SeatChange, ...]
    made_by_count: int
    present: tuple[str, ...] | None
    definitions: tuple[int, ...]
    notes: tuple[SeatNote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatReading:
    """
    The seats of a customer over some periods, of one snapshot.

    Attributes:
        customer_key: Whose.

        meter_key: Which meter says so.

        meter_version: In which of its versions.

        scale: How many decimal places a seat has; 0 for members.

        as_of: The place and moment at which it was asked.

        provisional: Changes without a place were read; it may change and cannot be
            cited.

        behind: More waits for a place than is read; it answers for an earlier one.

        months: As they were asked for.
    """

    customer_key: str
    meter_key: str
    meter_version: int
    scale: int
    as_of: AsOf
    provisional: bool
    behind: bool
    months: tuple[SeatMonth, ...]


def read_months(  # noqa: PLR0913 - what is asked, of whom, and how much of it
    reader: Reader,
    asked: Asked,
    *,
    customer: str,
    periods: Iterable[tuple[int, Period]],
    names: bool,
    who: bool,
) -> SeatReading:
    """
    Return the seats of *customer* over *periods*.

    Args:
        reader: One snapshot.

        asked: Of which meter, as of when.

        customer: Whose.

        periods: With their numbers, from 0.

        names: Whether to say who people are; else they have pseudonyms.

        who: Whether to say who was there at each peak, if the meter names them.

    Raises:
        UnknownMeterError: If there is no such meter or version.

        UnknownPlaceError: If the place is not numbered yet.

        InvalidQueryError: If the meter does not count seats.
    """
    history = SeatHistory.of(reader, asked, customer)
    return months_of(history, periods, names=names, who=who)


def months_of(
    history: SeatHistory,
    periods: Iterable[tuple[int, Period]],
    *,
    names: bool,
    who: bool,
) -> SeatReading:
    """
    Return what `read_months` does, of seats that were folded already.
    """
    numbers = running_periods(history.running, periods, as_of=history.as_of.moment)
    notes = notes_on(
        history.snapshot.reader,
        history.meter.meter.key,
        customer=history.customer,
        place=history.snapshot.place,
        names=names,
    )
    named = who and history.meter.is_members
    present = _present(history, numbers, names=names) if named else {}
    return SeatReading(
        customer_key=history.customer,
        meter_key=history.meter.meter.key,
        meter_version=history.meter.version,
        scale=history.meter.meter.scale,
        as_of=history.as_of,
        provisional=history.provisional,
        behind=history.behind,
        months=tuple(
            _month(history, one, notes, present=present.get(one.index), names=names)
            for one in numbers
        ),
    )


def read_seats(
    reader: Reader,
    asked: Asked,
    *,
    customer: str,
    periods: Iterable[tuple[int, Period]],
) -> list[SeatPeriod]:
    """
    Return the numbers alone of what `read_months` says.
    """
    history = SeatHistory.of(reader, asked, customer)
    return running_periods(history.running, periods, as_of=asked.moment)


def level_changes(  # noqa: PLR0913 - of which meter, of whom, and as of when
    reader: Reader,
    *,
    meter_key: str,
    customer: str,
    moment: dt.datetime,
    place: int | None = None,
    version: int | None = None,
) -> list[LevelChange]:
    """
    Return the moments up to *moment* from which another level of seats holds.

    The first one is when anything was known at all. Errors are those of `read_months`.

    Args:
        reader: One snapshot.

        meter_key: Of which meter: of members, or of levels without groups.

        customer: Whose.

        moment: What occurred after it is not counted. In UTC.

        place: The last place to read; None for all there is.

        version: Of the meter; None for the latest.
    """
    asked = Asked(
        meter_key=meter_key, version=version, by=(), moment=moment, place=place
    )
    return seats.level_changes(SeatHistory.of(reader, asked, customer).running)


def _month(
    history: SeatHistory,
    numbers: SeatPeriod,
    notes: Sequence[SeatNote],
    *,
    present: tuple[str, ...] | None,
    names: bool,
) -> SeatMonth:
    """
    Return one period with who made its peak, and what was noted.
    """
    reached = numbers.reached_at if numbers.peak_units else None
    makers = [] if reached is None else makers_of(history, to_micros(reached))
    return SeatMonth(
        seats=numbers,
        made_by=tuple(shown(history, makers[:MADE_BY_MAX], names=names)),
        made_by_count=len(makers),
        present=present,
        definitions=_definitions(history, numbers.period),
        notes=tuple(note for note in notes if note.at in numbers.period),
    )


def _present(
    history: SeatHistory, numbers: Sequence[SeatPeriod], *, names: bool
) -> dict[int, tuple[str, ...]]:
    """
    Return, by the number of the period, who was there at its peak.
    """
    in_order = sorted(numbers, key=lambda one: one.peak_at)
    moments = [to_micros(one.peak_at) for one in in_order]
    found = list(present_at(history.running, moments))
    everybody = frozenset[int]().union(*found)
    known = history.snapshot.names(everybody) if names else {}
    return {
        one.index: tuple(sorted(str(shown_name(known, who)) for who in present))
        for one, present in zip(in_order, found, strict=True)
    }


def _definitions(history: SeatHistory, period: Period) -> tuple[int, ...]:
    """
    Return the versions of what counts in *period*: that of the last change before it,
    and those named inside it.
    """
    inside: set[int] = set()
    before: list[tuple[int, int]] = []
    for definition, moments in history.definitions.seen_at.items():
        first = bisect_left(moments, period.start_us)
        if first:
            before.append((moments[first - 1], definition))
        if first < bisect_left(moments, period.end_us):
            inside.add(definition)
    return tuple(sorted(inside | {definition for _, definition in sorted(before)[-1:]}))
