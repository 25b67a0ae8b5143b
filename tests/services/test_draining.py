"""
Changes of seats that wait: they count at once, and become entries once.
"""

from __future__ import annotations

import contextlib
import datetime as dt

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from meterbook import Book, errors
from meterbook.services.entries.listing import EventQuery
from meterbook.services.worker.draining import drain
from meterbook.stores.postgres import PostgresStore
from meterbook.stores.sqlite import SqliteStore
from services.books import NOW, on_postgres


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


METERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "seat.change", "aggregation": "members"},
    "level": {"event_type": "seat.level", "aggregation": "peak", "value": "units"},
    "deep": {
        "event_type": "deep",
        "aggregation": "latest",
        "value": "usage.held",
        "scale": 2,
    },
}
PERIOD: dict[str, Any] = {"start": "2026-03-01", "end": "2026-04-01"}
LATER = NOW + dt.timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgres"])
def book(request: pytest.FixtureRequest) -> Iterator[Book]:
    """
    Give a book in either store, in which it is NOW.
    """
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            book = stack.enter_context(Book.create(":memory:", test_clock=NOW))
        else:
            dsn = request.getfixturevalue("postgres_dsn")
            book = stack.enter_context(on_postgres(dsn))
        book.define(METERS)
        yield book


def story(book: Book) -> None:
    """
    Let members come and go, and levels be stated, by several hands.
    """
    with book.live(actor="ops", cause="set up") as live:
        live.join("seats", customer="acme", member="ann")
        live.join("seats", customer="acme", member="bob", way="scim", state="pending")
        live.level("level", customer="acme", units=7)
    with book.live() as live:
        live.leave("seats", customer="acme", member="ann", actor="bob")
        live.join("seats", customer="acme", member="bob", way="scim")
        live.join("seats", customer="acme", member="eve")
        live.level("level", customer="acme", units=3, cause="fewer")
        live.level("deep", customer="acme", units=725)
        live.join("seats", customer="globex", member="zoe")
    book.move_clock(LATER)


def without_places(values: Sequence[Any]) -> list[Any]:
    """
    Return what was read, without what only says where in the book it is.
    """
    return [
        {
            name: getattr(value, name)
            for name in value.__dataclass_fields__
            if name not in {"place", "as_of", "provisional", "provenance", "reading"}
        }
        for value in values
    ]


def everything(book: Book) -> list[Any]:
    """
    Return every reading of everybody, and the entries behind it, without working first.
    """
    found: list[Any] = []
    for key in METERS:
        for customer in ("acme", "globex"):
            page = book.explain(key, customer=customer, **PERIOD)
            found += without_places([page.reading, *page.entries])
    return found


def queued(book: Book) -> int:
    with book._store.reading() as reader:
        return reader.queue.count(limit=1_000)


def drained(book: Book) -> list[tuple[str | None, str | None, object]]:
    return [(e.subject, e.actor, dict(e.data)) for e in book.entries(limit=1_000)]


def test_what_waits_counts_as_if_it_were_drained(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Readings and the entries behind them, with names, causes and who did it, are before
    draining what they are after; only then have they places.
    """
    story(book)
    with monkeypatch.context() as patch:
        # A reading of a book in SQLite would drain first.
        for store in (SqliteStore, PostgresStore):
            patch.setattr(store, "follows_on_read", False)
        before = everything(book)
        assert queued(book) == 9
        [reading, *_] = [book.read("seats", customer="acme", **PERIOD)]
        assert reading.provisional
        assert (reading.units, reading.as_of.place) == (2, None)
        placed = book.read("seats", customer="acme", **PERIOD, place=0)
        assert (placed.units, placed.provisional) == (0, False)
        status = book.status()
        assert (status.waiting_count, status.behind) == (9, False)

    book.work()

    assert queued(book) == 0
    assert everything(book) == before
    status = book.status()
    assert (status.waiting_count, status.numbered_place) == (0, 9)
    reading = book.read("seats", customer="acme", **PERIOD)
    assert (reading.provisional, reading.as_of.place) == (False, 9)
    assert book.verify().problems == []


def test_an_entry_says_what_was_told(book: Book) -> None:
    """
    Parts that were not told are left out, and a level stands where its meter looks.
    """
    story(book)
    book.work()

    assert drained(book) == [
        ("ann", "ops", {"change": "join", "cause": "set up", "definition": 1}),
        (
            "bob",
            "ops",
            {
                "change": "join",
                "way": "scim",
                "state": "pending",
                "cause": "set up",
                "definition": 1,
            },
        ),
        (None, "ops", {"units": 7, "cause": "set up", "definition": 1}),
        ("ann", "bob", {"change": "leave", "definition": 1}),
        ("bob", None, {"change": "join", "way": "scim", "definition": 1}),
        ("eve", None, {"change": "join", "definition": 1}),
        (None, None, {"units": 3, "cause": "fewer", "definition": 1}),
        (None, None, {"usage": {"held": Decimal("7.25")}, "definition": 1}),
        ("zoe", None, {"change": "join", "definition": 1}),
    ]
    assert [entry.id for entry in book.entries()] == [str(n) for n in range(1, 10)]
    assert {entry.source for entry in book.entries()} == {"meterbook:seats"}


def test_a_tail_that_is_too_long_is_not_folded(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What waits in the queue counts for how far a reading is behind.
    """
    for store in (SqliteStore, PostgresStore):
        monkeypatch.setattr(store, "follows_on_read", False)
    story(book)
    monkeypatch.setattr("meterbook.services.readings.snapshots.TAIL_ENTRIES_MAX", 6)
    monkeypatch.setattr("meterbook.services.checks.status.TAIL_ENTRIES_MAX", 6)

    reading = book.read("seats", customer="acme", **PERIOD)

    assert (reading.behind, reading.units, reading.as_of.place) == (True, 0, 0)
    assert not book.read("seats", customer="globex", **PERIOD).behind
    assert (book.status().behind, book.status().waiting_count) == (True, 7)
    book.work()
    assert not book.read("seats", customer="acme", **PERIOD).behind


def test_a_drained_change_can_be_voided(book: Book) -> None:
    """
    It is an event like others: taken back, it does not count.
    """
    story(book)
    book.work()
    assert book.read("level", customer="acme", **PERIOD).units == 7

    book.void(source="meterbook:seats", id="3", actor="ops", reason="a slip")

    assert book.read("level", customer="acme", **PERIOD).units == 3


def test_who_is_erased_does_not_come_back_with_what_waits(book: Book) -> None:
    """
    Somebody who is named only in the queue is erased like others, as member and as
    actor: no name is left, and the seats stay.
    """
    story(book)
    units = book.read("seats", customer="acme", **PERIOD).units

    for name in ("bob", "eve"):
        book.people.erase(name, actor="ops", reason="asked for it")

    assert queued(book) == 0
    book.work()
    shown = {entry.subject for entry in book.entries()}
    shown |= {entry.actor for entry in book.entries()}
    assert "bob" not in shown
    assert "eve" not in shown
    assert "ann" in shown
    assert book.read("seats", customer="acme", **PERIOD).units == units
    with pytest.raises(errors.UnknownSubjectError):
        book.people.erase("bob", actor="ops", reason="again")


def test_a_change_that_is_an_entry_already_is_not_made_one_again(book: Book) -> None:
    """
    The same change again is inert, as any event is; under the number of another one it
    is a contradiction that stops the worker.
    """
    story(book)
    book.work()
    requeue(book, "ann", cause="set up")
    assert drain(book._store) == 1
    book.work()
    assert len(drained(book)) == 9

    requeue(book, "eve", cause="set up")
    with pytest.raises(errors.CorruptBook, match="change 1"):
        drain(book._store)
    assert queued(book) == 1


def requeue(book: Book, member: str, *, cause: str) -> None:
    """
    Put a change into the queue under the number of the first one.
    """
    sqlite = isinstance(book._store, SqliteStore)
    table = "meterbook_seat_changes" if sqlite else "meterbook.seat_changes"
    system = "" if sqlite else " OVERRIDING SYSTEM VALUE"
    micros = int(NOW.timestamp()) * 1_000_000
    statement = (
        f"INSERT INTO {table} (change_id, type, customer, change, member, actor, cause,"
        f" definition, occurred_at){system} VALUES (1, 'seat.change', 'acme', 'join',"
        f" '{member}', 'ops', '{cause}', 1, {micros})"
    )
    run(book, statement)


def run(book: Book, statement: str) -> None:
    store = book._store
    if isinstance(store, SqliteStore):
        store._session._connection.execute(statement).close()
    else:
        assert isinstance(store, PostgresStore)
        with store._connections.session() as session:
            session.run_sql(statement.encode())


def test_text_that_no_store_keeps_does_not_stop_the_worker() -> None:
    """
    A NUL that a statement of somebody's own brought into a cause is replaced.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        book.define(METERS)
        run(
            book,
            "INSERT INTO meterbook_seat_changes (type, customer, change, member, way,"
            " cause, definition, occurred_at) VALUES ('seat.change', 'acme', 'join',"
            " 'ann', 'a' || char(0), 'x' || char(0) || 'y', 1, 0)",
        )
        book.work()
        [(_, _, data)] = drained(book)
    assert data == {
        "change": "join",
        "way": "a\ufffd",
        "cause": "x\ufffdy",
        "definition": 1,
    }


def test_changes_are_drained_in_parts(book: Book) -> None:
    """
    As many as are asked for, oldest first; the order is that of the changes.
    """
    names = [f"m{number:02d}" for number in range(10)]
    with book.live() as live:
        for name in names:
            live.join("seats", customer="acme", member=name)

    assert [drain(book._store, changes_max=4) for _ in range(4)] == [4, 4, 2, 0]

    book.work()
    assert [subject for subject, _, _ in drained(book)] == names


def test_who_follows_elsewhere_drains_too(postgres_dsn: str) -> None:
    """
    While another worker has the book nothing is drained here, and nothing is lost.
    """
    with on_postgres(postgres_dsn) as book:
        book.define(METERS)
        story(book)
        with book._store.following() as follower:
            assert follower is not None
            assert drain(book._store) == 0
            step = book.work()
            assert step.busy
        step = book.work()
        assert (step.drained, step.numbered) == (9, 9)
        found = book.entries(EventQuery(customer="globex"))
        assert [entry.subject for entry in found] == ["zoe"]
