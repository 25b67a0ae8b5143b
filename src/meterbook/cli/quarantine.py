"""
`meterbook events quarantine`: documents that were refused and kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.errors import ExitCode, refuse
from meterbook.cli.held_rows import row_in
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.rendering import print_json, print_table
from meterbook.metering.events import Conflict, Refused


if TYPE_CHECKING:
    from meterbook.services.entries.quarantining import HeldDocument


PAGE_DOCUMENTS = 100

commands = options.noun("quarantine", "Documents that were refused and kept.")

Ids = Annotated[
    list[int],
    typer.Argument(
        min=1,
        max=options.INTEGER_MAX,
        metavar="NUMBER...",
        help="Which documents.",
        show_default=False,
    ),
]


@commands.command("list", **options.with_example("meterbook events quarantine list"))
def list_(
    after: Annotated[
        int,
        typer.Option(
            "--after",
            min=0,
            max=options.INTEGER_MAX,
            help="Documents with numbers above this.",
        ),
    ] = 0,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=1, max=options.INTEGER_MAX, help="At most so many."
        ),
    ] = PAGE_DOCUMENTS,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List held documents, oldest first.
    """
    with opened_to_read(book, schema) as found:
        held = found.quarantined(after=after, limit=limit)
    if json:
        for one in held:
            print_json(_shown(one))
        return
    if not held:
        typer.echo("none")
    print_table(
        ["number", "received", "reason", "document"],
        [
            (
                one["quarantine_id"],
                one["received_at"],
                one["reason"],
                one["document"],
            )
            for one in map(_shown, held)
        ],
        right=["number"],
    )
    if len(held) == limit:
        typer.echo(f"more: --after {held[-1].quarantine_id}")


def _shown(held: HeldDocument) -> dict[str, object]:
    """
    Return a held document as it is printed; a row as it was in its file.
    """
    row = row_in(held.document)
    why = held if row is None else row
    text = held.document.decode("utf-8", errors="backslashreplace")
    return {
        "quarantine_id": held.quarantine_id,
        "received_at": held.received_at,
        "code": why.code,
        "field": why.field,
        "reason": why.reason,
        "document": text if row is None else row.row,
    }


@commands.command(
    "replay", **options.with_example("meterbook events quarantine replay --all")
)
def replay(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(
            min=1,
            max=options.INTEGER_MAX,
            metavar="[NUMBER]...",
            help="Which documents.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that are held.")
    ] = False,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Offer held documents to the book again; what is refused again stays held.
    """
    if bool(numbers) == everything:
        refuse("NUMBER", "say which: numbers, or --all.")

    with opened(book, schema) as found:
        replayed = found.replay(None if everything else numbers)
    for one in replayed:
        if json:
            print_json(one)
    held = sum(isinstance(one.outcome, Refused | Conflict) for one in replayed)
    if not json:
        done = len(replayed) - held
        typer.echo(f"{done:,} in the book now, {held:,} held still")
    if held:
        raise typer.Exit(ExitCode.REFUSED)


@commands.command(
    "discard", **options.with_example("meterbook events quarantine discard 17")
)
def discard(
    numbers: Ids,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Give up held documents; they are not shown or replayed any more.
    """
    with opened(book, schema) as found:
        for number in numbers:
            found.discard(number)
            if json:
                print_json({"discarded": number})
    if not json:
        typer.echo(f"{len(numbers):,} discarded")
