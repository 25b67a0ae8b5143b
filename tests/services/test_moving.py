"""
Moving: at one instant seats become another customer's, and each side keeps its mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meterbook import Book, Conflict, Duplicate, Event, Recorded
from services.moves import (
    METERS,
    NOW,
    START,
    WHO,
    count,
    held,
    join,
    on,
    sample,
)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.services.seats.moving import Moved


@pytest.fixture
def book() -> Iterator[Book]:
    with Book.create(":memory:", test_clock=NOW) as book:
        book.define(METERS)
        yield book


# --- customers ------------------------------------------------------------------------


def test_all_members_move_at_one_instant(book: Book) -> None:
    """
    The one side is empty and the other has both; neither peak before it changes.
    """
    for name in ("ann", "bob", "cat"):
        join(book, "acme", name)
    join(book, "acme", "cat", day=5, change="leave")
    join(book, "globex", "eve")
    moved = book.customers.move("acme", to="globex", at=on(10), **WHO)

    assert isinstance(moved.outcome, Recorded)
    assert (moved.at, moved.members, moved.units) == (on(10), 2, {})
    assert held(book, "acme") == (3, 0)
    assert held(book, "globex") == (3, 3)
    was, there = sample(book, "acme", "globex")
    together = [one + other for one, other in zip(was, there, strict=True)]
    assert together == [4] * 10 + [3] * 91
    assert set(was[20:]) == {0}


def test_levels_move_as_numbers(book: Book) -> None:
    """
    A level without names is 0 on the one side, and the sum on the other.
    """
    count(book, "acme", 0, 40)
    count(book, "acme", 3, 25)
    count(book, "globex", 1, 10)
    moved = book.customers.move("acme", to="globex", at=on(10), **WHO)

    assert (moved.members, moved.units) == (0, {"counted": 25})
    assert held(book, "acme", "counted") == (40, 0)
    assert held(book, "globex", "counted") == (35, 35)


def test_terms_keep_their_own_marks(book: Book) -> None:
    """
    Both sides' subscriptions keep the high-water mark that they had.
    """
    for customer in ("acme", "globex"):
        book.subscriptions.create(customer, "main", meter="counted", anchor=START)
        book.terms.add(customer, "main", "1", start=START, kind="paid", seats=20)
    count(book, "acme", 0, 30)
    count(book, "globex", 0, 15)
    book.customers.move("acme", to="globex", at=on(10), **WHO)
    found = [
        book.subscriptions.seats(customer, "main").terms[0]
        for customer in ("acme", "globex")
    ]

    assert [(one.high_water, one.in_use, one.owed) for one in found] == [
        (30, 0, 10),
        (45, 45, 25),
    ]


def test_states_and_ways_move_with_a_member(book: Book) -> None:
    """
    Who is pending stays pending; who is in by two ways is still in by two.
    """
    join(book, "acme", "ann", state="pending")
    join(book, "acme", "bob", way="invited")
    join(book, "acme", "bob", way="ldap")
    book.customers.move("acme", to="globex", at=on(10), **WHO)
    join(book, "globex", "bob", day=11, way="ldap", change="leave")

    assert held(book, "globex", "pending") == (1, 1)
    assert held(book, "globex") == (1, 1)


def test_a_member_of_both_is_one_seat(book: Book) -> None:
    """
    Who was in on both sides is one member of the one that stays.
    """
    join(book, "acme", "ann")
    join(book, "globex", "ann", way="ldap")
    book.customers.move("acme", to="globex", at=on(10), **WHO)

    assert held(book, "globex") == (1, 1)


def test_usage_follows_whoever_was_attributed(book: Book) -> None:
    """
    Who belonged to the one customer belongs to the other from then on; others do not.
    """
    book.attribute("ann", "acme", effective_at=START)
    book.attribute("bob", "initech", effective_at=START)
    for name in ("ann", "bob"):
        join(book, "acme", name)
    book.customers.move("acme", to="globex", at=on(10), **WHO)
    book.record(
        [
            Event(
                source="api",
                id=f"{name} {day}",
                type="used",
                time=on(day),
                subject=name,
                data={"n": 1},
            )
            for name in ("ann", "bob")
            for day in (9, 10)
        ]
    )

    used = {
        customer: book.read("tokens", customer=customer, start=START, end=on(99)).units
        for customer in ("acme", "globex", "initech")
    }
    assert used == {"acme": 1, "globex": 1, "initech": 2}
    assert book.verify().problems == []


# --- members --------------------------------------------------------------------------


def test_one_member_moves_alone(book: Book) -> None:
    """
    Only that member leaves, and only there; a level has no names and stays.
    """
    for name in ("ann", "bob"):
        join(book, "acme", name)
    count(book, "acme", 0, 2)
    moved = book.customers.move_member(
        "ann", customer="acme", to="globex", at=on(10), **WHO
    )

    assert (moved.members, moved.units) == (1, {})
    assert (held(book, "acme"), held(book, "globex")) == ((2, 1), (1, 1))
    assert held(book, "acme", "counted") == (2, 2)


def test_a_subject_without_a_seat_moves_its_usage(book: Book) -> None:
    """
    Who is no member but was attributed belongs to the other customer from then on.
    """
    book.attribute("ann", "acme", effective_at=START)
    moved = book.customers.move_member(
        "ann", customer="acme", to="globex", at=on(10), **WHO
    )

    assert moved.members == 0
    assert [one.customer for one in book.attributions("ann")] == ["acme", "globex"]


# --- once, and as of ------------------------------------------------------------------


def again(book: Book, **said: Any) -> Moved:  # noqa: ANN401 - as `move` takes it
    asked: dict[str, Any] = {"to": "globex", "at": on(10), "id": "m-1", **WHO, **said}
    return book.customers.move("acme", **asked)


def test_a_move_is_done_once(book: Book) -> None:
    """
    A retry with the same id is a duplicate; another move under it is a conflict.
    """
    join(book, "acme", "ann")
    first = again(book)
    assert isinstance(first.outcome, Recorded)
    same, now, elsewhere = again(book), again(book, at=None), again(book, to="initech")

    assert same.outcome == now.outcome == Duplicate(first.outcome.entry_id)
    assert (same.at, same.members) == (first.at, first.members)
    assert elsewhere.outcome == Conflict(first.outcome.entry_id)
    assert again(book, at=on(11)).outcome == Conflict(first.outcome.entry_id)
    assert held(book, "globex") == (1, 1)


def test_a_move_of_another_subject_is_a_conflict(book: Book) -> None:
    """
    One id names one move: of all, or of whom.
    """
    for name in ("ann", "bob"):
        join(book, "acme", name)
    said: dict[str, Any] = {"customer": "acme", "to": "globex", "id": "m-1", **WHO}
    first = book.customers.move_member("ann", **said).outcome

    assert isinstance(first, Recorded)
    assert book.customers.move_member("ann", **said).outcome == Duplicate(
        first.entry_id
    )
    assert book.customers.move_member("bob", **said).outcome == Conflict(first.entry_id)


def test_there_and_back_again(book: Book) -> None:
    """
    Moved back, everything is as before, and each instant has its own answer.
    """
    join(book, "acme", "ann")
    book.customers.move("acme", to="globex", at=on(10), **WHO)
    book.customers.move("globex", to="acme", at=on(20), **WHO)
    was, there = sample(book, "acme", "globex")

    assert was == [1] * 20 + [0] * 20 + [1] * 61
    assert there == [0] * 20 + [1] * 20 + [0] * 61


def test_before_the_move_is_another_place(book: Book) -> None:
    """
    As of the place before, nothing was moved.
    """
    join(book, "acme", "ann")
    book.work()
    place = book.status().numbered_place
    book.customers.move("acme", to="globex", at=on(10), **WHO)
    asked: dict[str, Any] = {"customer": "globex", "start": START, "end": on(99)}

    assert book.read("members", place=place, **asked).units == 0
    assert book.read("members", **asked).units == 1


def test_a_move_is_listed_and_names_nobody(book: Book) -> None:
    """
    The statement says how many, by whom and why; names are with the events alone.
    """
    join(book, "acme", "ann")
    book.customers.move("acme", to="globex", at=on(10), **WHO)
    [said] = book.entries(kind="statement")
    told = [one for one in book.entries() if one.source == "meterbook:move"]

    assert (said.type, said.customer, said.actor) == ("meterbook.move", "acme", "ops")
    assert said.data == {
        "to": "globex",
        "reason": WHO["reason"],
        "members": 1,
        "units": {},
    }
    assert [(one.customer, one.subject, one.data["change"]) for one in told] == [
        ("acme", "ann", "leave"),
        ("globex", "ann", "join"),
    ]
    book.people.erase("ann", actor="dpo", reason="asked to be forgotten")
    assert held(book, "globex") == (1, 1)
