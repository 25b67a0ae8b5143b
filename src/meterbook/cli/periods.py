"""
`meterbook periods`: which periods a calendar has, counted from its anchor.
"""

from __future__ import annotations

import datetime as dt

from itertools import islice
from typing import Annotated

import typer

from meterbook.cli import options
from meterbook.cli.errors import moment_of
from meterbook.cli.rendering import print_json
from meterbook.cli.stretches import Spelling
from meterbook.foundation.periods import Calendar, interval_named


PAGE_PERIODS = 100

commands = options.noun("periods", "See which periods are counted from an anchor.")

Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="DATE|MOMENT",
        help="The last moment at which one may start; now if absent.",
        show_default=False,
    ),
]


@commands.callback()
def periods() -> None:
    """
    See which periods are counted from an anchor.
    """


@commands.command(
    "list",
    **options.with_example("meterbook periods list --anchor 2026-01-31 --limit 12"),
)
def list_(
    anchor: Annotated[
        str,
        typer.Option(
            "--anchor",
            metavar="DATE|MOMENT",
            help="Where periods are counted from; a date is midnight in the zone.",
            show_default=False,
        ),
    ],
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    until: Until = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=1, max=options.INTEGER_MAX - 1, help="At most so many."
        ),
    ] = PAGE_PERIODS,
    json: options.Json = False,
) -> None:
    """
    List the periods that have started, with their numbers. No book is needed.
    """
    at = moment_of("--anchor", anchor, zone=zone)
    last = (
        dt.datetime.now(dt.UTC)
        if until is None
        else moment_of("--until", until, zone=zone)
    )
    calendar = Calendar(at, interval_named(interval), count, zone)
    listed = list(islice(calendar.periods(last), limit + 1))
    shown = listed[:limit]
    if json:
        for index, period in shown:
            print_json({"index": index, "start": period.start, "end": period.end})
        return
    if not shown:
        typer.echo("none: the anchor is still to come")
    texts = Spelling(zone).periods([period for _, period in shown])
    for (index, _), (year, text) in zip(shown, texts, strict=True):
        if year is not None:
            typer.echo(f"{year}")
        typer.echo(f"{index:>5}  {text}".rstrip())
    if len(listed) > limit:
        typer.echo("more: a higher --limit")
