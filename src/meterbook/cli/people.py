"""
`meterbook people`: what the book knows of somebody, and forgetting who they were.
"""

from __future__ import annotations

from typing import Annotated

import typer

from meterbook.cli import options
from meterbook.cli.errors import refuse
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.rendering import counted, print_json


commands = options.noun("people", "Export what is kept of a person, or erase the name.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="As events call the subject or actor.", show_default=False
    ),
]


@commands.command(
    "export", **options.with_example("meterbook people export ann > ann.ndjson")
)
def export(
    name: Name,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Print every entry that names a person, as JSON, one a line.
    """
    del json  # It is JSON anyway: a copy for the person, or for another program.
    with opened_to_read(book, schema) as found:
        for entry in found.people.export(name):
            print_json(entry)


@commands.command(
    "erase",
    **options.with_example(
        'meterbook people erase ann --actor dpo --reason "asked to be forgotten" --yes'
    ),
)
def erase(
    name: Name,
    actor: options.Actor,
    reason: options.Reason,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it: it cannot be undone.")
    ] = False,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Forget a person's name for ever; their usage stays.
    """
    if not yes:
        refuse("--yes", "erasing cannot be undone: say --yes to do it.")

    with opened(book, schema) as found:
        erasure = found.people.erase(name, actor=actor, reason=reason)
    if json:
        print_json(erasure)
        return
    entries = counted(erasure.entry_count, "entry", "entries")
    typer.echo(f"erased: {entries} now say person-{erasure.person_id}")
    if erasure.quarantine_ids:
        ids = " ".join(map(str, erasure.quarantine_ids))
        typer.echo(f"held documents that still name them: {ids}")
        typer.echo("replay or discard those: meterbook events quarantine")
