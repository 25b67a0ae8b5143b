"""
What a transaction records: the Writer of a book in PostgreSQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from meterbook.ports import CLOCK_SETTING
from meterbook.stores.postgres.appending import append
from meterbook.stores.postgres.reading import PostgresReader, array


if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from meterbook.ports import (
        Appended,
        AttributionRow,
        CheckpointRow,
        NewEntry,
        QuarantineRow,
    )
    from meterbook.stores.postgres.sessions import Session


class PostgresWriter(PostgresReader):
    """
    Appends facts in the transaction that its session has open.

    The transaction may be READ COMMITTED or stricter. In a stricter one an identity
    that was recorded since it began is a retryable StoreError, never a wrong answer.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._named: set[int] = set()

    def name_people(self, names: Collection[str]) -> dict[str, int]:
        """
        Return the ids of *names*, giving one to each that has none.
        """
        found = self.people(names)
        missing = [name for name in names if name not in found]
        if not missing:
            return found
        rows = self._session.rows("name_people", {"names": missing})
        made = dict(cast("list[tuple[str, int]]", rows))
        self._named.update(made.values())
        found |= made
        elsewhere = [name for name in missing if name not in found]
        return found | self.people(elsewhere)

    def unname_people(self, person_ids: Collection[int | None]) -> set[int]:
        """
        Take back the names that this transaction gave to *person_ids*; return whose.
        """
        gone = self._named.intersection(person_ids)
        if gone:
            self._session.run("unname_people", {"person_ids": array(gone)})
        self._named -= gone
        return gone

    def append(self, rows: Sequence[NewEntry]) -> Appended:
        """
        Append the rows whose identity is new, and say which were known.
        """
        return append(self._session, rows)

    def add_attribution(self, row: AttributionRow) -> None:
        """
        Index an attribution entry that was just appended by its subject.
        """
        self._session.run("add_attribution", row._asdict())

    def lock_seats(
        self,
        *,
        types: Collection[str],
        customers: Collection[str],
        now: int,  # noqa: ARG002 - the server has a clock
    ) -> int:
        """
        Take the lock rows of *customers* for *types*, and return one instant for all.

        Types in order, and customers in order within each: of two who do this, one
        waits for the other.
        """
        whose = {"customers": list(customers)}
        last = [
            self._only("lock_seats", {"type": type_, **whose})[0]
            for type_ in sorted(types)
        ]
        instant = max(cast("list[int]", last))
        self._session.run("level_locks", {"types": list(types), **whose, "at": instant})
        return instant

    def add_meter(
        self, *, meter_key: str, version: int, definition: str, at: int
    ) -> int:
        """
        Add a version of a meter and return its meter_id.
        """
        values: dict[str, object] = {
            "meter_key": meter_key,
            "version": version,
            "definition": definition,
            "at": at,
        }
        return cast("int", self._only("add_meter", values)[0])

    def add_checkpoint(self, row: CheckpointRow) -> None:
        """
        Keep a checkpoint that was signed; the same one again changes nothing.
        """
        self._session.run("add_checkpoint", row)

    def set_setting(self, *, name: str, value: str) -> None:
        """
        Write a row of the book's own settings.
        """
        if name == CLOCK_SETTING and self.setting(name) is None:
            # The functions of the database go by it, too.
            self._session.run("use_test_clock")
        self._session.run("set_setting", {"name": name, "value": value})

    def quarantine(self, row: QuarantineRow) -> int:
        """
        Keep a refused document (its quarantine_id is ignored); return its id.
        """
        return cast("int", self._only("quarantine", row._asdict())[0])

    def resolve_quarantined(self, *, quarantine_id: int, state: str, at: int) -> None:
        """
        Mark a document replayed or discarded, and drop its bytes.
        """
        values = {"quarantine_id": quarantine_id, "state": state, "at": at}
        self._session.run("resolve_quarantined", values)

    def erase_person(self, person_id: int) -> None:
        """
        Forget a person's name for ever.

        The row is deleted. Its bytes leave the table's file with the next vacuum, and
        the write-ahead log, standbys and backups as these are recycled.
        """
        self._session.run("erase_person", {"person_id": person_id})
