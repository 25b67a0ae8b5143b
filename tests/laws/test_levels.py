"""
The laws of a level that is read over a period.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.metering.aggregations import Aggregation
from meterbook.metering.levels import (
    Held,
    Sample,
    first_at,
    fold,
    follows,
    last_units,
    merge,
    read_held,
    read_level,
    time_weighted,
)


# Few moments and few levels, so that ties and returns to a level are common. The
# period is [0, END); microsecond by microsecond is how the oracle looks.
END = 8
units = st.integers(0, 3)
carries = st.none() | units
moments = st.sampled_from([0, 1, END - 1]) | st.integers(0, END - 1)


@st.composite
def timelines(draw: st.DrawFn) -> list[Sample]:
    """
    Draw levels inside the period, in the order they are folded; places are unique.
    """
    said = draw(st.lists(st.tuples(moments, units), max_size=6))
    places = draw(st.permutations(range(1, len(said) + 1)))
    return sorted((at, seq, n) for (at, n), seq in zip(said, places, strict=True))


def held_at(samples: list[Sample], carried: int | None, at: int) -> int | None:
    """
    Look up the level that holds at a moment: the last that was said of it or before.
    """
    said = [level for when, _, level in samples if when <= at]
    return said[-1] if said else carried


def oracle(samples: list[Sample], carried: int | None, as_of: int) -> Held:
    """
    Look at the level in every microsecond: slow, and plainly right.
    """
    elapsed = max(0, min(END, as_of))
    looked = [held_at(samples, carried, at) or 0 for at in range(elapsed)]
    area = sum(looked)
    if as_of < END:
        looked.append(held_at(samples, carried, max(0, as_of)) or 0)
    peak = max(looked)
    last = held_at(samples, carried, max(0, min(END - 1, as_of)))
    return Held(peak, looked.index(peak), last, area, elapsed)


def seen(samples: list[Sample], as_of: int) -> list[Sample]:
    return [sample for sample in samples if sample[0] <= as_of]


@given(samples=timelines(), carried=carries, as_of=st.integers(-2, END + 2))
@example(samples=[(0, 1, 1)], carried=3, as_of=0)
@example(samples=[(0, 1, 1)], carried=3, as_of=END)
@example(samples=[(3, 1, 2), (3, 2, 1)], carried=None, as_of=3)
@example(samples=[(END - 1, 1, 3)], carried=None, as_of=END - 1)
def test_a_reading_is_what_looking_every_microsecond_finds(
    samples: list[Sample], carried: int | None, as_of: int
) -> None:
    """
    Peak, its moment, last level and area agree with looking at every microsecond.
    """
    samples = seen(samples, as_of)

    held = read_level(fold(samples), start=0, end=END, carried=carried, as_of=as_of)

    assert held == oracle(samples, carried, as_of)


@given(samples=timelines(), cuts=st.sets(st.integers(1, END - 1)))
def test_cutting_the_events_changes_nothing(
    samples: list[Sample], cuts: set[int]
) -> None:
    """
    Cut anywhere into buckets and merged in time order, the states are the whole's.
    """
    state = None
    for start, end in pairwise([0, *sorted(cuts), END]):
        state = merge(state, fold([s for s in samples if start <= s[0] < end]))

    assert state == fold(samples)


@given(
    samples=timelines(),
    carried=carries,
    cut=st.integers(1, END - 1),
    late=st.booleans(),
)
def test_cutting_the_period_changes_nothing(
    samples: list[Sample], carried: int | None, cut: int, *, late: bool
) -> None:
    """
    Two halves of a period, with the level carried across, make up the whole.
    """
    as_of = END if late else END - 1
    samples = seen(samples, as_of)
    head = fold([sample for sample in samples if sample[0] < cut])
    tail = fold([sample for sample in samples if sample[0] >= cut])

    whole = read_level(fold(samples), start=0, end=END, carried=carried, as_of=as_of)
    left = read_level(head, start=0, end=cut, carried=carried, as_of=as_of)
    right = read_level(tail, start=cut, end=END, carried=left.last_units, as_of=as_of)

    assert max(left.peak_units, right.peak_units) == whole.peak_units
    first = left if left.peak_units >= right.peak_units else right
    assert first.peak_at == whole.peak_at
    assert right.last_units == whole.last_units
    assert left.area + right.area == whole.area
    assert left.elapsed + right.elapsed == whole.elapsed


@given(a=timelines(), b=timelines(), c=timelines())
def test_merging_is_associative(
    a: list[Sample], b: list[Sample], c: list[Sample]
) -> None:
    """
    Of three stretches it does not matter which two are merged first.
    """
    b = [(at + END, seq, level) for at, seq, level in b]
    c = [(at + 2 * END, seq, level) for at, seq, level in c]
    x, y, z = fold(a), fold(b), fold(c)

    assert merge(merge(x, y), z) == merge(x, merge(y, z)) == fold([*a, *b, *c])


@given(samples=timelines())
def test_the_head_of_a_state_takes_in_every_event(samples: list[Sample]) -> None:
    """
    Count and places take in events whose level never held, too.
    """
    state = fold(samples)

    seqs = [seq for _, seq, _ in samples]
    head = (len(seqs), min(seqs), max(seqs)) if seqs else None
    assert (state[:3] if state else None) == head
    assert last_units(state) == (samples[-1][2] if samples else None)
    assert first_at(state) == (samples[0][0] if samples else None)


def test_what_shares_a_moment_cannot_be_merged() -> None:
    """
    Two states may be merged only if one lies wholly before the other.
    """
    a, b, c = fold([(1, 1, 5), (2, 2, 6)]), fold([(2, 3, 7)]), fold([(3, 4, 8)])
    assert a is not None
    assert b is not None
    assert c is not None

    assert follows(a, c)
    assert not follows(a, b)
    with pytest.raises(AssertionError):
        merge(a, b)


def test_levels_are_folded_in_order() -> None:
    """
    Folding levels out of order is our bug and does not pass in silence.
    """
    with pytest.raises(AssertionError):
        fold([(2, 1, 5), (1, 2, 6)])


@pytest.mark.parametrize(
    ("samples", "carried", "as_of", "peak", "peak_at"),
    [
        pytest.param([(0, 1, 5)], 20, 8, 5, 0, id="carried in and replaced at start"),
        pytest.param([(1, 1, 5)], 20, 8, 20, 0, id="carried in and held a microsecond"),
        pytest.param([(3, 1, 10), (3, 2, 3)], 0, 8, 3, 3, id="10 then 3 at once is 3"),
        pytest.param(
            [(3, 1, 7)], None, 3, 7, 3, id="begins exactly at as-of: it holds"
        ),
        pytest.param([], None, 8, 0, 0, id="nothing is known"),
        pytest.param([], 4, 8, 4, 0, id="a silent period is not a free one"),
        pytest.param([(2, 1, 4)], 4, 8, 4, 0, id="the first moment of the peak"),
        pytest.param([], 4, -5, 4, 0, id="a period that has not begun"),
    ],
)
def test_the_peak(
    samples: list[Sample], carried: int, as_of: int, peak: int, peak_at: int
) -> None:
    """
    The peak is the most that was held for more than no time, and when it first was.
    """
    held = read_level(fold(samples), start=0, end=8, carried=carried, as_of=as_of)

    assert (held.peak_units, held.peak_at) == (peak, peak_at)
    assert read_held(held, Aggregation.PEAK) == peak


@pytest.mark.parametrize(
    ("samples", "carried", "as_of", "average"),
    [
        pytest.param([(2, 1, 6)], 2, 8, Fraction(2 * 2 + 6 * 6, 8), id="two levels"),
        pytest.param([(2, 1, 6)], 2, 4, Fraction(2 * 2 + 6 * 2, 4), id="elapsed part"),
        pytest.param([(0, 1, 6)], 2, 0, Fraction(6), id="nothing elapsed: what holds"),
        pytest.param([(1, 1, 1)], None, 3, Fraction(2, 3), id="unknown counts as 0"),
        pytest.param([], None, 0, Fraction(0), id="nothing known"),
    ],
)
def test_the_time_weighted_average(
    samples: list[Sample], carried: int | None, as_of: int, average: Fraction
) -> None:
    """
    The time-weighted average is exact, and covers the elapsed part.
    """
    held = read_level(fold(samples), start=0, end=8, carried=carried, as_of=as_of)

    assert time_weighted(held) == average
    assert read_held(held, Aggregation.TIME_WEIGHTED) == average


def test_latest_is_what_holds_at_the_end() -> None:
    """
    Latest is the level at the end of the elapsed part; 0 while none is known.
    """
    held = read_level(fold([(2, 1, 6)]), start=0, end=8, carried=2, as_of=8)
    unknown = read_level(None, start=0, end=8, carried=None, as_of=8)

    assert read_held(held, Aggregation.LATEST) == 6
    assert read_held(unknown, Aggregation.LATEST) == 0
    assert unknown.last_units is None
