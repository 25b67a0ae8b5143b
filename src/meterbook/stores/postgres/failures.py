"""
What a failure of PostgreSQL means to us: the one place that reads its error codes.

=======================  ==============================================================
retryable                a lost connection, a lock that timed out, a deadlock, a
                         serialization failure, too many connections, a server that
                         starts or stops
not retryable            a full disk, missing rights, and what nobody foresaw
not a storage failure    no book there; a standby, which cannot be written
=======================  ==============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from meterbook.foundation.errors import (
    NotABookError,
    ReadOnlyBookError,
    StoreError,
)


if TYPE_CHECKING:
    import psycopg

    from meterbook.foundation.errors import MeterbookError


LOST: Final = (
    "The connection to PostgreSQL was lost. A transaction that was not being committed"
    " left nothing. Of one that was, this cannot tell: send the same events again, and"
    " what is in the book already is answered as a duplicate."
)

_CONCURRENT: Final = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.UniqueViolation,
)
_WAITED: Final = (
    errors.LockNotAvailable,
    errors.QueryCanceled,
)
_FULL: Final = (
    errors.DiskFull,
    errors.OutOfMemory,
)


def translated(error: psycopg.Error) -> MeterbookError:
    """
    Return the error of ours that says what *error* means.

    It is to be raised from *error*, which then is its cause.
    """
    match error:
        case errors.UndefinedTable() | errors.InvalidSchemaName():
            return NotABookError()
        case errors.ReadOnlySqlTransaction():
            return ReadOnlyBookError("A standby cannot be written: use the primary.")
        case PoolClosed():
            return StoreError("The store was closed.", retryable=False)
        case PoolTimeout():
            return StoreError("PostgreSQL gave no connection in time.", retryable=True)
        case _ if isinstance(error, _CONCURRENT):
            return StoreError(
                f"Another transaction was in the way: {error}", retryable=True
            )
        case _ if isinstance(error, _WAITED):
            return StoreError(f"It took too long: {error}", retryable=True)
        case _ if isinstance(error, _FULL):
            return StoreError(f"PostgreSQL has no room: {error}", retryable=False)
        case _ if is_lost(error):
            return StoreError(f"{LOST} ({_first_line(error)})", retryable=True)
        case errors.TooManyConnections():
            return StoreError(f"PostgreSQL is busy: {error}", retryable=True)
        case _:
            return StoreError(f"PostgreSQL refused: {error}", retryable=False)


def is_lost(error: BaseException | None) -> bool:
    """
    Tell whether *error* ended the connection, or kept it from being made.

    The server says so with class 08 or 57P; libpq without any code.
    """
    if not isinstance(error, errors.OperationalError):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P"))


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]
