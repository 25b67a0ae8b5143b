"""
`meterbook catalog`: the meters of a book, as a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.files import text_of
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.rendering import json_text, print_json, print_table
from meterbook.cli.toml import toml_table


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.services.meters.cataloguing import CatalogDiff, MeterChange


commands = options.noun("catalog", "Define meters in a file, and see what they are.")


@commands.command(
    "apply", **options.with_example("meterbook catalog apply catalog.toml --dry-run")
)
def apply(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A TOML file; - reads standard input.",
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Define the meters of a catalog, and show the difference.

    What is new is added, what differs becomes a new version. A meter that is missing in
    the file stays.
    """
    text = text_of(file)
    with opened(book, schema) as found:
        diff = found.apply_catalog(text, dry_run=dry_run)
    if json:
        for change in diff.changes:
            print_json({"change": change, "applied": diff.applied})
    else:
        _print_diff(diff)


def _print_diff(diff: CatalogDiff) -> None:
    rows = [row for change in diff.changes for row in _rows(change)]
    print_table(
        ["", "meter", "version", "field", "before", "after"], rows, right=["version"]
    )
    counts = ", ".join(
        f"{len(diff.keys(action))} {action}"
        for action in ("added", "changed", "unchanged")
        if diff.keys(action)
    )
    done = "" if diff.applied else " (dry run: nothing was applied)"
    typer.echo(f"{counts or 'the catalog is empty'}{done}")


_SIGNS = {"added": "+", "changed": "~", "unchanged": "="}


def _rows(change: MeterChange) -> Iterator[tuple[object, ...]]:
    """
    Yield a row for each field that differs, the first with the meter's name.
    """
    name = (_SIGNS[change.action], change.meter_key, change.version)
    fields = [
        (one.field, _shown(one.before), _shown(one.after))
        for one in change.fields
        if one.before is not None or one.after not in ("", {}, [])
    ]
    yield (*name, *(fields[0] if fields else ("", "", "")))
    for field in fields[1:]:
        yield ("", "", "", *field)


def _shown(value: object) -> str:
    return "" if value is None else json_text(value)


@commands.command("show", **options.with_example("meterbook catalog show > all.toml"))
def show(
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Print the latest version of every meter, as a catalog that can be applied.
    """
    with opened_to_read(book, schema) as found:
        defined = found.meters()
    for one in defined:
        if json:
            print_json(
                {
                    "key": one.meter.key,
                    "version": one.version,
                    "defined_at": one.defined_at,
                    "definition": one.meter.definition(),
                }
            )
        else:
            typer.echo(f"# version {one.version}")
            typer.echo(toml_table(("meters", one.meter.key), one.meter.definition()))
