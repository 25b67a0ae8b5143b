"""
What the worker's transaction can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from meterbook.ports.reading import Reader


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meterbook.ports.proving import TreeGrower
    from meterbook.ports.rows import Bucket, Posting, Sighting, Stated


class Follower(Reader, Protocol):
    """
    The worker's transaction. At most one exists for a book.
    """

    @property
    def tree_growth(self) -> TreeGrower:
        """
        The Merkle tree over the entries, to be extended.
        """
        ...

    def number(self) -> int:
        """
        Give a place to every entry that has none yet; return how many got one.
        """
        ...

    def stated(self, *, after: int, upto: int) -> Stated:
        """
        Return what is at the places above *after* and up to *upto*.
        """
        ...

    def corrections(self, *, after: int, upto: int) -> list[Posting]:
        """
        Return the postings with after < seq <= upto that voids and attributions made.

        Those of events themselves (seq == place) are left out.
        """
        ...

    def post_stated(self, *, after: int, upto: int) -> Stated:
        """
        Return what `stated` does, and add the own postings of its events.
        """
        ...

    def post(self, postings: Iterable[Posting]) -> None:
        """
        Add postings.
        """
        ...

    def withdraw(self, postings: Iterable[Posting]) -> None:
        """
        Remove postings that were added in this transaction.
        """
        ...

    def add_voids(self, voids: Iterable[tuple[int, int]]) -> None:
        """
        Remember (entry_id, place of the void) pairs.
        """
        ...

    def count_types(self, counts: Mapping[str, int]) -> None:
        """
        Add to the number of events by type.
        """
        ...

    def add_buckets(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        """
        Write the rollup rows that are not there yet; return those that were, as stored.
        """
        ...

    def put_buckets(self, buckets: Sequence[Bucket]) -> None:
        """
        Write rollup rows, replacing those that exist.
        """
        ...

    def drop_buckets(
        self, *, meter_id: int, customer: str, hours: int, bucket: int
    ) -> None:
        """
        Remove the rows of one hour or day, of all groups and of all together.
        """
        ...

    def widen_sightings(self, sightings: Sequence[Sighting]) -> None:
        """
        Write sightings; of one that exists, the earlier first and the later last stay.
        """
        ...

    def drop_sightings(self, *, meter_id: int, customer: str, month: int) -> None:
        """
        Remove a month's sightings of one meter and customer.
        """
        ...

    def add_unusable(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """
        List (meter_id, place, reason) triples; one that is listed already stays.
        """
        ...

    def set_posted(self, seq: int) -> None:
        """
        Move the mark up to which every entry has its postings.
        """
        ...

    def set_rolled(self, *, meter_id: int, seq: int) -> None:
        """
        Move the mark up to which every entry is in a meter's rollups.
        """
        ...

    def forget_rollups(self, meter_id: int | None) -> None:
        """
        Drop the rollups of one meter version, or of all; the worker builds them anew.
        """
        ...
