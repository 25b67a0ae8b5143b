"""
A worker in a process of its own, which works when it is told to.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time

from typing import TYPE_CHECKING, Final

from meterbook import StoreError


if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Event as Flag

    from benchmarks.places import Kept

# How long the worker rests when there was nothing to do.
PAUSE_SECONDS: Final = 0.1

# How often we look whether it has caught up.
LOOK_SECONDS: Final = 0.02

CATCH_UP_SECONDS_MAX: Final = 900
END_SECONDS_MAX: Final = 60


class Worker:
    """
    The process, as seen from here.
    """

    def __init__(self, kept: Kept, working: Flag) -> None:
        self._store = kept.store()
        self._working = working

    def begin(self) -> None:
        self._working.set()

    def rest(self) -> None:
        self._working.clear()

    def await_place(self, place: int) -> None:
        """
        Wait until everything up to *place* is numbered, posted and rolled up.
        """
        deadline = time.monotonic() + CATCH_UP_SECONDS_MAX
        while not self._has_reached(place):
            assert time.monotonic() < deadline, "the worker does not catch up"
            time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        self._store.close()

    def _has_reached(self, place: int) -> bool:
        with self._store.reading() as reader:
            return reader.marks().posted >= place and all(
                row.rolled >= place for row in reader.meters()
            )


@contextlib.contextmanager
def worker_beside(kept: Kept) -> Iterator[Worker]:
    """
    Start a worker that rests until it is told to begin, and end it at the end.
    """
    context = multiprocessing.get_context("spawn")
    working, over = context.Event(), context.Event()
    process = context.Process(target=_work, args=(kept, working, over), daemon=True)
    process.start()
    worker = Worker(kept, working)
    try:
        yield worker
    finally:
        over.set()
        working.set()
        process.join(END_SECONDS_MAX)
        process.close()
        worker.close()


def _work(kept: Kept, working: Flag, over: Flag) -> None:
    """
    Do as `meterbook worker run` does, while told to.
    """
    with kept.opened() as book:
        while working.wait() and not over.is_set():
            try:
                idle = book.work(until_caught_up=False).idle
            except StoreError as error:
                if not error.retryable:
                    raise
                continue
            if idle:
                time.sleep(PAUSE_SECONDS)
