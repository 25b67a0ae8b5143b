"""
What a transaction reads: the Reader of a book in PostgreSQL.

Which entries have no place yet is told by the snapshot of the worker's last tick::

    xid of an entry      xmin          xmax
    ----------------------|--:-:--:----|--------------------->
        all numbered         |           none numbered
                             xip: those that were running

An entry is numbered if that snapshot saw its transaction. Both ends are index ranges of
(generation, xid, entry_id), however many entries the book holds. After a restore into
another cluster transaction ids begin anew and say nothing: until the worker has been
there, the entries without a place are those that are not in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from meterbook.foundation.errors import CorruptBook
from meterbook.foundation.instants import month_of
from meterbook.ports import (
    AttributionRow,
    Bucket,
    Effect,
    Marks,
    MeterRow,
    QuarantineRow,
    Sighting,
    StoredEntry,
)
from meterbook.stores.postgres.proving import PostgresTree
from meterbook.stores.postgres.queue import PostgresQueue


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from meterbook.ports import EntryQuery, HistoryRow
    from meterbook.stores.postgres.sessions import Row, Session


# By query: what is wrong with each row that it finds.
CONTRADICTIONS: Final = {
    "gaps": "places {0} to {1}: nobody has them, though later ones are given out",
    "lost": "place {0}: its entry {1} is not there",
    "passed_over": "entry {0} ({1}, {2}): it has no place, and will not get one",
    "not_posted": "place {0}: its event is not posted",
    "wrongly_posted": "place {0}: it is posted under {1!r}, which its event denies",
    "posted_twice": "place {0}: its event is posted more than once",
    "unmarked": "place {0}: it is beyond the last place that was given out",
    "wrongly_attributed": "entry {0}: its row of the attributions is not what it says",
    "stray_attributions": "entry {0}: the attributions have a row that it does not say",
    "wrongly_void": "entry {0}: it is void since place {1}, and not known as that",
    "stray_voids": "entry {0}: it is known as void, and nothing voids it",
    "stray_corrections": "place {0}: place {1} did not correct it, and it is posted so",
    "lost_meters": "meter number {0}: it was rolled up, and its definition is gone",
}

# Of each kind; a book with more is lost anyway, and this fits in memory.
CONTRADICTIONS_MAX: Final = 10_000


# Up to so many rows are looked up one by one, which takes some 30 ms.
SHORT_HISTORY_ROWS: Final = 5_000


class Worker(NamedTuple):
    """
    Where the worker stands.

    Attributes:
        numbered: The last place given out.

        posted: The place up to which entries have their postings.

        generation: Of the entries that the snapshot tells apart.

        backlog: The snapshot does not tell: entries are looked up in the log.

        xmax: The first transaction that was to come at the last tick.

        xip: Those that were running, as the text of an array.
    """

    numbered: int
    posted: int
    generation: int
    backlog: bool
    xmax: str
    xip: str

    def window(self) -> dict[str, object]:
        """
        Return what finds the entries that the last tick could not see.
        """
        return {"generation": self.generation, "xmax": self.xmax, "xip": self.xip}


class PostgresReader:
    """
    Reads a book in the transaction that its session has open.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def queue(self) -> PostgresQueue:
        """
        The changes of seats that wait to become entries.
        """
        return PostgresQueue(self._session)

    @property
    def tree(self) -> PostgresTree:
        """
        The Merkle tree over the entries.
        """
        return PostgresTree(self._session)

    def marks(self) -> Marks:
        """
        Return how far the worker has come.
        """
        worker = self._worker()
        return Marks(worker.numbered, worker.posted)

    def setting(self, name: str) -> str | None:
        """
        Return a row of the book's own settings, or None.
        """
        found = self._session.row("setting", {"name": name})
        return None if found is None else cast("str", found[0])

    def meters(self) -> list[MeterRow]:
        """
        Return every version of every meter, by key and version.
        """
        return [MeterRow._make(row) for row in self._session.rows("meters")]

    def people(self, names: Collection[str]) -> dict[str, int]:
        """
        Return the ids of those *names* that the book knows.
        """
        if not names:
            return {}
        rows = self._session.rows("people", {"names": list(names)})
        return dict(cast("list[tuple[str, int]]", rows))

    def names(self, person_ids: Collection[int]) -> dict[int, str]:
        """
        Return the names of *person_ids*; the erased have none.
        """
        if not person_ids:
            return {}
        rows = self._session.rows("names", {"person_ids": array(person_ids)})
        return dict(cast("list[tuple[int, str]]", rows))

    def entry(self, *, source: str, event_id: str) -> StoredEntry | None:
        """
        Return the entry of an identity, numbered or not.
        """
        found = self._session.row("entry", {"source": source, "event_id": event_id})
        return None if found is None else StoredEntry._make(found)

    def entry_by_id(self, entry_id: int) -> StoredEntry | None:
        """
        Return an entry by the id that its outcome named.
        """
        found = self._session.row("numbered_entry", {"entry_id": entry_id})
        if found is not None:
            return StoredEntry._make(found)
        unnumbered = self._unnumbered(limit=1, entry_id=entry_id)
        return unnumbered[0] if unnumbered else None

    def entries_at(self, places: Sequence[int]) -> list[StoredEntry]:
        """
        Return the entries at *places*, in order of place.
        """
        if not places:
            return []
        return _entries(self._session.rows("entries_at", {"places": array(places)}))

    def entries(
        self, query: EntryQuery, *, after: int, limit: int
    ) -> list[StoredEntry]:
        """
        Return numbered entries at places above *after* that match, in order of place.
        """
        values = {**query._asdict(), "after": after, "limit": limit}
        return _entries(self._session.rows("entries_matching", values))

    def statements(self, *, customer: str | None, type_: str) -> list[StoredEntry]:
        """
        Return the statements of a type about *customer* ('': the book; None: anybody).

        Those without a place stand in the order in which the next tick would number
        them.
        """
        values = {"customer": customer, "type": type_}
        return _entries(self._session.rows("statements", values))

    def tail(
        self, *, after: int, limit: int, customer: str | None = None
    ) -> list[StoredEntry]:
        """
        Return entries at places above *after* in order, then those without a place.

        The latter stand in the order in which the next tick would number them.
        """
        values = {"after": after, "limit": limit, "customer": customer}
        numbered = _entries(self._session.rows("tail_numbered", values))
        left = limit - len(numbered)
        if left <= 0:
            return numbered
        return numbered + self._unnumbered(limit=left, customer=customer)

    def attributions(self, subject_ids: Collection[int]) -> list[AttributionRow]:
        """
        Return the attributions of *subject_ids*, numbered ones first, in order.
        """
        if not subject_ids:
            return []
        values = {"subject_ids": array(subject_ids)}
        return [
            AttributionRow._make(row)
            for row in self._session.rows("attributions", values)
        ]

    def unattributed(self, subject_ids: Collection[int]) -> list[StoredEntry]:
        """
        Return the events of *subject_ids* that are posted under nobody and not void.
        """
        if not subject_ids:
            return []
        values = {"subject_ids": array(subject_ids)}
        return _entries(self._session.rows("unattributed", values))

    def voided(self, entry_ids: Collection[int]) -> dict[int, int]:
        """
        Return, of *entry_ids*, those known void to the worker, and since which place.
        """
        if not entry_ids:
            return {}
        rows = self._session.rows("voided", {"entry_ids": array(entry_ids)})
        return dict(cast("list[tuple[int, int]]", rows))

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
        """
        values = {
            "customer": customer,
            "type": type_,
            "start": start,
            "end": end,
            "upto": upto,
            "limit": limit,
        }
        return [Effect._make(row) for row in self._session.rows("effects", values)]

    def history(
        self, *, customer: str, type_: str, end: int, upto: int
    ) -> Iterator[HistoryRow]:
        """
        Yield all postings with occurred_at < end and seq <= upto, a part at a time.

        Whether there are many is found out by looking, not by the planner's statistics:
        a wrong guess would read the whole book for a few rows.
        """
        values = {"customer": customer, "type": type_, "end": end, "upto": upto}
        limit = SHORT_HISTORY_ROWS + 1
        found = self._session.rows("short_history", {**values, "limit": limit})
        if len(found) == limit:
            self._session.run("room_to_sort")
            return cast(
                "Iterator[HistoryRow]", self._session.pour("long_history", values)
            )
        return iter(cast("list[HistoryRow]", found))

    def first_effect_at(self, *, customer: str, type_: str) -> int | None:
        """
        Return the occurred_at of the earliest posting, or None.
        """
        values = {"customer": customer, "type": type_}
        return cast("int | None", self._only("first_effect_at", values)[0])

    def customers(self, *, type_: str | None = None) -> list[str]:
        """
        Return the customers that have postings (of a type), in order; not nobody.
        """
        rows = self._session.rows("customers", {"type": type_})
        return [cast("str", customer) for (customer,) in rows]

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
        values = {
            "meter_id": meter_id,
            "customer": customer,
            "grouped": grouped,
            "hours": hours,
            "start": start,
            "end": end,
        }
        return _buckets(self._session.rows("buckets", values))

    def last_buckets(
        self, *, meter_id: int, customer: str, grouped: int, before: int
    ) -> list[Bucket]:
        """
        Return, for each group, its latest hour with bucket < *before*.
        """
        name = "last_buckets" if grouped else "last_bucket"
        values = {"meter_id": meter_id, "customer": customer, "before": before}
        return _buckets(self._session.rows(name, values))

    def first_buckets(
        self, *, meter_id: int, customer: str, grouped: int
    ) -> list[Bucket]:
        """
        Return, for each group, its earliest hour.
        """
        name = "first_buckets" if grouped else "first_bucket"
        values = {"meter_id": meter_id, "customer": customer}
        return _buckets(self._session.rows(name, values))

    def sightings(
        self, *, meter_id: int, customer: str, grouped: int, start: int, end: int
    ) -> Iterator[Sighting]:
        """
        Yield sightings whose [first_at, last_at] meets [start, end), by month, group.
        """
        values = {
            "meter_id": meter_id,
            "customer": customer,
            "grouped": grouped,
            "start": start,
            "end": end,
            "month": month_of(start)[0],
        }
        return map(Sighting._make, self._session.stream("sightings", values))

    def count_sightings(
        self, *, meter_id: int, customer: str, start: int, end: int
    ) -> tuple[int, int]:
        """
        Return how many distinct keys were surely seen in [start, end), and how many
        rows cannot tell (first seen before *start*, last seen at *end* or later).

        A row is of one month, so only a stretch inside one month has rows that cannot
        tell; there a key has one row, and nothing need be made distinct.
        """
        month, next_month = month_of(start)
        name = "count_month_sightings" if end <= next_month else "count_sightings"
        values = {
            "meter_id": meter_id,
            "customer": customer,
            "start": start,
            "end": end,
            "month": month,
        }
        return cast("tuple[int, int]", self._only(name, values))

    def unusable(
        self, *, meter_id: int, after: int, limit: int
    ) -> list[tuple[int, str, StoredEntry]]:
        """
        Return (place, reason, entry) of events a meter could not take, by place.
        """
        values = {"meter_id": meter_id, "after": after, "limit": limit}
        rows = self._session.rows("unusable", values)
        return [
            (cast("int", place), cast("str", reason), StoredEntry._make(entry))
            for place, reason, *entry in rows
        ]

    def contradictions(self) -> list[str]:
        """
        Return what is wrong with places and postings, a sentence each.

        Of each kind of contradiction the first CONTRADICTIONS_MAX.
        """
        return [
            sentence.format(*row)
            for name, sentence in CONTRADICTIONS.items()
            for row in self._session.rows(name, {"limit": CONTRADICTIONS_MAX})
        ]

    def bucket_owners(self, *, meter_id: int) -> list[str]:
        """
        Return the customers that have rollups or sightings of a meter version, nobody
        included, in order.
        """
        rows = self._session.rows("bucket_owners", {"meter_id": meter_id})
        return [cast("str", customer) for (customer,) in rows]

    def types(self) -> dict[str, int]:
        """
        Return how many numbered events there are of each type.
        """
        return dict(cast("list[tuple[str, int]]", self._session.rows("types")))

    def unposted_count(self, *, limit: int) -> int:
        """
        Return how many entries the worker has not posted yet, counting to *limit*.
        """
        worker = self._worker()
        waiting = worker.numbered - worker.posted
        if waiting >= limit:
            return limit
        name = "count_backlog" if worker.backlog else "count_window"
        values = {**worker.window(), "limit": limit - waiting}
        waiting += cast("int", self._only(name, values)[0])
        return waiting + self.queue.count(limit=limit - waiting)

    def quarantined(
        self, *, after: int, limit: int, held: bool = True
    ) -> list[QuarantineRow]:
        """
        Return held documents, or else resolved ones, above id *after*, oldest first.
        """
        name = "quarantined" if held else "resolved"
        rows = self._session.rows(name, {"after": after, "limit": limit})
        return [QuarantineRow._make(row) for row in rows]

    def _unnumbered(
        self, *, limit: int, customer: str | None = None, entry_id: int | None = None
    ) -> list[StoredEntry]:
        worker = self._worker()
        name = "tail_backlog" if worker.backlog else "tail_window"
        values = {
            **worker.window(),
            "limit": limit,
            "customer": customer,
            "entry_id": entry_id,
        }
        return _entries(self._session.rows(name, values))

    def _worker(self) -> Worker:
        found = self._session.row("worker")
        if found is None:
            message = "The row that says how far the worker has come is gone."
            raise CorruptBook(message)
        return Worker._make(found)

    def _only(self, name: str, values: Mapping[str, object]) -> Row:
        """
        Return the one row of a query that always has one.
        """
        found = self._session.row(name, values)
        assert found is not None
        return found


def array(numbers: Iterable[int]) -> str:
    """
    Return *numbers* as the text of a PostgreSQL array, which is quick to make.
    """
    return "{" + ",".join(map(str, numbers)) + "}"


def _entries(rows: list[Row]) -> list[StoredEntry]:
    return list(map(StoredEntry._make, rows))


def _buckets(rows: list[Row]) -> list[Bucket]:
    return list(map(Bucket._make, rows))
