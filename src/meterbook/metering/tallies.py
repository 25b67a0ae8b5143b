"""
Sum, count, average, min, max: meters that add up.

A tally is what must be kept of some events so that any of the five can be said of
them, and so that two tallies make one. The order of events does not matter, nor which
of two tallies comes first.

A state is a plain tuple of ints, because a worker makes millions of them::

    (count, first_seq, last_seq, total, low, high)

*count* is at least 1, *first_seq* and *last_seq* are the lowest and highest place, and
the last three are in the meter's smallest unit. Of no events the state is None.

Laws (tests/laws/test_tallies.py):
    - *Oracle*: the five readings are what the standard library says of the list.
    - *Cutting*: cut the events anywhere and merge: it is the fold of the whole.
    - *Order*: merging is associative and commutative, and None is neutral.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from meterbook.metering.aggregations import Aggregation


if TYPE_CHECKING:
    from collections.abc import Sequence


State: TypeAlias = tuple[int, ...]

# occurred_at, seq, units
Sample: TypeAlias = tuple[int, int, int]


def fold(samples: Sequence[Sample]) -> State | None:
    """
    Return the tally of *samples*, which may come in any order.

    Args:
        samples: (occurred_at, seq, units) of each event; the moment is not looked at.

    Returns:
        The state, or None when there are no samples.
    """
    if not samples:
        return None

    _, seqs, units = zip(*samples, strict=True)
    return fold_columns(seqs, units)


def fold_columns(seqs: Sequence[int], units: Sequence[int]) -> State:
    """
    Return the tally of events with these places and units: at least one.
    """
    return (
        len(units),
        min(seqs),
        max(seqs),
        sum(units),
        min(units),
        max(units),
    )


def merge(a: State | None, b: State | None) -> State | None:
    """
    Return the tally of the events of *a* and of *b* together.
    """
    if a is None or b is None:
        return a or b

    a_count, a_first, a_last, a_total, a_low, a_high = a
    b_count, b_first, b_last, b_total, b_low, b_high = b
    return (
        a_count + b_count,
        min(a_first, b_first),
        max(a_last, b_last),
        a_total + b_total,
        min(a_low, b_low),
        max(a_high, b_high),
    )


def read_tally(state: State | None, aggregation: Aggregation) -> int | Fraction | None:
    """
    Return what *aggregation* says of a tally, exact, in the meter's smallest unit.

    Returns:
        Of no events: 0 for sum and count; None for average, min and max, because the
        lowest of nothing is not 0.
    """
    if state is None:
        return 0 if aggregation in _NOUGHT_OF_NOTHING else None

    count, _, _, total, low, high = state
    if aggregation is Aggregation.AVERAGE:
        return Fraction(total, count)

    return {
        Aggregation.SUM: total,
        Aggregation.COUNT: count,
        Aggregation.MIN: low,
        Aggregation.MAX: high,
    }[aggregation]


_NOUGHT_OF_NOTHING = frozenset({Aggregation.SUM, Aggregation.COUNT})
