"""
What the worker derives in a SQLite book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meterbook.ports import Posting
from meterbook.stores.sqlite.reading import SqliteReader
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from meterbook.ports import Bucket, Sighting, StoredEntry


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

    def states(
        self, keys: Collection[tuple[int, str, int, int, int, str]]
    ) -> dict[tuple[int, str, int, int, int, str], str]:
        """
        Return the stored states of (meter_id, customer, grouped, hours, bucket, grp).
        """
        # One look-up for each key: joining json_each was measured, and was not faster.
        found = {}
        cursor = self._connection.cursor()
        statement = FOLLOWING["state"]
        for key in keys:
            row = cursor.execute(statement, key).fetchone()
            if row is not None:
                found[key] = row[0]
        cursor.close()
        return found

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
