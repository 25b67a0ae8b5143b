"""
A SQLite book of an older version is brought up to date, and never opened by mistake.
"""

from __future__ import annotations

import sqlite3

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from meterbook.foundation.errors import (
    CorruptBook,
    NotABookError,
    SchemaTooNewError,
    SchemaTooOldError,
)
from meterbook.stores.migrating import (
    newest_version,
    pending,
    require_current,
    stored_version,
)
from meterbook.stores.sqlite import SqliteStore
from meterbook.stores.sqlite.schema import split_statements
from stores.sqlite_books import count, row, rows


if TYPE_CHECKING:
    from pathlib import Path


NEWEST = newest_version("sqlite")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.db"


def set_version(path: Path, version: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE meterbook_book SET value = ? WHERE name = 'schema_version'",
            (str(version),),
        )


def make_old(path: Path, *, version: int = 1) -> None:
    """
    Make a book as a release that knew only the first migrations did, with an entry.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        for migration in pending("sqlite", stored=0)[:version]:
            connection.executescript(migration.text)
        connection.execute(
            "INSERT INTO meterbook_book VALUES ('schema_version', ?)", (version,)
        )
        connection.execute(
            f"INSERT INTO meterbook_entries VALUES (1{', ?' * 13})", row("old")
        )


def test_the_written_schema_is_the_sum_of_the_migrations() -> None:
    """
    The file that shows the schema says what the migrations make.
    """
    sql = resources.files("meterbook.stores").joinpath("sql", "sqlite", "schema.sql")

    with closing(SqliteStore.create(":memory:")) as store:
        assert sql.read_text(encoding="utf-8") == store.schema_text()


def test_a_new_book_has_the_newest_schema() -> None:
    """
    A book that is created has had every migration.
    """
    with closing(SqliteStore.create(":memory:")) as store:
        assert store.schema_version == NEWEST


def test_an_older_book_is_migrated_before_it_is_opened(path: Path) -> None:
    """
    An older book is not opened as it is; migrated, it holds what it held.
    """
    make_old(path)

    with pytest.raises(SchemaTooOldError, match=f"schema 1.*needs {NEWEST}"):
        SqliteStore.open(path)
    with closing(SqliteStore.migrate(path)) as store:
        assert store.schema_version == NEWEST
        assert count(store) == 1
        store.append(rows("new"))

    with closing(SqliteStore.open(path)) as store:
        assert count(store) == 2
        with closing(SqliteStore.create(":memory:")) as fresh:
            assert store.schema_text() == fresh.schema_text()


def test_migrating_twice_changes_nothing(path: Path) -> None:
    """
    A book that is up to date stays as it is.
    """
    SqliteStore.create(path).close()
    before = path.read_bytes()

    SqliteStore.migrate(path).close()

    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_book_as_it_was(path: Path) -> None:
    """
    A book is migrated wholly or not at all.
    """
    make_old(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE meterbook_sightings (something)")

    with pytest.raises(Exception, match="sightings already exists"):
        SqliteStore.migrate(path)

    with closing(sqlite3.connect(path)) as connection:
        names = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master")
        }
        assert "postings" not in names
        assert connection.execute("SELECT value FROM meterbook_book").fetchall() == [
            ("1",)
        ]


def test_a_newer_book_is_left_alone(path: Path) -> None:
    """
    A book of a newer version is neither opened nor migrated.
    """
    SqliteStore.create(path).close()
    set_version(path, NEWEST + 1)

    for way in (SqliteStore.open, SqliteStore.migrate):
        with pytest.raises(SchemaTooNewError, match="upgrade meterbook"):
            way(path)


def test_a_version_that_is_none_is_corrupt(path: Path) -> None:
    """
    What stands in the place of the version must be one.
    """
    SqliteStore.create(path).close()
    set_version(path, "two")

    with pytest.raises(CorruptBook, match="'two'"):
        SqliteStore.open(path)


def test_what_is_no_book_is_not_migrated(path: Path) -> None:
    """
    A database without a book does not become one by migrating it.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE meterbook_book (name, value)")

    with pytest.raises(NotABookError):
        SqliteStore.migrate(path)


def test_a_trigger_is_one_statement() -> None:
    """
    A text is cut into statements, not at the semicolons inside them.
    """
    trigger = "CREATE TRIGGER t AFTER INSERT ON a\nBEGIN\n    SELECT ';';\nEND;"

    assert list(split_statements(f"-- A; note.\nSELECT 1;\n\n{trigger}\n-- end\n")) == [
        "-- A; note.\nSELECT 1;",
        trigger,
    ]


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_what_a_book_needs_follows_from_its_version(dialect: str) -> None:
    """
    A book needs the migrations after its version, in order, and is current with none.
    """
    newest = newest_version(dialect)

    assert [each.number for each in pending(dialect, stored=0)] == [
        *range(1, newest + 1)
    ]
    assert [each.number for each in pending(dialect, stored=1)] == [
        *range(2, newest + 1)
    ]
    assert pending(dialect, stored=newest) == []
    assert stored_version(None) == 0
    assert stored_version(str(newest)) == newest
    require_current(dialect, stored=newest)
    with pytest.raises(SchemaTooNewError):
        pending(dialect, stored=newest + 1)
