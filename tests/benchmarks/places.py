"""
Where books are kept while they are measured: files and a server, both on a disk.

What measures writing needs a disk: in memory `fsync` costs nothing. A server that is
there already comes first, as in the tests; otherwise one of our own is started when a
benchmark first asks for it.
"""

from __future__ import annotations

import contextlib
import tempfile

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeVar, cast
from urllib.parse import urlencode
from uuid import uuid4

import psycopg

import servers

from meterbook import Book
from meterbook.app.opening import open_store
from meterbook.stores.sqlite.connecting import connect


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from meterbook.ports import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """
    How much is measured.

    Attributes:
        name: `quick` sees that everything still runs, and measures nothing; `full` is
            what the issue asks for; `large` takes the larger of its books everywhere.
    """

    name: Literal["quick", "full", "large"]

    def of(self, *, quick: T, full: T, large: T | None = None) -> T:
        """
        Return the size that is meant.
        """
        if self.name == "quick":
            return quick
        return full if self.name == "full" or large is None else large


class Kept(NamedTuple):
    """
    Where one book is kept, as `Book.open` wants to hear it.
    """

    target: str
    schema: str = "meterbook"

    def created(self) -> Book:
        return Book.create(self.target, schema=self.schema)

    def opened(self) -> Book:
        return Book.open(self.target, schema=self.schema)

    def store(self) -> Store:
        return open_store(self.target, schema=self.schema, read_only=False)

    @property
    def in_postgres(self) -> bool:
        return self.target.startswith("postgresql:")

    def entry_count(self) -> int:
        """
        Return how many entries there are, numbered or not.
        """
        sql = "SELECT count(*) FROM "
        if self.in_postgres:
            [(found,)] = servers.ask(self.target, f'{sql}"{self.schema}".entries')
            return cast("int", found)
        with contextlib.closing(connect(self.target, mode="ro")) as connection:
            (count,) = connection.execute(f"{sql}meterbook_entries").fetchone()
        return cast("int", count)

    def settle(self) -> None:
        """
        Let what was written come to rest, so that it is not paid for later.
        """
        if not self.in_postgres:
            with contextlib.closing(connect(self.target, mode="rw")) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
            return
        servers.ask(self.target, "VACUUM (ANALYZE)")
        servers.ask(self.target, "CHECKPOINT")


class Places:
    """
    The disk and the server of one run, and what several benchmarks share there.
    """

    def __init__(self, scale: Scale, *, address: str | None = None) -> None:
        """
        Args:
            scale: How much to measure.

            address: Of a server to use instead of one of our own.
        """
        self.scale = scale
        self._address = address
        self._stack = contextlib.ExitStack()
        self._made: dict[str, object] = {}

    def __enter__(self) -> Self:
        folder = tempfile.TemporaryDirectory(
            prefix="meterbook-bench-", dir=servers.DISK
        )
        self.folder = Path(self._stack.enter_context(folder))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def once(self, name: str, make: Callable[[], T]) -> T:
        """
        Return what *make* makes, made once a run.
        """
        if name not in self._made:
            self._made[name] = make()
        return cast("T", self._made[name])

    def file(self, name: str) -> Kept:
        """
        Return where a book in a file of its own is kept.
        """
        return Kept(str(self.folder / f"{name}.db"))

    def schema(self, name: str) -> Kept:
        """
        Return where a book in a schema of the run's database is kept.
        """
        return Kept(self.once("database", self._database), name)

    def forget(self, kept: Kept) -> None:
        """
        Remove a book that was measured: the next one finds the disk as it was.
        """
        if kept.in_postgres:
            servers.ask(kept.target, f'DROP SCHEMA "{kept.schema}" CASCADE')
            return
        for suffix in ("", "-wal", "-shm"):
            Path(f"{kept.target}{suffix}").unlink(missing_ok=True)

    def _database(self) -> str:
        """
        Make the run's database, and return its address as a URL.
        """
        if self._address is None:
            server = self._stack.enter_context(servers.running_server(on_disk=True))
            self._address = server.dsn()
        name = f"meterbook_bench_{uuid4().hex}"
        dsn = servers.create_database(self._address, name=name)
        self._stack.callback(servers.drop_database, self._address, name=name)
        return f"postgresql:///?{urlencode(psycopg.conninfo.conninfo_to_dict(dsn))}"
