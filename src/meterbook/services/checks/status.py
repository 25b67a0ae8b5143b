"""
How a book is doing: what it holds, how far the worker has come, and by which clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.instants import to_moment
from meterbook.services.entries.noticing import latest_versions
from meterbook.services.meters.compiling import by_type
from meterbook.services.readings.snapshots import TAIL_ENTRIES_MAX


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.ports import MeterRow, Reader


# More held documents than this are not counted one by one: somebody must look anyway.
QUARANTINED_COUNTED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterStatus:
    """
    How far the worker has come with a meter.

    Attributes:
        meter_key: Which meter, in its latest version.

        version: That version.

        rolled_place: Every entry up to this place is in its rollups.
    """

    meter_key: str
    version: int
    rolled_place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    How a book is doing.

    Attributes:
        now: The moment by the book's own clock, in UTC.

        test_clock: Whether that clock is one that can be moved: not a book to bill by.

        numbered_place: The last place in the book; 0 for an empty one.

        posted_place: The last place whose effect is in the read index.

        waiting_count: How many entries the worker has not posted; counted up to one
            more than a reading folds.

        behind: So many wait that readings answer for the last posted place.

        meters: The latest version of each.

        events_by_type: How many posted events there are of each type.

        unmatched_types: Those of them that no meter reads.

        quarantined_count: How many documents are held, counted to
            QUARANTINED_COUNTED_MAX.
    """

    now: dt.datetime
    test_clock: bool
    numbered_place: int
    posted_place: int
    waiting_count: int
    behind: bool
    meters: tuple[MeterStatus, ...]
    events_by_type: dict[str, int]
    unmatched_types: tuple[str, ...]
    quarantined_count: int


def status(reader: Reader, *, now: int, test_clock: bool) -> Status:
    """
    Return how the book is doing, in one snapshot.

    Args:
        reader: The snapshot.

        now: The moment by the book's clock, in microseconds since 1970.

        test_clock: Whether that is a test clock.
    """
    marks = reader.marks()
    waiting = reader.unposted_count(limit=TAIL_ENTRIES_MAX + 1)
    rows = latest_versions(reader)
    types = reader.types()
    matched = by_type(rows)
    held = reader.quarantined(after=0, limit=QUARANTINED_COUNTED_MAX)
    return Status(
        now=to_moment(now),
        test_clock=test_clock,
        numbered_place=marks.numbered,
        posted_place=marks.posted,
        waiting_count=waiting,
        behind=waiting > TAIL_ENTRIES_MAX,
        meters=tuple(_meter_status(row) for row in rows),
        events_by_type=types,
        unmatched_types=tuple(sorted(types.keys() - matched.keys())),
        quarantined_count=len(held),
    )


def _meter_status(row: MeterRow) -> MeterStatus:
    return MeterStatus(
        meter_key=row.meter_key, version=row.version, rolled_place=row.rolled
    )
