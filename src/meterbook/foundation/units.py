"""
Quantities as whole numbers of a meter's smallest unit.

::

    scale 3     "1.5"  ->  1500  ->  "1.5"
    scale 0     "1.5"  refused: a scale of 0 holds whole numbers only

A meter of scale 3 counts thousandths. Sums of whole numbers are exact in any order
and on any machine; sums of binary fractions are not. A quantity that the scale
cannot hold is refused, never rounded: what was used is not ours to round.

Laws (tests/laws/test_units.py):
    - *Round trip*: the text of units, times ten to the scale, is those units.
    - *Nearest*: a fraction that does not end is shown to half of its last digit.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from meterbook.foundation.rounding import half_away


# A quantity at the finest scale: 12 places tell a millionth of a micro-dollar.
SCALE_MAX: Final = 12

# Far beyond any bill, and few enough digits for every database's exact numbers. Sums
# are Python's, and have no such limit.
UNITS_MAX: Final = 10**30

# Digits that an average may show beyond its meter's scale, where it does not end.
FRACTION_DIGITS: Final = 6


def format_units(units: int | Fraction, scale: int) -> str:
    """
    Return *units* of ten to the minus *scale* as plain decimal text.

    Args:
        units: In the meter's smallest unit. A fraction is for averages.

        scale: How many decimal places a unit stands for: 0 to `SCALE_MAX`.

    Returns:
        Without an exponent and without zeros at the end: "15", "0.5", "-3.25". Exact
        for whole units and for fractions that end; otherwise rounded half away from
        zero, `FRACTION_DIGITS` beyond the scale.
    """
    assert 0 <= scale <= SCALE_MAX
    exact = Fraction(units)
    places = _places(exact.denominator)
    if places is None:
        places = FRACTION_DIGITS
        shifted = half_away(exact * 10**places)
    else:
        shifted = (exact * 10**places).numerator

    return _plain_text(shifted, scale + places)


def _places(denominator: int) -> int | None:
    """
    Return how many decimal places a fraction over *denominator* has; None if endless.
    """
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1

    return max(twos, fives) if denominator == 1 else None


def _plain_text(shifted: int, places: int) -> str:
    """
    Return *shifted* with the last *places* digits after a point, zeros cut.
    """
    sign = "-" if shifted < 0 else ""
    digits = str(abs(shifted)).rjust(places + 1, "0")
    whole, part = digits[: len(digits) - places], digits[len(digits) - places :]
    part = part.rstrip("0")
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
