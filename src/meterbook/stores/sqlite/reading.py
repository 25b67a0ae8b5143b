"""
What a snapshot of a SQLite book answers.

An entry's place is its `entry_id`: there is one writer at a time, so the order in which
rows were inserted is the order of the book, and every entry is numbered at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from meterbook.foundation.instants import month_of
from meterbook.ports import (
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
from meterbook.stores.sqlite.proving import SqliteTree
from meterbook.stores.sqlite.queue import SqliteQueue
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    import sqlite3

    from collections.abc import Collection, Iterator, Sequence


READING: Final = statements("sqlite", "reading")

# What each of these statements finds, in a sentence about the row.
CONTRADICTIONS: Final = {
    "gaps": "places {0} to {1} have no entry",
    "not_posted": "entry {0}: it has no posting that says what it says",
    "wrongly_posted": "entry {0}: its posting under {1!r} is not what it says",
    "posted_twice": "entry {0}: it is posted more than once",
    "wrongly_attributed": "entry {0}: its row of the attributions is not what it says",
    "stray_attributions": "entry {0}: the attributions have a row that it does not say",
    "wrongly_void": "entry {0}: it is void since place {1}, and not known as that",
    "stray_voids": "entry {0}: it is known as void, and nothing voids it",
    "stray_corrections": "place {0}: place {1} did not correct it, and it is posted so",
    "lost_meters": "meter number {0}: it was rolled up, and its definition is gone",
}

# Enough to see what kind of trouble it is, and to fit in memory whatever it is.
CONTRADICTIONS_MAX: Final = 10_000


class SqliteReader:
    """
    A `Reader` over the transaction that is open on a connection.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def queue(self) -> SqliteQueue:
        """
        The changes of seats that wait to become entries.
        """
        return SqliteQueue(self._connection)

    @property
    def tree(self) -> SqliteTree:
        """
        The Merkle tree over the entries.
        """
        return SqliteTree(self._connection)

    def marks(self) -> Marks:
        """
        Return how far the worker has come.
        """
        return Marks._make(self._one("marks"))

    def setting(self, name: str) -> str | None:
        """
        Return a row of the book's own settings, or None.
        """
        row = self._ask("setting", name=name).fetchone()
        return row[0] if row else None

    def meters(self) -> list[MeterRow]:
        """
        Return every version of every meter, by key and version.
        """
        return [MeterRow._make(row) for row in self._ask("meters")]

    def people(self, names: Collection[str]) -> dict[str, int]:
        """
        Return the ids of those *names* that the book knows.
        """
        return dict(self._ask("people", names=json_array(names)))

    def names(self, person_ids: Collection[int]) -> dict[int, str]:
        """
        Return the names of *person_ids*; the erased have none.
        """
        return dict(self._ask("names", person_ids=json_array(person_ids)))

    def entry(self, *, source: str, event_id: str) -> StoredEntry | None:
        """
        Return the entry of an identity.
        """
        found = self._entries("entry_of_identity", source=source, event_id=event_id)
        return found[0] if found else None

    def entry_by_id(self, entry_id: int) -> StoredEntry | None:
        """
        Return an entry by the id that its outcome named.
        """
        found = self.entries_at([entry_id])
        return found[0] if found else None

    def entries_at(self, places: Sequence[int]) -> list[StoredEntry]:
        """
        Return the entries at *places*, in order of place.
        """
        return self._entries("entries_at", places=json_array(places))

    def entries(
        self, query: EntryQuery, *, after: int, limit: int
    ) -> list[StoredEntry]:
        """
        Return entries at places above *after* that match, in order of place.

        Only an identity is found by an index; anything else reads the entries in
        order until there are *limit*.
        """
        by_identity = query.source is not None and query.event_id is not None
        name = "entries_of_identity" if by_identity else "entries"
        return self._entries(name, **query._asdict(), after=after, limit=limit)

    def statements(self, *, customer: str | None, type_: str) -> list[StoredEntry]:
        """
        Return the statements of a type about *customer* ('': the book; None: anybody).
        """
        if customer is None:
            return self._entries("statements", type=type_)
        return self._entries("statements_about", type=type_, customer=customer)

    def tail(
        self, *, after: int, limit: int, customer: str | None = None
    ) -> list[StoredEntry]:
        """
        Return entries at places above *after*, in order.

        Args:
            after: A place.

            limit: At most so many.

            customer: Leave out events that state another customer. Voids,
                attributions and events that state none are always there.
        """
        return self._entries("tail", after=after, limit=limit, customer=customer)

    def attributions(self, subject_ids: Collection[int]) -> list[AttributionRow]:
        """
        Return the attributions of *subject_ids*, in order of place.
        """
        rows = self._ask("attributions", subject_ids=json_array(subject_ids))
        return [AttributionRow._make(row) for row in rows]

    def unattributed(self, subject_ids: Collection[int]) -> list[StoredEntry]:
        """
        Return the events of *subject_ids* that are posted under nobody and not void.

        Reads every posting that was ever under nobody: few, in most books.
        """
        return self._entries("unattributed", subject_ids=json_array(subject_ids))

    def voided(self, entry_ids: Collection[int]) -> dict[int, int]:
        """
        Return, of *entry_ids*, those known void to the worker, and since which place.
        """
        return dict(self._ask("voided", entry_ids=json_array(entry_ids)))

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
        rows = self._ask(
            "effects",
            customer=customer,
            type=type_,
            start=start,
            end=end,
            upto=upto,
            limit=limit,
        )
        return [Effect._make(row) for row in rows]

    def history(
        self, *, customer: str, type_: str, end: int, upto: int
    ) -> Iterator[HistoryRow]:
        """
        Yield all postings with occurred_at < end and seq <= upto, a part at a time.
        """
        return self._ask("history", customer=customer, type=type_, end=end, upto=upto)

    def first_effect_at(self, *, customer: str, type_: str) -> int | None:
        """
        Return the occurred_at of the earliest posting, or None.
        """
        first: int | None
        (first,) = self._one("first_effect_at", customer=customer, type=type_)
        return first

    def customers(self, *, type_: str | None = None) -> list[str]:
        """
        Return the customers that have postings (of a type), in order; not nobody.
        """
        return [customer for (customer,) in self._ask("customers", type=type_)]

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
        return self._buckets(
            "buckets",
            meter_id=meter_id,
            customer=customer,
            grouped=grouped,
            hours=hours,
            start=start,
            end=end,
        )

    def last_buckets(
        self, *, meter_id: int, customer: str, grouped: int, before: int
    ) -> list[Bucket]:
        """
        Return, for each group, its latest hour with bucket < *before*.
        """
        return self._buckets(
            "last_buckets" if grouped else "last_bucket",
            meter_id=meter_id,
            customer=customer,
            before=before,
        )

    def first_buckets(
        self, *, meter_id: int, customer: str, grouped: int
    ) -> list[Bucket]:
        """
        Return, for each group, its earliest hour.
        """
        return self._buckets(
            "first_buckets" if grouped else "first_bucket",
            meter_id=meter_id,
            customer=customer,
        )

    def sightings(
        self, *, meter_id: int, customer: str, grouped: int, start: int, end: int
    ) -> Iterator[Sighting]:
        """
        Yield sightings whose [first_at, last_at] meets [start, end), by month, group.

        Read them while the transaction is open.
        """
        rows = self._ask(
            "sightings",
            meter_id=meter_id,
            customer=customer,
            grouped=grouped,
            month=month_of(start)[0],
            start=start,
            end=end,
        )
        return map(Sighting._make, rows)

    def count_sightings(
        self, *, meter_id: int, customer: str, start: int, end: int
    ) -> tuple[int, int]:
        """
        Return how many distinct keys were surely seen in [start, end), and how many
        rows cannot tell (first seen before *start*, last seen at *end* or later).

        A row that cannot tell has its month begin before *start* and end after *end*:
        then the stretch meets that month only, and a key has no other row in it.
        """
        month, next_month = month_of(start)
        sure, unsure = self._one(
            "count_in_month" if end <= next_month else "count_in_months",
            meter_id=meter_id,
            customer=customer,
            month=month,
            start=start,
            end=end,
        )
        return sure, unsure

    def unusable(
        self, *, meter_id: int, after: int, limit: int
    ) -> list[tuple[int, str, StoredEntry]]:
        """
        Return (place, reason, entry) of events a meter could not take, by place.

        Those that were voided since are left out.
        """
        rows = self._ask("unusable", meter_id=meter_id, after=after, limit=limit)
        return [
            (place, reason, StoredEntry._make(entry)) for place, reason, *entry in rows
        ]

    def contradictions(self) -> list[str]:
        """
        Return what is wrong with places and postings, a sentence each.

        Of each kind of contradiction the first CONTRADICTIONS_MAX.
        """
        return [
            sentence.format(*row)
            for name, sentence in CONTRADICTIONS.items()
            for row in self._ask(name, limit=CONTRADICTIONS_MAX)
        ]

    def bucket_owners(self, *, meter_id: int) -> list[str]:
        """
        Return the customers that have rollups or sightings of a meter version, nobody
        included, in order.
        """
        return [owner for (owner,) in self._ask("bucket_owners", meter_id=meter_id)]

    def types(self) -> dict[str, int]:
        """
        Return how many numbered events there are of each type.
        """
        return dict(self._ask("types"))

    def unposted_count(self, *, limit: int) -> int:
        """
        Return how many entries the worker has not posted yet, counting to *limit*.
        """
        marks = self.marks()
        waiting = min(limit, marks.numbered - marks.posted)
        return waiting + self.queue.count(limit=limit - waiting)

    def quarantined(
        self, *, after: int, limit: int, held: bool = True
    ) -> list[QuarantineRow]:
        """
        Return held documents, or else resolved ones, above id *after*, oldest first.
        """
        name = "quarantined" if held else "resolved"
        rows = self._ask(name, after=after, limit=limit)
        return [QuarantineRow._make(row) for row in rows]

    def _ask(self, name: str, /, **values: str | int | None) -> sqlite3.Cursor:
        return self._connection.execute(READING[name], values)

    def _one(self, name: str, /, **values: str | int | None) -> tuple[Any, ...]:
        """
        Return the row of a statement that always has one.
        """
        row: tuple[Any, ...] | None = self._ask(name, **values).fetchone()
        assert row is not None, name
        return row

    def _entries(self, name: str, /, **values: str | int | None) -> list[StoredEntry]:
        return [StoredEntry._make(row) for row in self._ask(name, **values)]

    def _buckets(self, name: str, /, **values: str | int | None) -> list[Bucket]:
        return [Bucket._make(row) for row in self._ask(name, **values)]


def json_array(items: Collection[str] | Collection[int]) -> str:
    """
    Return *items* as the text that `json_each` takes: one parameter, however many.
    """
    return msgspec.json.encode(list(items)).decode()
