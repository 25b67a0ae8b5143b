"""
Recording into PostgreSQL, worker off, against COPY and INSERT ... SELECT.

The issue's other number, 60,000 events/s where the raw path does 110,000, can be read
from the same rows: ours and raw stand beside each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, Outcome, at_least, in_turn, rates
from benchmarks.pairs import Pair
from benchmarks.workloads import ids_of, usual


if TYPE_CHECKING:
    from benchmarks.places import Places

TITLE = "PostgreSQL: events recorded in batches, against COPY + INSERT ... SELECT"

TARGET = 0.6


def run(places: Places) -> Outcome:
    scale = places.scale
    sizes_of_batches = scale.of(quick=(50, 500), full=(1_000, 10_000))
    entries = scale.of(quick=1_000, full=300_000, large=1_000_000)
    amount = scale.of(quick=500, full=20_000)
    rounds = scale.of(quick=1, full=15)
    sizes: dict[str, object] = {
        "entries_before": entries,
        "batch_events": sizes_of_batches,
        "round_events": amount,
        "rounds": rounds,
        "meters": 3,
    }
    outcome = Outcome(sizes=sizes)
    for ids in ids_of(scale):
        kept = places.schema(f"recording_{ids}")
        usage = usual(scale, expected=entries, ids=ids)
        with Pair.of(kept, usage, entries=entries) as pair:
            for batch in sizes_of_batches:
                seconds = in_turn(
                    pair.ours(batch=batch, batches=amount // batch),
                    pair.bare(batch=batch, batches=amount // batch),
                    rounds=rounds,
                )
                ours, raw = rates(seconds, amount=amount, units=("events/s", "rows/s"))
                what = f"{ids} ids, batches of {batch:,}"
                target = at_least(TARGET)
                outcome.figures.append(
                    Figure(what=what, ours=ours, against=raw, target=target)
                )
        sizes[f"workload_{ids}"] = usage.description
    return outcome
