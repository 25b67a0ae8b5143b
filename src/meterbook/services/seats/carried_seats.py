"""
What a move carries over, as the book has it: the seats of both sides up to a moment.

All that was told of both customers is walked through, in order of time; what was told
after the moment is in the way of a move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from meterbook.foundation.errors import InvalidMoveError, StoreError
from meterbook.foundation.instants import INSTANT_MAX, INSTANT_MIN, format_instant
from meterbook.metering.carrying import (
    CarriedSeats,
    SeatEvent,
    SeatMeter,
    carry_levels,
    carry_members,
    tells_subjects_apart,
    unread_by,
)
from meterbook.services.entries.noticing import latest_versions
from meterbook.services.meters.compiling import by_type
from meterbook.services.readings.snapshots import Snapshot
from meterbook.services.readings.walking import Cursor, Walk
from meterbook.services.worker.sampling import decode_data


if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from meterbook.ports import Reader
    from meterbook.services.meters.compiling import ActiveMeter

T = TypeVar("T")

# The worker numbers entries while we read; a step takes it a fraction of a second.
SETTLED_ATTEMPTS_MAX: Final = 10


def seat_meters(reader: Reader) -> dict[str, list[ActiveMeter]]:
    """
    Return the meters that count seats, of members or as levels, by type of event.
    """
    found = by_type(latest_versions(reader))
    seats = {
        type_: [one for one in meters if one.is_members or _is_level(one)]
        for type_, meters in found.items()
    }
    return {type_: meters for type_, meters in seats.items() if meters}


def _is_level(active: ActiveMeter) -> bool:
    """
    Tell whether a meter reads a level that somebody states.
    """
    return active.is_level and active.meter.hourly is None


def carried_between(  # noqa: PLR0913 - two sides, and what is carried
    reader: Reader,
    meters: Mapping[str, Sequence[ActiveMeter]],
    *,
    customer: str,
    to: str,
    at: int,
    only: Collection[int] | None,
    cause: str,
) -> list[tuple[str, CarriedSeats]]:
    """
    Return what is told of both sides, by type of event: members first.

    Args:
        reader: The book.

        meters: That count seats, by type of event.

        customer: Whose seats they are.

        to: Whose they are to be.

        at: When, in microseconds.

        only: Which members alone, by number; None for all seats.

        cause: Why.

    Raises:
        StoreError: If more entries wait for their place than can be read.

        InvalidMoveError: If something is in the way.
    """
    snapshot = Snapshot.of(reader, place=None)
    found: list[tuple[str, CarriedSeats]] = []
    for type_, active in sorted(meters.items()):
        sides = [_events(snapshot, whose, type_) for whose in (customer, to)]
        old, new = ([one for one in side if one.at <= at] for side in sides)
        later = [[one for one in side if one.at > at] for side in sides]
        of_members, of_levels = (
            [
                SeatMeter(one.meter, one.observe)
                for one in active
                if one.is_members is is_
            ]
            for is_ in (True, False)
        )
        if of_members:
            seats = carry_members(
                old, new, of_members, type_=type_, only=only, cause=cause
            )
            gone = [one for one in later[0] if one.subject in seats.members]
            blind = unread_by(old, new, seats, of_members, type_=type_, only=only)
            _check_carried(type_, gone, blind)
            found.append((type_, seats))
        if only is not None:
            of_levels = [one for one in of_levels if tells_subjects_apart(one.meter)]
        if of_levels:
            seats = carry_levels(
                old, new, of_levels, type_=type_, only=only, cause=cause
            )
            after = [
                one
                for one in (*later[0], *later[1])
                if seats.events and (only is None or one.subject in only)
            ]
            blind = unread_by(old, new, seats, of_levels, type_=type_, only=only)
            _check_carried(type_, after, blind)
            found.append((type_, seats))
    return found


def _events(snapshot: Snapshot, customer: str, type_: str) -> list[SeatEvent]:
    """
    Return the events of a customer and type that stand, in order of time and place.

    Raises:
        StoreError: If more waits for a place than can be read.
    """
    if snapshot.tail(customer).too_long:
        message = "More entries wait for their place than can be read: try again later."
        raise StoreError(message, retryable=True)

    walk = Walk(snapshot=snapshot, customer=customer, type_=type_)
    return [
        SeatEvent(
            at=effect.occurred_at,
            place=effect.place,
            source=effect.source,
            subject=effect.subject_id,
            data=decode_data(effect.data),
        )
        for effect in walk.after(Cursor(INSTANT_MIN, -1), until=INSTANT_MAX + 1)
    ]


def _check_carried(type_: str, later: Sequence[SeatEvent], unread: str | None) -> None:
    """
    Check that nothing was told of what is carried later, and that all meters see it.

    Raises:
        InvalidMoveError: If it is not so.
    """
    if later:
        last = format_instant(max(one.at for one in later))
        message = (
            f"seats of type {type_!r} changed after that moment, the last time at "
            f"{last}: move them at a later moment, or now."
        )
        raise InvalidMoveError(message)

    if unread is not None:
        message = (
            f"meter {unread!r} would not see the move: it looks at who states an "
            "event, or takes some levels only. Record the change of both customers "
            "yourself."
        )
        raise InvalidMoveError(message)


def settled(reader: Reader, read: Callable[[], T]) -> T:
    """
    Return what *read* returns, read while the worker numbered nothing.

    On PostgreSQL each query of this transaction sees what was committed before it: an
    entry that gets its place between two of them would be in neither.

    Raises:
        StoreError: If the worker was never still.
    """
    for _ in range(SETTLED_ATTEMPTS_MAX):
        before = reader.marks()
        found = read()
        if reader.marks() == before:
            return found
    message = "The worker was numbering all the time: try again."
    raise StoreError(message, retryable=True)


def all_units(carried: Sequence[tuple[str, CarriedSeats]]) -> dict[str, int]:
    """
    Return how many seats each meter of levels had on the side that they leave.
    """
    return {key: units for _, one in carried for key, units in one.units.items()}
