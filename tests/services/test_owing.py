"""
Owing: each term has its own high-water mark, and owes what is above the seats bought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meterbook import Book, errors
from meterbook.metering.seats import Knowledge
from services.agreements import (
    MAIN,
    NOW,
    add,
    count,
    member,
    on,
    rows,
    seats,
    subscribed,
)


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@pytest.fixture
def agreed() -> Iterator[Book]:
    """
    Give a book with a subscription that has no terms yet.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        yield subscribed(book)


# --- marks ----------------------------------------------------------------------------


def test_seats_in_use_at_most_bought_and_owed(agreed: Book) -> None:
    """
    10 are bought; 12 were used, then 9, then 13: 13 are in use, 3 are owed.
    """
    add(agreed, "2026", 0, seats=10)
    count(agreed, [(0, 10), (5, 12), (9, 9), (20, 13)])
    found = agreed.subscriptions.seats(*MAIN)
    [one] = found.terms

    assert (one.in_use, one.high_water, one.purchased, one.owed) == (13, 13, 10, 3)
    assert one.reading is not None
    assert one.reading.seats.peak_at == on(20)
    assert found.current == one
    assert (found.owed, found.provisional, found.behind) == (3, False, False)


def test_a_mark_has_its_moment(agreed: Book) -> None:
    """
    A mark is the first moment at which so many were held; fewer later do not lower it.
    """
    add(agreed, "2026", 0)
    count(agreed, [(0, 10), (5, 12), (9, 9), (12, 12)])
    [one] = agreed.subscriptions.seats(*MAIN).terms

    assert one.reading is not None
    assert (one.reading.seats.peak_at, one.high_water, one.in_use) == (on(5), 12, 12)


def test_a_renewal_keeps_the_old_mark_and_begins_anew(agreed: Book) -> None:
    """
    What was held in the old term is its own; what is carried in counts in the new one.
    """
    add(agreed, "1", 0, 28)
    add(agreed, "2", 28, 59, seats=80)
    count(agreed, [(0, 100), (10, 120), (20, 70), (40, 85)])

    assert seats(agreed) == [("1", 120, 100, 20), ("2", 85, 80, 5)]


def test_seats_replaced_at_the_renewal_are_not_carried_in(agreed: Book) -> None:
    """
    Who downsizes at the moment of renewal does not pay for the old level.
    """
    add(agreed, "1", 0, 28)
    add(agreed, "2", 28, seats=80)
    count(agreed, [(0, 120), (28, 70)])

    assert seats(agreed) == [("1", 120, 100, 20), ("2", 70, 80, 0)]


def test_peaks_before_an_early_renewal_are_not_lost(agreed: Book) -> None:
    """
    A renewal that is stated before it begins changes nothing until then.
    """
    add(agreed, "1", 0, 90)
    count(agreed, [(0, 90), (50, 130), (51, 90), (70, 95)])
    before = seats(agreed)
    add(agreed, "2", 60, seats=80)

    assert before == [("1", 130, 100, 30)]
    assert seats(agreed) == [("1", 130, 100, 30), ("2", 95, 80, 15)]


def test_an_overlap_cuts_the_old_term(agreed: Book) -> None:
    """
    The new term holds from its start; a peak after that is not the old one's.
    """
    add(agreed, "1", 0, 90)
    add(agreed, "2", 30, 60)
    count(agreed, [(0, 50), (40, 110), (41, 60), (70, 200)])
    found = agreed.subscriptions.seats(*MAIN)

    assert rows(found.terms) == [("1", 50, 100, 0), ("2", 110, 100, 10)]
    # Nothing holds after day 60: what is used then is in no term.
    assert found.current is None


def test_corrected_dates_move_the_edges_of_a_mark(agreed: Book) -> None:
    """
    Correcting dates is no renewal: the same term, read over other days.
    """
    add(agreed, "1", 0, 50)
    count(agreed, [(0, 90), (55, 120)])
    before = seats(agreed)
    agreed.terms.correct(*MAIN, "1", end=on(60), actor="ops", reason="a typo")

    assert before == [("1", 90, 100, 0)]
    assert seats(agreed) == [("1", 120, 100, 20)]


def test_bought_seats_lower_what_is_owed(agreed: Book) -> None:
    """
    A purchase in mid-term leaves the mark as it is, and what is owed falls.
    """
    add(agreed, "1", 0)
    count(agreed, [(0, 110)])
    agreed.subscriptions.buy(*MAIN, seats=105, at=on(10))

    assert seats(agreed) == [("1", 110, 105, 5)]
    assert seats(agreed, as_of=on(9)) == [("1", 110, 100, 10)]


@pytest.mark.parametrize(
    ("kind", "bought", "owed"),
    [("paid", 100, 20), ("trial", 100, 0), ("free", 100, 0), ("paid", None, 0)],
)
def test_only_paid_terms_owe(
    agreed: Book, kind: str, bought: int | None, owed: int
) -> None:
    """
    Trials and free plans owe nothing, nor does a paid term without a limit.
    """
    add(agreed, "1", 0, kind=kind, seats=bought)
    count(agreed, [(0, 120)])

    assert seats(agreed) == [("1", 120, bought, owed)]


def test_a_trial_does_not_carry_its_peak_into_the_paid_term(agreed: Book) -> None:
    """
    Usage of the trial stays the trial's.
    """
    add(agreed, "trial", 0, 30, kind="trial", seats=None)
    add(agreed, "paid", 14, seats=10)
    count(agreed, [(0, 50), (13, 8), (20, 11)])

    assert seats(agreed) == [("trial", 50, None, 0), ("paid", 11, 10, 1)]


def test_terms_to_come_and_terms_replaced_have_no_mark(agreed: Book) -> None:
    """
    What has not begun, and what never holds, has used nothing.
    """
    add(agreed, "0", 10)
    add(agreed, "1", 10)
    add(agreed, "2", 500)
    count(agreed, [(0, 120)])
    found = agreed.subscriptions.seats(*MAIN).terms

    assert [(one.state.value, one.reading is None, one.in_use) for one in found] == [
        ("replaced", True, None),
        ("current", False, 120),
        ("upcoming", True, None),
    ]
    assert [one.owed for one in found] == [0, 20, 0]


def test_before_anything_is_known(agreed: Book) -> None:
    """
    A term in which no level was told says that nothing is known, not that it was 0.
    """
    add(agreed, "1", 0)
    [one] = agreed.subscriptions.seats(*MAIN).terms

    assert one.reading is not None
    assert one.reading.seats.knowledge is Knowledge.UNKNOWN
    assert one.owed == 0


def test_late_facts_move_a_mark_and_places_keep_it(agreed: Book) -> None:
    """
    A level that is told late counts in its term; as of the place before, it does not.
    """
    add(agreed, "1", 0, 28)
    add(agreed, "2", 28)
    count(agreed, [(0, 100), (30, 90)])
    agreed.work()
    place = agreed.status().numbered_place
    count(agreed, [(5, 130), (6, 100)], start=10)

    assert seats(agreed)[0] == ("1", 130, 100, 30)
    assert seats(agreed, place=place)[0] == ("1", 100, 100, 0)
    with pytest.raises(errors.UnknownPlaceError):
        seats(agreed, place=10_000)


def test_a_void_takes_a_mark_back(agreed: Book) -> None:
    """
    A level that should not have been told does not count any more.
    """
    add(agreed, "1", 0)
    count(agreed, [(0, 100), (30, 900), (31, 100)])
    assert seats(agreed)[0] == ("1", 900, 100, 800)

    agreed.void(source="app", id="1", actor="ops", reason="a mis-sync")
    assert seats(agreed)[0] == ("1", 100, 100, 0)


def test_months_go_on_through_terms(agreed: Book) -> None:
    """
    The months of a subscription have their peaks, cut where another anchor begins.
    """
    add(agreed, "1", 0, 90)
    add(agreed, "2", 43, anchor=on(43))
    count(agreed, [(0, 10), (30, 15), (43, 5), (50, 7)])
    found = agreed.subscriptions.months(*MAIN).months

    listed = [
        (one.seats.period.start, one.seats.peak_units, one.seats.complete)
        for one in found
    ]
    assert listed == [
        (on(0), 10, True),
        (on(28), 15, True),
        (on(43), 7, True),
        (on(74), 7, True),
        (on(104), 7, False),
    ]


# --- members --------------------------------------------------------------------------


@pytest.fixture
def joined() -> Iterator[Book]:
    """
    Give a book whose subscription counts members by name.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        yield subscribed(book, meter="members")


def test_a_mark_says_who(joined: Book) -> None:
    """
    Who was there at the most, who came in then, and who let them in.
    """
    add(joined, "1", 0, seats=1)
    member(joined, 1, "join", "bob")
    member(joined, 2, "join", "eve", actor="dan", cause="invited")
    member(joined, 3, "leave", "bob")
    [one] = joined.subscriptions.seats(*MAIN, names=True).terms

    assert (one.high_water, one.in_use, one.owed) == (2, 1, 1)
    assert one.reading is not None
    assert one.reading.present == ("bob", "eve")
    [made] = one.reading.made_by
    assert (made.member, made.actor, made.cause) == ("eve", "dan", "invited")


def test_names_are_not_shown_unless_asked_for(joined: Book) -> None:
    """
    A report of seats names nobody.
    """
    add(joined, "1", 0)
    member(joined, 1, "join", "bob")
    [one] = joined.subscriptions.seats(*MAIN).terms

    assert one.reading is not None
    assert one.reading.present is None
    assert one.reading.made_by[0].member == "person-2"


# --- oracle ---------------------------------------------------------------------------

LEVELS = st.lists(
    st.tuples(st.integers(-2, 60), st.integers(0, 12)),
    max_size=8,
    unique_by=lambda x: x[0],
)
TERMS = st.lists(
    st.tuples(st.integers(0, 50), st.none() | st.integers(51, 70), st.integers(1, 9)),
    max_size=4,
)


def mark_at(
    levels: Sequence[tuple[float, int]], start: float, end: float
) -> tuple[int, float] | None:
    """
    Find the most seats of [start, end), and when, looking at each half day.
    """
    best: tuple[int, float] | None = None
    day = start
    while day < min(end, 121):
        told = [level for level in levels if level[0] <= day]
        if told:
            units = max(told)[1]
            if best is None or units > best[0]:
                best = units, day
        day += 0.5
    return best


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LEVELS, TERMS)
@example([(0, 10), (20, 5)], [(0, None, 5), (20, 60, 5)])
def test_a_mark_is_the_most_of_every_instant(
    levels: list[tuple[float, int]],
    terms: list[tuple[int, int | None, int]],
) -> None:
    """
    Looked at instant by instant, each term has the mark and owes what the oracle says.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        subscribed(book)
        count(book, levels)
        for index, (start, end, bought) in enumerate(terms):
            add(book, str(index), start, end, seats=bought)
        found = {one.term.key: one for one in book.subscriptions.seats(*MAIN).terms}

    for index, (start, end, bought) in enumerate(terms):
        later = [
            other
            for number, (other, _, _) in enumerate(terms)
            if (other, number) > (start, index)
        ]
        ends = min([end or 10_000, *later])
        expected = mark_at(levels, start, ends)
        one = found[str(index)]
        assert one.high_water == (0 if expected is None else expected[0])
        assert one.owed == max(0, one.high_water - bought)
        if one.high_water and expected is not None and one.reading is not None:
            assert one.reading.seats.peak_at == on(expected[1])
