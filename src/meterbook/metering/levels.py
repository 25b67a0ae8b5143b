"""
Latest, peak, time-weighted: meters that read a level, with what is carried in.

A source that counts seats says "five", not "one more". It can then lose an event and
be right again with the next, and a silent month is not a free one.

::

    seats
     20 |____                            20 is carried in and replaced exactly at the
     12 |    |         .......x          start: it was never held in this period.
      7 |    |    _____|      |____      Of the two levels at x only the last in the
      5 |    |___|                 |___  book's order holds: 7, not 12.
        |----[------------x--------------)---> occurred_at
             start                      end

What must be kept of some levels so that the three can be said of them, and so that an
earlier and a later stretch make one, is a plain tuple of ints::

    (count, first_seq, last_seq,
     first_at, last_at, last_units, peak_units, peak_at, area)

*count*, *first_seq* and *last_seq* take in every event, also one whose level never
held. Moments are microseconds; units are the meter's smallest and never negative;
*area* is unit-microseconds from *first_at* to *last_at*. *peak_at* is the first moment
of the peak. Of no events the state is None.

The state does not ask how long its last level held: that is for the one who reads,
because only the reader knows where the period ends.

Laws (tests/laws/test_levels.py):
    - *Oracle*: a reading is what looking at every microsecond finds.
    - *Cutting*: cut the events at any moment and merge: it is the fold of the whole.
    - *Carrying*: cut a period, carry the level across: the readings make up the whole.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from meterbook.metering.aggregations import Aggregation


if TYPE_CHECKING:
    from collections.abc import Sequence


State: TypeAlias = tuple[int, ...]

# occurred_at, seq, units
Sample: TypeAlias = tuple[int, int, int]


# What is said of them is the most that was held.
PEAKS: Final = frozenset({Aggregation.PEAK, Aggregation.MEMBERS})


class Held(NamedTuple):
    """
    What was held in the part of a period that has elapsed.

    Attributes:
        peak_units: The most that was held at any moment.

        peak_at: The first moment at which it was, in microseconds; inside the period.

        last_units: The level that holds at the end of the elapsed part, which the next
            period carries in. None when no level is known yet.

        area: Units times the microseconds they were held for.

        elapsed: How many microseconds of the period have elapsed. May be 0.
    """

    peak_units: int
    peak_at: int
    last_units: int | None
    area: int
    elapsed: int


def fold(samples: Sequence[Sample]) -> State | None:
    """
    Return the state of *samples*.

    Args:
        samples: (occurred_at, seq, units) of each event, sorted by the first two.

    Returns:
        The state, or None when there are no samples.
    """
    if not samples:
        return None

    first, _, held = samples[0]
    last = first
    peak_units, peak_at, area = -1, first, 0
    for at, _, units in samples:
        assert at >= last, "levels are folded in the order they occurred"
        if at > last:
            if held > peak_units:
                peak_units, peak_at = held, last
            area += held * (at - last)
            last = at
        held = units

    if held > peak_units:
        peak_units, peak_at = held, last
    seqs = [seq for _, seq, _ in samples]
    ends = (len(seqs), min(seqs), max(seqs), first, last)
    return (*ends, held, peak_units, peak_at, area)


def merge(a: State | None, b: State | None) -> State | None:
    """
    Return the state of the events of *a* and then of *b*.

    Every event of *a* occurred before every event of *b*; two at one moment belong into
    one fold, because only the book's order says which of them holds.
    """
    if a is None or b is None:
        return a or b

    a_count, a_first_seq, a_last_seq, a_from, a_until, a_units, a_peak, a_at, a_area = a
    b_count, b_first_seq, b_last_seq, b_from, b_until, b_units, b_peak, b_at, b_area = b
    assert follows(a, b), "the first state ends before the second begins"
    return (
        a_count + b_count,
        min(a_first_seq, b_first_seq),
        max(a_last_seq, b_last_seq),
        a_from,
        b_until,
        b_units,
        max(a_peak, b_peak),
        a_at if a_peak >= b_peak else b_at,
        a_area + a_units * (b_from - a_until) + b_area,
    )


def follows(earlier: State, later: State) -> bool:
    """
    Tell whether every event of *later* occurred after every event of *earlier*.

    Only then can the two be merged.
    """
    return earlier[4] < later[3]


def last_units(state: State | None) -> int | None:
    """
    Return the last level of *state*, which what follows carries in; None of none.
    """
    return None if state is None else state[5]


def first_at(state: State | None) -> int | None:
    """
    Return when the first level of *state* occurred, in microseconds; None of none.
    """
    return None if state is None else state[3]


def read_level(
    state: State | None, *, start: int, end: int, carried: int | None, as_of: int
) -> Held:
    """
    Return what was held in [*start*, *end*), as far as it has elapsed at *as_of*.

    ::

        start          as_of         end
          [-----elapsed--|------------)        elapsed = [start, min(end, as_of))
                         x                     a level that begins exactly at as_of
                                               holds: it counts for the peak and is
                                               the last, but has no area yet

    A period that has not begun at *as_of* has elapsed not at all: what is carried in is
    all that is known of it.

    Args:
        state: Of the events with start <= occurred_at < end and occurred_at <= as_of.

        start: The first moment inside, in microseconds.

        end: The first moment after. Later than *start*.

        carried: The level that the period begins with; None when none is known, which
            counts as 0. A level at *start* replaces it, and it was never held.

        as_of: The moment at which the question is asked.

    Returns:
        What was held. It is there even if nothing is known: a peak of 0 at *start*.
    """
    assert start < end
    elapsed_end = max(start, min(end, as_of))
    elapsed = elapsed_end - start
    before = carried or 0
    if state is None:
        return Held(before, start, carried, before * elapsed, elapsed)

    _, _, _, first, last, units, peak_units, peak_at, area = state
    assert start <= first <= last <= elapsed_end
    if first > start and before >= peak_units:
        peak_units, peak_at = before, start
    area += before * (first - start) + units * (elapsed_end - last)
    return Held(peak_units, peak_at, units, area, elapsed)


def time_weighted(held: Held) -> Fraction:
    """
    Return the level weighted by how long it held, exact, in the meter's smallest unit.

    While nothing of the period has elapsed it is the level that holds; 0 if none does.
    """
    if held.elapsed == 0:
        return Fraction(held.last_units or 0)

    return Fraction(held.area, held.elapsed)


def read_held(held: Held, aggregation: Aggregation) -> int | Fraction:
    """
    Return what a level meter says of what was held; 0 while no level is known.
    """
    if aggregation in PEAKS:
        return held.peak_units

    if aggregation is Aggregation.TIME_WEIGHTED:
        return time_weighted(held)

    return held.last_units or 0
