"""
What was acknowledged stays, and nothing is half there, however a process ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import servers

from meterbook.stores.postgres import PostgresStore
from stores.postgres_books import number, offers, order


# Records batches, and prints the number of each that was acknowledged.
RECORDS = """
import sys
from meterbook.stores.postgres import PostgresStore
from stores.postgres_books import offers
store = PostgresStore.open(sys.argv[1])
for batch in range(1_000_000):
    store.append(offers(25, prefix=f"b{batch:06d}."))
    print(batch, flush=True)
"""

# Numbers what there is and posts it, says so, and never ends the step.
FOLLOWS = """
import sys, time
from meterbook.stores.postgres import PostgresStore
store = PostgresStore.open(sys.argv[1])
with store.following() as follower:
    count = follower.number()
    follower.set_posted(count)
    print(count, flush=True)
    time.sleep(600)
"""


def started(program: str, dsn: str) -> subprocess.Popen[str]:
    path = ":".join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, "-c", program, dsn],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": path},
    )


def killed(process: subprocess.Popen[str]) -> str:
    """
    Kill a process as `kill -9` does, and return what it had printed.
    """
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate(timeout=30)
    return output


def test_what_a_killed_recorder_acknowledged_is_there(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    Every acknowledged batch is in the book, every batch is whole or not there at all,
    and sending all of it again records the rest once.
    """
    process = started(RECORDS, postgres_dsn)
    time.sleep(2)
    acknowledged = len(killed(process).splitlines())

    number(postgres_store)
    placed = [event_id for _, event_id in order(postgres_store)]
    assert acknowledged > 0
    assert len(placed) == len(set(placed))
    assert len(placed) in {acknowledged * 25, (acknowledged + 1) * 25}
    assert placed == sorted(placed)
    again = postgres_store.append(offers(25, prefix="b000000."))
    assert len(again.known) == 25


def test_a_killed_worker_leaves_the_book_to_the_next(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    The step that was not committed is gone, and so is its lock.
    """
    postgres_store.append(offers(100))
    process = started(FOLLOWS, postgres_dsn)
    assert process.stdout is not None
    assert process.stdout.readline() == "100\n"
    with postgres_store.following() as follower:
        assert follower is None
    killed(process)

    deadline = time.monotonic() + 20
    while True:
        with postgres_store.following() as follower:
            if follower is not None:
                assert follower.marks() == (0, 0)
                assert follower.number() == 100
                break
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_that_crashes_keeps_what_it_acknowledged() -> None:
    """
    After a crash and a restart of the server the same store goes on, with new ids.
    """
    with servers.running_server() as server:
        store = PostgresStore.create(server.dsn())
        first = store.append(offers(30)).entry_ids
        number(store)
        second = store.append(offers(3, prefix="second")).entry_ids
        server.stop(mode="immediate")
        with servers.restarted(server):
            third = store.append(offers(30, prefix="third")).entry_ids
            assert store.append(offers(30)).entry_ids == list(first)
            assert number(store) == 33
            assert len({*first, *second, *third}) == 63
            store.close()
