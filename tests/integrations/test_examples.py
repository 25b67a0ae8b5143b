"""
The examples run, as they are, and come to what they say.
"""

from __future__ import annotations

import subprocess
import sys

from pathlib import Path
from urllib.parse import urlencode

import pytest

from psycopg.conninfo import conninfo_to_dict


EXAMPLES = Path(__file__).parents[2] / "examples"

# What each prints, whatever the database.
MEMBERS = "2 members, 2 seats, 3 at the peak\n"
METERS = "seats: 2 now, 3 at the peak\nlevel: 2 now, 3 at the peak\n"
PRINTS = {
    "with_sqlite3.py": MEMBERS,
    "with_psycopg.py": METERS,
    "with_sqlalchemy.py": METERS,
    "with_django.py": MEMBERS,
}


def printed(example: str, target: str) -> str:
    """
    Return what an example prints.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / example, target],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_example_is_run() -> None:
    """
    There is none that no test runs.
    """
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTS)


@pytest.mark.parametrize(
    "example", ["with_sqlite3.py", "with_sqlalchemy.py", "with_django.py"]
)
def test_it_runs_on_sqlite(example: str, tmp_path: Path) -> None:
    """
    In one file the application and the book.
    """
    assert printed(example, str(tmp_path / "application.db")) == PRINTS[example]


@pytest.mark.parametrize(
    "example", ["with_psycopg.py", "with_sqlalchemy.py", "with_django.py"]
)
def test_it_runs_on_postgres(example: str, empty_postgres_dsn: str) -> None:
    """
    In one database the application, and the book in a schema of its own.
    """
    address = f"postgresql:///?{urlencode(conninfo_to_dict(empty_postgres_dsn))}"
    assert printed(example, address) == PRINTS[example]
