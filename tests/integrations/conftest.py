"""
A database with an application in it, for tests on connections of psycopg.
"""

from __future__ import annotations

import contextlib
import functools

from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import psycopg
import pytest

import servers

from integrations.applications import postgres_application


if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.psycopg_callers import Connecting
    from meterbook import Book


@pytest.fixture
def book(postgres_dsn: str) -> Iterator[Book]:
    """
    Give a book in the database of an application.
    """
    with postgres_application(postgres_dsn) as book:
        yield book


@pytest.fixture
def connecting(postgres_dsn: str, book: Book) -> Iterator[Connecting]:
    """
    Give what opens the application's connections, and closes them at the end.
    """
    assert book is not None
    with contextlib.ExitStack() as stack:
        yield functools.partial(connected, stack, postgres_dsn)


@pytest.fixture(scope="module")
def shared_dsn(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """
    Give a database for those tests of this file that keep apart in it.
    """
    name = f"meterbook_{uuid4().hex}"
    yield servers.create_database(
        postgres_server, name=name, template=postgres_template
    )
    servers.drop_database(postgres_server, name=name)


@pytest.fixture(scope="module")
def shared_book(shared_dsn: str) -> Iterator[Book]:
    with postgres_application(shared_dsn) as book:
        yield book


@pytest.fixture
def shared(shared_dsn: str, shared_book: Book) -> Iterator[Connecting]:
    """
    Give what opens connections to the shared database.
    """
    assert shared_book is not None
    with contextlib.ExitStack() as stack:
        yield functools.partial(connected, stack, shared_dsn)


def connected(
    stack: contextlib.ExitStack, dsn: str, **options: object
) -> psycopg.Connection[Any]:
    made: psycopg.Connection[Any] = psycopg.connect(dsn, **cast("Any", options))
    return stack.enter_context(contextlib.closing(made))


@pytest.fixture
def connection(connecting: Connecting) -> psycopg.Connection[Any]:
    """
    Give the application's connection, as psycopg opens it by default.
    """
    return connecting()
