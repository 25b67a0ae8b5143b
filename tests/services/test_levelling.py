"""
Folding a whole history: what is remembered, what is merged, and what is left out.
"""

from __future__ import annotations

import datetime as dt
import random

from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Event
from meterbook.foundation.instants import to_micros
from meterbook.metering.members import run_members
from meterbook.metering.seats import level_changes
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.snapshots import Snapshot
from meterbook.services.readings.usage import find_meter
from meterbook.services.seats import levelling
from meterbook.services.seats.levelling import (
    Definitions,
    fold_history,
    running_of,
    standing_rows,
)
from meterbook.stores.postgres import reading as postgres_reading
from services.books import NOW, START, on_postgres


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.metering.members import Running
    from meterbook.ports import HistoryRow
    from meterbook.services.meters.compiling import ActiveMeter


UNTIL = to_micros(NOW) + 1
METERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "member", "aggregation": "members"},
    "direct": {
        "event_type": "member",
        "aggregation": "members",
        "filters": [{"path": "$source", "eq": "api"}],
    },
}


def change(  # noqa: PLR0913 - as many as a test may want to say
    number: int,
    data: dict[str, object],
    *,
    source: str = "api",
    subject: str | None = "ann",
    customer: str | None = "acme",
    time: dt.datetime | None = None,
) -> Event:
    return Event(
        source=source,
        id=str(number),
        type="member",
        time=time or START + number * dt.timedelta(minutes=1),
        customer=customer,
        subject=subject,
        data=data,
    )


def running(book: Book, key: str = "seats", **asked: object) -> Running:
    with book._store.reading() as reader:
        snapshot = Snapshot.of(reader, place=None)
        meter = compiled(find_meter(reader, key, None))
        return fold_history(snapshot, meter, "acme", until=UNTIL, **asked)  # type: ignore[arg-type]  # as asked


@pytest.fixture
def seats(book: Book) -> Book:
    book.move_clock(NOW)
    book.define(METERS)
    return book


def test_the_same_text_says_the_same_of_everybody(seats: Book) -> None:
    """
    A text of data that comes again is not read again, whoever it is about.
    """
    people = ["ann", "bob", "cid", "ann", "bob"]
    changes = ["join", "join", "join", "leave", "join"]
    seats.record(
        [
            change(number, {"change": said}, subject=who)
            for number, (who, said) in enumerate(zip(people, changes, strict=True))
        ]
    )

    assert list(running(seats).units) == [1, 2, 3, 2, 2]


def test_a_text_without_its_subject_is_another(seats: Book) -> None:
    """
    Of nobody nothing can be taken, though of somebody it was; and a baseline the other
    way round.
    """
    seats.record(
        [
            change(1, {"change": "join"}),
            change(2, {"change": "join"}, subject=None),
            change(3, {"change": "baseline"}, subject=None),
            change(4, {"change": "baseline"}),
            change(5, {"change": "join"}, subject="bob"),
        ]
    )

    assert list(running(seats).places) == [1, 3, 5]
    assert [place for place, _ in unusable(seats)] == [2, 4]


def unusable(book: Book) -> list[tuple[int | None, str]]:
    book.work()
    return [(one.entry.place, one.reason) for one in book.unusable("seats")]


def test_a_filter_may_look_at_the_source(seats: Book) -> None:
    """
    Then the same text of two sources is two things.
    """
    seats.record(
        [
            change(1, {"change": "join"}, source="api"),
            change(2, {"change": "join"}, source="test", subject="bob"),
            change(3, {"change": "join"}, source="api", subject="cid"),
        ]
    )

    assert list(running(seats, "direct").places) == [1, 3]
    assert list(running(seats).places) == [1, 2, 3]


def test_more_texts_than_are_kept(seats: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is not remembered is read, and says the same.
    """
    seats.record(
        [
            change(n, {"change": "join", "cause": str(n)}, subject=f"m{n}")
            for n in range(9)
        ]
    )
    before = running(seats)
    monkeypatch.setattr(levelling, "TEXTS_KEPT_MAX", 2)

    assert running(seats) == before
    assert list(before.units) == list(range(1, 10))


def test_what_is_left_out_is_as_if_void(seats: Book) -> None:
    """
    Without some places the level is that of a book in which they are void.
    """
    seats.record([change(n, {"change": "join"}, subject=f"m{n}") for n in range(6)])
    without = running(seats, without={2, 5})

    for id_ in ("1", "4"):
        seats.void(source="api", id=id_, actor="ops", reason="test")

    assert running(seats) == without
    assert list(without.places) == [1, 3, 4, 6]


def test_the_versions_of_what_counts(seats: Book) -> None:
    """
    Of each version it is known when it was used; what is no whole number is none.
    """
    said: list[object] = [1, 1, None, 2, "3", True, 1]
    seats.record(
        [
            change(n, {"change": "join", "definition": version}, subject=f"m{n}")
            for n, version in enumerate(said)
        ]
    )
    definitions = Definitions()
    running(seats, definitions=definitions)

    minutes = {
        version: [(at - to_micros(START)) // 60_000_000 for at in ats]
        for version, ats in definitions.seen_at.items()
    }
    assert minutes == {1: [0, 1, 6], 2: [3]}


def test_a_fold_is_remembered_by_its_snapshot(seats: Book) -> None:
    """
    The periods of one customer are read of one fold; another customer's takes its room.
    """
    seats.record([change(1, {"change": "join"})])
    with seats._store.reading() as reader:
        snapshot = Snapshot.of(reader, place=None)
        meter = compiled(find_meter(reader, "seats", None))
        first = running_of(snapshot, meter, "acme", until=UNTIL)

        assert running_of(snapshot, meter, "acme", until=UNTIL) is first
        running_of(snapshot, meter, "globex", until=UNTIL)
        assert len(snapshot.runnings) == 1
        assert running_of(snapshot, meter, "acme", until=UNTIL) == first


def told(book: Book, numbers: Sequence[int]) -> None:
    """
    Record changes at few moments, void some, and let others be attributed.
    """
    for number in numbers:
        chance = random.Random(number)  # noqa: S311 - the same story every time
        book.record(
            [
                change(
                    number,
                    {"change": chance.choice(["join", "join", "leave"])},
                    time=START + dt.timedelta(hours=chance.randrange(9)),
                    customer=chance.choice(["acme", None]),
                    subject=chance.choice(["ann", "bob", "cid", "dan"]),
                )
            ]
        )
        if number % 4 == 3:
            book.void(source="api", id=str(number - 2), actor="ops", reason="test")
        if number % 9 == 5:
            owner = chance.choice(["acme", "globex", None])
            book.attribute("ann", owner, effective_at=START, id=f"owner {number}")


def rows_of(book: Book, meter_key: str = "seats") -> tuple[Running, list[HistoryRow]]:
    """
    Return the fold, and the rows it was made of, as the book stands.
    """
    with book._store.reading() as reader:
        snapshot = Snapshot.of(reader, place=None)
        meter: ActiveMeter = compiled(find_meter(reader, meter_key, None))
        rows = list(standing_rows(snapshot, "member", "acme", until=UNTIL))
        return fold_history(snapshot, meter, "acme", until=UNTIL), rows


@pytest.mark.parametrize("rows", [1, 7, 5_000])
def test_posted_and_waiting_make_one_history(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """
    However much is posted, and however it is fetched, the level is the same.
    """
    monkeypatch.setattr(postgres_reading, "SHORT_HISTORY_ROWS", rows)
    with on_postgres(postgres_dsn) as book:
        book.define(METERS)
        told(book, range(20))
        book.work()
        told(book, range(20, 40))
        waiting, found = rows_of(book)
        book.work()
        posted, again = rows_of(book)

        assert (waiting.ats, waiting.units) == (posted.ats, posted.units)
        assert len(found) == len(again) == len(posted.ats) > 5
        reading = book.read("seats", customer="acme", start=START, end=NOW, as_of=NOW)
        held = level_changes(posted)
        assert reading.units == max(units for _, units in held)


def test_a_long_history_that_is_left_half_read(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever stops reading in the middle can ask something else afterwards.
    """
    monkeypatch.setattr(postgres_reading, "SHORT_HISTORY_ROWS", 1)
    with on_postgres(postgres_dsn) as book:
        book.define(METERS)
        told(book, range(20))
        book.work()
        with book._store.reading() as reader:
            rows = reader.history(
                customer="acme", type_="member", end=UNTIL, upto=1_000
            )
            next(rows)
            rows.close()  # type: ignore[attr-defined]  # a generator, when it is long

            assert reader.marks().posted > 20


def test_the_pure_fold_agrees(seats: Book) -> None:
    """
    What stands, folded by hand in order, is the level.
    """
    told(seats, range(30))
    found, rows = rows_of(seats)
    by_hand = run_members(
        [
            (at, place, (who, "", "active" if "join" in text else None))
            for at, place, _, _, who, text in rows
        ],
        ["active"],
    )

    assert by_hand == found
