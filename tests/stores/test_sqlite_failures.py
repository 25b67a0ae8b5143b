"""
What a SQLite book does when the disk, another process or a file is not as it should be.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meterbook.foundation.errors import (
    AlreadyABookError,
    CorruptBook,
    NotABookError,
    ReadOnlyBookError,
    StoreError,
)
from meterbook.stores.sqlite import SqliteStore
from stores.sqlite_books import (
    HOLDS_TURN,
    count,
    do_not_wait,
    go_on,
    ids,
    row,
    rows,
    run,
    start,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


DIES = """
import os, sys
from meterbook.stores.sqlite import SqliteStore
from stores.sqlite_books import row
store = SqliteStore.open(sys.argv[1])
with store.writing() as writer:
    writer.name_people(["ada"])
    writer.append([row(str(n), data="x" * 9_000) for n in range(2_000)])
    os._exit(9)
"""

APPENDS = """
import sys
from meterbook.stores.sqlite import SqliteStore
from stores.sqlite_books import row
store = SqliteStore.open(sys.argv[1])
for n in range(20):
    store.append([row(f"{n}.{m}", source=sys.argv[2]) for m in range(5)])
store.close()
"""

CREATES = """
import sys
from meterbook.foundation.errors import MeterbookError
from meterbook.stores.sqlite import SqliteStore
try:
    SqliteStore.create(sys.argv[1]).close()
except MeterbookError as error:
    print(error.code)
else:
    print("created")
"""

FORKS = """
import os, sys
from meterbook.foundation.errors import StoreError
from meterbook.stores.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1])
child = os.fork()
if child == 0:
    try:
        store.append([None])
    except StoreError as error:
        os._exit(7)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
store.close()
"""

# Root may write every file, so it becomes a user who may not.
OPENS_AS_ANYBODY = """
import json, os, sys
from meterbook.foundation.errors import MeterbookError
from meterbook.stores.sqlite import SqliteStore
if os.geteuid() == 0:
    os.setuid(65534)
said = []
for read_only in (False, True):
    try:
        store = SqliteStore.open(sys.argv[1], read_only=read_only)
        with store.reading() as reader:
            said.append(reader.marks().numbered)
        store.close()
    except MeterbookError as error:
        said.append(error.code)
print(json.dumps(said))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book #1.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.create(path)
    yield store
    store.close()


def test_a_book_outlives_its_store(path: Path) -> None:
    """
    What was appended is there when the book is opened again.
    """
    with closing(SqliteStore.create(str(path))) as store:
        store.append(rows("a"))

    with closing(SqliteStore.open(path)) as again:
        assert count(again) == 1
        assert again.can_follow
        assert again.follows_on_read


def test_a_book_is_not_created_over_a_book(store: SqliteStore, path: Path) -> None:
    """
    Creating a book where there is one is refused, and changes nothing.
    """
    store.append(rows("a"))

    with pytest.raises(AlreadyABookError, match="already"):
        SqliteStore.create(path)

    assert count(store) == 1


def test_of_processes_that_create_one_book_one_does(path: Path) -> None:
    """
    However many create a book at once, one has made it, and the others are told.
    """
    processes = [start("print('ready', flush=True)" + CREATES, path) for _ in range(4)]
    said = sorted(process.communicate()[0].strip() for process in processes)

    assert said == ["already_a_book"] * 3 + ["created"]


def test_a_book_may_live_beside_other_tables(path: Path) -> None:
    """
    A database of something else can hold a book, if the names of tables are free.
    """
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE orders (id)")
    with closing(SqliteStore.create(path)) as store:
        store.append(rows("a"))
        assert count(store) == 1


def test_a_table_of_another_is_never_touched(path: Path) -> None:
    """
    A database that uses the name of one of our tables is left as it is.
    """
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE meterbook_types (id)")
        other.execute("CREATE TABLE meterbook_book (title)")
    before = path.read_bytes()

    with pytest.raises(AlreadyABookError, match=r"\(meterbook_book, meterbook_types\)"):
        SqliteStore.create(path)
    with pytest.raises(NotABookError, match="no book in it"):
        SqliteStore.open(path)

    assert path.read_bytes() == before


def missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("name,price\n" * 1_000, encoding="utf-8")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [missing, empty, text, folder])
@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_book_is_not_opened(
    path: Path, make: Callable[[Path], None], *, read_only: bool
) -> None:
    """
    A path without a book is said to be none, and no file is made there.
    """
    make(path)
    before = sorted(path.parent.iterdir())

    with pytest.raises(NotABookError, match="book #1"):
        SqliteStore.open(path, read_only=read_only)

    assert sorted(path.parent.iterdir()) == before


def test_a_book_is_not_made_where_none_can_be(path: Path) -> None:
    """
    Neither without a folder, nor in a file of another kind, nor twice in memory.
    """
    text(path)

    with pytest.raises(NotABookError, match="no folder"):
        SqliteStore.create(path.parent / "none" / "book.db")
    with pytest.raises(NotABookError, match="not a database"):
        SqliteStore.create(path)
    with pytest.raises(NotABookError, match="in memory"):
        SqliteStore.open(":memory:")
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore.create(path.parent)


def test_a_damaged_book_says_so(path: Path) -> None:
    """
    A file whose pages were overwritten is corrupt, not empty.
    """
    with closing(SqliteStore.create(path)) as store:
        store.append([row(str(n), data="x" * 500) for n in range(2_000)])
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 4 :] = b"\xff" * (len(damaged) - len(damaged) // 4)
    path.write_bytes(damaged)

    with (
        closing(SqliteStore.open(path)) as store,
        pytest.raises(CorruptBook) as raised,
        store.reading() as reader,
    ):
        reader.tail(after=0, limit=5_000)

    assert isinstance(raised.value.__cause__, sqlite3.DatabaseError)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_book_opened_for_reading_is_not_written(
    store: SqliteStore, path: Path, *, read_only: bool
) -> None:
    """
    A book that is open for reading only refuses to be changed, and can be read.
    """
    store.append(rows("a"))
    with closing(SqliteStore.open(path, read_only=read_only)) as other:
        assert other.can_follow is not read_only
        assert count(other) == 1
        if read_only:
            with pytest.raises(ReadOnlyBookError):
                other.append(rows("b"))
            with pytest.raises(ReadOnlyBookError), other.writing():
                pass
            with pytest.raises(ReadOnlyBookError), other.following():
                pass
        assert count(other) == 1


def test_a_file_that_may_not_be_written_is_opened_for_reading() -> None:
    """
    A user who may only read the file is told so, and can read it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "book.db")
        with closing(SqliteStore.create(path)) as store:
            store.append(rows("a"))
        path.chmod(0o444)
        path.parent.chmod(0o555)
        cannot_make_files = run(OPENS_AS_ANYBODY, path)
        path.parent.chmod(0o777)
        can = run(OPENS_AS_ANYBODY, path)

    assert json.loads(cannot_make_files.stdout) == ["read_only_book", "store_failed"]
    assert json.loads(can.stdout) == ["read_only_book", 1]


def test_a_writer_waits_and_then_says_who_is_in_the_way(
    store: SqliteStore, path: Path
) -> None:
    """
    While another process writes, reading goes on; writing may be tried again.
    """
    store.append(rows("a"))
    do_not_wait(store)
    other = start(HOLDS_TURN, path)

    with pytest.raises(StoreError, match="another process is writing") as raised:
        store.append(rows("b"))
    with pytest.raises(StoreError, match="another process is writing"):
        store.following().__enter__()

    assert raised.value.retryable
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    assert count(store) == 1
    go_on(other)
    assert ids(store.append(rows("b"))) == [2]


def test_a_full_disk_keeps_nothing_of_the_batch(store: SqliteStore) -> None:
    """
    When the disk is full the whole batch is refused; with room it is taken.
    """
    store.append(rows("a"))
    connection = store._session._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}").close()
    batch = [row(str(n), data="x" * 3_000) for n in range(50)]

    with pytest.raises(StoreError, match="disk is full") as raised:
        store.append(batch)
    with pytest.raises(StoreError, match="disk is full"), store.writing() as writer:
        writer.name_people(["ada"])
        writer.append(batch)

    assert not raised.value.retryable
    assert count(store) == 1
    connection.execute(f"PRAGMA max_page_count = {pages * 100}").close()
    assert len(store.append(batch).entry_ids) == 50


def test_a_process_that_dies_leaves_nothing_half_done(path: Path) -> None:
    """
    A process that ends in the middle of a transaction has changed nothing.
    """
    SqliteStore.create(path).close()

    assert run(DIES, path).returncode == 9

    with closing(SqliteStore.open(path)) as store, store.reading() as reader:
        assert reader.marks().numbered == 0
        assert reader.people(["ada"]) == {}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_raises_changes_nothing(
    store: SqliteStore, error: type[BaseException]
) -> None:
    """
    Whatever ends a transaction early, all of it is undone, and the next one works.
    """
    with pytest.raises(error), store.writing() as writer:
        writer.append(rows("a", "b"))
        raise error
    with pytest.raises(error), store.following() as follower:
        follower.set_posted(5)
        raise error

    assert count(store) == 0
    assert ids(store.append(rows("c"))) == [1]


def test_threads_take_turns(store: SqliteStore) -> None:
    """
    Threads that append and read at once lose nothing, and each id is given once.
    """
    given: list[int] = []
    seen: list[int] = []

    def append(source: str) -> None:
        for number in range(20):
            batch = [row(f"{number}.{n}", source=source) for n in range(5)]
            given.extend(store.append(batch).entry_ids)
            seen.append(count(store))

    threads = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(given) == list(range(1, 401))
    assert max(seen) == 400


def test_processes_take_turns(store: SqliteStore, path: Path) -> None:
    """
    Processes that append at once lose nothing.
    """
    others = [
        start("print('ready', flush=True)" + APPENDS, path, name) for name in "abc"
    ]
    for number in range(20):
        store.append(rows(str(number)))

    assert [other.wait() for other in others] == [0, 0, 0]
    for other in others:
        other.communicate()
    assert count(store) == 3 * 20 * 5 + 20


def test_a_snapshot_does_not_move(store: SqliteStore, path: Path) -> None:
    """
    What a reading has seen once it sees until its end, whatever is appended.
    """
    with closing(SqliteStore.open(path)) as other, other.reading() as reader:
        assert reader.marks().numbered == 0
        store.append(rows("a"))
        assert reader.marks().numbered == 0


def test_a_forked_process_opens_the_book_anew(store: SqliteStore, path: Path) -> None:
    """
    A child that uses its parent's connection would damage the file, so it is refused.
    """
    assert count(store) == 0

    assert run(FORKS, path).stdout == "7\n"


def test_transactions_do_not_nest(store: SqliteStore) -> None:
    """
    A thread that opens a transaction inside its own is our bug, and undoes all.
    """
    with pytest.raises(AssertionError), store.writing() as writer:
        writer.append(rows("a"))
        count(store)

    assert count(store) == 0


def test_a_closed_book_says_so(path: Path) -> None:
    """
    Using a store after `close` is an error of the store, not of SQLite.
    """
    store = SqliteStore.create(path)
    store.close()

    with pytest.raises(StoreError, match="closed"):
        count(store)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("UPDATE meterbook_entries SET customer = 'x'", id="update"),
        pytest.param("UPDATE meterbook_entries SET entry_id = 9", id="new id"),
        pytest.param("DELETE FROM meterbook_entries", id="delete"),
        pytest.param(
            "REPLACE INTO meterbook_entries SELECT * FROM meterbook_entries",
            id="replace",
        ),
        pytest.param(
            "INSERT INTO meterbook_entries SELECT * FROM meterbook_entries WHERE true"
            " ON CONFLICT DO UPDATE SET data = ''",
            id="upsert",
        ),
    ],
)
def test_entries_are_never_changed(store: SqliteStore, sql: str) -> None:
    """
    The database itself refuses to update, delete or replace an entry.
    """
    store.append(rows("a"))

    with (
        pytest.raises(StoreError, match="entries are never") as raised,
        store.writing() as writer,
    ):
        writer._connection.execute(sql)

    assert not raised.value.retryable
    assert isinstance(raised.value.__cause__, sqlite3.IntegrityError)
    assert count(store) == 1


def test_only_a_migration_changes_the_version(store: SqliteStore) -> None:
    """
    The version of the schema is no setting that a service may write.
    """
    with pytest.raises(AssertionError), store.writing() as writer:
        writer.set_setting(name="schema_version", value="9")
