"""
The laws of cutting a period into rows and effects.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.instants import DAY, HOUR
from meterbook.services.readings.stretches import (
    DAY_ROWS,
    EFFECTS,
    HOUR_ROWS,
    stretches,
)


LENGTH = {DAY_ROWS: DAY, HOUR_ROWS: HOUR}

# Moments at and beside the boundaries of hours and days, before and after 1970.
moments = st.builds(
    lambda hours, beside: hours * HOUR + beside,
    st.integers(-60, 60),
    st.sampled_from([-1, 0, 1, HOUR // 2]),
)
hours = st.sets(st.integers(-60, 60).map(lambda hour: hour * HOUR), max_size=6)
widests = st.sampled_from([DAY_ROWS, HOUR_ROWS, EFFECTS])


@given(start=moments, end=moments, fresh=hours, widest=widests)
@example(start=0, end=3 * DAY, fresh={DAY}, widest=DAY_ROWS)
@example(start=1, end=2, fresh=set(), widest=DAY_ROWS)
def test_stretches_tile_the_period(
    start: int, end: int, fresh: set[int], widest: int
) -> None:
    """
    The stretches are the period, in order, without gap or overlap.
    """
    at = start
    for _, begins, ends in stretches(start, end, fresh=fresh, widest=widest):
        assert begins == at
        assert ends > begins
        at = ends

    assert at == max(start, end) or start >= end


@given(start=moments, end=moments, fresh=hours, widest=widests)
def test_rows_answer_only_for_whole_stretches(
    start: int, end: int, fresh: set[int], widest: int
) -> None:
    """
    A stretch of rows begins and ends where its rows do, and has no fresh hour in it.
    """
    for rows, begins, ends in stretches(start, end, fresh=fresh, widest=widest):
        if rows == EFFECTS:
            continue

        assert rows <= widest
        assert begins % LENGTH[rows] == 0
        assert ends % LENGTH[rows] == 0
        assert not [hour for hour in fresh if begins <= hour < ends]


@given(start=moments, end=moments)
def test_effects_answer_only_for_the_edges(start: int, end: int) -> None:
    """
    Without fresh hours at most one hour at each end is read from effects.
    """
    raw = [
        ends - begins
        for rows, begins, ends in stretches(start, end, fresh=set(), widest=DAY_ROWS)
        if rows == EFFECTS
    ]

    assert len(raw) <= 2
    assert sum(raw) < 2 * HOUR
