"""
The laws of units.
"""

from __future__ import annotations

import math

from decimal import Decimal
from fractions import Fraction

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidQuantityError
from meterbook.foundation.units import (
    FRACTION_DIGITS,
    SCALE_MAX,
    UNITS_MAX,
    format_units,
    to_units,
)


scales = st.integers(0, SCALE_MAX)
units = st.integers(-UNITS_MAX, UNITS_MAX) | st.sampled_from(
    [0, 1, -1, UNITS_MAX, -UNITS_MAX]
)
decimals = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20
) | st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(-(10**9), 10**9),
    st.integers(-8, SCALE_MAX + 2),
)


@given(units=units, scale=scales)
def test_round_trip(units: int, scale: int) -> None:
    """
    The text of a quantity reads as that quantity again, at every scale.
    """
    assert to_units(format_units(units, scale), scale) == units


@given(value=decimals, scale=scales)
@example(value=Decimal("1e18"), scale=0)
@example(value=Decimal("-1e18"), scale=0)
@example(value=Decimal("1e18"), scale=1)
@example(value=Decimal("1.50"), scale=1)
@example(value=Decimal("0E-99"), scale=0)
@example(value=Decimal("-0.0"), scale=0)
def test_as_a_fraction_would(value: Decimal, scale: int) -> None:
    """
    Units are the value times ten to the scale if that is whole, else it is refused.
    """
    exact = Fraction(value) * 10**scale
    if exact.denominator == 1 and abs(exact) <= UNITS_MAX:
        assert to_units(value, scale) == exact
        assert to_units(f"{value:f}"[:64], scale) == exact
    else:
        with pytest.raises(InvalidQuantityError):
            to_units(value, scale)


@given(value=st.integers(-(10**20), 10**20), scale=scales)
def test_whole_numbers(value: int, scale: int) -> None:
    """
    A whole number is taken at every scale, up to the limit.
    """
    if abs(value) * 10**scale <= UNITS_MAX:
        assert to_units(value, scale) == value * 10**scale
    else:
        with pytest.raises(InvalidQuantityError, match="too large"):
            to_units(value, scale)


@given(
    numerator=st.integers(-(10**12), 10**12),
    denominator=st.integers(1, 10**4),
    scale=scales,
)
@example(numerator=1, denominator=3, scale=0)
@example(numerator=-2, denominator=3, scale=2)
@example(numerator=1, denominator=2**10, scale=0)
def test_fractions_are_shown_to_the_nearest_digit(
    numerator: int, denominator: int, scale: int
) -> None:
    """
    An average is shown exactly if it ends, else to half of the last digit shown.
    """
    exact = Fraction(numerator, denominator)

    shown = Fraction(format_units(exact, scale)) * 10**scale

    ends = 10**60 % exact.denominator == 0
    error = abs(shown - exact)
    assert error == 0 if ends else error <= Fraction(1, 2 * 10**FRACTION_DIGITS)


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [
        pytest.param(0, 0, "0", id="nothing"),
        pytest.param(0, 6, "0", id="nothing, finely"),
        pytest.param(1500, 3, "1.5", id="zeros at the end are cut"),
        pytest.param(15, 0, "15", id="whole"),
        pytest.param(100, 0, "100", id="zeros before the point stay"),
        pytest.param(-5, 1, "-0.5", id="below zero"),
        pytest.param(1, 12, "0.000000000001", id="the finest"),
        pytest.param(Fraction(10, 3), 0, "3.333333", id="an endless fraction"),
        pytest.param(Fraction(-20, 3), 0, "-6.666667", id="away from zero"),
        pytest.param(Fraction(1, 8), 0, "0.125", id="a fraction that ends"),
        pytest.param(Fraction(1, 8), 2, "0.00125", id="likewise, scaled"),
    ],
)
def test_texts(units: int | Fraction, scale: int, text: str) -> None:
    """
    Quantities are written plainly: no exponent, no zeros at the end.
    """
    assert format_units(units, scale) == text


@pytest.mark.parametrize(
    ("value", "scale", "says"),
    [
        pytest.param(Decimal("0.5"), 0, "decimal places", id="too fine"),
        pytest.param("1.505", 2, "more than 2 decimal places", id="too fine, as text"),
        pytest.param(Decimal("1e999999999"), 0, "too large", id="explosive"),
        pytest.param(Decimal("1e-999999999"), 0, "decimal places", id="implosive"),
        pytest.param(10**5000, 0, "too large", id="5,000 digits"),
        pytest.param(Decimal("NaN"), 0, "finite", id="not a number"),
        pytest.param(Decimal("-Infinity"), 0, "finite", id="infinite"),
        pytest.param("1e3", 0, "plain decimal", id="an exponent in text"),
        pytest.param("1_000", 0, "plain decimal", id="separators"),
        pytest.param(" 1", 0, "plain decimal", id="a space"),
        pytest.param("\u0661", 0, "plain decimal", id="digits of another script"),
        pytest.param("", 0, "plain decimal", id="empty"),
        pytest.param(".", 0, "plain decimal", id="a point"),
        pytest.param("1" * 65, 0, "plain decimal", id="endless text"),
        pytest.param(math.pi, 3, "not float", id="a binary float"),
        pytest.param(True, 0, "not bool", id="a flag"),
        pytest.param(None, 0, "not NoneType", id="nothing"),
    ],
)
def test_refused(value: object, scale: int, says: str) -> None:
    """
    What is no exact quantity is refused with a sentence, however large it is.
    """
    with pytest.raises(InvalidQuantityError, match=says):
        to_units(value, scale)  # type: ignore[arg-type]  # what a caller may do
