"""
What became of something that was stated, as people and programs see it.
"""

from __future__ import annotations

import typer

from meterbook.cli.errors import ExitCode
from meterbook.cli.rendering import print_json
from meterbook.metering.events import Conflict, Duplicate, Recorded


def print_outcome(outcome: Recorded | Duplicate | Conflict, *, as_json: bool) -> None:
    """
    Print an outcome; a conflict ends the program with 1.
    """
    if as_json:
        print_json(outcome)
    elif isinstance(outcome, Conflict):
        typer.echo(
            f"conflict: entry {outcome.entry_id} says otherwise, nothing changed"
        )
    elif isinstance(outcome, Duplicate):
        typer.echo(f"1 duplicate of entry {outcome.entry_id}, nothing changed")
    else:
        typer.echo(f"recorded as entry {outcome.entry_id}")
    if isinstance(outcome, Conflict):
        raise typer.Exit(ExitCode.REFUSED)
