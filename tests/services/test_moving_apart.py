"""
Moving, where something is in the way, and while others come and go.
"""

from __future__ import annotations

import datetime as dt

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterbook import Book, Duplicate, errors
from meterbook.app.clocks import clock_of
from services.moves import (
    DAY,
    METERS,
    NOW,
    WHO,
    count,
    held,
    join,
    on,
    present_in,
    sample,
)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.services.seats.moving import Moved
    from meterbook.stores.postgres import PostgresStore


@pytest.fixture
def book() -> Iterator[Book]:
    with Book.create(":memory:", test_clock=NOW) as book:
        book.define(METERS)
        yield book


def again(book: Book, **said: Any) -> Moved:  # noqa: ANN401 - as `move` takes it
    asked: dict[str, Any] = {"to": "globex", "at": on(10), "id": "m-1", **WHO, **said}
    return book.customers.move("acme", **asked)


def test_what_came_after_is_in_the_way(book: Book) -> None:
    """
    Nobody can tell whose later changes are: the move is refused, and says when.
    """
    join(book, "acme", "ann")
    join(book, "acme", "ann", day=20, change="leave")
    count(book, "globex", 15, 5)
    with pytest.raises(errors.InvalidMoveError, match=r"changed after.*2026-02-20"):
        book.customers.move("acme", to="globex", at=on(10), **WHO)

    count(book, "acme", 0, 5)
    book.void(
        source="app",
        id="acme ann 20 leave  active",
        actor="ops",
        reason="it was another ann",
    )
    with pytest.raises(errors.InvalidMoveError, match="'counted' changed after"):
        book.customers.move("acme", to="globex", at=on(10), **WHO)
    assert book.entries(kind="statement") == []
    assert book.customers.move("acme", to="globex", at=on(25), **WHO).members == 1


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        ({"to": "acme"}, errors.InvalidMoveError, "moved to itself"),
        ({"to": " "}, errors.InvalidQueryError, "to must be text"),
        ({"at": on(51)}, errors.InvalidMoveError, "still to come"),
        ({"reason": ""}, errors.InvalidQueryError, "reason"),
        ({"id": ""}, errors.InvalidQueryError, "id must be text"),
        ({"at": on(-5)}, errors.InvalidMoveError, "has no seats"),
    ],
)
def test_a_move_that_cannot_be_is_refused(
    book: Book, wrong: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    """
    Whom, when and why are checked by name, and nothing is changed.
    """
    join(book, "acme", "ann")
    with pytest.raises(error, match=sentence):
        again(book, **wrong)
    assert book.entries(kind="statement") == []


def test_who_is_not_there_cannot_be_moved(book: Book) -> None:
    """
    An unknown subject, and one without a seat, are told apart.
    """
    join(book, "globex", "ann")
    said: dict[str, Any] = {"customer": "acme", "to": "globex", **WHO}

    with pytest.raises(errors.UnknownSubjectError):
        book.customers.move_member("nobody", **said)
    with pytest.raises(errors.InvalidMoveError, match="'ann' has no seat"):
        book.customers.move_member("ann", **said)


def test_a_blind_meter_is_in_the_way(book: Book) -> None:
    """
    A meter that listens to one source would not see the move: it is refused.
    """
    book.define(
        {
            "picky": {
                "event_type": "counted",
                "aggregation": "latest",
                "value": "n",
                "filters": [{"path": "$source", "eq": "app"}],
            }
        }
    )
    count(book, "acme", 0, 5)
    with pytest.raises(errors.InvalidMoveError, match="'picky' would not see"):
        book.customers.move("acme", to="globex", **WHO)


def test_without_meters_there_is_nothing_to_move() -> None:
    """
    A book that counts no seats says what to define.
    """
    with (
        Book.create(":memory:", test_clock=NOW) as book,
        pytest.raises(errors.InvalidMoveError, match="define one first"),
    ):
        book.customers.move("acme", to="globex", **WHO)


# --- any history ----------------------------------------------------------------------

HISTORIES = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["acme", "globex"]),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["join", "leave"]),
    ),
    max_size=8,
    unique=True,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORIES, st.integers(0, 40))
def test_the_instant_is_all_that_changes(
    told: list[tuple[int, str, str, str]], day: int
) -> None:
    """
    Before the move nothing changes; after it, whoever was in on either side is in.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        book.define(METERS)
        for at, customer, name, change in told:
            join(book, customer, name, day=at, change=change)
        before = sample(book, "acme", "globex")
        in_both = len(set(_inside(told, "acme")) | set(_inside(told, "globex")))
        try:
            book.customers.move("acme", to="globex", at=on(41), **WHO)
        except errors.InvalidMoveError:
            assert _inside(told, "acme") == []
            return
        after = sample(book, "acme", "globex")
        upto = 2 * day
        assert [one[:upto] for one in after] == [one[:upto] for one in before]
        assert [one[-1] for one in after] == [0, in_both]


def _inside(told: list[tuple[int, str, str, str]], customer: str) -> list[str]:
    """
    Find who is in at the end, name by name; told in order, the last of a day holds.
    """
    inside = []
    for name in ("ann", "bob"):
        said = [
            (at, index, change)
            for index, (at, whose, who, change) in enumerate(told)
            if (whose, who) == (customer, name)
        ]
        if said and max(said)[2] == "join":
            inside.append(name)
    return inside


# --- now, with live seats -------------------------------------------------------------


def test_a_move_now_comes_after_what_was_recorded_live(book: Book) -> None:
    """
    What waits in the queue is moved with the rest; what comes later is later.
    """
    with book.live(actor="bob") as live:
        live.join("members", customer="acme", member="ann", way="invited")
    moved = book.customers.move("acme", to="globex", **WHO)
    with book.live() as live:
        back = live.join("members", customer="acme", member="ann", way="invited")
    book.move_clock(NOW + DAY)

    assert moved.at == NOW + dt.timedelta(microseconds=1)
    assert back.occurred_at == NOW + dt.timedelta(microseconds=2)
    assert (held(book, "acme"), held(book, "globex")) == ((1, 1), (1, 1))


def test_a_move_loses_nobody_who_comes_at_the_same_time(
    postgres_store: PostgresStore,
) -> None:
    """
    Four threads let members in while the customer is moved: each is on one side.
    """
    book = Book(postgres_store, clock_of(postgres_store))
    book.define(METERS)

    with book.live() as live:
        live.join("members", customer="acme", member="first")

    def let_in(thread: int) -> None:
        for number in range(12):
            with book.live() as live:
                name = f"{thread}-{number}"
                live.join("members", customer="acme", member=name)

    with ThreadPoolExecutor() as pool:
        coming = [pool.submit(let_in, thread) for thread in range(4)]
        working = pool.submit(book.work)
        moves = [
            pool.submit(book.customers.move, "acme", to=to, id=to, **WHO)
            for to in ("globex", "initech")
        ]
        for one in coming:
            one.result()
        working.result()
    moved = sum(one.result().members for one in moves if one.exception() is None)
    book.work()

    customers = ("acme", "globex", "initech")
    present = {who: present_in(book, who) for who in customers}
    assert sum(len(people) for people in present.values()) == 49
    assert len(set().union(*present.values())) == 49
    assert moved > 0
    assert len(present["globex"] | present["initech"]) == moved
    assert book.verify().problems == []


def test_on_postgres_it_is_the_same(postgres_store: PostgresStore) -> None:
    """
    Members and levels move in one transaction, whatever the worker has numbered.
    """
    book = Book(postgres_store, clock_of(postgres_store))
    book.define(METERS)
    for name in ("ann", "bob"):
        join(book, "acme", name)
    book.work()
    join(book, "acme", "cat", day=1)
    count(book, "acme", 2, 3)
    join(book, "globex", "eve")
    moved = book.customers.move("acme", to="globex", at=on(10), id="m", **WHO)
    again_ = book.customers.move("acme", to="globex", at=on(10), id="m", **WHO)

    assert (moved.members, moved.units) == (3, {"counted": 3})
    assert isinstance(again_.outcome, Duplicate)
    for _ in range(2):
        assert held(book, "acme") == (3, 0)
        assert held(book, "globex") == (4, 4)
        assert held(book, "globex", "counted") == (3, 3)
        book.work()
    assert book.verify().problems == []


def test_moves_that_cross_do_not_block_each_other(
    postgres_store: PostgresStore,
) -> None:
    """
    Moved there and back by two threads at once, everybody is on one side in the end.
    """
    book = Book(postgres_store, clock_of(postgres_store))
    book.define(METERS)
    for number in range(10):
        join(book, "acme", f"a{number}")
        join(book, "globex", f"g{number}")

    def move(customer: str, to: str) -> None:
        for _ in range(5):
            try:
                book.customers.move(customer, to=to, **WHO)
            except errors.InvalidMoveError as error:
                assert "has no seats" in str(error)  # noqa: PT017 - it may or may not be

    with ThreadPoolExecutor() as pool:
        pairs = [("acme", "globex"), ("globex", "acme")]
        for one in [pool.submit(move, *pair) for pair in pairs]:
            one.result()
    book.work()

    acme, globex = present_in(book, "acme"), present_in(book, "globex")
    assert len(acme | globex) == 20
    assert not acme & globex
    assert book.verify().problems == []
