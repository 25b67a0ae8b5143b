"""
The laws of timelines.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.timelines import Change, spans, value_at


END = 12
# Few instants, so that changes fall on each other, on the start and beside the end.
changes_inside = st.lists(
    st.builds(Change, st.integers(0, END - 1), st.integers(0, 9)), max_size=8
).map(lambda changes: sorted(changes, key=lambda change: change.at))


def held(changes: list[Change[int]], at: int, carried: int) -> int:
    """
    Return the level at *at*, plainly: the last of all that was said by then.
    """
    return [carried, *(change.value for change in changes if change.at <= at)][-1]


@given(changes=changes_inside, carried=st.integers(0, 9))
@example(changes=[Change(0, 1)], carried=9)
@example(changes=[Change(5, 9), Change(5, 1)], carried=0)
def test_spans_tile_and_hold(changes: list[Change[int]], carried: int) -> None:
    """
    Spans are of the stretch and of nothing else, and each holds what was last said.
    """
    cut = list(spans(changes, start=0, end=END, carried=carried))

    instants = [at for start, end, _ in cut for at in range(start, end)]
    assert instants == list(range(END))
    for start, end, value in cut:
        assert start < end
        assert {held(changes, at, carried) for at in range(start, end)} == {value}


@given(changes=changes_inside, at=st.integers(-1, END))
def test_value_at_is_the_last_said(changes: list[Change[int]], at: int) -> None:
    """
    The value at an instant is the last one said at or before it, or none.
    """
    said = [change.value for change in changes if change.at <= at]

    assert value_at(changes, at) == (said[-1] if said else None)


def test_a_value_never_held_has_no_span() -> None:
    """
    Twenty seats replaced by five at the very start were not held.
    """
    assert list(spans([Change(0, 5)], start=0, end=10, carried=20)) == [(0, 10, 5)]


def test_a_stretch_of_no_length_has_no_spans() -> None:
    """
    Nothing holds for no time.
    """
    assert list(spans([], start=3, end=3, carried=1)) == []
