"""
The laws of readings: however a number was found, it is what all the facts say.
"""

from __future__ import annotations

from collections import Counter
from functools import reduce
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from laws.by_hand import (
    END,
    ENVELOPE,
    OTHER,
    START,
    UTC_EDGE,
    Said,
    answer,
    asked,
    oracle,
    said_by_group,
    stated,
)
from meterbook.foundation.instants import HOUR
from meterbook.metering.aggregations import Aggregation
from meterbook.metering.folds import fold_of
from meterbook.metering.meters import Meter, meter_from
from meterbook.metering.readings import Fact, Partial, Question, finish, read_facts


# Moments lie at the edges of the period, of its hours and of a UTC hour, a microsecond
# to either side.
moments = st.builds(
    lambda edge, off: START + edge + off,
    st.sampled_from([-HOUR, 0, UTC_EDGE, HOUR, 2 * HOUR, END - START, END - START + 9]),
    st.sampled_from([-1, 0, 1]),
)
values = st.integers(0, 3) | st.sampled_from(["2", "1.5", None, True])
rows = st.fixed_dictionaries(
    {"n": values},
    optional={"model": st.sampled_from(["a", "b", 1]), "site": st.sampled_from("xy")},
)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """
    Draw facts in any order of arrival, some of another type, some unusable.
    """
    said = draw(
        st.lists(st.tuples(moments, rows, st.sampled_from([0, 0, 0, 1])), max_size=8)
    )
    return [
        Fact(occurred_at=at, seq=seq, data=row, envelope=OTHER if odd else ENVELOPE)
        for seq, (at, row, odd) in enumerate(said, start=1)
    ]


# Members are read in tests/laws/test_members.py: their events say something else.
OTHERS = {Aggregation.PERCENTILE, Aggregation.MEMBERS}
PLAIN = [stated(kind.value) for kind in Aggregation if kind not in OTHERS]
HOURLY = [
    stated("percentile", percentile="60", hourly=hourly, **rule)
    for hourly in ("sum", "count", "max", "peak", "latest", "time_weighted")
    for rule in ({"rounding": "floor"}, {"rounding": "ceil"}, {"drop_hours": 1})
]
meters = st.builds(
    lambda one, groups: meter_from("m", one | {"group_by": groups}),
    st.sampled_from(PLAIN + HOURLY),
    st.sampled_from([[], ["model"], ["model", "site"]]),
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    meter = draw(meters)
    names = meter.group_names
    by = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    return asked(meter, as_of=draw(moments), by=tuple(by))


LATE = Fact(occurred_at=START, seq=1, data={"n": 1}, envelope=ENVELOPE)


@given(facts=histories(), meter=meters, as_of=moments)
@example(facts=[LATE], meter=meter_from("m", stated("peak")), as_of=START)
@example(facts=[LATE], meter=meter_from("m", stated("peak")), as_of=START - 1)
def test_a_reading_is_what_looking_by_hand_finds(
    facts: list[Fact], meter: Meter, as_of: int
) -> None:
    """
    The whole (unless it is levels of groups) and every group is what the oracle finds.
    """
    found = said_by_group(meter, facts)
    names = meter.group_names
    reading = read_facts(asked(meter, as_of=as_of, by=names), facts)

    if not meter.whole_from_groups:
        everything = [one for said in found.values() for one in said]
        assert answer(reading) == oracle(meter, everything, as_of)

    read = [oracle(meter, said, as_of) for said in found.values()] if names else []
    expected = [one for one in read if one.places[0] or one.carried is not None]
    assert Counter(map(answer, reading.groups)) == Counter(expected)


@given(
    facts=histories(), question=questions(), width=st.sampled_from([7, HOUR, 5 * HOUR])
)
def test_cutting_into_buckets_changes_nothing(
    facts: list[Fact], question: Question, width: int
) -> None:
    """
    Folded by buckets of any width and merged, the facts give the same reading.
    """
    found = {
        group: [one for one in said if one.at <= question.as_of.moment_us]
        for group, said in said_by_group(question.meter, facts).items()
    }
    everything = [one for said in found.values() for one in said]
    whole = bucketed(question, "", everything, width)
    if question.meter.whole_from_groups:
        whole = Partial(known_since=whole.known_since)
    groups = [bucketed(question, group, said, width) for group, said in found.items()]

    assert finish(question, whole, groups) == read_facts(question, facts)


def bucketed(question: Question, group: str, said: list[Said], width: int) -> Partial:
    """
    Find what a store finds: a state for each bucket, merged in the order of time.
    """
    fold, merge = fold_of(question.meter)
    unique = question.meter.aggregation is Aggregation.UNIQUE
    buckets: dict[tuple[int, int], list[Said]] = {}
    for one in sorted(said):
        hour = START + (one.at - START) // HOUR * HOUR
        in_period = START <= one.at < END
        of = (hour if in_period else -1, one.at // width)
        buckets.setdefault(of if one.at >= START else (-2, of[1]), []).append(one)

    states = {
        of: fold([(at, seq, 1 if unique else n) for at, seq, n in sorted(taken)])
        for of, taken in sorted(buckets.items())
    }
    before = reduce(merge, [s for of, s in states.items() if of[0] == -2], None)
    level = question.meter.reads_levels
    hours: dict[int, Any] = {}
    for (hour, _), state in states.items():
        if hour >= 0:
            hours[hour] = merge(hours.get(hour), state)
    percentile = question.meter.aggregation is Aggregation.PERCENTILE
    keys = frozenset(one.value for one in said if START <= one.at < END)
    return Partial(
        group=group,
        state=None if percentile else reduce(merge, hours.values(), None),
        hours=list(hours.items()) if percentile else (),
        keys=keys if unique else 0,
        carried=before[5] if level and before else None,
        known_since=min((one.at for one in said), default=None) if level else None,
        rolled=1 if hours else 0,
    )


@given(facts=histories(), question=questions(), data=st.data())
def test_the_order_of_arrival_does_not_matter(
    facts: list[Fact], question: Question, data: st.DataObject
) -> None:
    """
    Facts with the same places give the same reading in whatever order they are told.
    """
    mixed = data.draw(st.permutations(facts))

    assert read_facts(question, mixed) == read_facts(question, facts)


@given(facts=histories(), question=questions())
def test_what_occurred_after_as_of_does_not_matter(
    facts: list[Fact], question: Question
) -> None:
    """
    A reading is the same with and without the facts that occurred after its moment.
    """
    known = [f for f in facts if f.occurred_at <= question.as_of.moment_us]

    assert read_facts(question, known) == read_facts(question, facts)


@given(facts=histories(), question=questions())
def test_a_reading_is_complete_when_its_period_has_ended(
    facts: list[Fact], question: Question
) -> None:
    """
    Complete means that the period's end is not after as-of, and nothing else.
    """
    reading = read_facts(question, facts)

    assert reading.complete is (question.period.end <= question.as_of.moment)
    assert all(group.complete is reading.complete for group in reading.groups)


@given(facts=histories(), meter=meters, as_of=moments)
def test_groups_of_what_adds_up_make_up_the_whole(
    facts: list[Fact], meter: Meter, as_of: int
) -> None:
    """
    Sums, counts, latest levels and time-weighted levels of groups add up.
    """
    reading = read_facts(asked(meter, as_of=as_of, by=meter.group_names), facts)

    if meter.group_by and meter.aggregation in {
        Aggregation.SUM,
        Aggregation.COUNT,
        Aggregation.LATEST,
        Aggregation.TIME_WEIGHTED,
    }:
        assert reading.units == sum(group.units or 0 for group in reading.groups)
