"""
A meter by hour, day or month: read window by window, then drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Final

import typer

from meterbook.cli.charts import Bar, terminal_bars, write_chart
from meterbook.cli.readings import reading_document
from meterbook.cli.rendering import grouped, print_json, printable
from meterbook.cli.stretches import Spelling
from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.periods import Interval, Period, interval_named
from meterbook.foundation.windows import windows


if TYPE_CHECKING:
    import datetime as dt

    from pathlib import Path

    from meterbook.app import Book
    from meterbook.cli.readings import AsOfOptions
    from meterbook.cli.stretches import Stretch
    from meterbook.metering.readings import Reading


# Three months of hours: more bars than a screen has pixels for.
WINDOWS_MAX: Final = 2_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """
    What a chart shows.

    Attributes:
        title: Which meter, of whom.

        unit: The meter's unit, as people call it.

        readings: One for each window, in order.

        window: Hour, day or month.

        zone: Whose clock they are cut by.
    """

    title: str
    unit: str
    readings: list[Reading]
    window: Interval
    zone: str

    def show(self, out: Path | None, *, as_json: bool) -> None:
        """
        Draw the chart into the file *out*, or in the terminal.
        """
        if out is not None:
            write_chart(out, self._bars(), title=self.title, unit=self.unit)
        if as_json:
            for index, reading in enumerate(self.readings):
                print_json(reading_document(reading, index=index))
        elif out is not None:
            typer.echo(f"{out}: {len(self.readings)} bars")
        else:
            typer.echo(self.title)
            self._print_bars()

    def _print_bars(self) -> None:
        years = Spelling(self.zone).periods([r.period for r in self.readings])
        for line, (year, _) in zip(terminal_bars(self._bars()), years, strict=True):
            if year is not None:
                typer.echo(f"{year}")
            typer.echo(line)

    def _bars(self) -> list[Bar]:
        spelling = Spelling(self.zone)
        return [
            Bar(
                label=spelling.window(reading.period, self.window),
                start=spelling.wall(reading.period.start),
                end=spelling.wall(reading.period.end),
                value=None if reading.value is None else Fraction(reading.value),
                text=grouped(reading.text()),
            )
            for reading in self.readings
        ]


def chart_of(
    book: Book,
    meter: str,
    customer: str,
    stretch: Stretch,
    *,
    window: str,
    asked: AsOfOptions,
) -> Drawn:
    """
    Return what a meter says of each window of the periods, as far as they have begun.

    Raises:
        InvalidQueryError: If there are more than WINDOWS_MAX windows.
    """
    moment = asked.moment(book)
    periods = [period for _, period in stretch.periods(moment)]
    unit_of_time = interval_named(window)
    cut = _windows(periods, unit_of_time, stretch.zone, moment)
    readings = book.read_many(
        meter,
        customers=[customer],
        periods=cut,
        as_of=moment,
        place=asked.place,
        version=asked.version,
    )
    unit = next((one.meter.unit for one in book.meters() if one.meter.key == meter), "")
    return Drawn(
        title=f"{meter} of {printable(customer)} by {window}",
        unit=unit,
        readings=readings,
        window=unit_of_time,
        zone=stretch.zone,
    )


def _windows(
    periods: list[Period], window: Interval, zone: str, until: dt.datetime
) -> list[Period]:
    """
    Return the windows of *periods* that have begun at *until*.
    """
    if not periods or until < periods[0].start:
        return []

    whole = Period(periods[0].start, periods[-1].end)
    cut = list(islice(windows(whole, window, zone), WINDOWS_MAX + 1))
    begun = [one for one in cut if one.start <= until]
    if len(begun) > WINDOWS_MAX:
        message = (
            f"The chart would have more than {WINDOWS_MAX:,} bars: choose a longer "
            "--window, or a shorter stretch."
        )
        raise InvalidQueryError(message)

    return begun
