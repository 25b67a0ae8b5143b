"""
Entries as people see them: with names, moments and what was done to them since.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import to_micros, to_moment
from meterbook.ports import ATTRIBUTION, EVENT, STATEMENT, VOID, EntryQuery
from meterbook.services.entries.controls import check_stated
from meterbook.services.entries.naming import names_of, shown_name
from meterbook.services.readings.usage import find_meter


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    from meterbook.ports import Reader, Store, StoredEntry

    Kind: TypeAlias = Literal["event", "void", "attribution", "statement"]


# A page is for a screen or a request; whoever wants more asks for the next.
PAGE_ENTRIES_MAX: Final = 10_000

# What both stores hold: a signed integer of 64 bits.
ID_MAX: Final = 2**63 - 1

KINDS: Final[Mapping[int, Kind]] = {
    EVENT: "event",
    VOID: "void",
    ATTRIBUTION: "attribution",
    STATEMENT: "statement",
}

_decode = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """
    Which entries are meant. Every part that is None does not narrow.

    Attributes:
        customer: As stated in the entry; a customer settled by attribution is not.

        type: What kind of thing happened.

        source: Who states it.

        id: What the source calls it.

        subject: Who used it, or who acted, by name.

        start: The first moment inside, by `occurred_at`. Aware.

        end: The first moment after. Aware.
    """

    customer: str | None = None
    type: str | None = None
    source: str | None = None
    id: str | None = None
    subject: str | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None

    @property
    def is_everything(self) -> bool:
        """
        Tell whether nothing is narrowed.
        """
        return self == EventQuery()

    def resolved(self, reader: Reader, *, kind: int | None) -> EntryQuery | None:
        """
        Return the query in the store's terms; None if it names an unknown subject.

        Raises:
            InvalidInstantError: If *start* or *end* has no zone.

            InvalidQueryError: If a text is blank, or could not have been stored.
        """
        for field in ("customer", "type", "source", "id", "subject"):
            text = getattr(self, field)
            if text is not None:
                check_stated(field, text)
        subject_id = None
        if self.subject is not None:
            subject_id = reader.people([self.subject]).get(self.subject)
            if subject_id is None:
                return None
        return EntryQuery(
            customer=self.customer,
            type=self.type,
            source=self.source,
            event_id=self.id,
            subject_id=subject_id,
            start=None if self.start is None else to_micros(self.start),
            end=None if self.end is None else to_micros(self.end),
            kind=kind,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """
    An entry as people see it.

    Attributes:
        place: Its place in the book's order; None while it is not numbered.

        entry_id: What its outcome named.

        kind: `event`, `void`, `attribution` or `statement`.

        source: Who states it; the book's own entries begin with `meterbook:`.

        id: What the source calls it.

        type: What kind of thing happened.

        customer: Who pays, as stated.

        subject: Who used it; `person-<id>` once the name was erased.

        actor: Who acted, likewise.

        time: When it occurred, in UTC.

        time_given: Whether the source said so; else it is when the book was told.

        recorded_at: When the book was told, by its own clock, in UTC.

        data: The facts; numbers are int or Decimal.

        extensions: Other CloudEvents attributes.

        void_since: The place of the entry that voided it, as far as the worker knows.
    """

    place: int | None
    entry_id: int
    kind: Kind
    source: str
    id: str
    type: str
    customer: str | None
    subject: str | None
    actor: str | None
    time: dt.datetime
    time_given: bool
    recorded_at: dt.datetime
    data: dict[str, object]
    extensions: dict[str, object]
    void_since: int | None


def entries(
    store: Store,
    query: EventQuery,
    *,
    kind: Kind | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[EntryView]:
    """
    Return numbered entries that match, in the book's order.

    Args:
        store: The book's store.

        query: Which ones.

        kind: Only events, voids, attributions or statements.

        after: A cursor: entries at places above it. The last place of a page is the
            cursor of the next.

        limit: How many at most, 1 to PAGE_ENTRIES_MAX.

    Raises:
        InvalidQueryError: If *after*, *limit* or *kind* is out of range.
    """
    check_after(after)
    check_limit(limit)
    codes = [code for code, name in KINDS.items() if name == kind]
    if kind is not None and not codes:
        message = f"kind is {kind!r}; it can be {', '.join(KINDS.values())}."
        raise InvalidQueryError(message)

    with store.reading() as reader:
        resolved = query.resolved(reader, kind=codes[0] if codes else None)
        if resolved is None:
            return []
        return views(reader, reader.entries(resolved, after=after, limit=limit))


@dataclass(frozen=True, slots=True)
class UnusableEntry:
    """
    An event that a meter reads and cannot take. It is not counted.

    Attributes:
        reason: Which field, and what is wrong with it.

        entry: The event.
    """

    reason: str
    entry: EntryView


def unusable(
    store: Store,
    meter_key: str,
    *,
    version: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[UnusableEntry]:
    """
    Return the events that a meter cannot take, in the book's order.

    Those that are void are left out, and so is what the worker has not rolled up yet.

    Args:
        store: The book's store.

        meter_key: Which meter.

        version: In which version; None for the latest.

        after: A cursor: events at places above it.

        limit: How many at most, 1 to PAGE_ENTRIES_MAX.

    Raises:
        UnknownMeterError: If there is no such meter, or not in that version.

        InvalidQueryError: If *after* or *limit* is out of range.
    """
    check_after(after)
    check_limit(limit)
    with store.reading() as reader:
        row = find_meter(reader, meter_key, version)
        found = reader.unusable(meter_id=row.meter_id, after=after, limit=limit)
        shown = views(reader, [entry for _, _, entry in found])
        return [
            UnusableEntry(reason, view)
            for (_, reason, _), view in zip(found, shown, strict=True)
        ]


def views(reader: Reader, found: Sequence[StoredEntry]) -> list[EntryView]:
    """
    Return stored entries as people see them, names looked up for all of them at once.
    """
    people = {entry.subject_id for entry in found}
    people |= {entry.actor_id for entry in found}
    names = names_of(reader, people)
    voided = reader.voided([entry.entry_id for entry in found]) if found else {}
    return [_view(entry, names, voided.get(entry.entry_id)) for entry in found]


def pages(
    reader: Reader, query: EntryQuery, *, size: int, after: int = 0
) -> Iterator[list[StoredEntry]]:
    """
    Yield all numbered entries that match, *size* at a time. No page is empty.
    """
    while found := reader.entries(query, after=after, limit=size):
        yield found
        if len(found) < size:
            return
        last = found[-1].seq
        assert last is not None
        after = last


def is_id(number: object) -> bool:
    """
    Tell whether *number* can be an id or a place: an int that a store can hold.
    """
    return type(number) is int and 0 <= number <= ID_MAX


def check_after(after: int) -> None:
    """
    Check a cursor.

    Raises:
        InvalidQueryError: If it is not 0 to ID_MAX.
    """
    if not is_id(after):
        message = f"after is {after!r}; it can be 0 to {ID_MAX}."
        raise InvalidQueryError(message)


def check_limit(limit: int, *, most: int = PAGE_ENTRIES_MAX) -> None:
    """
    Check how many things are asked for at once.

    Raises:
        InvalidQueryError: If it is not 1 to *most*.
    """
    if type(limit) is not int or not 1 <= limit <= most:
        message = f"limit is {limit!r}; it can be 1 to {most}."
        raise InvalidQueryError(message)


def _view(
    entry: StoredEntry, names: Mapping[int, str], void_since: int | None
) -> EntryView:
    return EntryView(
        place=entry.seq,
        entry_id=entry.entry_id,
        kind=KINDS[entry.kind],
        source=entry.source,
        id=entry.event_id,
        type=entry.type,
        customer=entry.customer,
        subject=shown_name(names, entry.subject_id),
        actor=shown_name(names, entry.actor_id),
        time=to_moment(entry.occurred_at),
        time_given=bool(entry.time_given),
        recorded_at=to_moment(entry.recorded_at),
        data=_decode(entry.data),
        extensions=_decode(entry.extensions) if entry.extensions else {},
        void_since=void_since,
    )
