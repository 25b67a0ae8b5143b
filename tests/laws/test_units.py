"""
The laws of units.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.units import (
    FRACTION_DIGITS,
    SCALE_MAX,
    UNITS_MAX,
    format_units,
)


scales = st.integers(0, SCALE_MAX)
units = st.integers(-UNITS_MAX, UNITS_MAX) | st.sampled_from(
    [0, 1, -1, UNITS_MAX, -UNITS_MAX]
)


@given(units=units, scale=scales)
def test_round_trip(units: int, scale: int) -> None:
    """
    The text of a quantity is that quantity again, at every scale.
    """
    assert Fraction(format_units(units, scale)) * 10**scale == units


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
