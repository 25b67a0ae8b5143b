"""
A standby answers readings, and refuses what would write.
"""

from __future__ import annotations

import time

import pytest

import servers

from meterbook.foundation.errors import ReadOnlyBookError
from meterbook.stores.postgres import PostgresStore
from stores.postgres_books import number, offer, offers


def test_a_standby_reads_and_becomes_a_primary() -> None:
    """
    What is read on a standby includes entries without a place. It has no worker and
    takes no entries, until it is promoted; then it goes on with all it has.
    """
    with servers.running_server() as primary:
        store = PostgresStore.create(primary.dsn())
        store.append(offers(3))
        number(store)
        with servers.standby_of(primary) as standby:
            store.append(offers(3, prefix="waiting"))
            there = PostgresStore.open(standby.dsn())
            assert eventually(there, 6) == 6
            with there.reading() as reader:
                assert reader.marks() == (3, 0)
                assert reader.unposted_count(limit=99) == 6
            assert not there.can_follow
            with pytest.raises(ReadOnlyBookError), there.following():
                pass
            for rows in (offers(1), offers(30)):
                with pytest.raises(ReadOnlyBookError):
                    there.append(rows)
            with pytest.raises(ReadOnlyBookError), there.writing():
                pass
            store.close()

            servers.ask(standby.dsn(), "SELECT pg_promote(true, 30)")
            assert there.can_follow
            there.append([offer("after")])
            assert number(there) == 4
            there.close()


def eventually(store: PostgresStore, count: int) -> int:
    """
    Return how many entries there are, once they are *count*, or after a while.
    """
    deadline = time.monotonic() + 20
    while True:
        with store.reading() as reader:
            found = len(reader.tail(after=0, limit=99))
        if found == count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
