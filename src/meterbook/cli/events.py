"""
`meterbook events`: record what happened, list it, take it back.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from meterbook.cli import corrections, options, quarantine
from meterbook.cli.asking import Sought
from meterbook.cli.csv_mapping import (
    check_complete,
    constants,
    in_zone,
    mapping_from,
    mapping_of_options,
)
from meterbook.cli.errors import ExitCode, refuse
from meterbook.cli.files import STANDARD, reading, text_of
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.recording import Tally, documents_in, record_all, rows_in
from meterbook.cli.rendering import print_json, print_table


if TYPE_CHECKING:
    from meterbook.cli.csv_mapping import Mapping
    from meterbook.services.entries.listing import EntryView


PAGE_ENTRIES = 100

CLOUDEVENTS = "cloudevents"
CSV = "csv"

commands = options.noun("events", "Record what happened, list it, take it back.")
commands.add_typer(quarantine.commands)
corrections.add_to(commands)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="The file; - reads standard input.",
        show_default=False,
    ),
]

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="cloudevents (one JSON document a line) or csv; by the file's name "
        "if absent.",
        show_default=False,
    ),
]

Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FILE|FIELD=COLUMN",
        help="For CSV: a mapping file, or a field and its column, such as "
        "data.lines=lines:int; can be repeated.",
        show_default=False,
    ),
]

SameSource = Annotated[
    str | None,
    typer.Option("--source", help="For CSV: the source.", show_default=False),
]

SameType = Annotated[
    str | None,
    typer.Option("--type", help="For CSV: the type.", show_default=False),
]

SameCustomer = Annotated[
    str | None,
    typer.Option("--customer", help="For CSV: who pays.", show_default=False),
]

WrittenIn = Annotated[
    str | None,
    typer.Option(
        "--zone",
        help="For CSV: whose clock wrote the time, if it does not say.",
        show_default=False,
    ),
]

Keep = Annotated[
    bool,
    typer.Option("--quarantine", help="Keep what is refused, to be replayed."),
]

Work = Annotated[
    bool,
    typer.Option("--work/--no-work", help="Let the worker catch up afterwards."),
]


@commands.command(
    "record", **options.with_example("meterbook events record events.ndjson")
)
def record(
    file: File,
    form: Format = None,
    maps: Maps = None,
    source: SameSource = None,
    type_: SameType = None,
    customer: SameCustomer = None,
    zone: WrittenIn = None,
    keep: Keep = False,
    work: Work = True,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Record events from a file, each exactly once.

    A file can be recorded again: what is in the book is a duplicate and changes
    nothing, so an import that was interrupted is simply started anew. With --json there
    is one line for each event, with its outcome.
    """
    mapping = _mapping(
        _format(form, file),
        maps or [],
        {"source": source, "type": type_, "customer": customer},
        zone,
    )
    tally = Tally(as_json=json)
    with reading(file) as given, opened(book, schema) as found:
        told = documents_in(given.raw) if mapping is None else rows_in(given, mapping)
        record_all(found, told, tally, given=given, quarantine=keep, work_after=work)
    if tally.faults:
        raise typer.Exit(ExitCode.REFUSED)


def _format(stated: str | None, file: Path) -> str:
    """
    Return the format of *file*: as stated, else by its name.
    """
    if stated is None:
        return (
            CSV if file != STANDARD and file.suffix.lower() == ".csv" else CLOUDEVENTS
        )
    if stated not in {CLOUDEVENTS, CSV}:
        refuse("--format", f"{stated!r} is neither {CLOUDEVENTS} nor {CSV}.")

    return stated


def _mapping(
    form: str, maps: list[str], same: dict[str, str | None], zone: str | None
) -> Mapping | None:
    """
    Return how rows become events; None for documents, which say it themselves.
    """
    if form == CLOUDEVENTS:
        if maps or zone or any(same.values()):
            sentence = "this is for CSV: a CloudEvent says it itself. Use --format csv?"
            refuse("--map", sentence)
        return None

    mapping: Mapping = {}
    for path in [text for text in maps if "=" not in text]:
        mapping |= mapping_from(text_of(Path(path)))
    mapping |= mapping_of_options(text for text in maps if "=" in text)
    mapping = in_zone(mapping | constants(same), zone)
    check_complete(mapping)
    return mapping


Type = Annotated[
    str | None, typer.Option("--type", help="Of this type.", show_default=False)
]

Source = Annotated[
    str | None,
    typer.Option("--source", help="Of this source.", show_default=False),
]

Subject = Annotated[
    str | None,
    typer.Option("--subject", help="Of this subject or actor.", show_default=False),
]

Kind = Annotated[
    Literal["event", "void", "attribution", "statement"] | None,
    typer.Option("--kind", help="Only entries of this kind.", show_default=False),
]

Unattributed = Annotated[
    bool, typer.Option("--unattributed", help="Events that nobody pays for.")
]

After = Annotated[
    int,
    typer.Option(
        "--after", min=0, max=options.INTEGER_MAX, help="Entries at places above this."
    ),
]

Limit = Annotated[
    int,
    typer.Option("--limit", min=1, max=options.INTEGER_MAX, help="At most so many."),
]


@commands.command(
    "list", **options.with_example("meterbook events list --customer acme --limit 20")
)
def list_(
    customer: options.Customer = None,
    type_: Type = None,
    source: Source = None,
    subject: Subject = None,
    kind: Kind = None,
    start: options.From = None,
    end: options.To = None,
    unattributed: Unattributed = False,
    after: After = 0,
    limit: Limit = PAGE_ENTRIES,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List entries in the book's order, a page at a time.
    """
    sought = Sought(
        customer=customer,
        type=type_,
        source=source,
        subject=subject,
        start=start,
        end=end,
    )
    if unattributed and (sought != Sought() or kind or after):
        refuse("--unattributed", "give it alone, or with --limit.")

    with opened_to_read(book, schema) as found:
        if unattributed:
            entries = found.unattributed(limit=limit)
        else:
            entries = found.entries(sought.query(), kind=kind, after=after, limit=limit)
    if json:
        for entry in entries:
            print_json(entry)
        return
    print_entries(entries)
    if len(entries) == limit and not unattributed:
        typer.echo(f"more: --after {entries[-1].place}")


def print_entries(entries: list[EntryView]) -> None:
    """
    Print entries as a table; a word if there are none.
    """
    if not entries:
        typer.echo("none")
    print_table(
        ["place", "time", "source", "id", "type", "customer", "subject", "data", ""],
        [
            (
                entry.place,
                entry.time,
                entry.source,
                entry.id,
                entry.type,
                entry.customer,
                entry.subject,
                entry.data,
                "" if entry.void_since is None else f"void since {entry.void_since}",
            )
            for entry in entries
        ],
        right=["place"],
    )
