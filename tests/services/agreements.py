"""
A customer, a subscription, and the seats that are used of it.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Any

from meterbook import Event


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook import Book
    from meterbook.services.agreements.owing import TermSeats


ANCHOR = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NOW = ANCHOR + 120 * DAY
MAIN = ("acme", "main")
METERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "counted", "aggregation": "peak", "value": "n"},
    "members": {"event_type": "membership", "aggregation": "members"},
}


def on(day: float) -> dt.datetime:
    return ANCHOR + day * DAY


def subscribed(book: Book, *, meter: str = "seats") -> Book:
    book.define(METERS)
    book.subscriptions.create(*MAIN, meter=meter, anchor=ANCHOR)
    return book


def count(book: Book, levels: Sequence[tuple[float, int]], *, start: int = 0) -> None:
    book.record(
        [
            Event(
                source="app",
                id=f"{start + index}",
                type="counted",
                time=on(day),
                customer="acme",
                data={"n": units},
            )
            for index, (day, units) in enumerate(levels)
        ]
    )


def member(
    book: Book, day: float, change: str, name: str, *, actor: str = "ann", **more: str
) -> None:
    told = Event(
        source="app",
        id=f"{day} {change} {name}",
        type="membership",
        time=on(day),
        customer="acme",
        subject=name,
        actor=actor,
        data={"change": change, **more},
    )
    book.record([told])


def add(book: Book, key: str, start: int, end: int | None = None, **more: Any) -> None:  # noqa: ANN401 - of a term
    said: dict[str, Any] = {"kind": "paid", "seats": 100, **more}
    finish = None if end is None else on(end)
    book.terms.add(*MAIN, key, start=on(start), end=finish, **said)


def rows(found: Sequence[TermSeats]) -> list[tuple[str, int, int | None, int]]:
    """
    Return (term, high water, bought, owed) of each.
    """
    return [(one.term.key, one.high_water, one.purchased, one.owed) for one in found]


def seats(book: Book, **asked: Any) -> list[tuple[str, int, int | None, int]]:  # noqa: ANN401 - as of when
    return rows(book.subscriptions.seats(*MAIN, **asked).terms)
