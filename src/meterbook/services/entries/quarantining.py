"""
The quarantine: documents that were refused, kept as they were received.

::

    refused --kept--> held --replay--> replayed    it is in the book now
                       |  ^----------- still refused, or in conflict
                       +--discard---> discarded

A refusal is often somebody else's mistake that is mended somewhere else: a clock, a
limit, a field. The document then is replayed as it was. Of what is not held any more
only the fact is kept, not the bytes: it is in the book, or wanted by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from meterbook.foundation.errors import CallerError, UnknownEntryError
from meterbook.foundation.instants import to_moment
from meterbook.metering.cloudevents import encode
from meterbook.metering.events import Duplicate, Event, Recorded
from meterbook.ports import QuarantineRow
from meterbook.services.entries.listing import check_after, check_limit, is_id


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterator, Sequence

    from meterbook.metering.events import Recording, Refused
    from meterbook.ports import Clock, Reader, Store
    from meterbook.services.entries.recording import Recorder


HELD = "held"
REPLAYED = "replayed"
DISCARDED = "discarded"

# A page is for a screen; documents may be large.
PAGE_DOCUMENTS_MAX = 1_000

# What is read and replayed at a time.
REPLAY_BATCH_DOCUMENTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDocument:
    """
    A document that was refused and is kept.

    Attributes:
        quarantine_id: What the book calls it; ids grow, so one is a cursor, too.

        received_at: By the book's clock, in UTC.

        code: What was wrong, for programs.

        field: Where.

        reason: What was wrong, for people.

        document: As it was received.
    """

    quarantine_id: int
    received_at: dt.datetime
    code: str
    field: str
    reason: str
    document: bytes


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    What became of a held document that was offered again.

    Attributes:
        quarantine_id: Which document. It is held still unless it was recorded.

        outcome: What the book answered this time.
    """

    quarantine_id: int
    outcome: Recording


class Quarantine:
    """
    The documents that were refused and kept.
    """

    def __init__(self, store: Store, clock: Clock, recorder: Recorder) -> None:
        self._store = store
        self._clock = clock
        self._recorder = recorder

    def quarantined(self, *, after: int = 0, limit: int = 100) -> list[HeldDocument]:
        """
        Return held documents with ids above *after*, oldest first, at most *limit*.

        Raises:
            InvalidQueryError: If *limit* is not 1 to PAGE_DOCUMENTS_MAX, or *after* is
                no id.
        """
        check_after(after)
        check_limit(limit, most=PAGE_DOCUMENTS_MAX)
        with self._store.reading() as reader:
            return [_shown(row) for row in reader.quarantined(after=after, limit=limit)]

    def replay(self, quarantine_ids: Sequence[int] | None = None) -> list[Replayed]:
        """
        Offer held documents to the book again, and say what became of each.

        What is recorded now, or was before, leaves the quarantine. What is refused
        again or is in conflict stays. Stopped half way, it can be started again.

        Args:
            quarantine_ids: Which; None for all, oldest first.

        Raises:
            UnknownEntryError: If one of *quarantine_ids* is not held. Nothing is done.
        """
        if quarantine_ids is None:
            return [
                replayed
                for batch in self._held()
                for replayed in self._replay_batch(batch)
            ]

        with self._store.reading() as reader:
            rows = [_held_row(reader, held_id) for held_id in quarantine_ids]
        return [
            replayed
            for start in range(0, len(rows), REPLAY_BATCH_DOCUMENTS)
            for replayed in self._replay_batch(
                rows[start : start + REPLAY_BATCH_DOCUMENTS]
            )
        ]

    def discard(self, quarantine_id: int) -> None:
        """
        Give up a held document: that it was there is kept, its bytes are not.

        Raises:
            UnknownEntryError: If it is not held.
        """
        now = self._clock.now()
        with self._store.writing() as writer:
            _held_row(writer, quarantine_id)
            writer.resolve_quarantined(
                quarantine_id=quarantine_id, state=DISCARDED, at=now
            )

    def _held(self) -> Iterator[list[QuarantineRow]]:
        """
        Yield what is held, a batch at a time.
        """
        after = 0
        while True:
            with self._store.reading() as reader:
                rows = reader.quarantined(after=after, limit=REPLAY_BATCH_DOCUMENTS)
            if not rows:
                return
            yield rows
            after = rows[-1].quarantine_id

    def _replay_batch(self, rows: Sequence[QuarantineRow]) -> list[Replayed]:
        """
        Record the documents of *rows*, then mark those that are in the book.

        If this stops in between, the next replay finds duplicates, and marks them.
        """
        outcomes = self._recorder.record_documents([row.document for row in rows])
        now = self._clock.now()
        with self._store.writing() as writer:
            for row, outcome in zip(rows, outcomes, strict=True):
                if isinstance(outcome, Recorded | Duplicate):
                    writer.resolve_quarantined(
                        quarantine_id=row.quarantine_id, state=REPLAYED, at=now
                    )
        return [
            Replayed(row.quarantine_id, outcome)
            for row, outcome in zip(rows, outcomes, strict=True)
        ]


def held(refused: Refused, document: bytes, now: int) -> QuarantineRow:
    """
    Return the row that keeps a refused *document*.
    """
    return QuarantineRow(
        quarantine_id=0,
        received_at=now,
        code=refused.code,
        field=refused.field,
        reason=refused.reason,
        document=document,
        state=HELD,
        resolved_at=None,
    )


def document_of(told: Event | bytes) -> bytes:
    """
    Return what to keep of something refused: the document, or the event as one.

    An event that no document can say, as one with a binary float in it, is kept as
    Python shows it. It can be looked at, and is refused again when it is replayed.
    """
    if not isinstance(told, Event):
        return bytes(told)

    try:
        return encode(told)
    except (CallerError, TypeError, ValueError, AttributeError, RecursionError):
        return msgspec.json.encode({"unwritable": ascii(told)})


def _held_row(reader: Reader, quarantine_id: int) -> QuarantineRow:
    """
    Return the row of a document that is held.

    Raises:
        UnknownEntryError: If it is not.
    """
    if is_id(quarantine_id):
        for row in reader.quarantined(after=quarantine_id - 1, limit=1):
            if row.quarantine_id == quarantine_id:
                return row

    message = f"The quarantine holds no document {quarantine_id!r}."
    raise UnknownEntryError(message)


def _shown(row: QuarantineRow) -> HeldDocument:
    return HeldDocument(
        quarantine_id=row.quarantine_id,
        received_at=to_moment(row.received_at),
        code=row.code,
        field=row.field,
        reason=row.reason,
        document=row.document,
    )
