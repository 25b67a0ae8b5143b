"""
Telling a book of seats: what happens now, live; what has its own time, as an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from meterbook.app.asking import moment_from
from meterbook.app.clocks import new_id
from meterbook.metering.members import ACTIVE, Change
from meterbook.services.entries.controls import check_stated
from meterbook.services.seats.seat_telling import ToldSeat, level_event, member_event


if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from meterbook.app.asking import Moment
    from meterbook.metering.events import Recording
    from meterbook.ports import Clock, Store
    from meterbook.services.entries.recording import Recorder
    from meterbook.services.seats.live import Live, SeatsChanged

# Who states what has a time of its own, unless another source is named.
SOURCE: Final = "seats"


class SeatTelling:
    """
    The way to tell of members and levels.

    What happens now is recorded in a transaction of the book's own, under the lock of
    the customer's seats. To record it with rows of one's own, use `Book.within`. What
    has its own time, as in an import, is an event of a source, called by an id there.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        recorder: Recorder,
        live: Callable[..., AbstractContextManager[Live]],
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock.

            recorder: Records what has a time of its own.

            live: Opens a transaction in which what happens now is recorded.
        """
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._live = live

    def join(  # noqa: PLR0913 - who, whose, how, when, and who says so
        self,
        meter: str,
        member: str,
        *,
        customer: str,
        way: str = "",
        state: str = ACTIVE,
        at: Moment | None = None,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recording | SeatsChanged:
        """
        Record that *member* is in by *way*, in *state*: from now on, or since *at*.

        Args:
            meter: The key of a meter of members.

            member: Who, by a name that can be erased.

            customer: Who pays for the seat.

            way: By which way, if there are several.

            state: What the member is; the meter says in which states one counts.

            at: Since when; now if absent, and then recorded live.

            actor: Who did it.

            cause: Why.

            definition: The version of what counts as a seat; the meter's by default.

            source: Who states it, if it has its own time.

            id: What they call it. Made if absent, and then a retry is another event.

        Raises:
            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If the meter is not one of members, or a name is none.
        """
        check_stated("member", member)
        told = ToldSeat(
            meter_key=meter,
            customer=customer,
            member=member,
            way=way,
            state=state,
            actor=actor,
            cause=cause,
            definition=definition,
        )
        if at is not None:
            return self._record(told, Change.JOIN, at=at, source=source, id_=id)
        with self._live(actor=actor, cause=cause) as live:
            return live.join(
                meter,
                customer=customer,
                member=member,
                way=way,
                state=state,
                definition=definition,
            )

    def leave(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        member: str,
        *,
        customer: str,
        way: str = "",
        at: Moment | None = None,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recording | SeatsChanged:
        """
        Record that *member* is no longer in by *way*: from now on, or since *at*.

        One who is not in stays so. Arguments and errors are those of `join`.
        """
        check_stated("member", member)
        told = ToldSeat(
            meter_key=meter,
            customer=customer,
            member=member,
            way=way,
            actor=actor,
            cause=cause,
            definition=definition,
        )
        if at is not None:
            return self._record(told, Change.LEAVE, at=at, source=source, id_=id)
        with self._live(actor=actor, cause=cause) as live:
            return live.leave(
                meter,
                customer=customer,
                member=member,
                way=way,
                definition=definition,
            )

    def baseline(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        *,
        customer: str,
        at: Moment | None = None,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recording | SeatsChanged:
        """
        Record that all members are told of: from now on, or since *at*.

        What was before is unknown, not zero. Arguments and errors are those of `join`.
        """
        told = ToldSeat(
            meter_key=meter,
            customer=customer,
            actor=actor,
            cause=cause,
            definition=definition,
        )
        if at is not None:
            return self._record(told, Change.BASELINE, at=at, source=source, id_=id)
        with self._live(actor=actor, cause=cause) as live:
            return live.baseline(meter, customer=customer, definition=definition)

    def level(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        units: int,
        *,
        customer: str,
        at: Moment | None = None,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recording | SeatsChanged:
        """
        Record that there are *units* seats: from now on, or since *at*.

        Of a meter that reads levels, in its smallest unit. Arguments and errors are
        those of `join`.
        """
        told = ToldSeat(
            meter_key=meter,
            customer=customer,
            units=units,
            actor=actor,
            cause=cause,
            definition=definition,
        )
        if at is not None:
            return self._record(told, None, at=at, source=source, id_=id)
        with self._live(actor=actor, cause=cause) as live:
            return live.level(
                meter, customer=customer, units=units, definition=definition
            )

    def _record(
        self,
        told: ToldSeat,
        change: Change | None,
        *,
        at: Moment,
        source: str,
        id_: str | None,
    ) -> Recording:
        """
        Record *told* as an event of its own time; a level without *change*.
        """
        check_stated("customer", told.customer)
        with self._store.reading() as reader:
            event = (
                level_event(reader, told)
                if change is None
                else member_event(reader, told, change)
            )
        named = msgspec.structs.replace(
            event,
            time=moment_from(at),
            source=source,
            id=new_id(self._clock.now()) if id_ is None else id_,
        )
        [outcome] = self._recorder.record([named])
        return outcome
