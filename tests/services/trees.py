"""
Books with Merkle trees, what their trees must be, and ways to change them.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct

from typing import TYPE_CHECKING

from meterbook import Book
from meterbook.proof.keys import Signer
from meterbook.services.proofs import proving
from meterbook.stores.postgres import PostgresStore
from meterbook.stores.postgres.writing import PostgresWriter
from meterbook.stores.sqlite.writing import SqliteWriter
from services.books import HOUR, NOW, START, define, event, on_postgres, tell


if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from meterbook.ports import StoredEntry
    from meterbook.proof.tiles import Tile


ACME = Signer(name="acme.example/book", seed=bytes(range(32)))
GUARDED = ["entries", "checkpoints"]

LATER = Signer(name="acme.example/book", seed=bytes(range(1, 33)))


@contextlib.contextmanager
def told_book(request: pytest.FixtureRequest) -> Iterator[Book]:
    """
    Give a book of each kind with events, voids and attributions, some without a time.
    """
    if request.param == "sqlite":
        with Book.create(":memory:", test_clock=NOW) as book:
            fill(book)
            yield book
        return
    with on_postgres(request.getfixturevalue("postgres_dsn")) as book:
        fill(book)
        yield book


def fill(book: Book) -> None:
    define(book, "tokens", "peak")
    tell(book, range(20))
    book.record(
        [event("no time", time=None), event("old", time=START - 500_000 * HOUR)]
    )


def entries(book: Book) -> list[StoredEntry]:
    with book._store.reading() as reader:
        found = reader.tail(after=0, limit=10_000)
    return [entry for entry in found if entry.seq is not None]


def said_leaf(entry: StoredEntry) -> bytes:
    """
    Return the hash of an entry's leaf, as docs/decisions/0014 says it.
    """
    numbers = (entry.entry_id, entry.occurred_at, entry.recorded_at)
    leaf = bytes([1, entry.kind]) + struct.pack(">qqq", *numbers) + entry.fingerprint
    return hashlib.sha256(b"\0" + leaf).digest()


def said_root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    both = said_root(hashes[:k]) + said_root(hashes[k:])
    return hashlib.sha256(b"\1" + both).digest()


def tiles(book: Book) -> list[Tile]:
    with book._store.reading() as reader:
        levels = [reader.tree.tiles(level, start=0, end=99) for level in range(3)]
    return [tile for level in levels for tile in level]


def forget(book: Book) -> None:
    with book._store.following() as follower:
        assert follower is not None
        follower.tree_growth.forget()


def sign(book: Book, signer: Signer = ACME) -> proving.Signed:
    return proving.checkpoint(book._store, signer, book._clock)


def run_sql(book: Book, *texts: str) -> None:
    """
    Run SQL in which `@name` is a table of the book, whatever the store.
    """
    with book._store.writing() as writer:
        for sql in texts:
            if isinstance(writer, SqliteWriter):
                writer._connection.execute(sql.replace("@", "meterbook_"))
            else:
                assert isinstance(writer, PostgresWriter)
                writer._session.run_sql(sql.replace("@", "meterbook.").encode())


def tamper(book: Book, sql: str) -> None:
    """
    Change a book in the way of somebody who owns its tables.
    """
    if isinstance(book._store, PostgresStore):
        guards = [f"ALTER TABLE @{table} DISABLE TRIGGER USER" for table in GUARDED]
    else:
        guards = [
            f"DROP TRIGGER IF EXISTS meterbook_{table}_are_not_{act}"
            for table in GUARDED
            for act in ("updated", "deleted")
        ]
    run_sql(book, *guards, sql)
