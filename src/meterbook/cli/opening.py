"""
Opening the book that a command is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.cli.errors import refuse
from meterbook.foundation.errors import ReadOnlyBookError, StoreError


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.app import Book


def opened(target: str | None, schema: str) -> Book:
    """
    Return the book at *target*, open.

    Raises:
        BadParameter: If no book was named.

        CallerError: If there is none, or this version cannot read it.
    """
    # The rest of the program is loaded when there is a book to open: help is quick.
    from meterbook.app import Book  # noqa: PLC0415 - see above

    return Book.open(named(target), schema=schema)


def opened_to_read(target: str | None, schema: str) -> Book:
    """
    Return the book at *target* for a command that changes nothing.

    It is opened for writing where that can be, so that the worker may catch up before
    the reading; else for reading only, and the reading looks at the rest itself.

    Raises:
        BadParameter: If no book was named.

        CallerError: If there is none, or this version cannot read it.

        StoreError: If it cannot be read either.
    """
    try:
        return opened(target, schema)
    except (ReadOnlyBookError, StoreError) as error:
        if isinstance(error, StoreError) and error.retryable:
            raise

    from meterbook.app import Book  # noqa: PLC0415 - as above

    return Book.open(named(target), schema=schema, read_only=True)


def created(target: str | None, schema: str, *, test_clock: dt.datetime | None) -> Book:
    """
    Return a new, empty book at *target*, open.

    Args:
        target: Where; no book may be there.

        schema: In which schema, on PostgreSQL.

        test_clock: What the clock of a test book shows first; None for a real one.

    Raises:
        BadParameter: If no book was named, or one in memory.
    """
    from meterbook.app import Book  # noqa: PLC0415 - as above

    place = named(target)
    if place == ":memory:":
        sentence = "a book in memory is gone when the command ends: name a file."
        refuse("--book", sentence)
    return Book.create(place, schema=schema, test_clock=test_clock)


def migrated(target: str | None, schema: str) -> Book:
    """
    Return the book at *target*, brought to the schema of this version, and open.
    """
    from meterbook.app import Book  # noqa: PLC0415 - as above

    return Book.migrate(named(target), schema=schema)


def named(target: str | None) -> str:
    """
    Return *target*.

    Raises:
        BadParameter: If it is missing.
    """
    if not target:
        sentence = "say which book: --book usage.db, or export METERBOOK=usage.db."
        refuse("--book", sentence)

    return target
