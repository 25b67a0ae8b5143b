"""
Money and rounding: exact until asked for, then the nearest whole number.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidPriceError
from meterbook.foundation.money import (
    MINOR_PLACES,
    amount_text,
    minor_places,
    price_in_minor,
)
from meterbook.foundation.rounding import half_away


CURRENCIES = st.sampled_from(sorted(MINOR_PLACES))


@given(st.fractions())
@example(Fraction(5, 2))
@example(Fraction(-5, 2))
def test_rounding_finds_the_nearest(exact: Fraction) -> None:
    """
    No whole number is nearer; of two that are as near it is the one away from zero.
    """
    found = half_away(exact)

    assert abs(found - exact) <= Fraction(1, 2)
    if abs(found - exact) == Fraction(1, 2):
        assert abs(found) > abs(exact)
    assert half_away(-exact) == -found


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=3))
def test_rounding_is_what_decimals_call_half_up(exact: Decimal) -> None:
    """
    Python's decimal arithmetic, rounding half away from zero, finds the same.
    """
    found = half_away(Fraction(exact))

    assert found == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(st.integers(0, 10**15), CURRENCIES)
def test_an_amount_reads_back(amount_minor: int, currency: str) -> None:
    """
    The text of an amount, read as a price, is the amount.
    """
    text = amount_text(amount_minor, currency)

    assert price_in_minor(text, currency) == amount_minor
    assert len(text.partition(".")[2]) == minor_places(currency)


@pytest.mark.parametrize(
    ("price", "currency", "minor"),
    [
        pytest.param("100.00", "USD", 10_000, id="two places"),
        pytest.param(100, "JPY", 100, id="no places"),
        pytest.param("1.234", "KWD", 1_234, id="three places"),
        pytest.param(Decimal("0.0001"), "EUR", Fraction(1, 100), id="finer"),
        pytest.param("0", "USD", 0, id="nothing"),
    ],
)
def test_a_price_in_minor_units(
    price: str | int | Decimal, currency: str, minor: Fraction
) -> None:
    """
    A price is exact, also where it is finer than the smallest coin.
    """
    assert price_in_minor(price, currency) == minor


@pytest.mark.parametrize(
    "price", ["-1", "", "1e3", "1,000.00", "NaN", "1.", 0.5, True, None, "9" * 41]
)
def test_what_is_no_price_is_refused(price: object) -> None:
    """
    Negative, exponential, binary and other odd prices are refused by name.
    """
    with pytest.raises(InvalidPriceError, match="price is"):
        price_in_minor(price, "USD")  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize("currency", ["usd", "EURO", "", "XXX", "XAU"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    """
    A currency is a code of ISO 4217 in capitals, of a money that people pay with.
    """
    with pytest.raises(InvalidPriceError, match="currency is"):
        minor_places(currency)


def test_codes_of_currencies_are_codes() -> None:
    """
    Every code is three capitals, and there are no fewer than the world has.
    """
    assert all(len(code) == 3 and code.isupper() for code in MINOR_PLACES)
    assert len(MINOR_PLACES) > 150
