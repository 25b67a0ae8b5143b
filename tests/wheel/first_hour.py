"""
The first hour of a new user, with the wheel and nothing else installed.

`make wheel` copies this file away from the project and runs it with the Python of a
clean environment, so that what is missing in the wheel is missing here.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile

from pathlib import Path

import meterbook

from meterbook import Book, Event


CATALOG = """\
meters.tokens = {event_type="llm.request", aggregation="sum", value="tokens"}
"""
EVENT = """\
{"specversion":"1.0","source":"api","id":"r-1","type":"llm.request","time":"2026-01-31T23:59:59Z","customer":"acme","subject":"ann","data":{"tokens":420}}
"""

MOMENT = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)

# Each command, and what its answer must say.
COMMANDS = [
    ("book init", ""),
    ("catalog apply catalog.toml", "tokens"),
    ("events record events.ndjson", "1 recorded"),
    ("events record events.ndjson", "1 duplicate"),
    ("usage read tokens --customer acme --anchor 2026-01-31", "420"),
    ("usage explain tokens --customer acme --anchor 2026-01-31", "r-1"),
    ("book verify", ""),
]


def main() -> None:
    """
    Run the first hour in a folder that is thrown away.
    """
    assert Path(sys.prefix) in Path(meterbook.__file__).parents, meterbook.__file__
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("catalog.toml").write_text(CATALOG, encoding="utf-8")
        Path("events.ndjson").write_text(EVENT, encoding="utf-8")
        for command, answer in COMMANDS:
            said = run(command)
            assert answer in said, f"{command!r} does not say {answer!r}: {said}"

        with Book.open("usage.db") as book:
            book.record([second_event()])
            reading = book.read("tokens", customer="acme", anchor="2026-01-31")
            assert reading.units == 500, reading

    print("the wheel does what the README says")


def run(command: str) -> str:
    """
    Return what the command line says to *command*, which must succeed.
    """
    program = Path(sys.executable).with_name("meterbook")
    done = subprocess.run(
        [program, *command.split()],
        env={**os.environ, "METERBOOK": "usage.db"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, f"{command!r} failed: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def second_event() -> Event:
    """
    Return the event of the README's lines of Python, in the period that was read.
    """
    return Event(
        source="api",
        id="r-2",
        type="llm.request",
        time=MOMENT,
        customer="acme",
        data={"tokens": 80},
    )


if __name__ == "__main__":
    main()
