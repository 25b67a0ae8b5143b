"""
Notes on seats: what there is to know of a moment, said by somebody, kept for good.

A five-minute mis-sync of a thousand users makes a peak that is true and that nobody
means. A note says so beside the number, and changes none. What should not count is
taken out by a correction (`services.seats.seat_corrections`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.instants import format_instant, to_micros, to_moment
from meterbook.services.entries.controls import check_accountable, check_stated
from meterbook.services.entries.naming import named_now, names_of, shown_name
from meterbook.services.entries.stating import state, statement_id, statements
from meterbook.services.entries.trying import persistently
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.usage import find_meter
from meterbook.services.seats.seat_history import check_counts_seats


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.metering.events import Conflict, Duplicate, Recorded
    from meterbook.ports import Clock, Reader, Store

NOTE_TYPE: Final = "meterbook.seat_note"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatNote:
    """
    What somebody had to say of the seats at a moment.

    Attributes:
        at: The moment it is about. The month that it lies in shows it.

        text: What there is to know.

        actor: Who said so; by a pseudonym if names were not asked for.

        place: Its place in the book; None while it has none.
    """

    at: dt.datetime
    text: str
    actor: str | None
    place: int | None


def annotate(  # noqa: PLR0913 - of what, of when, who says it, and what
    store: Store,
    clock: Clock,
    meter_key: str,
    *,
    customer: str,
    at: dt.datetime,
    actor: str,
    text: str,
) -> Recorded | Duplicate | Conflict:
    """
    Note *text* beside the seats of *customer* at a moment.

    The same note again is a duplicate; another text for the same moment is another
    note.

    Raises:
        UnknownMeterError: If there is no such meter.

        InvalidQueryError: If the meter does not count seats, or *actor* or *text* is
            missing.

        InvalidInstantError: If *at* has no zone.
    """
    check_stated("customer", customer)
    check_accountable(actor=actor, reason=text)
    at_us, now = to_micros(at), clock.now()

    def append() -> Recorded | Duplicate | Conflict:
        with store.writing() as writer:
            check_counts_seats(compiled(find_meter(writer, meter_key, None)).meter)
            return state(
                writer,
                type_=NOTE_TYPE,
                customer=customer,
                body={"meter": meter_key, "text": text},
                actor_id=named_now(writer, {actor})[actor],
                occurred_at=at_us,
                now=now,
                event_id=statement_id(
                    NOTE_TYPE, customer, meter_key, format_instant(at_us), text
                ),
            )

    return persistently(append)


def notes_on(
    reader: Reader,
    meter_key: str,
    *,
    customer: str,
    place: int | None,
    names: bool,
) -> list[SeatNote]:
    """
    Return the notes on the seats of *customer*, in order of the moments they are about.

    Args:
        reader: One snapshot.

        meter_key: Of which meter.

        customer: Whose seats.

        place: As of which place; None for all there are.

        names: Whether to say who made them.
    """
    said = [
        one
        for one in statements(reader, customer=customer, type_=NOTE_TYPE, place=place)
        if one.body["meter"] == meter_key
    ]
    known = names_of(reader, {one.actor_id for one in said}) if names else {}
    notes = [
        SeatNote(
            at=to_moment(one.occurred_at),
            text=str(one.body["text"]),
            actor=shown_name(known, one.actor_id),
            place=one.place,
        )
        for one in said
    ]
    return sorted(notes, key=lambda note: note.at)
