"""
Who holds a seat by the book: what was told of one type of events, folded.

::

    posted            tail                queue
    join ann ... | leave bob ... | join cid (not an entry yet)
    ------------------------------------------------------> acme: ann, cid

Only the last word on each member and way counts here; what it adds up to over time is
the meters' business. Members are names; who was erased has a number instead.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from meterbook.foundation.errors import StoreError
from meterbook.metering.members import ACTIVE, Change, member_change
from meterbook.metering.questions import UNNUMBERED
from meterbook.ports import Effect
from meterbook.services.readings.snapshots import TAIL_ENTRIES_MAX
from meterbook.services.worker.posting import place_of, post


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterbook.ports import Marks, Reader
    from meterbook.ports.capturing import Captor, SeatTold

    # A member by name, or by number once the name was erased.
    Member: TypeAlias = str | int

    # The state of each (member, way) that is in.
    Held: TypeAlias = dict[tuple[Member, str], str]

    # When, in which order, whose seat, and its state; None: left.
    _Said: TypeAlias = tuple[int, int, tuple[Member, str], str | None]

_decode = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode


class HeldSeats:
    """
    What the book says of all customers, for one type of events, in one transaction.
    """

    def __init__(self, captor: Captor, type_: str) -> None:
        """
        Begin to read.

        What waits in the queue is read first: if the worker makes entries of it
        meanwhile, a change is seen twice, which is harmless, and never not at all.

        Raises:
            StoreError: If so much is not posted that reading it would not end.
        """
        self._captor = captor
        self._type = type_
        self._queued: dict[str, list[SeatTold]] = defaultdict(list)
        for told in captor.seats_told(type_):
            self._queued[told.customer].append(told)
        self._marks = captor.marks()
        self._tail = _tail(captor, self._marks, type_)

    def customers(self) -> set[str]:
        """
        Return the customers of whom anything was told.
        """
        posted = self._captor.customers(type_=self._type)
        return {*posted, *self._tail, *self._queued}

    def of(self, customer: str) -> Held | None:
        """
        Return the seats of *customer*; None if nothing was ever told of any.
        """
        effects = self._effects(customer)
        queued = self._queued.get(customer, ())
        if not effects and not queued:
            return None

        held: Held = {}
        told = [*self._said(effects), *map(_said_in_queue, queued)]
        for _, _, seat, state in sorted(told, key=_in_order):
            if state is None:
                held.pop(seat, None)
            else:
                held[seat] = state
        return held

    def _said(self, effects: Sequence[Effect]) -> Iterator[_Said]:
        names = self._captor.names({e.subject_id for e in effects if e.subject_id})
        for effect in effects:
            said = member_change(_decode(effect.data), effect.subject_id)
            if not isinstance(said, str) and said.member is not None:
                seat = (names.get(said.member, said.member), said.way)
                yield effect.occurred_at, effect.place, seat, said.state

    def _effects(self, customer: str) -> list[Effect]:
        """
        Return the events of *customer* that count.
        """
        posted = self._captor.effects(
            customer=customer,
            type_=self._type,
            start=_FIRST,
            end=_LAST,
            upto=self._marks.posted,
        )
        signs: dict[int, int] = defaultdict(int)
        events: dict[int, Effect] = {}
        for effect in (*posted, *self._tail.get(customer, ())):
            signs[effect.place] += effect.sign
            events[effect.place] = effect
        return [events[place] for place, sign in signs.items() if sign > 0]


# What waits comes after every place, lent ones included.
_QUEUED = 2 * UNNUMBERED

# The range of what a store keeps as a moment.
_FIRST = -(2**63)
_LAST = 2**63 - 1


def _said_in_queue(told: SeatTold) -> _Said:
    seat = (told.member or "", told.way or "")
    state = (told.state or ACTIVE) if told.change == Change.JOIN else None
    return told.occurred_at, _QUEUED + told.change_id, seat, state


def _in_order(said: _Said) -> tuple[int, int]:
    return said[:2]


def _tail(reader: Reader, marks: Marks, type_: str) -> dict[str, list[Effect]]:
    """
    Return what is not posted yet does, by customer.
    """
    entries = reader.tail(after=marks.posted, limit=TAIL_ENTRIES_MAX + 1)
    if len(entries) > TAIL_ENTRIES_MAX:
        message = (
            f"More than {TAIL_ENTRIES_MAX:,} entries are not posted yet: let the worker"
            " catch up (meterbook worker run --once), then try again."
        )
        raise StoreError(message, retryable=True)
    placed = [
        entry if entry.seq is not None else entry._replace(seq=UNNUMBERED + index)
        for index, entry in enumerate(entries)
    ]
    done = post(reader, placed)
    said = [(payer, entry, place_of(entry), 1) for entry, payer in done.events]
    said += [
        (posting.customer, done.moved[posting.place], posting.seq, posting.sign)
        for posting in done.corrections
    ]
    found: dict[str, list[Effect]] = defaultdict(list)
    for payer, entry, seq, sign in said:
        if entry.type == type_:
            effect = Effect(
                place=place_of(entry),
                seq=seq,
                sign=sign,
                occurred_at=entry.occurred_at,
                source=entry.source,
                subject_id=entry.subject_id,
                actor_id=entry.actor_id,
                data=entry.data,
            )
            found[payer].append(effect)
    return found
