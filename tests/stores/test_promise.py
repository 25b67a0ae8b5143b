"""
The promise that every store keeps: any run of operations gets the model's answers.

The model is `meterbook.stores.memory`: a list, and loops over it. What is done is drawn
by `promise_runs`.
"""

from __future__ import annotations

import dataclasses
import itertools

from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

import pytest

from hypothesis import HealthCheck, given, settings
from psycopg.conninfo import conninfo_to_dict

from meterbook import Book, Recorded, Refused, errors
from meterbook.foundation.instants import to_micros
from meterbook.services.entries import stating
from meterbook.stores.memory import (
    AttributionEntry,
    EventEntry,
    MemoryBook,
    StatementEntry,
    VoidEntry,
)
from stores.promise_runs import (
    CUSTOMERS,
    GROUPED,
    METERS,
    NOW,
    STATED,
    Amend,
    Ask,
    Attribute,
    Define,
    DropRollups,
    Live,
    Operation,
    Record,
    Run,
    Seat,
    State,
    Statement,
    Void,
    Work,
    runs,
)


if TYPE_CHECKING:
    from meterbook import Conflict, Duplicate, Period, Reading, Recording
    from meterbook.services.entries.listing import EntryView
    from meterbook.services.seats import live as services
    from meterbook.stores.memory_live import MemoryLive

    AnyBook: TypeAlias = Book | MemoryBook

schemas = itertools.count()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(run=runs())
def test_sqlite_answers_like_the_model(run: Run) -> None:
    """
    Whatever is told and asked in whatever order, SQLite's answers are the model's.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        compare(book, run)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(run=runs())
def test_postgres_answers_like_the_model(empty_postgres_dsn: str, run: Run) -> None:
    """
    Whatever is told and asked in whatever order, PostgreSQL's answers are the model's.
    """
    # The fixture's address is in libpq's words; a book's is a URL.
    address = f"postgresql:///?{urlencode(conninfo_to_dict(empty_postgres_dsn))}"
    schema = f"promise_{next(schemas)}"
    with Book.create(address, schema=schema, test_clock=NOW) as book:
        compare(book, run)


def compare(book: Book, run: Run) -> None:
    """
    Do *run* with *book* and the model, and compare what they say on the way and after.
    """
    pair = Pair(book, MemoryBook(test_clock=NOW))
    for operation in run.operations:
        pair.do(operation)
    pair.compare_all(run.periods)


class Pair:
    """
    A book and the model, which are told and asked the same.

    Attributes:
        whose: Which entry of the book is which of the model's, by their ids.
    """

    def __init__(self, book: Book, model: MemoryBook) -> None:
        self.book = book
        self.model = model
        self.whose: dict[int, int] = {}

    def do(self, operation: Operation) -> None:
        self._do(operation)
        self.drain_alike()

    def drain_alike(self) -> None:
        """
        Have the model drain if the book has: when that is, is the book's affair.
        """
        with self.book._store.reading() as reader:
            if reader.queue.count(limit=1) == 0:
                self.model.drain()

    def _do(self, operation: Operation) -> None:
        match operation:
            case Ask():
                self.ask(operation)
            case Work(steps=None):
                self.book.work()
            case Work():
                self.book.work(until_caught_up=False)
            case DropRollups():
                assert self.book.drop_rollups()
            case _:
                found = self.tell(self.book, operation)
                expected = self.tell(self.model, operation)
                assert len(found) == len(expected)
                for one, other in zip(found, expected, strict=True):
                    self.same_outcome(one, other)

    def tell(self, book: AnyBook, operation: Statement) -> list[Recording | str]:
        """
        Tell *book* something; return its answers, or the code of the error it raised.
        """
        who, why = "ops", "the test says so"
        answers: list[Recording | str] = []
        try:
            match operation:
                case Record(events=told):
                    answers += book.record(told)
                case Void(id=id_):
                    answers += [book.void(source="api", id=id_, actor=who, reason=why)]
                case Amend(id=id_, replacement=event):
                    said = book.amend(
                        source="api", id=id_, replacement=event, actor=who, reason=why
                    )
                    answers += [said]
                case Attribute(subject=subject, customer=customer, at=at, id=id_):
                    given = book.attribute(subject, customer, effective_at=at, id=id_)
                    answers += [given]
                case State():
                    answers += [stated(book, operation)]
                case Live():
                    tell_live(book, operation)
                case Define(key=key, event_type=type_):
                    book.define({key: {"event_type": type_, **METERS[key]}})
        except errors.CallerError as error:
            return [error.code]

        return answers

    def same_outcome(self, one: Recording | str, other: Recording | str) -> None:
        """
        Check that two answers say the same of the same entry.
        """
        if isinstance(one, str | Refused) or isinstance(other, str | Refused):
            assert one == other
            return
        assert type(one) is type(other)
        assert self.whose.setdefault(one.entry_id, other.entry_id) == other.entry_id
        if isinstance(one, Recorded) and isinstance(other, Recorded):
            assert [(warn.code, warn.meter_key) for warn in one.warnings] == [
                (warn.code, warn.meter_key) for warn in other.warnings
            ]

    def ask(self, ask: Ask) -> None:
        """
        Read both, as of the same place, and compare.
        """
        if ask.key not in self.model.meters:
            with pytest.raises(errors.UnknownMeterError):
                self.book.read(ask.key, customer=ask.customer, period=ask.period)
            return

        numbered = self.book.status().numbered_place
        place = None if ask.back is None else max(0, numbered - ask.back)
        by = ["model"] if ask.grouped and ask.key in GROUPED else []
        found, expected = [
            book.read(
                ask.key,
                customer=ask.customer,
                period=ask.period,
                group_by=by,
                as_of=ask.as_of,
                place=place,
            )
            for book in (self.book, self.model)
        ]
        self.same_reading(found, expected)

    def same_reading(self, found: Reading, expected: Reading) -> None:
        """
        Check that two readings say the same; places only where the book gave them out.
        """
        if found.as_of.place != expected.as_of.place:
            found, expected = unplaced(found), unplaced(expected)
        assert found == expected

    def compare_all(self, periods: list[Period]) -> None:
        """
        Read everything, before the worker has come to it, after, and without rollups.
        """
        self.read_all(periods)
        self.compare_statements()
        self.book.work()
        self.model.drain()
        last = self.book.status().numbered_place
        assert last == len(self.model.entries)
        self.read_all(periods)
        self.compare_listings()
        self.compare_statements()
        self.book.drop_rollups()
        self.read_all(periods, place=last)
        self.book.work()
        assert self.book.verify().problems == []

    def read_all(self, periods: list[Period], *, place: int | None = None) -> None:
        """
        Read every meter for everybody, by group and together.
        """
        for key in self.model.meters:
            by = ["model"] if key in GROUPED else []
            found = self.book.read_many(
                key,
                customers=CUSTOMERS,
                periods=periods,
                group_by=by,
                place=place,
            )
            pairs = itertools.product(CUSTOMERS, periods)
            for reading, (customer, period) in zip(found, pairs, strict=True):
                expected = self.model.read(
                    key, customer=customer, period=period, group_by=by, place=place
                )
                self.same_reading(reading, expected)

    def compare_listings(self) -> None:
        """
        Compare what is in the books, and what nobody pays for.
        """
        found = [
            (one.place, one.kind, self.target(one) if one.kind == "void" else one.id)
            for one in self.book.entries(limit=1_000)
        ]
        assert found == [described(entry) for entry in self.model.entries]
        nobody = {(one.source, one.id) for one in self.book.unattributed(limit=1_000)}
        assert nobody == set(self.model.unattributed())

    def compare_statements(self) -> None:
        """
        Compare what was stated of each kind: about anybody, each, the book; and before.
        """
        numbered = self.book.status().numbered_place
        abouts, places = [None, *CUSTOMERS, ""], [None, numbered, numbered // 2]
        with self.book._store.reading() as reader:
            for type_, about, place in itertools.product(STATED, abouts, places):
                asked: Any = {"type_": type_, "customer": about, "place": place}
                found = stating.statements(reader, **asked)
                expected = self.model.statements(**asked)
                assert [content(one, self.whose[one.entry_id]) for one in found] == [
                    content(one, one.place) for one in expected
                ]

    def target(self, void: EntryView) -> int:
        """
        Return what a void is of, as the model calls it.
        """
        entry_id = void.data["entry_id"]
        assert isinstance(entry_id, int)
        return self.whose[entry_id]


def tell_live(book: AnyBook, operation: Live) -> None:
    """
    Record changes of seats in one transaction, at the moment that they are of.
    """
    book.move_clock(operation.at)
    try:
        with book.live() as live:
            for seat in operation.seats:
                change(live, seat)
    finally:
        book.move_clock(NOW)


def change(live: services.Live | MemoryLive, seat: Seat) -> None:
    """
    Record one change.
    """
    who: Any = {"customer": seat.customer, "member": seat.member, "way": seat.way}
    match seat.what:
        case "join":
            live.join(seat.key, **who, state=seat.state)
        case "leave":
            live.leave(seat.key, **who)
        case "baseline":
            live.baseline(seat.key, customer=seat.customer)
        case _:
            live.level(seat.key, customer=seat.customer, units=seat.units)


def stated(book: AnyBook, said: State) -> Recorded | Duplicate | Conflict:
    """
    State a fact, by the service or in the model.
    """
    body: dict[str, object] = {"units": said.units}
    if isinstance(book, MemoryBook):
        return book.state(
            type_=said.type, customer=said.customer, body=body, at=said.at, id=said.id
        )
    with book._store.writing() as writer:
        return stating.state(
            writer,
            type_=said.type,
            customer=said.customer,
            body=body,
            actor_id=None,
            occurred_at=to_micros(said.at),
            now=to_micros(NOW),
            event_id=said.id,
        )


def content(said: stating.Statement | StatementEntry, place: int) -> tuple[object, ...]:
    """
    Return what a statement says, and where in the model it is.
    """
    at = said.at if isinstance(said, StatementEntry) else said.occurred_at
    return place, said.type, said.customer, at, dict(said.body)


def described(
    entry: EventEntry | VoidEntry | AttributionEntry | StatementEntry,
) -> tuple[int, str, int | str]:
    """
    Return the place of a model's entry, its kind, and what it is called or is of.
    """
    match entry:
        case EventEntry():
            return entry.place, "event", entry.said.event_id
        case VoidEntry():
            return entry.place, "void", entry.target
        case AttributionEntry():
            return entry.place, "attribution", entry.id
        case StatementEntry():
            return entry.place, "statement", entry.id


def unplaced(reading: Reading) -> Reading:
    """
    Return *reading* without what says where in the book it was read.
    """
    provenance = dataclasses.replace(
        reading.provenance, first_place=None, last_place=None
    )
    return dataclasses.replace(
        reading,
        as_of=dataclasses.replace(reading.as_of, place=None),
        provenance=provenance,
        provisional=False,
        groups=tuple(unplaced(group) for group in reading.groups),
    )
