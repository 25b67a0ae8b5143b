"""
The one connection of a store, and its transactions: one at a time, whole or not at all.
"""

from __future__ import annotations

import os
import threading

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import ReadOnlyBookError, StoreError
from meterbook.stores.sqlite.connecting import WAIT, connect, translating


if TYPE_CHECKING:
    import sqlite3

    from collections.abc import Iterator

    from meterbook.stores.sqlite.connecting import Mode


# A snapshot begins with the first statement that reads.
SNAPSHOT: Final = "BEGIN"

# Taking the writer's place at once: a transaction that read first and then wants to
# write fails in SQLite, however long it would wait.
TURN: Final = "BEGIN IMMEDIATE"

# Changes are written to a log beside the file, so that readers never wait. The file
# remembers it. A database in memory has no log, and needs none.
KEEP_LOG: Final = "PRAGMA journal_mode = WAL"

DO_NOT_WAIT: Final = "PRAGMA busy_timeout = 0"

# Moves the log into the book and leaves it empty. Answers (blocked, ...).
EMPTY_LOG: Final = "PRAGMA wal_checkpoint(TRUNCATE)"


class Session:
    """
    A connection that the threads of one process use in turn.

    Attributes:
        path: As the caller wrote it: errors begin with it.

        read_only: Whether the file was opened so that it cannot be changed.
    """

    def __init__(self, path: str, *, mode: Mode) -> None:
        self.path = path
        self.read_only = mode == "ro"
        self._turn = threading.RLock()
        self._process = os.getpid()
        with translating(path):
            self._connection = connect(path, mode=mode)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """
        Hold the connection for a transaction that only reads.
        """
        with self._transaction(SNAPSHOT) as connection:
            yield connection

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """
        Hold the connection for a transaction that writes, and no other process can.

        Raises:
            StoreError: Another process is writing for longer than we wait.

            ReadOnlyBookError: The file is open for reading only.
        """
        if self.read_only:
            # SQLite would begin, and refuse only the first change.
            message = f"{self.path}: the book is open for reading only."
            raise ReadOnlyBookError(message)
        with self._transaction(TURN) as connection:
            yield connection

    def keep_log(self) -> None:
        """
        Have changes written to a log from now on.
        """
        with self._turn, translating(self.path):
            self._connection.execute(KEEP_LOG).close()

    def empty_log(self, *, wait: bool) -> bool:
        """
        Move the log into the file; tell whether no byte is left in the log.

        One is left while somebody reads an older state.

        Args:
            wait: Whether to wait for them, as long as for a writer.
        """
        with self._turn, translating(self.path):
            if not wait:
                self._connection.execute(DO_NOT_WAIT).close()
            try:
                (blocked, _, _) = self._connection.execute(EMPTY_LOG).fetchone()
            finally:
                if not wait:
                    self._connection.execute(WAIT).close()
        return not blocked

    def close(self) -> None:
        """
        Close the file, once the transaction of another thread has ended.
        """
        with self._turn, translating(self.path):
            self._connection.close()

    @contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """
        Close the file if the block raises: what could not be opened is not left open.
        """
        try:
            yield
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        with self._turn, translating(self.path):
            self._require_same_process()
            assert not connection.in_transaction, "transactions do not nest"
            try:
                connection.execute(begin).close()
                yield connection
                connection.execute("COMMIT").close()
            except BaseException:
                # SQLite may have done so itself, as after a full disk.
                if connection.in_transaction:
                    connection.execute("ROLLBACK").close()
                raise

    def _require_same_process(self) -> None:
        """
        Raise in a child that was forked with the book open.

        SQLite's locks do not reach across a fork: two processes that share a connection
        damage the file.
        """
        if os.getpid() != self._process:
            message = (
                f"{self.path}: the book was opened before this process was forked;"
                " open it again here."
            )
            raise StoreError(message, retryable=False)
