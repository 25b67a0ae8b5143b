"""
Folding anew what the worker keeps, to see whether it is still that.

::

    postings up to the place that a meter is rolled to --fold--> rows
                                                                  | the same?
                                       rollups, sightings of that meter

The entries of one customer and type are in memory at a time.
"""

from __future__ import annotations

import datetime as dt

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from meterbook.foundation.instants import DAY, to_micros
from meterbook.ports import NOBODY
from meterbook.services.meters.compiling import read_state
from meterbook.services.worker.sampling import facts_left, observe


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterbook.metering.tallies import State
    from meterbook.ports import Reader, Sighting
    from meterbook.services.meters.compiling import ActiveMeter
    from meterbook.services.worker.sampling import Observed

# The first and the last instant of the years 1 to 9999. No event is at the last: it
# would be in the future.
BEFORE_ALL = to_micros(dt.datetime.min.replace(tzinfo=dt.UTC))
AFTER_ALL = to_micros(dt.datetime.max.replace(tzinfo=dt.UTC))

# Of one meter and customer: grouped or not, hours, bucket, group.
_RowKey: TypeAlias = tuple[int, int, int, str]


def owners(reader: Reader, meters: Sequence[ActiveMeter]) -> list[str]:
    """
    Return who has postings of the type that *meters* read, or rollups of theirs.

    Nobody is one of them.
    """
    known = {NOBODY, *reader.customers(type_=meters[0].meter.event_type)}
    for meter in meters:
        known.update(reader.bucket_owners(meter_id=meter.meter_id))
    return sorted(known)


def refold(
    reader: Reader, meters: Sequence[ActiveMeter], customer: str, *, upto: int
) -> Iterator[str | int]:
    """
    Yield what is wrong with the rollups of one customer, a sentence each.

    Between them, yield for each meter how many rows there should be.

    Args:
        reader: The snapshot.

        meters: All of one type, and rolled to one place.

        customer: Whose rollups.

        upto: That place.
    """
    type_ = meters[0].meter.event_type
    effects = reader.effects(
        customer=customer, type_=type_, start=BEFORE_ALL, end=AFTER_ALL, upto=upto
    )
    try:
        facts = facts_left(effects, customer=customer, type_=type_, origin=0)
    except msgspec.DecodeError:
        yield f"type {type_!r} of {_named(customer)}: its data cannot be read or folded"
        return

    for meter in meters:
        observed = observe(meter, facts)
        yield from _check_rollups(reader, meter, customer, observed)
        if meter.is_unique:
            yield from _check_sightings(reader, meter, customer, observed)


def _named(customer: str) -> str:
    return repr(customer if customer != NOBODY else "(unattributed)")


def _check_rollups(
    reader: Reader, meter: ActiveMeter, customer: str, observed: Observed
) -> Iterator[str | int]:
    what = f"meter {meter.meter.key!r} of {_named(customer)}"
    expected = _rows(meter, observed)
    stored = dict(_stored_rows(reader, meter, customer))
    yield len(expected)
    for key in expected.keys() | stored.keys():
        if expected.get(key) != stored.get(key):
            yield f"{what}: the rollup at {key} is not the fold of its entries"


def _rows(meter: ActiveMeter, observed: Observed) -> dict[_RowKey, State]:
    """
    Return the rollup rows that *observed* should have.
    """
    rows: dict[_RowKey, State] = {
        (grouped, 1, hour, grp): state
        for _, grouped, hour, grp, state in observed.states(meter)
    }
    days: dict[_RowKey, State | None] = defaultdict(lambda: None)
    for grouped, hours, hour, grp in sorted(rows, key=lambda key: key[2]):
        key = (grouped, 24, hour - hour % DAY, grp)
        days[key] = meter.merge(days[key], rows[grouped, hours, hour, grp])
    return rows | {key: state for key, state in days.items() if state is not None}


def _stored_rows(
    reader: Reader, meter: ActiveMeter, customer: str
) -> Iterator[tuple[_RowKey, State]]:
    """
    Yield the rows that are kept. A state that cannot be read is that of nothing.
    """
    for grouped in (0, 1):
        for hours in (1, 24):
            for row in reader.buckets(
                meter_id=meter.meter_id,
                customer=customer,
                grouped=grouped,
                hours=hours,
                start=BEFORE_ALL,
                end=AFTER_ALL,
            ):
                key = (row.grouped, row.hours, row.bucket, row.grp)
                try:
                    yield key, read_state(row.state)
                except msgspec.DecodeError:
                    yield key, ()


def _check_sightings(
    reader: Reader, meter: ActiveMeter, customer: str, observed: Observed
) -> Iterator[str | int]:
    expected = set(observed.sightings(meter.meter_id))
    stored: set[Sighting] = set()
    for grouped in (0, 1):
        stored.update(
            reader.sightings(
                meter_id=meter.meter_id,
                customer=customer,
                grouped=grouped,
                start=BEFORE_ALL,
                end=AFTER_ALL,
            )
        )
    yield len(expected)
    for sighting in expected ^ stored:
        yield (
            f"meter {meter.meter.key!r}: the sighting of {sighting.key} is not what "
            "its entries say"
        )
