"""
Recording in transactions that SQLAlchemy manages, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import contextlib
import sqlite3

from typing import TYPE_CHECKING

import psycopg
import pytest

from sqlalchemy import Engine, create_engine, event, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)
from sqlalchemy.pool import QueuePool

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

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection


COUNT = "SELECT count(*) FROM members"


class Base(DeclarativeBase):
    pass


class Member(Base):
    """
    Somebody in a team, as the application keeps them.
    """

    __tablename__ = "members"
    team: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


@pytest.fixture(params=["sqlite", "postgres"])
def application(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Book, Engine]]:
    """
    Give a book, and an engine with a pool of one connection to the same database.
    """
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path / "application.db"
            book = stack.enter_context(sqlite_application(path))
            address = f"sqlite:///{path}"
        else:
            dsn: str = request.getfixturevalue("postgres_dsn")
            book = stack.enter_context(postgres_application(dsn))
            address = "postgresql+psycopg:///?" + "&".join(
                f"{name}={value}"
                for name, value in psycopg.conninfo.conninfo_to_dict(dsn).items()
            )
        engine = create_engine(
            address, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=1
        )
        stack.callback(engine.dispose)
        yield book, engine


@pytest.fixture
def book(application: tuple[Book, Engine]) -> Book:
    return application[0]


@pytest.fixture
def engine(application: tuple[Book, Engine]) -> Engine:
    return application[1]


def members(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(Member.name).order_by(Member.name)))


def add(connection: Connection, book: Book, name: str) -> None:
    """
    Add a member as an application does: a row of its own, and a seat.
    """
    with book.within(connection, actor="ops") as within:
        connection.execute(
            text("INSERT INTO members VALUES ('acme', :name)"), {"name": name}
        )
        within.join("seats", customer="acme", member=name)


def test_begin_and_the_block_are_one_transaction(book: Book, engine: Engine) -> None:
    """
    What `engine.begin()` commits or rolls back is the row and the seat.
    """
    with pytest.raises(KeyError), engine.begin() as connection:
        add(connection, book, "ann")
        raise KeyError
    assert (members(engine), told(book)) == ([], [])

    with engine.begin() as connection:
        add(connection, book, "bob")

    assert (members(engine), told(book)) == (["bob"], [("join", "bob")])


def test_a_connection_that_has_not_begun_begins(book: Book, engine: Engine) -> None:
    """
    As with its own first statement: `commit` and `rollback` are the caller's, and what
    is given back to the pool without them is rolled back.
    """
    with engine.connect() as connection:
        add(connection, book, "ann")
        assert connection.in_transaction()
        connection.rollback()
        add(connection, book, "bob")
        connection.commit()
        add(connection, book, "eve")

    assert (members(engine), told(book)) == (["bob"], [("join", "bob")])


def test_a_savepoint_takes_both_back(book: Book, engine: Engine) -> None:
    """
    A nested transaction that is rolled back takes its seats with it; one that is
    released commits nothing by itself.
    """
    with pytest.raises(KeyError), engine.begin() as connection:
        add(connection, book, "ann")
        with connection.begin_nested():
            add(connection, book, "bob")
        raise KeyError
    assert (members(engine), told(book)) == ([], [])

    with engine.begin() as connection, book.within(connection) as within:
        within.join("seats", customer="acme", member="ann")
        nested = connection.begin_nested()
        add(connection, book, "bob")
        nested.rollback()
        with connection.begin_nested():
            add(connection, book, "eve")

    assert members(engine) == ["eve"]
    assert told(book) == [("join", "ann"), ("join", "eve")]


def test_a_savepoint_that_comes_first_keeps_both_together(
    book: Book, engine: Engine
) -> None:
    """
    Where a savepoint is the first that the driver hears of (on sqlite3 it then commits
    when it is released), the row and the seat have the same fate, whichever it is.
    """
    with pytest.raises(KeyError), engine.begin() as connection:
        with connection.begin_nested():
            add(connection, book, "ann")
        raise KeyError

    expected = [("join", name) for name in members(engine)]
    assert told(book) == expected


def test_a_session_is_one_transaction(book: Book, engine: Engine) -> None:
    """
    Objects that a session adds and seats that are recorded in it are committed
    together, or rolled back.
    """
    with Session(engine) as session:
        session.add(Member(team="acme", name="ann"))
        with book.within(session) as within:
            within.join("seats", customer="acme", member="ann")
            within.record([Event(source="api", id="1", type="t", customer="acme")])
        session.rollback()
        session.add(Member(team="acme", name="bob"))
        with book.within(session) as within, session.begin_nested() as nested:
            within.join("seats", customer="acme", member="bob")
            nested.rollback()
        with book.within(session) as within:
            within.join("seats", customer="acme", member="eve")
        session.commit()

    assert told(book) == [("join", "eve")]
    assert events(book) == []


def test_what_a_session_has_not_written_yet_is_counted(
    book: Book, engine: Engine
) -> None:
    """
    Objects that were only added so far are written before the count; a mistake in them
    is the caller's error, as it is.
    """
    with Session(engine) as session, session.begin():
        session.add_all([Member(team="acme", name=name) for name in ("ann", "bob")])
        with book.within(session) as within:
            session.add(Member(team="acme", name="eve"))
            counted = within.count("level", customer="acme", sql=COUNT)
    assert counted.units == 3

    with Session(engine) as session:
        session.add(Member(team="acme", name="ann"))
        with pytest.raises(IntegrityError), book.within(session) as within:
            within.count("level", customer="acme", sql=COUNT)
    assert told(book) == [("level", "3")]


def test_what_a_session_has_not_written_yet_is_written_in_the_block(
    book: Book, engine: Engine
) -> None:
    """
    Objects that were added in a block are written before it ends: triggers that record
    them see who acts.
    """
    with Session(engine) as session, session.begin():
        with book.within(session, actor="ops"):
            session.add(Member(team="acme", name="ann"))
        assert not session.new
        assert session.scalar(select(func.count()).select_from(Member)) == 1


def test_a_scoped_session_is_one(book: Book, engine: Engine) -> None:
    """
    What stands for the session of each thread is taken for that session.
    """
    scoped = scoped_session(sessionmaker(engine))
    with book.within(scoped) as within:
        within.join("seats", customer="acme", member="ann")
    scoped.commit()
    scoped.remove()
    assert told(book) == [("join", "ann")]


def test_a_pool_of_one_is_enough(book: Book, engine: Engine) -> None:
    """
    With the only connection of a pool, and the book's own closed, nothing waits.
    """
    book.close()
    with engine.begin() as connection, book.within(connection, cause="why") as within:
        within.record([Event(source="api", id="1", type="t", subject="ann")])
        within.join("seats", customer="acme", member="ann")
        within.count("level", customer="acme", sql=COUNT)
        with pytest.raises(errors.UnknownMeterError):
            within.join("nothing", customer="acme", member="ann")


def test_autocommit_is_refused(book: Book, engine: Engine) -> None:
    """
    On a connection that commits every statement nothing is recorded.
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        with (
            pytest.raises(errors.UnusableConnectionError),
            book.within(connection) as within,
        ):
            within.join("seats", customer="acme", member="ann")
    assert told(book) == []


def test_the_documented_sqlite_recipe_works(tmp_path: Path) -> None:
    """
    An engine that was told to emit BEGIN itself, as SQLAlchemy's documentation advises,
    has true savepoints also where they come first.
    """
    path = tmp_path / "application.db"
    with sqlite_application(path) as book:
        engine = create_engine(f"sqlite:///{path}")

        @event.listens_for(engine, "connect")
        def stop_beginning(connection: DBAPIConnection, _: object) -> None:
            assert isinstance(connection, sqlite3.Connection)
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        with pytest.raises(KeyError), engine.begin() as connection:
            with connection.begin_nested():
                add(connection, book, "ann")
            raise KeyError
        with engine.connect() as connection:
            add(connection, book, "bob")
            connection.commit()
        engine.dispose()
        assert told(book) == [("join", "bob")]


def test_asynchronous_sessions_are_refused(book: Book) -> None:
    """
    Meterbook is synchronous, and says what to give instead.
    """
    engine = create_async_engine("postgresql+psycopg:///nowhere")
    for asynchronous in (engine.connect(), AsyncSession(engine)):
        with (
            pytest.raises(errors.UnusableConnectionError, match="run_sync"),
            book.within(asynchronous),
        ):
            pass
