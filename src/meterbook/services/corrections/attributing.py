"""
Attributing: subjects belong to customers, for a time.

::

    ann belongs to     acme            globex           nobody
                  |---------------|---------------|--------------->
               Jan 1            May 1           Sep 1     effective_at

An attribution is an entry. It settles who pays for events that were recorded later and
state no customer, and for earlier ones that nobody pays for yet. What was settled
before stays settled: subjects move between customers, history does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from meterbook.foundation.instants import DAY, INSTANT_MAX, to_micros, to_moment
from meterbook.metering.events import Conflict, Duplicate, Recorded
from meterbook.ports import ATTRIBUTION, NOBODY, AttributionRow
from meterbook.services.entries.controls import (
    ATTRIBUTION_SOURCE,
    ATTRIBUTION_TYPE,
    REASON_CHARS_MAX,
    check_stated,
    control_row,
)
from meterbook.services.entries.listing import check_limit, views
from meterbook.services.entries.naming import (
    named_now,
    names_of,
    person_id_of,
    shown_name,
)
from meterbook.services.entries.trying import persistently
from meterbook.services.worker.sampling import standing


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Iterator, Mapping

    from meterbook.ports import (
        Appended,
        Clock,
        Effect,
        NewEntry,
        Reader,
        Store,
        StoredEntry,
    )
    from meterbook.services.entries.listing import EntryView


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionView:
    """
    From *effective_at* on, the subject belongs to *customer*.

    Attributes:
        effective_at: In UTC.

        customer: None if to nobody.

        entry_id: The attribution's entry.

        place: Its place in the book's order; None while it is not numbered. Of two
            with the same *effective_at* the later placed holds.

        actor: Who said so, if that was stated.

        reason: Why, likewise.
    """

    effective_at: dt.datetime
    customer: str | None
    entry_id: int
    place: int | None
    actor: str | None
    reason: str | None


class Attributor:
    """
    The way to say whose subjects are.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: Callable[[int], str],
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock.

            new_id: Makes an id for an attribution that was given none, of the moment.
        """
        self._store = store
        self._clock = clock
        self._new_id = new_id

    def attribute(  # noqa: PLR0913 - who, whose, since when, says who, and why
        self,
        subject: str,
        customer: str | None,
        *,
        effective_at: dt.datetime,
        actor: str | None = None,
        reason: str | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recorded | Duplicate | Conflict:
        """
        Record that *subject* belongs to *customer*, from *effective_at* on.

        Args:
            subject: By the source's name; it need not have been seen before.

            customer: Whose it is; None for nobody's.

            effective_at: Aware. The past has no limit, and neither has the future.

            actor: Who says so, by name.

            reason: Why.

            id: What the caller calls this, so that a retry is a duplicate. Made if
                absent, and then a retry is another entry that says the same.

        Raises:
            InvalidQueryError: If a name or the reason is blank or cannot be stored.

            InvalidInstantError: If *effective_at* has no zone.
        """
        _check(subject, customer, actor, reason, id)
        now = self._clock.now()
        at, event_id = to_micros(effective_at), id or self._new_id(now)

        def append() -> tuple[Appended, NewEntry]:
            with self._store.writing() as writer:
                ids = named_now(writer, {subject, actor})
                row = control_row(
                    ATTRIBUTION,
                    source=ATTRIBUTION_SOURCE,
                    event_id=event_id,
                    type_=ATTRIBUTION_TYPE,
                    subject_id=ids[subject],
                    actor_id=ids[actor],
                    customer=customer,
                    occurred_at=at,
                    data={"customer": customer, "reason": reason},
                    now=now,
                )
                appended = writer.append([row])
                if appended.known:
                    writer.unname_people(ids.values())
                else:
                    writer.add_attribution(_index_row(row, appended.entry_ids[0]))
            return appended, row

        appended, row = persistently(append)
        entry_id = appended.entry_ids[0]
        if not appended.known:
            return Recorded(entry_id)
        same = appended.known[0].fingerprint == row[11]
        return Duplicate(entry_id) if same else Conflict(entry_id)

    def attributions(self, subject: str) -> list[AttributionView]:
        """
        Return the whole timeline of *subject*, also what a later entry replaced.

        In the book's order, entries that are not numbered yet at the end.

        Raises:
            UnknownSubjectError: If the book knows nobody of this name.
        """
        with self._store.reading() as reader:
            subject_id = person_id_of(reader, subject)
            rows = reader.attributions([subject_id])
            found = [(row, reader.entry_by_id(row.entry_id)) for row in rows]
            names = names_of(reader, {entry.actor_id for _, entry in found if entry})
            return [
                _view(row, entry, names) for row, entry in found if entry is not None
            ]

    def unattributed(self, *, limit: int = 100) -> list[EntryView]:
        """
        Return events that nobody pays for, by type and oldest first, at most *limit*.

        What the worker has not posted yet is not among them.
        """
        check_limit(limit)
        found: list[int] = []
        with self._store.reading() as reader:
            for type_ in reader.types():
                for places in _places_of_nobody(reader, type_):
                    found += places
                    if len(found) >= limit:
                        return _in_order(reader, found[:limit])
            return _in_order(reader, found)


def _index_row(row: NewEntry, entry_id: int) -> AttributionRow:
    """
    Return by what an attribution that was just appended is found.
    """
    subject_id, customer, effective_at = row[4], row[6], row[7]
    assert subject_id is not None
    return AttributionRow(subject_id, effective_at, customer, entry_id, seq=None)


def _places_of_nobody(reader: Reader, type_: str) -> Iterator[list[int]]:
    """
    Yield the places of events of a type that are posted under nobody, oldest first.

    Each stretch of time is twice as long as the last, so that a short list is found
    without reading a long one, and a long silence costs little.
    """
    start = reader.first_effect_at(customer=NOBODY, type_=type_)
    upto = reader.marks().posted
    length = DAY
    while start is not None and start <= INSTANT_MAX:
        end = min(start + length, INSTANT_MAX + 1)
        effects = reader.effects(
            customer=NOBODY, type_=type_, start=start, end=end, upto=upto
        )
        yield [effect.place for effect in sorted(standing(effects), key=_by_time)]
        start, length = end, 2 * length


def _in_order(reader: Reader, places: list[int]) -> list[EntryView]:
    """
    Return the entries at *places* as people see them, in the order of *places*.
    """
    found = {view.place: view for view in views(reader, reader.entries_at(places))}
    return [found[place] for place in places]


def _by_time(effect: Effect) -> tuple[int, int]:
    return effect.occurred_at, effect.place


def _view(
    row: AttributionRow, entry: StoredEntry, names: Mapping[int, str]
) -> AttributionView:
    reason = msgspec.json.decode(entry.data)["reason"]
    return AttributionView(
        effective_at=to_moment(row.effective_at),
        customer=row.customer,
        entry_id=row.entry_id,
        place=row.seq,
        actor=shown_name(names, entry.actor_id),
        reason=reason,
    )


def _check(
    subject: str,
    customer: str | None,
    actor: str | None,
    reason: str | None,
    event_id: str | None,
) -> None:
    """
    Check what an attribution states.

    Raises:
        InvalidQueryError: If something of it is blank, or cannot be stored.
    """
    check_stated("subject", subject)
    for field, text in (("customer", customer), ("actor", actor), ("id", event_id)):
        if text is not None:
            check_stated(field, text)
    if reason is not None:
        check_stated("reason", reason, chars_max=REASON_CHARS_MAX)
