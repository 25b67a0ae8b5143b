"""
What a transaction that appends facts can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from meterbook.ports.reading import Reader


if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from meterbook.ports.proving import CheckpointRow
    from meterbook.ports.rows import Appended, AttributionRow, NewEntry, QuarantineRow


class Writer(Reader, Protocol):
    """
    A transaction that appends facts.
    """

    def name_people(self, names: Collection[str]) -> dict[str, int]:
        """
        Return the ids of *names*, giving one to each that has none.
        """
        ...

    def unname_people(self, person_ids: Collection[int | None]) -> set[int]:
        """
        Take back the names that this transaction gave to *person_ids*; return whose.

        None of its entries has such an id. Who had a name before keeps it.
        """
        ...

    def append(self, rows: Sequence[NewEntry]) -> Appended:
        """
        Append the rows whose identity is new, and say which were known.
        """
        ...

    def add_attribution(self, row: AttributionRow) -> None:
        """
        Index an attribution entry that was just appended by its subject.
        """
        ...

    def lock_seats(
        self, *, types: Collection[str], customers: Collection[str], now: int
    ) -> int:
        """
        Take the lock rows of *customers* for *types*, and return one instant for all.

        Whoever records changes of their seats live waits until this transaction ends,
        and comes later than the instant; whoever did before is committed, and earlier.

        Args:
            types: Of events.

            customers: Whose seats.

            now: The moment it is, where the database has no clock of its own (SQLite).
        """
        ...

    def add_meter(
        self, *, meter_key: str, version: int, definition: str, at: int
    ) -> int:
        """
        Add a version of a meter and return its meter_id.
        """
        ...

    def add_checkpoint(self, row: CheckpointRow) -> None:
        """
        Keep a checkpoint that was signed; the same one again changes nothing.
        """
        ...

    def set_setting(self, *, name: str, value: str) -> None:
        """
        Write a row of the book's own settings.
        """
        ...

    def quarantine(self, row: QuarantineRow) -> int:
        """
        Keep a refused document (its quarantine_id is ignored); return its id.
        """
        ...

    def resolve_quarantined(self, *, quarantine_id: int, state: str, at: int) -> None:
        """
        Mark a document replayed or discarded, and drop its bytes.
        """
        ...

    def erase_person(self, person_id: int) -> None:
        """
        Forget a person's name for ever.
        """
        ...
