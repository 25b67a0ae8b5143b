"""
The book at one moment, as a reading sees it: what is posted, and the tail.

::

    place 1 ............ posted ........ numbered   (no place yet)
          |-- postings ----|------------- tail ------------|

The *tail* is what the worker has not come to, and at its end what waits in the queue of
seats. A reading works out what it does (see `services.worker.posting`), so that an
acknowledged event counts at once; if part of it has no place yet, the reading is
provisional (semantics 2.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meterbook.foundation.errors import UnknownPlaceError
from meterbook.metering.readings import UNNUMBERED
from meterbook.ports import Effect
from meterbook.services.entries.naming import names_of
from meterbook.services.worker.draining import waiting_entries
from meterbook.services.worker.posting import place_of, post


if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from meterbook.metering.members import Running
    from meterbook.ports import Marks, Reader, StoredEntry

# Beyond this many entries a tail is no longer folded: the reading answers for the last
# posted place and says that it is behind. Folding so many takes about a second.
TAIL_ENTRIES_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """
    What the entries after the last posted place do to one customer.

    Attributes:
        effects: By event type.

        entries: The events that the effects are of, by the place that they have in
            them: their own, or one that they were lent.

        unnumbered: Whether some of the effects are of entries without a place.

        too_long: There are more entries than a reading folds; the effects are none.
    """

    effects: dict[str, list[Effect]] = field(default_factory=dict)
    entries: dict[int, StoredEntry] = field(default_factory=dict)
    unnumbered: bool = False
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    One snapshot of the book, asked about at one place.

    Attributes:
        reader: The store's snapshot.

        marks: How far the worker has come in it.

        place: The last place to read; None for all there is.

        runnings: Levels that were folded over a whole history, by meter_id, customer
            and the first moment that was not read. See `services.levelling`.
    """

    reader: Reader
    marks: Marks
    place: int | None
    runnings: dict[tuple[int, str, int], Running] = field(default_factory=dict)
    _tails: dict[str, Tail] = field(default_factory=dict)
    _lent: dict[str, int] = field(default_factory=dict)
    _queued: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, reader: Reader, *, place: int | None) -> Snapshot:
        """
        Take *reader* as a snapshot at *place*.

        Raises:
            UnknownPlaceError: If no entry has that place yet.
        """
        marks = reader.marks()
        if place is not None and (
            type(place) is not int or not 0 <= place <= marks.numbered
        ):
            message = (
                f"place {place!r} is not in the book: the last numbered place is "
                f"{marks.numbered}. Ask as of that one or an earlier one."
            )
            raise UnknownPlaceError(message)
        return cls(reader, marks, place)

    @property
    def upto(self) -> int:
        """
        The last place whose postings are read.
        """
        if self.place is None:
            return self.marks.posted
        return min(self.place, self.marks.posted)

    def answers_for(self, rolled: int) -> bool:
        """
        Tell whether rollups up to the place *rolled* answer for this snapshot.
        """
        return rolled == self.marks.posted == self.upto

    def cited(self, tails: Sequence[Tail]) -> int | None:
        """
        Return the place that a reading with these *tails* is as of; None for none yet.

        Of a tail that is too long nothing is read, whichever place was asked for.
        """
        if any(tail.too_long for tail in tails):
            return self.marks.posted
        if self.place is not None:
            return self.place
        if any(tail.unnumbered for tail in tails):
            return None
        return self.marks.numbered

    def without_tail(self) -> Snapshot:
        """
        Return the same snapshot at the last posted place.
        """
        return Snapshot(self.reader, self.marks, self.marks.posted)

    def tail(self, customer: str) -> Tail:
        """
        Return what the tail does to *customer*. Worked out once.
        """
        tail = self._tails.get(customer)
        if tail is None:
            tail = self._tails[customer] = self._tail(customer)
        return tail

    def _waits(self) -> bool:
        """
        Tell whether changes wait that are read; looked up once.

        None of them has a place, so that none is known as of one.
        """
        if self.place is not None:
            return False
        if not self._queued:
            self._queued.append(self.reader.queue.count(limit=1) > 0)
        return self._queued[0]

    def names(self, person_ids: Collection[int | None]) -> dict[int, str]:
        """
        Return the names of those *person_ids* that are somebody and were not erased.

        Also of those who are named in the queue and have no number of their own yet:
        ask for the tail before.
        """
        waiting = {number: name for name, number in self._lent.items()}
        lent = {number: waiting[number] for number in person_ids if number in waiting}
        own = {number for number in person_ids if number not in lent}
        return lent | names_of(self.reader, own)

    def _tail(self, customer: str) -> Tail:
        if self.place is not None and self.place <= self.marks.posted:
            return Tail()

        entries = self.reader.tail(
            after=self.marks.posted, limit=TAIL_ENTRIES_MAX + 1, customer=customer
        )
        left = TAIL_ENTRIES_MAX + 1 - len(entries)
        if left > 0 and self._waits():
            waiting = self.reader.queue.waiting(limit=left, customer=customer)
            entries += waiting_entries(self.reader, waiting, self._lent)
        if len(entries) > TAIL_ENTRIES_MAX:
            return Tail(too_long=True)

        placed = _placed(entries, upto=self.place)
        return _effects(self.reader, placed, customer) if placed else Tail()


def _placed(entries: Sequence[StoredEntry], *, upto: int | None) -> list[StoredEntry]:
    """
    Return *entries* with a place each: its own, or one after all others.
    """
    placed = [
        entry if entry.seq is not None else entry._replace(seq=UNNUMBERED + index)
        for index, entry in enumerate(entries)
    ]
    if upto is None:
        return placed
    return [entry for entry in placed if place_of(entry) <= upto]


def _effects(reader: Reader, entries: Sequence[StoredEntry], customer: str) -> Tail:
    """
    Return what *entries* do to *customer*.
    """
    done = post(reader, entries)
    effects: dict[str, list[Effect]] = {}
    spoken_of: dict[int, StoredEntry] = {}
    for entry, payer in done.events:
        if payer == customer:
            place = place_of(entry)
            spoken_of[place] = entry
            effects.setdefault(entry.type, []).append(_effect(entry, place, 1))
    for posting in done.corrections:
        if posting.customer == customer:
            entry = spoken_of[posting.place] = done.moved[posting.place]
            effects.setdefault(entry.type, []).append(
                _effect(entry, posting.seq, posting.sign)
            )
    unnumbered = any(
        effect.seq >= UNNUMBERED for found in effects.values() for effect in found
    )
    return Tail(effects=effects, entries=spoken_of, unnumbered=unnumbered)


def _effect(entry: StoredEntry, seq: int, sign: int) -> Effect:
    return Effect(
        place=place_of(entry),
        seq=seq,
        sign=sign,
        occurred_at=entry.occurred_at,
        source=entry.source,
        subject_id=entry.subject_id,
        actor_id=entry.actor_id,
        data=entry.data,
    )
