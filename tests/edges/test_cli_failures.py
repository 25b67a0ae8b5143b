"""
What a shell sees when the world fails: a sentence, an exit code, nothing half done.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from psycopg.conninfo import conninfo_to_dict

from edges.conftest import CATALOG, EVENTS, request
from edges.program import Program


if TYPE_CHECKING:
    from edges.program import Said


EXECUTABLE = Path(sys.executable).with_name("meterbook")


def one_sentence(said: Said) -> bool:
    return said.err.startswith("Error: ") and len(said.err.splitlines()) == 1


def test_a_locked_book(program: Program) -> None:
    """
    While another program holds the book, recording exits with 3: try again. Then the
    very same command works.
    """
    path = program.write(
        "new.ndjson", request("n", "2026-03-01T00:00:00Z", 1, customer="acme")
    )
    with closing(sqlite3.connect(program.book, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = program.run("events", "record", path)

    assert (said.code, said.out) == (3, "")
    assert one_sentence(said)
    assert program.ok("events", "record", path).out == "1 recorded\n"


def test_a_folder_is_no_book(empty: Program) -> None:
    """
    What is no book is refused with a sentence, and without a traceback.
    """
    said = Program(empty.folder, str(empty.folder)).run("book", "status")

    assert said.code in {1, 3}
    assert one_sentence(said)


def test_a_chart_into_nowhere(program: Program) -> None:
    """
    A file that cannot be written is named.
    """
    out = program.folder / "none" / "chart.svg"
    period = ["--customer", "acme", "--anchor", "2026-01-31"]
    said = program.run("usage", "chart", "tokens", *period, "--out", out)

    assert said.code == 1
    assert said.err == f"Error: {out}: No such file or directory.\n"


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_an_extra_that_is_not_installed(
    program: Program, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """
    Without the extra for charts, one reads how to install it.
    """
    monkeypatch.setitem(sys.modules, package, None)
    words = ["--customer", "acme", "--anchor", "2026-01-31", "--out", "chart.svg"]
    said = program.run("usage", "chart", "tokens", *words)

    assert said.code == 1
    assert 'pip install "meterbook[charts]"' in said.err


def test_whoever_reads_has_seen_enough(program: Program) -> None:
    """
    A pipe that is closed early, as by `head`, ends the program without a traceback.
    """
    pipe = f"{EXECUTABLE} events list --json | head -n 1"
    done = subprocess.run(
        ["sh", "-c", pipe],
        env={**os.environ, "METERBOOK": program.book},
        capture_output=True,
        check=False,
        text=True,
    )

    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_progress_is_shown_on_a_terminal_only(empty: Program) -> None:
    """
    Somebody at a terminal sees how many events a second; stdout has only the summary.
    """
    path = empty.write("events.ndjson", EVENTS)
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123 - a descriptor
        done = subprocess.run(
            [EXECUTABLE, "events", "record", path],
            env={**os.environ, "METERBOOK": empty.book, "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=True,
            text=True,
        )
        os.close(theirs)
        shown = terminal.read(65_536).decode()

    assert done.stdout.splitlines()[0] == "5 recorded"
    assert "5 events, " in shown
    assert " a second" in shown


def test_a_book_in_postgresql(empty_postgres_dsn: str, tmp_path: Path) -> None:
    """
    The same commands keep a book in PostgreSQL, in a schema that can be named; the
    worker is a process of its own, and numbers are the same before and after it.
    """
    parts = conninfo_to_dict(empty_postgres_dsn)
    program = Program(tmp_path, f"postgresql:///?{urlencode(parts)}")
    made = program.ok("book", "init", "--test-clock", "2026-03-10", "--schema", "books")
    assert made.out == "a new test book: schema books\n"
    schema = ["--schema", "books"]
    program.ok("catalog", "apply", program.write("c.toml", CATALOG), *schema)
    path = program.write("events.ndjson", EVENTS)
    recorded = program.ok("events", "record", path, "--no-work", *schema)
    assert recorded.lines[0] == "5 recorded"

    period = ["--customer", "acme", "--anchor", "2026-01-31", "--period", "0"]
    read = ["usage", "read", "tokens", *period, *schema]
    line = "[Jan 31, Feb 28)  1,420.5  from 2 entries"
    assert program.ok(*read).lines[-1] == f"{line}, provisional"
    assert program.ok("worker", "run", "--once", *schema).out.startswith("5 numbered")
    assert program.ok(*read).lines[-1] == line
    assert program.ok("book", "verify", *schema).out.startswith("sound: 5 entries")
    assert program.run("book", "status").code == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["events", "record", "none.ndjson", "--json"], 2),
        (["events", "list", "--json", "--after", "x"], 2),
        (["events", "list", "--after", "x", "--json"], 2),
        (["events", "record", "torn.csv", "--json", "--map", "id=a"], 1),
    ],
)
def test_an_error_under_json_is_one_line(
    empty: Program, words: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With --json whatever ends a command is one JSON document on stderr, and nothing
    else is there.
    """
    monkeypatch.chdir(empty.folder)
    empty.write("torn.csv", 'a,b\n1,2\n2,"\n')
    same = ["--source", "s", "--type", "t"] if "torn.csv" in words else []
    said = empty.run(*words, *same)

    assert said.code == code
    [line] = said.err.splitlines()
    assert sorted(json.loads(line)) == ["error", "message"]


def test_a_book_that_cannot_be_written_is_read(program: Program) -> None:
    """
    Who may only read the file can ask everything, and change nothing.
    """
    book = Path(program.book)
    book.chmod(0o444)
    reading = [
        "usage read tokens --customer acme --anchor 2026-01-31",
        "usage explain tokens --customer acme --anchor 2026-01-31",
        "usage chart tokens --customer acme --anchor 2026-01-31",
        "meters list",
        "meters show tokens",
        "meters unusable tokens",
        "events list",
        "events quarantine list",
        "subjects show ann",
        "people export ann",
        "book status",
        "book verify",
        "catalog show",
    ]
    for words in reading:
        done = unprivileged(program, *words.split())
        assert (done.returncode, done.stderr) == (0, ""), words

    done = unprivileged(program, "events", "void", "--entry", "1", *WHO)
    assert done.returncode == 1
    assert "cannot be written by this user" in done.stderr


WHO = ["--actor", "ops", "--reason", "twice"]


def unprivileged(
    program: Program, *words: str | Path
) -> subprocess.CompletedProcess[str]:
    """
    Run a command as somebody whom the permissions of files bind.
    """
    bound = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root is bound by no permission, and there is no setpriv")
        bound = [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
    return subprocess.run(
        [*bound, EXECUTABLE, *words],
        env={**os.environ, "METERBOOK": program.book},
        capture_output=True,
        check=False,
        text=True,
    )


@pytest.mark.parametrize(
    "target",
    [
        "mysql://me:secret@host/db",
        "sqlite:///usage.db",
        "postgresql+psycopg://me:secret@host/db",
        "file:usage.db",
        "FILE:///usage.db",
        "host=localhost dbname=usage password=secret",
        "dbname=usage",
    ],
)
def test_an_address_of_something_else(tmp_path: Path, target: str) -> None:
    """
    What is neither a path nor the address of a PostgreSQL database is told how to
    write one; no file of that name is made, and no password is repeated.
    """
    program = Program(tmp_path, target)
    for words in (["book", "init"], ["book", "status"], ["book", "migrate"]):
        said = program.run(*words)
        assert said.code == 1
        assert one_sentence(said)
        assert "write it as postgresql://user@host/database" in said.err
        assert "secret" not in said.err


def test_a_path_that_only_looks_like_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A file may have an equals sign, a colon or a space in its name.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("a=b.db", "a:b.db", "my usage.db", "files.db"):
        Program(tmp_path, name).ok("book", "init")
        assert (tmp_path / name).is_file()


def test_a_scheme_in_capitals(empty_postgres_dsn: str, tmp_path: Path) -> None:
    """
    The scheme of an address is the same in capitals.
    """
    parts = conninfo_to_dict(empty_postgres_dsn)
    program = Program(tmp_path, f"PostgreSQL:///?{urlencode(parts)}")

    assert program.ok("book", "init").out == "a new book: schema meterbook\n"


def test_a_book_in_memory_is_not_made_by_a_command(tmp_path: Path) -> None:
    """
    A book that would be gone at once is wrong usage, with the reason.
    """
    said = Program(tmp_path, ":memory:").run("book", "init")

    assert said.code == 2
    assert "is gone when the command ends" in " ".join(said.err.split())
