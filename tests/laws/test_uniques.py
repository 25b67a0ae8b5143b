"""
The laws of sightings: whether a key was seen in a stretch of time.
"""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.metering.uniques import Seen, decide, sight, sort_out


# A month of twelve moments, few enough to try every stretch that cuts it.
MONTH = range(12)
moments = st.lists(st.sampled_from(MONTH), min_size=1, max_size=5)
edges = st.integers(MONTH.start - 1, MONTH.stop + 1)


def seen_by(sightings: list[int]) -> Seen:
    seen: Seen | None = None
    for at in sightings:
        seen = sight(seen, at)
    assert seen is not None
    return seen


@given(sightings=moments, start=edges, end=edges)
def test_a_decision_is_never_wrong(sightings: list[int], start: int, end: int) -> None:
    """
    True and False are what looking at every sighting says; None is "look".
    """
    first, last = seen_by(sightings)

    decision = decide(first, last, start=start, end=end)

    truth = any(start <= at < end for at in sightings)
    assert decision in {truth, None} or start >= end


@given(sightings=moments, edge=edges)
def test_a_stretch_past_one_end_of_the_month_is_always_decided(
    sightings: list[int], edge: int
) -> None:
    """
    Entries are looked at only for a stretch that begins and ends inside one month.
    """
    first, last = seen_by(sightings)

    assert decide(first, last, start=edge, end=MONTH.stop + 1) is not None
    assert decide(first, last, start=MONTH.start - 1, end=edge) is not None


@given(sightings=moments)
def test_sightings_do_not_depend_on_order(sightings: list[int]) -> None:
    """
    First and last are the lowest and highest moment, in whatever order they were seen.
    """
    assert seen_by(sightings) == (min(sightings), max(sightings))


@given(
    months=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3), moments), max_size=6
    ),
    start=st.integers(-1, 50),
    length=st.integers(1, 30),
)
def test_keys_are_sorted_into_sure_and_unsure(
    months: list[tuple[str, int, list[int]]], start: int, length: int
) -> None:
    """
    Sure keys were seen, keys in neither set were not, and no key is in both.
    """
    end = start + length
    said: dict[tuple[str, int], list[int]] = {}
    for key, month, moments in months:
        said.setdefault((key, month), []).extend(12 * month + at for at in moments)
    rows = [(key, *seen_by(moments)) for (key, _), moments in said.items()]

    sure, unsure = sort_out(rows, start=start, end=end)

    truth = {
        key
        for (key, _), moments in said.items()
        if any(start <= at < end for at in moments)
    }
    assert sure <= truth <= sure | unsure
    assert not sure & unsure


@pytest.mark.parametrize(
    ("start", "end", "decision"),
    [
        pytest.param(0, 6, True, id="the first lies inside"),
        pytest.param(6, 12, True, id="the last lies inside"),
        pytest.param(5, 6, True, id="at the start: inside"),
        pytest.param(0, 5, False, id="at the end: outside"),
        pytest.param(9, 12, False, id="over before it began"),
        pytest.param(8, 9, True, id="the last, exactly at the start"),
        pytest.param(6, 8, None, id="between the two: look at the entries"),
    ],
)
def test_first_on_the_fifth_last_on_the_eighth(
    start: int, end: int, *, decision: bool | None
) -> None:
    """
    A stretch is half-open, and the two sightings decide unless it lies between them.
    """
    assert decide(5, 8, start=start, end=end) is decision
