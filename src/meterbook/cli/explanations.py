"""
The entries behind a number, as people and programs see them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from meterbook.cli.errors import refuse
from meterbook.cli.readings import reading_document, reading_lines
from meterbook.cli.rendering import counted, grouped, print_json, print_table
from meterbook.foundation.instants import format_instant, to_micros, to_moment
from meterbook.foundation.units import format_units


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.app import Book
    from meterbook.cli.readings import AsOfOptions
    from meterbook.foundation.periods import Period
    from meterbook.services.readings.explaining import ExplainedEntry, ExplainPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    Which page of the entries.

    Attributes:
        after: The cursor that the page before ended with; None for the first.

        limit: The most entries.
    """

    after: str | None
    limit: int

    def periods(self, periods: list[Period]) -> list[Period]:
        """
        Return those *periods* that the page may have entries of.
        """
        if self.after is None:
            return periods

        at, _, _ = self.after.partition(":")
        if not at.removeprefix("-").isdigit():
            refuse("--after", f"{self.after!r} is no cursor of a page.")
        moment = to_moment(int(at))
        return [period for period in periods if moment < period.end]


def explain_periods(
    book: Book,
    meter: str,
    customer: str,
    periods: list[Period],
    *,
    asked: AsOfOptions,
    moment: dt.datetime,
    page: Page,
    as_json: bool,
) -> None:
    """
    Print the entries behind each of *periods*, up to the limit of *page*.

    Args:
        book: Where they are.

        meter: Of which meter.

        customer: Of whom.

        periods: In order. Without an entry, one of several is left out.

        asked: As of which place, and in which version.

        moment: As of which moment.

        page: Which page of all the entries.

        as_json: Whether to print JSON lines.
    """
    left, after, shown = page.limit, page.after, 0
    remaining = page.periods(periods)
    for period in remaining:
        if after == _beginning(period):
            after = None
        found = book.explain(
            meter,
            customer=customer,
            period=period,
            as_of=moment,
            place=asked.place,
            version=asked.version,
            after=after,
            limit=left,
        )
        after = None
        if found.entries or len(periods) == 1:
            _print_json(found) if as_json else _print_page(found, zone=asked.zone)
            shown += 1
        left -= len(found.entries)
        more = found.next
        if more is None and left <= 0 and period is not remaining[-1]:
            more = _beginning(remaining[remaining.index(period) + 1])
        if more is not None:
            _print_more(more, found, moment, as_json=as_json)
            return
    if not shown and not as_json:
        typer.echo("no entries")


def _beginning(period: Period) -> str:
    """
    Return the cursor of what a period begins with, the level that it carries in too.
    """
    return f"{period.start_us}:-1"


def _print_page(page: ExplainPage, *, zone: str) -> None:
    for line in reading_lines([page.reading], zone=zone):
        typer.echo(line)
    scale = page.reading.scale
    counts = any(entry.key is not None for entry in page.entries)
    unit = "key" if counts else "units"
    print_table(
        ["place", "time", "source", "id", "subject", "group", unit, ""],
        [
            (
                entry.place,
                entry.occurred_at,
                entry.source,
                entry.event_id,
                entry.subject,
                entry.group,
                entry.key if counts else _units(entry, scale),
                "" if entry.role == "counted" else _role(entry),
            )
            for entry in page.entries
        ],
        right=["place", "units"],
    )
    listed = sum(entry.role == "counted" for entry in page.entries)
    total = page.reading.provenance.entries
    more = "" if page.next is None and listed == total else f" of {total:,}"
    typer.echo(
        f"{counted(listed, 'entry', 'entries')}{more}, "
        f"{grouped(page.reading.text())} in all"
    )


def _units(entry: ExplainedEntry, scale: int) -> str:
    return "" if entry.units is None else grouped(format_units(entry.units, scale))


def _role(entry: ExplainedEntry) -> str:
    return entry.role if entry.reason is None else f"{entry.role}: {entry.reason}"


def _print_json(page: ExplainPage) -> None:
    """
    Print the reading, then a line for each entry.
    """
    print_json({"reading": reading_document(page.reading, index=None)})
    for entry in page.entries:
        print_json({"entry": entry})


def _print_more(
    cursor: str, page: ExplainPage, moment: dt.datetime, *, as_json: bool
) -> None:
    """
    Print how to ask for the next page: of the same as-of, so that nothing moves.
    """
    as_of = format_instant(to_micros(moment))
    place = page.reading.as_of.place
    if as_json:
        print_json({"next": cursor, "place": place, "as_of": as_of})
        return
    same = "" if place is None else f" --place {place}"
    typer.echo(f"more: --after {cursor} --as-of {as_of}{same}")
