"""
Reading meters: for a customer and period, as of a place and a moment.

Every reading of one call is of one snapshot of the book, so they agree with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidQueryError, UnknownMeterError
from meterbook.metering.readings import AsOf, Question, finish
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.pooling import pooled, pooled_groups
from meterbook.services.readings.searching import find
from meterbook.services.readings.snapshots import Snapshot


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Iterator, Sequence

    from meterbook.foundation.periods import Period
    from meterbook.metering.readings import Partial, Reading
    from meterbook.ports import MeterRow, Reader
    from meterbook.services.readings.snapshots import Tail

# Whose reading it is when several customers are pooled.
EVERYBODY = "*"


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


def read_pooled(
    reader: Reader,
    asked: Asked,
    *,
    customers: Iterable[str],
    periods: Sequence[Period],
) -> Iterator[Reading]:
    """
    Yield the reading of all *customers* together, for each period.

    What several customers used is added up, and a key that several of them used is
    counted once. The reading's customer is EVERYBODY.

    Args:
        reader: One snapshot.

        asked: What is asked.

        customers: Who are pooled.

        periods: Over which periods.

    Raises:
        InvalidQueryError: If the meter reads levels, which do not add up over time.

        UnknownMeterError: As of `read`; UnknownPlaceError, too.
    """
    row = find_meter(reader, asked.meter_key, asked.version)
    meter = compiled(row)
    if meter.is_level:
        message = (
            f"meter {row.meter_key!r} reads levels, and the levels of several "
            "customers do not add up: read each of them"
        )
        raise InvalidQueryError(message)

    snapshot = Snapshot.of(reader, place=asked.place)
    everybody = sorted(set(customers))
    behind = any(snapshot.tail(customer).too_long for customer in everybody)
    if behind:
        # Else some would be read as of one place, and some as of another.
        snapshot = snapshot.without_tail()
    for period in periods:
        found = [
            _find(snapshot, row, asked, customer, period, which_keys=True)
            for customer in everybody
        ]
        tails = [snapshot.tail(customer) for customer in everybody]
        whole = pooled(meter, "", [whole for whole, _ in found])
        groups = pooled_groups(meter, [groups for _, groups in found])
        yield finish(
            _question(snapshot, row, asked, EVERYBODY, period, tails),
            whole,
            groups,
            provisional=any(tail.unnumbered for tail in tails),
            behind=behind,
        )


def _read_one(
    snapshot: Snapshot, row: MeterRow, asked: Asked, customer: str, period: Period
) -> Reading:
    tail = snapshot.tail(customer)
    whole, groups = _find(snapshot, row, asked, customer, period, which_keys=False)
    return finish(
        _question(snapshot, row, asked, customer, period, [tail]),
        whole,
        groups,
        provisional=tail.unnumbered,
        behind=tail.too_long,
    )


def _find(  # noqa: PLR0913 - what is asked, of whom, and how much of it
    snapshot: Snapshot,
    row: MeterRow,
    asked: Asked,
    customer: str,
    period: Period,
    *,
    which_keys: bool,
) -> tuple[Partial, list[Partial]]:
    question = _question(
        snapshot, row, asked, customer, period, [snapshot.tail(customer)]
    )
    meter = compiled(row)
    return find(snapshot, meter, row.rolled, question, which_keys=which_keys)


def _question(  # noqa: PLR0913, PLR0917 - likewise
    snapshot: Snapshot,
    row: MeterRow,
    asked: Asked,
    customer: str,
    period: Period,
    tails: Sequence[Tail],
) -> Question:
    return Question(
        customer_key=customer,
        meter=compiled(row).meter,
        meter_version=row.version,
        period=period,
        as_of=AsOf(snapshot.cited(tails), asked.moment),
        by=asked.by,
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
