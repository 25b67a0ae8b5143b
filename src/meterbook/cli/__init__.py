"""
The command line: `meterbook <noun> <verb>`.

Each noun is a file. What they share: `options`, how a book is opened, how errors become
exit codes, and what is printed. Nothing of this is loaded by `import meterbook`.
"""

from __future__ import annotations

from meterbook.cli import (
    book,
    catalog,
    events,
    meters,
    people,
    periods,
    subjects,
    usage,
    worker,
)
from meterbook.cli.options import program


__all__ = ["app", "main"]

app = program(
    "Record usage exactly once, read any meter for any period, explain every number."
)
for noun in (book, catalog, meters, events, subjects, people, usage, periods, worker):
    app.add_typer(noun.commands)


def main() -> None:
    """
    Run the command that the shell was given, and exit with its code.
    """
    app(prog_name="meterbook")
