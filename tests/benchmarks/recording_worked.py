"""
Recording while a worker in another process follows, until it has caught up.

The time is that from the first event to when all are numbered, posted and rolled up;
the raw path only has to insert. The worker rests while the raw path is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.beside import PAUSE_SECONDS, Worker, worker_beside
from benchmarks.measuring import Figure, Outcome, at_least, in_turn, rates
from benchmarks.pairs import Pair
from benchmarks.workloads import ids_of, usual


if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measuring import Samples, Trial
    from benchmarks.places import Places

TITLE = "Recorded, numbered, posted and rolled up by a worker beside, against raw"

TARGET = 0.25


def run(places: Places) -> Outcome:
    scale = places.scale
    batch = scale.of(quick=100, full=1_000)
    entries = scale.of(quick=1_000, full=300_000, large=1_000_000)
    batches = scale.of(quick=1, full=200)
    rounds = scale.of(quick=1, full=5)
    sizes: dict[str, object] = {
        "entries_before": entries,
        "batch_events": batch,
        "round_events": batch * batches,
        "rounds": rounds,
        "meters": 3,
        "worker_pause_seconds": PAUSE_SECONDS,
    }
    outcome = Outcome(sizes=sizes)
    for place in (places.file, places.schema):
        for ids in ids_of(scale):
            kept = place(f"worked_{ids}")
            usage = usual(scale, expected=entries, ids=ids)
            with Pair.of(kept, usage, entries=entries) as pair:
                ours, raw = _measured(pair, batch=batch, batches=batches, rounds=rounds)
            store = "PostgreSQL" if kept.in_postgres else "SQLite"
            what = f"{store}, {ids} ids, batches of {batch:,}"
            target = at_least(TARGET)
            outcome.figures.append(
                Figure(what=what, ours=ours, against=raw, target=target)
            )
            sizes[f"workload_{ids}"] = usage.description
    return outcome


def _measured(
    pair: Pair, *, batch: int, batches: int, rounds: int
) -> tuple[Samples, Samples]:
    with worker_beside(pair.kept) as worker:
        worker.begin()
        worker.await_place(pair.kept.entry_count())
        worker.rest()
        seconds = in_turn(
            _followed(pair, worker, batch=batch, batches=batches),
            pair.bare(batch=batch, batches=batches),
            rounds=rounds,
        )
    return rates(seconds, amount=batch * batches, units=("events/s", "rows/s"))


def _followed(pair: Pair, worker: Worker, *, batch: int, batches: int) -> Trial:
    """
    Return the trial that records a round and waits for the worker.
    """
    recording = pair.ours(batch=batch, batches=batches)

    def ready(round_: int) -> Callable[[], object]:
        record = recording(round_)
        place = pair.kept.entry_count() + batch * batches

        def run_followed() -> None:
            worker.begin()
            record()
            worker.await_place(place)
            worker.rest()

        return run_followed

    return ready
