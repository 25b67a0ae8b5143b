"""
The promise that every store keeps: any run of operations gets the model's answers.

The model is `meterbook.stores.memory`: a list, and loops over it. Few names, few ids
and moments at boundaries, so that things meet: the same id comes up again, a subject is
moved at the instant of its event, an event falls on the edge of an hour or a month.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from meterbook import Book, Event, Period, Recorded, Refused, errors
from meterbook.stores.memory import (
    AttributionEntry,
    EventEntry,
    MemoryBook,
    VoidEntry,
)


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook import Reading, Recording
    from meterbook.services.listing import EntryView

    AnyBook: TypeAlias = Book | MemoryBook

HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR
MICROSECOND = dt.timedelta(microseconds=1)
START = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
NOW = START + 40 * DAY

CUSTOMERS = ["acme", "globex"]
SUBJECTS = ["ann", "bob"]
IDS = [str(number) for number in range(12)]
TYPES = ["llm.request", "seat.held"]

# Around the edges of hours, days and months; and one of the future, which is refused.
MOMENTS = [
    START + offset + nudge
    for offset in (0 * HOUR, HOUR, 5 * HOUR, DAY, 28 * DAY, 30 * DAY)
    for nudge in (-MICROSECOND, 0 * HOUR, MICROSECOND, HOUR / 2)
] + [NOW, NOW + 4 * HOUR / 60, NOW + HOUR]

PERIODS = [
    Period(START, START + 28 * DAY),
    Period(START + 28 * DAY, START + 59 * DAY),
    Period(START + HOUR / 2, START + 5 * HOUR + MICROSECOND),
    Period(START - DAY, START + DAY),
    Period(START, START + HOUR),
    Period(START + HOUR / 2, START + 3 * HOUR / 4),
]

# Every aggregation, with and without groups, filters and decimals.
METERS: dict[str, dict[str, object]] = {
    "tokens": {"aggregation": "sum", "value": "n", "group_by": ["model"]},
    "fine": {"aggregation": "sum", "value": "n", "scale": 2, "missing": "zero"},
    "requests": {"aggregation": "count", "filters": [{"path": "model", "eq": "xl"}]},
    "average": {"aggregation": "average", "value": "n"},
    "least": {"aggregation": "min", "value": "n", "group_by": ["model"]},
    "most": {"aggregation": "max", "value": "n"},
    "latest": {"aggregation": "latest", "value": "n", "group_by": ["model"]},
    "peak": {"aggregation": "peak", "value": "n"},
    "peaks": {"aggregation": "peak", "value": "n", "group_by": ["model"]},
    "held": {"aggregation": "time_weighted", "value": "n"},
    "models": {"aggregation": "unique", "value": ["model", "n"]},
    "keys": {"aggregation": "unique", "value": "n", "group_by": ["model"]},
    "busy": {
        "aggregation": "percentile",
        "percentile": "90",
        "hourly": "sum",
        "rounding": "floor",
        "value": "n",
    },
    "high": {
        "aggregation": "percentile",
        "percentile": "50",
        "hourly": "peak",
        "rounding": "ceil",
        "value": "n",
    },
}
GROUPED = {key for key, meter in METERS.items() if "group_by" in meter}


@dataclass(frozen=True, kw_only=True)
class Record:
    events: list[Event]


@dataclass(frozen=True, kw_only=True)
class Void:
    id: str


@dataclass(frozen=True, kw_only=True)
class Amend:
    id: str
    replacement: Event


@dataclass(frozen=True, kw_only=True)
class Attribute:
    subject: str
    customer: str | None
    at: dt.datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class Define:
    key: str
    event_type: str


@dataclass(frozen=True, kw_only=True)
class Work:
    steps: int | None


@dataclass(frozen=True, kw_only=True)
class DropRollups:
    pass


@dataclass(frozen=True, kw_only=True)
class Ask:
    """
    Read one meter; *back* places before the last numbered one, None for all there is.
    """

    key: str
    customer: str
    period: Period
    grouped: bool
    as_of: dt.datetime | None
    back: int | None


Statement: TypeAlias = Record | Void | Amend | Attribute | Define
Operation: TypeAlias = Statement | Work | DropRollups | Ask

events = st.builds(
    Event,
    source=st.just("api"),
    id=st.sampled_from([*IDS, *IDS, ""]),
    type=st.sampled_from([TYPES[0], *TYPES]),
    time=st.sampled_from([*MOMENTS, None]),
    customer=st.sampled_from([*CUSTOMERS, None]),
    subject=st.sampled_from([*SUBJECTS, None]),
    actor=st.sampled_from([SUBJECTS[0], None]),
    data=st.fixed_dictionaries(
        {"n": st.sampled_from([0, 1, 7, 10, Decimal("0.5"), "3", -1, None])},
        optional={"model": st.sampled_from(["xl", "xs", None])},
    ),
)
records = st.builds(Record, events=st.lists(events, min_size=1, max_size=8))
asks = st.builds(
    Ask,
    key=st.sampled_from(list(METERS)),
    customer=st.sampled_from(CUSTOMERS),
    period=st.sampled_from(PERIODS),
    grouped=st.booleans(),
    as_of=st.sampled_from([None, *MOMENTS]),
    back=st.sampled_from([None, None, 0, 1, 3]),
)
operations = st.one_of(
    records,
    records,
    st.builds(Void, id=st.sampled_from(IDS)),
    st.builds(Amend, id=st.sampled_from(IDS), replacement=events),
    st.builds(
        Attribute,
        subject=st.sampled_from(SUBJECTS),
        customer=st.sampled_from([*CUSTOMERS, None]),
        at=st.sampled_from(MOMENTS),
        id=st.sampled_from(["a", "b", "c"]),
    ),
    st.builds(
        Define, key=st.sampled_from(list(METERS)), event_type=st.sampled_from(TYPES)
    ),
    st.builds(Work, steps=st.sampled_from([None, None, 1])),
    st.just(DropRollups()),
    asks,
)
schemas = itertools.count()


runs = given(
    first=st.lists(
        st.builds(
            Define, key=st.sampled_from(list(METERS)), event_type=st.just(TYPES[0])
        ),
        max_size=4,
    ),
    run=st.lists(operations, min_size=3, max_size=16),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@runs
def test_sqlite_answers_like_the_model(
    first: list[Define], run: list[Operation]
) -> None:
    """
    Whatever is told and asked in whatever order, SQLite's answers are the model's.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        compare(book, [*first, *run])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@runs
def test_postgres_answers_like_the_model(
    empty_postgres_dsn: str, first: list[Define], run: list[Operation]
) -> None:
    """
    Whatever is told and asked in whatever order, PostgreSQL's answers are the model's.
    """
    # The fixture's address is in libpq's words; a book's is a URL.
    address = f"postgresql:///?{urlencode(conninfo_to_dict(empty_postgres_dsn))}"
    schema = f"promise_{next(schemas)}"
    with Book.create(address, schema=schema, test_clock=NOW) as book:
        compare(book, [*first, *run])


def compare(book: Book, run: Sequence[Operation]) -> None:
    """
    Do *run* with *book* and the model, and compare what they say on the way and after.
    """
    pair = Pair(book, MemoryBook(test_clock=NOW))
    for operation in run:
        pair.do(operation)
    pair.compare_all()


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
        try:
            match operation:
                case Record(events=told):
                    return [*book.record(told)]
                case Void(id=id_):
                    return [book.void(source="api", id=id_, actor=who, reason=why)]
                case Amend(id=id_, replacement=event):
                    said = book.amend(
                        source="api", id=id_, replacement=event, actor=who, reason=why
                    )
                    return [said]
                case Attribute(subject=subject, customer=customer, at=at, id=id_):
                    return [book.attribute(subject, customer, effective_at=at, id=id_)]
                case Define(key=key, event_type=type_):
                    book.define({key: {"event_type": type_, **METERS[key]}})
                    return []
        except errors.CallerError as error:
            return [error.code]

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

    def compare_all(self) -> None:
        """
        Read everything, before the worker has come to it, after, and without rollups.
        """
        self.read_all()
        self.book.work()
        last = self.book.status().numbered_place
        assert last == len(self.model.entries)
        self.read_all()
        self.compare_listings()
        self.book.drop_rollups()
        self.read_all(place=last)
        self.book.work()
        assert self.book.verify().problems == []

    def read_all(self, place: int | None = None) -> None:
        """
        Read every meter for everybody, by group and together.
        """
        for key in self.model.meters:
            by = ["model"] if key in GROUPED else []
            found = self.book.read_many(
                key,
                customers=CUSTOMERS,
                periods=PERIODS,
                group_by=by,
                place=place,
            )
            pairs = itertools.product(CUSTOMERS, PERIODS)
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

    def target(self, void: EntryView) -> int:
        """
        Return what a void is of, as the model calls it.
        """
        entry_id = void.data["entry_id"]
        assert isinstance(entry_id, int)
        return self.whose[entry_id]


def described(
    entry: EventEntry | VoidEntry | AttributionEntry,
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
