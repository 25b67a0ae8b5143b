"""
Recording: what the book is told becomes entries, each exactly once.

::

    events --admit--> offers --append--> entry ids --> outcomes, in order
              |                   |
           Refused       Duplicate | Conflict

The answer comes after the commit, so an acknowledged event is durable. One bad event
does not sink its batch. An error (a full disk, a lost connection) means that nothing
of the batch was acknowledged: send it again, repeating is harmless.

Laws (tests/services/test_recording.py):
    - Recording twice is recording once.
    - One answer for each event, in order.
"""

from __future__ import annotations

import itertools

from typing import TYPE_CHECKING, TypeVar, cast

from meterbook.foundation.errors import BatchTooLargeError
from meterbook.metering.admission import Admitted, admit
from meterbook.metering.cloudevents import decode
from meterbook.metering.events import Event, Refused
from meterbook.ports import Appended
from meterbook.services.entries.answering import answers_to, in_order, without_unused
from meterbook.services.entries.gathering import Gathering
from meterbook.services.entries.naming import People
from meterbook.services.entries.noticing import Notices, unattributed
from meterbook.services.entries.quarantining import document_of, held
from meterbook.services.entries.rows import rows_if_named, rows_of
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from meterbook.metering.events import Recording
    from meterbook.ports import Clock, NewEntry, QuarantineRow, Store
    from meterbook.services.entries.answering import Done
    from meterbook.services.entries.naming import Named

T = TypeVar("T")

# What one transaction takes: some 5 MB of rows, and locks held for about 0.1 s.
BATCH_EVENTS_MAX = 10_000

# What a stream commits at a time: more gains little, and loses more when it fails.
STREAM_BATCH_EVENTS = 1_000


class Recorder:
    """
    The way into the book.

    It remembers the meters, and looks once a second whether another process changed
    them: a warning may be that stale. It remembers the ids of people, too, and learns
    with every append whether somebody was erased (see `services.entries.naming`):
    an entry never is wrong. What is being appended at the very moment of an erasure
    counts as told before it.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.people = People()
        self.notices = Notices(store)
        self._store = store
        self._clock = clock
        self._gathering = Gathering(store.append_unless_erased)

    def record(
        self, events: Sequence[Event], *, quarantine: bool = False
    ) -> list[Recording]:
        """
        Record *events* in one transaction, and answer for each, in order.

        Args:
            events: At most BATCH_EVENTS_MAX.

            quarantine: Whether to keep what is refused, to be looked at and replayed.

        Raises:
            BatchTooLargeError: If there are more.

            StoreError: If the storage failed; nothing was acknowledged.
        """
        check_size(events)
        now = self._begin()
        offers = [admit(event, now_us=now) for event in events]
        return self._answer(events, offers, now, events if quarantine else ())

    def record_stream(
        self,
        events: Iterable[Event],
        *,
        batch: int = STREAM_BATCH_EVENTS,
        quarantine: bool = False,
    ) -> Iterator[Recording]:
        """
        Record *events*, however many there are, *batch* at a time.

        Yields:
            The answer for each event, in order, once its batch is durable. Nothing is
            recorded before the first answer is asked for.
        """
        for part in _batched(events, batch):
            yield from self.record(part, quarantine=quarantine)

    def record_json(
        self, lines: Iterable[bytes], *, quarantine: bool = False
    ) -> list[Recording]:
        """
        Record CloudEvents documents, and answer for each, in order.

        Args:
            lines: One structured CloudEvents 1.0 document each; blank ones are skipped.
                Any number: each STREAM_BATCH_EVENTS of them are a transaction.

            quarantine: Whether to keep refused documents, as they were received.

        Raises:
            StoreError: If the storage failed. Earlier batches are recorded: send all
                of them again, repeating is harmless.
        """
        return list(self.record_json_stream(lines, quarantine=quarantine))

    def record_json_stream(
        self,
        lines: Iterable[bytes],
        *,
        batch: int = STREAM_BATCH_EVENTS,
        quarantine: bool = False,
    ) -> Iterator[Recording]:
        """
        Record CloudEvents documents, *batch* at a time; see `record_json`.

        Yields:
            The answer for each document, in order, once its batch is durable.
        """
        documents = (line for line in lines if line and not line.isspace())
        for part in _batched(documents, batch):
            yield from self.record_documents(part, quarantine=quarantine)

    def record_documents(
        self, documents: Sequence[bytes], *, quarantine: bool = False
    ) -> list[Recording]:
        """
        Record one batch of CloudEvents documents, as `record` does of events.
        """
        check_size(documents)
        now = self._begin()
        told = [decode(document) for document in documents]
        offers = [
            item if isinstance(item, Refused) else admit(item, now_us=now)
            for item in told
        ]
        return self._answer(told, offers, now, documents if quarantine else ())

    def _begin(self) -> int:
        """
        Look whether anything changed elsewhere, and return the moment it is.
        """
        self.notices.refresh()
        return self._clock.now()

    def _answer(
        self,
        told: Sequence[Event | Refused],
        offers: Sequence[Admitted | Refused],
        now: int,
        documents: Sequence[Event | bytes],
    ) -> list[Recording]:
        """
        Record what was admitted of what was *told*, and answer for each, in order.

        Args:
            told: Events, and documents that could not even be read.

            offers: What each of them was admitted as, or why not.

            now: When the book was told.

            documents: For each of them what to keep if it is refused; or nothing.
        """
        taken = [offer for offer in offers if type(offer) is Admitted]
        if len(taken) == len(told):
            return self._append(cast("Sequence[Event]", told), taken, now, [])

        events = [
            item
            for item, offer in zip(told, offers, strict=True)
            if isinstance(item, Event) and isinstance(offer, Admitted)
        ]
        kept = [
            held(offer, document_of(document), now)
            for offer, document in zip(offers, documents, strict=False)
            if isinstance(offer, Refused)
        ]
        return in_order(offers, self._append(events, taken, now, kept))

    def _append(
        self,
        events: Sequence[Event],
        offers: Sequence[Admitted],
        now: int,
        kept: Sequence[QuarantineRow],
    ) -> list[Recording]:
        """
        Append the *offers* of *events*, and keep the documents that were refused.

        Where nobody is new or erased, and nothing is kept, one statement does: the hot
        path.
        """
        done = None if kept else self._append_named(offers, now)
        if done is None:
            done, fresh = persistently(lambda: self._append_and_name(offers, now, kept))
            self.people.learn(fresh)
        return answers_to(
            events,
            offers,
            done,
            meters=self.notices.meters,
            reading=self._store.reading,
        )

    def _append_named(self, offers: Sequence[Admitted], now: int) -> Done | None:
        """
        Append the *offers* if everybody in them is known here, and nobody was erased.

        Returns:
            The rows, what became of them, and the positions of those that nobody pays
            for; None if nothing was done.
        """
        known = self.people.named
        rows = rows_if_named(offers, known.ids, now)
        if rows is None:
            return None
        if not rows:
            return rows, Appended((), {}), set()
        unpaid = self._unpaid(rows)
        appended = self._gathering.append(rows, erasures=known.erasures)
        return None if appended is None else (rows, appended, unpaid)

    def _append_and_name(
        self, offers: Sequence[Admitted], now: int, kept: Sequence[QuarantineRow]
    ) -> tuple[Done, Named]:
        """
        Append the *offers* in a transaction that also names people and keeps documents.

        Returns:
            The rows, what became of them, the positions of those that nobody pays for,
            and the people who were not known here.
        """
        names = {offer.subject for offer in offers} | {offer.actor for offer in offers}
        with self._store.writing() as writer:
            ids, fresh = self.people.name(writer, names)
            rows = rows_of(offers, ids, now)
            unpaid = unattributed(writer, rows)
            appended = writer.append(rows)
            if appended.known:
                fresh = without_unused(writer, fresh, rows, appended)
            for row in kept:
                writer.quarantine(row)
        return (rows, appended, unpaid), fresh

    def _unpaid(self, rows: Sequence[NewEntry]) -> set[int]:
        """
        Return the positions of the *rows* that nobody pays for, as known now.
        """
        if None not in [row[6] for row in rows]:
            return set()

        with self._store.reading() as reader:
            return unattributed(reader, rows)


def check_size(batch: Sequence[object]) -> None:
    """
    Check that one transaction takes so many.

    Raises:
        BatchTooLargeError: If there are more than BATCH_EVENTS_MAX.
    """
    if len(batch) > BATCH_EVENTS_MAX:
        message = (
            f"The batch holds {len(batch):,} events, and one call takes "
            f"{BATCH_EVENTS_MAX:,}: send it in parts."
        )
        raise BatchTooLargeError(message)


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """
    Cut *items* into lists of *size*, the last one shorter; there is no empty one.
    """
    remaining = iter(items)
    while batch := list(itertools.islice(remaining, size)):
        yield batch
