"""
One book in one SQLite file, for several threads and several processes.

A store has one connection, and one transaction at a time: a thread waits for another's
to end. A process waits for another's writing, for five seconds at most; what only reads
waits for nobody.
"""

from __future__ import annotations

import os
import sqlite3

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import (
    NotABookError,
    ReadOnlyBookError,
    StoreError,
    UnusableConnectionError,
)
from meterbook.ports import Appended
from meterbook.stores.migrating import require_current
from meterbook.stores.sqlite.callers import CallersConnection
from meterbook.stores.sqlite.connecting import MEMORY
from meterbook.stores.sqlite.following import SqliteFollower
from meterbook.stores.sqlite.live import (
    Block,
    SqliteLive,
    begin_block,
    telling_triggers,
)
from meterbook.stores.sqlite.queue import SqliteQueue
from meterbook.stores.sqlite.reading import SqliteReader
from meterbook.stores.sqlite.schema import (
    DIALECT,
    book_version,
    bring_up_to_date,
    require_book,
    require_room,
    schema_text,
)
from meterbook.stores.sqlite.session import Session
from meterbook.stores.sqlite.writing import ERASURES, SqliteWriter, append


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.ports import NewEntry, Reader
    from meterbook.stores.sqlite.capturing import SqliteCaptor


NOTHING: Final = Appended((), {})


class SqliteStore:
    """
    A `Store` in one SQLite file, or in memory.

    Made by `create`, `open` or `migrate`.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names_in_log = False
        self._blocks: dict[int, Block] = {}

    @classmethod
    def create(cls, path: str | Path) -> SqliteStore:
        """
        Make a book and open it.

        Args:
            path: A file that is not there yet, or a SQLite database with tables of
                other names; ":memory:" for a book that ends with the process.

        Raises:
            AlreadyABookError: There is one, or tables of other things by its names.

            NotABookError: The file is no database, or its folder does not exist.
        """
        path = str(path)
        _require_folder(path)
        session = Session(path, mode="rwc")
        with session.closed_on_error():
            with session.snapshot() as connection:
                require_room(connection, path=path)
            session.keep_log()
            with session.turn() as connection:
                # Another process may have come first.
                require_room(connection, path=path)
                bring_up_to_date(connection, stored=0)
        return cls(session)

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> SqliteStore:
        """
        Open the book that is there.

        Args:
            path: The file that `create` made.

            read_only: Whether to leave the book as it is, whatever is called.

        Raises:
            NotABookError: There is no file, or no book in it.

            ReadOnlyBookError: The file cannot be written, and *read_only* is not set.

            SchemaTooOldError: It must be migrated first.

            SchemaTooNewError: It was written by a newer version of meterbook.
        """
        path = str(path)
        _require_file(path, writable=not read_only)
        session = Session(path, mode="ro" if read_only else "rw")
        with session.closed_on_error():
            with session.snapshot() as connection:
                stored = require_book(connection, path=path)
                require_current(DIALECT, stored=stored)
            if not read_only:
                session.keep_log()
        return cls(session)

    @classmethod
    def migrate(cls, path: str | Path) -> SqliteStore:
        """
        Bring a book up to date, all of it or nothing, and open it.

        A book that is up to date stays as it is.

        Raises:
            NotABookError: There is no file, or no book in it.

            ReadOnlyBookError: The file cannot be written.

            SchemaTooNewError: It was written by a newer version of meterbook.
        """
        path = str(path)
        _require_file(path, writable=True)
        session = Session(path, mode="rw")
        with session.closed_on_error():
            with session.turn() as connection:
                stored = require_book(connection, path=path)
                bring_up_to_date(connection, stored=stored)
            session.keep_log()
        return cls(session)

    @property
    def schema_version(self) -> int:
        """
        The number of the last migration that the book has had.
        """
        with self._session.snapshot() as connection:
            return book_version(connection)

    @property
    def can_follow(self) -> bool:
        """
        Tell whether this process may do the worker's step.
        """
        return not self._session.read_only

    @property
    def follows_on_read(self) -> bool:
        """
        Tell that the worker's step runs before a reading: nothing runs beside SQLite.
        """
        return True

    def schema_text(self) -> str:
        """
        Return the statements that made the book, as SQLite keeps them.
        """
        with self._session.snapshot() as connection:
            return schema_text(connection)

    @contextmanager
    def reading(self) -> Iterator[SqliteReader]:
        """
        Open one snapshot of the book.
        """
        with self._session.snapshot() as connection:
            yield SqliteReader(connection)

    @contextmanager
    def writing(self) -> Iterator[SqliteWriter]:
        """
        Open a transaction: committed at the end of the block, rolled back if it raises.

        Raises:
            StoreError: Another process is writing (retryable), or the disk failed.
                After `erase_person` also when the name is gone, but its bytes are
                still in the log because somebody reads an older state.

            ReadOnlyBookError: The book was opened for reading only.
        """
        with self._turn() as connection:
            writer = SqliteWriter(connection)
            yield writer
        if writer.erased:
            self._empty_log()

    def append(self, rows: Sequence[NewEntry]) -> Appended:
        """
        Append in a transaction of its own.

        Raises:
            StoreError: Another process is writing (retryable), or the disk failed.
                None of the rows was kept.

            ReadOnlyBookError: The book was opened for reading only.
        """
        if not rows:
            return NOTHING
        with self._turn() as connection:
            return append(connection, rows)

    def append_unless_erased(
        self, rows: Sequence[NewEntry], *, erasures: str
    ) -> Appended | None:
        """
        Append like `append`, but nothing if people were erased since *erasures*.
        """
        with self._turn() as connection:
            (found,) = connection.execute(ERASURES).fetchone()
            return append(connection, rows) if found == erasures else None

    @contextmanager
    def live(
        self,
        *,
        now: Callable[[Reader], int],
        actor: str | None,
        cause: str | None,
        connection: object | None = None,
        failed: Callable[[], None] | None = None,
    ) -> Iterator[SqliteLive]:
        """
        Record on *connection*, in the transaction that is open there.

        Without one, in a transaction of its own. A block inside a block on the same
        connection shares its instant.

        Raises:
            UnusableConnectionError: It is no connection to SQLite, or commits every
                statement by itself.

            StoreError: A retryable one wants the whole transaction again.
        """
        if connection is None:
            with self._turn() as own:
                callers = CallersConnection(own, _nothing)
                yield from self._block(id(own), callers, now, actor, cause)
            return
        if not isinstance(connection, sqlite3.Connection):
            message = (
                "The book is in SQLite, and this connection is not one to it: give one"
                " of sqlite3, or of SQLAlchemy or Django that uses sqlite3."
            )
            raise UnusableConnectionError(message)
        callers = CallersConnection(connection, failed or _nothing)
        callers.begin()
        yield from self._block(id(connection), callers, now, actor, cause)

    def _block(
        self,
        known: int,
        callers: CallersConnection,
        now: Callable[[Reader], int],
        actor: str | None,
        cause: str | None,
    ) -> Iterator[SqliteLive]:
        """
        Yield the writer of a block on the connection that is *known* by this number.
        """
        outer = self._blocks.get(known)
        block = self._blocks[known] = outer or begin_block(callers, now)
        try:
            yield from telling_triggers(callers, block, actor=actor, cause=cause)
        finally:
            if outer is None:
                del self._blocks[known]

    @contextmanager
    def draining(self) -> Iterator[SqliteWriter | None]:
        """
        Open the transaction in which waiting changes become entries.
        """
        with self._session.snapshot() as connection:
            waiting = SqliteQueue(connection).count(limit=1)
        if not waiting:
            yield None
            return
        with self._turn() as connection:
            yield SqliteWriter(connection)

    @contextmanager
    def capturing(self, *, writes: bool) -> Iterator[SqliteCaptor]:
        """
        Open a transaction that also sees the application's tables in this file.
        """
        from meterbook.stores.sqlite.capturing import (  # noqa: PLC0415 - rarely used
            SqliteCaptor,
        )

        with self._turn() if writes else self._session.snapshot() as connection:
            yield SqliteCaptor(connection)

    @contextmanager
    def following(self) -> Iterator[SqliteFollower]:
        """
        Open the worker's transaction. It waits its turn as any writer does.

        Raises:
            StoreError: Another process is writing (retryable), or the disk failed.

            ReadOnlyBookError: The book was opened for reading only.
        """
        with self._turn() as connection:
            yield SqliteFollower(connection)

    def close(self) -> None:
        """
        Close the file, once the transaction of another thread has ended.
        """
        self._session.close()

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        """
        Hold the writer's place, and then empty the log if that is still to be done.
        """
        with self._session.turn() as connection:
            yield connection
        if self._names_in_log:
            self._names_in_log = not self._session.empty_log(wait=False)

    def _empty_log(self) -> None:
        """
        Take the bytes of erased names out of the log.

        Raises:
            StoreError: Somebody reads an older state. It is tried again after each
                writing, and the last process that closes the book removes its log.
        """
        self._names_in_log = not self._session.empty_log(wait=True)
        if self._names_in_log:
            message = (
                f"{self._session.path}: the name is erased, but somebody who reads an"
                " older state keeps its bytes in the log beside the file. They go when"
                " the book is written or closed after that."
            )
            raise StoreError(message, retryable=False)


def _nothing() -> None:
    """
    Do nothing: nobody manages the transaction but the connection itself.
    """


def _require_folder(path: str) -> None:
    folder = Path(path).absolute().parent
    if path != MEMORY and not folder.is_dir():
        message = f"{path} cannot be made: there is no folder {folder}."
        raise NotABookError(message)


def _require_file(path: str, *, writable: bool) -> None:
    if path == MEMORY:
        message = "A book in memory cannot be opened again: create a new one."
        raise NotABookError(message)
    if not Path(path).is_file():
        message = f"There is no book at {path}: create it, or check the path."
        raise NotABookError(message)
    if writable and not os.access(path, os.W_OK):
        message = f"{path} cannot be written by this user: open it for reading only."
        raise ReadOnlyBookError(message)
