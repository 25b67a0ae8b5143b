"""
Threads and transactions that record the same events: each is recorded once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import threading

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Conflict, Duplicate, Event, Recorded, Refused
from meterbook.app.clocks import clock_of
from meterbook.stores.postgres import PostgresStore


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook import Recording


MOMENT = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
THREADS = 8
EVENTS = 500


def event(number: int, *, n: int = 1) -> Event:
    return Event(
        source="api",
        id=f"{number:04d}",
        type="llm.request",
        time=MOMENT + number * dt.timedelta(minutes=1),
        customer="acme",
        subject=f"person {number % 50}",
        data={"n": n},
    )


@pytest.fixture
def book(postgres_dsn: str) -> Iterator[Book]:
    """
    Give an empty book in PostgreSQL with one meter, for threads to share.
    """
    with contextlib.closing(PostgresStore.open(postgres_dsn)) as store:
        book = Book(store, clock_of(store))
        book.define(
            {
                "tokens": {
                    "event_type": "llm.request",
                    "aggregation": "sum",
                    "value": "n",
                }
            }
        )
        yield book


def at_once(book: Book, parts: list[list[list[Event]]]) -> list[list[Recording]]:
    """
    Let a thread for each part record its batches, all beginning together.
    """
    barrier = threading.Barrier(len(parts))

    def record(batches: list[list[Event]]) -> list[Recording]:
        barrier.wait(timeout=30)
        return [answer for batch in batches for answer in book.record(batch)]

    with ThreadPoolExecutor(len(parts)) as pool:
        return [
            running.result(timeout=120)
            for running in [pool.submit(record, part) for part in parts]
        ]


def batches(numbers: list[int], *, size: int, n: int = 1) -> list[list[Event]]:
    return [
        [event(number, n=n) for number in numbers[first : first + size]]
        for first in range(0, len(numbers), size)
    ]


def entry_id(answer: Recording) -> int:
    assert not isinstance(answer, Refused)
    return answer.entry_id


def check_total(book: Book, count: int) -> None:
    """
    Check that *count* events of 1 are in the book, and nothing else.
    """
    book.work()
    reading = book.read(
        "tokens", customer="acme", start=MOMENT, end=MOMENT + dt.timedelta(days=9)
    )
    assert reading.units == reading.provenance.entries == count
    assert not reading.provisional
    assert book.status().numbered_place == count
    assert book.verify().problems == []


@pytest.mark.parametrize("size", [1, 10, 100, EVENTS])
def test_what_all_threads_record_is_recorded_once(book: Book, size: int) -> None:
    """
    Of the answers to one event one is Recorded, all others are Duplicate of it.
    """
    count = EVENTS if size > 1 else 60
    parts = []
    for seed in range(THREADS):
        numbers = list(range(count))
        random.Random(seed).shuffle(numbers)  # noqa: S311 - any order will do
        parts.append(batches(numbers, size=size))

    answers = at_once(book, parts)

    told = [[one.id for batch in part for one in batch] for part in parts]
    recorded: Counter[str] = Counter()
    entry_ids: dict[str, set[int]] = {}
    for ids, of_thread in zip(told, answers, strict=True):
        for id_, answer in zip(ids, of_thread, strict=True):
            assert isinstance(answer, Recorded | Duplicate)
            recorded[id_] += isinstance(answer, Recorded)
            entry_ids.setdefault(id_, set()).add(answer.entry_id)
    assert set(recorded.values()) == {1}
    assert all(len(ids) == 1 for ids in entry_ids.values())
    assert len(entry_ids) == count
    check_total(book, count)


def test_overlapping_batches_in_opposite_order_both_end(book: Book) -> None:
    """
    Two batches that share events, one forward and one backward, neither wait for each
    other for ever nor lose an answer.
    """
    for turn in range(8):
        first = 40 * turn
        forward = [event(number) for number in range(first, first + 30)]
        backward = [event(number) for number in range(first + 10, first + 40)][::-1]

        one, other = at_once(book, [[forward], [backward]])

        assert (len(one), len(other)) == (30, 30)
        both = Counter(type(answer) for answer in one + other)
        assert both == {Recorded: 40, Duplicate: 20}
        assert [entry_id(answer) for answer in one[10:]] == [
            entry_id(answer) for answer in other[10:][::-1]
        ]
    check_total(book, 320)


def test_of_two_contents_one_is_recorded(book: Book) -> None:
    """
    Where threads say different things of one event, one is right and the others are in
    conflict with it.
    """
    numbers = list(range(50))
    parts = [batches(numbers, size=10, n=n) for n in (1, 2, 3, 4)]

    answers = at_once(book, parts)

    for of_event in zip(*answers, strict=True):
        kinds = Counter(type(answer) for answer in of_event)
        assert kinds == {Recorded: 1, Conflict: 3}
        assert len({entry_id(answer) for answer in of_event}) == 1
