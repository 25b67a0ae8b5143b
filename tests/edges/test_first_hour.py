"""
The first hour of a new user: what the README shows is run as it stands there.

The shell's lines run in one shell, with the installed program; then the lines of Python
in a process of their own, on the book that the shell made.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from typer.testing import CliRunner

from edges.program import part_for


if TYPE_CHECKING:
    from collections.abc import Iterator


README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

# The package is installed where the tests run; building it again proves nothing here.
# `make wheel` installs it into an empty environment.
INSTALL = "pip install .                    # in a clone; or just: make demo"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def environment() -> dict[str, str]:
    program = Path(sys.executable).parent
    path = f"{program}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONWARNINGS": "error"}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_first_hour(tmp_path: Path, environment: dict[str, str]) -> None:
    """
    The README's commands and its lines of Python do what the README says they do.
    """
    first, *commands = block("sh").splitlines()
    assert first == INSTALL
    script = "\n".join(["set -e", *commands])
    printed = run(["sh", "-c", script], tmp_path, environment)

    said = [line.partition("   # ")[2] for line in commands if "   # " in line]
    assert said == [
        "1 recorded",
        "1 duplicate, nothing changed",
        "[Jan 31, Feb 28)  420  from 1 entry",
    ]
    assert [line for line in printed if line in said][:3] == said
    assert printed[-1] == "1 entry, 420 in all"

    lines = block("python") + "print(reading.text(), len(book_entries))\n"
    lines = lines.replace(
        "    reading = ", "    book_entries = book.entries()\n    reading = "
    )
    assert run([sys.executable, "-c", lines], tmp_path, environment) == ["420 2"]


def test_an_installation_that_nobody_can_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The README's story of an air-gapped installation runs as it stands there, both sides
    see the same numbers, and each of six ways to tamper is named.

    Our commands run in this process, the others in a shell: it would take a minute to
    begin sixty times.
    """
    monkeypatch.chdir(tmp_path)
    chapter = README.partition("## An installation that nobody can reach")[2]
    story, tampering = re.findall(
        r"^```sh\n(.*?)^```$", chapter.partition("\n## ")[0], re.MULTILINE | re.DOTALL
    )
    lines = [*story.splitlines(), *tampering.splitlines()]
    printed = list(told(lines, monkeypatch))

    said = [line.partition("  # ")[2].strip() for line in lines if "  # " in line]
    expected = [one.removesuffix(" ...").removesuffix(":") for one in said]
    begun = [line.partition(":")[0] for line in printed]
    assert expected[:2] == [
        "accepted: report 1 of acme, epoch 1, 2 complete months",
        "duplicate: Report 1 of epoch 1 was accepted before.",
    ]
    assert set(expected[:2]) <= set(printed)
    named = ["forged", "clock_set_back", "2 problems", "edited", "cloned"]
    assert expected[2:] == [*named, "restored_backup"]
    assert [one for one in begun if one in expected[2:]] == expected[2:]
    months = [line for line in printed if " of acme-2026  2026-0" in line][:2]
    assert all(" complete     3 " in line for line in months)
    assert (tmp_path / "card.pdf").read_bytes().startswith(b"%PDF")
    assert "in progress" in (tmp_path / "card.html").read_text(encoding="utf-8")


def told(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """
    Run a story line by line, and yield what our program printed.
    """
    for line in lines:
        for command in line.partition("  # ")[0].split(" && "):
            first, *words = shlex.split(command, comments=True) or [""]
            if first == "export":
                for name, _, value in (word.partition("=") for word in words):
                    monkeypatch.setenv(name, value)
            elif first == "meterbook":
                result = CliRunner().invoke(part_for(words[0]), words)
                assert result.exit_code in {0, 1}, result.output
                yield from result.stdout.splitlines()
            elif first:
                subprocess.run(["sh", "-c", command], check=True)


def test_the_library_does_not_load_the_program() -> None:
    """
    Importing the package, and opening a book with it, loads nothing of the program.
    """
    code = (
        "import sys; from meterbook import Book; Book.create(':memory:').close();"
        "print([m for m in ('typer', 'rich', 'meterbook.cli') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    assert done.stdout.strip() == "[]"


def test_help_loads_no_book() -> None:
    """
    Help is quick: it loads no store, no table and no chart.
    """
    code = (
        "import sys; from meterbook.cli import main\n"
        "sys.argv[1:] = ['usage', 'read', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('meterbook.app', 'sqlite3', 'rich.table', 'altair', 'vl_convert')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    assert done.stderr.strip() == "[]"
