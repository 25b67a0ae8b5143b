"""
Verifying a book: does what is kept agree with itself?

Facts first: every entry's fingerprint is what its content says, and places have no
gaps. Then what the worker derived: every event is posted as its entry says, what is
void does not count, and every rollup row is what folding the entries anew gives.
"""

from __future__ import annotations

import datetime as dt

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meterbook.foundation.instants import DAY, to_micros
from meterbook.metering.admission import fingerprint
from meterbook.ports import NOBODY, VOID
from meterbook.services.compiling import by_type, read_state
from meterbook.services.sampling import facts_left, observe, standing


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.metering.tallies import State
    from meterbook.ports import Reader, Sighting, StoredEntry
    from meterbook.services.compiling import ActiveMeter
    from meterbook.services.sampling import Observed

# Enough to see what kind of trouble it is; the count says how much there is.
PROBLEMS_SHOWN_MAX = 100

PAGE_ENTRIES = 10_000

# The first and the last instant of the years 1 to 9999. No event is at the last: it
# would be in the future.
BEFORE_ALL = to_micros(dt.datetime.min.replace(tzinfo=dt.UTC))
AFTER_ALL = to_micros(dt.datetime.max.replace(tzinfo=dt.UTC))

# Of one meter and customer: grouped or not, hours, bucket, group.
_RowKey = tuple[int, int, int, str]


@dataclass(slots=True, kw_only=True)
class Verification:
    """
    What verifying found.

    Attributes:
        entries: How many entries were looked at.

        rollups: How many rollup rows and sightings were computed anew.

        problems: A sentence each, the first PROBLEMS_SHOWN_MAX.

        problems_count: How many there are.
    """

    entries: int = 0
    rollups: int = 0
    problems: list[str] = field(default_factory=list)
    problems_count: int = 0

    @property
    def sound(self) -> bool:
        """
        Tell whether nothing is wrong.
        """
        return self.problems_count == 0

    def add(self, problem: str) -> None:
        """
        Note a problem.
        """
        self.problems_count += 1
        if len(self.problems) < PROBLEMS_SHOWN_MAX:
            self.problems.append(problem)


def verify(
    reader: Reader, *, progress: Callable[[str, int], None] | None = None
) -> Verification:
    """
    Check a whole book in one snapshot, and change nothing.

    Args:
        reader: The snapshot.

        progress: Called with what is being looked at, and how many so far.
    """
    found = Verification()
    tell = progress or (lambda _what, _count: None)
    posted = reader.marks().posted
    _check_entries(reader, posted, found, tell)
    for problem in reader.contradictions():
        found.add(problem)
    meters = by_type(row for row in reader.meters() if row.rolled == posted)
    for type_, readers in meters.items():
        for customer in _customers(reader, type_, readers):
            _check_customer(reader, readers, customer, found)
            tell("rollup rows", found.rollups)
    return found


def _customers(reader: Reader, type_: str, meters: Sequence[ActiveMeter]) -> list[str]:
    """
    Return who has postings of a type, and who has rollups of its *meters*.
    """
    known = {NOBODY, *reader.customers(type_=type_)}
    for meter in meters:
        known.update(reader.bucket_owners(meter_id=meter.meter_id))
    return sorted(known)


def _check_entries(
    reader: Reader,
    posted: int,
    found: Verification,
    tell: Callable[[str, int], None],
) -> None:
    voids: list[StoredEntry] = []
    for entry in _numbered(reader):
        found.entries += 1
        if fingerprint_of(entry) != entry.fingerprint:
            found.add(
                f"entry {entry.entry_id} ({entry.source}, {entry.event_id}): its "
                "content is not what its fingerprint says: it was changed after it "
                "was recorded"
            )
        if entry.kind == VOID and (entry.seq or 0) <= posted:
            voids.append(entry)
        if found.entries % PAGE_ENTRIES == 0:
            _check_voids(reader, voids, posted, found)
            voids.clear()
            tell("entries", found.entries)
    _check_voids(reader, voids, posted, found)
    tell("entries", found.entries)


def _check_voids(
    reader: Reader, voids: Sequence[StoredEntry], posted: int, found: Verification
) -> None:
    """
    Check that what *voids* take back is known to be void, and counts for nobody.
    """
    ids = {int(void.event_id) for void in voids}
    targets = [
        entry for id_ in sorted(ids) if (entry := reader.entry_by_id(id_)) is not None
    ]
    known = reader.voided(ids)
    counted = _counted(reader, targets, posted)
    for entry in targets:
        if entry.entry_id not in known or entry.seq in counted:
            found.add(
                f"entry {entry.entry_id} ({entry.source}, {entry.event_id}): it is "
                "void, and was not taken back"
            )


def _counted(reader: Reader, events: Sequence[StoredEntry], posted: int) -> set[int]:
    """
    Return the places, of *events* and what occurred with them, that count for anybody.
    """
    subjects = {event.subject_id for event in events if event.subject_id is not None}
    payers: dict[int | None, set[str]] = defaultdict(lambda: {NOBODY})
    for row in reader.attributions(subjects) if subjects else ():
        payers[row.subject_id].add(row.customer or NOBODY)
    at = {
        (customer, event.type, event.occurred_at)
        for event in events
        for customer in (
            payers[event.subject_id] if event.customer is None else {event.customer}
        )
    }
    return {
        effect.place
        for customer, type_, moment in at
        for effect in standing(
            reader.effects(
                customer=customer,
                type_=type_,
                start=moment,
                end=moment + 1,
                upto=posted,
            )
        )
    }


def _numbered(reader: Reader) -> Iterator[StoredEntry]:
    after = 0
    numbered = reader.marks().numbered
    while after < numbered:
        page = [
            entry
            for entry in reader.tail(after=after, limit=PAGE_ENTRIES)
            if entry.seq is not None
        ]
        yield from page
        if not page:
            return
        after = page[-1].seq or numbered


def fingerprint_of(entry: StoredEntry) -> bytes:
    """
    Return the fingerprint that the content of *entry* has now.
    """
    return fingerprint(
        source=entry.source,
        event_id=entry.event_id,
        type=entry.type,
        subject_ref=entry.subject_id,
        customer=entry.customer,
        actor_ref=entry.actor_id,
        time_us=entry.occurred_at if entry.time_given else None,
        data=entry.data.encode(),
    )


def _check_customer(
    reader: Reader,
    meters: Sequence[ActiveMeter],
    customer: str,
    found: Verification,
) -> None:
    """
    Check what all *meters* of a type say of one customer: its entries are read once.
    """
    type_ = meters[0].meter.event_type
    effects = reader.effects(
        customer=customer,
        type_=type_,
        start=BEFORE_ALL,
        end=AFTER_ALL,
        upto=reader.marks().posted,
    )
    facts = facts_left(effects, customer=customer, type_=type_, origin=0)
    for meter in meters:
        observed = observe(meter, facts)
        _check_rollups(reader, meter, customer, observed, found)
        if meter.is_unique:
            _check_sightings(reader, meter, customer, observed, found)


def _check_rollups(
    reader: Reader,
    meter: ActiveMeter,
    customer: str,
    observed: Observed,
    found: Verification,
) -> None:
    whose = customer if customer != NOBODY else "(unattributed)"
    what = f"meter {meter.meter.key!r} of {whose!r}"
    expected = _rows(meter, observed)
    stored = dict(_stored_rows(reader, meter, customer))
    found.rollups += len(expected)
    for key in expected.keys() | stored.keys():
        if expected.get(key) != stored.get(key):
            found.add(f"{what}: the rollup at {key} is not the fold of its entries")


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
                yield key, read_state(row.state)


def _check_sightings(
    reader: Reader,
    meter: ActiveMeter,
    customer: str,
    observed: Observed,
    found: Verification,
) -> None:
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
    found.rollups += len(expected)
    for sighting in expected ^ stored:
        found.add(
            f"meter {meter.meter.key!r}: the sighting of {sighting.key} is not what "
            "its entries say"
        )
