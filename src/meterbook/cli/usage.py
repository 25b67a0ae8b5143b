"""
`meterbook usage`: what a meter says, as numbers, as a chart, and entry by entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.charting import chart_of
from meterbook.cli.charts import SUFFIXES
from meterbook.cli.errors import refuse
from meterbook.cli.explanations import Page, explain_periods
from meterbook.cli.opening import opened_to_read
from meterbook.cli.readings import AsOfOptions, print_documents, print_readings
from meterbook.cli.stretches import Stretch


if TYPE_CHECKING:
    pass


PAGE_ENTRIES = 100

commands = options.noun("usage", "Read a meter, draw it, explain it.")

Everybody = Annotated[
    bool, typer.Option("--all-customers", help="Of everybody who used it.")
]

OneCustomer = Annotated[
    str,
    typer.Option("--customer", metavar="KEY", help="Whose usage.", show_default=False),
]

Window = Annotated[
    str, typer.Option("--window", metavar="UNIT", help="hour, day or month.")
]

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Draw into this .svg or .png file; in the terminal if absent.",
        show_default=False,
    ),
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
    int, typer.Option("--limit", min=1, max=1_000, help="Entries of a page.")
]


@commands.command(
    "read",
    **options.with_example(
        "meterbook usage read tokens --customer acme --anchor 2026-01-31"
    ),
)
def read(
    meter: options.Meter,
    customers: options.Customers = None,
    everybody: Everybody = False,
    anchor: options.Anchor = None,
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    index: options.PeriodIndex = None,
    current: options.Current = False,
    start: options.From = None,
    end: options.To = None,
    by: options.By = None,
    as_of: options.AsOf = None,
    place: options.Place = None,
    version: options.Version = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Read a meter: a line for each period that has started, or for one of them.

    Periods are half-open and counted from the anchor: an event at the end of one
    belongs to the next.
    """
    if everybody == bool(customers):
        refuse("--customer", "say whose: --customer, or --all-customers.")

    stretch = Stretch(
        anchor=anchor,
        start=start,
        end=end,
        interval=interval,
        count=count,
        zone=zone,
        index=index,
        current=current,
    )
    asked = AsOfOptions(as_of=as_of, place=place, version=version, zone=zone)
    with opened_to_read(book, schema) as found:
        moment = asked.moment(found)
        periods = stretch.periods(moment)
        readings = found.read_many(
            meter,
            customers=None if everybody else customers,
            periods=[period for _, period in periods],
            group_by=by or None,
            as_of=moment,
            place=place,
            version=version,
        )
    if json:
        print_documents(readings, [index for index, _ in periods])
    else:
        print_readings(readings, zone=zone, named=everybody or len(customers or ()) > 1)


@commands.command(
    "chart",
    **options.with_example(
        "meterbook usage chart tokens --customer acme --from 2026-01-01 "
        "--to 2026-02-01 --window day --out tokens.svg"
    ),
)
def chart(
    meter: options.Meter,
    customer: OneCustomer,
    window: Window = "day",
    anchor: options.Anchor = None,
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    index: options.PeriodIndex = None,
    current: options.Current = False,
    start: options.From = None,
    end: options.To = None,
    as_of: options.AsOf = None,
    place: options.Place = None,
    version: options.Version = None,
    out: Out = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Draw a meter by hour, day or month, in the terminal or into a file.

    A file needs the extra `charts`: pip install "meterbook[charts]".
    """
    if out is not None and out.suffix not in SUFFIXES:
        refuse("--out", f"{out.name} must end in {' or '.join(SUFFIXES)}.")

    stretch = Stretch(
        anchor=anchor,
        start=start,
        end=end,
        interval=interval,
        count=count,
        zone=zone,
        index=index,
        current=current,
    )
    asked = AsOfOptions(as_of=as_of, place=place, version=version, zone=zone)
    with opened_to_read(book, schema) as found:
        drawn = chart_of(found, meter, customer, stretch, window=window, asked=asked)
    drawn.show(out, as_json=json)


@commands.command(
    "explain",
    **options.with_example(
        "meterbook usage explain tokens --customer acme --anchor 2026-01-31 --period 0"
    ),
)
def explain(
    meter: options.Meter,
    customer: OneCustomer,
    anchor: options.Anchor = None,
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    index: options.PeriodIndex = None,
    current: options.Current = False,
    start: options.From = None,
    end: options.To = None,
    as_of: options.AsOf = None,
    place: options.Place = None,
    version: options.Version = None,
    after: After = None,
    limit: Limit = PAGE_ENTRIES,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the entries behind a number, in the order they occurred.

    Of several periods, those without an entry are left out.
    """
    stretch = Stretch(
        anchor=anchor,
        start=start,
        end=end,
        interval=interval,
        count=count,
        zone=zone,
        index=index,
        current=current,
    )
    asked = AsOfOptions(as_of=as_of, place=place, version=version, zone=zone)
    page = Page(after=after, limit=limit)
    with opened_to_read(book, schema) as found:
        moment = asked.moment(found)
        explain_periods(
            found,
            meter,
            customer,
            [period for _, period in stretch.periods(moment)],
            asked=asked,
            moment=moment,
            page=page,
            as_json=json,
        )
