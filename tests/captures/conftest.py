"""
An application in each database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from captures.applications import in_postgres, in_sqlite


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from captures.applications import Application


@pytest.fixture(params=["sqlite", "postgres"])
def application(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Application]:
    """
    Give an application in either database, with nothing installed.
    """
    if request.param == "sqlite":
        with in_sqlite(tmp_path) as found:
            yield found
        return
    with in_postgres(request.getfixturevalue("postgres_dsn")) as found:
        yield found


@pytest.fixture
def captured(application: Application) -> Application:
    """
    Give one whose membership table is captured, with nobody in it.
    """
    application.install()
    return application


@pytest.fixture
def sqlite_application(tmp_path: Path) -> Iterator[Application]:
    """
    Give an application in SQLite, captured.
    """
    with in_sqlite(tmp_path) as found:
        found.install()
        yield found


@pytest.fixture
def postgres_application(postgres_dsn: str) -> Iterator[Application]:
    """
    Give an application in PostgreSQL, captured.
    """
    with in_postgres(postgres_dsn) as found:
        found.install()
        yield found
