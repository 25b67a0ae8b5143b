"""
One event, durable, in a large SQLite book, against one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, Outcome, Samples, at_most, in_turn
from benchmarks.pairs import Pair
from benchmarks.raw import RawSqlite
from benchmarks.workloads import ids_of, usual


if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measuring import Trial
    from benchmarks.places import Places

TITLE = "SQLite: one event recorded durably in a book of a million, against one row"

TARGET = 3.0


def run(places: Places) -> Outcome:
    scale = places.scale
    entries = scale.of(quick=1_000, full=1_000_000)
    rounds = scale.of(quick=5, full=501)
    sizes: dict[str, object] = {"entries_before": entries, "rounds": rounds}
    outcome = Outcome(sizes=sizes)
    for ids in ids_of(scale):
        kept = places.file(f"single-{ids}")
        usage = usual(scale, expected=entries, ids=ids)
        with Pair.of(kept, usage, entries=entries) as pair:
            seconds = in_turn(*_trials(pair), rounds=rounds)
        outcome.figures.append(
            Figure(
                what=f"{ids} ids, one event a transaction",
                ours=Samples("ours", "ms", tuple(1_000 * a for a, _ in seconds)),
                against=Samples("raw", "ms", tuple(1_000 * b for _, b in seconds)),
                target=at_most(TARGET),
            )
        )
        sizes[f"workload_{ids}"] = usage.description
    return outcome


def _trials(
    pair: Pair,
) -> tuple[Trial, Trial]:
    raw = pair.raw
    assert isinstance(raw, RawSqlite)
    dealt: list[object] = []

    def ours(_round: int) -> Callable[[], object]:
        event, row = pair.next_event()
        dealt[:] = row
        return lambda: pair.book.record([event])

    def bare(_round: int) -> Callable[[], object]:
        row = tuple(dealt)
        return lambda: raw.append_one(row)

    return ours, bare
