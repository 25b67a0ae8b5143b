"""
The connections of a store: a few, made when they are needed, and given back.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import psycopg

from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from meterbook.foundation.errors import StoreError
from meterbook.stores.postgres.failures import is_lost, translated, unreached
from meterbook.stores.postgres.sessions import Belongings, Session, adapters


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.stores.postgres.sessions import Connection


# 13 brought xid8 and pg_snapshot, which number the entries.
SERVER_VERSION_MIN: Final = 130_000

# A store is one process' share: enough for its threads, few for the server.
CONNECTIONS_MAX: Final = 10

# How long to wait for a connection, when all are lent or the server is away.
CONNECTION_SECONDS_MAX: Final = 15

# A connection that was not used for so long is given up.
IDLE_SECONDS_MAX: Final = 300

# Compiling a plan never pays here.
_SETTINGS: Final = b"SET jit = off"


class Connections:
    """
    A pool of sessions for one book.

    Threads may share it. Processes may not: open a store after the fork. Between it and
    the server there can be a proxy, if that keeps a session on one server connection.
    """

    def __init__(self, dsn: str, *, schema: str) -> None:
        self._schema = schema
        self._kept: WeakKeyDictionary[Connection, Belongings] = WeakKeyDictionary()
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn,
            kwargs=_options(),
            min_size=0,
            max_size=CONNECTIONS_MAX,
            timeout=CONNECTION_SECONDS_MAX,
            max_idle=IDLE_SECONDS_MAX,
            num_workers=1,
            configure=_configure,
            name="meterbook",
            open=True,
        )

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """
        Lend a session without a transaction.

        What is left open at the end of the block is rolled back. A connection that
        broke is not lent again, nor are the others that broke with it.
        """
        session = self._lent()
        try:
            yield session
        finally:
            self._give_back(session)

    @contextlib.contextmanager
    def transaction(self, begin: bytes, *, writes: bool = False) -> Iterator[Session]:
        """
        Lend a session in a transaction that is committed at the end of the block.

        It is rolled back if the block raises.

        Args:
            begin: The statement that begins it.

            writes: Whether rows will be copied in, through temporary tables.
        """
        session = self._begun(begin, writes=writes)
        try:
            yield session
            session.commit()
        finally:
            self._give_back(session)

    def close(self) -> None:
        """
        Close all connections; those that are lent, when they are given back.
        """
        self._pool.close()

    def _begun(self, begin: bytes, *, writes: bool) -> Session:
        """
        Return a session whose transaction has begun.

        Connections that lie idle break unnoticed when the server is restarted. To begin
        has no effect, so it is tried again with another, as often as there may be some.
        """
        for _ in range(CONNECTIONS_MAX):
            session = self._lent()
            try:
                if writes:
                    session.make_temporary_tables()
                session.begin(begin)
            except StoreError as error:
                self._give_back(session)
                if not is_lost(error.__cause__):
                    raise
            else:
                return session
        message = "Every connection to PostgreSQL was lost as soon as it was made."
        raise StoreError(message, retryable=True)

    def _lent(self) -> Session:
        try:
            connection = self._pool.getconn()
        except psycopg.Error as error:
            raise translated(error) from error
        kept = self._kept.setdefault(connection, Belongings())
        return Session(connection, schema=self._schema, belongings=kept)

    def _give_back(self, session: Session) -> None:
        session.roll_back()
        broken = session.connection.closed
        self._pool.putconn(session.connection)
        if broken:
            self._pool.check()


def connect(dsn: str) -> Connection:
    """
    Return a connection of our own kind, in autocommit mode, apart from any pool.

    Raises:
        CallerError: The address cannot be read.

        StoreError: The server cannot be reached (retryable), does not let us in, or is
            older than PostgreSQL 13.
    """
    try:
        connection = psycopg.connect(dsn, **_options())
    except psycopg.Error as error:
        raise unreached(error) from error
    try:
        _configure(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _options() -> dict[str, Any]:
    return {
        "autocommit": True,
        "client_encoding": "utf8",
        "context": _Adapting(),
        "fallback_application_name": "meterbook",
        "row_factory": tuple_row,
    }


class _Adapting:
    """
    What psycopg asks how to send values.
    """

    def __init__(self) -> None:
        self.adapters = adapters()
        self.connection = None


def _configure(connection: Connection) -> None:
    version = connection.info.server_version
    if version < SERVER_VERSION_MIN:
        message = (
            f"A book needs PostgreSQL 13 or newer; this is {version // 10_000}"
            f".{version % 10_000}."
        )
        raise StoreError(message, retryable=False)
    connection.execute(_SETTINGS)
