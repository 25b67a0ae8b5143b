"""
What the worker does: the Follower of a book in PostgreSQL.

A tick is one REPEATABLE READ transaction. It numbers what it sees and the last tick did
not, in the order of (xid, entry_id), and remembers its own snapshot with the places: a
transaction that runs long, here or in another database of the cluster, delays its own
entries and no others.

::

    tick 1 sees   a b   d          numbers a b d       remembers: c was running
    tick 2 sees   a b c d e        numbers c e

Laws (tests/stores/test_numbering.py):
    - *Once*: every committed entry gets one place, whatever runs beside the worker.
    - *Onward*: what is numbered later stands at a higher place.
    - *Restored*: in another cluster nothing is missed and nothing is numbered twice.

Source:
    PgQ (Skytools): ticks, and events between the snapshots of two ticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from meterbook.ports import Bucket, Posting
from meterbook.stores.postgres.copying import copied
from meterbook.stores.postgres.proving import PostgresGrowth
from meterbook.stores.postgres.reading import PostgresReader
from meterbook.stores.stated import stated_of


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from meterbook.ports import Sighting, Stated
    from meterbook.stores.postgres.sessions import Row, Session


# How long to make writers wait for the worker, once for a cluster: see `settle`.
SETTLE_LOCK: Final = b"SET LOCAL lock_timeout = '500ms'"

_FORGET: Final = (
    "forget_rollups",
    "forget_sightings",
    "forget_unusable",
    "forget_rolled",
)


def settle(session: Session) -> None:
    """
    Begin on a cluster that the worker has not run on: after a restore, or a migration.

    Transaction ids of the entries that came along say nothing here. So entries that are
    recorded from now on are of a new generation, and older ones are looked up in the
    log. Writers are awaited, and wait, for the moment that this takes.

    Args:
        session: In a READ COMMITTED transaction that has done nothing yet.
    """
    session.run_sql(SETTLE_LOCK)
    session.run("await_writers")
    moved = session.row("moved")
    if moved is None:
        return
    generation = cast("int", moved[0]) + 1
    session.run_sql(
        session.sql("raise_generation").replace(b"{generation}", b"%d" % generation)
    )
    session.run("settle", {"generation": generation})


class PostgresFollower(PostgresReader):
    """
    Follows the log in the transaction that its session has open.

    The transaction is REPEATABLE READ, and its snapshot younger than the worker's lock.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._claimed = False

    @property
    def tree_growth(self) -> PostgresGrowth:
        """
        The Merkle tree over the entries, to be extended.
        """
        return PostgresGrowth(self._session, self._claim)

    def number(self) -> int:
        """
        Give a place to every entry that has none yet; return how many got one.

        When there is none nothing is written: the old snapshot still tells them apart.
        """
        worker = self._worker()
        if not (worker.backlog or self._unnumbered(limit=1)):
            return 0
        name = "number_backlog" if worker.backlog else "number_window"
        self._claim()
        values = {**worker.window(), "numbered": worker.numbered}
        count = self._session.run(name, values)
        self._session.run("end_tick", {"count": count})
        return count

    def stated(self, *, after: int, upto: int) -> Stated:
        """
        Return what is at the places above *after* and up to *upto*.
        """
        return self._stated({"after": after, "upto": upto, "posting": False})

    def corrections(self, *, after: int, upto: int) -> list[Posting]:
        """
        Return the postings with after < seq <= upto that voids and attributions made.
        """
        rows = self._session.rows("corrections", {"after": after, "upto": upto})
        return list(map(Posting._make, rows))

    def post_stated(self, *, after: int, upto: int) -> Stated:
        """
        Return what `stated` does, and add the own postings of its events.
        """
        self._claim()
        return self._stated({"after": after, "upto": upto, "posting": True})

    def post(self, postings: Iterable[Posting]) -> None:
        """
        Add postings.
        """
        rows = sorted(postings)
        if rows:
            self._claim()
            self._session.copy("post", copied(rows, columns="ssdddd"))

    def withdraw(self, postings: Iterable[Posting]) -> None:
        """
        Remove postings that were added in this transaction.
        """
        self._run_each("withdraw", [posting[:5] for posting in postings])

    def add_voids(self, voids: Iterable[tuple[int, int]]) -> None:
        """
        Remember (entry_id, place of the void) pairs; the first void of an entry holds.
        """
        self._run_each("add_void", list(voids))

    def count_types(self, counts: Mapping[str, int]) -> None:
        """
        Add to the number of events by type.
        """
        self._run_each("count_type", sorted(counts.items()))

    def add_buckets(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """
        Write the rollup rows that are not there yet; return those that were, as stored.
        """
        if not buckets:
            return []
        self._claim()
        text = copied(buckets, columns="dsdddss")
        self._bring(text, copy="copy_buckets", empty="empty_buckets")
        return list(map(Bucket._make, self._session.rows("add_buckets")))

    def put_buckets(self, buckets: Sequence[Bucket]) -> None:
        """
        Write rollup rows, replacing those that exist.
        """
        if not buckets:
            return
        self._claim()
        last = {bucket[:6]: bucket for bucket in buckets}
        text = copied(last.values(), columns="dsdddss")
        self._bring(text, copy="copy_buckets", empty="empty_buckets")
        self._session.run("put_buckets")

    def drop_buckets(
        self, *, meter_id: int, customer: str, hours: int, bucket: int
    ) -> None:
        """
        Remove the rows of one hour or day, of all groups and of all together.
        """
        self._claim()
        values = {
            "meter_id": meter_id,
            "customer": customer,
            "hours": hours,
            "bucket": bucket,
        }
        self._session.run("drop_buckets", values)

    def widen_sightings(self, sightings: Sequence[Sighting]) -> None:
        """
        Write sightings; of one that exists, the earlier first and the later last stay.
        """
        if not sightings:
            return
        self._claim()
        text = copied(_widest(sightings), columns="dsddssdd")
        self._bring(text, copy="copy_sightings", empty="empty_sightings")
        self._session.run("widen_sightings")

    def drop_sightings(self, *, meter_id: int, customer: str, month: int) -> None:
        """
        Remove a month's sightings of one meter and customer.
        """
        self._claim()
        values = {"meter_id": meter_id, "customer": customer, "month": month}
        self._session.run("drop_sightings", values)

    def add_unusable(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """
        List (meter_id, place, reason) triples; one that is listed already stays.
        """
        self._run_each("add_unusable", list(rows))

    def set_posted(self, seq: int) -> None:
        """
        Move the mark up to which every entry has its postings.
        """
        self._claim()
        self._session.run("set_posted", {"seq": seq})

    def set_rolled(self, *, meter_id: int, seq: int) -> None:
        """
        Move the mark up to which every entry is in a meter's rollups.
        """
        self._claim()
        self._session.run("set_rolled", {"meter_id": meter_id, "seq": seq})

    def forget_rollups(self, meter_id: int | None) -> None:
        """
        Drop the rollups of one meter version, or of all; the worker builds them anew.

        Readers go on with their snapshots: rows are deleted, not truncated.
        """
        self._claim()
        for name in _FORGET:
            self._session.run(name, {"meter_id": meter_id})

    def _stated(self, values: Mapping[str, object]) -> Stated:
        return stated_of(self._session.rows("stated", values))

    def _claim(self) -> None:
        """
        Before anything is written, touch the row that every worker touches.

        Should two ever run at once, as when a proxy lost the lock, then the one that
        began before the other ended fails here: REPEATABLE READ refuses the update.
        """
        if not self._claimed:
            self._session.run("claim")
            self._claimed = True

    def _run_each(self, name: str, rows: Sequence[Row]) -> None:
        if rows:
            self._claim()
            self._session.run_each(name, rows)

    def _bring(self, text: bytes, *, copy: str, empty: str) -> None:
        """
        Fill a temporary table, after what was in it from earlier in this transaction.
        """
        if empty in self._session.filled:
            self._session.run(empty)
        self._session.filled.add(empty)
        self._session.copy(copy, text)


def _widest(sightings: Sequence[Sighting]) -> Collection[Sighting]:
    """
    Return *sightings* with one row for a key: its earliest first and its latest last.

    PostgreSQL writes a row once in a statement; to group them here is quicker than
    there.
    """
    widest: dict[tuple[int | str, ...], Sighting] = {}
    for sighting in sightings:
        known = widest.setdefault(sighting[:6], sighting)
        if known is not sighting:
            widest[sighting[:6]] = sighting._replace(
                first_at=min(known.first_at, sighting.first_at),
                last_at=max(known.last_at, sighting.last_at),
            )
    return widest.values()
