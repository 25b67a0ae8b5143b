"""
Recording in transactions that Django manages, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, Any, TypeAlias

import django
import pytest

from django.conf import settings
from django.db import connections, models, transaction
from django.db.transaction import TransactionManagementError
from psycopg.conninfo import conninfo_to_dict

from integrations.applications import (
    events,
    postgres_application,
    sqlite_application,
    told,
)
from meterbook import Book, Event, errors


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ALIAS = "application"

if not settings.configured:
    settings.configure(DATABASES={}, INSTALLED_APPS=[], USE_TZ=True)
    django.setup()

# Django's wrapper of a connection has no annotations.
Wrapper: TypeAlias = Any


class Member(models.Model):  # type: ignore[misc]  # Django has no annotations
    """
    Somebody in a team, as the application keeps them.
    """

    team = models.TextField()
    name = models.TextField(primary_key=True)

    class Meta:
        """
        The table is there; Django is not to make it.
        """

        app_label = "application"
        db_table = "members"
        managed = False

    def __str__(self) -> str:  # type: ignore[explicit-override]  # typing has it from 3.12
        return f"{self.name} of {self.team}"


@pytest.fixture(params=["sqlite", "postgres"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    """
    Give a book in the database that Django knows by ALIAS.
    """
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path / "application.db"
            book = stack.enter_context(sqlite_application(path))
            found = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
        else:
            dsn: str = request.getfixturevalue("postgres_dsn")
            book = stack.enter_context(postgres_application(dsn))
            words = conninfo_to_dict(dsn)
            found = {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": str(words["dbname"]),
                "USER": str(words["user"]),
                "HOST": str(words["host"]),
                "PORT": str(words["port"]),
            }
        connections.databases[ALIAS] = {
            **connections.configure_settings({"default": found})["default"],
        }
        stack.callback(forget)
        yield book


def forget() -> None:
    connections[ALIAS].close()
    del connections[ALIAS]
    del connections.databases[ALIAS]


@pytest.fixture
def connection(book: Book) -> Wrapper:
    assert book is not None
    return connections[ALIAS]


def add(book: Book, name: str) -> None:
    """
    Add a member as an application does: an object, and a seat.
    """
    with book.within(connections[ALIAS], actor="ops") as within:
        Member.objects.using(ALIAS).create(team="acme", name=name)
        within.join("seats", customer="acme", member=name)


def members() -> list[str]:
    found = Member.objects.using(ALIAS).order_by("name")
    return list(found.values_list("name", flat=True))


def test_atomic_and_the_block_are_one_transaction(book: Book) -> None:
    """
    What `atomic` commits or rolls back is the object and the seat.
    """
    with pytest.raises(KeyError), transaction.atomic(using=ALIAS):
        add(book, "ann")
        raise KeyError
    assert (members(), told(book)) == ([], [])

    with transaction.atomic(using=ALIAS):
        add(book, "bob")

    assert (members(), told(book)) == (["bob"], [("join", "bob")])


def test_an_inner_atomic_takes_both_back(book: Book, connection: Wrapper) -> None:
    """
    The savepoint of an inner `atomic` that fails takes its seats with it, and nothing
    else.
    """
    with transaction.atomic(using=ALIAS), book.within(connection) as within:
        within.join("seats", customer="acme", member="ann")
        with pytest.raises(KeyError), transaction.atomic(using=ALIAS):
            add(book, "bob")
            within.record([Event(source="api", id="1", type="t", customer="acme")])
            raise KeyError
        with transaction.atomic(using=ALIAS):
            add(book, "eve")

    assert members() == ["eve"]
    assert told(book) == [("join", "ann"), ("join", "eve")]
    assert events(book) == []


def test_outside_of_atomic_it_is_refused(book: Book, connection: Wrapper) -> None:
    """
    Django commits every statement by itself there: an error says to open `atomic`, and
    nothing is recorded.
    """
    with (
        pytest.raises(errors.UnusableConnectionError, match="atomic"),
        book.within(connection) as within,
    ):
        within.join("seats", customer="acme", member="ann")
    assert told(book) == []


def test_without_autocommit_the_transaction_is_the_callers(
    book: Book, connection: Wrapper
) -> None:
    """
    Who manages transactions by hand ends that of the block by hand, too.
    """
    connection.set_autocommit(False)
    try:
        add(book, "ann")
        connection.rollback()
        add(book, "bob")
        connection.commit()
    finally:
        connection.set_autocommit(True)
    assert (members(), told(book)) == (["bob"], [("join", "bob")])


def test_a_swallowed_error_of_the_driver_is_not_forgotten(
    book: Book, connection: Wrapper
) -> None:
    """
    After an error of ours that the caller ignored Django refuses further queries and
    rolls the block back: else it would end as if it had been committed.
    """
    with transaction.atomic(using=ALIAS):
        add(book, "ann")
        with (
            contextlib.suppress(errors.InvalidQueryError),
            book.within(connection) as within,
        ):
            within.count("level", customer="acme", sql="SELECT seats FROM members")
        assert connection.needs_rollback
        with pytest.raises(TransactionManagementError):
            members()
        with (
            pytest.raises(errors.UnusableConnectionError, match="roll it back"),
            book.within(connection),
        ):
            pass

    assert (members(), told(book)) == ([], [])


def test_an_error_that_leaves_an_inner_atomic_is_mended_by_it(
    book: Book, connection: Wrapper
) -> None:
    """
    The savepoint is rolled back, and the outer block goes on.
    """
    with transaction.atomic(using=ALIAS):
        add(book, "ann")
        with (
            contextlib.suppress(errors.InvalidQueryError),
            transaction.atomic(using=ALIAS),
            book.within(connection) as within,
        ):
            within.join("seats", customer="acme", member="zoe")
            within.count("level", customer="acme", sql="SELECT seats FROM members")
        add(book, "bob")

    assert members() == ["ann", "bob"]
    assert told(book) == [("join", "ann"), ("join", "bob")]


def test_a_mistake_that_reached_no_driver_spoils_nothing(
    book: Book, connection: Wrapper
) -> None:
    """
    What was refused before any statement was run leaves the block as it was.
    """
    with transaction.atomic(using=ALIAS):
        add(book, "ann")
        with book.within(connection) as within:
            with pytest.raises(errors.InvalidQueryError):
                within.join("seats", customer="acme", member="")
            with pytest.raises(errors.UnknownMeterError):
                within.join("nothing", customer="acme", member="bob")
            with pytest.raises(errors.InvalidQueryError):
                within.join("level", customer="acme", member="bob")
    assert (members(), told(book)) == (["ann"], [("join", "ann")])


def test_no_other_connection_is_used(book: Book, connection: Wrapper) -> None:
    """
    With the book's own connections closed everything is recorded on Django's.
    """
    book.close()
    with (
        transaction.atomic(using=ALIAS),
        book.within(connection, cause="why") as within,
    ):
        Member.objects.using(ALIAS).create(team="acme", name="ann")
        within.record([Event(source="api", id="1", type="t", subject="ann")])
        counted = within.count(
            "level", customer="acme", sql="SELECT count(*) FROM members"
        )
    assert counted.units == 1
