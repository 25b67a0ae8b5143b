"""
Places are given out once, and only grow, whatever runs beside the worker.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import servers

from meterbook.foundation.errors import StoreError
from meterbook.stores.postgres import PostgresStore
from meterbook.stores.postgres.connections import connect
from meterbook.stores.postgres.following import PostgresFollower
from meterbook.stores.postgres.sessions import FOLLOW, Session
from meterbook.stores.postgres.writing import PostgresWriter
from stores.postgres_books import number, offer, offers, order, transaction


if TYPE_CHECKING:
    import psycopg

    from meterbook.stores.postgres.sessions import Row


class Failure(Exception):  # noqa: N818 - no error of anybody's
    """
    What ends a block so that it is rolled back.
    """


def writer_on(connection: psycopg.Connection[Row]) -> PostgresWriter:
    return PostgresWriter(Session(connection, schema="meterbook"))


def test_places_follow_one_another(postgres_store: PostgresStore) -> None:
    """
    Entries of one transaction stand in the order of the batch, and places have no gaps.
    """
    postgres_store.append([offer("c"), offer("a"), offer("b")])
    with pytest.raises(Failure), postgres_store.writing() as writer:
        writer.append([offer("lost")])
        raise Failure
    postgres_store.append([offer("a"), offer("d")])

    assert number(postgres_store) == 4
    assert number(postgres_store) == 0
    assert order(postgres_store) == [(1, "c"), (2, "a"), (3, "b"), (4, "d")]


def test_a_long_transaction_delays_only_its_own(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    What began early and ends late is numbered late, and holds up nobody.
    """
    with transaction(postgres_dsn) as slow:
        writer_on(slow).append([offer("slow")])
        for index in range(3):
            postgres_store.append([offer(f"quick{index}")])
            assert number(postgres_store) == 1
        assert number(postgres_store) == 0
        slow.execute(b"COMMIT")

    assert number(postgres_store) == 1
    assert order(postgres_store)[-1] == (4, "slow")


def test_a_transaction_elsewhere_delays_nobody(
    postgres_store: PostgresStore, postgres_server: str
) -> None:
    """
    A transaction that sleeps in another database of the cluster is not waited for.
    """
    with transaction(postgres_server) as sleeper:
        sleeper.execute(b"SELECT pg_current_xact_id()")
        postgres_store.append(offers(3))

        assert number(postgres_store) == 3


def test_a_prepared_transaction_is_numbered_when_it_is_committed(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    Two-phase commit is one more way to end late.
    """
    with transaction(postgres_dsn) as slow:
        writer_on(slow).append([offer("prepared")])
        slow.execute(b"PREPARE TRANSACTION 'one'")
    postgres_store.append([offer("quick")])
    assert number(postgres_store) == 1

    servers.ask(postgres_dsn, "COMMIT PREPARED 'one'")

    assert number(postgres_store) == 1
    assert order(postgres_store) == [(1, "quick"), (2, "prepared")]


def test_what_a_savepoint_took_back_has_no_place(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    Subtransactions have ids of their own; entries carry that of the whole transaction.
    """
    with transaction(postgres_dsn) as writing:
        writer = writer_on(writing)
        writing.execute(b"SAVEPOINT a")
        writer.append([offer("kept")])
        writing.execute(b"SAVEPOINT b")
        writer.append([offer("taken back")])
        writing.execute(b"ROLLBACK TO SAVEPOINT b")
        writer.append([offer("last")])
        assert number(postgres_store) == 0
        writing.execute(b"COMMIT")

    assert number(postgres_store) == 2
    assert order(postgres_store) == [(1, "kept"), (2, "last")]


def test_a_tick_with_nothing_new_writes_nothing(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    An idle worker uses up no transaction ids, and leaves no dead rows.
    """
    postgres_store.append(offers(3))
    number(postgres_store)

    def state() -> list[Row]:
        return servers.ask(
            postgres_dsn,
            "SELECT xmin::text, pg_snapshot_xmax(pg_current_snapshot())::text"
            " FROM meterbook.worker",
        )

    before = state()
    for _ in range(3):
        assert number(postgres_store) == 0
    assert state() == before


def test_there_is_one_worker(postgres_store: PostgresStore, postgres_dsn: str) -> None:
    """
    While one follows, another gets None; afterwards, and after a crash, it gets in.
    """
    other = PostgresStore.open(postgres_dsn)
    postgres_store.append(offers(2))
    with postgres_store.following() as follower, other.following() as refused:
        assert follower is not None
        assert refused is None
    with pytest.raises(Failure), postgres_store.following():
        raise Failure
    with other.following() as follower:
        assert follower is not None
        assert follower.number() == 2
    other.close()


def test_a_worker_that_fails_leaves_nothing(postgres_store: PostgresStore) -> None:
    """
    A step that raises is rolled back: places and marks are as before.
    """
    postgres_store.append(offers(2))
    with pytest.raises(Failure), postgres_store.following() as follower:
        assert follower is not None
        follower.number()
        follower.set_posted(2)
        raise Failure

    with postgres_store.reading() as reader:
        assert reader.marks() == (0, 0)
    assert number(postgres_store) == 2


@pytest.mark.parametrize("act", ["number", "set_posted", "set_rolled"])
def test_two_ticks_at_once_cannot_both_commit(
    postgres_store: PostgresStore, postgres_dsn: str, act: str
) -> None:
    """
    Should a proxy lose the worker's lock, the second tick fails whatever it writes.
    """
    postgres_store.append(offers(2))
    connection = connect(postgres_dsn)
    session = Session(connection, schema="meterbook")
    session.begin(FOLLOW)
    late = PostgresFollower(session)
    assert late.marks() == (0, 0)
    number(postgres_store)

    with pytest.raises(StoreError) as raised:
        if act == "number":
            late.number()
        elif act == "set_posted":
            late.set_posted(1)
        else:
            late.set_rolled(meter_id=1, seq=1)

    connection.close()
    assert raised.value.retryable


def test_a_stretch_is_read_by_place(postgres_store: PostgresStore) -> None:
    """
    Each event of a stretch has its own place, also where a stretch ends in the middle
    of a transaction.
    """
    for prefix, count in (("a", 12), ("b", 1), ("c", 12)):
        postgres_store.append(offers(count, prefix=prefix))
    with postgres_store.following() as follower:
        assert follower is not None
        follower.number()
        parts = [follower.stated(after=after, upto=after + 10) for after in (0, 10, 20)]
        places = sorted(event[0] for part in parts for event in part.events)
        entries = {entry.seq: entry for entry in follower.entries_at(places)}

    assert [len(part.events) for part in parts] == [10, 10, 5]
    assert places == list(range(1, 26))
    for part in parts:
        assert part.others == []
        for place, type_, payer, at, source, subject, actor, data in part.events:
            entry = entries[place]
            assert (entry.type, entry.customer, entry.occurred_at) == (type_, payer, at)
            assert (entry.source, entry.data) == (source, data)
            assert (entry.subject_id, entry.actor_id) == (subject, actor)


class Crowd:
    """
    Writers of all kinds, a worker and a reader that follows, for a while.
    """

    def __init__(self, dsn: str, *, seconds: int) -> None:
        self.dsn = dsn
        self.store = PostgresStore.open(dsn)
        self.until = time.monotonic() + seconds
        self.writing = self.working = True
        self.ticks: list[tuple[int, int]] = []
        self.seen: list[tuple[int, str]] = []

    def write(self, writer_index: int) -> list[str]:
        """
        Write until the time is over and return the event ids that were committed.
        """
        draw = random.Random(writer_index)  # noqa: S311 - not a secret
        committed: list[str] = []
        for turn in itertools.count():
            if time.monotonic() > self.until:
                return committed
            ids = [f"{writer_index}.{turn}.{i}" for i in range(draw.choice([1, 3, 40]))]
            rows = [offer(event_id) for event_id in ids]
            if draw.random() < 0.3:
                self.store.append(rows)
                committed += ids
            else:
                committed += self._write_block(draw, ids)
        raise AssertionError

    def _write_block(self, draw: random.Random, ids: list[str]) -> list[str]:
        kept = list(ids)
        fails = draw.random() < 0.2
        with contextlib.suppress(Failure), self.store.writing() as writer:
            connection = writer._session.connection
            writer.append([offer(event_id) for event_id in ids])
            connection.execute(b"SAVEPOINT s")
            writer.append([offer(event_id + "s") for event_id in ids])
            if draw.random() < 0.5:
                connection.execute(b"ROLLBACK TO SAVEPOINT s")
            else:
                kept += [event_id + "s" for event_id in ids]
            time.sleep(draw.choice([0, 0, 0.01, 0.1]))
            if fails:
                raise Failure
        return [] if fails else kept

    def work(self) -> int:
        """
        Number until the writers are done, and once more; return how many it were.
        """
        total = 0
        while self.writing:
            count = number(self.store)
            total += count
            self.ticks.append((time.monotonic_ns(), count))
        return total + number(self.store)

    def follow(self) -> None:
        """
        Read what has a place above the last one seen, until there is nothing more.
        """
        store = PostgresStore.open(self.dsn, read_only=True)
        while True:
            done = not self.working
            with store.reading() as reader:
                after = self.seen[-1][0] if self.seen else 0
                upto = reader.marks().numbered
                new = reader.entries_at(range(after + 1, upto + 1))
            self.seen += [(entry.seq or 0, entry.event_id) for entry in new]
            if done and not new:
                store.close()
                return


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(3, id="a while"),
        pytest.param(40, marks=pytest.mark.slow, id="long"),
    ],
)
def test_nothing_is_missed_in_a_crowd(
    postgres_dsn: str, postgres_server: str, seconds: int
) -> None:
    """
    Eight writers with rollbacks and savepoints, a transaction that lasts throughout,
    one that sleeps in another database: each committed entry gets one place, a reader
    that goes by places misses none, and the worker never waits.
    """
    crowd = Crowd(postgres_dsn, seconds=seconds)
    with (
        ThreadPoolExecutor(max_workers=10) as threads,
        transaction(postgres_dsn) as long,
        transaction(postgres_server) as elsewhere,
    ):
        elsewhere.execute(b"SELECT pg_current_xact_id()")
        writer_on(long).append([offer("long")])
        worker, follower = threads.submit(crowd.work), threads.submit(crowd.follow)
        writers = [threads.submit(crowd.write, index) for index in range(8)]
        committed = [event_id for writer in writers for event_id in writer.result()]
        before_the_long = sum(count for _, count in crowd.ticks)
        long.execute(b"COMMIT")
        committed.append("long")
        crowd.writing = False
        numbered = worker.result()
        crowd.working = False
        follower.result()

    placed = order(crowd.store)
    crowd.store.close()
    assert [seq for seq, _ in placed] == list(range(1, len(committed) + 1))
    assert sorted(event_id for _, event_id in placed) == sorted(committed)
    assert numbered == len(committed)
    assert crowd.seen == placed
    assert before_the_long > len(committed) * 0.8
    gaps = [b[0] - a[0] for a, b in itertools.pairwise(crowd.ticks)]
    assert max(gaps) < 1_000_000_000


def test_many_entries_are_numbered_at_once(postgres_store: PostgresStore) -> None:
    """
    A worker that was away finds everything in its first tick.
    """
    for part in range(5):
        postgres_store.append(offers(10_000, prefix=f"p{part}."))

    assert number(postgres_store) == 50_000
    with postgres_store.reading() as reader:
        assert reader.marks() == (50_000, 0)
        assert reader.unposted_count(limit=60_000) == 50_000
        last = reader.entries_at([50_000])
    assert last[0].event_id == "p4.009999"
