"""
What the worker derives in a SQLite book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from meterbook.foundation.instants import HOUR
from meterbook.ports import Posting
from meterbook.stores.sqlite.reading import SqliteReader
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from meterbook.ports import Bucket, Sighting, StoredEntry


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

    def number(self) -> int:
        """
        Return how many entries wait to be posted: each had its place from the first.
        """
        marks = self.marks()
        return marks.numbered - marks.posted

    def batch(self, *, after: int, limit: int) -> list[StoredEntry]:
        """
        Return up to *limit* entries at places above *after*, in order.
        """
        return self.tail(after=after, limit=limit)

    def corrections(self, *, after: int, upto: int) -> list[Posting]:
        """
        Return the postings with after < seq <= upto that voids and attributions made.

        Those of events themselves are left out.
        """
        values = {"after": after, "upto": upto}
        rows = self._connection.execute(FOLLOWING["corrections"], values)
        return [Posting._make(row) for row in rows]

    def post_stated(self, *, after: int, upto: int) -> None:
        """
        Add the own postings of events with after < place <= upto that state a customer.

        Those that were void before they were placed are left out.
        """
        self._run("post_stated", after=after, upto=upto)

    def post(self, postings: Iterable[Posting]) -> None:
        """
        Add postings.
        """
        self._many("post", postings)

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

    def states(self, keys: Collection[Key]) -> dict[Key, str]:
        """
        Return the stored states of (meter_id, customer, grouped, hours, bucket, grp).
        """
        found: dict[Key, str] = {}
        series: dict[tuple[int, str, int, int], list[Key]] = {}
        for key in keys:
            series.setdefault(key[:4], []).append(key)
        for of, wanted in series.items():
            found |= self._states_of(of, wanted)
        return found

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
