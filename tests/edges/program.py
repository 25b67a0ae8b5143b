"""
The program, run in this process: for tests of what it prints and answers.
"""

from __future__ import annotations

import functools
import json

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from meterbook.cli import NOUNS, program_of, whole
from meterbook.cli.errors import ALIASES


if TYPE_CHECKING:
    from pathlib import Path

    from typer import Typer


@functools.cache
def part_for(noun: str) -> Typer:
    """
    Return the program as the shell would run it for this word.
    """
    noun = ALIASES.get(noun, noun)
    return program_of([noun]) if noun in NOUNS else whole()


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


@dataclass(frozen=True)
class Program:
    """
    The program with a book, in a folder.
    """

    folder: Path
    book: str

    def run(self, *words: str | Path, told: str | bytes | None = None) -> Said:
        """
        Run a command, with *told* on its standard input, and return what it said.
        """
        part = part_for(str(words[0]) if words else "")
        result = CliRunner().invoke(
            part, [str(word) for word in words], input=told, env=self.environment
        )
        if result.exception is not None and not isinstance(
            result.exception, SystemExit
        ):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def ok(self, *words: str | Path, told: str | bytes | None = None) -> Said:
        """
        Run a command that must succeed.
        """
        said = self.run(*words, told=told)
        assert said.code == 0, said
        return said

    def write(self, name: str, text: str) -> Path:
        """
        Write a file beside the book.
        """
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def environment(self) -> dict[str, str | None]:
        return {"METERBOOK": self.book or None, "METERBOOK_SCHEMA": None}
