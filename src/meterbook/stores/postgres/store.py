"""
PostgresStore: where a book in PostgreSQL is kept, and its three kinds of transaction.
"""

from __future__ import annotations

import contextlib
import time

from typing import TYPE_CHECKING, Final, Self

from meterbook.foundation.errors import (
    NotABookError,
    ReadOnlyBookError,
    StoreError,
)
from meterbook.stores.migrating import require_current
from meterbook.stores.postgres.appending import FEW_ROWS_MAX, append_drawn, draw_ids
from meterbook.stores.postgres.connections import Connections, connect
from meterbook.stores.postgres.failures import passes
from meterbook.stores.postgres.following import PostgresFollower, settle
from meterbook.stores.postgres.live import (
    CallersSpeaker,
    PostgresLive,
    required,
    told_to_triggers,
)
from meterbook.stores.postgres.migrating import (
    create_book,
    migrate_book,
    stored_schema,
)
from meterbook.stores.postgres.reading import PostgresReader
from meterbook.stores.postgres.sessions import FOLLOW, READ, WRITE, Session
from meterbook.stores.postgres.writing import PostgresWriter


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.ports import Appended, NewEntry, Reader
    from meterbook.stores.postgres.capturing import PostgresCaptor


# A deadlock or a lost connection comes alone; three in a row do not.
APPEND_ATTEMPTS_MAX: Final = 4
APPEND_PAUSE_SECONDS: Final = 0.02

SCHEMA: Final = "meterbook"


class PostgresStore:
    """
    A book in a schema of a PostgreSQL database.

    Threads may share it; it lends each of their transactions one of a few connections.
    A process that forks opens it afterwards. Between it and the server there can be a
    proxy if that keeps sessions apart: the worker's lock belongs to one.
    """

    def __init__(self, dsn: str, *, schema: str, read_only: bool) -> None:
        self._read_only = read_only
        self._schema = schema
        self._connections = Connections(dsn, schema=schema)

    @classmethod
    def create(cls, dsn: str, *, schema: str = SCHEMA) -> Self:
        """
        Create a book and open it.

        Args:
            dsn: A libpq connection string or URL. The role must own what it makes.

            schema: Made if it is not there.

        Raises:
            AlreadyABookError: There is a book in this schema.

            StoreError: The server cannot be reached, or is older than PostgreSQL 13.
        """
        with _apart(dsn, schema) as session:
            create_book(session)
        return cls(dsn, schema=schema, read_only=False)

    @classmethod
    def open(cls, dsn: str, *, schema: str = SCHEMA, read_only: bool = False) -> Self:
        """
        Open a book, on a primary or, for reading only, on a standby.

        Raises:
            NotABookError: There is none in this schema.

            SchemaTooOldError: It must be migrated first.

            SchemaTooNewError: A newer version of meterbook migrated it.

            StoreError: The server cannot be reached, or is older than PostgreSQL 13.
        """
        with _apart(dsn, schema) as session:
            stored = stored_schema(session)
            if stored is None:
                raise NotABookError
            require_current("postgres", stored=stored)
        return cls(dsn, schema=schema, read_only=read_only)

    @classmethod
    def migrate(cls, dsn: str, *, schema: str = SCHEMA) -> Self:
        """
        Bring a book to the newest schema, if it is not there yet, and open it.

        Others may record and read meanwhile: a migration keeps nobody waiting for long.

        Raises:
            NotABookError: There is none in this schema.

            SchemaTooNewError: A newer version of meterbook migrated it.

            StoreError: A lock was not free for a minute; what was done stays done.
        """
        with _apart(dsn, schema) as session:
            migrate_book(session)
        return cls(dsn, schema=schema, read_only=False)

    @property
    def schema_version(self) -> int:
        """
        Return the number of the last migration that the book has had.
        """
        with self._connections.session() as session:
            return stored_schema(session) or 0

    @contextlib.contextmanager
    def reading(self) -> Iterator[PostgresReader]:
        """
        Open one snapshot of the book.
        """
        with self._connections.transaction(READ) as session:
            yield PostgresReader(session)

    @contextlib.contextmanager
    def writing(self) -> Iterator[PostgresWriter]:
        """
        Open a transaction: committed at the end of the block, rolled back if it raises.

        Raises:
            ReadOnlyBookError: The book was opened for reading, or is on a standby.

            StoreError: A retryable one wants the whole block again.
        """
        self._require_writable()
        with self._connections.transaction(WRITE, writes=True) as session:
            yield PostgresWriter(session)

    def append(self, rows: Sequence[NewEntry]) -> Appended:
        """
        Append in a transaction of its own, by the shortest way.

        Deadlocks, serialization failures and lost connections are tried again. An
        attempt of which the answer was lost may have been committed: its entries are
        known by their ids, and are answered as new.

        Raises:
            ReadOnlyBookError: The book was opened for reading, or is on a standby.

            StoreError: It failed too often, or in a way that trying again cannot mend.
        """
        appended = self._append_persistently(rows, None)
        assert appended is not None
        return appended

    def append_unless_erased(
        self, rows: Sequence[NewEntry], *, erasures: str
    ) -> Appended | None:
        """
        Append like `append`, but nothing if people were erased since *erasures*.

        What is being appended while an erasure commits may be before it.
        """
        return self._append_persistently(rows, erasures)

    @contextlib.contextmanager
    def live(
        self,
        *,
        now: Callable[[Reader], int],  # noqa: ARG002 - the server's clock is asked
        actor: str | None,
        cause: str | None,
        connection: object | None = None,
        failed: Callable[[], None] | None = None,
    ) -> Iterator[PostgresLive]:
        """
        Record on *connection*, in the transaction that is open there.

        Without one, in a transaction of its own.

        Raises:
            UnusableConnectionError: It is no connection to PostgreSQL, commits every
                statement by itself, or its transaction has failed.

            StoreError: A retryable one wants the whole transaction again.
        """
        self._require_writable()
        with (
            self._speaking(connection, failed) as session,
            told_to_triggers(session, actor=actor, cause=cause),
        ):
            yield PostgresLive(session)

    @contextlib.contextmanager
    def _speaking(
        self, connection: object | None, failed: Callable[[], None] | None
    ) -> Iterator[Session]:
        if connection is None:
            with self._connections.transaction(WRITE, writes=True) as session:
                yield session
            return
        callers = required(connection)
        speaker = CallersSpeaker(callers, failed=failed or _nothing)
        yield Session(callers, schema=self._schema, speaker=speaker)

    @contextlib.contextmanager
    def draining(self) -> Iterator[PostgresWriter | None]:
        """
        Open the transaction in which waiting changes become entries.

        It is apart from that of `following`: what a tick numbers must have been
        committed before its snapshot.
        """
        with self._connections.session() as session:
            if session.row("has_changes") == (False,):
                yield None
                return
            session.make_temporary_tables()
            with session.holding("worker") as free:
                if not free:
                    yield None
                    return
                _settle_if_moved(session)
                session.begin(WRITE)
                yield PostgresWriter(session)
                session.commit()

    @contextlib.contextmanager
    def capturing(self, *, writes: bool) -> Iterator[PostgresCaptor]:
        """
        Open a transaction that also sees the application's tables in this database.
        """
        from meterbook.stores.postgres.capturing import (  # noqa: PLC0415 - rarely used
            PostgresCaptor,
        )

        if writes:
            self._require_writable()
        begin = WRITE if writes else READ
        with self._connections.transaction(begin, writes=writes) as session:
            yield PostgresCaptor(session)

    @contextlib.contextmanager
    def following(self) -> Iterator[PostgresFollower | None]:
        """
        Open the worker's transaction; None while another worker has it.

        Raises:
            ReadOnlyBookError: This process may not follow: see `can_follow`.
        """
        if not self.can_follow:
            message = "The worker runs on the primary, with a book open for writing."
            raise ReadOnlyBookError(message)
        with self._connections.session() as session:
            session.make_temporary_tables()
            # The lock comes first: the snapshot must be younger.
            with session.holding("worker") as free:
                if not free:
                    yield None
                    return
                _settle_if_moved(session)
                session.begin(FOLLOW)
                yield PostgresFollower(session)
                session.commit()

    @property
    def can_follow(self) -> bool:
        """
        Tell whether this process may do the worker's step.

        Not on a book that was opened for reading; not on a standby, nor where entries
        arrive by logical replication: the transaction ids there are another's.
        """
        if self._read_only:
            return False
        with self._connections.transaction(READ) as session:
            return session.row("cluster") == (False, False)

    @property
    def follows_on_read(self) -> bool:
        """
        Tell that the worker's step does not run before a reading, but apart from it.
        """
        return False

    def close(self) -> None:
        """
        Give back what the store holds.
        """
        self._connections.close()

    def _append_persistently(
        self, rows: Sequence[NewEntry], erasures: str | None
    ) -> Appended | None:
        self._require_writable()
        offered: list[Sequence[int]] = []
        for attempt in range(1, APPEND_ATTEMPTS_MAX):
            try:
                return self._append(rows, offered, erasures)
            except StoreError as error:
                if not passes(error):
                    raise
                time.sleep(APPEND_PAUSE_SECONDS * attempt)
        return self._append(rows, offered, erasures)

    def _append(
        self,
        rows: Sequence[NewEntry],
        offered: list[Sequence[int]],
        erasures: str | None,
    ) -> Appended | None:
        """
        Make one attempt, and add the ids that it offers to *offered*.
        """
        with (
            self._connections.transaction(WRITE, writes=True)
            if len(rows) > FEW_ROWS_MAX
            else self._connections.session()
        ) as session:
            earlier = tuple(offered)
            offered.append(draw_ids(session, len(rows)))
            return append_drawn(
                session, rows, offered[-1], earlier=earlier, erasures=erasures
            )

    def _require_writable(self) -> None:
        if self._read_only:
            raise ReadOnlyBookError


def _nothing() -> None:
    """
    Do nothing: nobody manages the transaction but the connection itself.
    """


def _settle_if_moved(session: Session) -> None:
    if session.row("moved") is not None:
        session.begin(WRITE)
        settle(session)
        session.commit()


@contextlib.contextmanager
def _apart(dsn: str, schema: str) -> Iterator[Session]:
    """
    Open a session of its own, apart from the pool, that is closed at the end.
    """
    with contextlib.closing(connect(dsn)) as connection:
        yield Session(connection, schema=schema)
