"""
Reading meters: for a customer and period, as of a place and a moment.

Every reading of one call is of one snapshot of the book, so they agree with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.foundation.errors import UnknownMeterError
from meterbook.metering.readings import AsOf, Question, finish
from meterbook.services.compiling import compiled
from meterbook.services.searching import find
from meterbook.services.snapshots import Snapshot


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Iterator, Sequence

    from meterbook.foundation.periods import Period
    from meterbook.metering.readings import Reading
    from meterbook.ports import MeterRow, Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    What a caller asks of a meter, for as many customers and periods as there are.

    Attributes:
        meter_key: Which meter.

        version: In which version; None for the latest.

        by: Names of groups to tell apart.

        moment: What occurred after it is not counted. In UTC.

        place: The last place to read; None for all there is.
    """

    meter_key: str
    version: int | None
    by: tuple[str, ...]
    moment: dt.datetime
    place: int | None


def read(
    reader: Reader,
    asked: Asked,
    *,
    customers: Iterable[str],
    periods: Sequence[Period],
) -> Iterator[Reading]:
    """
    Yield the reading of each customer and period, customers first.

    Args:
        reader: One snapshot.

        asked: What is asked.

        customers: Whose usage. One that the book never heard of has used nothing.

        periods: Over which periods.

    Raises:
        UnknownMeterError: If there is no such meter, or not in that version.

        UnknownPlaceError: If the place is not numbered yet.

        InvalidQueryError: If the meter has no such groups.
    """
    row = find_meter(reader, asked.meter_key, asked.version)
    snapshot = Snapshot.of(reader, place=asked.place)
    for customer in customers:
        for period in periods:
            yield _read_one(snapshot, row, asked, customer, period)


def _read_one(
    snapshot: Snapshot, row: MeterRow, asked: Asked, customer: str, period: Period
) -> Reading:
    meter = compiled(row)
    tail = snapshot.tail(customer)
    if asked.place is not None:
        place: int | None = asked.place
    elif tail.too_long:
        place = snapshot.marks.posted
    else:
        place = None if tail.unnumbered else snapshot.marks.numbered
    question = Question(
        customer_key=customer,
        meter=meter.meter,
        meter_version=row.version,
        period=period,
        as_of=AsOf(place, asked.moment),
        by=asked.by,
    )
    whole, groups = find(snapshot, meter, row.rolled, question)
    return finish(
        question, whole, groups, provisional=tail.unnumbered, behind=tail.too_long
    )


def find_meter(reader: Reader, meter_key: str, version: int | None) -> MeterRow:
    """
    Return a version of a meter; the latest if *version* is None.

    Raises:
        UnknownMeterError: If there is none.
    """
    rows = [row for row in reader.meters() if row.meter_key == meter_key]
    for row in reversed(rows):
        if version is None or row.version == version:
            return row

    if rows:
        message = (
            f"meter {meter_key!r} has no version {version}: "
            f"the latest is {rows[-1].version}."
        )
        raise UnknownMeterError(message)

    known = sorted({row.meter_key for row in reader.meters()})
    has = f"the book has {', '.join(known[:10])}" if known else "the book has none yet"
    message = (
        f"there is no meter {meter_key!r}: {has}. Define it in a catalog file and "
        "apply that."
    )
    raise UnknownMeterError(message)
