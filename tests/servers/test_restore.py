"""
A book that is dumped and restored elsewhere goes on there, and misses nothing.
"""

from __future__ import annotations

import subprocess

from typing import TYPE_CHECKING

import psycopg
import pytest

import servers

from meterbook.stores.postgres import PostgresStore
from stores.postgres_books import number, offer, offers, order, transaction


if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def other_server() -> Iterator[str]:
    """
    Give the address of a cluster that no book has been in.
    """
    with servers.running_server() as server:
        yield server.dsn()


def restore(dump_of: str, admin_dsn: str, name: str) -> str:
    """
    Dump a database, restore it as another, and return the address of that.
    """
    dsn = servers.create_database(admin_dsn, name=name)
    dump = subprocess.run(
        [servers.PG_DUMP, "--no-owner", dump_of], check=True, capture_output=True
    )
    subprocess.run(
        [servers.PSQL, "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn],
        input=dump.stdout,
        check=True,
        capture_output=True,
    )
    return dsn


def use_up_transactions(dsn: str, count: int) -> None:
    """
    Move the cluster's transaction ids on.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(count):
            connection.execute(b"SELECT pg_current_xact_id()")


def ids_in(store: PostgresStore) -> list[str]:
    return [event_id for _, event_id in order(store)]


@pytest.mark.parametrize("ahead", ["the first cluster", "the other cluster"])
def test_a_restored_book_goes_on(
    postgres_store: PostgresStore,
    postgres_dsn: str,
    other_server: str,
    ahead: str,
) -> None:
    """
    What had no place at the dump, and what was recorded after the restore before any
    worker came, gets a place once; older places stay; whichever cluster's transaction
    ids are ahead.
    """
    use_up_transactions(
        postgres_dsn if ahead == "the first cluster" else other_server, 3_000
    )
    postgres_store.append(offers(5, prefix="numbered"))
    number(postgres_store)
    with transaction(postgres_dsn) as open_at_the_dump:
        open_at_the_dump.execute(b"SELECT pg_current_xact_id()")
        postgres_store.append(offers(5, prefix="waiting"))
        dsn = restore(postgres_dsn, other_server, f"restored_{ahead[4:9]}")
    before = order(postgres_store)

    store = PostgresStore.open(dsn)
    store.append(offers(3, prefix="restored"))
    with store.reading() as reader:
        tail = reader.tail(after=5, limit=99)
        assert (
            sorted(e.event_id[:8] for e in tail) == ["restored"] * 3 + ["waiting0"] * 5
        )
        assert all(entry.seq is None for entry in tail)
        assert reader.unposted_count(limit=99) == 13
        assert reader.entry_by_id(tail[0].entry_id) == tail[0]
    assert number(store) == 8
    assert number(store) == 0
    for index in range(3):
        store.append([offer(f"later{index}")])
        assert number(store) == 1
    assert order(store)[:5] == before
    assert len(set(ids_in(store))) == len(ids_in(store)) == 16
    store.close()


def test_a_book_that_is_restored_twice_comes_home(
    postgres_store: PostgresStore,
    postgres_dsn: str,
    postgres_server: str,
    other_server: str,
) -> None:
    """
    From one cluster to another and back, each is told apart from the one before.
    """
    postgres_store.append(offers(4, prefix="here"))
    there = PostgresStore.open(restore(postgres_dsn, other_server, "there"))
    there.append(offers(4, prefix="there"))
    assert number(there) == 8
    there.append(offers(2, prefix="unseen"))
    there.close()

    home_dsn = restore(
        psycopg.conninfo.make_conninfo(other_server, dbname="there"),
        postgres_server,
        "meterbook_home",
    )
    home = PostgresStore.open(home_dsn)
    home.append(offers(2, prefix="home"))
    assert number(home) == 4
    home.append([offer("last")])
    assert number(home) == 1
    assert len(set(ids_in(home))) == 13
    assert servers.ask(home_dsn, "SELECT generation FROM meterbook.worker") == [(3,)]
    home.close()
    servers.drop_database(postgres_server, name="meterbook_home")


def test_a_copy_in_the_same_cluster_goes_on(
    postgres_store: PostgresStore, postgres_dsn: str, postgres_server: str
) -> None:
    """
    Transaction ids belong to the cluster: there the snapshot still tells what is new.
    """
    postgres_store.append(offers(3))
    number(postgres_store)
    postgres_store.append(offers(3, prefix="waiting"))
    dsn = restore(postgres_dsn, postgres_server, "meterbook_copy")
    copy = PostgresStore.open(dsn)
    copy.append([offer("new")])

    assert number(copy) == 4
    assert servers.ask(dsn, "SELECT generation FROM meterbook.worker") == [(1,)]
    copy.close()
    servers.drop_database(postgres_server, name="meterbook_copy")


def test_ids_are_not_given_again_after_a_restore(
    postgres_store: PostgresStore, postgres_dsn: str, other_server: str
) -> None:
    """
    The sequence of ids is part of the dump: what is recorded later has other ids.
    """
    first = postgres_store.append(offers(1_500)).entry_ids
    store = PostgresStore.open(restore(postgres_dsn, other_server, "more_ids"))
    later = store.append(offers(1_500, prefix="later")).entry_ids
    store.close()

    assert set(first).isdisjoint(later)
