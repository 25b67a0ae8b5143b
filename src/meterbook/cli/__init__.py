"""
The command line: `meterbook <noun> <verb>`.

Each noun is a file. What they share: `options`, how a book is opened, how errors become
exit codes, and what is printed. Nothing of this is loaded by `import meterbook`.

There are a hundred commands, and putting them all together takes a second: a command
that is run loads its own noun only. The whole program is `meterbook.cli.app`.
"""

from __future__ import annotations

import functools
import importlib
import sys

from typing import TYPE_CHECKING, Any, Final


if TYPE_CHECKING:
    from collections.abc import Iterable

    from typer import Typer


__all__ = ["app", "main"]

# In the order of help, with the files that hold the commands of each.
NOUNS: Final = {
    "book": ["book"],
    "catalog": ["catalog"],
    "meters": ["meters"],
    "events": ["events"],
    "subjects": ["subjects"],
    "people": ["people"],
    "usage": ["usage"],
    "periods": ["periods"],
    "worker": ["worker"],
    "seats": ["seats"],
    "capture": ["capture"],
    "customers": ["customers"],
    "subscriptions": ["subscriptions"],
    "terms": ["terms"],
    "licence": ["licence"],
    "instance": ["instance"],
    "report": ["report", "card"],
    "keys": ["keys"],
    "proof": ["proof"],
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - as modules have it
    if name == "app":
        return whole()
    raise AttributeError(name)


@functools.cache
def whole() -> Typer:
    """
    Return the program with every noun.
    """
    return program_of(NOUNS)


def program_of(nouns: Iterable[str]) -> Typer:
    """
    Return the program with these *nouns*.
    """
    from meterbook.cli.options import program  # noqa: PLC0415 - a command loads its own

    made = program(
        "Record usage exactly once, read any meter for any period, explain every"
        " number."
    )
    for noun in nouns:
        modules = [importlib.import_module(f"{__name__}.{n}") for n in NOUNS[noun]]
        made.add_typer(modules[0].commands)
    return made


def main() -> None:
    """
    Run the command that the shell was given, and exit with its code.
    """
    from meterbook.cli.errors import ALIASES  # noqa: PLC0415 - likewise

    word = sys.argv[1] if len(sys.argv) > 1 else ""
    noun = ALIASES.get(word, word)
    run = program_of([noun]) if noun in NOUNS else whole()
    run(prog_name="meterbook")
