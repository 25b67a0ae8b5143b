"""
Reading the months of an installation's licences, at a place in its book.

What a report says and what the report card shows come from here, so that they are the
same numbers. Seats are folded once for a meter, whichever months are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidQueryError, StoreError
from meterbook.foundation.instants import to_micros, to_moment
from meterbook.licensing.reports import ReportedMonth, Total
from meterbook.licensing.timelines import held_in, peak_of, said_briefly
from meterbook.metering.aggregations import Aggregation
from meterbook.metering.members import present_at
from meterbook.metering.seats import Knowledge, level_changes
from meterbook.services.entries.naming import names_of
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings import usage
from meterbook.services.seats.seat_history import SeatHistory


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence

    from meterbook.foundation.periods import Period
    from meterbook.licensing.months import LicenceMonth
    from meterbook.metering.members import Running
    from meterbook.metering.seats import LevelChange
    from meterbook.ports import Reader
    from meterbook.services.installations.instances import Instance
    from meterbook.services.readings.usage import Asked


# What of several installations can be added, and of several epochs.
ADDED = frozenset({Aggregation.SUM, Aggregation.COUNT})

# Who was there and whose name has been erased since.
ERASED = "(erased)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """
    Whose months are read, and as of when.

    Attributes:
        customer: Whose.

        instance: Which installation, and since when it counts.

        place: The last place that is read.

        moment: What occurred after it is not counted.

        totals: Further meters to read.

        names: Whether to say who was there at the peak.
    """

    customer: str
    instance: Instance
    place: int
    moment: dt.datetime
    totals: tuple[str, ...]
    names: bool


def read_months(
    reader: Reader, asking: Asking, months: Sequence[LicenceMonth]
) -> list[ReportedMonth]:
    """
    Return what is to be said of each of *months*.

    Raises:
        UnknownMeterError: If the book does not have a meter that the licence names.

        InvalidQueryError: If one of them is of a kind that cannot be reported.
    """
    histories = {
        meter: _history(reader, meter, asking)
        for meter in dict.fromkeys(month.meter for month in months)
    }
    found = [_month(reader, asking, month, *histories[month.meter]) for month in months]
    for meter in asking.totals:
        totals = _totals(reader, meter, asking, [month.period for month in months])
        found = [
            _with_total(month, total)
            for month, total in zip(found, totals, strict=True)
        ]
    return found


def _history(
    reader: Reader, meter_key: str, asking: Asking
) -> tuple[Running, list[LevelChange]]:
    """
    Return the level of a meter after each change, and where it changes.
    """
    asked = _asked(meter_key, asking, asking.place)
    running = SeatHistory.of(reader, asked, asking.customer).running
    return running, level_changes(running)


def _month(
    reader: Reader,
    asking: Asking,
    month: LicenceMonth,
    running: Running,
    changes: Sequence[LevelChange],
) -> ReportedMonth:
    period = month.period
    end = min(period.end_us, to_micros(asking.moment) + 1)
    held = held_in(changes, start=period.start_us, end=end)
    peak = peak_of(held)
    resolution, levels = said_briefly(held, end=end)
    members = None
    if asking.names and peak is not None and running.turns:
        members = _present(reader, running, peak.at)
    return ReportedMonth(
        month=month.month,
        meter=month.meter,
        period=period,
        complete=period.end <= asking.moment,
        knowledge=_knowledge(held, period),
        peak_units=0 if peak is None else peak.units,
        peak_at=None if peak is None else to_moment(peak.at),
        end_units=held[-1].units if held else 0,
        seats=month.seats,
        resolution=resolution,
        levels=tuple(levels),
        members=members,
    )


def _knowledge(held: Sequence[LevelChange], period: Period) -> Knowledge:
    if not held:
        return Knowledge.UNKNOWN

    return Knowledge.KNOWN if held[0].at == period.start_us else Knowledge.PARTLY


def _present(reader: Reader, running: Running, at: int) -> tuple[str, ...]:
    """
    Return the names of who was there at a moment.
    """
    [present] = present_at(running, [at])
    names = names_of(reader, present)
    return tuple(sorted(names.get(member, ERASED) for member in present))


def _totals(
    reader: Reader, meter_key: str, asking: Asking, periods: Sequence[Period]
) -> list[Total]:
    """
    Return what a further meter says of each of *periods*, since the epoch began.
    """
    row = usage.find_meter(reader, meter_key, None)
    meter = compiled(row).meter
    if meter.aggregation not in ADDED:
        message = (
            f"The licence asks for totals of the meter {meter_key}, which is a "
            f"{meter.aggregation}: only sums and counts can be added."
        )
        raise InvalidQueryError(message)

    units = _units(reader, _asked(meter_key, asking, asking.place), asking, periods)
    if asking.instance.since_epoch:
        began = asking.instance.place
        if began is None:
            message = "The epoch has just begun and has no place yet: try again."
            raise StoreError(message, retryable=True)
        before = _units(reader, _asked(meter_key, asking, began), asking, periods)
        units = [now - then for now, then in zip(units, before, strict=True)]
    return [Total(meter_key, number, meter.scale) for number in units]


def _asked(meter_key: str, asking: Asking, place: int) -> Asked:
    return usage.Asked(
        meter_key=meter_key,
        version=None,
        by=(),
        moment=asking.moment,
        place=place,
    )


def _units(
    reader: Reader, asked: Asked, asking: Asking, periods: Sequence[Period]
) -> list[int]:
    readings = usage.read(reader, asked, customers=[asking.customer], periods=periods)
    units = [reading.units for reading in readings]
    return [int(number) for number in units if isinstance(number, int | Fraction)]


def _with_total(month: ReportedMonth, total: Total) -> ReportedMonth:
    return replace(month, totals=(*month.totals, total))
