"""
`meterbook book`, `catalog`, `meters`, `subjects`, `people` and `worker`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time

from pathlib import Path

import pytest

from edges.conftest import CATALOG, document, request
from edges.program import Program


STARTED_SECONDS_MAX = 20


def test_a_book_is_made_once(tmp_path: Path) -> None:
    """
    A book is made where none is; a second time is refused, with one sentence.
    """
    program = Program(tmp_path, str(tmp_path / "usage.db"))
    first = program.ok("book", "init")
    second = program.run("book", "init")

    assert first.out == f"a new book: {program.book}\n"
    assert (second.code, second.out) == (1, "")
    assert second.err.startswith("Error: ")
    assert program.ok("book", "migrate").out.startswith("the book has the schema")
    assert program.ok("book", "migrate", "--json").documents == [{"migrated": True}]


def test_no_book_was_named(tmp_path: Path) -> None:
    """
    Without --book and METERBOOK a command says how to name one, and exits with 2.
    """
    said = Program(tmp_path, "").run("book", "status")

    assert said.code == 2
    assert "export METERBOOK=usage.db" in said.err


def test_errors_under_json(tmp_path: Path) -> None:
    """
    With --json an error is one document on stderr, with its code for programs.
    """
    said = Program(tmp_path, str(tmp_path / "none.db")).run("book", "status", "--json")

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith('{"error":"not_a_book","message":"')


def test_the_status_of_a_book(program: Program) -> None:
    """
    Status says how much there is, how far the worker is, what no meter reads, and that
    a book with a test clock is one.
    """
    strange = document("1", "2026-03-01T00:00:00Z", customer="acme")
    line = strange.replace("llm.request", "strange")
    program.ok("events", "record", "-", told=line)
    said = program.ok("book", "status")
    document_ = program.ok("book", "status", "--json").documents[0]

    assert said.lines[0].startswith("TEST CLOCK: it stands at Mar 10 2026")
    assert "unmatched  strange" in said.lines
    assert document_["numbered_place"] == 6
    assert document_["unmatched_types"] == ["strange"]
    assert document_["test_clock"] is True


def test_only_a_test_clock_is_moved(program: Program, tmp_path: Path) -> None:
    """
    The clock of a test book is moved; that of any other book is not.
    """
    moved = program.ok("book", "clock", "--to", "2026-04-01")
    real = Program(tmp_path, str(tmp_path / "real.db"))
    real.ok("book", "init")

    assert moved.out == "the test clock stands at Apr 1 2026\n"
    assert real.run("book", "clock", "--to", "2026-04-01").code == 1
    document_ = program.ok("book", "clock", "--to", "2026-05-01", "--json").documents
    assert document_ == [{"now": "2026-05-01T00:00:00Z"}]


def test_a_book_is_verified(program: Program) -> None:
    """
    A sound book exits with 0; one that was tampered with says what is wrong, with 1.
    """
    said = program.ok("book", "verify")
    assert said.out.startswith("sound: 5 entries and ")

    with sqlite3.connect(program.book) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall()
        for (name,) in names:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE meterbook_entries SET customer = 'mallory'")
    connection.close()

    said = program.run("book", "verify")
    assert said.code == 1
    assert "problem" in said.lines[0]
    document_ = program.run("book", "verify", "--json").documents[0]
    assert document_["sound"] is False
    assert document_["problems"]


def test_a_catalog_shows_its_difference(program: Program) -> None:
    """
    A dry run shows what is added, changed field by field and unchanged, and does
    nothing; the catalog that is shown can be applied, and changes nothing.
    """
    other = CATALOG.replace("scale = 1", "scale = 2") + (
        '[meters.calls]\nevent_type = "llm.request"\naggregation = "count"\n'
        'filters = [{ path = "model", in = ["a", "b"] }, { path = "n", gt = 0.5 }]\n'
    )
    path = program.write("other.toml", other)
    dry = program.ok("catalog", "apply", path, "--dry-run")
    assert (
        dry.lines[-1]
        == "1 added, 1 changed, 2 unchanged (dry run: nothing was applied)"
    )
    changed = next(line for line in dry.lines if line.startswith("~"))
    assert changed.split() == ["~", "tokens", "2", "scale", "1", "2"]

    done = program.ok("catalog", "apply", path, "--json").documents
    assert {one["change"]["meter_key"]: one["change"]["action"] for one in done} == {
        "calls": "added",
        "models": "unchanged",
        "seats": "unchanged",
        "tokens": "changed",
    }
    again = program.ok("catalog", "apply", "-", told=program.ok("catalog", "show").out)
    assert again.lines[-1] == "4 unchanged"
    shown = program.ok("catalog", "show", "--json").documents
    assert [one["version"] for one in shown] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("meters = 3", "meters must be a table"),
        ("[meters.x", "The catalog is not TOML"),
        ("[meters.x]\naggregation = 'sum'", "meter 'x': value is missing"),
        ("[metres.x]\n", "metres"),
    ],
)
def test_a_catalog_that_cannot_be_read(program: Program, text: str, says: str) -> None:
    """
    A catalog that is wrong is refused whole, naming the meter and field.
    """
    said = program.run("catalog", "apply", "-", told=text)

    assert (said.code, said.out) == (1, "")
    assert says in said.err


def test_meters_are_listed(program: Program, tmp_path: Path) -> None:
    """
    Meters are listed in their latest version, and one is shown in all of them.
    """
    assert program.ok("meters", "list").lines[3].split()[:3] == ["tokens", "1", "sum"]
    keys = [one["key"] for one in program.ok("meters", "list", "--json").documents]
    assert keys == ["models", "seats", "tokens"]
    assert 'value = "seats"' in program.ok("meters", "show", "seats").lines
    shown = program.ok("meters", "show", "seats", "--json").documents
    assert shown[0]["definition"]["aggregation"] == "peak"
    assert program.run("meters", "show", "none").code == 1

    bare = Program(tmp_path, str(tmp_path / "bare.db"))
    bare.ok("book", "init")
    assert bare.ok("meters", "list").out.startswith("no meters")
    assert bare.ok("catalog", "apply", "-", told="").out == "the catalog is empty\n"


def test_unusable_events_are_listed(program: Program) -> None:
    """
    What a meter could not take is listed with its reason, a page at a time.
    """
    said = program.ok("meters", "unusable", "tokens", "--limit", "1")

    assert "globex" in said.lines[1]
    assert said.lines[-1] == "more: --after 4"
    assert program.ok("meters", "unusable", "seats").out == "none\n"


def test_a_subject_is_attributed(program: Program) -> None:
    """
    Usage that nobody pays for is the customer's as soon as its subject is attributed;
    the same id again is a duplicate, and with other content a conflict.
    """
    line = request("z", "2026-03-01T00:00:00Z", 3, subject="zoe")
    program.ok("events", "record", "-", told=line)
    waiting = program.ok("events", "list", "--unattributed", "--json").documents
    assert [one["id"] for one in waiting] == ["z"]

    attribute = ["subjects", "attribute", "zoe", "--from", "2026-01-01", "--id", "1"]
    first = program.ok(*attribute, "--customer", "initech", "--reason", "signed")
    again = program.ok(*attribute, "--customer", "initech", "--reason", "signed")
    other = program.run(*attribute, "--nobody")
    assert first.out.startswith("recorded as entry ")
    assert again.out == "1 duplicate, nothing changed\n"
    assert (other.code, other.out[:9]) == (1, "conflict:")
    outcome = program.run(*attribute, "--nobody", "--json").documents[0]
    assert outcome["outcome"] == "conflict"

    read = ["usage", "read", "tokens", "--customer", "initech", "--json"]
    stretch = ["--from", "2026-03-01", "--to", "2026-03-02"]
    assert program.ok(*read, *stretch).documents[0]["value"] == "3"
    shown = program.ok("subjects", "show", "zoe")
    assert shown.lines[1].split()[1:] == ["2026-01-01T00:00:00Z", "initech", "signed"]
    said = program.ok("subjects", "show", "zoe", "--json").documents
    assert said[0]["customer"] == "initech"
    assert program.ok("subjects", "show", "ann").out.startswith("nothing was said")
    assert program.run("subjects", "show", "stranger").code == 1
    assert program.run(*attribute).code == 2
    assert program.run(*attribute, "--nobody", "--customer", "x").code == 2


def test_a_person_is_exported_and_erased(program: Program) -> None:
    """
    What is kept of a person is printed as JSON; erasing takes the name, not the usage.
    """
    entries = program.ok("people", "export", "ann").documents
    assert [one["id"] for one in entries] == ["a", "b"]

    erase = ["people", "erase", "ann", "--actor", "dpo", "--reason", "asked"]
    assert program.run(*erase).code == 2
    assert program.ok("people", "export", "ann").documents == entries
    said = program.ok(*erase, "--yes")
    assert said.out.startswith("erased: 2 entries now say person-")
    assert program.run("people", "export", "ann").code == 1
    assert program.run(*erase, "--yes", "--json").code == 1
    listed = program.ok("events", "list", "--json").documents
    assert listed[0]["subject"].startswith("person-")
    read = ["usage", "read", "tokens", "--customer", "acme", "--anchor", "2026-01-31"]
    assert "1,420.5" in program.ok(*read).out


def test_documents_that_name_an_erased_person(program: Program) -> None:
    """
    Erasing says which held documents still name the person.
    """
    late = request("late", "2027-01-01T00:00:00Z", 1, subject="ann")
    program.run("events", "record", "-", "--quarantine", told=late)
    erase = ["people", "erase", "ann", "--actor", "dpo", "--reason", "asked", "--yes"]

    assert "held documents that still name them: 1" in program.ok(*erase).out


def test_the_worker_does_its_steps_once(empty: Program) -> None:
    """
    The worker numbers and posts what waits, says how much, and stops with --once.
    """
    line = request("1", "2026-03-01T00:00:00Z", 1, customer="acme")
    empty.ok("events", "record", "-", "--no-work", told=line)

    said = empty.ok("worker", "run", "--once")
    again = empty.ok("worker", "run", "--once", "--json").documents[0]

    assert said.out.startswith("1 numbered, 1 posted")
    assert (again["numbered"], again["posted"], again["busy"]) == (0, 0, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_stops_when_told(program: Program, number: signal.Signals) -> None:
    """
    A worker that waits for work ends at once on SIGTERM and on Ctrl-C, with 0 and
    without a word of complaint; what was recorded meanwhile was posted.
    """
    line = request("9", "2026-03-01T00:00:00Z", 1, customer="acme")
    program.ok("events", "record", "-", "--no-work", told=line)
    executable = Path(sys.executable).with_name("meterbook")
    worker = subprocess.Popen(
        [executable, "worker", "run", "--pause", "0.05"],
        env={**os.environ, "METERBOOK": program.book, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        assert worker.stdout.readline().startswith("1 numbered, 1 posted")
        worker.send_signal(number)
        until = time.monotonic() + STARTED_SECONDS_MAX
        code = worker.wait(timeout=max(0, until - time.monotonic()))
        complaint = worker.stderr.read()

    assert (code, complaint) == (0, "")
