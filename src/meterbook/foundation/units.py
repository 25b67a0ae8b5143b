"""
Quantities as whole numbers of a meter's smallest unit.

::

    scale 3     "1.5"  ->  1500  ->  "1.5"
    scale 0     "1.5"  refused: a scale of 0 holds whole numbers only

A meter of scale 3 counts thousandths. Sums of whole numbers are exact in any order
and on any machine; sums of binary fractions are not. A quantity that the scale
cannot hold is refused, never rounded: what was used is not ours to round.

Laws (tests/laws/test_units.py):
    - *Round trip*: units to text to units, at every scale.
    - *Oracle*: as multiplying a `Fraction` by ten to the scale.
    - *One text*: equal quantities have equal text.
"""

from __future__ import annotations

import re

from decimal import Decimal
from fractions import Fraction
from typing import Final

from meterbook.foundation.errors import InvalidQuantityError


# A quantity at the finest scale: 12 places tell a millionth of a micro-dollar.
SCALE_MAX: Final = 12

# Far beyond any bill, and few enough digits for every database's exact numbers. Sums
# are Python's, and have no such limit.
UNITS_MAX: Final = 10**30

# Digits that an average may show beyond its meter's scale, where it does not end.
FRACTION_DIGITS: Final = 6

# Plain decimal notation, as people write quantities: no exponent, no separators.
# Bounded before it is read: a million digits are no quantity.
_TEXT_CHARS_MAX: Final = 64
_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


def to_units(value: int | Decimal | str, scale: int) -> int:
    """
    Return *value* in units of ten to the minus *scale*, exactly.

    Args:
        value: A whole number, a decimal, or plain decimal text such as "-1.50": no
            exponent, no spaces.

        scale: How many decimal places a unit stands for: 0 to `SCALE_MAX`.

    Returns:
        At most `UNITS_MAX`, and at least minus that.

    Raises:
        InvalidQuantityError: If *value* is no such number, needs more decimal places
            than *scale*, or is too large.
    """
    assert 0 <= scale <= SCALE_MAX
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(int(value) * 10**scale, value)
    if isinstance(value, str):
        return _decimal_units(_parsed(value), scale)
    if isinstance(value, Decimal):
        return _decimal_units(value, scale)
    message = f"A quantity is an int, a Decimal or text, not {type(value).__name__}."
    raise InvalidQuantityError(message)


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
        shifted = _half_away(exact * 10**places)
    else:
        shifted = (exact * 10**places).numerator

    return _plain_text(shifted, scale + places)


def _parsed(text: str) -> Decimal:
    """
    Return the decimal that *text* writes.

    Raises:
        InvalidQuantityError: If it is not plain decimal notation, or too long.
    """
    if len(text) > _TEXT_CHARS_MAX or _PLAIN.fullmatch(text) is None:
        message = f"{text[:40]!r} is not a plain decimal number, such as 1.5."
        raise InvalidQuantityError(message)

    return Decimal(text)


def _decimal_units(value: Decimal, scale: int) -> int:
    """
    Return *value* in units, looking at its size before writing out its digits.

    Raises:
        InvalidQuantityError: If it is not finite, too fine or too large.
    """
    if not value.is_finite():
        message = f"A quantity is a finite number, not {value}."
        raise InvalidQuantityError(message)
    if not value:
        return 0
    # 1e999999999 is nine characters, and a thousand million digits once written out.
    if value.adjusted() + scale > len(str(UNITS_MAX)):
        raise InvalidQuantityError(_too_large(value))

    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    written = "".join(map(str, digits)).rstrip("0")
    shift = exponent + len(digits) - len(written) + scale
    if shift < 0:
        message = (
            f"{_shown(value)} needs more than {scale} decimal places, which is the "
            "meter's scale: send fewer, or define the meter with a larger scale."
        )
        raise InvalidQuantityError(message)

    return _bounded((-1 if sign else 1) * int(written) * 10**shift, value)


def _bounded(units: int, value: object) -> int:
    """
    Return *units*, which is what *value* comes to.

    Raises:
        InvalidQuantityError: If it is beyond `UNITS_MAX`.
    """
    if -UNITS_MAX <= units <= UNITS_MAX:
        return units

    raise InvalidQuantityError(_too_large(value))


def _too_large(value: object) -> str:
    """
    Return the sentence that refuses a *value* beyond `UNITS_MAX`.
    """
    return f"{_shown(value)} is too large: a quantity has at most {UNITS_MAX} units."


def _shown(value: object) -> str:
    """
    Return *value* as a person may read it, however many digits it has.
    """
    if isinstance(value, int) and abs(value) > 10**40:
        return "a number of more than 40 digits"

    text = str(value)
    return text if len(text) <= _TEXT_CHARS_MAX else f"{text[:40]}..."


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


def _half_away(exact: Fraction) -> int:
    """
    Return *exact* as a whole number, halves away from zero.
    """
    magnitude = int(abs(exact) + Fraction(1, 2))
    return -magnitude if exact < 0 else magnitude


def _plain_text(shifted: int, places: int) -> str:
    """
    Return *shifted* with the last *places* digits after a point, zeros cut.
    """
    sign = "-" if shifted < 0 else ""
    digits = str(abs(shifted)).rjust(places + 1, "0")
    whole, part = digits[: len(digits) - places], digits[len(digits) - places :]
    part = part.rstrip("0")
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
