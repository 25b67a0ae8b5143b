"""
Seats by subscription month, as a book answers it: the peak, who made it, what is known.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook import Book, Event, Period, errors
from meterbook.foundation.instants import to_micros
from meterbook.metering.seats import Knowledge
from meterbook.services.seats import seating
from meterbook.services.seats.seat_changes import MADE_BY_MAX


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.services.seats.seating import SeatMonth, SeatReading


MEMBERS = {"seats": {"event_type": "member", "aggregation": "members"}}
LEVELS = {"held": {"event_type": "held", "aggregation": "peak", "value": "n"}}
ANCHOR = "2026-01-31"


def day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.fixture
def book() -> Iterator[Book]:
    """
    Give an empty book in which it is April 10.
    """
    with Book.create(":memory:", test_clock=day("2026-04-10")) as book:
        yield book


@pytest.fixture
def told(book: Book) -> Book:
    """
    A book in which ann and cid come by two ways, ann goes, and five come by mistake.
    """
    book.define(MEMBERS | LEVELS)
    join, leave = book.seats.join, book.seats.leave
    join("seats", "ann", customer="acme", at="2026-02-02", actor="bob", cause="hired")
    join("seats", "ann", customer="acme", at="2026-02-03", way="scim")
    join("seats", "cid", customer="acme", at="2026-02-10", actor="bob")
    join("seats", "dan", customer="acme", at="2026-02-11", state="pending")
    leave("seats", "ann", customer="acme", at="2026-02-12")
    leave("seats", "ann", customer="acme", at="2026-02-20", way="scim")
    for number in range(5):
        join("seats", f"x{number}", customer="acme", at="2026-02-28", actor="sync")
    return book


def months(book: Book, **asked: object) -> list[SeatMonth]:
    return list(read(book, **asked).months)


def read(book: Book, **asked: object) -> SeatReading:
    said: dict[str, object] = {"anchor": ANCHOR, **asked}
    return book.seats.periods("seats", "acme", **said)  # type: ignore[arg-type]  # any of them


def test_every_month_that_has_started(told: Book) -> None:
    """
    Number, range, peak, when it was reached, the level at the end, complete or not.
    """
    assert [
        (
            month.seats.number,
            month.seats.period.start.date().isoformat(),
            month.seats.peak_units,
            month.seats.peak_at.isoformat()[:10],
            month.seats.end_units,
            month.seats.complete,
        )
        for month in months(told)
    ] == [
        (1, "2026-01-31", 2, "2026-02-10", 1, True),
        (2, "2026-02-28", 6, "2026-02-28", 6, True),
        (3, "2026-03-31", 6, "2026-03-31", 6, False),
    ]


def test_a_month_says_what_a_reading_says(told: Book) -> None:
    """
    `read` and `explain` of the same meter have the same numbers.
    """
    for month in months(told):
        seats = month.seats
        asked = {"customer": "acme", "period": seats.period, "as_of": "2026-04-10"}
        reading = told.read("seats", **asked)  # type: ignore[arg-type]  # by name
        page = told.explain("seats", **asked)  # type: ignore[arg-type]  # by name

        assert page.reading == reading
        assert (reading.units, reading.peak_at) == (seats.peak_units, seats.peak_at)
        assert reading.last_units == seats.end_units
        assert reading.carried_units == seats.carried_units
        assert reading.known_since == seats.known_since
        levels = [entry.units for entry in page.entries]
        assert seats.peak_units in levels
        assert levels[-1] == seats.end_units


def test_who_made_the_peak_and_who_was_there(told: Book) -> None:
    """
    Those who came when the peak was reached, by whom and why; and everybody present.
    """
    first, second, third = months(told, names=True, who=True)

    [made] = first.made_by
    assert (made.member, made.change, made.actor) == ("cid", "join", "bob")
    assert (made.units, made.place) == (2, 3)
    assert first.present == ("ann", "cid")
    assert [one.member for one in second.made_by] == [f"x{n}" for n in range(5)]
    assert second.made_by_count == 5
    assert second.present == ("cid", "x0", "x1", "x2", "x3", "x4")
    # Carried in: made before the month began.
    assert third.made_by == second.made_by
    assert third.seats.reached_at == second.seats.peak_at


def test_names_are_said_only_if_asked_for(told: Book) -> None:
    """
    Without names everybody has a pseudonym, also who acted.
    """
    [first, *_] = months(told, who=True)

    assert first.present is not None
    people = {*first.present, first.made_by[0].member, first.made_by[0].actor}
    assert all(str(who).startswith("person-") for who in people)
    assert months(told)[0].present is None


def test_a_month_before_anything_was_told_is_unknown(told: Book) -> None:
    """
    Its 0 is not a true 0; the month in which the first was told of is partly known.
    """
    before, partly, known, _ = months(told, anchor="2025-12-31")

    assert before.seats.knowledge is Knowledge.UNKNOWN
    assert (before.seats.peak_units, before.made_by, before.made_by_count) == (0, (), 0)
    assert partly.seats.knowledge is Knowledge.PARTLY
    assert partly.seats.known_since == day("2026-02-02")
    assert known.seats.knowledge is Knowledge.KNOWN


def test_a_baseline_makes_a_zero_known(book: Book) -> None:
    """
    Told that all members are known from then on, a month without any is a true 0.
    """
    book.define(MEMBERS)
    book.seats.baseline("seats", customer="acme", at="2026-01-31")

    [first, *_] = months(book)

    assert first.seats.knowledge is Knowledge.KNOWN
    assert (first.seats.peak_units, first.seats.reached_at) == (0, day("2026-01-31"))
    assert first.made_by == ()


def test_what_counts_is_in_every_change(told: Book) -> None:
    """
    A month in which another version of what counts came into use says so.
    """
    told.seats.join("seats", "eve", customer="acme", at="2026-03-05", definition=2)

    assert [month.definitions for month in months(told)] == [(1,), (1, 2), (2,)]


def test_a_note_stands_beside_its_month(told: Book) -> None:
    """
    A note changes no number; the same one twice is one, and another one is another.
    """
    before = months(told)
    note = {"at": "2026-02-28T00:00:00Z", "actor": "ops"}
    told.seats.annotate("seats", "acme", text="five by mistake", **note)
    again = told.seats.annotate("seats", "acme", text="five by mistake", **note)
    told.seats.annotate("seats", "acme", text="see ticket 7", **note)

    first, second, _ = months(told, names=True)
    assert type(again).__name__ == "Duplicate"
    assert first.notes == ()
    assert [(one.text, one.actor) for one in second.notes] == [
        ("five by mistake", "ops"),
        ("see ticket 7", "ops"),
    ]
    assert [month.seats for month in months(told)] == [one.seats for one in before]
    assert (
        months(told)[1].notes[0].actor
        == f"person-{told.people.erase('ops', actor='a', reason='b').person_id}"
    )


def test_a_note_says_of_what_and_by_whom(told: Book) -> None:
    """
    A note of nobody, of nothing, or on a meter that counts no seats is refused.
    """
    told.define({"calls": {"event_type": "call", "aggregation": "count"}})
    annotate = told.seats.annotate
    with pytest.raises(errors.InvalidQueryError, match="actor"):
        annotate("seats", "acme", at=ANCHOR, actor=" ", text="x")
    with pytest.raises(errors.InvalidQueryError, match="reason"):
        annotate("seats", "acme", at=ANCHOR, actor="ops", text="")
    with pytest.raises(errors.InvalidQueryError, match="is a count: seats are read"):
        annotate("calls", "acme", at=ANCHOR, actor="ops", text="x")
    with pytest.raises(errors.UnknownMeterError):
        annotate("seat", "acme", at=ANCHOR, actor="ops", text="x")


def test_the_same_place_has_the_same_answer(told: Book) -> None:
    """
    What is told later, also of the past, does not change an answer as of a place.
    """
    told.work()
    place = told.status().numbered_place
    before = read(told, place=place, names=True, who=True)

    told.seats.join("seats", "zoe", customer="acme", at="2026-02-05")
    told.seats.annotate("seats", "acme", at="2026-02-05", actor="ops", text="late")

    assert read(told, place=place, names=True, who=True) == before
    assert months(told)[0].seats.peak_units == 3
    assert before.as_of.place == place
    assert not before.provisional


def test_levels_that_are_stated_have_months_too(book: Book) -> None:
    """
    Who counts without names has the same months; who made the peak is who said so.
    """
    book.define(LEVELS)
    for at, units in (("2026-02-01", 5), ("2026-02-10", 7), ("2026-03-15", 4)):
        book.seats.level("held", units, customer="acme", at=at, actor="cron")

    reading = book.seats.periods("held", "acme", anchor=ANCHOR, names=True, who=True)

    assert [
        (month.seats.peak_units, month.seats.end_units) for month in reading.months
    ] == [(7, 7), (7, 4), (4, 4)]
    [made] = reading.months[0].made_by
    assert (made.change, made.units, made.member, made.actor) == (
        "level",
        7,
        None,
        "cron",
    )
    assert {month.present for month in reading.months} == {None}


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"aggregation": "count"}, "is a count"),
        ({"aggregation": "sum", "value": "n"}, "is a sum"),
        ({"aggregation": "peak", "value": "n", "group_by": ["a"]}, "has groups"),
        (
            {
                "aggregation": "percentile",
                "value": "n",
                "hourly": "peak",
                "percentile": "99",
                "drop_hours": 1,
            },
            "is a percentile",
        ),
    ],
)
def test_other_meters_have_no_seats(
    book: Book, stated: dict[str, object], fault: str
) -> None:
    """
    Seats are read of members or of levels, and the error says so.
    """
    book.define({"other": {"event_type": "e", **stated}})

    with pytest.raises(errors.InvalidQueryError, match=fault):
        book.seats.periods("other", "acme", anchor=ANCHOR)
    with pytest.raises(errors.UnknownMeterError):
        book.seats.periods("seats", "acme", anchor=ANCHOR)


def test_somebody_never_heard_of_has_unknown_months(told: Book) -> None:
    """
    A customer without any change has months, and nothing is known of them.
    """
    reading = told.seats.periods("seats", "nobody", anchor=ANCHOR, as_of="2026-03-01")

    assert [month.seats.knowledge for month in reading.months] == [
        Knowledge.UNKNOWN,
        Knowledge.UNKNOWN,
    ]


def test_of_very_many_the_first_are_listed(book: Book) -> None:
    """
    A spike of hundreds is a number and a list of the first of them.
    """
    book.define(MEMBERS)
    book.record(
        [
            Event(
                source="scim",
                id=str(number),
                type="member",
                time=day("2026-02-10"),
                customer="acme",
                subject=f"m{number}",
                data={"change": "join"},
            )
            for number in range(MADE_BY_MAX + 20)
        ]
    )

    [first, *_] = months(book)

    assert first.made_by_count == MADE_BY_MAX + 20
    assert len(first.made_by) == MADE_BY_MAX


def test_periods_of_ones_own(told: Book) -> None:
    """
    Terms and other stretches are read like months, in any order, overlapping or not.
    """
    february = Period(day("2026-02-01"), day("2026-03-01"))
    ten_days = Period(day("2026-02-11"), day("2026-02-21"))
    reading = told.seats.periods(
        "seats", "acme", periods=[(7, ten_days), (3, february)], as_of="2026-04-10"
    )

    assert [(m.seats.index, m.seats.peak_units) for m in reading.months] == [
        (7, 2),
        (3, 6),
    ]


def test_the_changes_of_a_level_alone(told: Book) -> None:
    """
    Whoever folds on gets the moments from which another level holds.
    """
    with told._store.reading() as reader:
        changes = seating.level_changes(
            reader, meter_key="seats", customer="acme", moment=day("2026-04-10")
        )

    assert changes == [
        (to_micros(day("2026-02-02")), 1),
        (to_micros(day("2026-02-10")), 2),
        (to_micros(day("2026-02-20")), 1),
        (to_micros(day("2026-02-28")), 6),
    ]


instants = st.integers(0, 9)
counts = st.lists(st.tuples(instants, st.integers(0, 3)), max_size=6)


@settings(max_examples=25, deadline=None)
@given(said=counts)
def test_counted_or_by_name_the_months_are_the_same(
    said: list[tuple[int, int]],
) -> None:
    """
    A history of counts, told as members who come and go, has the same months.
    """
    levels = dict(sorted(said))
    with Book.create(":memory:", test_clock=day("2026-06-01")) as book:
        book.define(MEMBERS | LEVELS)
        inside: list[str] = []
        for step, units in levels.items():
            at = day("2026-01-31") + step * dt.timedelta(days=9)
            book.seats.level("held", units, customer="acme", at=at)
            book.seats.baseline("seats", customer="acme", at=at)
            for name in inside[units:]:
                book.seats.leave("seats", name, customer="acme", at=at)
            for number in range(len(inside), units):
                book.seats.join("seats", f"m{number}", customer="acme", at=at)
            inside = [f"m{number}" for number in range(units)]

        counted = book.seats.periods("held", "acme", anchor=ANCHOR)
        named = book.seats.periods("seats", "acme", anchor=ANCHOR)

    assert [m.seats for m in counted.months] == [m.seats for m in named.months]
