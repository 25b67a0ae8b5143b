"""
Where a book is kept, by what the caller calls the place.

============================  =====================================================
target                        store
============================  =====================================================
a path, or `:memory:`         SQLite
`postgresql://...`            PostgreSQL, in a schema of its own
============================  =====================================================
"""

from __future__ import annotations

import re

from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import MissingExtraError, NotABookError
from meterbook.stores.sqlite import SqliteStore


if TYPE_CHECKING:
    from pathlib import Path

    from meterbook.ports import Store
    from meterbook.stores.postgres import PostgresStore

# Both are in use: PostgreSQL's own tools take either.
POSTGRES_SCHEMES: Final = ("postgresql://", "postgres://")

# What other programs take for a database: a URI, or the words that libpq reads.
_OTHER_ADDRESS: Final = re.compile(
    r"""
    [a-z][a-z0-9+.-]*://
    | file:
    | \s*(?:host|hostaddr|port|dbname|user|password|service)\s*=
    | \s*\w+\s*=\s*\S+\s+\w+\s*=
    """,
    re.IGNORECASE | re.VERBOSE,
)

DEFAULT_SCHEMA: Final = "meterbook"


def create_store(target: str | Path, *, schema: str) -> Store:
    """
    Make a book at *target* and return its store.

    Raises:
        AlreadyABookError: If there is one.

        NotABookError: If there cannot be one.

        MissingExtraError: If the target is PostgreSQL and its driver is not there.
    """
    if is_postgres(target):
        return _postgres().create(_address(target), schema=schema)

    return SqliteStore.create(target)


def open_store(target: str | Path, *, schema: str, read_only: bool) -> Store:
    """
    Return the store of the book at *target*.

    Raises:
        NotABookError: If there is none.

        SchemaTooOldError: If it must be migrated first.

        SchemaTooNewError: If it was written by a newer version.

        MissingExtraError: If the target is PostgreSQL and its driver is not there.
    """
    if is_postgres(target):
        return _postgres().open(_address(target), schema=schema, read_only=read_only)

    return SqliteStore.open(target, read_only=read_only)


def migrate_store(target: str | Path, *, schema: str) -> Store:
    """
    Bring the book at *target* up to date and return its store.

    Raises:
        NotABookError: If there is none.

        SchemaTooNewError: If it was written by a newer version.

        MissingExtraError: If the target is PostgreSQL and its driver is not there.
    """
    if is_postgres(target):
        store = _postgres()
        store.migrate(_address(target), schema=schema)
        return store.open(_address(target), schema=schema)

    return SqliteStore.migrate(target)


def is_postgres(target: str | Path) -> bool:
    """
    Tell whether *target* is the address of a PostgreSQL database, else it is a path.

    Raises:
        NotABookError: If it is neither: text that names a database in another way
            would become a file of that name.
    """
    if not isinstance(target, str):
        return False
    if target.lower().startswith(POSTGRES_SCHEMES):
        return True
    if _OTHER_ADDRESS.match(target):
        # Not repeated: there may be a password in it.
        message = (
            "This is no path of a file, and no address of a book in PostgreSQL: "
            "write it as postgresql://user@host/database."
        )
        raise NotABookError(message)

    return False


def _address(target: str | Path) -> str:
    """
    Return the address *target* with its scheme in small letters, as libpq needs it.
    """
    scheme, mark, rest = str(target).partition("://")
    return f"{scheme.lower()}{mark}{rest}"


def _postgres() -> type[PostgresStore]:
    """
    Return the class of PostgreSQL stores, which is loaded only when it is needed.
    """
    try:
        from meterbook.stores.postgres import PostgresStore  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("psycopg"):
            raise
        extra, purpose = "postgres", "A book in PostgreSQL"
        raise MissingExtraError.named(extra, purpose=purpose) from error

    return PostgresStore
