"""
Members: who is in, who left. A level that knows its names.

A source that counts seats says "five". One that knows its members says "ann came in by
the invitation of bob", and the five follow from that. The same member can be in by
several ways (invited, and found in the directory): who leaves by one is still in by the
other. By each way a member has a state, and only some states count::

    ann  invited    join...............leave            present: . XXXXXXXXXXXXXXXX .
    ann  directory        join...................leave  still in, though not invited
    bob  invited    join(pending)..join(active).......  counted from then on
    level           1                  2               1
                 ---|-----|--------|---|---------|----> occurred_at

What is folded is ordered by (occurred_at, place), so the order in which it was told
does not matter: a leave may be told before its join. A leave of somebody who is not in
changes nothing. All changes at one instant count together: who comes and goes at the
same instant was never there.

An event about a member has in its data:

============  ==================  ====================================================
field         if absent           what it says
============  ==================  ====================================================
`change`      unusable            `join`, `leave`, or `baseline`
`way`         ``""``              by which way the member comes or leaves
`state`       ``"active"``        of a join: what the member is from now on, by this way
`cause`       nothing             why, for people
`definition`  nothing             the version of what the source counts as a member
============  ==================  ====================================================

A *baseline* names nobody: it says that from here on everybody is told of, so that the
level before it is unknown and the level from it on is not.

Laws (tests/laws/test_members.py):
    - *Oracle*: the level is what looking at every instant finds, way by way.
    - *Order*: the order in which changes are told does not matter.
    - *Ways*: who leaves by one way of two is still in.
    - *One instant*: who comes and goes at one instant was never there.
"""

from __future__ import annotations

import enum

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from meterbook.metering.levels import Sample


# What a member is if nobody says, and the only state that counts if no meter says.
ACTIVE: Final = "active"


class Change(enum.StrEnum):
    """
    What an event says of a member.
    """

    JOIN = "join"
    LEAVE = "leave"
    BASELINE = "baseline"


CHANGES: Final = tuple(change.value for change in Change)

_TEXT_OR_NOTHING: Final = frozenset({str, type(None)})


class MemberChange(NamedTuple):
    """
    What one event does, as far as the level is concerned.

    Attributes:
        member: The number of the person; None for a baseline.

        way: By which way.

        state: What the member is from now on by this way; None: no longer in by it.
    """

    member: int | None
    way: str
    state: str | None


# occurred_at, place, and the parts of a MemberChange
Told: TypeAlias = "tuple[int, int, tuple[int | None, str, str | None]]"


class Running(NamedTuple):
    """
    A level after each event that said something of it, in order of (time, place).

    The four run side by side, one number for each event.

    Attributes:
        ats: When it occurred, in microseconds.

        places: Its place in the book.

        units: The level after it. Of several at one instant only the last was held.

        turns: Who came in by it (a person's number) or went out (minus that number); 0
            if nobody did. Of a level without names there are none.
    """

    ats: Sequence[int]
    places: Sequence[int]
    units: Sequence[int]
    turns: Sequence[int]


class WayIn(NamedTuple):
    """
    One way by which a member is in.

    Attributes:
        state: What the member is by this way.

        at: Since when, in microseconds. A change of state begins anew.

        place: Of the event that said so.
    """

    state: str
    at: int
    place: int


class Attendance(NamedTuple):
    """
    How one member is in.

    Attributes:
        since: Since when the member counts, by whichever way; None: does not count.

        ways: By name.
    """

    since: int | None
    ways: dict[str, WayIn]


def member_change(data: Mapping[str, Any], member: int | None) -> MemberChange | str:
    """
    Return what an event says of *member*, or as a sentence why it cannot be taken.

    Args:
        data: The event's. Fields that do not move the level are not looked at.

        member: The number of the person that the event names; None if it names nobody.
    """
    change = data.get("change")
    fault = _fault(change, data, member)
    if fault is not None:
        return fault

    if change == Change.BASELINE:
        return MemberChange(None, "", None)

    state = None
    if change == Change.JOIN:
        stated = data.get("state")
        state = ACTIVE if stated is None else str(stated)
    return MemberChange(member, str(data.get("way") or ""), state)


def _fault(change: object, data: Mapping[str, Any], member: int | None) -> str | None:
    """
    Return why an event about *member* cannot be taken, or None if it can.
    """
    if type(change) is not str or change not in CHANGES:
        fault = "is missing" if change is None else "cannot be that"
        return f"change {fault}: say join, leave or baseline"

    if change == Change.BASELINE:
        named = "$subject is stated: a baseline names nobody, leave it out"
        return None if member is None else named

    if member is None:
        return f"$subject is missing: say whose {change} it is"

    texts = ["way", "state"] if change == Change.JOIN else ["way"]
    for field in texts:
        if type(data.get(field)) not in _TEXT_OR_NOTHING:
            return f"{field} has the wrong type: it is not text"
    return None


def run_members(told: Iterable[Told], states: Collection[str]) -> Running:
    """
    Return the level of *told* after each change.

    Args:
        told: Sorted by (occurred_at, place).

        states: Those that count.
    """
    counted = frozenset(states)
    # Each way is a bit: whoever has one set is present. One look-up for each change,
    # since there may be a million of them among a hundred thousand members.
    bits: dict[str, int] = {}
    ways_of: dict[int, int] = {}
    ats, places, units, turns = (array("q") for _ in range(4))
    for at, place, (member, way, state) in told:
        turn = 0
        if member is not None:
            bit = bits.setdefault(way, 1 << len(bits))
            before = ways_of.get(member, 0)
            after = before | bit if state in counted else before & ~bit
            if after:
                ways_of[member] = after
                turn = 0 if before else member
            elif before:
                del ways_of[member]
                turn = -member
        ats.append(at)
        places.append(place)
        units.append(len(ways_of))
        turns.append(turn)
    return Running(ats, places, units, turns)


def run_levels(samples: Iterable[Sample]) -> Running:
    """
    Return levels that were stated as numbers, to be read like those of members.

    Args:
        samples: (occurred_at, place, units), sorted by the first two.
    """
    ats, places = array("q"), array("q")
    # A level may have more digits than 64 bits hold; there are few that do.
    units: list[int] = []
    for at, place, level in samples:
        ats.append(at)
        places.append(place)
        units.append(level)
    return Running(ats, places, units, ())


def samples_between(running: Running, start: int, end: int) -> list[Sample]:
    """
    Return (occurred_at, place, level) of the changes with start <= occurred_at < end.

    They fold like the samples of any meter that reads levels.
    """
    within = slice(*_between(running.ats, start, end))
    return list(
        zip(
            running.ats[within],
            running.places[within],
            running.units[within],
            strict=True,
        )
    )


def level_before(running: Running, at: int) -> tuple[int, int] | None:
    """
    Return (occurred_at, level) of the last change before *at*; None if there is none.
    """
    index = bisect_left(running.ats, at)
    return (running.ats[index - 1], running.units[index - 1]) if index else None


def index_of(running: Running, at: int, place: int) -> int:
    """
    Return which change it is that occurred at *at* and has *place*.
    """
    first, after = bisect_left(running.ats, at), bisect_right(running.ats, at)
    return bisect_left(running.places, place, lo=first, hi=after)


def present_at(running: Running, moments: Iterable[int]) -> Iterator[frozenset[int]]:
    """
    Yield who is present at each of *moments*, by number.

    Args:
        running: Of members.

        moments: In order. What occurs at a moment is over by then.
    """
    present: set[int] = set()
    done = 0
    for moment in moments:
        upto = bisect_right(running.ats, moment)
        for turn in running.turns[done:upto]:
            if turn > 0:
                present.add(turn)
            elif turn:
                present.remove(-turn)
        done = max(done, upto)
        yield frozenset(present)


def turned_at(running: Running, at: int) -> tuple[frozenset[int], frozenset[int]]:
    """
    Return who came in and who went out at the instant *at*, by number.

    Who did both at that instant is in neither.
    """
    within = slice(bisect_left(running.ats, at), bisect_right(running.ats, at))
    sums: dict[int, int] = {}
    for turn in running.turns[within]:
        sums[abs(turn)] = sums.get(abs(turn), 0) + (turn > 0) - (turn < 0)
    came = frozenset(member for member, sum_ in sums.items() if sum_ > 0)
    went = frozenset(member for member, sum_ in sums.items() if sum_ < 0)
    return came, went


def roster(told: Iterable[Told], states: Collection[str]) -> dict[int, Attendance]:
    """
    Return everybody who is in by some way after *told*, whatever their state.

    Args:
        told: Sorted by (occurred_at, place).

        states: Those that count.
    """
    counted = frozenset(states)
    found: dict[int, Attendance] = {}
    for at, place, (member, way, state) in told:
        if member is None:
            continue
        before = found.get(member, Attendance(None, {}))
        if state is None:
            before.ways.pop(way, None)
        else:
            before.ways[way] = WayIn(state, at, place)
        if not before.ways:
            found.pop(member, None)
        elif any(one.state in counted for one in before.ways.values()):
            since = at if before.since is None else before.since
            found[member] = Attendance(since, before.ways)
        else:
            found[member] = Attendance(None, before.ways)
    return found


def _between(ats: Sequence[int], start: int, end: int) -> tuple[int, int]:
    return bisect_left(ats, start), bisect_left(ats, end)
