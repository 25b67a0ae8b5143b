"""
The first hour of a new user: what the README shows is run as it stands there.

The shell's lines run in one shell, with the installed program; then the lines of Python
in a process of their own, on the book that the shell made.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from pathlib import Path

import pytest


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
        "import sys; from meterbook.cli import app\n"
        "try: app(['usage', 'read', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('meterbook.app', 'sqlite3', 'rich.table', 'altair', 'vl_convert')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    assert done.stderr.strip() == "[]"
