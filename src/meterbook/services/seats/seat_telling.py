"""
Seats that are told with a time of their own: imports, and what came from elsewhere.

They take no lock, since they say when they happened: their peak is as true as their
times (semantics 4.6). What happens now is recorded live (`services.seats.live`).
Either way it is the same event in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidQueryError
from meterbook.metering.events import Event
from meterbook.metering.members import ACTIVE, Change
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.usage import find_meter
from meterbook.services.seats.seat_history import (
    check_counts_seats,
    check_names_members,
)


if TYPE_CHECKING:
    from meterbook.metering.meters import Meter
    from meterbook.ports import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSeat:
    """
    A change of seats, apart from when it happened and what it is called.

    Attributes:
        meter_key: Of which meter.

        customer: Whose seats.

        member: Who, by name; None for a baseline and for a level.

        way: By which way; empty if there is one only.

        state: Of a join: what the member is from then on, by this way.

        units: Of a level: how many, in the meter's smallest unit.

        actor: Who did it, by name.

        cause: Why.

        definition: The version of what counts as a seat; None for the meter's version.
    """

    meter_key: str
    customer: str
    member: str | None = None
    way: str = ""
    state: str = ACTIVE
    units: int | None = None
    actor: str | None = None
    cause: str | None = None
    definition: int | None = None


def member_event(reader: Reader, told: ToldSeat, change: Change) -> Event:
    """
    Return the event that says *change* of a member; whoever states it gives it a name.

    Raises:
        UnknownMeterError: If there is no such meter.

        InvalidQueryError: If it is not one of members.
    """
    row = find_meter(reader, told.meter_key, None)
    meter = compiled(row).meter
    check_names_members(meter)
    facts: dict[str, object] = {"change": change.value}
    if change is not Change.BASELINE and told.way:
        facts["way"] = told.way
    if change is Change.JOIN and told.state != ACTIVE:
        facts["state"] = told.state
    return _event(told, meter, facts, version=row.version)


def level_event(reader: Reader, told: ToldSeat) -> Event:
    """
    Return the event that states a level.

    Raises:
        UnknownMeterError: If there is no such meter.

        InvalidQueryError: If it does not read levels, or *units* is no level.
    """
    row = find_meter(reader, told.meter_key, None)
    meter = compiled(row).meter
    check_counts_seats(meter)
    if meter.names_members:
        message = (
            f"meter {meter.key!r} counts members by name: say who joins or leaves, the "
            "level follows."
        )
        raise InvalidQueryError(message)
    if type(told.units) is not int or told.units < 0:
        message = f"units must be a whole number of 0 or more, not {told.units!r}"
        raise InvalidQueryError(message)

    assert isinstance(meter.value, str)
    value = Decimal(told.units).scaleb(-meter.scale) if meter.scale else told.units
    facts: dict[str, object] = {}
    inner = facts
    *steps, last = meter.value.split(".")
    for step in steps:
        deeper: dict[str, object] = {}
        inner[step] = deeper
        inner = deeper
    inner[last] = value
    return _event(told, meter, facts, version=row.version)


def _event(
    told: ToldSeat, meter: Meter, facts: dict[str, object], *, version: int
) -> Event:
    definition = version if told.definition is None else told.definition
    said: dict[str, object] = {"definition": definition}
    if told.cause is not None:
        said["cause"] = told.cause
    return Event(
        source="",
        id="",
        type=meter.event_type,
        customer=told.customer,
        subject=told.member,
        actor=told.actor,
        data=said | facts,
    )
