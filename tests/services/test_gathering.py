"""
Group commit: several threads, one transaction, an answer of its own for each.
"""

from __future__ import annotations

import threading

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Conflict, Duplicate, Event, Recorded
from meterbook.foundation.errors import StoreError
from meterbook.ports import Appended
from meterbook.services.entries.gathering import GATHERED_ROWS_MAX, Gathering
from services.books import on_postgres


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from meterbook.ports import NewEntry

THREADS = 8


@pytest.fixture(params=["sqlite", "postgres"])
def any_book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    """
    Give a book in each store.
    """
    if request.param == "sqlite":
        with Book.create(tmp_path / "usage.db") as book:
            yield book
    else:
        with on_postgres(request.getfixturevalue("postgres_dsn")) as book:
            yield book


def row(event_id: str) -> NewEntry:
    return (
        0, "api", event_id, "x", None, None, "acme", 0, 1, "{}", "", bytes(32), 0,
    )  # fmt: skip


class Ledger:
    """
    Appends one call at a time, stops where it is told to, and remembers each call.
    """

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.go_on = threading.Event()
        self.entered = threading.Event()
        self.refuses: set[str] = set()

    def append(self, rows: Sequence[NewEntry], *, erasures: str) -> Appended | None:
        """
        Answer with the length of each event id as the entry's id.
        """
        self.calls.append([one[2] for one in rows])
        self.entered.set()
        assert self.go_on.wait(10)
        if self.refuses & {one[2] for one in rows}:
            raise StoreError("no", retryable=False)  # noqa: EM101 - a test's
        if erasures == "changed":
            return None
        return Appended([len(one[2]) for one in rows], {})


def appended_by_threads(
    ledger: Ledger, batches: Sequence[tuple[str, str]]
) -> list[Appended | StoreError | None]:
    """
    Return what each batch was answered: the first leads, the others gather behind it.
    """
    gathering = Gathering(ledger.append)

    def one(event_id: str, erasures: str) -> Appended | StoreError | None:
        try:
            return gathering.append([row(event_id)], erasures=erasures)
        except StoreError as error:
            return error

    with ThreadPoolExecutor(len(batches)) as pool:
        first = pool.submit(one, *batches[0])
        assert ledger.entered.wait(10)
        others = [pool.submit(one, *batch) for batch in batches[1:]]
        while len(gathering._waiting) < len(others):
            pass
        ledger.go_on.set()
        return [first.result(), *(other.result() for other in others)]


def test_who_comes_meanwhile_is_written_together() -> None:
    """
    While one is written the others gather, and are one transaction behind it.
    """
    ledger = Ledger()

    found = appended_by_threads(ledger, [("a", "0"), ("bb", "0"), ("ccc", "0")])

    assert [one.entry_ids for one in found if isinstance(one, Appended)] == [
        [1],
        [2],
        [3],
    ]
    assert [sorted(call) for call in ledger.calls] == [["a"], ["bb", "ccc"]]


def test_who_knows_of_other_erasures_is_written_apart() -> None:
    """
    Only those who know the same erasures share an answer about them.
    """
    ledger = Ledger()

    found = appended_by_threads(ledger, [("a", "0"), ("bb", "changed"), ("ccc", "0")])

    assert found[1] is None
    assert [one.entry_ids for one in found if isinstance(one, Appended)] == [[1], [3]]
    assert all(len(call) == 1 for call in ledger.calls)


def test_one_that_fails_fails_alone() -> None:
    """
    What cannot be written together is tried apart: who is refused is refused alone.
    """
    ledger = Ledger()
    ledger.refuses = {"bb"}

    found = appended_by_threads(ledger, [("a", "0"), ("bb", "0"), ("ccc", "0")])

    assert isinstance(found[1], StoreError)
    assert [one.entry_ids for one in found if isinstance(one, Appended)] == [[1], [3]]


def test_a_large_batch_waits_for_nobody() -> None:
    """
    A batch that is a transaction's worth is written at once, whoever leads.
    """
    ledger = Ledger()
    ledger.go_on.set()
    gathering = Gathering(ledger.append)
    gathering._led = True

    rows = [row(str(n)) for n in range(GATHERED_ROWS_MAX + 1)]

    assert gathering.append(rows, erasures="0") is not None
    assert len(ledger.calls) == 1


def test_threads_record_each_event_once(any_book: Book) -> None:
    """
    Threads that tell the same events at the same time get one Recorded for each, and
    Duplicate or Conflict for the rest; who is alone after that is not held up.
    """
    barrier = threading.Barrier(THREADS)

    def tell(thread: int) -> list[object]:
        barrier.wait()
        found: list[object] = []
        for number in range(40):
            size = 2 if thread == 0 and number % 10 == 0 else 1
            event = Event(
                source="api",
                id=f"e-{number}",
                type="x",
                customer="acme",
                subject="ann",
                data={"size": size},
            )
            found += any_book.record([event])
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [one for found in pool.map(tell, range(THREADS)) for one in found]

    kinds = Counter(type(one) for one in answers)
    assert kinds[Recorded] == 40
    assert kinds[Recorded] + kinds[Duplicate] + kinds[Conflict] == 40 * THREADS
    assert 4 <= kinds[Conflict] <= 4 * (THREADS - 1)
    any_book.work()
    assert len(any_book.entries(limit=100)) == 40


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt(), StoreError("gone", retryable=True)]
)
def test_a_leader_that_dies_leaves_nobody_waiting(failure: BaseException) -> None:
    """
    Whatever stops who leads, those behind it write for themselves.
    """
    calls: list[int] = []

    def append(rows: Sequence[NewEntry], *, erasures: str) -> Appended:
        del erasures
        calls.append(len(rows))
        if len(calls) == 1:
            raise failure
        return Appended([1] * len(rows), {})

    gathering = Gathering(append)

    with pytest.raises(type(failure)):
        gathering.append([row("a")], erasures="0")
    assert gathering.append([row("b")], erasures="0") == Appended([1], {})
