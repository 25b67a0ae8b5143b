"""
The laws of canonical text.
"""

from __future__ import annotations

import json

from decimal import Decimal
from fractions import Fraction

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from laws.odd_values import NUMBER_END, Count, Word, data, deep, mappings
from meterbook.metering.canonical import (
    DATA_BYTES_MAX,
    DATA_DEPTH_MAX,
    canonical_text,
    careful_text,
)
from meterbook.metering.events import Refused


@given(told=data)
@example(told={"k": "\\u0000"})
@example(told={"\\u0000": 1})
@example(told={"k": NUMBER_END})
def test_quick_and_careful_texts_agree(told: object) -> None:
    """
    Data has one text, or one fault, whichever way it is looked at.
    """
    assert canonical_text(told, field="data") == careful_text(told, field="data")


def meaning(data: object) -> object:
    """
    Return what *data* says, in a form that is equal when it says the same.
    """
    if isinstance(data, bool) or data is None:
        return ("flag", data)
    if isinstance(data, int | Decimal):
        return Fraction(data)
    if isinstance(data, list | tuple):
        return [meaning(item) for item in data]
    if isinstance(data, dict):
        return {str.__str__(key): meaning(value) for key, value in data.items()}
    return data


def read(text: bytes) -> object:
    return json.loads(text, parse_float=Decimal)


@given(data=mappings)
@example(
    data={"a": [1, Decimal("1.50"), Decimal("-0.0"), Decimal("1E+37"), {}, [], ()]}
)
@example(data={"a": Decimal("1E-38"), "b": Decimal("-12.00000000000000000000005")})
def test_the_text_reads_as_the_data(data: dict[str, object]) -> None:
    """
    Reading the text gives data of the same value, and that has the same text.
    """
    text = canonical_text(data, field="data")
    if isinstance(text, Refused):
        return

    again = read(text)
    assert meaning(again) == meaning(data)
    assert canonical_text(again, field="data") == text
    assert text.decode().encode() == text


few = st.recursive(
    st.sampled_from(
        [None, True, 1, Decimal("1.0"), Decimal("1E0"), 0, Decimal(-0), "1"]
    )
    | st.builds(lambda n: Decimal(n) / 4, st.integers(-8, 8)),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner)
    ),
    max_leaves=3,
)
fews = st.dictionaries(st.sampled_from("ab"), few)


@given(one=fews, other=fews)
@example(one={"a": 1, "b": 2}, other={"b": 2, "a": 1})
@example(one={"a": 1}, other={"a": True})
@example(one={"a": Decimal("1.50")}, other={"a": Decimal("1.5")})
def test_equal_data_has_equal_text(
    one: dict[str, object], other: dict[str, object]
) -> None:
    """
    Two data have one text if, and only if, they have one value.
    """
    texts = canonical_text(one, field="data"), canonical_text(other, field="data")

    assert (texts[0] == texts[1]) == (meaning(one) == meaning(other))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param({}, "{}", id="nothing"),
        pytest.param({"b": 1, "a": 2}, '{"a":2,"b":1}', id="keys in order"),
        pytest.param({"a": Decimal("1E+2")}, '{"a":100}', id="no exponent"),
        pytest.param({"a": Decimal("1E-7")}, '{"a":0.0000001}', id="a small one"),
        pytest.param({"a": Decimal("-0.50")}, '{"a":-0.5}', id="zeros cut"),
        pytest.param({"a": Decimal("-0")}, '{"a":0}', id="one zero"),
        pytest.param({"a": Decimal("0E-999999999")}, '{"a":0}', id="a fine zero"),
        pytest.param({"a": NUMBER_END - 1}, f'{{"a":{"9" * 38}}}', id="38 digits"),
        pytest.param(
            {"a": Decimal("1e37")}, f'{{"a":1{"0" * 37}}}', id="38 digits long"
        ),
        pytest.param({"a": Decimal("1e-38")}, f'{{"a":0.{"0" * 37}1}}', id="38 places"),
        pytest.param({"a": (1, [2])}, '{"a":[1,[2]]}', id="tuples are lists"),
        pytest.param({"a": '\x1f\n"\\'}, '{"a":"\\u001f\\n\\"\\\\"}', id="controls"),
        pytest.param(
            {"é": "\U0001f600", "z": 1}, '{"z":1,"é":"\U0001f600"}', id="UTF-8"
        ),
        pytest.param({"a": "\\u0000"}, '{"a":"\\\\u0000"}', id="only looks like NUL"),
        pytest.param({"a": True, "b": None}, '{"a":true,"b":null}', id="flags"),
        pytest.param({"": 1}, '{"":1}', id="an empty key"),
        pytest.param({Word.WORD: Count.SEVEN}, '{"word":7}', id="enumerations"),
        pytest.param(
            deep(DATA_DEPTH_MAX),
            '{"a":' * (DATA_DEPTH_MAX - 1) + "{}" + "}" * (DATA_DEPTH_MAX - 1),
            id="as deep as it goes",
        ),
        pytest.param(
            {"a": "x" * (DATA_BYTES_MAX - 8)},
            f'{{"a":"{"x" * (DATA_BYTES_MAX - 8)}"}}',
            id="as large as it goes",
        ),
    ],
)
def test_texts(data: dict[str, object], text: str) -> None:
    """
    Data is written in one way.
    """
    assert canonical_text(data, field="data") == text.encode()
    assert careful_text(data, field="data") == text.encode()
