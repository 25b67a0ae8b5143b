"""
The worker alone: numbering, posting, and rolling up three meters.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, Outcome, Samples, at_least, timed
from benchmarks.pairs import defined, fill_rows, named
from benchmarks.workloads import METERS, backlog, usual


if TYPE_CHECKING:
    from benchmarks.places import Kept, Places
    from benchmarks.workloads import Usage

TITLE = "The worker numbers, posts and rolls up three meters (sum, max, unique)"

TARGET = 50_000


def run(places: Places) -> Outcome:
    scale = places.scale
    entries = scale.of(quick=1_000, full=300_000, large=1_000_000)
    rounds = scale.of(quick=1, full=3)
    sizes: dict[str, object] = {"entries": entries, "rounds": rounds, "meters": METERS}
    seconds: dict[tuple[str, str], list[float]] = {}
    for round_ in range(rounds):
        for store, place in (("SQLite", places.file), ("PostgreSQL", places.schema)):
            for what, usage in (
                ("as it comes in", usual(scale, expected=entries)),
                ("a thin backlog", backlog(scale, expected=entries)),
            ):
                sizes[what] = usage.description
                kept = place(f"worker_{round_}")
                found = seconds.setdefault((store, what), [])
                found.append(_worked(kept, usage, entries))
                places.forget(kept)
    return Outcome(
        sizes=sizes,
        figures=[
            Figure(
                what=f"{store}, {what}",
                ours=Samples("ours", "entries/s", tuple(entries / s for s in found)),
                target=at_least(TARGET) if what == "as it comes in" else None,
            )
            for (store, what), found in seconds.items()
        ],
    )


def _worked(kept: Kept, usage: Usage, entries: int) -> float:
    """
    Return how many seconds the worker takes over a new book of so many *entries*.
    """
    with defined(kept) as book, contextlib.closing(kept.store()) as store:
        people = named(kept, usage.subjects)
        for rows in fill_rows(usage.events, people, entries):
            store.append(rows)
        kept.settle()
        seconds = timed(book.work)
        assert book.status().posted_place == entries
        return seconds
