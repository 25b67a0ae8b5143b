"""
An erased name leaves no bytes in the files of a SQLite book.
"""

from __future__ import annotations

import random

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from meterbook.foundation.errors import StoreError
from meterbook.stores.sqlite import SqliteStore
from stores.sqlite_books import (
    HOLDS_SNAPSHOT,
    do_not_wait,
    go_on,
    row,
    rows,
    start,
)


if TYPE_CHECKING:
    from pathlib import Path


def files(path: Path) -> bytes:
    """
    Return the bytes of the book's file and of those beside it.
    """
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_an_erased_name_is_gone_and_its_usage_stays(tmp_path: Path) -> None:
    """
    After erasing, the name has no bytes anywhere, its entries stand, and no other
    person gets the id.
    """
    path = tmp_path / "book.db"
    with closing(SqliteStore.create(path)) as store:
        with store.writing() as writer:
            ada = writer.name_people(["ada@example.com"])["ada@example.com"]
            writer.append([row("a", subject_id=ada)])
        assert b"ada@example.com" in files(path)

        with store.writing() as writer:
            writer.erase_person(ada)

        assert b"ada@example.com" not in files(path)
        with store.writing() as writer:
            assert writer.names([ada]) == {}
            assert writer.tail(after=0, limit=1)[0].subject_id == ada
            assert writer.name_people(["ada@example.com"])["ada@example.com"] != ada


def test_names_that_pages_were_split_around_are_gone(tmp_path: Path) -> None:
    """
    Of names that came in any order and length, moved by splits, no copy stays.
    """
    path = tmp_path / "book.db"
    chance = random.Random(26)  # noqa: S311 - a fixed row of names, not a secret
    names = [
        f"{chance.getrandbits(64):016x}" + "n" * chance.randrange(80)
        for _ in range(5_000)
    ]
    with closing(SqliteStore.create(path)) as store:
        for start_ in range(0, len(names), 100):
            with store.writing() as writer:
                writer.name_people(names[start_ : start_ + 100])
        erased = chance.sample(names, 300)
        with store.writing() as writer:
            for person_id in writer.people(erased).values():
                writer.erase_person(person_id)

        stored = files(path)
        assert [name for name in erased if name[:16].encode() in stored] == []
        with store.reading() as reader:
            assert len(reader.people(names)) == 4_700


def test_a_reader_in_the_way_is_told_of_and_waited_for(tmp_path: Path) -> None:
    """
    While somebody reads an older state the bytes cannot go: that is said, and done
    with the next writing after.
    """
    path = tmp_path / "book.db"
    with closing(SqliteStore.create(path)) as store:
        with store.writing() as writer:
            ada = writer.name_people(["ada@example.com"])["ada@example.com"]
        do_not_wait(store)
        reader = start(HOLDS_SNAPSHOT, path)

        with (
            pytest.raises(StoreError, match="the name is erased") as raised,
            store.writing() as writer,
        ):
            writer.erase_person(ada)
        with store.writing() as writer:
            assert writer.names([ada]) == {}
            writer.append(rows("b"))

        assert not raised.value.retryable
        assert b"ada@example.com" in files(path)
        go_on(reader)
        store.append(rows("c"))
        assert b"ada@example.com" not in files(path)
