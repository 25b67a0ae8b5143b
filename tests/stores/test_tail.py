"""
What the worker has not come to counts as it will when the worker has.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from psycopg.conninfo import conninfo_to_dict

from meterbook import Book, Event, Period


if TYPE_CHECKING:
    from collections.abc import Iterator

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
MARCH = Period(START, START + 31 * DAY)


@pytest.fixture
def book(empty_postgres_dsn: str) -> Iterator[Book]:
    address = f"postgresql:///?{urlencode(conninfo_to_dict(empty_postgres_dsn))}"
    with Book.create(address, test_clock=START + 40 * DAY) as made:
        made.define({"seats": {"event_type": "s", "aggregation": "peak", "value": "n"}})
        yield made


def seats(
    id_: str, n: int, at: dt.datetime, *, customer: str | None, subject: str
) -> Event:
    return Event(
        source="api",
        id=id_,
        type="s",
        time=at,
        customer=customer,
        subject=subject,
        data={"n": n},
    )


def test_an_attribution_in_the_tail_does_not_win_a_tie(book: Book) -> None:
    """
    Of two levels at one instant the later place holds, whoever's the earlier becomes.
    """
    before = START - DAY
    book.record([seats("1", 10, before, customer=None, subject="bob")])
    book.record([seats("2", 3, before, customer="acme", subject="ann")])
    book.work()
    book.attribute("bob", "acme", effective_at=before - DAY)

    waiting = book.read("seats", customer="acme", period=MARCH)
    book.work()
    caught_up = book.read("seats", customer="acme", period=MARCH)

    assert (waiting.units, caught_up.units) == (3, 3)
    assert waiting.provisional
    assert not caught_up.provisional


def test_a_level_in_the_tail_wins_a_tie(book: Book) -> None:
    """
    A level that was recorded later replaces one at the same instant at once.
    """
    before = START - DAY
    book.record([seats("1", 10, before, customer="acme", subject="bob")])
    book.work()
    book.record([seats("2", 3, before, customer="acme", subject="ann")])

    assert book.read("seats", customer="acme", period=MARCH).units == 3
