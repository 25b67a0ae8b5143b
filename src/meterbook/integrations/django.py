"""
Connections of Django: `django.db.connection`, `connections["other"]`.

Django notes errors of the statements that it runs, so that an `atomic` block whose
error was swallowed is rolled back all the same. Ours are run on the driver's cursor:
Django is told of their errors by `needs_rollback`. Else the block would seem to be
committed, while the database has rolled everything back.
"""

from __future__ import annotations

from typing import Protocol, TypeGuard

from meterbook.foundation.errors import UnusableConnectionError
from meterbook.integrations.callers import Callers


class DjangoConnection(Protocol):
    """
    What is used of Django's database wrapper.
    """

    connection: object
    autocommit: bool
    in_atomic_block: bool
    needs_rollback: bool

    def ensure_connection(self) -> None:
        """
        Connect, if it is not connected yet.
        """
        ...

    def validate_thread_sharing(self) -> None:
        """
        Raise if another thread made it.
        """
        ...


def is_django(connection: object) -> TypeGuard[DjangoConnection]:
    """
    Tell whether *connection* is one of Django.
    """
    return hasattr(connection, "in_atomic_block") and hasattr(
        connection, "ensure_connection"
    )


def of_django(connection: DjangoConnection) -> Callers:
    """
    Return the driver's connection under one of Django.

    Raises:
        UnusableConnectionError: If it is not in an `atomic` block, or that is to be
            rolled back already.
    """
    connection.validate_thread_sharing()
    connection.ensure_connection()
    if not connection.in_atomic_block and connection.autocommit:
        message = (
            "Django commits every statement by itself here: open the block inside"
            " `with transaction.atomic()`."
        )
        raise UnusableConnectionError(message)
    if connection.needs_rollback:
        message = (
            "An error occurred in this `atomic` block, and Django will roll it back:"
            " nothing more can be recorded in it."
        )
        raise UnusableConnectionError(message)

    def failed() -> None:
        if connection.in_atomic_block:
            connection.needs_rollback = True

    return Callers(connection=connection.connection, failed=failed)
