"""
How long a migration keeps those waiting who record meanwhile.

The book has had the first migration only, and holds the entries of the large one. Four
threads insert an entry after the other, as the store does; the longest that one of them
waited for an answer is what counts. That of a stretch without a migration stands beside
it: so long one waits for the disk alone.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
import time

from typing import TYPE_CHECKING, Final

import psycopg

from benchmarks.large_books import entries_large, filled
from benchmarks.measuring import Figure, Outcome, Samples, at_most, timed
from meterbook import Book
from meterbook.stores.migrating import newest_version, pending
from meterbook.stores.postgres.connections import connect
from meterbook.stores.postgres.migrating import run_migrations
from meterbook.stores.postgres.sessions import Session, queries


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.places import Kept, Places

TITLE = "PostgreSQL: the longest a writer waits while a book of 5 million is migrated"

TARGET = 1.0
WRITERS = 4

COLUMNS: Final = (
    "entry_id, kind, source, event_id, type, subject_id, actor_id, customer,"
    " occurred_at, time_given, data, extensions, fingerprint, recorded_at"
)


def run(places: Places) -> Outcome:
    around = places.scale.of(quick=0.1, full=5.0)
    large = filled(places, places.schema("large"), entries=entries_large(places))
    kept = places.schema("version_1")
    _make_version_1(kept, large.kept)

    quiet = _longest(kept, lambda: time.sleep(2 * around), around=0)
    took: list[float] = []
    migrating = _longest(
        kept, lambda: took.append(timed(lambda: _migrate(kept))), around=around
    )
    with kept.opened() as book:
        first = _longest(
            kept, lambda: took.append(timed(lambda: book.work(until_caught_up=False)))
        )
    places.forget(kept)
    return Outcome(
        sizes={
            "entries": large.entries,
            "writers": WRITERS,
            "from_version": 1,
            "to_version": newest_version("postgres"),
        },
        figures=[
            _figure("longest wait of a writer, nothing beside", quiet),
            _figure("longest wait, migrating", migrating, target=TARGET),
            _figure("longest wait, the worker's first step", first, target=TARGET),
            _figure("the migration took", took[0]),
            _figure("the worker's first step took", took[1]),
        ],
    )


def _figure(what: str, seconds: float, *, target: float | None = None) -> Figure:
    return Figure(
        what=what,
        ours=Samples("ours", "s", (seconds,)),
        target=None if target is None else at_most(target),
    )


def _make_version_1(kept: Kept, large: Kept) -> None:
    """
    Make a book that has had the first migration, with the entries of the large one.
    """
    with contextlib.closing(connect(kept.target)) as connection:
        session = Session(connection, schema=kept.schema)
        session.run("create_schema")
        run_migrations(session, pending("postgres", stored=0)[:1])
        connection.execute(
            f'INSERT INTO "{kept.schema}".entries ({COLUMNS})'
            f' SELECT {COLUMNS} FROM "{large.schema}".entries'.encode()
        )
    kept.settle()


def _migrate(kept: Kept) -> None:
    Book.migrate(kept.target, schema=kept.schema).close()


def _longest(kept: Kept, work: Callable[[], object], *, around: float = 0.1) -> float:
    """
    Return the longest that one of the writers waited while *work* was done, and for so
    many seconds *around* it.
    """
    over = threading.Event()
    waits = [0.0] * WRITERS
    threads = [
        threading.Thread(target=_write, args=(kept, writer, waits, over))
        for writer in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(around)
    try:
        work()
        time.sleep(around)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert all(waits), "a writer wrote nothing"
    return max(waits)


def _write(kept: Kept, writer: int, waits: list[float], over: threading.Event) -> None:
    """
    Insert one entry after the other, and keep the longest wait in *waits*.
    """
    insert = queries(kept.schema)["append_one"]
    with psycopg.connect(kept.target, autocommit=True) as connection:
        connection.execute(insert, next(rows := _rows(writer)))
        while True:
            waits[writer] = max(
                waits[writer],
                timed_once(functools.partial(connection.execute, insert, next(rows))),
            )
            if over.is_set():
                return


def timed_once(work: Callable[[], object]) -> float:
    """
    Return the seconds of *work*; no rubbish is collected, which would stop the others.
    """
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _rows(writer: int) -> Iterator[tuple[object, ...]]:
    """
    Yield entries that nobody else offers.
    """
    begun = time.time_ns()
    for number in itertools.count():
        id_ = begun + writer * 1_000_000_000_000 + number
        yield (
            id_, 0, "writer", str(id_), "llm.request", None, None, "acme",
            1_714_521_600_000_000, 1, '{"tokens":1}', "", bytes(32), 0,
        )  # fmt: skip
