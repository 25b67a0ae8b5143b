"""
A connection to a SQLite file, set up for a book, and its errors in our words.
"""

from __future__ import annotations

import sqlite3

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from meterbook.foundation.errors import (
    CorruptBook,
    MeterbookError,
    NotABookError,
    ReadOnlyBookError,
    StoreError,
)


if TYPE_CHECKING:
    from collections.abc import Iterator


# The name that SQLite gives to a database without a file.
MEMORY: Final = ":memory:"

# How SQLite opens a file: for reading, for writing, or for writing even if not there.
Mode = Literal["ro", "rw", "rwc"]

# How long to wait for another process to finish its transaction, in milliseconds.
WAIT: Final = "PRAGMA busy_timeout = 5000"

# What one connection may keep in memory. The identity index is hit at random places:
# with SQLite's own 2 MB, most inserts into a large book would wait for the disk.
CACHE_KIB: Final = 32 * 1024

# After a large transaction the log file is cut back to this size.
LOG_BYTES: Final = 64 * 1024 * 1024

# More than there are statements, so that each is prepared once.
CACHED_STATEMENTS: Final = 128

SETTINGS: Final = (
    WAIT,
    # Acknowledged is durable: every commit waits for the disk.
    "PRAGMA synchronous = FULL",
    # Else INSERT OR REPLACE would delete an entry without asking its trigger.
    "PRAGMA recursive_triggers = ON",
    # Not only while a name is erased: a page that was split earlier would keep a copy
    # of names in its free space (tried: 25 of 200 erased names were still in the file).
    "PRAGMA secure_delete = ON",
    # What SQLite sorts does not go to a file of its own, where names could stay.
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{CACHE_KIB}",
    f"PRAGMA journal_size_limit = {LOG_BYTES}",
)

CANNOT_OPEN: Final = (
    "the file cannot be opened: this user must be able to read it, and to make the"
    " files beside it that end in -wal and -shm."
)

# What SQLite's error codes mean to whoever uses the book. Of others, SQLite's own text.
# Source: https://www.sqlite.org/rescode.html
MEANINGS: Final = {
    sqlite3.SQLITE_BUSY: "another process is writing to the book; try again.",
    sqlite3.SQLITE_LOCKED: "another process is writing to the book; try again.",
    sqlite3.SQLITE_READONLY: (
        "the book is open for reading only; nothing was changed."
    ),
    sqlite3.SQLITE_FULL: "the disk is full; nothing of the batch was kept.",
    sqlite3.SQLITE_IOERR: (
        "the disk failed or is full ({error}); nothing of the batch was kept."
    ),
    sqlite3.SQLITE_NOTADB: "this file is not a database, so it is no book.",
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged ({error}): stop writing, and keep a copy."
    ),
    sqlite3.SQLITE_CANTOPEN: CANNOT_OPEN,
    # A file that is only read still needs its log and the log's index.
    sqlite3.SQLITE_READONLY_CANTINIT: CANNOT_OPEN,
    sqlite3.SQLITE_READONLY_DIRECTORY: CANNOT_OPEN,
    sqlite3.SQLITE_READONLY_RECOVERY: CANNOT_OPEN,
}

# All others are StoreError, retryable if they pass when somebody else has finished.
CLASSES: Final[dict[int, type[MeterbookError]]] = {
    sqlite3.SQLITE_READONLY: ReadOnlyBookError,
    sqlite3.SQLITE_NOTADB: NotABookError,
    sqlite3.SQLITE_CORRUPT: CorruptBook,
}
PASSING: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

# SQLite's extended codes carry the primary code in the low byte.
PRIMARY: Final = 0xFF


def connect(path: str, *, mode: Mode) -> sqlite3.Connection:
    """
    Return a connection without a transaction, which any thread may use in turn.

    Raises:
        sqlite3.Error: Use it inside `translating`.
    """
    target = path if path == MEMORY else f"{Path(path).absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        target,
        uri=path != MEMORY,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
    )
    try:
        for setting in SETTINGS:
            connection.execute(setting).close()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def translating(path: str) -> Iterator[None]:
    """
    Raise SQLite's errors inside the block as ours, with SQLite's as their cause.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path) from error


def translated(error: sqlite3.Error, path: str) -> MeterbookError:
    """
    Return what an error of SQLite means to whoever uses the book at *path*.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    if code not in MEANINGS:
        code &= PRIMARY
    message = f"{path}: {MEANINGS.get(code, '{error}').format(error=error)}"
    if code in CLASSES:
        return CLASSES[code](message)
    return StoreError(message, retryable=code in PASSING)
