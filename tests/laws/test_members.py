"""
The laws of members: who is in follows from who joined and who left, in order of time.
"""

from __future__ import annotations

import re

from typing import TYPE_CHECKING, Any

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from laws.by_hand import END, PERIOD, START, asked
from meterbook.foundation.instants import to_micros
from meterbook.metering.levels import Held, fold, read_level
from meterbook.metering.members import (
    MemberChange,
    Running,
    Told,
    level_before,
    member_change,
    present_at,
    run_members,
    samples_between,
    turned_at,
)
from meterbook.metering.meters import Envelope, Unusable, compile_meter, meter_from
from meterbook.metering.readings import Fact, read_facts


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence


# Few people, ways, states and instants, so that everything meets. Time is [0, LAST].
LAST = 6
ANN, BOB, CID = 1, 2, 3
WAYS = ["", "scim"]
STATES = ["active", "pending", "suspended"]
METER = meter_from("seats", {"event_type": "member", "aggregation": "members"})

changes = st.one_of(
    st.builds(
        MemberChange,
        st.sampled_from([ANN, ANN, BOB, CID]),
        st.sampled_from(WAYS),
        st.sampled_from([*STATES, "active", "active", None, None]),
    ),
    st.just(MemberChange(None, "", None)),
)
counted = st.sampled_from([["active"], ["active", "pending"], ["suspended"]])


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """
    Draw changes in any order of arrival; places are unique.
    """
    said = draw(st.lists(st.tuples(st.integers(0, LAST), changes), max_size=12))
    return [(at, place, change) for place, (at, change) in enumerate(said, start=1)]


def inside_at(told: Sequence[Told], states: list[str], at: int) -> frozenset[int]:
    """
    Look up, for everybody and each way, what was said last; slow, and plainly right.
    """
    inside = set()
    for member in (ANN, BOB, CID):
        for way in WAYS:
            said = [
                (when, place, state)
                for when, place, (who, by, state) in told
                if when <= at and (who, by) == (member, way)
            ]
            if said and max(said, key=lambda one: one[:2])[2] in states:
                inside.add(member)
    return frozenset(inside)


def run(told: list[Told], states: list[str]) -> Running:
    return run_members(sorted(told), states)


@given(told=histories(), states=counted)
@example(told=[(1, 1, MemberChange(ANN, "", None))], states=["active"])
def test_the_level_is_what_looking_at_every_instant_finds(
    told: list[Told], states: list[str]
) -> None:
    """
    Peak, its moment, level at the end: as counted by hand in every instant.
    """
    running = run(told, states)

    held = read_level(
        fold(samples_between(running, 0, LAST + 1)),
        start=0,
        end=LAST + 1,
        carried=None,
        as_of=LAST + 1,
    )

    levels = [len(inside_at(told, states, at)) for at in range(LAST + 1)]
    last = levels[-1] if told else None
    peak = max(levels)
    expected = Held(peak, levels.index(peak), last, sum(levels), LAST + 1)
    assert held == expected


@given(told=histories(), states=counted)
def test_who_is_present_is_what_looking_finds(
    told: list[Told], states: list[str]
) -> None:
    """
    At every instant the same people are present, came and went as are found by hand.
    """
    running = run(told, states)
    found = list(present_at(running, range(LAST + 1)))
    before: frozenset[int] = frozenset()

    for at, present in enumerate(found):
        inside = inside_at(told, states, at)
        assert present == inside
        assert turned_at(running, at) == (inside - before, before - inside)
        before = inside


@given(told=histories(), states=counted, at=st.integers(0, LAST + 1))
def test_what_holds_before_a_moment(
    told: list[Told], states: list[str], at: int
) -> None:
    """
    The level before a moment is that of its last change; none without a change.
    """
    found = level_before(run(told, states), at)

    earlier = [when for when, _, _ in told if when < at]
    if not earlier:
        assert found is None
    else:
        assert found == (max(earlier), len(inside_at(told, states, at - 1)))


@given(told=histories(), states=counted, data=st.data())
def test_the_order_of_arrival_does_not_matter(
    told: list[Told], states: list[str], data: st.DataObject
) -> None:
    """
    Told in any order, the changes of different instants make the same level.
    """
    apart = list({at: (at, place, change) for at, place, change in told}.values())
    mixed = [
        (at, place, change)
        for place, (at, _, change) in enumerate(data.draw(st.permutations(apart)))
    ]

    found, expected = run(mixed, states), run(apart, states)
    assert (found.ats, found.units) == (expected.ats, expected.units)
    assert found.turns == expected.turns


JOIN = MemberChange(ANN, "", "active")
SCIM = MemberChange(ANN, "scim", "active")
LEAVE = MemberChange(ANN, "", None)


@pytest.mark.parametrize(
    ("told", "levels"),
    [
        pytest.param([(1, JOIN), (2, SCIM), (3, LEAVE)], [1, 1, 1], id="two ways"),
        pytest.param([(1, JOIN), (2, JOIN), (3, LEAVE)], [1, 1, 0], id="joined twice"),
        pytest.param([(1, LEAVE), (2, JOIN)], [0, 1], id="leave before join"),
        pytest.param([(1, JOIN), (2, LEAVE), (3, LEAVE)], [1, 0, 0], id="left twice"),
        pytest.param(
            [(1, JOIN), (2, JOIN._replace(state="suspended")), (3, JOIN)],
            [1, 0, 1],
            id="suspended",
        ),
        pytest.param(
            [(1, JOIN._replace(state="pending")), (2, JOIN)], [0, 1], id="pending"
        ),
        pytest.param([(1, MemberChange(None, "", None))], [0], id="a baseline"),
    ],
)
def test_ways_and_states(
    told: list[tuple[int, MemberChange]], levels: list[int]
) -> None:
    """
    Who leaves by one way of two is still in; a later state of a way replaces it.
    """
    running = run_members(
        [(at, at, change) for at, change in told], states=METER.states
    )

    assert list(running.units) == levels


def test_who_comes_and_goes_at_one_instant_was_never_there() -> None:
    """
    Changes at one instant count together: nobody is charged for no time at all.
    """
    running = run_members([(5, 1, JOIN), (5, 2, LEAVE)], METER.states)

    state = fold(samples_between(running, 0, 10))
    held = read_level(state, start=0, end=10, carried=None, as_of=10)

    assert (held.peak_units, held.peak_at, held.last_units) == (0, 0, 0)
    assert turned_at(running, 5) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("data", "member", "fault"),
    [
        pytest.param({}, 7, "change is missing", id="nothing"),
        pytest.param({"change": None}, 7, "change is missing", id="null"),
        pytest.param({"change": "add"}, 7, "change cannot be that", id="another word"),
        pytest.param({"change": ["join"]}, 7, "change cannot be", id="a list"),
        pytest.param({"change": True}, 7, "change cannot be that", id="a truth"),
        pytest.param({"change": "join"}, None, r"\$subject is missing", id="nobody"),
        pytest.param({"change": "leave"}, None, r"\$subject is missing", id="left"),
        pytest.param({"change": "baseline"}, 7, r"\$subject is stated", id="baseline"),
        pytest.param({"change": "join", "way": 7}, 7, "way has the wrong", id="way"),
        pytest.param({"change": "leave", "way": []}, 7, "way has the wr", id="ways"),
        pytest.param({"change": "join", "state": 1}, 7, "state has the w", id="state"),
    ],
)
def test_what_cannot_be_taken(
    data: dict[str, Any], member: int | None, fault: str
) -> None:
    """
    An event that does not say who does what is unusable, and the reason says why.
    """
    taken = compile_meter(METER)(data, Envelope("api", "member", member, None))

    assert isinstance(taken, Unusable)
    assert re.search(fault, taken.reason)


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        ({"change": "join"}, MemberChange(7, "", "active")),
        ({"change": "join", "way": None, "state": None}, MemberChange(7, "", "active")),
        (
            {"change": "join", "way": "scim", "state": "pending"},
            MemberChange(7, "scim", "pending"),
        ),
        ({"change": "leave", "way": "scim"}, MemberChange(7, "scim", None)),
        ({"change": "leave", "state": 7, "cause": 7}, MemberChange(7, "", None)),
    ],
)
def test_what_is_taken(data: dict[str, Any], taken: MemberChange) -> None:
    """
    What is left out has its default, and what does not move the level is not judged.
    """
    assert member_change(data, 7) == taken


ways_in: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {"change": st.sampled_from(["join", "join", "leave", "gone"])},
    optional={"way": st.sampled_from(["scim"]), "state": st.sampled_from(STATES)},
)
moments = st.builds(
    lambda edge, off: edge + off,
    st.sampled_from([START - 9, START, START + 100, END]),
    st.integers(-1, 1),
)


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    said = draw(
        st.lists(st.tuples(moments, ways_in, st.sampled_from([ANN, BOB, None])))
    )
    return [
        Fact(
            occurred_at=at,
            seq=place,
            data=data,
            envelope=Envelope("api", "member", member, None),
        )
        for place, (at, data, member) in enumerate(said, start=1)
    ]


@given(facts=facts(), as_of=moments)
def test_a_reading_is_what_looking_by_hand_finds(facts: list[Fact], as_of: int) -> None:
    """
    The definition reads members as they are looked up at every moment that matters.
    """
    reading = read_facts(asked(METER, as_of=as_of), facts)

    told = [
        (fact.occurred_at, fact.seq, change)
        for fact in facts
        for change in [member_change(fact.data, fact.envelope.subject)]
        if not isinstance(change, str) and fact.occurred_at <= as_of
    ]
    inside = [(at, place) for at, place, _ in told if START <= at < END]
    until = max(START, min(END - 1, as_of))
    looked = sorted({START, *(at for at, _ in inside)})
    levels = [len(inside_at(told, ["active"], at)) for at in looked]
    peak = max(levels)
    assert reading.units == peak
    assert micros(reading.peak_at) == looked[levels.index(peak)]
    assert micros(reading.known_since) == min((at for at, _, _ in told), default=None)
    assert reading.provenance.entries == len(inside)
    assert reading.provenance.last_place == max((p for _, p in inside), default=None)
    before = [at for at, _, _ in told if at < START]
    carried = len(inside_at(told, ["active"], START - 1)) if before else None
    assert reading.carried_units == carried
    last = len(inside_at(told, ["active"], until)) if before or inside else None
    assert reading.last_units == last
    assert reading.complete is (PERIOD.end_us <= as_of)


def micros(moment: dt.datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)
