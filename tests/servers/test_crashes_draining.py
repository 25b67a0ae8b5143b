"""
A worker that is killed while it makes entries of changes of seats.
"""

from __future__ import annotations

import subprocess
import sys

from typing import TYPE_CHECKING

import pytest

from integrations.applications import (
    postgres_application,
    sqlite_application,
    told,
)


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meterbook import Book


@pytest.fixture(params=["sqlite", "postgres"])
def application(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Book, str, str]]:
    """
    Give a book, its kind, and the address of its database.
    """
    if request.param == "sqlite":
        path = tmp_path / "application.db"
        with sqlite_application(path) as book:
            yield book, "sqlite", str(path)
        return
    dsn: str = request.getfixturevalue("postgres_dsn")
    with postgres_application(dsn) as book:
        yield book, "postgres", dsn


def test_killed_at_every_statement_it_loses_and_doubles_nothing(
    application: tuple[Book, str, str],
) -> None:
    """
    Whichever statement it was killed before, every change waits or is an entry, never
    both; and when a worker comes to the end, they are entries in their order.
    """
    book, kind, address = application
    expected = []
    for index in range(20):
        name, actor = f"member {index % 6}", f"actor {index % 4}"
        with book.live(actor=actor) as live:
            if index % 3 == 2:
                live.leave("seats", customer="acme", member=name)
                live.level("level", customer="acme", units=index)
                expected += [("leave", name), ("level", str(index))]
            else:
                live.join("seats", customer="acme", member=name)
                expected += [("join", name)]
    path = ":".join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-m", "integrations.killed_drains", kind, address],
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": path},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 30
    status = book.status()
    assert (status.waiting_count, status.numbered_place) == (0, len(expected))
    assert told(book) == expected
    assert book.verify().problems == []
    reading = book.read("level", customer="acme", start="2020-01-01", end="2100-01-01")
    assert reading.units == 17
