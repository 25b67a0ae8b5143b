"""
Correcting a spike: a preview, then the same by an actor and with a reason.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Period, errors
from meterbook.foundation.periods import Calendar, Interval
from meterbook.services.corrections import voiding
from meterbook.services.seats import seat_corrections
from meterbook.services.seats.seat_corrections import Wrong


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.services.seats.seat_corrections import SeatCorrection


METERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "member", "aggregation": "members"},
    "held": {"event_type": "held", "aggregation": "peak", "value": "n"},
}
SPIKE = 30


def day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


NOW = day("2026-04-10")
MONTHS = list(Calendar(day("2026-01-31"), Interval.MONTH).periods(NOW))
MISTAKE = Period(day("2026-02-10T10:00"), day("2026-02-10T10:06"))
WRONG = Wrong(customer="acme", period=MISTAKE)


@pytest.fixture
def book() -> Iterator[Book]:
    """
    Give a book of four members, and of thirty who were there for five minutes.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        book.define(METERS)
        seats = book.seats
        for name in ("ann", "bob", "cid", "dan"):
            seats.join("seats", name, customer="acme", at="2026-02-01")
        for number in range(SPIKE):
            for tell, clock in ((seats.join, "10:00"), (seats.leave, "10:05")):
                at = f"2026-02-10T{clock}:00Z"
                tell("seats", f"x{number}", customer="acme", at=at, source="scim")
        seats.join("seats", "eve", customer="acme", at="2026-02-10T10:02:00Z")
        yield book


def preview(book: Book, wrong: Wrong = WRONG) -> SeatCorrection:
    return book.seats.preview_correction("seats", wrong, periods=MONTHS)


def correct(
    book: Book,
    count: int,
    wrong: Wrong = WRONG,
    *,
    actor: str = "ops",
    reason: str = "mis-sync",
) -> SeatCorrection:
    return book.seats.correct(
        "seats",
        wrong,
        periods=MONTHS,
        expected_count=count,
        actor=actor,
        reason=reason,
    )


def peaks(book: Book, *, place: int | None = None) -> list[int]:
    found = book.seats.periods("seats", "acme", periods=MONTHS, place=place)
    return [month.seats.peak_units for month in found.months]


def test_a_preview_says_what_would_change_and_changes_nothing(book: Book) -> None:
    """
    Each month whose numbers would not stay what they are, before and after.
    """
    wrong = Wrong(customer="acme", period=MISTAKE, source="scim")

    found = preview(book, wrong)

    assert found.matched_count == 2 * SPIKE
    [month] = found.months
    assert (month.before.index, month.before.peak_units) == (0, 4 + SPIKE + 1)
    assert (month.after.peak_units, month.after.end_units) == (5, 5)
    assert peaks(book) == [35, 5, 5]


def test_a_correction_takes_them_out(book: Book) -> None:
    """
    The peak is what it would have been; an answer as of an earlier place stays.
    """
    place = book.status().numbered_place
    wrong = Wrong(customer="acme", period=MISTAKE, source="scim")

    done = correct(book, preview(book, wrong).matched_count, wrong)

    assert (done.voided_count, done.matched_count) == (2 * SPIKE, 2 * SPIKE)
    assert done.months[0].after.peak_units == 5
    assert peaks(book) == [5, 5, 5]
    assert peaks(book, place=place) == [35, 5, 5]
    assert book.verify().problems == []
    assert preview(book, wrong).matched_count == 0
    [void, *_] = book.entries(kind="void", limit=1)
    assert (void.actor, void.data["reason"]) == ("ops", "mis-sync")


def test_without_a_source_all_that_happened_then_is_meant(book: Book) -> None:
    """
    Eve came in those minutes, too: whoever corrects all of it takes her out.
    """
    found = preview(book)

    assert found.matched_count == 2 * SPIKE + 1
    assert [month.before.index for month in found.months] == [0, 1, 2]
    assert found.months[0].after.peak_units == 4


def test_only_of_one_cause(book: Book) -> None:
    """
    What is wrong can be told by its cause.
    """
    at = "2026-02-10T10:03:00Z"
    book.seats.join("seats", "zoe", customer="acme", at=at, cause="a test")
    wrong = Wrong(customer="acme", period=MISTAKE, cause="a test")

    assert preview(book, wrong).matched_count == 1


def test_other_numbers_than_expected_change_nothing(book: Book) -> None:
    """
    If another number matches by then, somebody looks once more.
    """
    with pytest.raises(errors.InvalidQueryError, match="61 changes match, 60 were"):
        correct(book, 60)

    assert peaks(book) == [35, 5, 5]


def test_it_is_said_who_corrects_and_why(book: Book) -> None:
    """
    Without an actor or a reason nothing is changed.
    """
    with pytest.raises(errors.InvalidQueryError, match="actor"):
        correct(book, 61, actor=" ")
    with pytest.raises(errors.InvalidQueryError, match="reason"):
        correct(book, 61, reason="")

    assert peaks(book) == [35, 5, 5]


def test_many_are_voided_in_steps(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In order of their places, and after each step it is told how far it is.
    """
    monkeypatch.setattr(voiding, "VOID_BATCH_ENTRIES", 25)
    monkeypatch.setattr(seat_corrections, "VOID_BATCH_ENTRIES", 25)
    told: list[int] = []

    book.seats.correct(
        "seats",
        WRONG,
        periods=MONTHS,
        actor="ops",
        reason="mis-sync",
        expected_count=61,
        progress=told.append,
    )

    assert told == [25, 50, 61]
    assert peaks(book) == [4, 4, 4]


def test_too_many_are_refused(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What does not fit in memory is corrected in parts.
    """
    monkeypatch.setattr(seat_corrections, "VOID_ENTRIES_MAX", 60)

    with pytest.raises(errors.InvalidQueryError, match="More than 60"):
        preview(book)


def test_a_stated_level_is_corrected_likewise(book: Book) -> None:
    """
    A slip of the hand in a count is taken out, and the level before it holds on.
    """
    for at, units in (("2026-02-01", 7), ("2026-02-10T10:01:00Z", 700)):
        book.seats.level("held", units, customer="acme", at=at)

    found = book.seats.preview_correction("held", WRONG, periods=MONTHS)

    assert found.matched_count == 1
    assert [
        (month.before.peak_units, month.after.peak_units) for month in found.months
    ] == [(700, 7), (700, 7), (700, 7)]


def test_a_correction_that_changes_no_month(book: Book) -> None:
    """
    Nothing matches, or what matches moves no number: no month is shown.
    """
    quiet = Wrong(customer="acme", period=Period(day("2026-03-01"), day("2026-03-02")))

    assert preview(book, quiet).months == ()
    assert correct(book, 0, quiet).voided_count == 0
