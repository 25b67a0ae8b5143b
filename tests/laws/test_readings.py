"""
The laws of readings: however a number was found, it is what all the facts say.
"""

from __future__ import annotations

import datetime as dt
import math

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import HOUR, to_micros, to_moment
from meterbook.foundation.periods import Period
from meterbook.metering.aggregations import LEVELS, Aggregation
from meterbook.metering.folds import fold_of
from meterbook.metering.meters import (
    Envelope,
    Meter,
    Unusable,
    compile_meter,
    meter_from,
)
from meterbook.metering.readings import (
    UNNUMBERED,
    AsOf,
    Fact,
    Partial,
    Question,
    Reading,
    finish,
    read_facts,
)


# The period begins at no whole hour and lasts three and a half. Moments lie at the
# edges of its hours and of UTC hours, a microsecond to either side.
START = to_micros(dt.datetime(2026, 1, 31, 22, 15, tzinfo=dt.UTC))
END = START + 3 * HOUR + HOUR // 2
PERIOD = Period(to_moment(START), to_moment(END))
ENVELOPE = Envelope(source="api", type="seats")
OTHER = Envelope(source="api", type="other")
UTC_EDGE = HOUR * 3 // 4

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


def stated(aggregation: str, **fields: object) -> dict[str, Any]:
    value = {} if "count" in {aggregation, fields.get("hourly")} else {"value": "n"}
    return {"event_type": "seats", "aggregation": aggregation, **value, **fields}


PLAIN = [stated(kind.value) for kind in Aggregation if kind.value != "percentile"]
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


def asked(meter: Meter, *, as_of: int, by: tuple[str, ...] = ()) -> Question:
    return Question(
        customer_key="acme",
        meter=meter,
        meter_version=1,
        period=PERIOD,
        as_of=AsOf(99, to_moment(as_of)),
        by=by,
    )


# --- the oracle: one group, every fact looked at again for every question -----------


class Said(NamedTuple):
    at: int
    seq: int
    value: Any


class Answer(NamedTuple):
    units: int | Fraction | None
    peak_at: int | None
    last: int | None
    carried: int | None
    known_since: int | None
    places: tuple[int, int | None, int | None]


def holds_at(said: list[Said], at: int) -> int | None:
    """
    Look up what holds at a moment: the latest said of it or before.
    """
    heard = [one for one in said if one.at <= at]
    return max(heard, key=lambda one: (one.at, one.seq)).value if heard else None


def read_span(  # noqa: PLR0911 - one line for each aggregation
    said: list[Said], kind: Aggregation, start: int, end: int, as_of: int
) -> Any:  # noqa: ANN401 - int, Fraction or None
    """
    Read one stretch: a period, or an hour of it.
    """
    inside = [one.value for one in said if start <= one.at < end]
    match kind:
        case Aggregation.SUM:
            return sum(inside)
        case Aggregation.COUNT:
            return len(inside)
        case Aggregation.AVERAGE:
            return Fraction(sum(inside), len(inside)) if inside else None
        case Aggregation.MIN:
            return min(inside, default=None)
        case Aggregation.MAX:
            return max(inside, default=None)
        case Aggregation.UNIQUE:
            return len(set(inside))
        case Aggregation.LATEST:
            return holds_at(said, max(start, min(end - 1, as_of))) or 0
        case Aggregation.PEAK:
            return peak(said, start, end)[0]
        case _:
            return weighted(said, start, end, as_of)


def changes(said: list[Said], start: int, end: int) -> list[int]:
    return sorted({start} | {one.at for one in said if start <= one.at < end})


def peak(said: list[Said], start: int, end: int) -> tuple[int, int]:
    """
    Look at the level whenever it may have changed; the highest, and when it first was.
    """
    looked = [(holds_at(said, at) or 0, -at) for at in changes(said, start, end)]
    units, at = max(looked)
    return units, -at


def weighted(said: list[Said], start: int, end: int, as_of: int) -> Fraction:
    """
    Add up each level times how long it held, up to as-of.
    """
    stop = max(start, min(end, as_of))
    if stop == start:
        return Fraction(holds_at(said, start) or 0)
    edges = [*changes(said, start, stop), stop]
    area = sum(
        (holds_at(said, at) or 0) * (edges[index + 1] - at)
        for index, at in enumerate(edges[:-1])
    )
    return Fraction(area, stop - start)


def oracle(meter: Meter, said: list[Said], as_of: int) -> Answer:
    """
    Read the whole period of one group by hand.
    """
    said = [one for one in said if one.at <= as_of]
    inside = [one for one in said if START <= one.at < END]
    kind = meter.hourly or meter.aggregation
    if meter.aggregation is Aggregation.PERCENTILE:
        hours = [at for at in range(START, END, HOUR) if at <= as_of]
        units = drop(
            meter,
            [
                read_span(said, kind, at, min(END, at + HOUR), as_of) or 0
                for at in hours
            ],
        )
    else:
        units = read_span(said, kind, START, END, as_of)
    seqs = [one.seq for one in inside]
    level = kind in LEVELS
    return Answer(
        units=units,
        peak_at=peak(said, START, END)[1] if meter.aggregation == "peak" else None,
        last=holds_at(said, max(START - 1, min(END - 1, as_of))) if level else None,
        carried=holds_at(said, START - 1) if level else None,
        known_since=min((one.at for one in said), default=None) if level else None,
        places=(len(seqs), min(seqs, default=None), max(seqs, default=None)),
    )


def drop(meter: Meter, hours: list[Any]) -> Any:  # noqa: ANN401 - int or Fraction
    share = len(hours) * Fraction(2, 5)
    dropped = meter.drop_hours
    if dropped is None:
        whole = {"floor": math.floor, "ceil": math.ceil}[str(meter.rounding)]
        dropped = whole(share)
    left = sorted(hours)[: max(0, len(hours) - dropped)]
    return left[-1] if left else 0


def said_by_group(meter: Meter, facts: list[Fact]) -> dict[str, list[Said]]:
    observe = compile_meter(meter)
    found: dict[str, list[Said]] = {}
    for fact in facts:
        seen = observe(fact.data, fact.envelope)
        if seen is not None and not isinstance(seen, Unusable):
            one = Said(fact.occurred_at, fact.seq, seen[0])
            found.setdefault(seen[1], []).append(one)
    return found


def answer(reading: Reading) -> Answer:
    def micros(moment: dt.datetime | None) -> int | None:
        return None if moment is None else to_micros(moment)

    read = reading.provenance
    return Answer(
        units=reading.units,
        peak_at=micros(reading.peak_at),
        last=reading.last_units,
        carried=reading.carried_units,
        known_since=micros(reading.known_since),
        places=(read.entries, read.first_place, read.last_place),
    )


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


# --- examples -------------------------------------------------------------------------


def fact(hours: int, seq: int, **data: object) -> Fact:
    at = START + hours * HOUR
    return Fact(occurred_at=at, seq=seq, data=data, envelope=ENVELOPE)


SITES = [
    fact(-1, 1, n=40, model="a", site="x"),
    fact(1, 2, n=60, model="b", site="y"),
    fact(2, 3, n=10, model="a", site="x"),
]


def grouped(aggregation: str, **fields: object) -> Meter:
    groups = {"group_by": {"m": "model", "s": "site"}}
    return meter_from("m", stated(aggregation, **fields) | groups)


def test_peaks_of_groups_do_not_add_up() -> None:
    """
    The peak of several groups is not said; of one it is, and of each.
    """
    question = asked(grouped("peak"), as_of=END, by=("m",))

    reading = read_facts(question, SITES)
    alone = read_facts(question, SITES[:1])

    assert (reading.units, reading.last_units) == (None, 70)
    assert reading.text() == "-"
    assert reading.value is None
    assert reading.provenance.entries == 2
    assert reading.known_since == to_moment(START - HOUR)
    assert [(g.group, g.units) for g in reading.groups] == [
        ((("m", "a"),), 40),
        ((("m", "b"),), 60),
    ]
    assert alone.units == 40


def test_keys_are_counted_once_over_all_groups() -> None:
    """
    A key that two groups saw is one key of the whole, and one of fewer names.
    """
    facts = [
        fact(0, 1, n="k", model="a", site="x"),
        fact(1, 2, n="k", model="a", site="y"),
        fact(2, 3, n="j", model="b", site="x"),
    ]

    reading = read_facts(asked(grouped("unique"), as_of=END, by=("m",)), facts)

    assert reading.units == 2
    assert [(g.group, g.units) for g in reading.groups] == [
        ((("m", "a"),), 1),
        ((("m", "b"),), 1),
    ]


def test_groups_come_in_the_order_asked_for_and_sorted_by_value() -> None:
    """
    Null, truth, numbers by value, then text; the names in the order of the question.
    """
    models = [10, "z", 9, None, False]
    facts = [fact(0, seq, n=1, model=m, site="x") for seq, m in enumerate(models, 1)]

    reading = read_facts(asked(grouped("sum"), as_of=END, by=("s", "m")), facts)

    assert [g.group for g in reading.groups] == [
        (("s", "x"), ("m", m)) for m in (None, False, 9, 10, "z")
    ]


def test_a_store_may_count_keys_without_naming_them() -> None:
    """
    Where groups need not be put together, how many keys there are is enough.
    """
    meter = meter_from("m", stated("unique"))

    reading = finish(asked(meter, as_of=END), Partial(state=(3, 1, 9, 3, 1, 1), keys=2))

    assert (reading.units, reading.provenance.entries) == (2, 3)


def test_provenance_tells_places_and_does_not_take_part_in_equality() -> None:
    """
    What has no place yet has none in the answer; rolled and tail are only about cost.
    """
    meter = meter_from("m", stated("sum"))
    facts = [fact(0, 7, n=1), fact(1, UNNUMBERED, n=1)]

    reading = read_facts(asked(meter, as_of=END), facts, provisional=True, behind=True)

    read = reading.provenance
    assert (read.entries, read.first_place, read.last_place) == (2, 7, None)
    assert (read.rolled, read.tail) == (0, 2)
    assert replace(read, rolled=2, tail=0) == read
    assert reading.provisional
    assert reading.behind


def test_a_level_is_known_since_its_first_fact() -> None:
    """
    A period before the first level reads 0, and says since when levels are known.
    """
    meter = meter_from("m", stated("peak"))
    first = fact(9, 1, n=7)

    before = read_facts(asked(meter, as_of=END + 9 * HOUR), [first])
    nothing = read_facts(asked(meter, as_of=END), [first])

    assert (before.units, before.last_units) == (0, None)
    assert before.known_since == to_moment(first.occurred_at)
    assert (nothing.units, nothing.known_since) == (0, None)


@pytest.mark.parametrize(
    ("by", "fault"),
    [
        pytest.param(("colour",), "no group 'colour': its groups are m, s", id="none"),
        pytest.param(("m", "m"), "twice", id="twice"),
    ],
)
def test_groups_that_cannot_be_asked_for(by: tuple[str, ...], fault: str) -> None:
    """
    A question names groups of the meter, each once.
    """
    with pytest.raises(InvalidQueryError, match=fault):
        asked(grouped("sum"), as_of=END, by=by)


def test_a_meter_without_groups_has_none_to_ask_for() -> None:
    """
    The error says so.
    """
    with pytest.raises(InvalidQueryError, match="it has no groups"):
        asked(meter_from("m", stated("sum")), as_of=END, by=("m",))


@pytest.mark.parametrize(
    ("aggregation", "said", "scale", "value", "text"),
    [
        pytest.param("sum", ["12.50"], 2, Fraction(25, 2), "12.5", id="a sum"),
        pytest.param("sum", [], 2, 0, "0", id="a sum of nothing"),
        pytest.param("sum", [-3], 0, -3, "-3", id="a negative sum"),
        pytest.param("average", [1, 2], 0, Fraction(3, 2), "1.5", id="a half"),
        pytest.param("average", [1, 1, 0], 0, Fraction(2, 3), "0.67", id="two thirds"),
        pytest.param(
            "average", [-1, -1, 0], 0, Fraction(-2, 3), "-0.67", id="negative"
        ),
        pytest.param(
            "average", [1] + [0] * 7, 0, Fraction(1, 8), "0.13", id="half away from 0"
        ),
        pytest.param(
            "average", ["0.1", "0.2", 0], 1, Fraction(1, 10), "0.1", id="with a scale"
        ),
        pytest.param("average", [], 0, None, "-", id="an average of nothing"),
        pytest.param("max", [], 0, None, "-", id="the highest of nothing"),
        pytest.param(
            "sum", ["0." + "0" * 11 + "1", 10**17], 12, None, None, id="many digits"
        ),
    ],
)
def test_a_number_for_machines_and_for_people(
    aggregation: str,
    said: list[object],
    scale: int,
    value: Fraction | None,
    text: str | None,
) -> None:
    """
    The value is exact in natural units; text rounds averages, and nothing else.
    """
    meter = meter_from("m", stated(aggregation, scale=scale))
    facts = [fact(0, seq, n=n) for seq, n in enumerate(said, start=1)]

    reading = read_facts(asked(meter, as_of=END), facts)

    if text is None:
        assert str(reading.value) == reading.text() == f"{10**17}.000000000001"
    else:
        assert reading.value == value
        assert reading.text() == text
