"""
Every benchmark by its name, and running them one after the other.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks import (
    capturing,
    checkpoints,
    importing,
    migrating,
    reading,
    rebuild,
    recording_postgres,
    recording_sqlite,
    recording_worked,
    report_verify,
    seat_changes,
    seats_report,
    single,
    worker,
    writers,
)
from benchmarks.machine import machine, versions
from benchmarks.reporting import table, write_document


if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from benchmarks.measuring import Outcome
    from benchmarks.places import Places


class Benchmark(NamedTuple):
    """
    What is measured, in a sentence, and how.
    """

    title: str
    run: Callable[[Places], Outcome]


# Said below a table of tiny sizes.
QUICK: Final = "--quick: it runs; the sizes are too small to say more"

# In this order `migrating` and `rebuild` find the large book filled.
BENCHMARKS: Final = {
    "import": Benchmark(importing.TITLE, importing.run),
    "recording-sqlite": Benchmark(recording_sqlite.TITLE, recording_sqlite.run),
    "recording-postgres": Benchmark(recording_postgres.TITLE, recording_postgres.run),
    "recording-worked": Benchmark(recording_worked.TITLE, recording_worked.run),
    "worker": Benchmark(worker.TITLE, worker.run),
    "single": Benchmark(single.TITLE, single.run),
    "writers": Benchmark(writers.TITLE, writers.run),
    "checkpoints": Benchmark(checkpoints.TITLE, checkpoints.run),
    "reading": Benchmark(reading.TITLE, reading.run),
    "rebuild": Benchmark(rebuild.TITLE, rebuild.run),
    "migrating": Benchmark(migrating.TITLE, migrating.run),
    "seat-change": Benchmark(seat_changes.TITLE, seat_changes.run),
    "capture-bulk": Benchmark(capturing.TITLE, capturing.run),
    "seats-report": Benchmark(seats_report.TITLE, seats_report.run),
    "report-verify": Benchmark(report_verify.TITLE, report_verify.run),
}


def run(name: str, places: Places, *, folder: Path, console: Console) -> Outcome:
    """
    Run one benchmark, print its table, and write its document into *folder*.
    """
    benchmark = BENCHMARKS[name]
    began_at = dt.datetime.now(dt.UTC)
    on = machine()
    outcome = benchmark.run(places)
    caption = QUICK if places.scale.name == "quick" else ""
    heading = f"{name}: {benchmark.title}"
    console.print(table(heading, outcome.figures, caption=caption))
    write_document(
        folder / f"{name}.json",
        outcome,
        benchmark=name,
        title=benchmark.title,
        scale=places.scale.name,
        began_at=began_at,
        seconds=(dt.datetime.now(dt.UTC) - began_at).total_seconds(),
        machine=on,
        versions=versions(),
    )
    return outcome
