"""
Who is in at a moment, and the changes one by one.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Period, errors
from meterbook.services.readings import walking
from meterbook.services.seats import seat_presence


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.services.seats.seat_changes import SeatChange


MEMBERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "member", "aggregation": "members"},
    "held": {"event_type": "held", "aggregation": "latest", "value": "n", "scale": 1},
}


def day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


FEBRUARY = Period(day("2026-02-01"), day("2026-03-01"))


@pytest.fixture
def book() -> Iterator[Book]:
    """
    Give a book, on April 10, of ann by two ways, bob suspended, and cid who left.
    """
    with Book.create(":memory:", test_clock=day("2026-04-10")) as book:
        book.define(MEMBERS)
        join, leave = book.seats.join, book.seats.leave
        join("seats", "ann", customer="acme", at="2026-02-02", way="scim", actor="idp")
        join("seats", "ann", customer="acme", at="2026-02-05", cause="hired")
        join("seats", "bob", customer="acme", at="2026-02-06")
        join("seats", "cid", customer="acme", at="2026-02-07")
        join("seats", "bob", customer="acme", at="2026-02-08", state="suspended")
        leave("seats", "cid", customer="acme", at="2026-02-20", actor="ann")
        yield book


def test_who_is_in(book: Book) -> None:
    """
    Everybody who counts, with each way: its state, since when, by whom and why.
    """
    found = book.seats.present("seats", "acme", at="2026-02-07", names=True)

    assert found.units == 3
    assert [one.member for one in found.members] == ["ann", "bob", "cid"]
    ann = found.members[0]
    assert ann.since == day("2026-02-02")
    assert [(way.way, way.since, way.actor, way.cause) for way in ann.ways] == [
        ("", day("2026-02-05"), None, "hired"),
        ("scim", day("2026-02-02"), "idp", None),
    ]
    assert found.as_of.moment == day("2026-02-07")


def test_who_is_in_and_does_not_count(book: Book) -> None:
    """
    The suspended and the pending are listed if everybody is asked for, and not counted.
    """
    counted = book.seats.present("seats", "acme", names=True)
    everybody = book.seats.present("seats", "acme", names=True, everybody=True)

    assert [one.member for one in counted.members] == ["ann"]
    assert [(one.member, one.since) for one in everybody.members] == [
        ("ann", day("2026-02-02")),
        ("bob", None),
    ]
    assert counted.units == everybody.units == 1
    assert everybody.members[1].ways[0].state == "suspended"


def test_presence_agrees_with_the_peak(book: Book) -> None:
    """
    Who is present at the moment of a peak are those whom the month names.
    """
    found = book.seats.periods(
        "seats", "acme", anchor="2026-02-01", names=True, who=True
    )
    for month in found.months:
        there = book.seats.present("seats", "acme", at=month.seats.peak_at, names=True)

        assert tuple(one.member for one in there.members) == month.present
        assert there.units == month.seats.peak_units


def test_names_are_said_only_if_asked_for(book: Book) -> None:
    """
    Without names there are pseudonyms, and an erased name is one for good.
    """
    [only] = book.seats.present("seats", "acme").members
    assert only.member.startswith("person-")

    book.people.erase("ann", actor="ops", reason="she asked for it")

    [erased] = book.seats.present("seats", "acme", names=True).members
    assert erased.member == only.member


def test_as_of_an_earlier_place(book: Book) -> None:
    """
    As of a place, what was told after it is not known, whenever it happened.
    """
    found = book.seats.present("seats", "acme", place=3, names=True)

    assert [one.member for one in found.members] == ["ann", "bob"]
    assert found.as_of.place == 3


def test_only_members_have_names(book: Book) -> None:
    """
    Of a meter that is told how many there are nobody can say who.
    """
    with pytest.raises(errors.InvalidQueryError, match="told how many there are"):
        book.seats.present("held", "acme")


def test_many_entries_are_looked_up_in_parts(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    However many are in, each is found.
    """
    before = book.seats.present("seats", "acme", names=True, everybody=True)
    monkeypatch.setattr(seat_presence, "FETCH_ENTRIES", 1)

    assert book.seats.present("seats", "acme", names=True, everybody=True) == before


def test_changes_one_by_one(book: Book) -> None:
    """
    What happened, in order, by whom, and the level after it.
    """
    page = book.seats.changes("seats", "acme", period=FEBRUARY, names=True)

    assert [
        (one.at.day, one.change, one.member, one.way, one.state, one.units)
        for one in page.changes
    ] == [
        (2, "join", "ann", "scim", "active", 1),
        (5, "join", "ann", "", "active", 1),
        (6, "join", "bob", "", "active", 2),
        (7, "join", "cid", "", "active", 3),
        (8, "join", "bob", "", "suspended", 2),
        (20, "leave", "cid", "", None, 1),
    ]
    assert page.changes[-1].actor == "ann"
    assert page.next is None


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("rows", [1, 2, 2_048])
def test_pages_make_up_the_whole(
    book: Book, monkeypatch: pytest.MonkeyPatch, limit: int, rows: int
) -> None:
    """
    Page by page nothing is missing and nothing comes twice, also at one instant.
    """
    for name in ("x", "y", "z"):
        book.seats.join("seats", name, customer="acme", at="2026-02-09")
    monkeypatch.setattr(walking, "FETCH_ROWS", rows)
    whole = book.seats.changes("seats", "acme", period=FEBRUARY).changes

    found: list[SeatChange] = []
    after: str | None = None
    while True:
        page = book.seats.changes(
            "seats", "acme", period=FEBRUARY, after=after, limit=limit
        )
        assert len(page.changes) <= limit
        found += page.changes
        after = page.next
        if after is None:
            break

    assert tuple(found) == whole
    assert len(whole) == 9


def test_a_page_is_of_one_as_of(book: Book) -> None:
    """
    What happened after as-of is not listed; the place is said, to be handed back.
    """
    page = book.seats.changes(
        "seats", "acme", anchor="2026-02-01", as_of="2026-02-06", place=5
    )

    assert [one.at.day for one in page.changes] == [2, 5, 6]
    assert page.as_of.place == 5


def test_changes_of_a_stated_level(book: Book) -> None:
    """
    A level says how many, and a baseline that all are told of.
    """
    book.seats.level("held", 75, customer="acme", at="2026-02-02", cause="count")
    book.seats.baseline("seats", customer="new", at="2026-02-03", actor="ops")

    [level] = book.seats.changes("held", "acme", period=FEBRUARY).changes
    page = book.seats.changes("seats", "new", period=FEBRUARY, names=True)

    assert (level.change, level.units, level.cause) == ("level", 75, "count")
    assert (level.member, level.way, level.state) == (None, None, None)
    [baseline] = page.changes
    assert (baseline.change, baseline.member, baseline.units) == ("baseline", None, 0)
    assert baseline.actor == "ops"


@pytest.mark.parametrize("cursor", ["x", "1", "1:2:3", ""])
def test_a_cursor_of_nobody_is_refused(book: Book, cursor: str) -> None:
    """
    A cursor that no page gave is an error that shows it.
    """
    with pytest.raises(errors.InvalidQueryError, match="cursor"):
        book.seats.changes("seats", "acme", period=FEBRUARY, after=cursor)


def test_a_limit_has_bounds(book: Book) -> None:
    """
    A page of none or of millions is refused.
    """
    for limit in (0, -1, 10_001):
        with pytest.raises(errors.InvalidQueryError, match="limit"):
            book.seats.changes("seats", "acme", period=FEBRUARY, limit=limit)
