"""
Readings, as people and programs see them.

::

    tokens of acme (sum), as of place 12
    2026
    [Jan 31, Feb 28)  420  from 1 entry
    [Feb 28, Mar 31)   80  from 1 entry, in progress, provisional
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING

import typer

from meterbook.cli.errors import moment_of
from meterbook.cli.rendering import (
    counted,
    grouped,
    json_text,
    print_json,
    printable,
)
from meterbook.cli.stretches import Spelling


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterator, Sequence

    from meterbook.app import Book
    from meterbook.foundation.periods import Period
    from meterbook.metering.readings import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfOptions:
    """
    As of when, and in which version, a meter is read.

    Attributes:
        as_of: The moment, as it was typed; None for now.

        place: The last place; None for all there is.

        version: Of the meter; None for the latest.

        zone: Whose midnight a date means.
    """

    as_of: str | None
    place: int | None
    version: int | None
    zone: str

    def moment(self, book: Book) -> dt.datetime:
        """
        Return the moment up to which to read: by the clock of *book*, if none was said.
        """
        if self.as_of is None:
            return book.now()

        return moment_of("--as-of", self.as_of, zone=self.zone)


def print_readings(readings: Sequence[Reading], *, zone: str, named: bool) -> None:
    """
    Print a line for each reading, those of a customer together.

    Args:
        readings: Customers first.

        zone: Whose clock shows the periods.

        named: Whether to say whose readings they are, as there may be several.
    """
    if not readings:
        typer.echo("nothing to read: no period has started, or nobody used it")
    for customer, theirs in groupby(readings, key=lambda reading: reading.customer_key):
        if named:
            typer.echo(printable(customer))
        for line in reading_lines(list(theirs), zone=zone):
            typer.echo(line)


def print_documents(readings: Sequence[Reading], indices: Sequence[int | None]) -> None:
    """
    Print each reading as JSON.

    Args:
        readings: Customers first; each has the same periods.

        indices: The numbers of those periods.
    """
    for at, reading in enumerate(readings):
        index = indices[at % len(indices)]
        print_json(reading_document(reading, index=index))


def reading_lines(readings: Sequence[Reading], *, zone: str) -> Iterator[str]:
    """
    Yield the lines of one customer's readings: period, number, what it was read from.
    """
    spelling = Spelling(zone)
    periods: list[Period] = [reading.period for reading in readings]
    values = [grouped(reading.text()) for reading in readings]
    width = max(map(len, values), default=0)
    for reading, value, (year, period) in zip(
        readings, values, spelling.periods(periods), strict=True
    ):
        if year is not None:
            yield str(year)
        yield f"{period}  {value:>{width}}  {_read_from(reading, spelling)}"
        for group in reading.groups:
            yield f"  {group_text(group)}  {grouped(group.text())}"


def group_text(reading: Reading) -> str:
    """
    Return the group of a reading, as in `model=xl`.
    """
    pairs = reading.group or ()
    return ", ".join(
        f"{name}={printable(value if isinstance(value, str) else json_text(value))}"
        for name, value in pairs
    )


def _read_from(reading: Reading, spelling: Spelling) -> str:
    """
    Return what a number was read from, and what else there is to know of it.
    """
    said = [f"from {counted(reading.provenance.entries, 'entry', 'entries')}"]
    if reading.carried_units is not None:
        carried = grouped(_natural(reading, reading.carried_units))
        said.append(f"{carried} carried in")
    if reading.peak_at is not None:
        said.append(f"reached {spelling.moment(reading.peak_at)}")
    since = reading.known_since
    if since is not None and since > reading.period.start:
        said.append(f"known since {spelling.moment(since)}")
    marks = {
        "in progress": not reading.complete,
        "provisional": reading.provisional,
        "behind": reading.behind,
    }
    said += [mark for mark, holds in marks.items() if holds]
    return ", ".join(said)


def _natural(reading: Reading, units: int) -> str:
    # Loaded with the book, not for help.
    from meterbook.foundation.units import format_units  # noqa: PLC0415 - see above

    return format_units(units, reading.scale)


def reading_document(reading: Reading, *, index: int | None) -> dict[str, object]:
    """
    Return a reading as its JSON document.

    Its fields are those of `Reading`; *value* is the number as text, an average
    rounded, and *units* is exact: a whole number, or text such as "7/3".

    Args:
        reading: The reading.

        index: The number of its period, if it was counted from an anchor.
    """
    provenance = reading.provenance
    document: dict[str, object] = {
        "meter_key": reading.meter_key,
        "meter_version": reading.meter_version,
        "customer_key": reading.customer_key,
        "index": index,
        "start": reading.period.start,
        "end": reading.period.end,
        "aggregation": reading.aggregation.value,
        **_numbers(reading),
        "complete": reading.complete,
        "provisional": reading.provisional,
        "behind": reading.behind,
        "as_of": {"place": reading.as_of.place, "moment": reading.as_of.moment},
        "provenance": {
            "entries": provenance.entries,
            "first_place": provenance.first_place,
            "last_place": provenance.last_place,
            "rolled": provenance.rolled,
            "tail": provenance.tail,
        },
    }
    if reading.groups:
        document["groups"] = [
            {
                "group": dict(group.group or ()),
                **_numbers(group),
                "entries": group.provenance.entries,
            }
            for group in reading.groups
        ]
    return document


def _numbers(reading: Reading) -> dict[str, object]:
    units = reading.units
    exact = str(units) if isinstance(units, Fraction) else units
    return {
        "value": None if units is None else reading.text(),
        "units": exact,
        "scale": reading.scale,
        "carried_units": reading.carried_units,
        "last_units": reading.last_units,
        "peak_at": reading.peak_at,
        "known_since": reading.known_since,
    }
