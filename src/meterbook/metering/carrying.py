"""
Carrying seats over: what is told of two customers when one's become another's.

::

    acme     5 _______                    globex   3 _______|~~~~ 8
                      |____ 0                               at
                      at

At one instant the one has none any more and the other has them all. No moment counts
them twice and none counts them nowhere, so the peaks of both sides are true, and each
keeps the one it had.

Members are carried by name: each leaves by every way and comes in by the same ways,
with the state that they had. Levels are numbers: the one side states 0, the other the
sum. What is told copies the data of what was told last, so that filters and groups of a
meter find in it what they found before.

Laws (tests/laws/test_carrying.py):
    - *Nothing else*: at the instant the one has nothing and the other has both.
    - *Own mark*: the peak of the one side up to the instant stays what it was.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from meterbook.metering.members import Change, MemberChange
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from meterbook.metering.meters import Meter
    from meterbook.metering.observing import Observe, Sample


# Who states what is told of both sides.
MOVE_SOURCE: Final = "meterbook:move"


class SeatEvent(NamedTuple):
    """
    An event that says something of seats.

    Attributes:
        at: When it occurred, in microseconds.

        place: Of two at one instant the one with the higher place came later.

        subject: The number of the person it names; None if it names nobody.
    """

    at: int
    place: int
    source: str
    subject: int | None
    data: dict[str, Any]


class SeatMeter(NamedTuple):
    """
    A meter that reads seats, and how it observes an event.
    """

    meter: Meter
    observe: Observe


class CarriedEvent(NamedTuple):
    """
    What must be told of one side.

    Attributes:
        is_from: Of the side that had the seats; else of the one that has them now.

        subject: The number of the person it names; None if it names nobody.

        data: The event's.
    """

    is_from: bool
    subject: int | None
    data: dict[str, Any]


class CarriedSeats(NamedTuple):
    """
    What is carried over.

    Attributes:
        events: What must be told, in order.

        members: The numbers of those who are carried.

        units: How many seats each meter of levels had on the side they leave.
    """

    events: list[CarriedEvent]
    members: frozenset[int]
    units: dict[str, int]


def carry_members(  # noqa: PLR0913 - two sides, and what is carried
    old: Sequence[SeatEvent],
    new: Sequence[SeatEvent],
    meters: Sequence[SeatMeter],
    *,
    type_: str,
    only: Collection[int] | None,
    cause: str,
) -> CarriedSeats:
    """
    Return what carries members over.

    Args:
        old: The events of the side that they leave, in order of time and place.

        new: Those of the side that they come to.

        meters: Of members, all of one type of event.

        type_: That type.

        only: Who is carried, by number; None for everybody.

        cause: Why, as the events say it.
    """
    counted = Counter(state for one in meters for state in one.meter.states)
    inside, there = (_ways(events, meters, type_) for events in (old, new))
    leaving = {
        by_way: joined
        for by_way, joined in inside.items()
        if only is None or by_way[0] in only
    }
    events: list[CarriedEvent] = []
    for (member, way), (state, data) in sorted(leaving.items(), key=_by_member):
        facts = {name: fact for name, fact in data.items() if name != "state"}
        facts |= {"change": Change.LEAVE.value, "cause": cause}
        events.append(CarriedEvent(is_from=True, subject=member, data=facts))
        already = there.get((member, way))
        # By one way a member has one state: the one that more meters count.
        if already is None or counted[state] > counted[already[0]]:
            facts = data | {"change": Change.JOIN.value, "cause": cause}
            events.append(CarriedEvent(is_from=False, subject=member, data=facts))
    members = frozenset(member for member, _ in leaving)
    return CarriedSeats(events, members, {})


def carry_levels(  # noqa: PLR0913 - two sides, and what is carried
    old: Sequence[SeatEvent],
    new: Sequence[SeatEvent],
    meters: Sequence[SeatMeter],
    *,
    type_: str,
    only: Collection[int] | None,
    cause: str,
) -> CarriedSeats:
    """
    Return what carries levels over: of all *meters*, which read one type of event.

    Arguments are those of `carry_members`. Where *only* some are carried, the meters
    tell subjects apart: see `tells_subjects_apart`.
    """
    had, has = (_levels(events, meters, type_) for events in (old, new))
    moved = {key: level for key, level in had.items() if _is_moved(level, only)}
    events: list[CarriedEvent] = []
    templates = {level.event.place: level.event for level in moved.values()}
    for _, template in sorted(templates.items()):
        gone, come = dict(template.data), dict(template.data)
        for one in meters:
            seen = _seen(one.observe, template, type_)
            if seen is None:
                continue
            key = one.meter.key, seen[1]
            total = _units_of(had, key) + _units_of(has, key)
            gone = _with_units(gone, one.meter, 0)
            come = _with_units(come, one.meter, total)
        for is_from, data in ((True, gone), (False, come)):
            facts = data | {"cause": cause}
            events.append(CarriedEvent(is_from, template.subject, facts))
    units: dict[str, int] = {}
    for (meter_key, _), level in moved.items():
        units[meter_key] = units.get(meter_key, 0) + level.units
    return CarriedSeats(events, frozenset(), units)


def tells_subjects_apart(meter: Meter) -> bool:
    """
    Tell whether a meter of levels has a level for each subject.
    """
    return any(path == "$subject" for _, path in meter.group_by)


def unread_by(  # noqa: PLR0913 - two sides, and what is carried
    old: Sequence[SeatEvent],
    new: Sequence[SeatEvent],
    carried: CarriedSeats,
    meters: Sequence[SeatMeter],
    *,
    type_: str,
    only: Collection[int] | None,
) -> str | None:
    """
    Return the key of a meter that would not see what is carried; None if all would.

    Such a meter looks at who states an event, or takes only some levels. The other
    arguments are those of `carry_members`.
    """
    left = [*old, *_told(old, carried, is_from=True)]
    came = [*new, *_told(new, carried, is_from=False)]
    for one in meters:
        sides = (old, new, left, came)
        if one.meter.names_members:
            had, _, gone, come = (_ways(side, [one], type_) for side in sides)
            moved = {key for key in had if key[0] in carried.members}
            is_read = not (moved & gone.keys() or moved - come.keys())
        else:
            levels = [_levels(side, [one], type_) for side in sides]
            is_read = _is_carried(*levels, only=only)
        if not is_read:
            return one.meter.key
    return None


def _is_carried(
    had: _Levels,
    has: _Levels,
    left: _Levels,
    came: _Levels,
    *,
    only: Collection[int] | None,
) -> bool:
    """
    Tell whether what is carried is gone from the one side and added to the other, and
    all else is what it was.
    """
    for key in had.keys() | has.keys() | left.keys() | came.keys():
        was, there = _units_of(had, key), _units_of(has, key)
        is_moved = key in had and _is_moved(had[key], only)
        expected = (0, was + there) if is_moved else (was, there)
        if (_units_of(left, key), _units_of(came, key)) != expected:
            return False
    return True


def _told(
    side: Sequence[SeatEvent], carried: CarriedSeats, *, is_from: bool
) -> list[SeatEvent]:
    """
    Return what is told of a side, after what was told of it before.
    """
    last = side[-1] if side else None
    at, place = (0, 0) if last is None else (last.at, last.place)
    return [
        SeatEvent(at, place + index, MOVE_SOURCE, event.subject, event.data)
        for index, event in enumerate(carried.events, start=1)
        if event.is_from is is_from
    ]


class _Level(NamedTuple):
    """
    A level, and the event that stated it.
    """

    units: int
    event: SeatEvent


# The last level of each meter and group.
_Levels: TypeAlias = "dict[tuple[str, str], _Level]"


def _is_moved(level: _Level, only: Collection[int] | None) -> bool:
    """
    Tell whether there is something to carry, and whether it is to be carried.
    """
    return level.units > 0 and (only is None or level.event.subject in only)


def _seen(observe: Observe, event: SeatEvent, type_: str) -> Sample | None:
    """
    Return what a meter takes of an event; None if nothing.
    """
    envelope = Envelope(event.source, type_, event.subject, None)
    seen = observe(event.data, envelope)
    return None if isinstance(seen, Unusable) else seen


def _ways(
    events: Iterable[SeatEvent], meters: Sequence[SeatMeter], type_: str
) -> dict[tuple[int, str], tuple[str, dict[str, Any]]]:
    """
    Return who is in by which way: the state, and the data that said so last.
    """
    inside: dict[tuple[int, str], tuple[str, dict[str, Any]]] = {}
    for event in events:
        for one in meters:
            seen = _seen(one.observe, event, type_)
            if seen is None or not isinstance(seen[0], MemberChange):
                continue
            change = seen[0]
            if change.member is not None:
                by_way = change.member, change.way
                if change.state is None:
                    inside.pop(by_way, None)
                else:
                    inside[by_way] = change.state, event.data
            break
    return inside


def _levels(
    events: Iterable[SeatEvent], meters: Sequence[SeatMeter], type_: str
) -> dict[tuple[str, str], _Level]:
    """
    Return the last level of each meter and group.
    """
    levels: dict[tuple[str, str], _Level] = {}
    for event in events:
        for one in meters:
            seen = _seen(one.observe, event, type_)
            if seen is not None:
                units, group = seen
                assert isinstance(units, int)
                levels[one.meter.key, group] = _Level(units, event)
    return levels


def _units_of(levels: dict[tuple[str, str], _Level], key: tuple[str, str]) -> int:
    level = levels.get(key)
    return 0 if level is None else level.units


def _with_units(data: dict[str, Any], meter: Meter, units: int) -> dict[str, Any]:
    """
    Return a copy of *data* with another level where *meter* looks for it.
    """
    assert isinstance(meter.value, str)
    value: object = Decimal(units).scaleb(-meter.scale) if meter.scale else units
    return _with(data, meter.value.split("."), value)


def _with(data: dict[str, Any], steps: Sequence[str], value: object) -> dict[str, Any]:
    first, *rest = steps
    inner = data.get(first)
    if rest:
        value = _with(inner if isinstance(inner, dict) else {}, rest, value)
    return {**data, first: value}


def _by_member(
    item: tuple[tuple[int, str], tuple[str, dict[str, Any]]],
) -> tuple[int, str]:
    return item[0]
