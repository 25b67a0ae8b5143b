"""
Explaining what has no place yet: entries that are acknowledged, and not numbered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.services.readings import explaining
from meterbook.services.readings.usage import Asked
from services.books import HOUR, NOW, PERIODS, START, define, event, on_postgres


if TYPE_CHECKING:
    from meterbook import Book
    from meterbook.services.readings.explaining import ExplainPage


def explained(book: Book, key: str = "tokens", customer: str = "acme") -> ExplainPage:
    """
    Explain a number without letting the worker catch up first.
    """
    asked = Asked(meter_key=key, version=None, by=(), moment=NOW, place=None)
    with book._store.reading() as reader:
        return explaining.explain(
            reader,
            asked,
            customer=customer,
            period=PERIODS[0],
            after=None,
            limit=10,
        )


def test_what_has_no_place_is_named(postgres_dsn: str) -> None:
    """
    An entry without a place is shown by source, id and when it was recorded.
    """
    with on_postgres(postgres_dsn) as book:
        define(book, "tokens")
        book.record([event("1", n=5, subject="ann")])
        book.work()
        book.record([event("2", n=7, time=START + HOUR, subject="bob")])

        page = explained(book)

    assert page.reading.provisional
    assert [
        (each.place, each.source, each.event_id, each.recorded_at, each.subject)
        for each in page.entries
    ] == [(1, "api", "1", NOW, "ann"), (None, "api", "2", NOW, "bob")]


def test_what_an_attribution_without_a_place_assigns_is_named(
    postgres_dsn: str,
) -> None:
    """
    Events that such an attribution gives to a customer are named, placed or not.
    """
    with on_postgres(postgres_dsn) as book:
        define(book, "tokens")
        book.record([event("1", n=5, customer=None, subject="ann")])
        book.work()
        book.record([event("2", n=7, customer=None, subject="ann", time=START + HOUR)])
        book.attribute("ann", "acme", effective_at=START - HOUR)

        page = explained(book)

    assert [(each.place, each.event_id, each.units) for each in page.entries] == [
        (1, "1", 5),
        (None, "2", 7),
    ]


def test_a_level_carried_in_without_a_place_is_named(postgres_dsn: str) -> None:
    """
    A level that the period begins with is named though it is not numbered.
    """
    with on_postgres(postgres_dsn) as book:
        define(book, "peak")
        before = PERIODS[0].start - HOUR
        book.record([event("0", n=3, time=before)])

        page = explained(book, "peak")

    assert [(each.role, each.place, each.event_id) for each in page.entries] == [
        ("carried in", None, "0")
    ]
