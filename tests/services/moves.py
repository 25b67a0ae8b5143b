"""
Two customers, their members and levels: for tests of moving seats.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Any

from meterbook import Event, Recorded


if TYPE_CHECKING:
    from meterbook import Book


START = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NOW = START + 50 * DAY
METERS: dict[str, dict[str, object]] = {
    "members": {"event_type": "membership", "aggregation": "members"},
    "pending": {
        "event_type": "membership",
        "aggregation": "members",
        "states": ["pending"],
    },
    "counted": {"event_type": "counted", "aggregation": "peak", "value": "n"},
    "tokens": {"event_type": "used", "aggregation": "sum", "value": "n"},
}
WHO: dict[str, Any] = {"actor": "ops", "reason": "they merged"}


def on(day: float) -> dt.datetime:
    return START + day * DAY


def join(  # noqa: PLR0913 - as many as a test may want to say
    book: Book,
    customer: str,
    name: str,
    *,
    day: float = 0,
    change: str = "join",
    way: str = "",
    state: str = "active",
) -> None:
    data: dict[str, object] = {"change": change, "way": way, "state": state}
    told = Event(
        source="app",
        id=f"{customer} {name} {day} {change} {way} {state}",
        type="membership",
        time=on(day),
        customer=customer,
        subject=name,
        data=data,
    )
    [outcome] = book.record([told])
    assert isinstance(outcome, Recorded)


def count(book: Book, customer: str, day: float, units: int) -> None:
    told = Event(
        source="app",
        id=f"{customer} {day}",
        type="counted",
        time=on(day),
        customer=customer,
        data={"n": units},
    )
    [outcome] = book.record([told])
    assert isinstance(outcome, Recorded)


def held(book: Book, customer: str, meter: str = "members") -> tuple[object, object]:
    """
    Return the peak of a customer so far, and what is held now.
    """
    reading = book.read(meter, customer=customer, start=on(-9), end=on(99))
    return reading.units, reading.last_units


def present_in(book: Book, customer: str) -> set[str]:
    found = book.seats.present("members", customer, names=True)
    return {one.member for one in found.members}


def sample(book: Book, *customers: str, meter: str = "members") -> list[list[int]]:
    """
    Return what each customer holds at the end of each half day.
    """
    moments = [on(half / 2) for half in range(101)]
    return [
        [
            book.read(
                meter, customer=who, start=on(-9), end=on(99), as_of=at
            ).last_units
            or 0
            for at in moments
        ]
        for who in customers
    ]
