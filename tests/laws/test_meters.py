"""
The laws of meters: a meter is its definition, and takes from events what that says.
"""

from __future__ import annotations

import re

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.foundation.units import UNITS_MAX
from meterbook.metering.aggregations import HOURLY, LEVELS, Aggregation
from meterbook.metering.meters import (
    FIELDS,
    Envelope,
    Meter,
    Unusable,
    compile_meter,
    meter_from,
)
from meterbook.metering.observing import GROUP_BYTES_MAX, KEY_BYTES_MAX
from meterbook.metering.paths import MISSING, find
from meterbook.metering.scalars import row_text, row_values


ENVELOPE = Envelope(source="api", type="call", subject=7)
SUM = {"event_type": "call", "aggregation": "sum", "value": "n"}
P99 = {
    "event_type": "call",
    "aggregation": "percentile",
    "value": "n",
    "percentile": "99",
    "hourly": "peak",
    "rounding": "ceil",
}

paths = st.sampled_from(["n", "usage.total", "model", "region"])


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """
    Draw definitions of every kind, with and without what may be left out.
    """
    aggregation = draw(st.sampled_from(Aggregation))
    stated: dict[str, Any] = {"event_type": "call", "aggregation": aggregation.value}
    hourly = None
    if aggregation is Aggregation.PERCENTILE:
        hourly = draw(st.sampled_from(sorted(HOURLY)))
        stated |= {"hourly": hourly.value, "percentile": draw(percentiles)}
        stated |= draw(st.sampled_from([{"rounding": "floor"}, {"drop_hours": 7}]))
    if aggregation is Aggregation.UNIQUE:
        stated["value"] = draw(
            paths | st.lists(paths | st.just("$subject"), min_size=1, unique=True)
        )
    elif aggregation is Aggregation.MEMBERS:
        stated |= draw(st.fixed_dictionaries({}, optional={"states": states}))
        return stated | draw(st.fixed_dictionaries({}, optional=UNGROUPED))
    elif (hourly or aggregation) is not Aggregation.COUNT:
        stated["value"] = draw(paths)
        negative = ["refused"] if (hourly or aggregation) in LEVELS else ["allowed"]
        stated |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "scale": st.integers(0, 12),
                    "missing": st.sampled_from(["unusable", "zero"]),
                    "negative": st.sampled_from([*negative, "refused"]),
                },
            )
        )
    return stated | draw(st.fixed_dictionaries({}, optional=OPTIONS))


states = st.lists(
    st.sampled_from(["active", "a b", "pending"]), min_size=1, unique=True
)
percentiles = st.sampled_from(["99", "99.90", 95, Decimal("99.9"), "100", "0.1"])
filters = st.sampled_from(
    [
        {"path": "model", "eq": "xl"},
        {"path": "model", "in": ["xl", "s"]},
        {"path": "n", "gt": Decimal("0.5")},
        {"path": "n", "gt": {"decimal": "0.50"}},
        {"path": "$source", "prefix": "ap"},
    ]
)
OPTIONS = {
    "group_by": st.lists(paths, unique=True) | st.dictionaries(paths, paths),
    "filters": st.lists(filters, max_size=3),
    "description": st.sampled_from(["", "Tokens of all models"]),
    "unit": st.sampled_from(["", "token"]),
}
UNGROUPED = {name: kind for name, kind in OPTIONS.items() if name != "group_by"}


@given(stated=definitions())
def test_a_meter_is_its_definition(stated: dict[str, Any]) -> None:
    """
    Written as JSON text and read by a plain codec, a definition is the same meter.
    """
    meter = meter_from("m", stated)
    text = msgspec.json.encode(meter.definition())

    again = meter_from("m", msgspec.json.decode(text))

    assert again == meter
    assert msgspec.json.encode(again.definition()) == text
    assert set(meter.definition()) <= FIELDS


@given(a=definitions(), b=definitions())
def test_equal_meters_have_equal_text(a: dict[str, Any], b: dict[str, Any]) -> None:
    """
    Two meters are equal exactly when their definitions are the same JSON text.
    """
    x, y = meter_from("m", a), meter_from("m", b)

    texts = [msgspec.json.encode(meter.definition()) for meter in (x, y)]
    assert (x == y) is (texts[0] == texts[1])


@given(stated=definitions(), data=st.data())
def test_the_order_in_a_definition_does_not_matter(
    stated: dict[str, Any], data: st.DataObject
) -> None:
    """
    Tables, filters and groups mean the same in any order; a filter twice, once.
    """
    mixed = {key: stated[key] for key in data.draw(st.permutations(list(stated)))}
    if mixed.get("filters"):
        mixed["filters"] = data.draw(st.permutations(mixed["filters"])) * 2
    groups = mixed.get("group_by")
    if isinstance(groups, list):
        mixed["group_by"] = data.draw(st.permutations(groups))

    assert meter_from("m", mixed) == meter_from("m", stated)


# --- what a meter takes from an event -------------------------------------------------

plain = st.from_regex(re.compile(r"\A-?[0-9]{1,4}(\.[0-9]{1,4})?\Z", re.ASCII))
numbers = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([UNITS_MAX, UNITS_MAX + 1, -UNITS_MAX, -UNITS_MAX - 1]),
    plain,
    plain.map(Decimal),
    st.sampled_from([Decimal("1E+3"), Decimal("1E-13"), Decimal("9E+999999")]),
)


@given(value=numbers, scale=st.integers(0, 12), negative=st.booleans())
def test_units_are_what_exact_arithmetic_says(
    value: int | str | Decimal, scale: int, *, negative: bool
) -> None:
    """
    Units are the number times ten to the scale if that is whole, and in range.
    """
    policy = "allowed" if negative else "refused"
    observe = compile_meter(meter_from("m", SUM | {"scale": scale, "negative": policy}))

    seen = observe({"n": value}, ENVELOPE)

    huge = isinstance(value, Decimal) and value.adjusted() > 99
    units = Fraction(10**99) if huge else Fraction(value) * 10**scale
    usable = units.denominator == 1 and abs(units) <= UNITS_MAX
    if usable and (negative or units >= 0):
        assert seen == (units, "")
    else:
        assert isinstance(seen, Unusable)
        assert seen.reason.startswith("n ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param({}, "n is missing", id="missing"),
        pytest.param({"n": None}, "n has the wrong type", id="null"),
        pytest.param({"n": True}, "n has the wrong type", id="true is not 1"),
        pytest.param({"n": "many"}, "n has the wrong type", id="text"),
        pytest.param({"n": ""}, "n has the wrong type", id="empty text"),
        pytest.param({"n": "1e3"}, "n has the wrong type", id="an exponent in text"),
        pytest.param({"n": "+1"}, "n has the wrong type", id="a plus"),
        pytest.param({"n": " 1"}, "n has the wrong type", id="a space"),
        pytest.param({"n": "1\n"}, "n has the wrong type", id="a line end"),
        pytest.param({"n": "1."}, "n has the wrong type", id="no digit at the end"),
        pytest.param({"n": ".5"}, "n has the wrong type", id="no digit in front"),
        pytest.param({"n": "\u0661"}, "n has the wrong type", id="other digits"),
        pytest.param({"n": "1" * 39}, "n has the wrong type", id="39 digits of text"),
        pytest.param({"n": "1" * 38}, "n is too large", id="38 digits"),
        pytest.param({"n": [1]}, "n has the wrong type", id="a list"),
        pytest.param({"n": {"a": 1}}, "n has the wrong type", id="an object"),
        pytest.param({"n": Decimal("NaN")}, "n has the wrong type", id="NaN"),
        pytest.param({"n": "0.001"}, "more than 2 decimal places", id="too fine"),
        pytest.param({"n": Decimal("1E-99")}, "more than 2 decimal", id="far too fine"),
        pytest.param({"n": Decimal("-1E+99")}, "n is too large", id="far too large"),
        pytest.param({"n": 10**28 + 1}, "n is too large", id="too large"),
        pytest.param({"n": -1}, "n is negative", id="negative"),
        pytest.param({"n": "-0.01"}, "n is negative", id="negative text"),
        pytest.param({"n": -(10**40)}, "n is too large", id="too large, negative"),
    ],
)
def test_what_a_meter_cannot_take(data: dict[str, Any], reason: str) -> None:
    """
    What a meter cannot take is unusable, and the reason names the field.
    """
    observe = compile_meter(meter_from("m", SUM | {"scale": 2, "negative": "refused"}))

    seen = observe(data, ENVELOPE)

    assert isinstance(seen, Unusable)
    assert reason in seen.reason


def test_a_missing_value_may_count_as_zero() -> None:
    """
    With `missing = "zero"` an absent value is 0; a null one is still no number.
    """
    observe = compile_meter(meter_from("m", SUM | {"missing": "zero"}))

    assert observe({}, ENVELOPE) == (0, "")
    assert isinstance(observe({"n": None}, ENVELOPE), Unusable)


def test_a_meter_reads_one_type_of_event_that_meets_its_filters() -> None:
    """
    Other types, and what the filters leave out, are not read: not even as unusable.
    """
    observe = compile_meter(
        meter_from("m", SUM | {"filters": [{"path": "model", "eq": "xl"}]})
    )

    assert observe({"n": 4, "model": "xl"}, ENVELOPE) == (4, "")
    assert observe({"n": "?", "model": "s"}, ENVELOPE) is None
    other = Envelope(source="api", type="other")
    assert observe({"n": 4, "model": "xl"}, other) is None


def test_filters_and_nested_values_go_with_groups() -> None:
    """
    A value inside an object is read like any other, grouped and filtered or not.
    """
    stated = SUM | {
        "value": "usage.total",
        "group_by": ["model"],
        "filters": [{"path": "model", "ne": "s"}],
    }
    observe = compile_meter(meter_from("m", stated))

    assert observe({"usage": {"total": 5}, "model": "xl"}, ENVELOPE) == (5, '["xl"]')
    assert observe({"usage": {"total": 5}, "model": "s"}, ENVELOPE) is None
    seen = observe({"usage": {"total": "5.1"}, "model": "xl"}, ENVELOPE)
    assert seen == Unusable("usage.total has more than 0 decimal places")


def test_count_needs_no_value() -> None:
    """
    A count takes one unit of every event, whatever it says.
    """
    stated = {"event_type": "call", "aggregation": "count"}

    assert compile_meter(meter_from("m", stated))({}, ENVELOPE) == (1, "")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param({"a": "x", "b": 4}, '["x",4]', id="text and number"),
        pytest.param({"a": "x", "b": Decimal("4.0")}, '["x",4]', id="4.0 is 4"),
        pytest.param({"a": "x", "b": "4"}, '["x","4"]', id="text 4 is not 4"),
        pytest.param({"a": True, "b": 1}, "[true,1]", id="true is not 1"),
        pytest.param({"a": "é", "b": Decimal("0.50")}, '["é",0.5]', id="in digits"),
        pytest.param({"a": "x", "b": 10**37}, f'["x",{10**37}]', id="many digits"),
    ],
)
def test_the_text_of_keys_and_groups(data: dict[str, Any], text: str) -> None:
    """
    Equal values have equal text, and values of different kinds have not.
    """
    paths = ["a", "b"]
    key = {"event_type": "call", "aggregation": "unique", "value": paths}
    group = {"event_type": "call", "aggregation": "count", "group_by": paths}

    assert compile_meter(meter_from("m", key))(data, ENVELOPE) == (text, "")
    assert compile_meter(meter_from("m", group))(data, ENVELOPE) == (1, text)
    assert row_text(row_values(text)) == text


def test_a_missing_part_of_a_group_is_null_and_of_a_key_is_unusable() -> None:
    """
    What has no group is a group; what has no key cannot be counted.
    """
    group = {"event_type": "call", "aggregation": "count", "group_by": ["a", "$actor"]}
    key = {"event_type": "call", "aggregation": "unique", "value": "a"}

    assert compile_meter(meter_from("m", group))({}, ENVELOPE) == (1, "[null,null]")
    for data in ({}, {"a": None}):
        seen = compile_meter(meter_from("m", key))(data, ENVELOPE)
        assert seen == Unusable("a is missing")


def test_people_are_grouped_and_counted_by_number() -> None:
    """
    Subject and actor are numbers to a meter, for names live apart.
    """
    group = {"event_type": "call", "aggregation": "count", "group_by": ["$subject"]}
    key = {"event_type": "call", "aggregation": "unique", "value": "$subject"}

    assert compile_meter(meter_from("m", group))({}, ENVELOPE) == (1, "[7]")
    assert compile_meter(meter_from("m", key))({}, ENVELOPE) == ("[7]", "")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("n", 4),
        ("usage.total", 5),
        ("usage.none", MISSING),
        ("n.total", MISSING),
        ("none", MISSING),
        ("nil", None),
        ("$source", "api"),
        ("$type", "call"),
        ("$subject", 7),
        ("$actor", MISSING),
    ],
)
def test_where_a_path_leads(path: str, found: object) -> None:
    """
    Dots walk into objects, a dollar leads to the envelope, and null is not missing.
    """
    data = {"n": 4, "usage": {"total": 5}, "nil": None}

    assert find(path, data, ENVELOPE) == found


def test_an_event_without_a_usable_group_is_unusable() -> None:
    """
    A value that could be read does not save an event whose group cannot.
    """
    observe = compile_meter(meter_from("m", SUM | {"group_by": ["a"]}))

    assert observe({"n": 4, "a": "x"}, ENVELOPE) == (4, '["x"]')
    assert isinstance(observe({"n": 4, "a": []}, ENVELOPE), Unusable)
    assert isinstance(observe({"n": [], "a": "x"}, ENVELOPE), Unusable)


@pytest.mark.parametrize("value", [{"a": 1}, [1]])
def test_groups_and_keys_are_plain_values(value: object) -> None:
    """
    An object or a list names no group and no key.
    """
    for stated in (
        {"aggregation": "count", "group_by": ["a"]},
        {"aggregation": "unique", "value": "a"},
    ):
        meter = meter_from("m", {"event_type": "call", **stated})
        seen = compile_meter(meter)({"a": value}, ENVELOPE)
        assert isinstance(seen, Unusable)
        assert seen.reason.startswith("a ")


def test_groups_and_keys_fit_an_index() -> None:
    """
    A key or group of more bytes than an index holds is unusable, however written.
    """
    for stated, most in (
        ({"aggregation": "count", "group_by": ["a"]}, GROUP_BYTES_MAX),
        ({"aggregation": "unique", "value": "a"}, KEY_BYTES_MAX),
    ):
        observe = compile_meter(meter_from("m", {"event_type": "call", **stated}))
        fits = (most - len('[""]')) * "a"
        assert isinstance(observe({"a": fits}, ENVELOPE), tuple)
        assert isinstance(observe({"a": fits + "a"}, ENVELOPE), Unusable)
        assert isinstance(observe({"a": fits[1:] + "é"}, ENVELOPE), Unusable)


def test_a_definition_states_its_defaults() -> None:
    """
    What was left to its default is written down, so that it holds for ever.
    """
    assert meter_from("m", SUM).definition() == {
        "aggregation": "sum",
        "description": "",
        "event_type": "call",
        "filters": [],
        "group_by": {},
        "missing": "unusable",
        "negative": "allowed",
        "scale": 0,
        "unit": "",
        "value": "n",
    }


def test_which_meters_read_levels() -> None:
    """
    Latest, peak and time-weighted read levels, and percentiles of hours that do.
    """
    assert meter_from("m", P99).reads_levels
    assert not meter_from("m", P99 | {"hourly": "sum"}).reads_levels
    assert meter_from("m", SUM | {"aggregation": "latest"}).reads_levels
    assert not meter_from("m", SUM | {"aggregation": "max"}).reads_levels
    grouped = SUM | {"aggregation": "peak", "group_by": {"at": "region"}}
    assert meter_from("m", grouped).whole_from_groups
    assert meter_from("m", grouped).group_names == ("at",)


def test_a_meter_is_a_value() -> None:
    """
    A meter can be a key, and equal definitions make equal meters.
    """
    assert isinstance(meter_from("m", SUM), Meter)
    assert len({meter_from("m", SUM), meter_from("m", dict(SUM))}) == 1
