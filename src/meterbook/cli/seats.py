"""
`meterbook seats`: who is in, and how many there were at most in each month.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options, seat_acts
from meterbook.cli.errors import moment_of, refuse
from meterbook.cli.opening import opened_to_read
from meterbook.cli.readings import AsOfOptions
from meterbook.cli.rendering import counted, print_json
from meterbook.cli.seat_lines import (
    changes_table,
    month_document,
    month_lines,
    months_table,
    present_table,
)
from meterbook.cli.stretches import Spelling, Stretch


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.foundation.periods import Period


PAGE_CHANGES = 100

commands = options.noun("seats", "Say who is in, and how many at most in each month.")
seat_acts.add_to(commands)

OneCustomer = Annotated[
    str,
    typer.Option("--customer", metavar="KEY", help="Whose seats.", show_default=False),
]

Month = Annotated[
    int | None,
    typer.Option(
        "--month",
        min=1,
        max=options.INTEGER_MAX,
        metavar="N",
        help="Only this month, by the number that `list` shows.",
        show_default=False,
    ),
]

Names = Annotated[
    bool, typer.Option("--names", help="Say who people are, not only their number.")
]

At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="DATE|MOMENT",
        help="At which moment; now if absent.",
        show_default=False,
    ),
]

Everybody = Annotated[
    bool,
    typer.Option("--everybody", help="Also those whose state does not count."),
]

After = Annotated[
    str | None,
    typer.Option(
        "--after",
        metavar="CURSOR",
        help="The next page: what the last one ended with.",
        show_default=False,
    ),
]

Limit = Annotated[
    int, typer.Option("--limit", min=1, max=10_000, help="Changes of a page.")
]


@commands.command(
    "list",
    **options.with_example(
        "meterbook seats list seats --customer acme --anchor 2026-01-31"
    ),
)
def list_(
    meter: options.Meter,
    customer: OneCustomer,
    anchor: options.Anchor = None,
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    start: options.From = None,
    end: options.To = None,
    names: Names = False,
    as_of: options.AsOf = None,
    place: options.Place = None,
    version: options.Version = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the months that have started: peak, when it was reached, and who made it.

    A month before anything was told says "unknown": nobody knows that it was 0.
    """
    stretch = _stretch(anchor, start, end, interval, count, zone)
    asked = AsOfOptions(as_of=as_of, place=place, version=version, zone=zone)
    with opened_to_read(book, schema) as found:
        moment = asked.moment(found)
        reading = found.seats.periods(
            meter,
            customer,
            periods=_numbered(stretch, moment),
            as_of=moment,
            place=place,
            version=version,
            names=names,
        )
    if not json:
        months_table(reading, zone=zone)
        return
    for month in reading.months:
        print_json(month_document(reading, month))


@commands.command(
    "show",
    **options.with_example(
        "meterbook seats show seats --customer acme --anchor 2026-01-31 --month 1"
    ),
)
def show(
    meter: options.Meter,
    customer: OneCustomer,
    anchor: options.Anchor = None,
    month: Month = None,
    current: options.Current = False,
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    start: options.From = None,
    end: options.To = None,
    names: Names = False,
    as_of: options.AsOf = None,
    place: options.Place = None,
    version: options.Version = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show one month: its numbers, who made the peak, who was there, and what was noted.

    Without --month it is the one in progress.
    """
    if anchor is not None and month is None:
        current = True
    stretch = _stretch(
        anchor, start, end, interval, count, zone, month=month, current=current
    )
    asked = AsOfOptions(as_of=as_of, place=place, version=version, zone=zone)
    with opened_to_read(book, schema) as found:
        moment = asked.moment(found)
        reading = found.seats.periods(
            meter,
            customer,
            periods=_numbered(stretch, moment),
            as_of=moment,
            place=place,
            version=version,
            names=names,
            who=names,
        )
    [only] = reading.months
    if json:
        print_json(month_document(reading, only))
        return
    for line in month_lines(reading, only, zone=zone):
        typer.echo(line)


@commands.command(
    "present",
    **options.with_example(
        "meterbook seats present seats --customer acme --at 2026-02-10 --names"
    ),
)
def present(
    meter: options.Meter,
    customer: OneCustomer,
    at: At = None,
    everybody: Everybody = False,
    names: Names = False,
    zone: options.Zone = "UTC",
    place: options.Place = None,
    version: options.Version = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List who is in at a moment: by which ways, in which state, since when, by whom.
    """
    moment = None if at is None else moment_of("--at", at, zone=zone)
    with opened_to_read(book, schema) as found:
        answer = found.seats.present(
            meter,
            customer,
            at=moment,
            place=place,
            version=version,
            names=names,
            everybody=everybody,
        )
    if json:
        print_json(answer)
        return
    when = Spelling(zone).moment(answer.as_of.moment)
    typer.echo(f"{counted(answer.units, 'member')} at {when}")
    present_table(answer, zone=zone)


@commands.command(
    "changes",
    **options.with_example(
        "meterbook seats changes seats --customer acme --from 2026-02-01 "
        "--to 2026-03-01 --names"
    ),
)
def changes(
    meter: options.Meter,
    customer: OneCustomer,
    anchor: options.Anchor = None,
    month: Month = None,
    current: options.Current = False,
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    start: options.From = None,
    end: options.To = None,
    names: Names = False,
    as_of: options.AsOf = None,
    place: options.Place = None,
    version: options.Version = None,
    after: After = None,
    limit: Limit = PAGE_CHANGES,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the changes of one month or stretch, each with the level after it.

    Of several at one instant only the last one's level was held.
    """
    if anchor is not None and month is None:
        current = True
    stretch = _stretch(
        anchor, start, end, interval, count, zone, month=month, current=current
    )
    asked = AsOfOptions(as_of=as_of, place=place, version=version, zone=zone)
    with opened_to_read(book, schema) as found:
        moment = asked.moment(found)
        [(_, period)] = _numbered(stretch, moment)
        page = found.seats.changes(
            meter,
            customer,
            period=period,
            as_of=moment,
            place=place,
            version=version,
            names=names,
            after=after,
            limit=limit,
        )
    if not json:
        changes_table(page, zone=zone)
        return
    for change in page.changes:
        print_json(change)
    if page.next is not None:
        print_json({"next": page.next, "as_of": page.as_of})


def _stretch(
    anchor: str | None,
    start: str | None,
    end: str | None,
    interval: str,
    count: int,
    zone: str,
    *,
    month: int | None = None,
    current: bool = False,
) -> Stretch:
    """
    Return which periods a command was asked for.
    """
    if month is not None and current:
        refuse("--month", "give either --month or --current.")
    return Stretch(
        anchor=anchor,
        start=start,
        end=end,
        interval=interval,
        count=count,
        zone=zone,
        index=None if month is None else month - 1,
        current=current,
    )


def _numbered(stretch: Stretch, moment: dt.datetime) -> list[tuple[int, Period]]:
    """
    Return the periods that are asked for, each with its number from 0.
    """
    return [(index or 0, period) for index, period in stretch.periods(moment)]
