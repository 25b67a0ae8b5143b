"""
Which migrations a stored book still needs.

The version of a book is the number of the last migration it has had, kept as text in
its own table ``book`` under the name ``schema_version``. Each store reads that text,
asks here what follows from it, and runs the SQL in its own way::

    text = ...                                  as stored; None if it is not
    stored = stored_version(text)               an int; 0 where nothing was migrated
    require_current("sqlite", stored=stored)    on open: raises if older or newer

    # On create and on migrate, in one transaction with writing the new number:
    for migration in pending("sqlite", stored=stored): ...

Nothing here touches a database.
"""

from __future__ import annotations

from typing import NamedTuple

from meterbook.foundation.errors import (
    CorruptBook,
    SchemaTooNewError,
    SchemaTooOldError,
)
from meterbook.stores.statements import migrations


# The row of the table `book` that says which migrations a book has had.
VERSION_SETTING = "schema_version"


class Migration(NamedTuple):
    """
    One step from a version of the schema to the next.

    Attributes:
        number: The version of a book that has had this migration. The first is 1.

        name: The name of its file.

        text: Its SQL, for one transaction.
    """

    number: int
    name: str
    text: str


def newest_version(dialect: str) -> int:
    """
    Return the version that this release of meterbook reads and writes.
    """
    return len(migrations(dialect))


def stored_version(text: str | None) -> int:
    """
    Return the version that is written in the book; 0 where none is.

    Raises:
        CorruptBook: What is written is no version.
    """
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit()):
        message = f"The book says that its schema is {text!r}, which is no version."
        raise CorruptBook(message)
    return int(text)


def pending(dialect: str, *, stored: int) -> list[Migration]:
    """
    Return the migrations that a book at version *stored* has not had, in order.

    Raises:
        SchemaTooNewError: The book has had migrations that are not known here.
    """
    _refuse_newer(dialect, stored=stored)
    return [Migration._make(found) for found in migrations(dialect)[stored:]]


def require_current(dialect: str, *, stored: int) -> None:
    """
    Raise unless a book at version *stored* can be read and written as it is.

    Raises:
        SchemaTooOldError: The book must be migrated first.

        SchemaTooNewError: The book has had migrations that are not known here.
    """
    _refuse_newer(dialect, stored=stored)
    newest = newest_version(dialect)
    if stored < newest:
        message = (
            f"The book has schema {stored}, and this version of meterbook needs"
            f" {newest}: migrate the book, then open it."
        )
        raise SchemaTooOldError(message)


def _refuse_newer(dialect: str, *, stored: int) -> None:
    newest = newest_version(dialect)
    if stored > newest:
        message = (
            f"The book has schema {stored}, and this version of meterbook knows"
            f" {newest} at most: upgrade meterbook, then open the book."
        )
        raise SchemaTooNewError(message)
