"""
Carrying seats over: nothing is counted twice, nothing is lost, each side keeps its own.
"""

from __future__ import annotations

import itertools

from typing import Any

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.metering.carrying import (
    MOVE_SOURCE,
    CarriedSeats,
    SeatEvent,
    SeatMeter,
    carry_levels,
    carry_members,
    unread_by,
)
from meterbook.metering.members import MemberChange, run_members
from meterbook.metering.meters import compile_meter, meter_from
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope


TYPE = "seats.changed"
AT = 50
CAUSE = "merged"


def meter(key: str = "seats", **stated: object) -> SeatMeter:
    made = meter_from(key, {"event_type": TYPE, **stated})
    return SeatMeter(made, compile_meter(made))


MEMBERS = meter(aggregation="members")
PENDING_TOO = meter("all", aggregation="members", states=["active", "pending"])
LEVEL = meter(aggregation="peak", value="n")


def events(told: list[tuple[int, int | None, dict[str, Any]]]) -> list[SeatEvent]:
    """
    Return events in order of time, told in the order they are given in.
    """
    made = [
        SeatEvent(at, place, "app", subject, data)
        for place, (at, subject, data) in enumerate(told, start=1)
    ]
    return sorted(made, key=lambda event: (event.at, event.place))


def after(
    side: list[SeatEvent], carried: CarriedSeats, *, is_from: bool
) -> list[SeatEvent]:
    """
    Return what is told of a side once the move is.
    """
    told = [event for event in carried.events if event.is_from is is_from]
    return [
        *side,
        *(
            SeatEvent(AT, 1_000 + index, MOVE_SOURCE, event.subject, event.data)
            for index, event in enumerate(told)
        ),
    ]


def present(side: list[SeatEvent], one: SeatMeter = MEMBERS) -> int:
    """
    Count who is in, as the meter does.
    """
    told = []
    for event in side:
        envelope = Envelope(event.source, TYPE, event.subject, None)
        seen = one.observe(event.data, envelope)
        if seen is not None and not isinstance(seen, Unusable):
            assert isinstance(seen[0], MemberChange)
            told.append((event.at, event.place, seen[0]))
    units = run_members(told, one.meter.states).units
    return units[-1] if units else 0


def level(side: list[SeatEvent], one: SeatMeter = LEVEL, group: str = "") -> int:
    """
    Return the last level of a meter and group.
    """
    units = 0
    for event in side:
        envelope = Envelope(event.source, TYPE, event.subject, None)
        seen = one.observe(event.data, envelope)
        if seen is not None and not isinstance(seen, Unusable) and seen[1] == group:
            assert isinstance(seen[0], int)
            units = seen[0]
    return units


CHANGES = st.lists(
    st.tuples(
        st.integers(0, AT),
        st.integers(1, 4),
        st.fixed_dictionaries(
            {
                "change": st.sampled_from(["join", "join", "leave"]),
                "way": st.sampled_from(["", "ldap"]),
            },
            optional={"state": st.sampled_from(["active", "pending"])},
        ),
    ),
    max_size=8,
)


@given(CHANGES, CHANGES, st.none() | st.sets(st.integers(1, 4), min_size=1))
@example(
    [(0, 1, {"change": "join", "way": "", "state": "active"})],
    [(0, 1, {"change": "join", "way": "", "state": "pending"})],
    None,
)
def test_members_are_nowhere_twice_and_never_nowhere(
    told: list[Any], told_there: list[Any], only: set[int] | None
) -> None:
    """
    Who is carried has left the one side by every way, and is on the other as they were.
    """
    old, new = events(told), events(told_there)
    meters = [MEMBERS, PENDING_TOO]
    carried = carry_members(old, new, meters, type_=TYPE, only=only, cause=CAUSE)
    left, came = after(old, carried, is_from=True), after(new, carried, is_from=False)

    for one in meters:
        for person in range(1, 5):
            was, gone, there, come = (
                present([event for event in side if event.subject == person], one)
                for side in (old, left, new, came)
            )
            if only is None or person in only:
                assert (gone, come) == (0, max(was, there))
            else:
                assert (gone, come) == (was, there)
    assert unread_by(old, new, carried, meters, type_=TYPE, only=only) is None


LEVELS = st.lists(
    st.tuples(
        st.integers(0, AT),
        st.none() | st.integers(1, 2),
        st.fixed_dictionaries(
            {"n": st.integers(0, 9)},
            optional={
                "guests": st.integers(0, 9),
                "region": st.sampled_from(["eu", "us"]),
                "more": st.fixed_dictionaries({"n": st.integers(0, 3)}),
            },
        ),
    ),
    max_size=8,
)
LEVEL_METERS = [
    LEVEL,
    meter("guests", aggregation="latest", value="guests"),
    meter("deep", aggregation="latest", value="more.n"),
    meter(
        "eu", aggregation="peak", value="n", filters=[{"path": "region", "eq": "eu"}]
    ),
    meter("by_region", aggregation="peak", value="n", group_by=["region"]),
    meter("by_subject", aggregation="peak", value="n", group_by={"who": "$subject"}),
]


@given(LEVELS, LEVELS, st.sets(st.sampled_from(range(6)), min_size=1))
@example([(0, 1, {"n": 1}), (0, None, {"n": 0})], [], {0, 1, 5})
def test_levels_are_added_and_leave_nothing(
    told: list[Any], told_there: list[Any], chosen: set[int]
) -> None:
    """
    Each meter and group reads 0 on the one side and the sum on the other.
    """
    old, new = events(told), events(told_there)
    meters = [LEVEL_METERS[index] for index in sorted(chosen)]
    carried = carry_levels(old, new, meters, type_=TYPE, only=None, cause=CAUSE)
    left, came = after(old, carried, is_from=True), after(new, carried, is_from=False)
    groups = ["", '["eu"]', '["us"]', "[null]", "[1]", "[2]"]

    if unread_by(old, new, carried, meters, type_=TYPE, only=None) is not None:
        # Two levels under one name of a field cannot both be stated by one event.
        assert len(meters) > 1
        return
    for one, group in itertools.product(meters, groups):
        was, gone, there, come = (
            level(side, one, group) for side in (old, left, new, came)
        )
        assert (gone, come) == (0, was + there)


@pytest.mark.parametrize("index", range(6))
@given(told=LEVELS, told_there=LEVELS)
def test_a_level_alone_is_always_carried(
    index: int, told: list[Any], told_there: list[Any]
) -> None:
    """
    One meter of levels, with groups or filters or without, always sees the move.
    """
    old, new = events(told), events(told_there)
    meters = [LEVEL_METERS[index]]
    carried = carry_levels(old, new, meters, type_=TYPE, only=None, cause=CAUSE)

    assert unread_by(old, new, carried, meters, type_=TYPE, only=None) is None


@given(LEVELS, LEVELS)
def test_one_subjects_level_is_carried_alone(
    told: list[Any], told_there: list[Any]
) -> None:
    """
    A meter with a level for each subject carries that of one, and of nobody else.
    """
    old, new, one = events(told), events(told_there), LEVEL_METERS[-1]
    carried = carry_levels(old, new, [one], type_=TYPE, only={1}, cause=CAUSE)
    left, came = after(old, carried, is_from=True), after(new, carried, is_from=False)

    was, there = level(old, one, "[1]"), level(new, one, "[1]")
    assert (level(left, one, "[1]"), level(came, one, "[1]")) == (0, was + there)
    for group in ("[2]", "[null]"):
        assert level(left, one, group) == level(old, one, group)
        assert level(came, one, group) == level(new, one, group)
    assert unread_by(old, new, carried, [one], type_=TYPE, only={1}) is None


def test_what_is_told_copies_what_was_told() -> None:
    """
    Other facts of an event are kept, so that whoever looks at them finds them.
    """
    old = events([(0, 1, {"change": "join", "state": "pending", "seat": "full"})])
    carried = carry_members(old, [], [MEMBERS], type_=TYPE, only=None, cause=CAUSE)

    assert [(event.is_from, event.data) for event in carried.events] == [
        (True, {"change": "leave", "seat": "full", "cause": CAUSE}),
        (False, {"change": "join", "state": "pending", "seat": "full", "cause": CAUSE}),
    ]


def test_decimal_places_are_kept() -> None:
    """
    A level with decimal places is added in its smallest unit.
    """
    halves = meter(aggregation="latest", value="n", scale=1)
    old, new = events([(0, None, {"n": "2.5"})]), events([(0, None, {"n": 1})])
    carried = carry_levels(old, new, [halves], type_=TYPE, only=None, cause=CAUSE)

    assert level(after(new, carried, is_from=False), halves) == 35
    assert carried.units == {"seats": 25}


def test_nothing_is_told_of_nothing() -> None:
    """
    A side without seats has none to carry.
    """
    old = events([(0, None, {"n": 0})])

    assert (
        carry_levels(old, [], [LEVEL], type_=TYPE, only=None, cause=CAUSE).events == []
    )
    assert (
        carry_levels([], old, [LEVEL], type_=TYPE, only=None, cause=CAUSE).events == []
    )


@pytest.mark.parametrize(
    "blind",
    [
        meter(
            aggregation="peak", value="n", filters=[{"path": "$source", "eq": "app"}]
        ),
        meter(aggregation="peak", value="n", filters=[{"path": "n", "gt": 0}]),
        meter(aggregation="peak", value="n", group_by={"who": "$source"}),
    ],
)
def test_a_meter_that_would_not_see_it_is_named(blind: SeatMeter) -> None:
    """
    A meter that looks at who states an event, or at some levels only, is found before.
    """
    old = events([(0, None, {"n": 5})])
    carried = carry_levels(old, [], [LEVEL, blind], type_=TYPE, only=None, cause=CAUSE)

    assert unread_by(old, [], carried, [LEVEL, blind], type_=TYPE, only=None) == "seats"


def test_members_of_one_source_are_not_carried_unseen() -> None:
    """
    Likewise a meter of members that listens to one source.
    """
    blind = meter(
        "ldap", aggregation="members", filters=[{"path": "$source", "eq": "app"}]
    )
    old = events([(0, 1, {"change": "join"})])
    carried = carry_members(old, [], [blind], type_=TYPE, only=None, cause=CAUSE)

    assert unread_by(old, [], carried, [blind], type_=TYPE, only=None) == "ldap"
