"""
What was acknowledged is there once, however a process that has the book ends.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
import signal
import time

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from psycopg.conninfo import conninfo_to_dict

from meterbook import Book, Duplicate, Event, Period, Recorded
from stores.sqlite_books import start


if TYPE_CHECKING:
    import subprocess

    from pathlib import Path


METERS: dict[str, dict[str, object]] = {
    "tokens": {"aggregation": "sum", "value": "n", "group_by": ["model"]},
    "level": {"aggregation": "peak", "value": "n"},
    "seen": {"aggregation": "unique", "value": "model"},
}
MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BATCH = 20
ROUNDS = 2

# Records batches that overlap by half, and prints the ids of what was acknowledged.
RECORDS = """
import datetime as dt, sys
from meterbook import Book, Event
book = Book.open(sys.argv[1])
print("ready", flush=True)
first = int(sys.argv[2])
while True:
    batch = [
        Event(
            source="api", id=str(number), type="llm.request", customer="acme",
            time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number),
            data={"n": number % 7, "model": number % 3},
        )
        for number in range(first, first + 20)
    ]
    book.record(batch)
    print(*(event.id for event in batch), flush=True)
    first += 10
"""

# Works in small steps and, when nothing is left, forgets the rollups and begins anew.
WORKS = """
import sys
from meterbook import Book
from meterbook.services.worker.following import work_once
book = Book.open(sys.argv[1])
print("ready", flush=True)
while True:
    step = work_once(book._store, entries_max=37)
    print(step.posted, step.rolled, flush=True)
    if step.idle:
        book.drop_rollups()
"""


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """
    Give the address of an empty book with meters, in either store.
    """
    if request.param == "sqlite":
        address = str(tmp_path / "usage.db")
        Book.create(address).close()
    else:
        # The fixture's address is in libpq's words; a book's is a URL.
        dsn = request.getfixturevalue("postgres_dsn")
        address = f"postgresql:///?{urlencode(conninfo_to_dict(dsn))}"
    with Book.open(address) as book:
        book.define(
            {key: {"event_type": "llm.request", **METERS[key]} for key in METERS}
        )
    return address


def killed_after(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """
    Kill a process as `kill -9` does, and return the whole lines it had printed.
    """
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate(timeout=30)
    return [line[:-1] for line in output.splitlines(keepends=True) if line[-1] == "\n"]


def event(number: int) -> Event:
    """
    Return what the process that records says of *number*.
    """
    return Event(
        source="api",
        id=str(number),
        type="llm.request",
        customer="acme",
        time=MOMENT + number * dt.timedelta(minutes=1),
        data={"n": number % 7, "model": number % 3},
    )


def check(book: Book, acknowledged: set[str]) -> int:
    """
    Check that all of *acknowledged* is in the book, once; return how many events are.
    """
    entries = all_ids(book)
    assert len(entries) == len(set(entries))
    assert acknowledged <= set(entries)
    there = len(entries)
    assert set(entries) == {str(number) for number in range(there)}

    again = book.record([event(number) for number in range(there)])
    assert {type(answer) for answer in again} == {Duplicate}
    fresh = book.record([event(number) for number in range(there, there + 5)])
    assert {type(answer) for answer in fresh} == {Recorded}
    book.work()
    total = there + 5
    period = Period(MOMENT, MOMENT + dt.timedelta(days=400))
    found = {key: book.read(key, customer="acme", period=period) for key in METERS}
    assert found["tokens"].units == sum(number % 7 for number in range(total))
    assert found["tokens"].provenance.entries == total
    assert (found["level"].units, found["seen"].units) == (6, 3)
    assert book.verify().problems == []
    return total


def all_ids(book: Book) -> list[str]:
    book.work()
    found: list[str] = []
    for _ in itertools.count():
        page = book.entries(after=len(found), limit=1_000)
        found += [entry.id for entry in page]
        if len(page) < 1_000:
            break
    return found


def test_a_killed_recorder_loses_nothing_and_doubles_nothing(target: str) -> None:
    """
    What it had acknowledged is there once, what it had not is there whole or not at
    all, and saying everything again changes nothing.
    """
    chance = random.Random()  # noqa: S311 - any moment will do
    count = 0
    for _ in range(ROUNDS):
        process = start(RECORDS, target, max(0, count - BATCH))
        lines = killed_after(process, chance.uniform(0.05, 0.6))
        acknowledged = {id_ for line in lines for id_ in line.split()}
        with Book.open(target) as book:
            count = check(book, acknowledged)
    assert count > BATCH


def test_a_killed_worker_leaves_the_book_to_the_next(target: str) -> None:
    """
    Whatever step it was in, the next one goes on from its last; every number is right.
    """
    chance = random.Random()  # noqa: S311 - any moment will do
    steps = 0
    with Book.open(target) as book:
        for turn in range(ROUNDS):
            first = turn * 305
            book.record([event(number) for number in range(first, first + 300)])
            process = start(WORKS, target)
            steps += len(killed_after(process, chance.uniform(0.0, 0.5)))
            wait_for_turn(book)
            assert check(book, set()) == first + 305
    assert steps > 0


def wait_for_turn(book: Book) -> None:
    """
    Wait until the server has seen that the other worker is gone.
    """
    deadline = time.monotonic() + 20
    while book.work(until_caught_up=False).busy:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_recorder_and_worker_leave_a_sound_book(target: str) -> None:
    """
    Both at once, each killed in the middle of what the other does.
    """
    chance = random.Random()  # noqa: S311 - any moment will do
    recorder = start(RECORDS, target, 0)
    worker = start(WORKS, target)
    killed_after(worker, chance.uniform(0.2, 0.6))
    lines = killed_after(recorder, chance.uniform(0.0, 0.3))

    with Book.open(target) as book:
        wait_for_turn(book)
        check(book, {id_ for line in lines for id_ in line.split()})
