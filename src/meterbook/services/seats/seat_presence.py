"""
Who is in at a moment: by name, by which ways, in which state, since when, by whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.instants import to_micros, to_moment
from meterbook.metering.members import roster
from meterbook.metering.readings import UNNUMBERED, AsOf
from meterbook.services.entries.naming import shown_name
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.snapshots import Snapshot
from meterbook.services.readings.usage import find_meter
from meterbook.services.seats.levelling import members_told
from meterbook.services.seats.seat_history import check_names_members
from meterbook.services.worker.posting import place_of
from meterbook.services.worker.sampling import decode_data


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Mapping, Sequence

    from meterbook.metering.members import Attendance
    from meterbook.ports import Reader, StoredEntry
    from meterbook.services.readings.usage import Asked

# How many entries are looked up at a time, for who did it and why.
FETCH_ENTRIES: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WayPresent:
    """
    One way by which somebody is in.

    Attributes:
        way: Its name; empty if it has none.

        state: What the member is by this way.

        since: Since when; a change of state begins anew.

        actor: Who said so; by a pseudonym if names were not asked for.

        cause: Why, if that was said.
    """

    way: str
    state: str
    since: dt.datetime
    actor: str | None
    cause: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPresent:
    """
    Somebody who is in.

    Attributes:
        member: By name; by a pseudonym, `person-<number>`, if names were not asked for
            or it was erased.

        since: Since when the member counts; None for one in a state that does not.

        ways: By name of the way.
    """

    member: str
    since: dt.datetime | None
    ways: tuple[WayPresent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """
    Who is in at one moment.

    Attributes:
        as_of: The place and moment at which it was asked; the moment is the one asked
            about.

        provisional: Changes without a place were read.

        units: How many count; more than *members* has if there were too many to list.

        members: By name, those who count and, if asked for, those who do not.
    """

    as_of: AsOf
    provisional: bool
    units: int
    members: tuple[MemberPresent, ...]


def present(
    reader: Reader,
    asked: Asked,
    *,
    customer: str,
    names: bool,
    everybody: bool,
) -> Present:
    """
    Return who of *customer* is in at the moment asked for.

    Args:
        reader: One snapshot.

        asked: Of which meter; its moment is the one to look at.

        customer: Whose members.

        names: Whether to say who they are.

        everybody: Whether to list those, too, whose state does not count.

    Raises:
        UnknownMeterError: If there is no such meter or version.

        UnknownPlaceError: If the place is not numbered yet.

        InvalidQueryError: If the meter names nobody.
    """
    meter = compiled(find_meter(reader, asked.meter_key, asked.version))
    check_names_members(meter.meter)
    snapshot = Snapshot.of(reader, place=asked.place)
    until = to_micros(asked.moment) + 1
    told = members_told(snapshot, meter, customer, until=until)
    found = roster(told, meter.meter.states)
    listed = {
        who: one for who, one in found.items() if everybody or one.since is not None
    }
    tail = snapshot.tail(customer)
    return Present(
        as_of=AsOf(snapshot.cited([tail]), asked.moment),
        provisional=tail.unnumbered,
        units=sum(one.since is not None for one in found.values()),
        members=tuple(_shown(snapshot, listed, tail.entries, names=names)),
    )


def _shown(
    snapshot: Snapshot,
    found: Mapping[int, Attendance],
    tail: Mapping[int, StoredEntry],
    *,
    names: bool,
) -> list[MemberPresent]:
    """
    Return *found* as people see it, in order of name.
    """
    places = [way.place for one in found.values() for way in one.ways.values()]
    entries = _entries(snapshot.reader, places) | dict(tail)
    actors = {entries[place].actor_id for place in places}
    known = snapshot.names(actors | found.keys()) if names else {}
    members = [
        MemberPresent(
            member=str(shown_name(known, who)),
            since=None if one.since is None else to_moment(one.since),
            ways=tuple(
                WayPresent(
                    way=name,
                    state=way.state,
                    since=to_moment(way.at),
                    actor=shown_name(known, entries[way.place].actor_id),
                    cause=_cause(entries[way.place]),
                )
                for name, way in sorted(one.ways.items())
            ),
        )
        for who, one in found.items()
    ]
    return sorted(members, key=lambda one: one.member)


def _entries(reader: Reader, places: Iterable[int]) -> dict[int, StoredEntry]:
    """
    Return the entries that have a place in the book, by place, a part at a time.
    """
    numbered = sorted(place for place in places if place < UNNUMBERED)
    parts: list[Sequence[int]] = [
        numbered[start : start + FETCH_ENTRIES]
        for start in range(0, len(numbered), FETCH_ENTRIES)
    ]
    return {
        place_of(entry): entry for part in parts for entry in reader.entries_at(part)
    }


def _cause(entry: StoredEntry) -> str | None:
    cause = decode_data(entry.data).get("cause")
    return cause if isinstance(cause, str) else None
