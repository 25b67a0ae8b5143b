"""
A real year of usage: recorded, read, drawn, explained, recorded again, verified.

`make demo` runs it. The book is an SQLite file in the folder `demo-book`, and stays
there to be asked: `METERBOOK=demo-book/flights.db .venv/bin/meterbook meters list`.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import time

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import flights

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from meterbook import Book
from meterbook.foundation.periods import Calendar, Interval, Period


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.metering.readings import Reading


HERE = Path(__file__).parent
FOLDER = HERE.parent / "demo-book"

ZONE = "America/New_York"
ANCHOR = dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)  # midnight in New York
MONTHS = [
    period
    for index in range(12)
    if (period := Calendar(ANCHOR, Interval.MONTH, zone=ZONE).period(index))
]
YEAR = Period(MONTHS[0].start, MONTHS[-1].end)

# A commit for each: large enough to be quick, small enough to see the bar move.
BATCH_EVENTS = 5_000
PAGE_ENTRIES = 10_000

# Those with most departures, and the one that flew 29 times.
SHOWN = ["UA", "B6", "EV", "DL", "AA", "OO"]

# What is shown of the whole year, below the months.
YEARLY = {
    "the year": "departures",
    "miles": "miles",
    "aircraft": "active_aircraft",
    "late by, min": "arrival_delay_average",
}

console = Console()


class Known(NamedTuple):
    """
    A total that others have published, and what the book says.
    """

    what: str
    published: int
    found: int


def main() -> int:
    """
    Tell the story; return 0 if every total is the one that is known.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with Book.create(FOLDER / "flights.db") as book:
        book.apply_catalog((HERE / "catalog.toml").read_text(encoding="utf-8"))

        headline("A year of departures from New York becomes usage of 16 airlines")
        assert_all(record(book), "recorded")
        roll_up(book)

        headline("Departures by month, as the airports bill them")
        show_months(book)
        draw(FOLDER)

        headline("One number, explained down to its entries")
        explain(book)

        headline("The whole file once more: nothing moves")
        before = departures(book)
        assert_all(record(book), "duplicate")
        roll_up(book)
        assert departures(book) == before

        headline("The book, verified")
        verify(book)

        headline("The totals that are known")
        return 0 if show_totals(totals(book)) else 1


def headline(text: str) -> None:
    """
    Begin a part of the story.
    """
    console.print()
    console.rule(f"[bold]{text}", align="left")


def record(book: Book) -> Counter[str]:
    """
    Record every flight; return how many there were of each outcome.
    """
    outcomes: Counter[str] = Counter()
    began = time.perf_counter()
    with progress() as bar:
        task = bar.add_task("recording", total=flights.FLIGHTS)
        for batch in flights.batches(size=BATCH_EVENTS):
            answers = book.record(batch)
            outcomes.update(type(answer).__name__.lower() for answer in answers)
            bar.advance(task, len(batch))
    seconds = time.perf_counter() - began
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())
    rate = flights.FLIGHTS / seconds
    console.print(f"{said} in {seconds:.1f} s: {rate:,.0f} events a second")
    return outcomes


def assert_all(outcomes: Counter[str], outcome: str) -> None:
    """
    Check that every flight had the same *outcome*.
    """
    assert outcomes == {outcome: flights.FLIGHTS}, outcomes


def roll_up(book: Book) -> None:
    """
    Let the worker number what was recorded, and roll it up.
    """
    began = time.perf_counter()
    with progress() as bar:
        task = bar.add_task("rolling up", total=book.status().waiting_count)
        book.work(progress=lambda step: bar.advance(task, step.posted))
    seconds = time.perf_counter() - began
    console.print(f"the worker caught up in {seconds:.1f} s")


def show_months(book: Book) -> None:
    """
    Print a table of the departures of a few airlines, month by month.
    """
    table = Table("", box=None, header_style="bold")
    for airline in SHOWN:
        table.add_column(flights.AIRLINES[airline].split()[0], justify="right")
    by_airline_ = {
        airline: list(readings(book, "departures", airline, MONTHS))
        for airline in SHOWN
    }
    for index, month in enumerate(MONTHS):
        numbers = [by_airline_[airline][index].units for airline in SHOWN]
        table.add_row(f"{month.start:%b %Y}", *(f"{number:,}" for number in numbers))
    for title, meter in YEARLY.items():
        found = [next(readings(book, meter, airline, [YEAR])) for airline in SHOWN]
        table.add_row(title, *(shown(reading) for reading in found), style="bold")
    console.print(table)


def shown(reading: Reading) -> str:
    """
    Return what *reading* says, with separators if it is a whole number.
    """
    if isinstance(reading.units, int):
        return f"{reading.units:,}"
    return reading.text()


def draw(folder: Path) -> None:
    """
    Draw the chart as a user would: in the terminal, and as SVG and PNG files.
    """
    words = (
        "usage chart departures --customer UA --from 2013-01-01 --to 2014-01-01"
        f" --zone {ZONE} --window month"
    )
    for more in ("", " --out departures.svg", " --out departures.png"):
        console.print(f"$ meterbook {words}{more}", style="dim", soft_wrap=True)
        sys.stdout.flush()
        subprocess.run(  # noqa: S603 - our own program, with our own words
            [Path(sys.executable).with_name("meterbook"), *(words + more).split()],
            cwd=folder,
            env={**os.environ, "METERBOOK": "flights.db"},
            check=True,
        )


def explain(book: Book) -> None:
    """
    Print the number that SkyWest is billed for, and every entry behind it.
    """
    [reading] = readings(book, "departures", "OO", [YEAR])
    provenance = reading.provenance
    console.print(
        f"SkyWest departed {reading.text()} times, from {provenance.entries} entries "
        f"at places {provenance.first_place:,} to {provenance.last_place:,}:"
    )
    page = book.explain("departures", customer="OO", start=YEAR.start, end=YEAR.end)
    table = Table("place", "occurred at (UTC)", "event", "from", "to", box=None)
    for entry in page.entries[:10]:
        data = entry.data
        assert isinstance(data, dict)
        moment = f"{entry.occurred_at:%Y-%m-%d %H:%M}"
        route = [str(data["origin"]), str(data["dest"])]
        table.add_row(f"{entry.place:,}", moment, entry.event_id, *route)
    console.print(table)
    console.print(f"and {len(page.entries) - 10} more")
    assert len(page.entries) == reading.units == provenance.entries


def verify(book: Book) -> None:
    """
    Check the whole book, entry by entry and rollup by rollup.
    """
    began = time.perf_counter()
    with console.status("looking at entries") as status:
        found = book.verify(
            progress=lambda what, count: status.update(f"{count:,} {what} looked at")
        )
    console.print(
        f"{found.entries:,} entries and {found.rollups:,} rollup rows looked at: "
        f"{found.problems_count} problems ({time.perf_counter() - began:.1f} s)"
    )
    assert found.sound, found.problems


def totals(book: Book) -> list[Known]:
    """
    Return the totals that are known, beside what the book says.
    """
    flown, scheduled = departures(book), scheduled_flights(book)
    unlanded = list(book.unusable("arrival_delay_average", limit=PAGE_ENTRIES))
    return [
        Known("scheduled", 336_776, scheduled.total()),
        Known("departures", 328_521, flown.total()),
        Known("miles", 344_477_462, by_airline(book, "miles").total()),
        Known(
            "aircraft, by airline", 4_054, by_airline(book, "active_aircraft").total()
        ),
        Known("aircraft in the year", 4_037, aircraft(book)),
        Known("departed, no arrival delay", 1_175, len(unlanded)),
        Known("United, departures", 57_979, flown["UA"]),
        Known("United, scheduled", 58_665, scheduled["UA"]),
        Known("JetBlue, departures", 54_169, flown["B6"]),
        Known("JetBlue, scheduled", 54_635, scheduled["B6"]),
        Known("SkyWest, departures", 29, flown["OO"]),
        Known("SkyWest, scheduled", 32, scheduled["OO"]),
    ]


def show_totals(known: list[Known]) -> bool:
    """
    Print the totals; return whether all are as published.
    """
    table = Table("", "published", "the book says", "", box=None, header_style="bold")
    for column in table.columns[1:3]:
        column.justify = "right"
    for total in known:
        mark = "[green]equal" if total.published == total.found else "[red]DIFFERS"
        table.add_row(total.what, f"{total.published:,}", f"{total.found:,}", mark)
    console.print(table)
    return all(total.published == total.found for total in known)


def departures(book: Book) -> Counter[str]:
    """
    Return how many flights of each airline took off in the year.
    """
    return by_airline(book, "departures")


def scheduled_flights(book: Book) -> Counter[str]:
    """
    Return how many flights of each airline were scheduled: departed or cancelled.
    """
    return departures(book) + by_airline(book, "cancellations")


def by_airline(book: Book, meter: str) -> Counter[str]:
    """
    Return what *meter*, one of whole numbers, says of the year for each airline.
    """
    found = book.read_many(meter, customers=list(flights.AIRLINES), periods=[YEAR])
    return Counter({reading.customer_key: int(reading.units or 0) for reading in found})


def aircraft(book: Book) -> int:
    """
    Return how many aircraft took off in the year, whoever flew them.

    17 of them flew for two airlines: all airlines pooled are not the sum of each.
    """
    [reading] = book.read_pooled("active_aircraft", customers=None, periods=[YEAR])
    return int(reading.units or 0)


def readings(
    book: Book, meter: str, airline: str, periods: list[Period]
) -> Iterator[Reading]:
    """
    Yield what *meter* says of an airline, period by period.
    """
    yield from book.read_many(meter, customers=[airline], periods=periods)


def progress() -> Progress:
    """
    Return a bar that counts events.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


if __name__ == "__main__":
    sys.exit(main())
