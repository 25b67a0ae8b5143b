"""
A customer's month in a small book and in a large one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.large_books import ACME, ANCHOR, entries_large, worked
from benchmarks.measuring import Figure, Outcome, Samples, at_most, in_turn
from benchmarks.workloads import METERS


if TYPE_CHECKING:
    from benchmarks.measuring import Trial
    from benchmarks.places import Kept, Places
    from meterbook import Book

TITLE = "One customer, meter and month in a large book, against one of 10,000 entries"

TARGET = 2.0


def run(places: Places) -> Outcome:
    scale = places.scale
    small = scale.of(quick=1_000, full=10_000)
    in_file = scale.of(quick=2_000, full=1_000_000, large=5_000_000)
    sizes: dict[str, object] = {
        "entries_small": small,
        "entries_large": {"SQLite": in_file, "PostgreSQL": entries_large(places)},
        "period": f"one month from {ANCHOR}",
        "meters": METERS,
    }
    outcome = Outcome(sizes=sizes)
    for store, place, entries in (
        ("SQLite", places.file, in_file),
        ("PostgreSQL", places.schema, entries_large(places)),
    ):
        sizes["workload"] = worked(places, place("large"), entries=entries).description
        worked(places, place("small"), entries=small)
        outcome.figures.extend(
            _figures(places, store, large=place("large"), small=place("small"))
        )
    return outcome


def _figures(places: Places, store: str, *, large: Kept, small: Kept) -> list[Figure]:
    reads = places.scale.of(quick=1, full=20)
    rounds = places.scale.of(quick=2, full=15)
    figures = []
    with large.opened() as large_book, small.opened() as small_book:
        for meter in METERS:
            seconds = in_turn(
                _trial(large_book, meter, reads),
                _trial(small_book, meter, reads),
                rounds=rounds,
            )
            ours = tuple(1_000 * a / reads for a, _ in seconds)
            against = tuple(1_000 * b / reads for _, b in seconds)
            figures.append(
                Figure(
                    what=f"{store}, {METERS[meter]['aggregation']}",
                    ours=Samples("large", "ms", ours),
                    against=Samples("small", "ms", against),
                    target=at_most(TARGET),
                )
            )
    return figures


def _trial(book: Book, meter: str, reads: int) -> Trial:
    def read() -> None:
        for _ in range(reads):
            book.read(meter, customer=ACME, anchor=ANCHOR)

    read()  # connections are made, statements prepared
    return lambda _round: read
