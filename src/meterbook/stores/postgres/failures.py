"""
What a failure of PostgreSQL means to us: the one place that reads its error codes.

=======================  ==============================================================
retryable                a lost connection, a lock that timed out, a deadlock, a
                         serialization failure, too many connections, a server that
                         starts or stops
not retryable            a full disk, missing rights, a database or role that is not
                         there, a wrong password, and what nobody foresaw
not a storage failure    no book there; a standby, which cannot be written; an address
                         that cannot be read
=======================  ==============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import psycopg

from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from meterbook.foundation.errors import (
    CallerError,
    NotABookError,
    ReadOnlyBookError,
    StoreError,
)


if TYPE_CHECKING:
    from meterbook.foundation.errors import MeterbookError


LOST: Final = (
    "The connection to PostgreSQL was lost. A transaction that was not being committed"
    " left nothing. Of one that was, this cannot tell: send the same events again, and"
    " what is in the book already is answered as a duplicate."
)

# Transactions that were in each other's way; one of them has to do it again.
_CONCURRENT: Final = (errors.SerializationFailure, errors.DeadlockDetected)

_StoreFailure: TypeAlias = tuple[type[psycopg.Error], str, bool]

# What went wrong, what is said of it, and whether the same request may work later.
_FAILURES: Final[tuple[_StoreFailure, ...]] = (
    (PoolClosed, "The store was closed", False),
    (PoolTimeout, "PostgreSQL gave no connection in time", True),
    (errors.SerializationFailure, "Another transaction was in the way", True),
    (errors.DeadlockDetected, "Another transaction was in the way", True),
    (errors.UniqueViolation, "Another transaction wrote the same", True),
    (errors.LockNotAvailable, "A lock was not free in time", True),
    (errors.QueryCanceled, "It took longer than the server allows", True),
    (errors.TooManyConnections, "PostgreSQL has no connection left", True),
    (errors.DiskFull, "PostgreSQL has no room on its disk", False),
    (errors.OutOfMemory, "PostgreSQL has no memory left", False),
)


# Why a connection was not made that may be made later. libpq gives no code for it, so
# these are looked for in what it says; what a server says in another language is not
# found, and then is not tried again.
_MAY_BE_REACHED_LATER: Final = (
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "No route to host",
    "Network is unreachable",
    "No such file or directory",  # the socket of a server that is not running
    "Temporary failure in name resolution",
    "could not receive data",
    "could not send data",
    "not yet accepting connections",
    "recovery mode",
    "remaining connection slots",
    "server closed the connection",
    "shutting down",
    "starting up",
    "timeout expired",
    "too many clients",
    "too many connections",
)


def unreached(error: psycopg.Error) -> MeterbookError:
    """
    Return the error of ours that says why no connection was made.

    It is to be raised from *error*, which then is its cause.
    """
    if isinstance(error, errors.ProgrammingError):
        # What follows quotes the address, which may hold a password.
        reason = _first_line(error).partition(': "postgres')[0]
        message = (
            f"The address of the database cannot be read: {reason}. It looks like "
            "postgresql://user@host:5432/database."
        )
        return CallerError(message)

    said = str(error)
    if isinstance(error, errors.ConnectionTimeout) or any(
        passing in said for passing in _MAY_BE_REACHED_LATER
    ):
        return StoreError(f"PostgreSQL cannot be reached: {said}", retryable=True)

    message = (
        f"PostgreSQL cannot be entered: {said}. Check the host, database, role and"
        " password in the address."
    )
    return StoreError(message, retryable=False)


def translated(error: psycopg.Error) -> MeterbookError:
    """
    Return the error of ours that says what *error* means.

    It is to be raised from *error*, which then is its cause.
    """
    if isinstance(error, errors.UndefinedTable | errors.InvalidSchemaName):
        return NotABookError()
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return ReadOnlyBookError("A standby cannot be written: use the primary.")
    for kind, said, retryable in _FAILURES:
        if isinstance(error, kind):
            return StoreError(f"{said}: {_first_line(error)}", retryable=retryable)
    if is_lost(error):
        return StoreError(f"{LOST} ({_first_line(error)})", retryable=True)
    return StoreError(f"PostgreSQL refused: {error}", retryable=False)


def passes(error: StoreError) -> bool:
    """
    Tell whether what caused *error* is likely to be gone at once.
    """
    cause = error.__cause__
    return isinstance(cause, _CONCURRENT) or is_lost(cause)


def is_lost(error: BaseException | None) -> bool:
    """
    Tell whether *error* ended the connection, or kept it from being made.

    The server says so with class 08 or 57P; libpq without any code.
    """
    if not isinstance(error, errors.OperationalError):
        return False
    if isinstance(error, PoolClosed | PoolTimeout):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P"))


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]
