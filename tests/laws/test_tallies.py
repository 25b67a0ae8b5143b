"""
The laws of tallies: sum, count, average, min, max.
"""

from __future__ import annotations

import statistics

from fractions import Fraction

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.metering.aggregations import Aggregation
from meterbook.metering.tallies import Sample, State, fold, merge, read_tally


units = st.integers(-3, 3) | st.sampled_from([10**30, -(10**30)])
moments = st.integers(-3, 3)
lists = st.lists(st.tuples(moments, st.integers(1, 9), units), max_size=9)
states = lists.map(fold)


@given(samples=lists)
def test_a_tally_is_what_the_standard_library_says_of_the_list(
    samples: list[Sample],
) -> None:
    """
    The five readings are the list's sum, length, mean, lowest and highest value.
    """
    values = [value for _, _, value in samples]
    state = fold(samples)

    assert read_tally(state, Aggregation.SUM) == sum(values)
    assert read_tally(state, Aggregation.COUNT) == len(values)
    assert read_tally(state, Aggregation.MIN) == min(values, default=None)
    assert read_tally(state, Aggregation.MAX) == max(values, default=None)
    mean = statistics.mean(map(Fraction, values)) if values else None
    assert read_tally(state, Aggregation.AVERAGE) == mean


@given(samples=lists)
def test_a_tally_knows_its_first_and_last_place(samples: list[Sample]) -> None:
    """
    The head of a state is how many, and the lowest and highest place.
    """
    state = fold(samples)

    seqs = sorted(seq for _, seq, _ in samples)
    assert (state[:3] if state else None) == (
        (len(seqs), seqs[0], seqs[-1]) if seqs else None
    )


@given(samples=lists, cut=st.integers(0, 9))
def test_cutting_changes_nothing(samples: list[Sample], cut: int) -> None:
    """
    Two parts of the events, merged in either order, are the whole.
    """
    head, tail = fold(samples[:cut]), fold(samples[cut:])

    assert merge(head, tail) == fold(samples)
    assert merge(tail, head) == fold(samples)


@given(a=states, b=states, c=states)
def test_merging_does_not_depend_on_order(
    a: State | None, b: State | None, c: State | None
) -> None:
    """
    Merging is associative and commutative, and nothing changes nothing.
    """
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, b) == merge(b, a)
    assert merge(a, None) == a


@pytest.mark.parametrize(
    ("aggregation", "reading"),
    [
        pytest.param(Aggregation.SUM, 0, id="the sum of nothing is 0"),
        pytest.param(Aggregation.COUNT, 0, id="nothing is 0 events"),
        pytest.param(Aggregation.AVERAGE, None, id="nothing has no average"),
        pytest.param(Aggregation.MIN, None, id="nothing has no lowest value"),
        pytest.param(Aggregation.MAX, None, id="nothing has no highest value"),
    ],
)
def test_what_is_said_of_nothing(aggregation: Aggregation, reading: int | None) -> None:
    """
    Nothing adds up to 0, but has no average, lowest or highest value.
    """
    assert read_tally(None, aggregation) == reading
