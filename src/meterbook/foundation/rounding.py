"""
Rounding, by name and once: an exact fraction becomes a whole number.

::

    2.5 -> 3    -2.5 -> -3    2.4 -> 2

What is asked for is exact until it is asked for. There it is rounded half away from
zero, which is what an invoice's reader does with a pencil.

Laws (tests/laws/test_money.py):
    - *Nearest*: no whole number is nearer.
    - *Mirror*: the opposite rounds to the opposite.
"""

from __future__ import annotations

from fractions import Fraction


def half_away(exact: Fraction) -> int:
    """
    Return *exact* as the nearest whole number, halves away from zero.
    """
    magnitude = int(abs(exact) + Fraction(1, 2))
    return -magnitude if exact < 0 else magnitude
