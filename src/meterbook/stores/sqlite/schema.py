"""
Making, migrating and recognising a book in a SQLite database.
"""

from __future__ import annotations

import sqlite3

from contextlib import closing
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import AlreadyABookError, NotABookError
from meterbook.stores.migrating import VERSION_SETTING, pending, stored_version
from meterbook.stores.sqlite.connecting import MEMORY, connect


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.stores.migrating import Migration


DIALECT: Final = "sqlite"

OBJECTS = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
SCHEMA = """
SELECT sql FROM sqlite_master
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
ORDER BY rowid
"""
VERSION = "SELECT value FROM meterbook_book WHERE name = ?"
SET_VERSION = """
INSERT INTO meterbook_book (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""

HEADING = """\
-- The sum of the migrations, for reading. Generated; a test compares the two:
-- SqliteStore.create(":memory:").schema_text() makes it anew.
"""


def book_version(connection: sqlite3.Connection) -> int:
    """
    Return the version of the book in this database; 0 if there is no book.

    Raises:
        CorruptBook: What is stored is no version.
    """
    if "meterbook_book" not in _objects(connection):
        return 0
    try:
        row = connection.execute(VERSION, (VERSION_SETTING,)).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            return 0  # some other table has the name, and other columns
        raise
    return stored_version(row[0] if row else None)


def require_book(connection: sqlite3.Connection, *, path: str) -> int:
    """
    Return the version of the book in this database.

    Raises:
        NotABookError: There is none.
    """
    version = book_version(connection)
    if version == 0:
        message = f"{path} is a SQLite database, but there is no book in it."
        raise NotABookError(message)
    return version


def require_room(connection: sqlite3.Connection, *, path: str) -> None:
    """
    Raise unless a book can be made in this database beside what is there.

    Raises:
        AlreadyABookError: There is a book, or a table by the name of one of a book's.
    """
    if book_version(connection):
        message = f"There is a book in {path} already: open it instead of creating it."
        raise AlreadyABookError(message)
    taken = sorted(_own_objects() & _objects(connection))
    if taken:
        message = (
            f"{path} has other tables by the names that a book needs"
            f" ({', '.join(taken)}): create the book in a file of its own."
        )
        raise AlreadyABookError(message)


def bring_up_to_date(connection: sqlite3.Connection, *, stored: int) -> None:
    """
    Run what a book at version *stored* needs, inside the transaction that is open.

    Raises:
        SchemaTooNewError: The book has had migrations that are not known here.
    """
    for migration in pending(DIALECT, stored=stored):
        _migrate(connection, migration)


def schema_text(connection: sqlite3.Connection) -> str:
    """
    Return the statements that made this database, as SQLite keeps them.
    """
    kept = [sql for (sql,) in connection.execute(SCHEMA)]
    return "\n".join([HEADING, *(f"{sql};\n" for sql in kept)])


def split_statements(text: str) -> Iterator[str]:
    """
    Yield the statements of an SQL text: a trigger is one, with the semicolons in it.

    `executescript` would do, if it did not commit the transaction that is open.
    """
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    assert all(not line or line.startswith("--") for line in statement.splitlines()), (
        f"a migration ends in the middle of a statement: {statement}"
    )


def _migrate(connection: sqlite3.Connection, migration: Migration) -> None:
    for statement in split_statements(migration.text):
        connection.execute(statement).close()
    connection.execute(SET_VERSION, (VERSION_SETTING, str(migration.number))).close()


def _objects(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute(OBJECTS)}


def _own_objects() -> set[str]:
    """
    Return the names of every table, index and trigger of a new book.
    """
    with closing(connect(MEMORY, mode="rwc")) as connection:
        bring_up_to_date(connection, stored=0)
        return _objects(connection)
