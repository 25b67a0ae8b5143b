"""
Attributing: whose a subject is, since when, and what that settles.
"""

from __future__ import annotations

import datetime as dt

from typing import Any

import pytest

from meterbook import Book, Conflict, Duplicate, Event, Recorded, errors


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
TOKENS = {"event_type": "llm.request", "aggregation": "sum", "value": "tokens"}


def event(id_: str, *, time: dt.datetime = NOON, subject: str = "ann") -> Event:
    return Event(
        source="api",
        id=id_,
        type="llm.request",
        time=time,
        subject=subject,
        data={"tokens": 1},
    )


def units(book: Book, customer: str, *, place: int | None = None) -> object:
    reading = book.read(
        "tokens", customer=customer, start="2026-01-01", end="2027-01-01", place=place
    )
    return reading.units


@pytest.fixture
def metered(book: Book) -> Book:
    book.define({"tokens": TOKENS})
    return book


def test_usage_goes_to_whom_the_subject_belonged(metered: Book) -> None:
    """
    An event without a customer is paid by the owner of its subject when it happened.
    """
    metered.attribute("ann", "acme", effective_at=NOON)
    metered.attribute("ann", "globex", effective_at=NOON + 2 * HOUR)
    metered.move_clock(NOON + 9 * HOUR)

    metered.record([event(str(hour), time=NOON + hour * HOUR) for hour in range(5)])

    assert (units(metered, "acme"), units(metered, "globex")) == (2, 3)


def test_what_nobody_paid_is_settled_later(metered: Book) -> None:
    """
    Earlier usage of nobody's is assigned by an attribution, and never moved again.
    """
    metered.record([event("1")])
    metered.work()
    before = metered.status().numbered_place
    metered.attribute("ann", "acme", effective_at=NOON - HOUR)
    metered.attribute("ann", "globex", effective_at=NOON - HOUR)

    assert (units(metered, "acme"), units(metered, "globex")) == (1, 0)
    assert units(metered, "acme", place=before) == 0
    metered.record([event("2")])
    assert (units(metered, "acme"), units(metered, "globex")) == (1, 1)


def test_usage_of_nobody_is_listed(metered: Book) -> None:
    """
    Unattributed events are listed oldest first, until somebody pays or they are void.
    """
    year = dt.timedelta(days=365)
    metered.record([event("new"), event("old", time=NOON - 3 * year, subject="bob")])
    metered.record([event("void", subject="bob"), event("theirs", subject="eve")])
    metered.void(source="api", id="void", actor="ops", reason="a test run")
    metered.attribute("eve", "acme", effective_at=NOON)

    assert [entry.id for entry in metered.unattributed()] == ["old", "new"]
    assert [entry.id for entry in metered.unattributed(limit=1)] == ["old"]
    metered.attribute("bob", "acme", effective_at=NOON - 4 * year)
    assert [entry.id for entry in metered.unattributed()] == ["new"]


def test_the_timeline_of_a_subject_is_listed(metered: Book) -> None:
    """
    Every attribution is shown in the order it was said, with who said it and why.
    """
    metered.attribute(
        "ann", "acme", effective_at=NOON, actor="sales", reason="signed up"
    )
    metered.attribute("ann", None, effective_at=NOON + HOUR)

    first, second = metered.attributions("ann")

    assert (first.customer, first.actor, first.reason) == ("acme", "sales", "signed up")
    assert first.effective_at == NOON
    assert (second.customer, second.actor, second.reason) == (None, None, None)
    assert [entry.kind for entry in metered.entries()] == ["attribution"] * 2
    assert metered.entries()[0].subject == "ann"


def test_a_subject_that_nobody_heard_of_has_no_timeline(book: Book) -> None:
    """
    Asking for an unknown subject is an error; one without attributions has none.
    """
    with pytest.raises(errors.UnknownSubjectError):
        book.attributions("ann")

    book.record([event("1")])
    assert book.attributions("ann") == []


def test_a_retried_attribution_is_a_duplicate(metered: Book) -> None:
    """
    With an id of the caller's, saying it again is inert and another is a conflict.
    """
    first = metered.attribute("ann", "acme", effective_at=NOON, id="crm-7")
    assert isinstance(first, Recorded)

    again = metered.attribute("ann", "acme", effective_at=NOON, id="crm-7")
    other = metered.attribute("ann", "globex", effective_at=NOON, id="crm-7")

    assert again == Duplicate(first.entry_id)
    assert other == Conflict(first.entry_id)
    assert len(metered.attributions("ann")) == 1


def test_an_attribution_without_an_id_gets_one(metered: Book) -> None:
    """
    Each is an entry of its own, whose id is ordered by the book's clock.
    """
    metered.attribute("ann", "acme", effective_at=NOON)
    metered.move_clock(NOON + HOUR)
    metered.attribute("ann", "acme", effective_at=NOON)

    first, second = [entry.id for entry in metered.entries()]
    assert first < second
    assert first[14] == second[14] == "7"


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        pytest.param({"subject": ""}, "subject", id="no subject"),
        pytest.param({"customer": " "}, "customer", id="blank customer"),
        pytest.param({"customer": "\0"}, "customer", id="NUL"),
        pytest.param({"actor": "x" * 256}, "actor", id="long actor"),
        pytest.param({"reason": ""}, "reason", id="empty reason"),
        pytest.param({"id": ""}, "id", id="empty id"),
    ],
)
def test_what_is_stated_must_be_text(
    book: Book, stated: dict[str, str], field: str
) -> None:
    """
    Blank, over-long and impossible text is refused, naming the field.
    """
    said: dict[str, Any] = {"subject": "ann", "customer": "acme", **stated}
    with pytest.raises(errors.InvalidQueryError, match=field):
        book.attribute(effective_at=NOON, **said)

    assert book.entries() == []


def test_an_attribution_needs_a_zone(book: Book) -> None:
    """
    A naive moment is refused.
    """
    with pytest.raises(errors.InvalidInstantError):
        book.attribute("ann", "acme", effective_at=NOON.replace(tzinfo=None))


def test_the_moment_of_an_attribution_can_be_text(book: Book) -> None:
    """
    It is said as in a reading: an instant, or a day that begins in UTC.
    """
    book.attribute("ann", "acme", effective_at="2026-03-01T09:30:00+01:00")
    book.attribute("ann", "globex", effective_at="2026-03-02")

    assert [one.effective_at for one in book.attributions("ann")] == [
        dt.datetime(2026, 3, 1, 8, 30, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 2, tzinfo=dt.UTC),
    ]
    with pytest.raises(errors.InvalidInstantError):
        book.attribute("ann", "acme", effective_at="yesterday")
