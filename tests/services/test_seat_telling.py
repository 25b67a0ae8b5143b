"""
Telling of seats: what has its own time is an event, what happens now is live.
"""

from __future__ import annotations

import datetime as dt

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Conflict, Duplicate, Recorded, Refused, errors
from meterbook.services.seats.live import SeatsChanged


if TYPE_CHECKING:
    from collections.abc import Iterator


METERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "member", "aggregation": "members"},
    "held": {"event_type": "held", "aggregation": "peak", "value": "n", "scale": 1},
    "deep": {"event_type": "deep", "aggregation": "latest", "value": "use.seats"},
    "split": {
        "event_type": "s",
        "aggregation": "peak",
        "value": "n",
        "group_by": ["a"],
    },
}
NOW = dt.datetime(2026, 4, 10, tzinfo=dt.UTC)
AT = "2026-02-10T09:00:00Z"


@pytest.fixture
def book() -> Iterator[Book]:
    with Book.create(":memory:", test_clock=NOW) as book:
        book.define(METERS)
        yield book


def test_what_has_its_own_time_is_an_event(book: Book) -> None:
    """
    Of its source, under its id, with what was said and nothing else.
    """
    said = book.seats.join(
        "seats",
        "ann",
        customer="acme",
        way="scim",
        state="pending",
        at=AT,
        actor="idp",
        cause="hired",
        source="import",
        id="row 7",
    )

    assert isinstance(said, Recorded)
    [entry] = book.entries()
    assert (entry.source, entry.id, entry.type) == ("import", "row 7", "member")
    assert (entry.customer, entry.subject, entry.actor) == ("acme", "ann", "idp")
    assert entry.data == {
        "change": "join",
        "way": "scim",
        "state": "pending",
        "cause": "hired",
        "definition": 1,
    }


def test_what_is_not_said_is_left_out(book: Book) -> None:
    """
    A plain leave says so and no more; of which version of the meter is always there.
    """
    book.define({"seats": {**METERS["seats"], "description": "another version"}})
    book.seats.leave("seats", "ann", customer="acme", at=AT)
    book.seats.baseline("seats", customer="acme", at=AT, definition=7)

    left, baseline = book.entries()
    assert left.data == {"change": "leave", "definition": 2}
    assert left.source == "seats"
    assert baseline.data == {"change": "baseline", "definition": 7}
    assert baseline.subject is None


def test_a_retry_with_its_id_is_a_duplicate(book: Book) -> None:
    """
    The same again is inert, something else under the same id is a conflict.
    """
    first = book.seats.join("seats", "ann", customer="acme", at=AT, id="1")
    again = book.seats.join("seats", "ann", customer="acme", at=AT, id="1")
    other = book.seats.leave("seats", "ann", customer="acme", at=AT, id="1")
    new = book.seats.join("seats", "ann", customer="acme", at=AT)

    assert isinstance(first, Recorded)
    assert isinstance(again, Duplicate)
    assert isinstance(other, Conflict)
    assert isinstance(new, Recorded)


def test_what_happens_now_is_live(book: Book) -> None:
    """
    Without a time of its own it takes the lock of the customer's seats.
    """
    joined = book.seats.join("seats", "ann", customer="acme", actor="bob")
    stated = book.seats.level("held", 25, customer="acme")
    known = book.seats.baseline("seats", customer="acme")
    gone = book.seats.leave("seats", "ann", customer="acme")

    assert isinstance(joined, SeatsChanged)
    assert isinstance(stated, SeatsChanged)
    assert isinstance(known, SeatsChanged)
    assert isinstance(gone, SeatsChanged)
    assert (stated.units, joined.occurred_at) == (25, NOW)
    book.work()
    assert {entry.source for entry in book.entries()} == {"meterbook:seats"}


def test_a_level_stands_where_its_meter_looks(book: Book) -> None:
    """
    In natural units, as deep as the path goes.
    """
    book.seats.level("held", 25, customer="acme", at=AT)
    book.seats.level("deep", 3, customer="acme", at=AT)

    fine, deep = book.entries()
    assert fine.data == {"n": Decimal("2.5"), "definition": 1}
    assert deep.data == {"use": {"seats": 3}, "definition": 1}
    for meter, units in (("held", 25), ("deep", 3)):
        found = book.seats.periods(meter, "acme", anchor="2026-02-01")
        assert found.months[0].seats.peak_units == units


@pytest.mark.parametrize("units", [-1, True, "3", None, 2.0])
def test_a_level_is_a_whole_number(book: Book, units: int) -> None:
    """
    What is below 0, or no whole number, is refused with its field.
    """
    for at in (AT, None):
        with pytest.raises(errors.InvalidQueryError, match="units"):
            book.seats.level("held", units, customer="acme", at=at)


def test_a_meter_is_told_what_it_counts(book: Book) -> None:
    """
    Members are no levels and levels no members; the error says what to do.
    """
    with pytest.raises(errors.InvalidQueryError, match="how many there are, not who"):
        book.seats.join("held", "ann", customer="acme", at=AT)
    with pytest.raises(errors.InvalidQueryError, match="members by name"):
        book.seats.level("seats", 3, customer="acme", at=AT)
    with pytest.raises(errors.InvalidQueryError, match="has groups"):
        book.seats.level("split", 3, customer="acme", at=AT)
    with pytest.raises(errors.UnknownMeterError):
        book.seats.join("seat", "ann", customer="acme", at=AT)


def test_names_are_said(book: Book) -> None:
    """
    A member or a customer that is blank is refused before anything is looked up.
    """
    with pytest.raises(errors.InvalidQueryError, match="member"):
        book.seats.join("seats", " ", customer="acme", at=AT)
    with pytest.raises(errors.InvalidQueryError, match="member"):
        book.seats.leave("seats", "", customer="acme", at=AT)
    with pytest.raises(errors.InvalidQueryError, match="customer"):
        book.seats.join("seats", "ann", customer="", at=AT)


def test_the_future_is_refused_like_any_event(book: Book) -> None:
    """
    The answer names the field.
    """
    said = book.seats.join("seats", "ann", customer="acme", at="2027-01-01")

    assert isinstance(said, Refused)
    assert (said.code, said.field) == ("in_the_future", "time")
