"""
Moving seats: a customer's, or one member's, become another customer's at a moment.

::

    acme     join ann, join bob          | leave ann, leave bob
    globex           join eve            | join ann,  join bob
                                         at, one instant for both

Both sides are told in one transaction, at one instant: no reading finds the seats twice
or nowhere, and each side keeps the high-water mark that it had (semantics 4.8). Who was
attributed to the one customer is attributed to the other from then on.

A move at this moment takes the lock rows of both customers, as whoever records seats
live does: nobody comes or goes unseen in between. A move at a moment that has passed is
told as facts with their own time are; if more was told of these seats after that
moment, it is refused, for nobody could tell whose those changes are.

Laws (tests/services/test_moving.py):
    - *Nothing else*: both sides together have at each instant what they had.
    - *Own mark*: no peak before the instant changes.
    - *Once*: a move that is told twice is done once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from meterbook.foundation.errors import InvalidMoveError, StoreError
from meterbook.foundation.instants import format_instant, to_moment
from meterbook.metering.carrying import MOVE_SOURCE
from meterbook.metering.events import Conflict, Duplicate, Recorded
from meterbook.ports import ATTRIBUTION, EVENT, AttributionRow
from meterbook.services.corrections.payers import timelines
from meterbook.services.entries.controls import (
    ATTRIBUTION_SOURCE,
    ATTRIBUTION_TYPE,
    check_accountable,
    check_stated,
    control_row,
)
from meterbook.services.entries.naming import named_now, person_id_of
from meterbook.services.entries.stating import (
    STATEMENT_SOURCE,
    statement_id,
    statement_row,
)
from meterbook.services.entries.trying import persistently
from meterbook.services.seats.carried_seats import (
    all_units,
    carried_between,
    seat_meters,
    settled,
)
from meterbook.services.worker.draining import drain_all


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from meterbook.metering.carrying import CarriedSeats
    from meterbook.ports import Clock, NewEntry, Reader, Store, Writer
    from meterbook.services.agreements.subscribing import Stated

MOVE: Final = "meterbook.move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """
    What a move did.

    Attributes:
        outcome: Whether it is new, was done before, or was told otherwise before.

        at: The instant at which the seats changed hands, in UTC.

        members: How many members were moved.

        units: How many seats each meter of levels had on the side they left.
    """

    outcome: Stated
    at: dt.datetime
    members: int
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """
    What is to be moved.

    Attributes:
        subject: Whose seats alone; None for all of the customer's.

        at: In microseconds; None for now.

        id: What it is called, and its statement's identity.
    """

    customer: str
    to: str
    subject: str | None
    at: int | None
    actor: str
    reason: str
    id: str
    now: int

    @property
    def event_id(self) -> str:
        """
        The identity of the statement that says so.
        """
        return statement_id("move", self.id)


class Mover:
    """
    The way to move seats.
    """

    def __init__(
        self, store: Store, clock: Clock, new_id: Callable[[int], str]
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock.

            new_id: Makes an id for a move that was given none, of the moment.
        """
        self._store = store
        self._clock = clock
        self._new_id = new_id

    def move(  # noqa: PLR0913 - what, from whom, to whom, when, who and why
        self,
        *,
        customer: str,
        to: str,
        actor: str,
        reason: str,
        subject: str | None = None,
        at: int | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Moved:
        """
        Move the seats of a customer, or of one of its members, to another customer.

        Args:
            customer: Whose they are.

            to: Whose they are to be.

            actor: Who says so.

            reason: Why; the events of the move have it as their cause.

            subject: Which member alone; None for all seats.

            at: When, in microseconds; None for now.

            id: What the caller calls this, so that a retry is a duplicate.

        Raises:
            InvalidMoveError: If there is nothing to move, or something in the way.

            InvalidQueryError: If a text is blank, or cannot be stored.

            UnknownSubjectError: If the book knows nobody of the subject's name.
        """
        for field, text in (("customer", customer), ("to", to)):
            check_stated(field, text)
        for field, given in (("subject", subject), ("id", id)):
            if given is not None:
                check_stated(field, given)
        check_accountable(actor=actor, reason=reason)
        now = self._clock.now()
        if customer == to:
            message = f"{customer!r} is moved to itself: say to which other customer."
            raise InvalidMoveError(message)
        if at is not None and at > now:
            message = (
                f"at is {format_instant(at)}, which is still to come: move when it is "
                "there, or say no moment for now."
            )
            raise InvalidMoveError(message)

        request = _Request(
            customer=customer,
            to=to,
            subject=subject,
            at=at,
            actor=actor,
            reason=reason,
            id=id or self._new_id(now),
            now=now,
        )

        def once() -> Moved:
            with self._store.writing() as writer:
                return _told_before(writer, request) or _move(writer, request)

        return persistently(once)


def _told_before(writer: Writer, request: _Request) -> Moved | None:
    """
    Return what became of a move of this id; None if there was none.
    """
    known = writer.entry(source=STATEMENT_SOURCE, event_id=request.event_id)
    if known is None:
        return None

    body = msgspec.json.decode(known.data)
    subject = None
    if request.subject is not None:
        subject = writer.people([request.subject]).get(request.subject)
    same = (known.customer, body["to"], body.get("subject_id")) == (
        request.customer,
        request.to,
        subject,
    )
    is_then = request.at in {None, known.occurred_at}
    outcome = Duplicate if same and is_then else Conflict
    return Moved(
        outcome=outcome(known.entry_id),
        at=to_moment(known.occurred_at),
        members=body["members"],
        units=body["units"],
    )


def _move(writer: Writer, request: _Request) -> Moved:
    """
    Do a move, in the transaction of *writer*.
    """
    meters = seat_meters(writer)
    if not meters:
        message = "No meter counts seats, of members or as a level: define one first."
        raise InvalidMoveError(message)

    only = None
    if request.subject is not None:
        only = frozenset({person_id_of(writer, request.subject)})
    at = _locked(writer, request, types=meters.keys())
    drain_all(writer)
    carried = settled(
        writer,
        lambda: carried_between(
            writer,
            meters,
            customer=request.customer,
            to=request.to,
            at=at,
            only=only,
            cause=request.reason,
        ),
    )
    members = frozenset[int]().union(*(one.members for _, one in carried))
    attributed = _attributed(writer, only or members, request.customer, at)
    if not attributed and not any(one.events for _, one in carried):
        raise InvalidMoveError(_nothing(request, at))

    actor_id = named_now(writer, {request.actor})[request.actor]
    units = all_units(carried)
    statement = _statement(
        request, at=at, actor_id=actor_id, members=len(members), units=units, only=only
    )
    rows = list(_rows(request, carried, at=at, actor_id=actor_id))
    appended = writer.append([statement, *rows])
    if appended.known:
        # Somebody told a move of this id since we looked: look again.
        message = "A move of this id was told at the same time."
        raise StoreError(message, retryable=True)

    _attribute(writer, request, attributed, at=at, actor_id=actor_id)
    return Moved(
        outcome=Recorded(appended.entry_ids[0]),
        at=to_moment(at),
        members=len(members),
        units=units,
    )


def _locked(writer: Writer, request: _Request, *, types: Collection[str]) -> int:
    """
    Take the lock rows of both customers, and return the instant of the move.
    """
    # A move that is dated holds nobody up to the moment it is told.
    now = request.now if request.at is None else request.at
    whose = [request.customer, request.to]
    instant = writer.lock_seats(types=types, customers=whose, now=now)
    return instant if request.at is None else request.at


def _nothing(request: _Request, at: int) -> str:
    """
    Return the sentence that says that there is nothing to move.
    """
    shown, subject = format_instant(at), request.subject
    what = "it has no seats" if subject is None else f"{subject!r} has no seat"
    return f"{request.customer!r}: {what} at {shown}, nothing was changed."


def _statement(  # noqa: PLR0913 - what is said of a move
    request: _Request,
    *,
    at: int,
    actor_id: int | None,
    members: int,
    units: dict[str, int],
    only: frozenset[int] | None,
) -> NewEntry:
    """
    Return the statement of a move. It names nobody: their events do.
    """
    body: dict[str, object] = {
        "to": request.to,
        "reason": request.reason,
        "members": members,
        "units": units,
    }
    if only is not None:
        [body["subject_id"]] = only
    return statement_row(
        type_=MOVE,
        customer=request.customer,
        body=body,
        actor_id=actor_id,
        occurred_at=at,
        now=request.now,
        event_id=request.event_id,
    )


def _rows(
    request: _Request,
    carried: Sequence[tuple[str, CarriedSeats]],
    *,
    at: int,
    actor_id: int | None,
) -> Iterator[NewEntry]:
    """
    Yield the events of a move, in order.
    """
    number = 0
    for type_, seats in carried:
        for event in seats.events:
            number += 1
            yield control_row(
                EVENT,
                source=MOVE_SOURCE,
                event_id=f"{request.id}/{number}",
                type_=type_,
                subject_id=event.subject,
                actor_id=actor_id,
                customer=request.customer if event.is_from else request.to,
                occurred_at=at,
                data=event.data,
                now=request.now,
            )


def _attributed(
    reader: Reader, people: Collection[int], customer: str, at: int
) -> list[int]:
    """
    Return which of *people* belong to *customer* at a moment, by attribution.
    """
    found = timelines(reader.attributions(people)) if people else {}
    owned = []
    for person_id, said in sorted(found.items()):
        held = [one for one in said if one.effective_at <= at]
        # Of two that hold from one instant the later placed does: it comes last.
        held.sort(key=lambda one: one.effective_at)
        if held and held[-1].customer == customer:
            owned.append(person_id)
    return owned


def _attribute(
    writer: Writer,
    request: _Request,
    people: Sequence[int],
    *,
    at: int,
    actor_id: int | None,
) -> None:
    """
    State that *people* belong to the other customer from the moment on.
    """
    rows = [
        control_row(
            ATTRIBUTION,
            source=ATTRIBUTION_SOURCE,
            event_id=f"move/{request.id}/{person_id}",
            type_=ATTRIBUTION_TYPE,
            subject_id=person_id,
            actor_id=actor_id,
            customer=request.to,
            occurred_at=at,
            data={"customer": request.to, "reason": request.reason},
            now=request.now,
        )
        for person_id in people
    ]
    if not rows:
        return

    appended = writer.append(rows)
    for person_id, entry_id in zip(people, appended.entry_ids, strict=True):
        writer.add_attribution(
            AttributionRow(person_id, at, request.to, entry_id, None)
        )
