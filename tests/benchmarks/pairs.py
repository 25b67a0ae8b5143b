"""
A book and a raw table that hold the same and are told the same.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, Self, TypeVar

from benchmarks.raw import raw_beside
from benchmarks.workloads import METERS, rows_from


if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from benchmarks.measuring import Trial
    from benchmarks.places import Kept
    from benchmarks.raw import Raw, Row
    from benchmarks.workloads import Usage
    from meterbook import Book, Event
    from meterbook.ports import NewEntry

T = TypeVar("T")

FILL_BATCH = 10_000


class Pair:
    """
    A book with three meters and the raw table beside it.
    """

    def __init__(
        self, kept: Kept, book: Book, usage: Usage, people: dict[str, int]
    ) -> None:
        self.kept = kept
        self.book = book
        self.raw: Raw = raw_beside(kept)
        self._usage = usage
        self._people = people
        self._dealt: dict[int, list[Event]] = {}

    @classmethod
    @contextlib.contextmanager
    def of(cls, kept: Kept, usage: Usage, *, entries: int) -> Iterator[Self]:
        """
        Make both, each with the same *entries*, and close them at the end.

        The book has been told of everybody once, as one that is in use.
        """
        with defined(kept) as book:
            pair = cls(kept, book, usage, named(kept, usage.subjects))
            try:
                with contextlib.closing(kept.store()) as store:
                    for rows in fill_rows(usage.events, pair._people, entries):
                        store.append(rows)
                        pair.raw.append(pair.raw.ready(rows))
                pair._introduce()
                kept.settle()
                yield pair
                assert pair.raw.count() == kept.entry_count(), (
                    "one of both was told less"
                )
            finally:
                pair.raw.close()

    def ours(self, *, batch: int, batches: int) -> Trial:
        """
        Return the trial that records *batches* of library events.
        """

        def ready(round_: int) -> Callable[[], object]:
            parts = cut(self._deal(round_, batch * batches), batch)
            record = self.book.record

            def run() -> None:
                for part in parts:
                    record(part)

            return run

        return ready

    def bare(self, *, batch: int, batches: int) -> Trial:
        """
        Return the trial that appends the rows of the same events.
        """

        def ready(round_: int) -> Callable[[], object]:
            rows = rows_from(self._deal(round_, batch * batches), self._people)
            parts = [self.raw.ready(part) for part in cut(rows, batch)]
            append = self.raw.append

            def run() -> None:
                for part in parts:
                    append(part)

            return run

        return ready

    def next_event(self) -> tuple[Event, Row]:
        """
        Return an event, and the row that it is in the raw table.
        """
        [event] = self._usage.events(1)
        [row] = self.raw.ready(rows_from([event], self._people))
        return event, row

    def _introduce(self) -> None:
        events = self._usage.one_of_each()
        for part in cut(events, FILL_BATCH):
            self.book.record(part)
            self.raw.append(self.raw.ready(rows_from(part, self._people)))

    def _deal(self, round_: int, count: int) -> list[Event]:
        """
        Return the events of a round, which both are told.
        """
        if round_ not in self._dealt:
            self._dealt = {round_: self._usage.events(count)}
        return self._dealt[round_]


def defined(kept: Kept) -> Book:
    """
    Make a book with the meters of the workload.
    """
    book = kept.created()
    book.define(METERS)
    return book


def named(kept: Kept, subjects: Collection[str]) -> dict[str, int]:
    """
    Give an id to each of *subjects* and return them.
    """
    with contextlib.closing(kept.store()) as store, store.writing() as writer:
        return writer.name_people(subjects)


def fill_rows(
    next_events: Callable[[int], list[Event]],
    people: Mapping[str, int],
    entries: int,
) -> Iterator[list[NewEntry]]:
    """
    Yield batches of the next *entries* rows.
    """
    for start in range(0, entries, FILL_BATCH):
        events = next_events(min(FILL_BATCH, entries - start))
        yield rows_from(events, people)


def cut(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
