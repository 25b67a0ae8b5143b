"""
The model: a book as a list, and readings as loops over it.

Everything that the other stores do with indexes, rollups and transactions is here done
in the plainest way that can be right: an answer is worked out from the whole list each
time. It is far too slow to bill by, and short enough to be believed. The promise suite
asks it and the real stores the same questions and compares.

::

    place      1        2        3          4          5
    entries  [event,  event,   attribution, void of 1, event, ...]

Laws (tests/stores/test_promise.py):
    - Every store gives the answers that this one gives.
"""

from __future__ import annotations

import contextlib
import itertools

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from meterbook.foundation.errors import (
    AlreadyVoidError,
    UnknownEntryError,
    UnknownMeterError,
)
from meterbook.foundation.instants import to_micros, to_moment
from meterbook.metering.admission import Admitted, admit
from meterbook.metering.attribution import Attribution, payer
from meterbook.metering.events import Conflict, Duplicate, Recorded, Refused, Warn
from meterbook.metering.meters import Envelope, Unusable, compile_meter, meter_from
from meterbook.metering.readings import AsOf, Fact, Question, read_facts
from meterbook.stores.memory_live import MemoryLive


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterator, Mapping, Sequence

    from meterbook.foundation.periods import Period
    from meterbook.metering.events import Event, Recording
    from meterbook.metering.meters import Meter
    from meterbook.metering.readings import Reading


_decode = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class EventEntry:
    """
    An event that was recorded at a place.
    """

    place: int
    said: Admitted


@dataclass(frozen=True, slots=True)
class VoidEntry:
    """
    From its place on, the event at *target* does not count.

    Attributes:
        in_favour_of: The identity of the event that replaces it, if there is one.
    """

    place: int
    target: int
    in_favour_of: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class AttributionEntry:
    """
    An attribution of a subject that was recorded at a place, under an id.
    """

    place: int
    id: str
    subject: str
    said: Attribution


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """
    A fact that was stated at a place, under an id.

    Attributes:
        customer: About whom; '' if about the book itself.

        at: Since when it holds, in microseconds.
    """

    place: int
    id: str
    type: str
    customer: str
    at: int
    body: dict[str, object]


class MemoryBook:
    """
    A book in a list. Its methods are those of `Book`, as far as it has them.

    A place and an entry's id are the same here: the position in the list, from 1.

    Attributes:
        entries: All that was recorded, in order.

        meters: The versions of each meter, the latest last.

        waiting: Changes of seats that are no entries yet. Readings count them.
    """

    def __init__(self, *, test_clock: dt.datetime) -> None:
        """
        Begin an empty book.

        Args:
            test_clock: The moment it is, from then on. Aware.
        """
        self.entries: list[
            EventEntry | VoidEntry | AttributionEntry | StatementEntry
        ] = []
        self.meters: dict[str, list[Meter]] = {}
        self.waiting: list[Admitted] = []
        self._people: dict[str, int] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._changes = 0
        self._now = to_micros(test_clock)

    def move_clock(self, to: dt.datetime) -> None:
        """
        Move the clock, forward or back.
        """
        self._now = to_micros(to)

    @contextlib.contextmanager
    def live(self) -> Iterator[MemoryLive]:
        """
        Record seats in a transaction: they wait once it has ended without an error.
        """
        live = MemoryLive(
            self.meters, now=self._now, last=self._last, next_id=self._changes + 1
        )
        yield live
        self._changes += len(live.told)
        self._last |= live.instants
        self.waiting += live.told

    def drain(self) -> None:
        """
        Make entries of the changes that wait.
        """
        for said in self.waiting:
            self.entries.append(EventEntry(self._next_place, said))
        self.waiting = []

    def record(self, events: Sequence[Event]) -> list[Recording]:
        """
        Record each of *events*, and answer for each.
        """
        return [self._record(event) for event in events]

    def _record(self, event: Event) -> Recording:
        said = admit(event, now_us=self._now)
        if isinstance(said, Refused):
            return said

        known = self._find(said.source, said.event_id)
        if known is not None:
            same = _content(known.said) == _content(said)
            return Duplicate(known.place) if same else Conflict(known.place)

        entry = EventEntry(self._next_place, said)
        self.entries.append(entry)
        return Recorded(entry.place, tuple(self._warnings(entry)))

    def void(
        self,
        *,
        source: str,
        id: str,  # noqa: A002 - as CloudEvents calls it
        actor: str,  # noqa: ARG002 - who did it does not change a number
        reason: str,  # noqa: ARG002 - likewise
    ) -> Recorded | Duplicate:
        """
        Record that an event does not count, from now on.

        Raises:
            UnknownEntryError: If there is no such event.
        """
        target = self._target(source, id)
        void = self._void_of(target.place)
        if void is not None:
            return Duplicate(void.place)

        void = VoidEntry(self._next_place, target.place, None)
        self.entries.append(void)
        return Recorded(void.place)

    def amend(
        self,
        *,
        replacement: Event,
        source: str,
        id: str,  # noqa: A002 - as CloudEvents calls it
        actor: str,  # noqa: ARG002 - who did it does not change a number
        reason: str,  # noqa: ARG002 - likewise
    ) -> Recording:
        """
        Void an event and record *replacement* in its stead, both or neither.

        Raises:
            UnknownEntryError: If there is no such event.

            AlreadyVoidError: If it is void, and not in favour of this replacement.
        """
        said = admit(replacement, now_us=self._now)
        if isinstance(said, Refused):
            return said

        identity = (said.source, said.event_id)
        target = self._target(source, id)
        void = self._void_of(target.place)
        if void is not None and void.in_favour_of != identity:
            raise AlreadyVoidError

        if self._find(*identity) is None:
            self.entries.append(VoidEntry(self._next_place, target.place, identity))
        return self._record(replacement)

    def attribute(
        self,
        subject: str,
        customer: str | None,
        *,
        effective_at: dt.datetime,
        id: str,  # noqa: A002 - as CloudEvents calls it
    ) -> Recorded | Duplicate | Conflict:
        """
        Record that *subject* belongs to *customer*, from *effective_at* on.
        """
        at, place = to_micros(effective_at), self._next_place
        for known in self.entries:
            if isinstance(known, AttributionEntry) and known.id == id:
                said = Attribution(customer, at, known.place)
                same = (known.subject, known.said) == (subject, said)
                return Duplicate(known.place) if same else Conflict(known.place)

        said = Attribution(customer, at, place)
        self.entries.append(AttributionEntry(place, id, subject, said))
        return Recorded(place)

    def state(
        self,
        *,
        type_: str,
        customer: str,
        body: dict[str, object],
        at: dt.datetime,
        id: str,  # noqa: A002 - as CloudEvents calls it
    ) -> Recorded | Duplicate | Conflict:
        """
        Record a fact that is no usage.
        """
        said = StatementEntry(
            place=self._next_place,
            id=id,
            type=type_,
            customer=customer,
            at=to_micros(at),
            body=body,
        )
        for known in self.entries:
            if isinstance(known, StatementEntry) and known.id == id:
                same = replace(known, place=said.place) == said
                return Duplicate(known.place) if same else Conflict(known.place)

        self.entries.append(said)
        return Recorded(said.place)

    def statements(
        self, *, customer: str | None, type_: str, place: int | None = None
    ) -> list[StatementEntry]:
        """
        Return the facts of a type about *customer*, None for anybody, up to a place.
        """
        upto = len(self.entries) if place is None else place
        return [
            entry
            for entry in self.entries[:upto]
            if isinstance(entry, StatementEntry)
            and entry.type == type_
            and customer in {None, entry.customer}
        ]

    def define(self, definitions: Mapping[str, Mapping[str, object]]) -> None:
        """
        Define meters; one that is defined already gets another version if it differs.
        """
        for key, mapping in definitions.items():
            meter = meter_from(key, mapping)
            versions = self.meters.setdefault(key, [])
            if not versions or versions[-1] != meter:
                versions.append(meter)

    def read(  # noqa: PLR0913 - what can be asked of a meter, each by its name
        self,
        meter_key: str,
        *,
        customer: str,
        period: Period,
        group_by: Sequence[str] = (),
        as_of: dt.datetime | None = None,
        place: int | None = None,
    ) -> Reading:
        """
        Return what the latest version of a meter says of *customer* and *period*.

        Raises:
            UnknownMeterError: If there is no such meter.
        """
        versions = self.meters.get(meter_key)
        if not versions:
            raise UnknownMeterError

        upto = len(self.entries) if place is None else place
        moment = to_moment(self._now) if as_of is None else as_of
        question = Question(
            customer_key=customer,
            meter=versions[-1],
            meter_version=len(versions),
            period=period,
            as_of=AsOf(upto, moment),
            by=tuple(group_by),
        )
        facts = self._facts(customer, upto)
        if place is None:
            facts = itertools.chain(facts, self._waiting_facts(customer))
        return read_facts(question, facts)

    def unattributed(self) -> list[tuple[str, str]]:
        """
        Return the identities of events that count and that nobody pays for, in order.
        """
        upto = len(self.entries)
        return [
            (entry.said.source, entry.said.event_id)
            for entry in self._standing(upto)
            if self._payer(entry, upto) is None
        ]

    def _waiting_facts(self, customer: str) -> Iterator[Fact]:
        """
        Yield the changes that wait, at the places that they will have.
        """
        for place, said in enumerate(self.waiting, start=self._next_place):
            if said.customer == customer:
                yield self._fact(EventEntry(place, said))

    def _facts(self, customer: str, upto: int) -> Iterator[Fact]:
        """
        Yield the events that counted for *customer*, as known at place *upto*.
        """
        for entry in self._standing(upto):
            if self._payer(entry, upto) == customer:
                yield self._fact(entry)

    def _fact(self, entry: EventEntry) -> Fact:
        return Fact(
            occurred_at=entry.said.occurred_at,
            seq=entry.place,
            data=_decode(entry.said.data_text),
            envelope=self._envelope(entry.said),
        )

    def _standing(self, upto: int) -> list[EventEntry]:
        """
        Return the events up to a place that were not void by then.
        """
        known = self.entries[:upto]
        void = {entry.target for entry in known if isinstance(entry, VoidEntry)}
        return [
            entry
            for entry in known
            if isinstance(entry, EventEntry) and entry.place not in void
        ]

    def _payer(self, entry: EventEntry, upto: int) -> str | None:
        """
        Return who pays for *entry*, as known at place *upto*.
        """
        said = entry.said
        customer, _ = payer(
            said.customer,
            occurred_at=said.occurred_at,
            seq=entry.place,
            attributions=[
                known.said
                for known in self.entries
                if isinstance(known, AttributionEntry) and known.subject == said.subject
            ],
            upto_seq=upto,
        )
        return customer

    def _warnings(self, entry: EventEntry) -> Iterator[Warn]:
        """
        Yield what is odd about an event that was just recorded.
        """
        readers = [
            versions[-1]
            for _, versions in sorted(self.meters.items())
            if versions[-1].event_type == entry.said.type
        ]
        if not readers:
            yield Warn(code="unmatched", detail="")
        for meter in readers:
            data, envelope = _decode(entry.said.data_text), self._envelope(entry.said)
            taken = compile_meter(meter)(data, envelope)
            if isinstance(taken, Unusable):
                yield Warn(code="unusable", meter_key=meter.key, detail=taken.reason)
        if self._payer(entry, entry.place) is None:
            yield Warn(code="unattributed", detail="")

    def _envelope(self, said: Admitted) -> Envelope:
        subject, actor = self._person_id(said.subject), self._person_id(said.actor)
        return Envelope(said.source, said.type, subject, actor)

    def _person_id(self, name: str | None) -> int | None:
        if name is None:
            return None

        return self._people.setdefault(name, len(self._people) + 1)

    @property
    def _next_place(self) -> int:
        return len(self.entries) + 1

    def _find(self, source: str, event_id: str) -> EventEntry | None:
        for entry in self.entries:
            if isinstance(entry, EventEntry) and (
                (entry.said.source, entry.said.event_id) == (source, event_id)
            ):
                return entry
        return None

    def _target(self, source: str, event_id: str) -> EventEntry:
        target = self._find(source, event_id)
        if target is None:
            raise UnknownEntryError

        return target

    def _void_of(self, place: int) -> VoidEntry | None:
        for entry in self.entries:
            if isinstance(entry, VoidEntry) and entry.target == place:
                return entry
        return None


def _content(said: Admitted) -> tuple[object, ...]:
    """
    Return what makes two events the same: what was said, not when it was received.
    """
    return (
        said.source,
        said.event_id,
        said.type,
        said.subject,
        said.customer,
        said.actor,
        said.occurred_at if said.time_given else None,
        said.data_text,
    )
