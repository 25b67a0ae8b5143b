"""
Rows for a SQLite book, and a process beside the test's own.
"""

from __future__ import annotations

import os
import subprocess
import sys

from typing import TYPE_CHECKING

from meterbook.ports import EVENT


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.ports import Appended, NewEntry
    from meterbook.stores.sqlite import SqliteStore


NOON = 1_767_182_400_000_000  # 2025-12-31T12:00:00Z

# A program that takes the writer's place, says so, and keeps it until told to go on.
HOLDS_TURN = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
connection.close()
"""

# A program that keeps looking at the state it found.
HOLDS_SNAPSHOT = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM meterbook_people").fetchone()
print("ready", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
connection.close()
"""


def row(  # noqa: PLR0913 - as many as a test may want to set
    event_id: str,
    *,
    kind: int = EVENT,
    source: str = "app",
    type_: str = "tokens",
    subject_id: int | None = None,
    actor_id: int | None = None,
    customer: str | None = "acme",
    occurred_at: int = NOON,
    data: str = '{"tokens":1}',
    fingerprint: bytes = b"f" * 32,
) -> NewEntry:
    return (
        kind,
        source,
        event_id,
        type_,
        subject_id,
        actor_id,
        customer,
        occurred_at,
        1,
        data,
        "",
        fingerprint,
        NOON,
    )


def rows(*event_ids: str) -> list[NewEntry]:
    return [row(event_id) for event_id in event_ids]


def ids(appended: Appended) -> list[int]:
    return list(appended.entry_ids)


def count(store: SqliteStore) -> int:
    with store.reading() as reader:
        return reader.marks().numbered


def do_not_wait(store: SqliteStore) -> None:
    store._session._connection.execute("PRAGMA busy_timeout = 0").close()


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """
    Run a Python program to its end.
    """
    return subprocess.run(
        _command(program, arguments),
        capture_output=True,
        check=False,
        env=_environment(),
        text=True,
    )


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """
    Start a Python program, and return when it says that it is ready.
    """
    process = subprocess.Popen(
        _command(program, arguments),
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go_on(process: subprocess.Popen[str]) -> None:
    """
    Let a program that waits come to its end.
    """
    process.communicate("\n")
    assert process.returncode == 0


def _command(program: str, arguments: Sequence[object]) -> list[str]:
    return [sys.executable, "-c", program, *map(str, arguments)]


def _environment() -> dict[str, str]:
    """
    Return what lets a program import what the tests do.
    """
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
