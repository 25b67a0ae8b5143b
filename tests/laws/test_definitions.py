"""
What a definition cannot be: every refusal names the meter, the field, and what may be.
"""

from __future__ import annotations

from typing import Any

import pytest

from meterbook.foundation.errors import InvalidMeterError
from meterbook.metering.meters import meter_from


SUM = {"event_type": "call", "aggregation": "sum", "value": "n"}
MEMBERS = {"event_type": "member", "aggregation": "members"}
P99 = {
    "event_type": "call",
    "aggregation": "percentile",
    "value": "n",
    "percentile": "99",
    "hourly": "peak",
    "rounding": "ceil",
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param({"aggregation": "total"}, "one of sum, count", id="aggregation"),
        pytest.param({"aggregation": None}, "one of sum, count", id="no text"),
        pytest.param({"event_type": ""}, "event_type must be", id="empty type"),
        pytest.param({"event_type": "a" * 256}, "1 to 255", id="long type"),
        pytest.param({"event_type": 7}, "event_type must be", id="type is no text"),
        pytest.param({"value": 7}, "value: path 7 must be", id="value is no path"),
        pytest.param({"value": "$subject"}, "no numbers", id="value of the envelope"),
        pytest.param({"scale": -1}, "from 0 to 12", id="scale below 0"),
        pytest.param({"scale": 13}, "from 0 to 12", id="scale above 12"),
        pytest.param({"scale": True}, "from 0 to 12", id="scale is true"),
        pytest.param({"scale": "2"}, "from 0 to 12", id="scale is text"),
        pytest.param({"missing": "skip"}, "unusable, zero", id="missing"),
        pytest.param({"negative": "no"}, "allowed, refused", id="negative"),
        pytest.param({"aggregation": "peak", "negative": "allowed"}, "level", id="lvl"),
        pytest.param({"colour": "red"}, "'colour' is not a field", id="unknown field"),
        pytest.param({7: "red"}, "7 is not a field", id="a field that is no text"),
        pytest.param({"percentile": "99"}, "does not apply to", id="does not apply"),
        pytest.param({"aggregation": "count"}, "value does not", id="count, value"),
        pytest.param({"group_by": ["a", "a"]}, "twice", id="a group twice"),
        pytest.param({"group_by": "a"}, "a table or a list", id="group is no list"),
        pytest.param({"group_by": [7]}, "a table or a list", id="group is no path"),
        pytest.param({"group_by": {"a b": "x"}}, "names of letters", id="group name"),
        pytest.param({"group_by": {7: "x"}}, "names of letters", id="group number"),
        pytest.param({"group_by": {"a": "x."}}, "empty step", id="group path"),
        pytest.param({"group_by": list("abcdefghi")}, "at most 8", id="many groups"),
        pytest.param({"filters": {"path": "a"}}, "a list of at", id="filters no list"),
        pytest.param({"description": 7}, "0 to 1000", id="description is no text"),
        pytest.param({"unit": "a\nb"}, "printable", id="unit of two lines"),
        pytest.param({"aggregation": "unique", "value": []}, "1 to 8", id="no key"),
        pytest.param({"aggregation": "unique", "value": ["a", "a"]}, "twice", id="key"),
        pytest.param({"aggregation": "unique", "value": [7]}, "path 7", id="key path"),
    ],
)
def test_what_a_definition_cannot_be(change: dict[Any, Any], fault: str) -> None:
    """
    A definition that is not understood is refused; the error names meter and field.
    """
    with pytest.raises(InvalidMeterError, match=fault) as refused:
        meter_from("m", SUM | change)

    assert str(refused.value).startswith("meter 'm': ")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param({"value": "n"}, "value does not apply", id="value"),
        pytest.param({"group_by": ["a"]}, "group_by does not apply", id="groups"),
        pytest.param({"scale": 2}, "scale does not apply", id="scale"),
        pytest.param({"missing": "zero"}, "missing does not apply", id="missing"),
        pytest.param({"states": []}, "a list of 1 to 32", id="no state"),
        pytest.param({"states": "active"}, "a list of 1 to 32", id="no list"),
        pytest.param({"states": ["a"] * 33}, "a list of 1 to 32", id="many states"),
        pytest.param({"states": [7]}, "printable texts", id="a number"),
        pytest.param({"states": [""]}, "printable texts", id="an empty one"),
        pytest.param({"states": ["a\n"]}, "printable texts", id="two lines"),
        pytest.param({"states": ["a" * 101]}, "1 to 100", id="a long one"),
        pytest.param({"states": ["a", "a"]}, "twice", id="a state twice"),
    ],
)
def test_what_a_meter_of_members_cannot_be(change: dict[str, Any], fault: str) -> None:
    """
    A meter of members has states and filters, and nothing that is for numbers.
    """
    with pytest.raises(InvalidMeterError, match=fault) as refused:
        meter_from("m", MEMBERS | change)

    assert str(refused.value).startswith("meter 'm': ")


def test_only_members_have_states() -> None:
    """
    States do not apply to any other aggregation.
    """
    with pytest.raises(InvalidMeterError, match="states does not apply"):
        meter_from("m", SUM | {"states": ["active"]})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param({"percentile": "0"}, "above 0", id="0"),
        pytest.param({"percentile": "100.1"}, "at most 100", id="above 100"),
        pytest.param({"percentile": "1e1"}, "above 0", id="exponent"),
        pytest.param({"percentile": 99.5}, "above 0", id="binary float"),
        pytest.param({"hourly": "average"}, "must be one of sum", id="average hour"),
        pytest.param({"hourly": "unique"}, "must be one of sum", id="unique hour"),
        pytest.param({"drop_hours": 7}, "not both", id="both rules"),
        pytest.param({"rounding": "half"}, "floor, ceil", id="rounding"),
        pytest.param({"negative": "allowed"}, "level", id="hours of levels"),
        pytest.param({"hourly": "count"}, "value does not apply", id="count of hours"),
    ],
)
def test_what_a_percentile_cannot_be(change: dict[str, Any], fault: str) -> None:
    """
    A percentile states exactly one rule of what it drops, and how an hour is read.
    """
    with pytest.raises(InvalidMeterError, match=fault):
        meter_from("m", P99 | change)


def test_a_percentile_states_its_own_rounding() -> None:
    """
    There is no default of how many hours 1 % of a month is.
    """
    stated = {name: value for name, value in P99.items() if name != "rounding"}

    with pytest.raises(InvalidMeterError, match="rounding or drop_hours must be"):
        meter_from("m", stated)


@pytest.mark.parametrize("field", ["event_type", "aggregation", "value"])
def test_what_a_definition_must_say(field: str) -> None:
    """
    What has no sensible default is asked for by name.
    """
    stated = {name: value for name, value in SUM.items() if name != field}

    with pytest.raises(InvalidMeterError, match=f"{field} is missing"):
        meter_from("m", stated)


@pytest.mark.parametrize("key", ["", "A", "a b", "a/b", "ü", "a" * 101, "a\n", 7])
def test_what_a_key_cannot_be(key: Any) -> None:  # noqa: ANN401 - anything at all
    """
    A meter key is 1 to 100 lower-case letters, digits, `_`, `.` and `-`.
    """
    with pytest.raises(InvalidMeterError, match="1 to 100 lower-case"):
        meter_from(key, SUM)


@pytest.mark.parametrize("mapping", [None, "sum", ["sum"], 7])
def test_a_definition_is_a_table(mapping: Any) -> None:  # noqa: ANN401 - anything
    """
    What is no table of fields is no definition.
    """
    with pytest.raises(InvalidMeterError, match="must be a table"):
        meter_from("m", mapping)
