"""
The field's own tables about terms and marks, restated, with our answers.

They are the test tables of a hosting platform that keeps one row for a subscription: a
stored number of seats in use, a stored maximum, and rules that guess from edited dates
when that maximum is to be reset. Here nothing is stored and nothing is reset: each row
of a table becomes a story of what was told, and our answer is read from it. Where
theirs was a defect (a peak that nobody saw, a mark that was carried over, or lost) the
test says so.

Source:
    GitLab's subscription model and its specs, tables B2.2 to B2.7 of the dossier; their
    numbers are in the ids.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Any

import pytest

from meterbook import Book, Event, errors


if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = dt.datetime(2026, 6, 15, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
YEAR = 365
MAIN = ("acme", "main")
WHO: dict[str, Any] = {"actor": "support", "reason": "the contract says so"}


def on(day: float) -> dt.datetime:
    """
    Return the midnight so many days after today.
    """
    return TODAY + day * DAY


@pytest.fixture
def book() -> Iterator[Book]:
    """
    Give a book in which it is long after everything that happens.
    """
    with Book.create(":memory:", test_clock=on(5 * YEAR)) as book:
        book.define(
            {"seats": {"event_type": "counted", "aggregation": "peak", "value": "n"}}
        )
        book.subscriptions.create(*MAIN, meter="seats", anchor=on(-3 * YEAR))
        yield book


def use(book: Book, day: float, units: int) -> None:
    """
    Tell how many seats are used from a day on.
    """
    told = Event(
        source="app",
        id=f"{day}",
        type="counted",
        time=on(day),
        customer="acme",
        data={"n": units},
    )
    book.record([told])


def add(  # noqa: PLR0913 - as many as a term has
    book: Book,
    key: str,
    start: float,
    end: float | None = None,
    *,
    seats: int | None = 13,
    kind: str = "paid",
) -> None:
    book.terms.add(
        *MAIN,
        key,
        start=on(start),
        end=None if end is None else on(end),
        seats=seats,
        kind=kind,
    )


def marks(book: Book, day: float) -> list[tuple[str, int, int]]:
    """
    Return (term, mark, owed) of each term that has begun on a day.
    """
    found = book.subscriptions.seats(*MAIN, as_of=on(day)).terms
    return [
        (one.term.key, one.high_water, one.owed)
        for one in found
        if one.reading is not None
    ]


# --- owed and remaining: W01-W07 ------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "bought", "used", "owed", "remaining"),
    [
        pytest.param("free", 5, 10, 0, 0, id="W01"),
        pytest.param("trial", 5, 10, 0, 0, id="W02"),
        pytest.param("paid", 5, 10, 5, 0, id="W03"),
        pytest.param("paid", 10, 15, 5, 0, id="W04"),
        pytest.param("paid", 10, 10, 0, 0, id="W05"),
        pytest.param("paid", 10, 5, 0, 5, id="W06"),
        pytest.param("paid", 10, None, 0, 10, id="W07: nothing is known yet"),
    ],
)
def test_owed_and_remaining(  # noqa: PLR0913, PLR0917 - the columns of the table
    book: Book, kind: str, bought: int, used: int | None, owed: int, remaining: int
) -> None:
    """
    Only a paid term owes; before anything is known all that was bought remains.
    """
    add(book, "1", -10, seats=bought, kind=kind)
    if used is not None:
        use(book, -10, used)
    [one] = book.subscriptions.seats(*MAIN, as_of=TODAY).terms

    assert (one.owed, one.remaining) == (owed, remaining)


# --- as seats come and go: X01-X03 ----------------------------------------------------


@pytest.mark.parametrize(
    ("live", "renewals", "expected"),
    [
        pytest.param(1, [], (1, 2, 0), id="X01"),
        pytest.param(4, [], (4, 4, 1), id="X02"),
        pytest.param(1, [-1], (1, 1, 0), id="X03: by a renewal, not by a reset"),
    ],
)
def test_in_use_at_most_and_owed(
    book: Book, live: int, renewals: list[int], expected: tuple[int, int, int]
) -> None:
    """
    Seats 3, at most 2 so far: the level moves the mark at once, and only upwards.
    """
    add(book, "1", -10, seats=3)
    use(book, -10, 2)
    use(book, -1, live)
    for start in renewals:
        add(book, "2", start, seats=3)
    one = book.subscriptions.seats(*MAIN, as_of=TODAY).terms[-1]

    assert (one.in_use, one.high_water, one.owed) == expected


# --- what a term is: B2.5 -------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "state"),
    [
        pytest.param(-1, "ended", id="end yesterday"),
        pytest.param(0, "ended", id="its end is the first moment after it"),
        pytest.param(7, "current", id="end in a week"),
        pytest.param(None, "current", id="no end"),
    ],
)
def test_expired(book: Book, end: float | None, state: str) -> None:
    """
    A term has ended at its end, to the moment and not to the day; an open one never.
    """
    add(book, "1", -10, end)
    [one] = book.subscriptions.show(*MAIN).terms

    assert one.state_at(TODAY).value == state


def test_paid_is_stated() -> None:
    """
    Whether a term is paid never follows from its number of seats: 0 seats are refused.
    """
    with Book.create(":memory:", test_clock=TODAY) as book:
        book.define(
            {"seats": {"event_type": "counted", "aggregation": "peak", "value": "n"}}
        )
        book.subscriptions.create(*MAIN, meter="seats", anchor=on(-10))
        with pytest.raises(errors.InvalidTermError, match="seats is 0"):
            add(book, "1", -10, seats=0)
        add(book, "1", -10, seats=1)
        assert book.subscriptions.show(*MAIN).terms[0].kind.value == "paid"


def test_a_trial_of_no_time_is_refused(book: Book) -> None:
    """
    Trial dates that are equal are no trial; a trial that is extended is corrected.
    """
    with pytest.raises(errors.InvalidTermError, match="start before it ends"):
        add(book, "trial", -10, -10, kind="trial")
    add(book, "trial", -10, -3, kind="trial")
    book.terms.correct(*MAIN, "trial", end=on(4), **WHO)
    [one] = book.subscriptions.show(*MAIN).terms

    assert one.state_at(TODAY).value == "current"


# --- what changes a mark: Z01-Z26 -----------------------------------------------------


@pytest.fixture
def used(book: Book) -> Book:
    """
    Give the field's base row as a story: 13 bought a year ago, until a month from now;
    42 were used a month ago, 20 since, and 1 from today on.
    """
    add(book, "old", -YEAR, 30)
    use(book, -YEAR, 10)
    use(book, -31, 42)
    use(book, -30, 20)
    use(book, 0, 1)
    return book


OLD = ("old", 42, 29)


@pytest.mark.parametrize(
    ("start", "end", "looked", "expected"),
    [
        pytest.param(30 + YEAR, 30 + 2 * YEAR, 800, ("new", 1, 0), id="Z06: a gap"),
        pytest.param(30 - 31, 30 + YEAR, 10, ("new", 20, 7), id="Z08: early, overlaps"),
        pytest.param(YEAR, 2 * YEAR, 400, ("new", 1, 0), id="Z09"),
        pytest.param(0, YEAR, 10, ("new", 1, 0), id="Z15: from today"),
        pytest.param(2 * YEAR, 3 * YEAR, 800, ("new", 1, 0), id="Z23: dates far ahead"),
        pytest.param(0, 2 * YEAR, 10, ("new", 1, 0), id="the manual check"),
    ],
)
def test_a_renewal_begins_anew_and_loses_nothing(
    used: Book, start: float, end: float, looked: float, expected: tuple[str, int, int]
) -> None:
    """
    Whatever the dates of the new term, it has the most of its own time, and the old
    one keeps the mark that it reached. Theirs was overwritten.
    """
    add(used, "new", start, end)

    assert marks(used, looked) == [OLD, expected]


def test_z07_an_open_term_is_renewed(book: Book) -> None:
    """
    A term without an end ends where the new one starts, with its own mark.
    """
    add(book, "old", -YEAR)
    use(book, -31, 42)
    use(book, 0, 1)
    add(book, "new", YEAR)

    assert marks(book, YEAR + 1) == [OLD, ("new", 1, 0)]


def test_z01_nobody_writes_a_mark(used: Book) -> None:
    """
    A mark is lowered by taking back what made it, by name and reason, and no other way.
    """
    used.void(source="app", id="-31", **WHO)
    use(used, -31.5, 32)

    assert marks(used, 10) == [("old", 32, 19)]
    assert [one.void_since is not None for one in used.entries(limit=50)].count(
        True
    ) == 1


def test_z02_free_to_paid(book: Book) -> None:
    """
    The free time owes nothing, and its peak is not the paid term's.
    """
    add(book, "free", -YEAR, seats=None, kind="free")
    use(book, -100, 50)
    use(book, -10, 14)
    add(book, "paid", -5)

    assert marks(book, 10) == [("free", 50, 0), ("paid", 14, 1)]


def test_z03_reading_changes_nothing(used: Book) -> None:
    """
    Looking is no change: there is no stamp to keep, and the worker adds no entry.
    """
    before = len(used.entries(limit=100))
    for _ in range(3):
        marks(used, 10)
        used.work()

    assert len(used.entries(limit=100)) == before


@pytest.mark.parametrize(
    ("units", "expected", "reached"),
    [
        pytest.param(52, 52, 5, id="Z04: a higher one has its own moment"),
        pytest.param(42, 42, -31, id="Z05: the same again keeps the first moment"),
    ],
)
def test_when_a_mark_was_reached(
    used: Book, units: int, expected: int, reached: float
) -> None:
    """
    The moment of a mark is the first at which so many were used.
    """
    use(used, 5, units)
    [one] = used.subscriptions.seats(*MAIN, as_of=on(10)).terms

    assert one.reading is not None
    assert (one.high_water, one.reading.seats.peak_at) == (expected, on(reached))


def test_z10_an_earlier_start_is_a_correction(used: Book) -> None:
    """
    Only the dates change: the mark is in the term as before.
    """
    used.terms.correct(*MAIN, "old", start=on(-YEAR - 1), **WHO)

    assert marks(used, 10) == [OLD]


def test_z11_a_later_start_is_a_correction_too(used: Book) -> None:
    """
    A start that was wrong is no renewal: the term is what it always should have been.
    Theirs kept a mark from before the start.
    """
    used.terms.correct(*MAIN, "old", start=on(0), **WHO)

    assert marks(used, 10) == [("old", 1, 0)]


@pytest.mark.parametrize("day", [0.001, 5, 29.999], ids=["Z12", "Z13", "Z14"])
def test_a_short_peak_is_seen(used: Book, day: float) -> None:
    """
    99 seats for a minute make the mark 99. Theirs looked once in a day, and saw 42.
    """
    use(used, day, 99)
    use(used, day + 1 / 1440, 1)

    assert marks(used, 40) == [("old", 99, 86)]


def test_z16_a_trial_that_is_paid_for(book: Book) -> None:
    """
    The peak of the trial is not asked for when it becomes a paid term.
    """
    add(book, "trial", -30, 30, seats=None, kind="trial")
    use(book, -20, 10)
    use(book, 0, 1)
    add(book, "paid", 0, seats=1)

    assert marks(book, 10) == [("trial", 10, 0), ("paid", 1, 0)]


def test_z17_a_trial_that_is_not(book: Book) -> None:
    """
    After the trial a free plan: nothing is owed by either.
    """
    add(book, "trial", -30, 30, seats=None, kind="trial")
    use(book, -20, 10)
    add(book, "free", 0, seats=None, kind="free")

    assert marks(book, 10) == [("trial", 10, 0), ("free", 10, 0)]


@pytest.mark.parametrize("changed", [-YEAR - 10, -400], ids=["Z18", "Z19"])
def test_a_trial_on_an_expired_term(book: Book, changed: float) -> None:
    """
    The term that has ended keeps its mark; the trial has its own and owes nothing.
    """
    add(book, "old", -2 * YEAR, -YEAR)
    use(book, changed, 42)
    use(book, -YEAR, 5)
    add(book, "trial", -10, 20, seats=None, kind="trial")

    assert marks(book, 10) == [OLD, ("trial", 5, 0)]


@pytest.mark.parametrize(
    ("start", "end", "tried"),
    [
        pytest.param(0, None, 1, id="Z20: it goes on"),
        pytest.param(-5, 3, 20, id="Z21: it goes on while seats change"),
        pytest.param(-20, -10, 20, id="Z22: it is over, and all is as before"),
    ],
)
def test_a_trial_of_a_higher_plan_changes_no_term(
    used: Book, start: float, end: float | None, tried: int
) -> None:
    """
    Whoever pays and tries a higher plan has a subscription of its own for that: it owes
    nothing, and the paid term keeps its mark. Theirs needed a special plan and a rule.
    """
    used.subscriptions.create("acme", "trial", meter="seats", anchor=on(-YEAR))
    used.terms.add(
        "acme",
        "trial",
        "1",
        start=on(start),
        end=None if end is None else on(end),
        kind="trial",
    )
    [trial] = used.subscriptions.seats("acme", "trial", as_of=on(10)).terms

    assert marks(used, 10) == [OLD]
    assert (trial.high_water, trial.owed) == (tried, 0)


def test_z24_an_upgrade_is_a_new_term(used: Book) -> None:
    """
    A higher plan from today: another term, and the old one ends here.
    """
    add(used, "ultimate", 0, 30)

    assert marks(used, 10) == [OLD, ("ultimate", 1, 0)]


def test_z25_nothing_is_destroyed(used: Book) -> None:
    """
    A subscription that is over is ended; every place before still has its answer.
    """
    used.work()
    place = used.status().numbered_place
    used.terms.end(*MAIN, "old", at=on(-40), **WHO)

    assert marks(used, 10) == [("old", 10, 0)]
    found = used.subscriptions.seats(*MAIN, as_of=on(10), place=place)
    assert [(one.high_water, one.owed) for one in found.terms] == [(42, 29)]
    assert used.subscriptions.history(*MAIN)[-1].body["act"] == "ended"


def test_z26_another_number_raises_a_dismissed_alert(book: Book) -> None:
    """
    Whoever dismissed an alert for 10 seats is told again when 11 are bought.
    """
    add(book, "1", -10, seats=10)
    use(book, -10, 10)
    book.subscriptions.dismiss_alert(*MAIN)
    assert book.subscriptions.alerts() == []

    book.subscriptions.buy(*MAIN, seats=11, at=on(5 * YEAR))
    assert [one.alert.left for one in book.subscriptions.alerts()] == [1]


# --- marks that were not reset: B2.7 --------------------------------------------------


@pytest.mark.parametrize(
    ("renewals", "since", "expected"),
    [
        pytest.param(0, None, (10, 8), id="no renewal"),
        pytest.param(1, None, (5, 3), id="one renewal"),
        pytest.param(2, None, (5, 3), id="two renewals"),
        pytest.param(1, 11, (11, 9), id="more were used since"),
        pytest.param(1, 10, (10, 8), id="as many were used since"),
        pytest.param(1, 2, (5, 3), id="fewer since, as many as bought"),
        pytest.param(1, 1, (5, 3), id="fewer since, less than bought"),
    ],
)
def test_no_mark_has_to_be_cleaned_up(
    book: Book, renewals: int, since: int | None, expected: tuple[int, int]
) -> None:
    """
    2 bought, 5 in use, 10 at most before: after a renewal the mark is 5 and 3 are owed,
    where theirs stayed at 10 and billed 8. Each row of their clean-up is right at once.
    """
    add(book, "0", -2 * YEAR, seats=2)
    use(book, -2 * YEAR, 10)
    use(book, -2 * YEAR + 100, 5)
    for renewal in range(renewals):
        add(book, str(renewal + 1), (renewal - 1) * YEAR + 1, seats=2)
    if since is not None:
        use(book, 30, since)
    one = book.subscriptions.seats(*MAIN, as_of=on(60)).current

    assert one is not None
    assert (one.high_water, one.owed) == expected
    first = book.subscriptions.seats(*MAIN, as_of=on(60)).terms[0]
    assert (first.high_water, first.owed) == (10, 8)
