"""
The pages and the program agree: what is shown can be typed, and help says the same.
"""

from __future__ import annotations

import re
import shlex

from pathlib import Path
from typing import Any

import pytest
import typer

from meterbook.cli import reference, whole
from meterbook.cli.errors import EXIT_CODES


ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = re.compile(r"^```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

EVERY = list(reference.every_command())

# Putting it together takes a fifth of a second.
PROGRAM: Any = typer.main.get_command(whole())


def commands_on(page: Path) -> list[str]:
    """
    Return the commands of ours that a page shows.
    """
    lines = []
    for language, text in SHELL.findall(page.read_text(encoding="utf-8")):
        for line in text.splitlines():
            prompted = line.startswith("$ ")
            if prompted or language == "sh":
                lines += re.split(r" && | \| ", line.removeprefix("$ "))
    return [line for line in lines if line.startswith("meterbook ")]


SHOWN = sorted({line for page in PAGES for line in commands_on(page)})


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_that_is_shown_parses(command: str) -> None:
    """
    Every command on a page exists, with its options; nothing is run here.
    """
    parse(shlex.split(command.partition(" > ")[0], comments=True)[1:])


def parse(words: list[str]) -> None:
    """
    Find the command that *words* name, and let it read its options.
    """
    command = PROGRAM
    while (nested := getattr(command, "commands", None)) is not None:
        assert words, "a noun without its verb"
        assert words[0] in nested, f"no such command: {words[0]}"
        command = nested[words.pop(0)]
    command.make_context("meterbook", words)


def test_a_command_that_is_not_there_does_not_parse() -> None:
    """
    The test above fails for an unknown verb and for an unknown option.
    """
    with pytest.raises(AssertionError):
        parse(["usage", "guess"])
    with pytest.raises(Exception, match="No such option"):
        parse(["book", "status", "--quickly"])


def test_the_reference_is_what_help_says() -> None:
    """
    The page of the command line is not stale; see its first lines for how to make it.
    """
    page = ROOT / "docs" / "reference" / "cli.md"

    assert page.read_text(encoding="utf-8") == reference.reference()


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*one, id=" ".join(one[0])) for one in EVERY]
)
def test_help_is_a_sentence_an_example_and_the_exit_codes(
    path: tuple[str, ...],
    command: Any,  # noqa: ANN401 - typer keeps the class private
) -> None:
    """
    Help is one sentence, an example of this very command that parses, and exit codes.
    """
    first = command.help.split("\n\n")[0]
    example, codes = command.epilog.split("\n\n")

    assert first.endswith(".")
    assert codes == EXIT_CODES
    assert example.startswith(f"Example: {' '.join(path)}")
    example = example.removeprefix("Example: ").partition(" > ")[0]
    parse(shlex.split(example)[1:])


@pytest.mark.parametrize(
    "command", [pytest.param(one, id=" ".join(path)) for path, one in EVERY]
)
def test_every_command_speaks_json(
    command: Any,  # noqa: ANN401 - as above
) -> None:
    """
    Every command takes --json, and every option has its sentence of help.
    """
    options = {opt: one for one in command.params for opt in one.opts}

    assert "--json" in options
    assert [opt for opt, one in options.items() if not one.help] == []
