"""
Whose connection is it?
"""

from __future__ import annotations

from typing import Final

from meterbook.foundation.errors import UnusableConnectionError
from meterbook.integrations.callers import Callers
from meterbook.integrations.django import is_django, of_django
from meterbook.integrations.sqlalchemy import (
    is_connection,
    is_session,
    of_connection,
    of_session,
)


# Where the connections of the drivers themselves are from: most are, and these are not
# asked what else they can do.
DRIVERS: Final = frozenset({"psycopg", "sqlite3"})


def recognised(connection: object) -> Callers:
    """
    Return the driver's connection behind *connection*, whichever library's it is.

    What is none of the libraries' must be the driver's itself: a store knows its own.

    Raises:
        UnusableConnectionError: If nothing can be recorded on it so that it is
            committed with the caller's rows.
    """
    if connection is None:
        message = "Give the connection on which your transaction is open."
        raise UnusableConnectionError(message)
    if type(connection).__module__ in DRIVERS:
        return Callers(connection=connection)
    if is_django(connection):
        return of_django(connection)
    if is_session(connection):
        return of_session(connection)
    if is_connection(connection):
        return of_connection(connection)
    return Callers(connection=connection)
