"""
The reference of the command line: the help of every command, as one page.

    python -m meterbook.cli.reference > docs/reference/cli.md

A test fails when the page is not what this prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

from meterbook.cli import whole


if TYPE_CHECKING:
    from collections.abc import Iterator


# A page is as wide as the terminals that it is read beside.
HELP_COLUMNS: Final = 88

HEAD: Final = """\
# Command line

`meterbook <noun> <verb>`: what each command does, an example, and every option.
This page is made of the help texts: `python -m meterbook.cli.reference`.

Exit codes: 0 done, 1 refused, 2 wrong usage, 3 try again.
Under `--json` a command prints JSON, one document a line; so are errors, on stderr.
"""


def reference() -> str:
    """
    Return the page, in Markdown.
    """
    sections = [
        f"## `{' '.join(path)}`\n\n```text\n{help_of(path, command)}\n```\n"
        for path, command in every_command()
    ]
    return "\n".join([HEAD, *sections])


def every_command() -> Iterator[tuple[tuple[str, ...], Any]]:
    """
    Yield the words of every command that can be run, and the command.
    """
    yield from _below(("meterbook",), typer.main.get_command(whole()))


def _below(
    path: tuple[str, ...],
    command: Any,  # noqa: ANN401 - typer keeps the class private
) -> Iterator[tuple[tuple[str, ...], Any]]:
    nested = getattr(command, "commands", None)
    if nested is None:
        yield path, command
        return
    for name, one in nested.items():
        yield from _below((*path, name), one)


def help_of(path: tuple[str, ...], command: Any) -> str:  # noqa: ANN401 - likewise
    """
    Return what `--help` prints of a command.
    """
    context = typer.Context(
        command,
        info_name=" ".join(path),
        max_content_width=HELP_COLUMNS,
        terminal_width=HELP_COLUMNS,
    )
    lines = command.get_help(context).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


if __name__ == "__main__":
    typer.echo(reference(), nl=False)
