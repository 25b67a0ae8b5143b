"""
Books in which much happens, and ways to look at all of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import random

from typing import TYPE_CHECKING

from meterbook import Book, Event, Period
from meterbook.app.clocks import clock_of, set_test_clock
from meterbook.services.readings import usage
from meterbook.services.readings.usage import Asked
from meterbook.stores.postgres import PostgresStore
from meterbook.stores.postgres.reading import PostgresReader
from meterbook.stores.sqlite.reading import SqliteReader
from stores.promise_runs import GROUPED, METERS


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterbook import Reading
    from meterbook.ports import Reader


START = dt.datetime(2026, 1, 31, 22, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 3, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR

TYPE = "llm.request"
CUSTOMERS = ["acme", "globex"]
PERIODS = [
    Period(START - 30 * DAY, NOW),
    Period(START + 2 * HOUR, START + 2 * HOUR + 28 * DAY),
    Period(START + HOUR / 2, START + 5 * HOUR),
]

# Each is one thing that the worker derives. Rows of meters are told apart by meter_id.
DERIVED = ["postings", "voids", "types", "rolled", "rollups", "sightings", "unusable"]


def event(  # noqa: PLR0913 - as many as a test may want to say
    id_: str,
    *,
    n: object = 1,
    time: dt.datetime | None = START,
    customer: str | None = "acme",
    subject: str | None = None,
    model: str | None = "xl",
) -> Event:
    return Event(
        source="api",
        id=id_,
        type=TYPE,
        time=time,
        customer=customer,
        subject=subject,
        data={"n": n, "model": model},
    )


def define(book: Book, *keys: str) -> None:
    """
    Define meters of the promise suite: all of them if none is named.
    """
    book.define({key: {"event_type": TYPE, **METERS[key]} for key in keys or METERS})


@contextlib.contextmanager
def on_postgres(dsn: str) -> Iterator[Book]:
    """
    Open the book in a database, in which it is NOW.
    """
    store = PostgresStore.open(dsn)
    with contextlib.closing(store):
        set_test_clock(store, NOW)
        yield Book(store, clock_of(store))


def tell(book: Book, numbers: Sequence[int]) -> None:
    """
    Record events, void some, and say whose ann is now and then: always the same.
    """
    for number in numbers:
        chance = random.Random(number)  # noqa: S311 - the same story every time
        told = event(
            str(number),
            n=chance.choice([0, 1, 7, "3", -1, None]),
            time=START + chance.choice([0, 1, 1.5, 2, 5, 26, 700]) * HOUR,
            customer=chance.choice(["acme", "acme", "globex", None]),
            subject=chance.choice(["ann", "bob"]),
            model=chance.choice(["xl", "xs", None]),
        )
        book.record([told])
        if number % 5 == 3:
            book.void(source="api", id=str(number - 2), actor="ops", reason="test")
        if number % 7 == 4:
            owner = chance.choice(["acme", "globex", None])
            at = START + chance.choice([0, 2, 26]) * HOUR
            book.attribute("ann", owner, effective_at=at, id=f"owner {number}")


def look(  # noqa: PLR0913 - what can be asked of a meter
    book: Book,
    key: str,
    *,
    customer: str = "acme",
    period: Period = PERIODS[0],
    by: tuple[str, ...] = (),
    as_of: dt.datetime = NOW,
    place: int | None = None,
) -> Reading:
    """
    Read a meter without letting the worker catch up first, whatever the store.
    """
    asked = Asked(meter_key=key, version=None, by=by, moment=as_of, place=place)
    with book._store.reading() as reader:
        [reading] = usage.read(reader, asked, customers=[customer], periods=[period])
    return reading


def everything(book: Book, *, place: int | None = None) -> list[Reading]:
    """
    Read every meter for everybody, over every period.
    """
    keys = [defined.meter.key for defined in book.meters()]
    return [
        look(
            book,
            key,
            customer=customer,
            period=period,
            by=("model",) if key in GROUPED else (),
            place=place,
        )
        for key, customer, period in itertools.product(keys, CUSTOMERS, PERIODS)
    ]


def derived(book: Book) -> dict[str, list[tuple[object, ...]]]:
    """
    Return every row that the worker derived, whatever the store.
    """
    with book._store.reading() as reader:
        return {
            table: sorted(_rows(reader, f"SELECT * FROM {table}"), key=repr)
            for table in DERIVED
        }


def _rows(reader: Reader, sql: str) -> list[tuple[object, ...]]:
    if isinstance(reader, SqliteReader):
        sql = sql.replace("FROM ", "FROM meterbook_")
        return reader._connection.execute(sql).fetchall()
    assert isinstance(reader, PostgresReader)
    return reader._session.rows_of(sql.replace("FROM ", "FROM meterbook.").encode())
