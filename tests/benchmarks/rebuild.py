"""
Forgetting the rollups of three meters and building them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.large_books import entries_large, worked
from benchmarks.measuring import Figure, Outcome, Samples, at_most, timed
from benchmarks.workloads import METERS


if TYPE_CHECKING:
    from benchmarks.places import Places

TITLE = "PostgreSQL: rollups of three meters over 5 million entries, forgotten, rebuilt"

TARGET = 120.0


def run(places: Places) -> Outcome:
    kept = places.schema("large")
    large = worked(places, kept, entries=entries_large(places))
    with kept.opened() as book:
        forgotten = timed(book.drop_rollups)
        rebuilt = timed(book.work)
        assert all(m.rolled_place == large.entries for m in book.status().meters)
    kept.settle()
    return Outcome(
        sizes={
            "entries": large.entries,
            "meters": METERS,
            "workload": large.description,
        },
        figures=[
            Figure(
                what="forgotten and rebuilt",
                ours=Samples("ours", "s", (forgotten + rebuilt,)),
                target=at_most(TARGET),
            ),
            Figure(what="of that, forgotten", ours=Samples("ours", "s", (forgotten,))),
            Figure(
                what="entries rebuilt a second",
                ours=Samples("ours", "entries/s", (large.entries / rebuilt,)),
            ),
        ],
    )
