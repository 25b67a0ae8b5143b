"""
Books of five million entries and of ten thousand, filled through the store's append.

A tenth of the entries is of one customer, ACME, who has a hundred users in either book:
so a reading of a month has as many hours, days and users to look at. And the two hours
in which that month begins and ends hold the same few events of ACME: the edges of a
period are folded from entries, and it is the rest that must cost the same.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import itertools

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from benchmarks.pairs import defined, fill_rows, named
from benchmarks.workloads import Usage, event_at, rows_from
from meterbook.app.clocks import new_id
from meterbook.foundation.instants import HOUR, to_micros


if TYPE_CHECKING:
    from benchmarks.places import Kept, Places, Scale
    from meterbook import Event

ACME: Final = "acme"
ACME_EVERY: Final = 10
ACME_USERS: Final = [f"acme-user-{number:03d}" for number in range(100)]

DAYS: Final = 61

# The month that is read begins and ends in the middle of an hour.
ANCHOR: Final = "2024-05-15T00:30:00Z"
BOUNDARIES: Final = [
    to_micros(dt.datetime(2024, month, 15, 0, 30, tzinfo=dt.UTC)) for month in (5, 6)
]
EDGE_EVENTS: Final = 40


class Large(NamedTuple):
    """
    A book, how much is in it, and of what.
    """

    kept: Kept
    entries: int
    description: dict[str, object]


class AcmeUsage:
    """
    The usual workload over two months, with ACME in it.
    """

    def __init__(self, scale: Scale, *, expected: int) -> None:
        self._others = Usage(
            customers=scale.of(quick=10, full=1_000),
            subjects=scale.of(quick=50, full=20_000),
            expected=expected,
            seconds=DAYS * 86_400,
        )
        self._turn = itertools.cycle(range(ACME_EVERY))
        self._users = itertools.cycle(ACME_USERS)
        self.subjects = [*self._others.subjects, *ACME_USERS]
        self.description = {
            **self._others.description,
            "acme": f"1 of {ACME_EVERY} entries, {len(ACME_USERS)} users, "
            f"{EDGE_EVENTS} events in each edge hour of the month that is read",
        }

    def events(self, count: int) -> list[Event]:
        """
        Return the next *count* events.
        """
        return [
            msgspec.structs.replace(event, customer=ACME, subject=next(self._users))
            if next(self._turn) == 0 and not _on_edge(event)
            else event
            for event in self._others.events(count)
        ]

    def edges(self) -> list[Event]:
        """
        Return the events of ACME in the hours of the boundaries, half on either side.
        """
        step = HOUR // EDGE_EVENTS
        return [
            event_at(
                at := boundary - HOUR // 2 + number * step,
                ACME,
                ACME_USERS[number],
                id_=new_id(at),
                tokens=number,
                duration_ms=number,
            )
            for boundary in BOUNDARIES
            for number in range(EDGE_EVENTS)
        ]


def filled(places: Places, kept: Kept, *, entries: int) -> Large:
    """
    Return the book of this place with so many *entries*, filled once a run.
    """
    return places.once(
        f"filled {kept}", functools.partial(_fill, kept, entries, places.scale)
    )


def worked(places: Places, kept: Kept, *, entries: int) -> Large:
    """
    Return the same when the worker has caught up.
    """
    large = filled(places, kept, entries=entries)

    def work() -> Large:
        with kept.opened() as book:
            book.work()
        kept.settle()
        return large

    return places.once(f"worked {kept}", work)


def entries_large(places: Places) -> int:
    """
    Return how many entries a large book in PostgreSQL has.
    """
    return places.scale.of(quick=2_000, full=5_000_000)


def _fill(kept: Kept, entries: int, scale: Scale) -> Large:
    usage = AcmeUsage(scale, expected=entries)
    edges = usage.edges()
    with defined(kept), contextlib.closing(kept.store()) as store:
        people = named(kept, usage.subjects)
        for rows in fill_rows(usage.events, people, entries - len(edges)):
            store.append(rows)
        store.append(rows_from(edges, people))
    kept.settle()
    return Large(kept, entries, usage.description)


def _on_edge(event: Event) -> bool:
    assert event.time is not None
    at = to_micros(event.time)
    return any(abs(at - boundary) <= HOUR // 2 for boundary in BOUNDARIES)
