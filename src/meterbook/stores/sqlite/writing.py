"""
What is told to a SQLite book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meterbook.ports import Appended, Known
from meterbook.stores.migrating import VERSION_SETTING
from meterbook.stores.sqlite.proving import PROVING
from meterbook.stores.sqlite.reading import SqliteReader, json_array
from meterbook.stores.statements import statements


if TYPE_CHECKING:
    import sqlite3

    from collections.abc import Collection, Sequence

    from meterbook.ports import AttributionRow, CheckpointRow, NewEntry, QuarantineRow


WRITING: Final = statements("sqlite", "writing")

APPEND: Final = WRITING["append"]
LAST_INSERTED: Final = WRITING["last_inserted"]
KNOWN: Final = WRITING["known"]
ERASURES: Final = WRITING["erasures"]


class SqliteWriter(SqliteReader):
    """
    A `Writer` over the transaction that is open on a connection.

    It is a reader that writes, too, as the port says; nothing of the reader is changed.

    Attributes:
        erased: Whether a name was erased. After the commit its bytes must leave the
            log as well.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.erased = False
        self._named: set[int] = set()

    def name_people(self, names: Collection[str]) -> dict[str, int]:
        """
        Return the ids of *names*, giving one to each that has none.
        """
        known = self.people(names)
        new = sorted(set(names) - known.keys())
        if not new:
            return known
        self._write("name_people", names=json_array(new))
        made = self.people(new)
        self._named.update(made.values())
        return known | made

    def unname_people(self, person_ids: Collection[int | None]) -> set[int]:
        """
        Take back the names that this transaction gave to *person_ids*; return whose.

        Their bytes do not come to the log: it is written at the commit.
        """
        gone = self._named.intersection(person_ids)
        for person_id in gone:
            self._write("erase_person", person_id=person_id)
        self._named -= gone
        return gone

    def append(self, rows: Sequence[NewEntry]) -> Appended:
        """
        Append the rows whose identity is new, and say which were known.
        """
        return append(self._connection, rows)

    def add_attribution(self, row: AttributionRow) -> None:
        """
        Index an attribution entry that was just appended by its subject.
        """
        self._write(
            "add_attribution",
            subject_id=row.subject_id,
            effective_at=row.effective_at,
            customer=row.customer,
            entry_id=row.entry_id,
        )

    def lock_seats(
        self, *, types: Collection[str], customers: Collection[str], now: int
    ) -> int:
        """
        Take the lock rows of *customers* for *types*, and return one instant for all.
        """
        values = {"types": json_array(types), "customers": json_array(customers)}
        self._write("lock_seats", **values, now=now)
        rows = self._connection.execute(WRITING["level_locks"], values).fetchall()
        instant: int = max(last_at for (last_at,) in rows)
        return instant

    def add_meter(
        self, *, meter_key: str, version: int, definition: str, at: int
    ) -> int:
        """
        Add a version of a meter and return its meter_id.
        """
        return self._write(
            "add_meter",
            meter_key=meter_key,
            version=version,
            definition=definition,
            at=at,
        )

    def add_checkpoint(self, row: CheckpointRow) -> None:
        """
        Keep a checkpoint that was signed; the same one again changes nothing.
        """
        self._connection.execute(PROVING["add_checkpoint"], row).close()

    def set_setting(self, *, name: str, value: str) -> None:
        """
        Write a row of the book's own settings.
        """
        assert name != VERSION_SETTING, "only a migration changes the version"
        self._write("set_setting", name=name, value=value)

    def quarantine(self, row: QuarantineRow) -> int:
        """
        Keep a refused document (its quarantine_id is ignored); return its id.
        """
        return self._write("quarantine", **row._asdict())

    def resolve_quarantined(self, *, quarantine_id: int, state: str, at: int) -> None:
        """
        Mark a document replayed or discarded, and drop its bytes.
        """
        self._write(
            "resolve_quarantined", quarantine_id=quarantine_id, state=state, at=at
        )

    def erase_person(self, person_id: int) -> None:
        """
        Forget a person's name for ever: after the commit no file holds its bytes.
        """
        self.erased = True
        self._write("erase_person", person_id=person_id)

    def _write(self, name: str, /, **values: str | bytes | int | None) -> int:
        """
        Run a statement, and return the id of the row that it inserted, if it did.
        """
        return self._connection.execute(WRITING[name], values).lastrowid or 0


def append(connection: sqlite3.Connection, rows: Sequence[NewEntry]) -> Appended:
    """
    Append the rows whose identity is new, inside the transaction that is open.

    Nothing is done in Python for each row while all are new, which is nearly always.
    Ids are contiguous because entries are never deleted and nobody else may write.
    """
    before = connection.total_changes
    connection.executemany(APPEND, rows).close()
    added = connection.total_changes - before
    (last,) = connection.execute(LAST_INSERTED).fetchone()
    first = last - added + 1
    if added == len(rows):
        return Appended(range(first, last + 1), {})
    return _tell_known(connection, rows, first_new=first if added else None)


def _tell_known(
    connection: sqlite3.Connection, rows: Sequence[NewEntry], *, first_new: int | None
) -> Appended:
    """
    Return what became of rows that were not all new.

    New ids rise with the position in the batch. So a row whose entry has the next id
    is the one that made it, and any other was known: from before, or from a row that
    came earlier.
    """
    entry_ids = []
    known = {}
    expected = first_new
    cursor = connection.cursor()
    for position, row in enumerate(rows):
        found = Known._make(cursor.execute(KNOWN, (row[1], row[2])).fetchone())
        entry_ids.append(found.entry_id)
        if found.entry_id == expected:
            expected += 1
        else:
            known[position] = found
    cursor.close()
    return Appended(entry_ids, known)
