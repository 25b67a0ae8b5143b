"""
Seats as people and programs see them.

::

    seats of acme, as of place 12
      1  Jan 31 - Feb 27 2026  7  reached Feb 10 2026 09:00  5 at the end
      2  Feb 28 - Mar 30 2026  5  carried in                 5 at the end  in progress

For people a month ends on its last day; in JSON the end is the first instant after.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Final

import typer

from meterbook.cli.rendering import counted, grouped, print_table, printable
from meterbook.cli.stretches import Spelling, day_text
from meterbook.foundation.instants import format_instant, to_micros
from meterbook.foundation.units import format_units
from meterbook.metering.seats import Knowledge


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.foundation.periods import Period
    from meterbook.metering.seats import SeatPeriod
    from meterbook.services.seats.seat_changes import ChangesPage, SeatChange
    from meterbook.services.seats.seat_corrections import SeatCorrection
    from meterbook.services.seats.seat_presence import Present
    from meterbook.services.seats.seating import SeatMonth, SeatReading

UNKNOWN: Final = "unknown"

# Of those who made a peak, in a line. `seats show` has more.
MAKERS_SHOWN: Final = 3


def months_table(reading: SeatReading, *, zone: str) -> None:
    """
    Print a line for each month.
    """
    spelling = Spelling(zone)
    print_table(
        ["month", "from", "to", "peak", "reached", "made by", "at end", ""],
        [
            (
                month.seats.number,
                *range_of(month.seats.period, spelling),
                peak_text(month.seats, reading.scale),
                reached_text(month.seats, spelling),
                _makers_text(month),
                end_text(month.seats, reading.scale),
                ", ".join(_remarks(reading, month, spelling)),
            )
            for month in reading.months
        ],
        right=["month", "peak", "at end"],
    )


def month_lines(reading: SeatReading, month: SeatMonth, *, zone: str) -> Iterator[str]:
    """
    Yield what there is to say of one month.
    """
    spelling, seats = Spelling(zone), month.seats
    first, last = range_of(seats.period, spelling)
    yield f"month {seats.number}: {first} to {last}"
    yield f"peak: {peak_text(seats, reading.scale)}"
    if seats.knowledge is not Knowledge.UNKNOWN:
        yield f"reached: {reached_text(seats, spelling)}"
    yield f"at the end: {end_text(seats, reading.scale)}"
    remarks = list(_remarks(reading, month, spelling))
    if remarks:
        yield f"to know: {', '.join(remarks)}"
    for change in month.made_by:
        yield f"made by: {_change_text(change, spelling)}"
    left = month.made_by_count - len(month.made_by)
    if left:
        yield f"made by: {left:,} more"
    for note in month.notes:
        said = f" ({printable(note.actor)})" if note.actor else ""
        yield f"note: {spelling.moment(note.at)}: {printable(note.text)}{said}"
    for name in month.present or ():
        yield f"there at the peak: {printable(name)}"


def range_of(period: Period, spelling: Spelling) -> tuple[str, str]:
    """
    Return the first day and the last; moments, where it does not begin at midnight.
    """
    start, end = spelling.wall(period.start), spelling.wall(period.end)
    if start.time() == dt.time() and end.time() == dt.time():
        last = end - dt.timedelta(days=1)
        return day_text(start), day_text(last)
    return spelling.moment(period.start), f"before {spelling.moment(period.end)}"


def peak_text(seats: SeatPeriod, scale: int) -> str:
    """
    Return the peak; "unknown" where nobody knows that it was 0.
    """
    if seats.knowledge is Knowledge.UNKNOWN:
        return UNKNOWN
    return grouped(format_units(seats.peak_units, scale))


def end_text(seats: SeatPeriod, scale: int) -> str:
    """
    Return the level at the end of what has elapsed, likewise.
    """
    if seats.knowledge is Knowledge.UNKNOWN:
        return UNKNOWN
    return grouped(format_units(seats.end_units, scale))


def reached_text(seats: SeatPeriod, spelling: Spelling) -> str:
    """
    Return when the peak was reached.
    """
    if seats.reached_at is None:
        return ""
    if seats.reached_at < seats.period.start:
        return f"carried in, since {spelling.moment(seats.reached_at)}"
    return spelling.moment(seats.reached_at)


def month_document(reading: SeatReading, month: SeatMonth) -> dict[str, object]:
    """
    Return a month as its JSON document.

    *peak_units* and *end_units* are null where nothing is known: that is not 0.
    """
    seats = month.seats
    known = seats.knowledge is not Knowledge.UNKNOWN
    document: dict[str, object] = {
        "meter_key": reading.meter_key,
        "meter_version": reading.meter_version,
        "customer_key": reading.customer_key,
        "number": seats.number,
        "index": seats.index,
        "start": seats.period.start,
        "end": seats.period.end,
        "peak_units": seats.peak_units if known else None,
        "peak_at": seats.peak_at if known else None,
        "reached_at": seats.reached_at,
        "carried_units": seats.carried_units,
        "end_units": seats.end_units if known else None,
        "scale": reading.scale,
        "complete": seats.complete,
        "knowledge": seats.knowledge.value,
        "known_since": seats.known_since,
        "definitions": month.definitions,
        "made_by_count": month.made_by_count,
        "made_by": month.made_by,
        "notes": month.notes,
        "provisional": reading.provisional,
        "behind": reading.behind,
        "as_of": {"place": reading.as_of.place, "moment": reading.as_of.moment},
    }
    if month.present is not None:
        document["present"] = month.present
    return document


def present_table(answer: Present, *, zone: str) -> None:
    """
    Print a line for each way by which somebody is in.
    """
    spelling = Spelling(zone)
    print_table(
        ["member", "since", "way", "state", "by", "cause"],
        [
            (
                one.member if nth == 0 else "",
                spelling.moment(way.since),
                way.way,
                way.state if one.since is not None else f"{way.state} (not counted)",
                way.actor,
                way.cause,
            )
            for one in answer.members
            for nth, way in enumerate(one.ways)
        ],
    )


def changes_table(page: ChangesPage, *, zone: str) -> None:
    """
    Print the changes of a page, and how to ask for the next.
    """
    spelling = Spelling(zone)
    print_table(
        ["place", "time", "change", "member", "way", "state", "level", "by", "cause"],
        [
            (
                change.place,
                spelling.moment(change.at),
                change.change,
                change.member,
                change.way,
                change.state,
                grouped(format_units(change.units, page.scale)),
                change.actor,
                change.cause,
            )
            for change in page.changes
        ],
        right=["place", "level"],
    )
    if not page.changes:
        typer.echo("no changes")
    if page.next is not None:
        as_of = format_instant(to_micros(page.as_of.moment))
        place = page.as_of.place
        same = "" if place is None else f" --place {place}"
        typer.echo(f"more: --after {page.next} --as-of {as_of}{same}")


def correction_table(found: SeatCorrection, *, zone: str) -> None:
    """
    Print the months that a correction changes: peak and level, before and after.
    """
    spelling = Spelling(zone)
    print_table(
        ["month", "from", "to", "peak", "corrected", "at end", "corrected"],
        [
            (
                month.before.number,
                *range_of(month.before.period, spelling),
                peak_text(month.before, found.scale),
                peak_text(month.after, found.scale),
                end_text(month.before, found.scale),
                end_text(month.after, found.scale),
            )
            for month in found.months
        ],
        right=["month", "peak", "corrected", "at end"],
    )


def _remarks(
    reading: SeatReading, month: SeatMonth, spelling: Spelling
) -> Iterator[str]:
    """
    Yield what else there is to know of a month.
    """
    seats = month.seats
    if not seats.complete:
        yield "in progress"
    if seats.knowledge is Knowledge.PARTLY and seats.known_since is not None:
        yield f"known since {spelling.moment(seats.known_since)}"
    if len(month.definitions) > 1:
        versions = ", ".join(map(str, month.definitions))
        yield f"what counts changed: versions {versions}"
    if month.notes:
        yield counted(len(month.notes), "note")
    if reading.provisional:
        yield "provisional"
    if reading.behind:
        yield "behind"


def _makers_text(month: SeatMonth) -> str:
    """
    Return who made the peak, as far as it fits.
    """
    said = [one.member or one.actor for one in month.made_by[:MAKERS_SHOWN]]
    names = [printable(name) for name in said if name is not None]
    left = month.made_by_count - len(names)
    if not names:
        return ""
    return ", ".join(names) + (f" and {left:,} more" if left else "")


def _change_text(change: SeatChange, spelling: Spelling) -> str:
    """
    Return one change in words: "ann, join by scim, Feb 10 2026 09:00, by bob".
    """
    said = [change.member, change.change + (f" by {change.way}" if change.way else "")]
    said.append(spelling.moment(change.at))
    if change.actor is not None:
        said.append(f"by {change.actor}")
    if change.cause is not None:
        said.append(change.cause)
    return printable(", ".join(text for text in said if text))
