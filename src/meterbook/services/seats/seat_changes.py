"""
Changes of a level, one by one, as people see them: who came or went, who did it, why.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.foundation.instants import to_moment
from meterbook.metering.members import MemberChange, index_of, turned_at
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope
from meterbook.metering.readings import UNNUMBERED
from meterbook.services.entries.listing import check_limit
from meterbook.services.entries.naming import shown_name
from meterbook.services.readings.walking import Cursor
from meterbook.services.worker.sampling import decode_data


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from meterbook.foundation.periods import Period
    from meterbook.metering.readings import AsOf
    from meterbook.ports import Effect
    from meterbook.services.seats.seat_history import SeatHistory

# What an event of a meter that states levels says.
LEVEL: Final = "level"

# Of those who made a peak: a spike of a thousand is a cause, and its members a list.
MADE_BY_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatChange:
    """
    One event that said something of the level.

    Attributes:
        at: When it occurred.

        place: Its place in the book; None while it has none.

        change: `join`, `leave`, `baseline`, or `level` for one that was stated.

        member: Who; by a pseudonym, `person-<number>`, if names were not asked for or
            the name was erased. None for a baseline and for a level.

        way: By which way; None for a baseline and for a level.

        state: What the member is from then on, by this way; None if that is over.

        units: The level after it, in the meter's smallest unit. Of several changes at
            one instant, only the last one's was held.

        actor: Who did it, if that was said; as *member*.

        cause: Why, if that was said.

        definition: The version of what the source counts as a seat, if it said so.

        source: Who states it.
    """

    at: dt.datetime
    place: int | None
    change: str
    member: str | None
    way: str | None
    state: str | None
    units: int
    actor: str | None
    cause: str | None
    definition: int | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesPage:
    """
    A page of changes.

    Attributes:
        as_of: The place and moment at which it was asked: hand them back with the
            cursor, and nothing is shown twice.

        provisional: Changes without a place were read.

        scale: How many decimal places a seat has.

        next: The cursor of the next page; None if this is the last.
    """

    changes: tuple[SeatChange, ...]
    as_of: AsOf
    provisional: bool
    scale: int
    next: str | None


class Seen(NamedTuple):
    """
    An event that said something of the level, before names are looked up.
    """

    effect: Effect
    value: object
    data: Mapping[str, object]
    nth: int


def changes_between(
    history: SeatHistory,
    period: Period,
    *,
    names: bool,
    after: str | None,
    limit: int,
) -> ChangesPage:
    """
    Return a page of the changes in *period*, in order of (occurred_at, place).

    Args:
        history: Whose.

        period: The stretch.

        names: Whether to say who members and actors are.

        after: The cursor of the page before, None for the first.

        limit: The most changes of a page.

    Raises:
        InvalidQueryError: If the cursor or the limit is not usable.
    """
    check_limit(limit)
    cursor = None if after is None else Cursor.parse(after)
    seen = seen_between(history, period, after=cursor)
    found = list(islice(seen, limit))
    following = None
    if next(seen, None) is not None:
        last = found[-1].effect
        following = Cursor(last.occurred_at, last.place).text()
    return ChangesPage(
        changes=tuple(shown(history, found, names=names)),
        as_of=history.as_of,
        provisional=history.provisional,
        scale=history.meter.meter.scale,
        next=following,
    )


def seen_between(
    history: SeatHistory, period: Period, *, after: Cursor | None = None
) -> Iterator[Seen]:
    """
    Yield every change in *period* up to as-of, in order of (occurred_at, place).

    Those after the cursor *after*, if it is given.
    """
    first = Cursor(period.start_us, -1)
    cursor = first if after is None else max(first, after)
    until = min(period.end_us, history.as_of.moment_us + 1)
    return _seen(history, history.walk.after(cursor, until=until))


def makers_of(history: SeatHistory, at: int) -> list[Seen]:
    """
    Return what made the level that began at the instant *at*.

    Of members: how those came in who came in then; nothing where only some left, for
    those who were left made it, each at another time. Of stated levels: the one that
    held.
    """
    seen = list(_seen(history, history.walk.at(at)))
    if not history.meter.is_members:
        return seen[-1:]

    came, _ = turned_at(history.running, at)
    return [
        one
        for one in seen
        if history.running.turns[one.nth] > 0 and one.effect.subject_id in came
    ]


def shown(
    history: SeatHistory, found: Sequence[Seen], *, names: bool
) -> Iterator[SeatChange]:
    """
    Yield *found* as people see it.
    """
    people = {one.effect.subject_id for one in found}
    people |= {one.effect.actor_id for one in found}
    known = history.snapshot.names(people) if names else {}
    for one in found:
        effect = one.effect
        cause, definition = one.data.get("cause"), one.data.get("definition")
        change, member, way, state = _named(one.value, one.data)
        yield SeatChange(
            at=to_moment(effect.occurred_at),
            place=effect.place if effect.place < UNNUMBERED else None,
            change=change,
            member=shown_name(known, member),
            way=way,
            state=state,
            units=history.running.units[one.nth],
            actor=shown_name(known, effect.actor_id),
            cause=cause if isinstance(cause, str) else None,
            definition=definition if type(definition) is int else None,
            source=effect.source,
        )


def _named(
    value: object, data: Mapping[str, object]
) -> tuple[str, int | None, str | None, str | None]:
    """
    Return (change, member, way, state) of what an event said.
    """
    if not isinstance(value, MemberChange):
        return LEVEL, None, None, None

    way = None if value.member is None else value.way
    return str(data["change"]), value.member, way, value.state


def _seen(history: SeatHistory, effects: Iterable[Effect]) -> Iterator[Seen]:
    """
    Yield what the meter takes from *effects*.
    """
    type_ = history.meter.meter.event_type
    for effect in effects:
        data = decode_data(effect.data)
        envelope = Envelope(effect.source, type_, effect.subject_id, effect.actor_id)
        taken = history.meter.observe(data, envelope)
        if taken is not None and not isinstance(taken, Unusable):
            nth = index_of(history.running, effect.occurred_at, effect.place)
            yield Seen(effect, taken[0], data, nth)
