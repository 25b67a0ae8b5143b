"""
The order in which events arrive, how often, and in which batches, changes no number.

Levels that begin at one instant are the exception, and kept out: of those the last in
the book's order holds (semantics 4.3). So every event of a set has a moment of its own.
"""

from __future__ import annotations

import datetime as dt
import itertools

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from meterbook import Book, Duplicate, Event, Period, Recorded, Refused
from meterbook.services.worker.following import catch_up, work_once
from stores.promise_runs import (
    CUSTOMERS,
    DAY,
    GROUPED,
    HOUR,
    METERS,
    MICROSECOND,
    NOW,
    START,
    VALUES,
)


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook import Reading


schemas = itertools.count()

EDGE = START + DAY
LATEST = NOW + dt.timedelta(minutes=5)

# Around the edge of a day and a month, very late, and up to what is still admitted.
MOMENTS = [
    *(EDGE + number * MICROSECOND for number in range(-3, 4)),
    *(EDGE + number * HOUR / 2 for number in (-3, -2, -1, 1, 2, 5)),
    START - 35 * DAY,
    NOW,
    LATEST,
]
REFUSED = [LATEST + MICROSECOND, NOW + 400 * DAY]

PERIODS = [
    Period(EDGE, EDGE + 28 * DAY),
    Period(EDGE - 30 * DAY, EDGE + 60 * DAY),
    Period(EDGE - HOUR / 2, EDGE + MICROSECOND),
    Period(START - 36 * DAY, EDGE),
]

# A few at a time: each is in many examples.
KEYS = st.lists(st.sampled_from(list(METERS)), min_size=3, max_size=5, unique=True)

BY_STORE = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """
    One set of events, and a way in which it may arrive.

    Attributes:
        events: Each once, in order of time.

        arriving: The same in any order, some of them again, in batches.

        working: After which batches the worker does a step, and of how many entries.

        late_meters: Whether meters are defined when all has arrived.

        keys: Of which meters.
    """

    events: list[Event]
    arriving: list[list[Event]]
    working: dict[int, int]
    late_meters: bool
    keys: list[str]


@st.composite
def disorders(draw: st.DrawFn) -> Disorder:
    """
    Draw a set of events and how it arrives.
    """
    times = draw(
        st.lists(
            st.sampled_from([*MOMENTS, *REFUSED]), min_size=1, max_size=14, unique=True
        )
    )
    events = [draw(_events(str(number), at)) for number, at in enumerate(sorted(times))]
    again = draw(st.lists(st.sampled_from(events), max_size=6))
    told = draw(st.permutations(events + again))
    cuts = sorted(draw(st.sets(st.integers(1, len(told)), max_size=5)) | {0, len(told)})
    return Disorder(
        events=events,
        arriving=[told[start:end] for start, end in itertools.pairwise(cuts)],
        working=draw(st.dictionaries(st.integers(0, 5), st.integers(1, 9))),
        late_meters=draw(st.booleans()),
        keys=draw(KEYS),
    )


def _events(id_: str, at: dt.datetime) -> st.SearchStrategy[Event]:
    return st.builds(
        Event,
        source=st.just("api"),
        id=st.just(id_),
        type=st.just("llm.request"),
        time=st.just(at),
        customer=st.sampled_from(["acme", "acme", "globex", None]),
        subject=st.just("ann"),
        data=st.fixed_dictionaries(
            {"n": st.sampled_from(VALUES)},
            optional={"model": st.sampled_from(["xl", "xs", None])},
        ),
    )


@settings(BY_STORE, max_examples=40)
@given(disorder=disorders())
def test_disorder_changes_no_number_in_sqlite(disorder: Disorder) -> None:
    """
    Permuted, repeated, cut into batches, worked on at any time: the same readings.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        check(book, disorder)


@settings(BY_STORE, max_examples=4)
@given(disorder=disorders())
def test_disorder_changes_no_number_in_postgres(
    empty_postgres_dsn: str, disorder: Disorder
) -> None:
    """
    Likewise in PostgreSQL, where places are given later.
    """
    # The fixture's address is in libpq's words; a book's is a URL.
    address = f"postgresql:///?{urlencode(conninfo_to_dict(empty_postgres_dsn))}"
    schema = f"disorder_{next(schemas)}"
    with Book.create(address, schema=schema, test_clock=NOW) as book:
        check(book, disorder)


def check(book: Book, disorder: Disorder) -> None:
    """
    Compare *book*, which is told in disorder, with one that is told in order, at once.
    """
    with Book.create(":memory:", test_clock=NOW) as tidy:
        define(tidy, disorder.keys)
        if not disorder.late_meters:
            define(book, disorder.keys)
        prepare(tidy)
        prepare(book)
        tidy.record(disorder.events)
        arrive(book, disorder)
        if disorder.late_meters:
            define(book, disorder.keys)

        expected = everything(tidy, disorder.keys)
        assert everything(book, disorder.keys) == expected
        catch_up(book._store, entries_max=3)
        assert everything(book, disorder.keys) == expected
        assert book.verify().problems == []


def prepare(book: Book) -> None:
    """
    Say whose ann is, before anything else: what is settled is never moved again.
    """
    book.attribute("ann", "globex", effective_at=START - 9_000 * DAY, id="first")
    book.attribute("ann", "acme", effective_at=EDGE, id="then")


def define(book: Book, keys: list[str]) -> None:
    book.define({key: {"event_type": "llm.request", **METERS[key]} for key in keys})


def arrive(book: Book, disorder: Disorder) -> None:
    """
    Tell *book* everything in disorder, and check each answer.
    """
    known: set[str] = set()
    for number, batch in enumerate(disorder.arriving):
        for event, answer in zip(batch, book.record(batch), strict=True):
            expected: type = Duplicate if event.id in known else Recorded
            if event.time in REFUSED:
                expected = Refused
            assert isinstance(answer, expected)
            known.add(event.id)
        if number in disorder.working:
            work_once(book._store, entries_max=disorder.working[number])


def everything(book: Book, keys: list[str]) -> list[object]:
    """
    Return what each meter says of everybody, now and as of the last moment there is.
    """
    return [
        said(reading)
        for key in keys
        for as_of in (NOW, LATEST)
        for reading in book.read_many(
            key,
            customers=CUSTOMERS,
            periods=PERIODS,
            group_by=["model"] if key in GROUPED else [],
            as_of=as_of,
        )
    ]


def said(reading: Reading) -> Sequence[object]:
    """
    Return what a reading says, without where in the book it was read.
    """
    return (
        reading.group,
        reading.units,
        reading.peak_at,
        reading.last_units,
        reading.carried_units,
        reading.known_since,
        reading.complete,
        reading.behind,
        reading.provenance.entries,
        *map(said, reading.groups),
    )
