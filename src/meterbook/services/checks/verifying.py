"""
Verifying a book: does what is kept agree with itself?

::

    facts      entries       each has the content that its fingerprint is of
               places        no gaps, and none beyond the mark
               attributions  what their entries say
               meters        versions from 1 on, each definition in its canonical text
               checkpoints   each has the root over what the entries say now
    derived    postings      of each event what it says; corrected by entries alone
               voids, types  what the entries come to
               unusable      what each meter makes of the entries, looked at anew
               rollups       the fold of the postings, up to where they are rolled
               tree          the hashes of what the entries say now
               marks         none is ahead of what it follows

What it does not tell:

- A fingerprint covers what the source stated, and a leaf of the tree also the kind, the
  entry id, `recorded_at` and the receipt time of an event that stated none: neither has
  `extensions`, nor names of people, which may be erased.
- Of definitions that make the same rollups of the same events (sum, average, min and
  max; a unit or a description) one can take the place of another.
- Unusable rows of events that are void are in no answer, and are not looked at.
- Somebody who makes a whole book anew, fingerprints, tree and all, makes a sound book:
  who keeps a checkpoint of the old one can tell.

Laws (tests/services/test_verifying.py, tests/services/test_verifying_facts.py):
    - *No alarm*: a book that only meterbook wrote is sound, wherever its worker is.
    - *Named*: each of the above, changed by plain SQL, is in a sentence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from meterbook.foundation.errors import InvalidMeterError
from meterbook.metering.admission import fingerprint
from meterbook.metering.meters import meter_from
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope
from meterbook.ports import EVENT, NOBODY, VOID
from meterbook.services.checks.refolding import owners, refold
from meterbook.services.checks.verifying_tree import TreeCheck
from meterbook.services.meters.compiling import compiled
from meterbook.services.worker.posting import place_of
from meterbook.services.worker.sampling import decode_data, standing


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.ports import Marks, MeterRow, Reader, StoredEntry
    from meterbook.services.meters.compiling import ActiveMeter

# Enough to see what kind of trouble it is; the count says how much there is.
PROBLEMS_SHOWN_MAX = 100

# Entries in memory at a time, beside those of one customer and type.
PAGE_ENTRIES = 10_000

# What can be wrong with a definition.
_UNREADABLE: Final = "its definition cannot be read: it was changed"
_OTHER_TEXT: Final = "its definition is not in its canonical text: it was changed"


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


class _Used(NamedTuple):
    """
    A meter whose definition can be read, and the place it is rolled to.
    """

    meter: ActiveMeter
    rolled: int


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
    marks = reader.marks()
    if marks.posted > marks.numbered:
        found.add(
            f"the mark of postings is at place {marks.posted}, ahead of the last "
            f"numbered one, {marks.numbered}"
        )
    meters = list(_sound_meters(reader, marks, found))
    _check_entries(reader, marks, meters, found, tell)
    for problem in reader.contradictions():
        found.add(problem)
    _check_rollups(reader, meters, found, tell)
    return found


def _sound_meters(reader: Reader, marks: Marks, found: Verification) -> Iterator[_Used]:
    """
    Yield the meters that can be used, and note what is wrong with any.
    """
    versions: Counter[str] = Counter()
    for row in reader.meters():
        name = f"meter {row.meter_key!r} version {row.version}"
        versions[row.meter_key] += 1
        if row.version != versions[row.meter_key]:
            found.add(f"{name}: its versions are not counted from 1 without gaps")
            versions[row.meter_key] = row.version
        if row.rolled > marks.posted:
            found.add(
                f"{name}: its mark is at place {row.rolled}, ahead of the last posted "
                f"one, {marks.posted}"
            )
        fault = _fault_of(row)
        if fault is not None:
            found.add(f"{name}: {fault}")
        if fault != _UNREADABLE:
            yield _Used(compiled(row), min(row.rolled, marks.posted))


def _fault_of(row: MeterRow) -> str | None:
    """
    Return what is wrong with a definition: nobody but meterbook writes one like that.
    """
    try:
        meter = meter_from(row.meter_key, msgspec.json.decode(row.definition))
    except (InvalidMeterError, msgspec.DecodeError):
        return _UNREADABLE
    text = msgspec.json.encode(meter.definition(), order="deterministic").decode()
    return None if text == row.definition else _OTHER_TEXT


def _check_rollups(
    reader: Reader,
    meters: Sequence[_Used],
    found: Verification,
    tell: Callable[[str, int], None],
) -> None:
    """
    Fold anew what is rolled up: the entries are read once for meters of one type.
    """
    together: dict[tuple[str, int], list[ActiveMeter]] = defaultdict(list)
    for used in meters:
        together[used.meter.meter.event_type, used.rolled].append(used.meter)
    for (_, rolled), readers in together.items():
        for customer in owners(reader, readers):
            for told in refold(reader, readers, customer, upto=rolled):
                if isinstance(told, str):
                    found.add(told)
                else:
                    found.rollups += told
            tell("rollup rows", found.rollups)


def _check_entries(
    reader: Reader,
    marks: Marks,
    meters: Sequence[_Used],
    found: Verification,
    tell: Callable[[str, int], None],
) -> None:
    """
    Look at every numbered entry, a page at a time, and at what is kept of it.
    """
    types: Counter[str] = Counter()
    tree = TreeCheck(reader, found.add)
    for page in _pages(reader, marks.numbered):
        fingerprints = [fingerprint_of(entry) for entry in page]
        for entry, said in zip(page, fingerprints, strict=True):
            if said != entry.fingerprint:
                found.add(
                    f"entry {entry.entry_id} ({entry.source}, {entry.event_id}): its "
                    "content is not what its fingerprint says: it was changed after "
                    "it was recorded"
                )
        tree.look(page, fingerprints)
        posted = [entry for entry in page if place_of(entry) <= marks.posted]
        types.update(entry.type for entry in posted if entry.kind == EVENT)
        voids = [entry for entry in posted if entry.kind == VOID]
        _check_voids(reader, voids, marks.posted, found)
        for used in meters:
            _check_unusable(reader, used, page, found)
        found.entries += len(page)
        tell("entries", found.entries)
    tree.end(marks.numbered)
    _check_types(reader, types, found)


def _check_types(reader: Reader, types: Counter[str], found: Verification) -> None:
    stored = reader.types()
    for type_ in sorted(stored.keys() | types.keys()):
        if stored.get(type_) != types.get(type_):
            found.add(
                f"type {type_!r}: {types[type_]} events are posted, and "
                f"{stored.get(type_, 0)} counted"
            )


def _check_unusable(
    reader: Reader, used: _Used, page: Sequence[StoredEntry], found: Verification
) -> None:
    """
    Check that what is listed as unusable, of *page*, is what the meter cannot take.

    What is void by now may be listed or not: no answer shows it.
    """
    first, last = place_of(page[0]), place_of(page[-1])
    meter_id = used.meter.meter_id
    listed = {
        place: reason
        for place, reason, _ in reader.unusable(
            meter_id=meter_id, after=first - 1, limit=len(page)
        )
        if place <= last
    }
    refused = dict(_refused(used, page))
    differing = {
        place
        for place in listed.keys() | refused.keys()
        if listed.get(place) != refused.get(place)
    }
    if not differing:
        return

    wrong = [entry for entry in page if place_of(entry) in differing]
    void = reader.voided([entry.entry_id for entry in wrong])
    for entry in wrong:
        if entry.entry_id not in void:
            found.add(
                f"meter {used.meter.meter.key!r}: that entry {entry.entry_id} "
                f"({entry.source}, {entry.event_id}) is unusable or not is not what "
                "it says"
            )


def _refused(used: _Used, page: Sequence[StoredEntry]) -> Iterator[tuple[int, str]]:
    """
    Yield (place, reason) of the events of *page* that a meter was rolled to, and cannot
    take. Data that is no JSON any more is left to its fingerprint.
    """
    type_ = used.meter.meter.event_type
    for entry in page:
        place = place_of(entry)
        if entry.kind != EVENT or entry.type != type_ or place > used.rolled:
            continue
        try:
            data = decode_data(entry.data)
        except msgspec.DecodeError:
            continue
        envelope = Envelope(entry.source, type_, entry.subject_id, entry.actor_id)
        seen = used.meter.observe(data, envelope)
        if isinstance(seen, Unusable):
            yield place, seen.reason


def _check_voids(
    reader: Reader, voids: Sequence[StoredEntry], posted: int, found: Verification
) -> None:
    """
    Check that what *voids* take back is known to be void, and counts for nobody.
    """
    if not voids:
        return

    # Of one that is no number its fingerprint tells.
    ids = {int(void.event_id) for void in voids if void.event_id.isdecimal()}
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


def _pages(reader: Reader, numbered: int) -> Iterator[list[StoredEntry]]:
    """
    Yield the numbered entries in order of place, PAGE_ENTRIES at a time.
    """
    after = 0
    while after < numbered:
        page = [
            entry
            for entry in reader.tail(after=after, limit=PAGE_ENTRIES)
            if entry.seq is not None
        ]
        if not page:
            return
        yield page
        after = place_of(page[-1])


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
