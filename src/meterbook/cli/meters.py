"""
`meterbook meters`: what is measured, and what could not be.
"""

from __future__ import annotations

from typing import Annotated

import typer

from meterbook.cli import options
from meterbook.cli.opening import opened_to_read
from meterbook.cli.rendering import print_json, print_table
from meterbook.cli.toml import toml_table
from meterbook.foundation.errors import UnknownMeterError


PAGE_ENTRIES = 100

commands = options.noun("meters", "See what is measured, and what could not be.")


@commands.command("list", **options.with_example("meterbook meters list"))
def list_(
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the meters of a book, in their latest version.
    """
    with opened_to_read(book, schema) as found:
        defined = found.meters()
    if json:
        for one in defined:
            print_json(
                {
                    "key": one.meter.key,
                    "version": one.version,
                    "aggregation": one.meter.aggregation,
                    "event_type": one.meter.event_type,
                    "unit": one.meter.unit,
                    "description": one.meter.description,
                }
            )
        return
    if not defined:
        typer.echo("no meters: write a catalog, then meterbook catalog apply FILE")
    print_table(
        ["meter", "version", "aggregation", "event type", "unit", "description"],
        [
            (
                one.meter.key,
                one.version,
                one.meter.aggregation.value,
                one.meter.event_type,
                one.meter.unit,
                one.meter.description,
            )
            for one in defined
        ],
        right=["version"],
    )


@commands.command("show", **options.with_example("meterbook meters show tokens"))
def show(
    meter: options.Meter,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show every version of a meter.
    """
    with opened_to_read(book, schema) as found:
        versions = [
            one for one in found.meters(all_versions=True) if one.meter.key == meter
        ]
    if not versions:
        raise UnknownMeterError

    for one in versions:
        if json:
            print_json(
                {
                    "key": meter,
                    "version": one.version,
                    "defined_at": one.defined_at,
                    "rolled_place": one.rolled_place,
                    "definition": one.meter.definition(),
                }
            )
            continue
        typer.echo(f"# version {one.version}, defined at {one.defined_at:%Y-%m-%d %X}Z")
        typer.echo(toml_table(("meters", meter), one.meter.definition()))


@commands.command(
    "unusable", **options.with_example("meterbook meters unusable tokens --limit 20")
)
def unusable(
    meter: options.Meter,
    version: options.Version = None,
    after: Annotated[
        int,
        typer.Option(
            "--after",
            min=0,
            max=options.INTEGER_MAX,
            help="Entries at places above this.",
        ),
    ] = 0,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=1, max=options.INTEGER_MAX, help="At most so many."
        ),
    ] = (PAGE_ENTRIES),
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the events that a meter should read and cannot take, a page at a time.
    """
    with opened_to_read(book, schema) as found:
        listed = found.unusable(meter, version=version, after=after, limit=limit)
    if json:
        for one in listed:
            print_json({"reason": one.reason, "entry": one.entry})
        return
    if not listed:
        typer.echo("none")
    print_table(
        ["place", "time", "source", "id", "customer", "reason"],
        [
            (
                one.entry.place,
                one.entry.time,
                one.entry.source,
                one.entry.id,
                one.entry.customer,
                one.reason,
            )
            for one in listed
        ],
        right=["place"],
    )
    if len(listed) == limit:
        typer.echo(f"more: --after {listed[-1].entry.place}")
