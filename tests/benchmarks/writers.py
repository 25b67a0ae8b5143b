"""
Thirty-two writers of one customer: an append each, against an update of one counter.

From Python by four processes of eight threads, each thread with a connection; and by
pgbench, with the statement of the store's own SQL file, which leaves out what Python
costs and shows what the lock on the counter's row does.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import re
import subprocess
import threading
import time
import uuid

from typing import TYPE_CHECKING, Final

import psycopg

import servers

from benchmarks.measuring import Figure, Outcome, Samples, at_least
from benchmarks.pairs import defined
from benchmarks.workloads import event_at
from meterbook import Recorded
from meterbook.stores.postgres.sessions import queries


if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection as Pipe
    from pathlib import Path

    from benchmarks.places import Kept, Places
    from meterbook import Book

TITLE = "PostgreSQL: 32 writers of one customer append, against 32 updates of a counter"

THREADS: Final = 8

TARGET_PYTHON = 3.0
TARGET_PGBENCH = 5.0

AT: Final = 1_714_521_600_000_000  # 2024-05-01
UPDATE: Final = (
    "UPDATE counters.counters SET events = events + 1 WHERE customer = 'acme'"
)
COUNTERS: Final = (
    "CREATE SCHEMA counters",
    "CREATE TABLE counters.counters (customer text PRIMARY KEY, events bigint)",
    "INSERT INTO counters.counters VALUES ('acme', 0)",
)

# The values of an entry as pgbench knows them; n is drawn for each.
VALUES: Final = (
    "(:n::bigint, 0, 'api', 'r-' || :n::bigint, 'llm.request', NULL::bigint,"
    " NULL::bigint, 'acme',"
    f" {AT}, 1, '{{\"tokens\": 1}}', '', decode(repeat('ab', 32), 'hex'), {AT})"
)
DRAWN: Final = "\\set n random(1, 9000000000000000000)\n"


def run(places: Places) -> Outcome:
    processes = places.scale.of(quick=1, full=4)
    clients = processes * THREADS
    seconds = places.scale.of(quick=0.1, full=5.0)
    rounds = places.scale.of(quick=1, full=5)
    kept = places.schema("writers")
    defined(kept).close()
    for statement in COUNTERS:
        servers.ask(kept.target, statement)
    python = _by_python(kept, processes, seconds=seconds, rounds=rounds)
    pgbench = _by_pgbench(
        places, kept, clients, seconds=max(1, round(seconds)), rounds=rounds
    )
    return Outcome(
        sizes={
            "writers": clients,
            "python": f"{processes} processes of {THREADS} threads, a connection each",
            "pgbench": f"{clients} clients, 2 threads, prepared statements",
            "seconds_a_round": seconds,
            "rounds": rounds,
            "meters": 3,
        },
        figures=[
            _figure("from Python", python, target=TARGET_PYTHON),
            _figure("by pgbench, with our SQL", pgbench, target=TARGET_PGBENCH),
        ],
    )


def _figure(what: str, rates: list[tuple[float, float]], *, target: float) -> Figure:
    return Figure(
        what=what,
        ours=Samples("appends", "tx/s", tuple(a for a, _ in rates)),
        against=Samples("updates", "tx/s", tuple(b for _, b in rates)),
        target=at_least(target),
    )


def _by_python(
    kept: Kept, processes: int, *, seconds: float, rounds: int
) -> list[tuple[float, float]]:
    """
    Return the transactions a second of each round: appends, updates.
    """
    with _processes(kept, processes) as pipes:

        def rate(what: str) -> float:
            for pipe in pipes:
                pipe.send((what, seconds))
            counts: list[int] = [pipe.recv() for pipe in pipes]
            return sum(counts) / seconds

        rate("append")  # connections are made, statements prepared
        rate("update")
        return [(rate("append"), rate("update")) for _ in range(rounds)]


@contextlib.contextmanager
def _processes(kept: Kept, count: int) -> Iterator[list[Pipe]]:
    """
    Start the processes of the writers, and end them at the end.
    """
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=_serve, args=(kept, theirs), daemon=True)
        for _, theirs in pairs
    ]
    for process in processes:
        process.start()
    try:
        yield [ours for ours, _ in pairs]
    finally:
        for (ours, theirs), process in zip(pairs, processes, strict=True):
            with contextlib.suppress(BrokenPipeError):
                ours.send(None)
            process.join()
            process.close()
            ours.close()
            theirs.close()


def _serve(kept: Kept, pipe: Pipe) -> None:
    """
    Write for as long as is asked, and answer how often, until nothing is asked.
    """
    with contextlib.ExitStack() as stack:
        book = stack.enter_context(kept.opened())
        connections = [
            stack.enter_context(psycopg.connect(kept.target, autocommit=True))
            for _ in range(THREADS)
        ]
        while (asked := pipe.recv()) is not None:
            what, seconds = asked
            pipe.send(_write(what, seconds, book, connections))


def _write(
    what: str,
    seconds: float,
    book: Book,
    connections: list[psycopg.Connection[tuple[object, ...]]],
) -> int:
    """
    Return how many transactions all threads did in so many *seconds*.
    """
    counts = [0] * THREADS
    deadline = time.perf_counter() + seconds

    def append(thread: int) -> None:
        while time.perf_counter() < deadline:
            [outcome] = book.record(
                [
                    event_at(
                        AT,
                        "acme",
                        "ann",
                        id_=str(uuid.uuid4()),
                        tokens=1,
                        duration_ms=1,
                    )
                ]
            )
            assert isinstance(outcome, Recorded)
            counts[thread] += 1

    def update(thread: int) -> None:
        execute = connections[thread].execute
        while time.perf_counter() < deadline:
            execute(UPDATE)
            counts[thread] += 1

    target = {"append": append, "update": update}[what]
    threads = [threading.Thread(target=target, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def _by_pgbench(
    places: Places, kept: Kept, clients: int, *, seconds: int, rounds: int
) -> list[tuple[float, float]]:
    """
    Return the transactions a second of each round: appends, updates.
    """
    insert = queries(kept.schema)["append_one"].decode()
    insert = re.sub(r"(?<=VALUES )\(.+?\n\)", lambda _: VALUES, insert, flags=re.DOTALL)
    appends = places.folder / "append.pgbench"
    appends.write_text(f"{DRAWN}{insert};\n", encoding="utf-8")
    updates = places.folder / "update.pgbench"
    updates.write_text(f"{UPDATE};\n", encoding="utf-8")
    pgbench = functools.partial(_pgbench, kept, clients, seconds)
    return [(pgbench(appends), pgbench(updates)) for _ in range(rounds)]


def _pgbench(kept: Kept, clients: int, seconds: int, script: Path) -> float:
    """
    Return the transactions a second of so many *clients* of a *script*.
    """
    found = subprocess.run(
        [
            servers.PGBENCH,
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            "--jobs=2",
            f"--time={seconds}",
            f"--file={script}",
            kept.target,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    rate = re.search(r"^tps = ([\d.]+)", found.stdout, re.MULTILINE)
    assert rate is not None, found.stdout
    return float(rate[1])
