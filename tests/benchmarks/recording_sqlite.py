"""
Recording into SQLite, worker off, against `executemany` of ready rows.

A round is ten batches, so that checkpoints of the log fall into every round of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, Outcome, at_least, in_turn, rates
from benchmarks.pairs import Pair
from benchmarks.workloads import ids_of, usual


if TYPE_CHECKING:
    from benchmarks.places import Places

TITLE = "SQLite: events recorded in batches of 1,000, against executemany of ready rows"

TARGETS = {"random": 0.7, "ordered": 0.5}


def run(places: Places) -> Outcome:
    scale = places.scale
    batch = scale.of(quick=100, full=1_000)
    entries = scale.of(quick=1_000, full=300_000, large=1_000_000)
    batches = scale.of(quick=1, full=10)
    rounds = scale.of(quick=2, full=21)
    sizes: dict[str, object] = {
        "entries_before": entries,
        "batch_events": batch,
        "round_events": batch * batches,
        "rounds": rounds,
        "meters": 3,
    }
    outcome = Outcome(sizes=sizes)
    for ids in ids_of(scale):
        kept = places.file(f"recording-{ids}")
        usage = usual(scale, expected=entries, ids=ids)
        with Pair.of(kept, usage, entries=entries) as pair:
            seconds = in_turn(
                pair.ours(batch=batch, batches=batches),
                pair.bare(batch=batch, batches=batches),
                rounds=rounds,
            )
        ours, raw = rates(seconds, amount=batch * batches, units=("events/s", "rows/s"))
        what = f"{ids} ids, batches of {batch:,}"
        target = at_least(TARGETS[ids])
        outcome.figures.append(Figure(what=what, ours=ours, against=raw, target=target))
        sizes[f"workload_{ids}"] = usage.description
    return outcome
