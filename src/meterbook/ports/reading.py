"""
What one snapshot of the book answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from meterbook.ports.live import SeatQueue
    from meterbook.ports.proving import TreeReader
    from meterbook.ports.rows import (
        AttributionRow,
        Bucket,
        Effect,
        EntryQuery,
        HistoryRow,
        Marks,
        MeterRow,
        QuarantineRow,
        Sighting,
        StoredEntry,
    )


class Reader(Protocol):
    """
    One snapshot of the book.
    """

    @property
    def tree(self) -> TreeReader:
        """
        The Merkle tree over the entries.
        """
        ...

    @property
    def queue(self) -> SeatQueue:
        """
        The changes of seats that wait to become entries.
        """
        ...

    def marks(self) -> Marks:
        """
        Return how far the worker has come.
        """
        ...

    def setting(self, name: str) -> str | None:
        """
        Return a row of the book's own settings, or None.
        """
        ...

    def meters(self) -> list[MeterRow]:
        """
        Return every version of every meter, by key and version.
        """
        ...

    def people(self, names: Collection[str]) -> dict[str, int]:
        """
        Return the ids of those *names* that the book knows.
        """
        ...

    def names(self, person_ids: Collection[int]) -> dict[int, str]:
        """
        Return the names of *person_ids*; the erased have none.
        """
        ...

    def entry(self, *, source: str, event_id: str) -> StoredEntry | None:
        """
        Return the entry of an identity, numbered or not.
        """
        ...

    def entry_by_id(self, entry_id: int) -> StoredEntry | None:
        """
        Return an entry by the id that its outcome named.
        """
        ...

    def entries_at(self, places: Sequence[int]) -> list[StoredEntry]:
        """
        Return the entries at *places*, in order of place.
        """
        ...

    def entries(
        self, query: EntryQuery, *, after: int, limit: int
    ) -> list[StoredEntry]:
        """
        Return numbered entries at places above *after* that match, in order of place.

        A customer is matched as stated in the entry.
        """
        ...

    def statements(self, *, customer: str | None, type_: str) -> list[StoredEntry]:
        """
        Return the statements of a type about *customer* ('': the book; None: anybody).

        Numbered ones first, in order of place, then the others as they would get one.
        """
        ...

    def tail(
        self, *, after: int, limit: int, customer: str | None = None
    ) -> list[StoredEntry]:
        """
        Return entries at places above *after* in order, then those without a place.

        Args:
            after: A place.

            limit: At most so many.

            customer: Leave out events that state another customer. Voids,
                attributions and events that state none are always there.
        """
        ...

    def attributions(self, subject_ids: Collection[int]) -> list[AttributionRow]:
        """
        Return the attributions of *subject_ids*, numbered ones first, in order.
        """
        ...

    def unattributed(self, subject_ids: Collection[int]) -> list[StoredEntry]:
        """
        Return the events of *subject_ids* that are posted under nobody and not void.
        """
        ...

    def voided(self, entry_ids: Collection[int]) -> dict[int, int]:
        """
        Return, of *entry_ids*, those known void to the worker, and since which place.
        """
        ...

    def effects(  # noqa: PLR0913 - a range of an index has this many ends
        self,
        *,
        customer: str,
        type_: str,
        start: int,
        end: int,
        upto: int,
        limit: int | None = None,
    ) -> list[Effect]:
        """
        Return the postings with start <= occurred_at < end and seq <= upto.

        In order of (occurred_at, place, seq); the first *limit* if it is given.
        """
        ...

    def history(
        self, *, customer: str, type_: str, end: int, upto: int
    ) -> Iterator[HistoryRow]:
        """
        Yield all postings with occurred_at < end and seq <= upto, a part at a time.

        In order of (occurred_at, place, seq). Read them while the transaction is open,
        and ask nothing else before the last one.
        """
        ...

    def first_effect_at(self, *, customer: str, type_: str) -> int | None:
        """
        Return the occurred_at of the earliest posting, or None.
        """
        ...

    def customers(self, *, type_: str | None = None) -> list[str]:
        """
        Return the customers that have postings (of a type), in order; not nobody.
        """
        ...

    def buckets(  # noqa: PLR0913 - a range of an index has this many ends
        self,
        *,
        meter_id: int,
        customer: str,
        grouped: int,
        hours: int,
        start: int,
        end: int,
    ) -> list[Bucket]:
        """
        Return the rollups with start <= bucket < end, by bucket and group.
        """
        ...

    def last_buckets(
        self, *, meter_id: int, customer: str, grouped: int, before: int
    ) -> list[Bucket]:
        """
        Return, for each group, its latest hour with bucket < *before*.
        """
        ...

    def first_buckets(
        self, *, meter_id: int, customer: str, grouped: int
    ) -> list[Bucket]:
        """
        Return, for each group, its earliest hour.
        """
        ...

    def sightings(
        self,
        *,
        meter_id: int,
        customer: str,
        grouped: int,
        start: int,
        end: int,
    ) -> Iterator[Sighting]:
        """
        Yield sightings whose [first_at, last_at] meets [start, end), by month, group.
        """
        ...

    def count_sightings(
        self, *, meter_id: int, customer: str, start: int, end: int
    ) -> tuple[int, int]:
        """
        Return how many distinct keys were surely seen in [start, end), and how many
        rows cannot tell (first seen before *start*, last seen at *end* or later).
        """
        ...

    def unusable(
        self, *, meter_id: int, after: int, limit: int
    ) -> list[tuple[int, str, StoredEntry]]:
        """
        Return (place, reason, entry) of events a meter could not take, by place.

        Those that were voided since are left out.
        """
        ...

    def contradictions(self) -> list[str]:
        """
        Return what is wrong with places and postings, a sentence each.

        Places without gaps, each with its entry; an own posting for each posted event,
        which says of it what the entry says; voids and attributions that are what their
        entries say, and corrections that one of them made.
        """
        ...

    def bucket_owners(self, *, meter_id: int) -> list[str]:
        """
        Return the customers that have rollups of a meter version, nobody included.
        """
        ...

    def types(self) -> dict[str, int]:
        """
        Return how many numbered events there are of each type.
        """
        ...

    def unposted_count(self, *, limit: int) -> int:
        """
        Return how many entries the worker has not posted yet, counting to *limit*.

        Changes that wait to become entries are counted with them.
        """
        ...

    def quarantined(
        self, *, after: int, limit: int, held: bool = True
    ) -> list[QuarantineRow]:
        """
        Return held documents, or else resolved ones, above id *after*, oldest first.
        """
        ...
