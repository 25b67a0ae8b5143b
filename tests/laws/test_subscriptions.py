"""
Subscriptions: terms one after another, each with its own seats, and their months.
"""

from __future__ import annotations

import datetime as dt
import itertools

from dataclasses import replace

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.catalog.subscriptions import (
    Fact,
    Subscription,
    SubscriptionFact,
    subscription_of,
)
from meterbook.catalog.terms import (
    MICROSECOND,
    DatesFact,
    Purchase,
    SeatsFact,
    TermFact,
    TermKind,
    TermState,
)
from meterbook.foundation.errors import (
    InvalidTermError,
    UnknownTermError,
)
from meterbook.foundation.periods import Calendar, Interval


DAY = dt.timedelta(days=1)
ANCHOR = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
UNTIL = ANCHOR + 200 * DAY
CALENDAR = Calendar(ANCHOR, Interval.MONTH)
MAIN = SubscriptionFact(
    customer="acme", key="main", meter_key="seats", calendar=CALENDAR
)


def on(day: int) -> dt.datetime:
    """
    Return the midnight so many days after the anchor.
    """
    return ANCHOR + day * DAY


def term(
    key: str,
    start: int,
    end: int | None = None,
    *,
    seats: int | None = 100,
    anchor: int | None = None,
) -> TermFact:
    return TermFact(
        key=key,
        start=on(start),
        end=None if end is None else on(end),
        seats=seats,
        kind=TermKind.PAID,
        anchor=None if anchor is None else on(anchor),
    )


def dates(key: str, start: int, end: int | None) -> DatesFact:
    return DatesFact(term=key, start=on(start), end=None if end is None else on(end))


def seats(key: str, at: int, number: int | None) -> SeatsFact:
    return SeatsFact(term=key, at=on(at), seats=number)


def folded(*facts: Fact) -> Subscription:
    return subscription_of(MAIN, facts)


def holds(subscription: Subscription) -> list[tuple[str, int, int | None]]:
    """
    Return each term with the days on which it starts and ends.
    """
    return [
        (
            one.key,
            (one.start - ANCHOR) // DAY,
            None if one.end is None else (one.end - ANCHOR) // DAY,
        )
        for one in subscription.terms
    ]


def month_days(subscription: Subscription) -> list[tuple[int, int]]:
    return [
        ((period.start - ANCHOR) // DAY, (period.end - ANCHOR) // DAY)
        for _, period in subscription.months(UNTIL)
    ]


# --- renewals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            [term("1", 0, 28), term("2", 28, 59, seats=80)],
            [("1", 0, 28), ("2", 28, 59)],
            id="with fewer seats",
        ),
        pytest.param(
            [term("1", 0, 59), term("2", 28, 90)],
            [("1", 0, 28), ("2", 28, 90)],
            id="early: the new one holds from its start",
        ),
        pytest.param(
            [term("1", 0, 90), term("2", 28, 40)],
            [("1", 0, 28), ("2", 28, 40)],
            id="inside: the old one does not come back",
        ),
        pytest.param(
            [term("1", 0, 28), term("2", 40, 59)],
            [("1", 0, 28), ("2", 40, 59)],
            id="after a gap",
        ),
        pytest.param(
            [term("1", 0), term("2", 28)],
            [("1", 0, 28), ("2", 28, None)],
            id="without an end",
        ),
        pytest.param(
            [term("1", 0, 28), term("2", 0, 59)],
            [("1", 0, 0), ("2", 0, 59)],
            id="together: the one stated last",
        ),
        pytest.param(
            [term("1", 0, 28), term("2", 28, 59), dates("1", 0, 40)],
            [("1", 0, 28), ("2", 28, 59)],
            id="a corrected end does not reach into the next",
        ),
        pytest.param(
            [term("1", 0, 28), term("2", 28, 59), dates("2", 35, 59)],
            [("1", 0, 28), ("2", 35, 59)],
            id="a corrected start leaves a gap, where nothing was agreed",
        ),
        pytest.param(
            [term("1", 0), dates("1", 5, 28), dates("1", 5, 30)],
            [("1", 5, 30)],
            id="corrected twice",
        ),
        pytest.param([seats("1", 0, 5), dates("1", 0, 9)], [], id="of no term"),
    ],
)
def test_a_renewal_is_a_new_term(
    facts: list[Fact], expected: list[tuple[str, int, int | None]]
) -> None:
    """
    It holds from its own start, and the one before ends there.
    """
    assert holds(folded(*facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            [term("1", 0, 59), term("2", 59)],
            [
                (0, 28),
                (28, 59),
                (59, 89),
                (89, 120),
                (120, 150),
                (150, 181),
                (181, 212),
            ],
            id="months go on through a renewal",
        ),
        pytest.param(
            [term("1", 0, 40), term("2", 40, 89)],
            [(0, 28), (28, 59), (59, 89)],
            id="also in the middle of a month",
        ),
        pytest.param(
            [term("1", 0), term("2", 43, 90, anchor=43)],
            [(0, 28), (28, 43), (43, 74), (74, 90)],
            id="another anchor cuts the month, and its end cuts the last",
        ),
        pytest.param(
            [term("1", 0), term("2", 43, 90, anchor=43), term("3", 90, 120)],
            [(0, 28), (28, 43), (43, 74), (74, 104), (104, 120)],
            id="the anchor stays until another is stated",
        ),
        pytest.param(
            [term("1", 0, 40), term("2", 70, 100)],
            [(0, 28), (28, 40), (70, 89), (89, 100)],
            id="a gap has no months",
        ),
        pytest.param(
            [term("1", 0, 59, anchor=0), term("2", 20, anchor=20), term("3", 20, 50)],
            [(0, 28), (28, 50)],
            id="a term that never holds moves no anchor",
        ),
        pytest.param([], [], id="no term, no month"),
    ],
)
def test_months_are_counted_from_the_anchor(
    facts: list[Fact], expected: list[tuple[int, int]]
) -> None:
    """
    They go on through renewals; another anchor or a gap ends the last one where it is.
    """
    assert month_days(folded(*facts)) == expected


def test_nothing_is_counted_before_the_anchor() -> None:
    """
    Where dates were corrected to before the anchor, months begin at the anchor.
    """
    found = folded(term("1", 0, 40), dates("1", -50, 40))

    assert holds(found) == [("1", -50, 40)]
    assert month_days(found) == [(0, 28), (28, 40)]


# --- seats ----------------------------------------------------------------------------


def test_bought_seats_are_a_timeline() -> None:
    """
    So many from the start, another number from a moment on; of two the last stated.
    """
    found = folded(
        term("1", 0, 90, seats=100),
        seats("1", 50, 130),
        seats("1", 20, 110),
        seats("1", 50, 120),
        term("2", 90, 99, seats=None),
        seats("2", 95, 7),
    )
    first, second = found.terms

    assert first.purchases == (
        Purchase(on(0), 100),
        Purchase(on(20), 110),
        Purchase(on(50), 120),
    )
    moments = [-5, 0, 19, 20, 49, 50, 89, 90, 200]
    assert [first.purchased_at(on(day)) for day in moments] == [
        *(100, 100, 100),
        *(110, 110),
        *(120, 120, 120, 120),
    ]
    assert [second.purchased_at(on(day)) for day in (90, 95)] == [None, 7]


def test_what_was_bought_before_a_corrected_start_is_bought_from_there() -> None:
    """
    A purchase is not lost when the dates of its term turn out to be others.
    """
    found = folded(
        term("1", 0, 90), seats("1", 5, 110), seats("1", 8, 120), dates("1", 30, 90)
    )

    assert found.terms[0].purchases == (Purchase(on(30), 120),)


def test_what_is_bought_after_the_cut_is_not_bought_in_time() -> None:
    """
    A purchase dated after the next term has started counts for neither.
    """
    found = folded(term("1", 0, 90), seats("1", 60, 200), term("2", 50, 120, seats=80))

    assert [one.purchased_at(on(100)) for one in found.terms] == [100, 80]


# --- states ---------------------------------------------------------------------------


def test_states_of_a_term() -> None:
    """
    Upcoming, current from its first moment, ended at its end; replaced if never held.
    """
    found = folded(term("0", 10, 30), term("1", 10, 20), term("2", 30))
    replaced, ended, current = found.terms

    assert replaced.state_at(on(15)) is TermState.REPLACED
    assert [ended.state_at(on(day)) for day in (9, 10, 19, 20)] == [
        TermState.UPCOMING,
        TermState.CURRENT,
        TermState.CURRENT,
        TermState.ENDED,
    ]
    assert current.state_at(on(10_000)) is TermState.CURRENT
    assert found.term_at(on(25)) is None
    assert found.term_at(on(12)) == ended


def test_an_unknown_term_is_named() -> None:
    """
    Who asks for a term that is not there is told which are.
    """
    with pytest.raises(UnknownTermError, match="has no term '3'; it has: 1, 2"):
        folded(term("1", 0), term("2", 9)).term("3")


# --- bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end"),
    [pytest.param(9, 9, id="no time"), pytest.param(9, 8, id="before")],
)
def test_an_end_before_its_start_is_refused(start: int, end: int) -> None:
    """
    A term that ends when it starts, or before, is refused, and so is a correction.
    """
    with pytest.raises(InvalidTermError, match="start before it ends"):
        term("1", start, end)
    with pytest.raises(InvalidTermError, match="start before it ends"):
        dates("1", start, end)


@pytest.mark.parametrize("number", [-1, 0, 1.5, "5", True, 10**31])
def test_seats_are_whole_and_positive(number: object) -> None:
    """
    Negative, fractional and other odd numbers of seats are refused by name.
    """
    with pytest.raises(InvalidTermError, match="seats is"):
        replace(term("1", 0), seats=number)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(InvalidTermError, match="seats is"):
        SeatsFact(term="1", at=on(0), seats=number)  # type: ignore[arg-type]  # likewise


def test_an_anchor_after_the_start_is_refused() -> None:
    """
    Months of a term are counted from its start or from before.
    """
    with pytest.raises(InvalidTermError, match="anchor is after start"):
        term("1", 5, anchor=6)


# --- laws -----------------------------------------------------------------------------

DAYS = st.integers(0, 24)
TERM_FACTS = st.builds(
    term,
    key=st.sampled_from("abcde"),
    start=DAYS,
    end=st.none() | st.integers(25, 60),
    seats=st.none() | st.integers(1, 9),
    anchor=st.just(0) | st.none(),
)
FACTS = st.lists(
    TERM_FACTS
    | st.builds(dates, st.sampled_from("abcde"), DAYS, st.none() | st.integers(25, 60))
    | st.builds(seats, st.sampled_from("abcde"), st.integers(0, 60), st.integers(1, 9)),
    max_size=10,
)


def stated_once(facts: list[Fact]) -> list[Fact]:
    """
    Return *facts* without a term that has the key of an earlier one, as in a book.
    """
    keys: set[str] = set()
    kept: list[Fact] = []
    for fact in facts:
        if isinstance(fact, TermFact):
            if fact.key in keys:
                continue
            keys.add(fact.key)
        kept.append(fact)
    return kept


def holder_of(facts: list[Fact], moment: dt.datetime) -> tuple[str, int | None] | None:
    """
    Find who holds at *moment*, and how many seats are bought, by looking at each fact.
    """
    best: tuple[dt.datetime, int, TermFact] | None = None
    until: dt.datetime | None = None
    for number, fact in enumerate(facts):
        if not isinstance(fact, TermFact):
            continue
        start, end = fact.start, fact.end
        for other in facts:
            if isinstance(other, DatesFact) and other.term == fact.key:
                start, end = other.start, other.end
        if start <= moment and (best is None or (start, number) >= best[:2]):
            best, until = (start, number, fact), end
    if best is None or (until is not None and until <= moment):
        return None

    held, bought = best[2], best[2].seats
    latest: tuple[dt.datetime, int] | None = None
    for number, fact in enumerate(facts):
        if not isinstance(fact, SeatsFact) or fact.term != held.key:
            continue
        if fact.at <= moment and (latest is None or (fact.at, number) >= latest):
            latest, bought = (fact.at, number), fact.seats
    return held.key, bought


@given(FACTS)
@example([term("a", 0, 30), term("b", 5, 10), term("c", 0)])
def test_who_holds_is_found_at_each_moment(drawn: list[Fact]) -> None:
    """
    At each moment at most one term holds: the oracle's, with the oracle's seats.
    """
    facts = stated_once(drawn)
    found = folded(*facts)

    for day in range(-1, 62):
        for moment in (on(day) - MICROSECOND, on(day)):
            held = found.term_at(moment)
            told = None if held is None else (held.key, held.purchased_at(moment))
            assert told == holder_of(facts, moment)


@given(FACTS)
def test_terms_and_months_tile(drawn: list[Fact]) -> None:
    """
    Terms do not overlap; months are in terms only, and leave nothing of them out.
    """
    found = folded(*stated_once(drawn))
    held = [one for one in found.terms if one.is_held]
    listed = list(found.months(UNTIL))

    for one, after in itertools.pairwise(held):
        assert one.end is not None
        assert one.end <= after.start
    for (index, period), (next_index, following) in itertools.pairwise(listed):
        assert next_index == index + 1
        assert period.end <= following.start
    for day in range(62):
        in_months = [period for _, period in listed if on(day) in period]
        assert len(in_months) == (0 if found.term_at(on(day)) is None else 1)


@st.composite
def told_twice(draw: st.DrawFn) -> tuple[list[Fact], list[Fact]]:
    """
    Draw facts about starts and moments that all differ, in two orders.
    """
    days = draw(st.lists(DAYS, min_size=2, max_size=10, unique=True))
    half = (len(days) + 1) // 2
    ends = st.none() | st.integers(25, 60)
    keys = "abcde"[:half]
    facts: list[Fact] = [
        term(key, start, draw(ends)) for key, start in zip(keys, days, strict=False)
    ]
    facts += [
        dates(key, start, draw(ends))
        for key, start in zip(keys, days[half:], strict=False)
    ]
    bought = st.tuples(st.sampled_from(keys), st.integers(0, 60))
    facts += [
        seats(key, at, draw(st.integers(1, 9)))
        for key, at in draw(st.lists(bought, max_size=5, unique=True))
    ]
    return facts, list(draw(st.permutations(facts)))


@given(told_twice())
def test_the_order_of_arrival_does_not_matter(
    told: tuple[list[Fact], list[Fact]],
) -> None:
    """
    Facts that do not speak of the same moment fold alike, whatever was told first.
    """
    facts, shuffled = told

    assert folded(*shuffled) == folded(*facts)


@given(FACTS, st.sampled_from("abcde"), st.integers(0, 60), st.integers(10, 12))
def test_seats_of_one_term_are_no_other_terms(
    drawn: list[Fact], key: str, at: int, number: int
) -> None:
    """
    What is bought in a term changes nothing in any other.
    """
    facts = stated_once(drawn)
    before, after = folded(*facts), folded(*facts, seats(key, at, number))

    for one, other in zip(before.terms, after.terms, strict=True):
        assert one.key == key or one == other
