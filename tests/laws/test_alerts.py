"""
Alerts: the table of the field, and what a dismissal silences.
"""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.licensing.alerts import Nearness, rose_since, seat_alert
from meterbook.metering.seats import LevelChange


@pytest.mark.parametrize(
    ("purchased", "quiet", "said"),
    [
        pytest.param(1, None, 0, id="one seat"),
        pytest.param(15, 13, 14, id="15: 1 left"),
        pytest.param(16, 13, 14, id="16: 2 left"),
        pytest.param(25, 22, 23, id="25: 2 left"),
        pytest.param(26, 23, 24, id="26: 10 %"),
        pytest.param(50, 44, 45, id="50: 10 %"),
        pytest.param(99, 89, 90, id="99: 10 %"),
        pytest.param(100, 91, 92, id="100: 8 %"),
        pytest.param(999, 919, 920, id="999: 8 %"),
        pytest.param(1_000, 949, 950, id="1,000: 5 %"),
        pytest.param(20_000, 18_999, 19_000, id="20,000: 5 %"),
    ],
)
def test_few_seats_are_left(purchased: int, quiet: int | None, said: int) -> None:
    """
    The table of the field, each row at its edges.
    """
    if quiet is not None:
        assert seat_alert(purchased=purchased, in_use=quiet) is None
    alert = seat_alert(purchased=purchased, in_use=said)

    assert alert is not None
    assert alert.left == purchased - said


@pytest.mark.parametrize(
    ("in_use", "nearness"),
    [(99, Nearness.NEAR), (100, Nearness.FULL), (101, Nearness.OVER)],
)
def test_near_at_and_above(in_use: int, nearness: Nearness) -> None:
    """
    Near the limit, at it and above it are told apart.
    """
    alert = seat_alert(purchased=100, in_use=in_use)

    assert alert is not None
    assert alert.nearness is nearness


def test_no_limit_is_never_near() -> None:
    """
    Where there is no limit nothing is said.
    """
    assert seat_alert(purchased=None, in_use=10**6) is None


@given(st.integers(1, 2_000), st.integers(0, 2_100))
def test_more_seats_in_use_are_not_quieter(purchased: int, in_use: int) -> None:
    """
    Who is told with some seats in use is told with one more.
    """
    if seat_alert(purchased=purchased, in_use=in_use) is not None:
        assert seat_alert(purchased=purchased, in_use=in_use + 1) is not None


@given(st.integers(1, 2_000), st.integers(0, 2_100))
def test_the_table_in_words(purchased: int, in_use: int) -> None:
    """
    What the page of the field says, as one reads it aloud.
    """
    left = purchased - in_use
    if purchased <= 15:
        few = left <= 1
    elif purchased <= 25:
        few = left <= 2
    elif purchased <= 99:
        few = left / purchased <= 0.10
    elif purchased <= 999:
        few = left / purchased <= 0.08
    else:
        few = left / purchased <= 0.05

    assert (seat_alert(purchased=purchased, in_use=in_use) is not None) is few


LEVELS = st.lists(st.integers(0, 5), min_size=1, max_size=8)


@given(LEVELS, st.integers(-1, 9), st.integers(-1, 9))
def test_a_dismissal_lasts_until_the_level_rises(
    levels: list[int], moment: int, upto: int
) -> None:
    """
    Looked at instant by instant: another seat is used where the level is higher than
    just before.
    """
    changes = [LevelChange(at, units) for at, units in enumerate(levels)]
    before = [0, *levels]
    rises = [at for at, units in enumerate(levels) if units > before[at]]

    expected = any(moment < at <= upto for at in rises)

    assert rose_since(changes, moment, upto=upto) is expected
