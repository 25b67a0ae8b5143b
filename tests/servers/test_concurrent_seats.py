"""
Sixteen writers at once: the recorded peak is the highest of the committed states.

Members join and leave, or are counted, at every isolation level. What the book says is
compared with an oracle that saw the rows in the order of the commits, and not only at
the peak: the levels that the book knows are those of the committed states, one by one.
"""

from __future__ import annotations

import itertools
import subprocess
import sys

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import servers

from integrations.applications import sqlite_application
from integrations.seat_writers import (
    TEAMS,
    WRITERS,
    Job,
    committed_on_postgres,
    committed_on_sqlite,
    watched_postgres,
    watched_sqlite,
    write,
)
from meterbook.services.entries.listing import EventQuery


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from meterbook import Book

    Run = Callable[[list[Job]], None]


MODES = ["members", "counts"]
ISOLATIONS = ["READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE"]

# Of each writer: some hundred commits in a second or two; and of the long version.
FEW = 6
MANY = 150

# Deadlocks are meant to happen; nobody has to wait a second for one to be found.
LOGGED = {"wal_level": "logical", "deadlock_timeout": "20ms"}


def by_threads(jobs: list[Job]) -> None:
    """
    Do all *jobs* at once, each in a thread with connections of its own.
    """
    with ThreadPoolExecutor(len(jobs)) as pool:
        for running in [pool.submit(write, job) for job in jobs]:
            running.result(timeout=300)


def by_processes(jobs: list[Job]) -> None:
    """
    Do all *jobs* at once, each in a process.
    """
    path = ":".join(entry for entry in sys.path if entry)
    program = [sys.executable, "-m", "integrations.seat_writers"]
    running = [
        subprocess.Popen([*program, *map(str, job)], env={"PYTHONPATH": path})
        for job in jobs
    ]
    assert [process.wait(timeout=600) for process in running] == [0] * len(jobs)


@pytest.fixture(scope="module")
def logged_server() -> Iterator[str]:
    """
    Give the address of a server whose log says which rows each commit had.
    """
    with servers.running_server(settings=LOGGED) as server:
        yield server.dsn()


def check_postgres(
    server: str, mode: str, isolation: str, *, run: Run, count: int
) -> None:
    name = f"seats_{mode}_{isolation}".lower()
    dsn = servers.create_database(server, name=name)
    try:
        from meterbook.stores.postgres import PostgresStore  # noqa: PLC0415 - for this

        PostgresStore.create(dsn).close()
        with watched_postgres(dsn) as book:
            run(
                [
                    Job("postgres", dsn, mode, isolation, seed, count)
                    for seed in range(WRITERS)
                ]
            )
            check(book, mode, committed_on_postgres(dsn))
    finally:
        servers.drop_database(server, name=name)


def check_sqlite(path: Path, mode: str, *, run: Run, count: int) -> None:
    with sqlite_application(path) as book:
        watched_sqlite(str(path))
        run(
            [
                Job("sqlite", str(path), mode, "-", seed, count)
                for seed in range(WRITERS)
            ]
        )
        check(book, mode, committed_on_sqlite(str(path)))


def check(book: Book, mode: str, committed: dict[str, list[int]]) -> None:
    """
    Compare what the book says of each team with the committed states of it.
    """
    book.work()
    meter, levels = ("seats", joined) if mode == "members" else ("level", counted)
    for team in TEAMS:
        states = committed[team]
        assert len(states) > FEW
        reading = book.read(meter, customer=team, start="2020-01-01", end="2100-01-01")
        assert reading.units == max(states)
        assert reading.last_units == states[-1]
        assert moves(levels(book, team)) == moves(states)
    assert book.verify().problems == []


def moves(levels: Iterable[int]) -> list[int]:
    """
    Return *levels* from nobody on, without those that are the same as before.
    """
    return [level for level, _ in itertools.groupby(itertools.chain([0], levels))]


def counted(book: Book, team: str) -> Iterator[int]:
    """
    Yield the level at each instant of a team's counts: the last one of that instant.
    """
    entries = sorted(seat_entries(book, team))
    for _, same in itertools.groupby(entries, key=lambda entry: entry[0]):
        *_, (_, _, _, units) = same
        yield int(units)


def joined(book: Book, team: str) -> Iterator[int]:
    """
    Yield how many were in after each instant, found by a set of names.
    """
    present = set()
    entries = sorted(seat_entries(book, team))
    for _, same in itertools.groupby(entries, key=lambda entry: entry[0]):
        for _, _, name, what in same:
            if what == "join":
                present.add(name)
            else:
                present.discard(name)
        yield len(present)


def seat_entries(book: Book, team: str) -> list[tuple[dt.datetime, int, str, str]]:
    return [
        (
            entry.time,
            entry.place or 0,
            entry.subject or "",
            str(entry.data.get("change", entry.data.get("units"))),
        )
        for entry in book.entries(EventQuery(customer=team), limit=10_000)
    ]


@pytest.mark.parametrize("mode", MODES)
def test_the_peak_on_sqlite_is_the_true_one(tmp_path: Path, mode: str) -> None:
    """
    Sixteen threads write to one file, and each state that was committed is a level.
    """
    check_sqlite(tmp_path / "application.db", mode, run=by_threads, count=FEW)


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("mode", MODES)
def test_the_peak_on_postgres_is_the_true_one(
    logged_server: str, mode: str, isolation: str
) -> None:
    """
    Sixteen threads write to one database, and each state that was committed is a level,
    whatever each transaction saw of the others.
    """
    check_postgres(logged_server, mode, isolation, run=by_threads, count=FEW)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_the_peak_on_sqlite_is_the_true_one_for_long(tmp_path: Path, mode: str) -> None:
    """
    So it is with sixteen processes, for thousands of commits.
    """
    check_sqlite(tmp_path / "application.db", mode, run=by_processes, count=MANY)


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("mode", MODES)
def test_the_peak_on_postgres_is_the_true_one_for_long(
    logged_server: str, mode: str, isolation: str
) -> None:
    """
    So it is with sixteen processes, for thousands of commits.
    """
    check_postgres(logged_server, mode, isolation, run=by_processes, count=MANY)
