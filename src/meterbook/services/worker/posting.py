"""
What each entry does to whom: events, voids and attributions become postings.

::

    place  entry                              postings (customer, sign)
      1    event, customer acme               acme   +1
      2    event of ann, who is nobody's yet  nobody +1
      3    ann belongs to globex since May    nobody -1, globex +1    for place 2
      4    void of place 1                    acme   -1               for place 1

A posting says at which place it took effect, so the effects up to any place are the
book as it was known there (semantics 2.2). The payer is settled in the book's order:
the customer stated, or the one to whom the subject belonged at `occurred_at`, or else
the first attribution after it that names one (semantics 1.2).

The worker posts numbered entries with this; a reading applies it to the tail, whose
entries are given the places they would get.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meterbook.metering.attribution import payer
from meterbook.ports import ATTRIBUTION, EVENT, NOBODY, VOID, Posting
from meterbook.services.corrections.payers import timelines


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meterbook.metering.attribution import Attribution
    from meterbook.ports import Reader, StoredEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """
    What a run of entries does.

    Attributes:
        events: (entry, payer) of each event that counts when it is placed, in order.

        corrections: What voids and attributions do, by place.

        moved: By place, the events that corrections speak of.

        voids: (entry_id, place of the void).

        early: The events that were void before they were placed, by a void of this run.
    """

    events: list[tuple[StoredEntry, str]] = field(default_factory=list)
    corrections: list[Posting] = field(default_factory=list)
    moved: dict[int, StoredEntry] = field(default_factory=dict)
    voids: list[tuple[int, int]] = field(default_factory=list)
    early: list[StoredEntry] = field(default_factory=list)

    def unstated(self) -> list[Posting]:
        """
        Return as postings what does not follow from an entry by itself.

        The own postings of events that state a customer do: a store makes them.
        """
        own = [
            own_posting(entry, customer)
            for entry, customer in self.events
            if entry.customer is None
        ]
        return own + self.corrections


def place_of(entry: StoredEntry) -> int:
    """
    Return the place of a numbered entry.
    """
    assert entry.seq is not None
    return entry.seq


def own_posting(entry: StoredEntry, customer: str) -> Posting:
    """
    Return what an event does by itself to *customer*, who pays for it.
    """
    place = place_of(entry)
    return Posting(customer, entry.type, entry.occurred_at, place, place, 1)


def post(reader: Reader, entries: Sequence[StoredEntry]) -> Posted:
    """
    Work out what *entries* do, given what the book did before them.

    Args:
        reader: The book, in which everything before *entries* is posted.

        entries: In order of place, each with its place. Those whose effects follow from
            themselves may be left out.
    """
    run = _Run.of(reader, entries)
    voided = run.voided
    for entry in entries:
        if entry.kind == EVENT:
            if entry.customer is None or entry.entry_id in voided:
                run.post_event(entry)
            else:
                run.posted.events.append((entry, entry.customer))
        elif entry.kind == VOID:
            run.post_void(entry)
    run.post_attributions()
    return run.posted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """
    One run of entries, with what must be looked up for it.

    Attributes:
        voided: Since which place an entry is void, by entry_id: in the book, or by a
            void of this run.

        attributions: By subject, in order of place, those of this run included.
    """

    reader: Reader
    upto: int
    voided: dict[int, int]
    attributions: Mapping[int, Sequence[Attribution]]
    attributed: frozenset[int]
    here: Mapping[int, StoredEntry]
    posted: Posted

    @classmethod
    def of(cls, reader: Reader, entries: Sequence[StoredEntry]) -> _Run:
        """
        Look up what *entries* need, in a few queries for all of them.
        """
        voids = [entry for entry in entries if entry.kind == VOID]
        here = _targets(reader, entries, voids)
        attributed = {
            entry.subject_id
            for entry in entries
            if entry.kind == ATTRIBUTION and entry.subject_id is not None
        }
        unstated = {
            entry.subject_id
            for entry in (*entries, *here.values())
            if entry.customer is None and entry.subject_id is not None
        }
        places = {entry.entry_id: place_of(entry) for entry in entries}
        events = [entry.entry_id for entry in entries if entry.kind == EVENT]
        voided = reader.voided(events) | {
            int(void.event_id): place_of(void) for void in voids
        }
        subjects = unstated | attributed
        rows = reader.attributions(subjects) if subjects else []
        return cls(
            reader=reader,
            upto=place_of(entries[-1]) if entries else 0,
            voided=voided,
            attributions=timelines(rows, places=places),
            attributed=frozenset(attributed),
            here=here,
            posted=Posted(),
        )

    def post_event(self, entry: StoredEntry) -> None:
        """
        Post an event under its payer, unless it was void before it was placed.

        The last can be: a void's transaction may have begun before the event's, and the
        book orders entries by when their transactions began.
        """
        void_at = self.voided.get(entry.entry_id)
        if void_at is not None and void_at < place_of(entry):
            return

        customer = entry.customer
        if customer is None:
            customer = self._payer(entry, upto=place_of(entry))[0] or NOBODY
        self.posted.events.append((entry, customer))

    def post_void(self, void: StoredEntry) -> None:
        """
        Take a voided event from the one it was posted under.
        """
        at = place_of(void)
        target = self.here[int(void.event_id)]
        self.posted.voids.append((target.entry_id, at))
        if target.seq is None or target.seq > at:
            self.posted.early.append(target)
            return

        customer = self._payer(target, upto=at)[0] or NOBODY
        self._correct(target, customer=customer, at=at, sign=-1)

    def post_attributions(self) -> None:
        """
        Give events of nobody's to whom an attribution of this run assigns them.
        """
        if not self.attributed:
            return

        fresh = [e for e, customer in self.posted.events if customer == NOBODY]
        for entry in (*self.reader.unattributed(self.attributed), *fresh):
            customer, settled_at = self._payer(entry, upto=self.upto)
            void_at = self.voided.get(entry.entry_id)
            if customer is None or settled_at <= place_of(entry):
                continue
            if void_at is not None and void_at < settled_at:
                continue
            self._correct(entry, customer=NOBODY, at=settled_at, sign=-1)
            self._correct(entry, customer=customer, at=settled_at, sign=1)

    def _payer(self, entry: StoredEntry, *, upto: int) -> tuple[str | None, int]:
        """
        Return who pays for *entry* as known at place *upto*, and since which place.
        """
        subject = entry.subject_id
        known = self.attributions.get(subject, ()) if subject is not None else ()
        return payer(
            entry.customer,
            occurred_at=entry.occurred_at,
            seq=place_of(entry),
            attributions=known,
            upto_seq=upto,
        )

    def _correct(
        self, entry: StoredEntry, *, customer: str, at: int, sign: int
    ) -> None:
        place = place_of(entry)
        self.posted.moved[place] = entry
        self.posted.corrections.append(
            Posting(customer, entry.type, entry.occurred_at, place, at, sign)
        )


def _targets(
    reader: Reader, entries: Sequence[StoredEntry], voids: Sequence[StoredEntry]
) -> dict[int, StoredEntry]:
    """
    Return the voided events by entry_id: from *entries*, else from the book.
    """
    wanted = {int(void.event_id) for void in voids}
    found = {entry.entry_id: entry for entry in entries if entry.entry_id in wanted}
    for entry_id in wanted - found.keys():
        target = reader.entry_by_id(entry_id)
        assert target is not None, "a void is recorded only of what is there"
        found[entry_id] = target
    return found
