"""
The laws of filters: which events a meter reads.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidMeterError
from meterbook.metering.filters import (
    LISTS,
    OPERANDS_MAX,
    Filter,
    Op,
    compile_filters,
    compile_op,
)
from meterbook.metering.meters import Meter, meter_from
from meterbook.metering.paths import MISSING, Envelope


ENVELOPE = Envelope(source="api", type="call", subject=7)

# Values that Python takes for equal, or nearly: 1, True, "1", 1.0.
scalars = st.sampled_from(
    [0, 1, 2, True, False, "", "1", "10", "a", "ab", 10**30]
    + [Decimal(text) for text in ("1", "1.0", "0.5", "1.5")]
)
found_values = scalars | st.sampled_from([MISSING, None, [], {}, [1], {"a": 1}])
ordered = scalars.filter(lambda value: type(value) is not bool)


@st.composite
def conditions(draw: st.DrawFn) -> tuple[Op, Any]:
    op = draw(st.sampled_from(Op))
    if op is Op.EXISTS:
        return op, draw(st.booleans())
    if op is Op.PREFIX:
        return op, draw(st.sampled_from(["1", "a", "ab"]))
    if op in LISTS:
        return op, tuple(draw(st.lists(scalars, min_size=1, max_size=4)))
    return op, draw(ordered if op in {Op.LT, Op.LTE, Op.GT, Op.GTE} else scalars)


def kind(value: object) -> str:
    """
    Name the kind of a value, as JSON knows kinds.
    """
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | Decimal):
        return "number"
    return "text" if isinstance(value, str) else "other"


def equal(found: object, operand: object) -> bool:
    return kind(found) == kind(operand) and found == operand


def oracle(op: Op, operand: Any, found: Any) -> bool:  # noqa: ANN401 - any JSON value
    """
    Read the table at the head of the module, one line after the other.
    """
    if op is Op.EXISTS:
        return (found is not MISSING) is bool(operand)
    if op is Op.PREFIX:
        return kind(found) == "text" and found[: len(operand)] == operand
    if op in {Op.EQ, Op.NE}:
        return equal(found, operand) == (op is Op.EQ)
    if op in LISTS:
        return any(equal(found, one) for one in operand) == (op is Op.IN)
    if kind(found) != kind(operand):
        return False
    before, same = found < operand, found == operand
    return {
        Op.LT: bool(before),
        Op.LTE: bool(before or same),
        Op.GT: not (before or same),
        Op.GTE: not before,
    }[op]


@given(condition=conditions(), found=found_values)
def test_a_condition_is_what_the_table_says(
    condition: tuple[Op, Any], found: object
) -> None:
    """
    Each condition holds exactly when a plain reading of the table says so.
    """
    op, operand = condition

    assert compile_op(op, operand)(found) is oracle(op, operand, found)


@given(operand=scalars, found=found_values)
def test_ne_and_not_in_are_what_eq_and_in_are_not(
    operand: object, found: object
) -> None:
    """
    Every value, missing or not, meets exactly one of a condition and its opposite.
    """
    assert compile_op(Op.EQ, operand)(found) is not compile_op(Op.NE, operand)(found)
    operands = (operand, 2)
    assert compile_op(Op.IN, operands)(found) is not compile_op(Op.NOT_IN, operands)(
        found
    )


@given(condition=conditions())
def test_what_is_missing_meets_only_three_conditions(
    condition: tuple[Op, Any],
) -> None:
    """
    A missing field meets `ne`, `not_in` and `exists = false`, and nothing else.
    """
    op, operand = condition

    holds = compile_op(op, operand)(MISSING)

    assert holds is (op in {Op.NE, Op.NOT_IN} or (op is Op.EXISTS and not operand))


@given(condition=conditions())
def test_a_filter_is_its_definition(condition: tuple[Op, Any]) -> None:
    """
    A definition, written as JSON text and read by anybody's codec, is the same filter.
    """
    stated = Filter("model", *condition)
    text = msgspec.json.encode(stated.definition())

    assert meter(msgspec.json.decode(text)).filters == (stated,)


@given(a=conditions(), b=conditions())
def test_equal_filters_have_equal_text(a: tuple[Op, Any], b: tuple[Op, Any]) -> None:
    """
    Two filters are equal exactly when their definitions are the same JSON text.
    """
    x, y = Filter("model", *a), Filter("model", *b)

    same = msgspec.json.encode(x.definition()) == msgspec.json.encode(y.definition())
    assert (x == y) is same


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        pytest.param(1, Decimal("1.0"), True, id="numbers by value"),
        pytest.param(1, True, False, id="true is not 1"),
        pytest.param(1, "1", False, id="text is not a number"),
        pytest.param(Decimal("1.50"), Decimal("1.5"), True, id="zeros do not count"),
    ],
)
def test_which_filters_are_one(a: object, b: object, *, same: bool) -> None:
    """
    Filters are told apart by what they mean, not by how they are written.
    """
    assert (Filter("n", Op.EQ, a) == Filter("n", Op.EQ, b)) is same


def test_all_filters_must_hold() -> None:
    """
    Several filters hold when each does; none at all leaves nothing out.
    """
    accepts = compile_filters(
        [Filter("model", Op.EQ, "xl"), Filter("usage.total", Op.GT, 3)]
    )
    assert accepts is not None

    assert accepts({"model": "xl", "usage": {"total": 4}}, ENVELOPE)
    assert not accepts({"model": "xl", "usage": {"total": 3}}, ENVELOPE)
    assert not accepts({"model": "s", "usage": {"total": 4}}, ENVELOPE)
    assert not accepts({"model": "xl", "usage": 4}, ENVELOPE)
    assert compile_filters([]) is None


def test_the_envelope_can_be_filtered_but_not_its_people() -> None:
    """
    Source and type can be looked at; names live apart, so subject and actor cannot.
    """
    accepts = compile_filters([Filter("$source", Op.PREFIX, "ap")])
    assert accepts is not None
    assert accepts({}, ENVELOPE)

    for path in ("$subject", "$actor"):
        with pytest.raises(InvalidMeterError, match="names live apart"):
            meter({"path": path, "eq": "ann"})


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        pytest.param("model", "must be tables", id="no table"),
        pytest.param({"eq": "xl"}, "must be tables", id="no path"),
        pytest.param({"path": "model"}, "one of eq, ne", id="no operator"),
        pytest.param({"path": "m", "eq": 1, "ne": 2}, "one of eq", id="two operators"),
        pytest.param({"path": "m", "like": "x"}, "one of eq", id="unknown operator"),
        pytest.param({"path": "a..b", "eq": 1}, "empty step", id="empty step"),
        pytest.param({"path": ".a", "eq": 1}, "empty step", id="empty first step"),
        pytest.param({"path": "", "eq": 1}, "1 to 200", id="empty path"),
        pytest.param({"path": "a" * 201, "eq": 1}, "1 to 200", id="long path"),
        pytest.param({"path": "$id", "eq": 1}, "a field, or", id="unknown envelope"),
        pytest.param({"path": "a\x00", "eq": 1}, "printable", id="NUL in a path"),
        pytest.param({"path": "m", "eq": 0.5}, "eq of m", id="binary float"),
        pytest.param({"path": "m", "eq": []}, "eq of m", id="a list for eq"),
        pytest.param({"path": "m", "eq": "\ud800"}, "UTF-8", id="lone surrogate"),
        pytest.param({"path": "m", "eq": "x" * 1001}, "1000 char", id="long operand"),
        pytest.param({"path": "m", "eq": Decimal("NaN")}, "finite", id="NaN"),
        pytest.param({"path": "m", "in": []}, "a list of 1", id="an empty list"),
        pytest.param({"path": "m", "in": "xl"}, "a list of 1", id="text for a list"),
        pytest.param(
            {"path": "m", "in": [1] * (OPERANDS_MAX + 1)}, "a list of", id="long list"
        ),
        pytest.param({"path": "m", "in": [1, 0.5]}, "in of m", id="float in a list"),
        pytest.param({"path": "m", "lt": True}, "number or text", id="order of truth"),
        pytest.param({"path": "m", "prefix": ""}, "not empty", id="empty prefix"),
        pytest.param({"path": "m", "prefix": 1}, "must be text", id="prefix number"),
        pytest.param({"path": "m", "exists": 1}, "true or false", id="exists 1"),
        pytest.param({"path": "m", "eq": {"decimal": "1e3"}}, "eq of m", id="exponent"),
    ],
)
def test_what_a_filter_cannot_be(stated: object, fault: str) -> None:
    """
    A filter that is not understood is refused, and the error says what is allowed.
    """
    with pytest.raises(InvalidMeterError, match=fault):
        meter(stated)


def meter(*filters: object) -> Meter:
    return meter_from(
        "calls", {"event_type": "call", "aggregation": "count", "filters": filters}
    )
