"""
Connections and sessions of SQLAlchemy 2.

SQLAlchemy begins a transaction when a statement is run through it. Ours are run on the
driver's connection, so it is told to begin. On sqlite3 even then no transaction is open
at the driver before something is written: the store begins one, at once for writing, so
that a SAVEPOINT is never the outermost one.

A session makes the SAVEPOINT of `begin_nested` only when its connection is next asked
for. So it is asked for before each thing that is recorded.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

from meterbook.foundation.errors import UnusableConnectionError
from meterbook.integrations.callers import Callers, nothing


class AlchemyConnection(Protocol):
    """
    What is used of SQLAlchemy's Connection.

    Attributes:
        connection: The one of the pool, which knows the driver's.
    """

    connection: Any

    def in_transaction(self) -> bool:
        """
        Tell whether it has begun.
        """
        ...

    def begin(self) -> object:
        """
        Begin.
        """
        ...


class AlchemySession(Protocol):
    """
    What is used of SQLAlchemy's Session.
    """

    def connection(self) -> AlchemyConnection:
        """
        Return the connection of the transaction, which begins with that.
        """
        ...

    def flush(self) -> None:
        """
        Write what was changed in memory.
        """
        ...


def is_session(connection: object) -> TypeGuard[AlchemySession]:
    """
    Tell whether *connection* is a Session, or what stands for one in each thread.
    """
    return all(hasattr(connection, name) for name in ("get_bind", "flush", "add_all"))


def is_connection(connection: object) -> TypeGuard[AlchemyConnection]:
    """
    Tell whether *connection* is a Connection.
    """
    return hasattr(connection, "exec_driver_sql")


def of_session(session: AlchemySession) -> Callers:
    """
    Return the driver's connection under the transaction of *session*.

    Raises:
        UnusableConnectionError: If it is asynchronous.
    """
    _require_sync(session, "sync_session")

    def ready() -> None:
        session.connection()

    driver = _driver(session.connection())
    return Callers(connection=driver, ready=ready, flush=session.flush)


def of_connection(connection: AlchemyConnection) -> Callers:
    """
    Return the driver's connection under *connection*, which has begun from now on.

    Raises:
        UnusableConnectionError: If it is asynchronous.
    """
    _require_sync(connection, "sync_connection")
    return Callers(connection=_driver(connection), flush=nothing)


def _driver(connection: AlchemyConnection) -> object:
    if not connection.in_transaction():
        # As its first statement would: commit and rollback stay the caller's.
        connection.begin()
    return connection.connection.driver_connection


def _require_sync(connection: object, sign: str) -> None:
    if hasattr(connection, sign):
        message = (
            "Meterbook is synchronous: give the connection that `run_sync` hands to a"
            " function."
        )
        raise UnusableConnectionError(message)
