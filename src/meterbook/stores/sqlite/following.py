"""
What the worker derives in a SQLite book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from meterbook.foundation.instants import HOUR
from meterbook.ports import Bucket, Posting
from meterbook.stores.sqlite.proving import SqliteTree
from meterbook.stores.sqlite.reading import SqliteReader
from meterbook.stores.stated import stated_of
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meterbook.ports import Sighting, Stated


# The key of a rollup row: meter_id, customer, grouped, hours, bucket, group.
Key: TypeAlias = tuple[int, str, int, int, int, str]

# How many buckets of a range are read for each that is wanted, before looking each one
# up is cheaper.
RANGE_BUCKETS_MAX: Final = 5

FOLLOWING: Final = statements("sqlite", "following")

FORGETTING: Final = (
    "forget_rollups",
    "forget_sightings",
    "forget_unusable",
    "forget_rolled",
)


class SqliteFollower(SqliteReader):
    """
    A `Follower` over the transaction that is open on a connection.

    It is a reader that derives, too, as the port says.
    """

    @property
    def tree_growth(self) -> SqliteTree:
        """
        The Merkle tree over the entries, to be extended.
        """
        return SqliteTree(self._connection)

    def number(self) -> int:
        """
        Return how many entries wait to be posted: each had its place from the first.
        """
        marks = self.marks()
        return marks.numbered - marks.posted

    def stated(self, *, after: int, upto: int) -> Stated:
        """
        Return what is at the places above *after* and up to *upto*.
        """
        values = {"after": after, "upto": upto}
        rows = self._connection.execute(FOLLOWING["stated"], values)
        return stated_of(rows.fetchall())

    def corrections(self, *, after: int, upto: int) -> list[Posting]:
        """
        Return the postings with after < seq <= upto that voids and attributions made.

        Those of events themselves are left out.
        """
        values = {"after": after, "upto": upto}
        rows = self._connection.execute(FOLLOWING["corrections"], values)
        return [Posting._make(row) for row in rows]

    def post_stated(self, *, after: int, upto: int) -> Stated:
        """
        Return what `stated` does, and add the own postings of its events.
        """
        self._run("post_stated", after=after, upto=upto)
        return self.stated(after=after, upto=upto)

    def post(self, postings: Iterable[Posting]) -> None:
        """
        Add postings.
        """
        self._many("post", postings)

    def withdraw(self, postings: Iterable[Posting]) -> None:
        """
        Remove postings that were added in this transaction.
        """
        self._many("withdraw", (posting[:5] for posting in postings))

    def add_voids(self, voids: Iterable[tuple[int, int]]) -> None:
        """
        Remember (entry_id, place of the void) pairs.
        """
        self._many("add_void", voids)

    def count_types(self, counts: Mapping[str, int]) -> None:
        """
        Add to the number of events by type.
        """
        self._many("count_type", counts.items())

    def add_buckets(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """
        Write the rollup rows that are not there yet; return those that were, as stored.
        """
        series: dict[tuple[int, str, int, int], list[Key]] = {}
        for bucket in buckets:
            series.setdefault(bucket[:4], []).append(bucket[:6])
        known: dict[Key, str] = {}
        for of, keys in series.items():
            known |= self._states_of(of, keys)
        self.put_buckets([bucket for bucket in buckets if bucket[:6] not in known])
        return [Bucket(*key, state) for key, state in known.items()]

    def _states_of(
        self, of: tuple[int, str, int, int], keys: Sequence[Key]
    ) -> dict[Key, str]:
        """
        Return the stored states of *keys*, which differ in bucket and group only.

        What is close together is read as one range, because a look-up of its own for
        each key costs about as much as five rows of a range; joining json_each was
        measured, and was not faster.
        """
        first, last = min(key[4] for key in keys), max(key[4] for key in keys)
        buckets_max = (last - first) // (of[3] * HOUR) + 1
        if buckets_max <= RANGE_BUCKETS_MAX * len(keys):
            rows = self._connection.execute(FOLLOWING["states"], (*of, first, last))
            there = {(*of, bucket, grp): state for bucket, grp, state in rows}
            return {key: there[key] for key in keys if key in there}

        cursor = self._connection.cursor()
        each = (
            (key, cursor.execute(FOLLOWING["state"], key).fetchone()) for key in keys
        )
        return {key: row[0] for key, row in each if row is not None}

    def put_buckets(self, buckets: Sequence[Bucket]) -> None:
        """
        Write rollup rows, replacing those that exist.
        """
        self._many("put_bucket", buckets)

    def drop_buckets(
        self, *, meter_id: int, customer: str, hours: int, bucket: int
    ) -> None:
        """
        Remove the rows of one hour or day, of all groups and of all together.
        """
        self._run(
            "drop_buckets",
            meter_id=meter_id,
            customer=customer,
            hours=hours,
            bucket=bucket,
        )

    def widen_sightings(self, sightings: Sequence[Sighting]) -> None:
        """
        Write sightings; of one that exists, the earlier first and the later last stay.
        """
        self._many("widen_sighting", sightings)

    def drop_sightings(self, *, meter_id: int, customer: str, month: int) -> None:
        """
        Remove a month's sightings of one meter and customer.
        """
        self._run("drop_sightings", meter_id=meter_id, customer=customer, month=month)

    def add_unusable(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """
        List (meter_id, place, reason) triples; one that is listed already stays.
        """
        self._many("add_unusable", rows)

    def set_posted(self, seq: int) -> None:
        """
        Move the mark up to which every entry has its postings.
        """
        self._run("set_posted", seq=seq)

    def set_rolled(self, *, meter_id: int, seq: int) -> None:
        """
        Move the mark up to which every entry is in a meter's rollups.
        """
        self._run("set_rolled", meter_id=meter_id, seq=seq)

    def forget_rollups(self, meter_id: int | None) -> None:
        """
        Drop what was rolled up for one meter version, or for all, and its mark.
        """
        for name in FORGETTING:
            self._run(name, meter_id=meter_id)

    def _run(self, name: str, /, **values: str | int | None) -> None:
        self._connection.execute(FOLLOWING[name], values).close()

    def _many(self, name: str, /, rows: Iterable[tuple[object, ...]]) -> None:
        self._connection.executemany(FOLLOWING[name], rows).close()
