"""
Correcting: an entry is never changed, it is voided, and perhaps replaced.

::

    place  entry                                            tokens of acme
      1    event api/r-1, acme, 420 tokens                        420
      2    void of place 1, by ann: "wrong customer"                0
      3    event api/r-1b, globex, 420 tokens                       0

A void says who and why. It is an entry with an identity of its own, so an entry can be
voided once, and a retry is a duplicate. *Amending* writes the void and a replacement,
which has an id of its own, in one transaction.

A reading as of place 1 still says 420: what was known then stays what was known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from meterbook.foundation.errors import (
    AlreadyVoidError,
    InvalidQueryError,
    StoreError,
    UnknownEntryError,
)
from meterbook.metering.admission import admit
from meterbook.metering.events import Duplicate, Recorded, Refused
from meterbook.ports import EVENT, STATEMENT, VOID
from meterbook.services.entries.controls import (
    VOID_SOURCE,
    VOID_TYPE,
    check_accountable,
    check_stated,
    control_row,
)
from meterbook.services.entries.listing import is_id
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.noticing import UNATTRIBUTED, unattributed
from meterbook.services.entries.rows import rows_of
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    from meterbook.metering.admission import Admitted
    from meterbook.metering.events import Event, Recording
    from meterbook.ports import (
        Appended,
        Clock,
        NewEntry,
        Reader,
        Store,
        StoredEntry,
        Writer,
    )
    from meterbook.services.entries.recording import Recorder


class Corrector:
    """
    The way to take back what was recorded.
    """

    def __init__(self, store: Store, clock: Clock, recorder: Recorder) -> None:
        self._store = store
        self._clock = clock
        self._recorder = recorder

    def void(
        self,
        *,
        actor: str,
        reason: str,
        entry_id: int | None = None,
        source: str | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recorded | Duplicate:
        """
        Record that an event does not count, from now on.

        Args:
            actor: Who says so, by name.

            reason: Why.

            entry_id: Which event: by what its outcome named,

            source: or by its identity: who stated it

            id: and what they call it.

        Returns:
            The entry of the void: a Duplicate if the event was void before.

        Raises:
            UnknownEntryError: If there is no such entry.

            InvalidQueryError: If it is not an event but a void or an attribution, if
                it is not said which one, or if *actor* or *reason* is missing.
        """
        check_accountable(actor=actor, reason=reason)
        now = self._clock.now()

        def append() -> Appended:
            with self._store.writing() as writer:
                target = _target(writer, entry_id, source=source, event_id=id)
                actor_id = named_now(writer, {actor})[actor]
                row = void_row(target, actor_id=actor_id, reason=reason, now=now)
                appended = writer.append([row])
                if appended.known:
                    writer.unname_people([actor_id])
                return appended

        appended = persistently(append)
        answer = Duplicate if appended.known else Recorded
        return answer(appended.entry_ids[0])

    def amend(  # noqa: PLR0913 - an event has two names, a correction three parts
        self,
        *,
        replacement: Event,
        actor: str,
        reason: str,
        entry_id: int | None = None,
        source: str | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recording:
        """
        Void an event and record *replacement* in its stead, both or neither.

        Args:
            replacement: With an id of its own. It may have another customer or time.

            actor: Who says so, by name.

            reason: Why.

            entry_id: Which event: by what its outcome named,

            source: or by its identity: who stated it

            id: and what they call it.

        Returns:
            What became of the replacement. Only if it is Recorded, the event is void
            now. Duplicate: this very amendment was made before, or the replacement is
            in the book for another reason: nothing was written. Likewise Conflict and
            Refused.

        Raises:
            AlreadyVoidError: If the event is void for another reason.

            UnknownEntryError: If there is no such entry.

            InvalidQueryError: If it is not an event but a void or an attribution, if
                it is not said which one, or if *actor* or *reason* is missing.
        """
        check_accountable(actor=actor, reason=reason)
        now = self._clock.now()
        offer = admit(replacement, now_us=now)
        if isinstance(offer, Refused):
            return offer

        self._recorder.notices.refresh()

        def append() -> Recorded | None:
            with self._store.writing() as writer:
                target = _target(writer, entry_id, source=source, event_id=id)
                if _is_settled(writer, target, offer):
                    return None
                amendment = _Amendment(target, replacement, offer, actor, reason)
                return self._amend(writer, amendment, now)

        done = persistently(append)
        if done is not None:
            return done

        # Its identity is in the book: recording it says whether as the same event.
        [outcome] = self._recorder.record([replacement])
        assert not isinstance(outcome, Recorded)
        return outcome

    def _amend(self, writer: Writer, amendment: _Amendment, now: int) -> Recorded:
        """
        Append the void and the replacement; return the answer.
        """
        offer = amendment.offer
        ids = named_now(writer, {amendment.actor, offer.subject, offer.actor})
        [row] = rows_of([offer], ids, now)
        void = void_row(
            amendment.target,
            actor_id=ids[amendment.actor],
            reason=amendment.reason,
            now=now,
            replacement=offer,
        )
        unpaid = unattributed(writer, [row])
        appended = writer.append([void, row])
        if appended.known:
            message = "Another writer was faster with one of these: look again."
            raise StoreError(message, retryable=True)
        warnings = self._recorder.notices.of(amendment.replacement, row)
        if unpaid:
            warnings = (*warnings, UNATTRIBUTED)
        return Recorded(appended.entry_ids[1], warnings)


@dataclass(frozen=True, slots=True)
class _Amendment:
    """
    What is to be replaced by what, who says so and why.
    """

    target: StoredEntry
    replacement: Event
    offer: Admitted
    actor: str
    reason: str


def void_row(
    target: StoredEntry,
    *,
    actor_id: int | None,
    reason: str,
    now: int,
    replacement: Admitted | None = None,
) -> NewEntry:
    """
    Return the row of the void of *target*.

    Args:
        target: The event.

        actor_id: Who says so.

        reason: Why.

        now: When, by the book's clock.

        replacement: What stands in its stead, for an amendment. The void names it.
    """
    data: dict[str, object] = {"entry_id": target.entry_id, "reason": reason}
    if replacement is not None:
        data["replacement"] = {
            "source": replacement.source,
            "id": replacement.event_id,
        }
    return control_row(
        VOID,
        source=VOID_SOURCE,
        event_id=str(target.entry_id),
        type_=VOID_TYPE,
        actor_id=actor_id,
        customer=target.customer,
        occurred_at=target.occurred_at,
        data=data,
        now=now,
    )


def _target(
    reader: Reader,
    entry_id: int | None,
    *,
    source: str | None,
    event_id: str | None,
) -> StoredEntry:
    """
    Return the event that is meant.

    It is looked up before anything is written: on PostgreSQL the transaction has no
    number before, and so the void is ordered after what it voids.

    Raises:
        UnknownEntryError: If there is none.

        InvalidQueryError: If it is no event, or not said which.
    """
    for field, text in (("source", source), ("id", event_id)):
        if text is not None:
            check_stated(field, text)
    if entry_id is not None and source is None and event_id is None:
        target = reader.entry_by_id(entry_id) if is_id(entry_id) else None
        shown = f"entry {entry_id}"
    elif entry_id is None and source is not None and event_id is not None:
        target = reader.entry(source=source, event_id=event_id)
        shown = f"event {event_id!r} of {source!r}"
    else:
        message = "Say which event: by entry_id, or by source and id together."
        raise InvalidQueryError(message)

    if target is None:
        message = f"The book has no {shown}: nothing was changed."
        raise UnknownEntryError(message)

    if target.kind != EVENT:
        message = (
            f"The {shown} is no event but a statement of the book's own, of type "
            f"{target.type}: only events can be voided."
            if target.kind == STATEMENT
            else f"The {shown} is a {target.type}: only events can be voided."
        )
        raise InvalidQueryError(message)

    return target


def _is_settled(reader: Reader, target: StoredEntry, offer: Admitted) -> bool:
    """
    Tell whether the identity of the replacement is in the book already.

    Raises:
        AlreadyVoidError: If *target* is void, and not in favour of this replacement.
    """
    void = reader.entry(source=VOID_SOURCE, event_id=str(target.entry_id))
    if void is not None:
        named = msgspec.json.decode(void.data).get("replacement")
        if named != {"source": offer.source, "id": offer.event_id}:
            message = (
                f"Entry {target.entry_id} is void already, by entry {void.entry_id}: "
                "nothing was changed. Record the replacement as an event of its own."
            )
            raise AlreadyVoidError(message)
    known = reader.entry(source=offer.source, event_id=offer.event_id)
    return known is not None
