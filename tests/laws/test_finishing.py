"""
Examples of finished readings: groups and wholes, provenance, and how a number is shown.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from laws.by_hand import END, ENVELOPE, START, asked, stated
from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import HOUR, to_moment
from meterbook.metering.meters import Meter, meter_from
from meterbook.metering.readings import UNNUMBERED, Fact, Partial, finish, read_facts


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


def test_hours_of_groups_add_up_before_the_highest_are_dropped() -> None:
    """
    By fewer names, an hour is what all its groups come to; then hours are dropped.
    """
    meter = grouped("percentile", percentile="99", hourly="sum", drop_hours=1)
    facts = [
        fact(0, 1, n=5, model="a", site="x"),
        fact(0, 2, n=5, model="a", site="y"),
        fact(1, 3, n=7, model="a", site="x"),
        fact(2, 4, n=9, model="b", site="x"),
    ]

    reading = read_facts(asked(meter, as_of=END, by=("m",)), facts)

    assert reading.units == 9
    assert [(g.group, g.units) for g in reading.groups] == [
        ((("m", "a"),), 7),
        ((("m", "b"),), 0),
    ]
    assert [g.provenance.entries for g in reading.groups] == [3, 1]


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
