"""
Twelve months of seats of one customer, over a million changes among 100,000 members.

Every change says who, by which way, and of which version of what counts. In one book
most changes read alike, as those of a capture do; in the other each has a cause of its
own, as if each were explained: then no text comes twice.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random

from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure, Outcome, Samples, at_most, timed
from benchmarks.pairs import FILL_BATCH, named
from benchmarks.workloads import rows_from
from meterbook import Event


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.places import Kept, Places
    from meterbook import Book

TITLE = "Twelve months of seats over the whole history of one customer"

TARGET_SECONDS: Final = 10.0

START: Final = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)
YEAR: Final = dt.timedelta(days=365)
ACME: Final = "acme"
TYPE: Final = "member"
METER: Final = {"event_type": TYPE, "aggregation": "members"}


def run(places: Places) -> Outcome:
    scale = places.scale
    changes = scale.of(quick=500, full=1_000_000)
    members = scale.of(quick=50, full=100_000)
    outcome = Outcome(
        sizes={
            "changes": changes,
            "members": members,
            "months": 12,
            "meter": METER,
        }
    )
    for what, causes in (("alike", False), ("each with a cause", True)):
        for store, place in (("PostgreSQL", places.schema), ("SQLite", places.file)):
            kept = place(f"seats_{'causes' if causes else 'alike'}")
            _fill(kept, changes=changes, members=members, causes=causes)
            with kept.opened() as book:
                outcome.figures.extend(
                    _figures(f"{store}, {what}", book, rounds=scale.of(quick=1, full=3))
                )
            places.forget(kept)
    return outcome


def _figures(what: str, book: Book, *, rounds: int) -> list[Figure]:
    """
    Measure a report with the numbers and with who was there, each month.
    """
    asked: dict[str, Callable[[], object]] = {
        "months": lambda: _read(book, who=False),
        "months, and who was there": lambda: _read(book, who=True),
    }
    return [
        Figure(
            what=f"{what}: {name}",
            ours=Samples("ours", "s", tuple(timed(read) for _ in range(rounds))),
            target=at_most(TARGET_SECONDS),
        )
        for name, read in asked.items()
    ]


def _read(book: Book, *, who: bool) -> None:
    found = book.seats.periods(
        "seats", ACME, anchor=START, as_of=START + YEAR, names=who, who=who
    )
    assert len(found.months) >= 12
    assert max(month.seats.peak_units for month in found.months) > 1


def _fill(kept: Kept, *, changes: int, members: int, causes: bool) -> None:
    """
    Make a book of so many changes, and have the worker catch up.
    """
    with kept.created() as book:
        book.define({"seats": METER})
        names = [f"member-{number:06d}" for number in range(members)]
        people = named(kept, names)
        with contextlib.closing(kept.store()) as store:
            for batch in _batches(names, changes=changes, causes=causes):
                store.append(rows_from(batch, people))
        book.work()
    kept.settle()


def _batches(
    names: Sequence[str], *, changes: int, causes: bool
) -> Iterator[list[Event]]:
    """
    Yield changes in order of time: who is out comes in, who is in goes.
    """
    chance = random.Random(7)  # noqa: S311 - the same history every time
    inside: set[str] = set()
    batch: list[Event] = []
    for number in range(changes):
        who = chance.choice(names)
        data: dict[str, object] = {"way": "invited", "definition": 1}
        data["change"] = "leave" if who in inside else "join"
        inside ^= {who}
        if causes:
            data["cause"] = f"request {number}"
        batch.append(
            Event(
                source="app",
                id=f"{number:07d}",
                type=TYPE,
                time=START + number * YEAR / changes,
                customer=ACME,
                subject=who,
                data=data,
            )
        )
        if len(batch) == FILL_BATCH or number == changes - 1:
            yield batch
            batch = []
