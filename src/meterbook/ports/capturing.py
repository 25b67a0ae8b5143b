"""
What a transaction can do that looks at the application's own tables, beside the book.

A capture's triggers, the rows that they watch and the book are in one database, so one
snapshot shows all of them and one transaction changes all or none. Names and
expressions come from people: a store resolves them against the database, and what it
found is an `Understood`, which is kept. Everything later is said in its words, so that
the triggers, the check and the repair cannot mean different rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from meterbook.ports.store import Store
from meterbook.ports.writing import Writer


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from meterbook.metering.captures import Capture


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """
    A declaration as a store understood it: names resolved, expressions in SQL.

    Attributes:
        table: The parts of the table's own name, with its schema where there are any.

        customer: The column, as SQL.

        member: Likewise.

        way: An expression of a row.

        when: Likewise, true or not.

        state: Likewise.

        customers: A query of one column; None: those in the table.

        columns: Those that the expressions may look at.

        unique: No two rows of the table can be one seat.


        plain: Those of the two columns whose values are names unless they are null:
            numbers and UUIDs. Others are looked at.

        made: A digest of each thing that was made of it, by name.
    """

    table: tuple[str, ...]
    customer: str
    member: str
    way: str
    when: str
    state: str
    customers: str | None
    columns: tuple[str, ...]
    unique: bool
    plain: tuple[str, ...] = ()
    made: dict[str, str] = field(default_factory=dict)


class CaptureRow(NamedTuple):
    """
    A version of a capture, as the book keeps it.

    Attributes:
        definition: Canonical JSON of the declaration.

        made: Canonical JSON of an `Understood`.

        removed_at: When its triggers were taken away; None while they are there.
    """

    capture_key: str
    version: int
    definition: str
    made: str
    installed_at: int
    removed_at: int | None


class Making(NamedTuple):
    """
    What is needed to make the triggers of a capture.
    """

    key: str
    version: int
    event_type: str
    understood: Understood


class Seat(NamedTuple):
    """
    A seat that the application's table has now.
    """

    customer: str
    member: str
    way: str
    state: str


class SeatTold(NamedTuple):
    """
    A change that waits to become an entry. *state* is None but for a join that says it.
    """

    change_id: int
    customer: str
    change: str
    member: str | None
    way: str | None
    state: str | None
    occurred_at: int


class Telling(NamedTuple):
    """
    A change to be told, of a customer, at an instant that the store gives out.
    """

    customer: str
    change: str
    member: str | None = None
    way: str | None = None
    state: str | None = None


class BlindSpot(NamedTuple):
    """
    A way by which a change can pass, or has passed, unseen.

    Attributes:
        code: What programs read.

        sentence: What people read, with what to do.
    """

    code: str
    sentence: str


class Captor(Writer, Protocol):
    """
    A transaction that sees the application's tables, and can put triggers on them.
    """

    def captures(self) -> list[CaptureRow]:
        """
        Return every version of every capture, removed ones too, by key and version.
        """
        ...

    def understand(self, capture: Capture) -> Understood:
        """
        Resolve the names of a declaration and compile its expressions.

        Raises:
            InvalidCaptureError: If one of them is wrong: it is named.
        """
        ...

    def script(self, making: Making) -> list[str]:
        """
        Return the statements that make the triggers, in order.
        """
        ...

    def digests(self, making: Making) -> dict[str, str]:
        """
        Return a digest of each thing that is made for a capture, by name.
        """
        ...

    def make_triggers(self, making: Making) -> None:
        """
        Make the triggers, instead of those that the key may have.

        From here to the end of the transaction nobody else changes the table.
        """
        ...

    def drop_triggers(self, key: str, understood: Understood) -> None:
        """
        Take the triggers of a capture away, as far as they are there.
        """
        ...

    def keep_capture(self, row: CaptureRow) -> None:
        """
        Write a version of a capture, or write it anew.
        """
        ...

    def seats(
        self, understood: Understood, *, customers: Collection[str] | None = None
    ) -> Iterator[Seat]:
        """
        Yield the seats of the table, or of some customers, by customer.
        """
        ...

    def payers(self, understood: Understood) -> list[str]:
        """
        Return all customers: those of the query, or else those in the table.

        Raises:
            InvalidCaptureError: If the query cannot be run.
        """
        ...

    @property
    def limits(self) -> Sequence[str]:
        """
        Say in sentences what no trigger of this kind of database can see.
        """
        ...

    def blind_spots(self, making: Making) -> list[BlindSpot]:
        """
        Return what is wrong with the triggers, and what passes them unseen.
        """
        ...

    def seats_told(self, type_: str) -> list[SeatTold]:
        """
        Return the changes of members that wait to become entries, in order.
        """
        ...

    def lock_payers(self, type_: str, customers: Collection[str]) -> int:
        """
        Hold the seats of *customers* to the end, and return one instant for them all.
        """
        ...

    def tell_seats(
        self,
        changes: Sequence[Telling],
        *,
        type_: str,
        definition: int,
        occurred_at: int,
        said: Mapping[str, str | None],
    ) -> None:
        """
        Put changes where the worker makes entries of them, in order.

        Args:
            changes: Of customers that are locked.

            type_: Of the entries.

            definition: The capture's version.

            occurred_at: The instant that the lock yielded.

            said: By whom, as `actor`, and why, as `cause`.
        """
        ...


class CapturingStore(Store, Protocol):
    """
    A store whose database can have an application's tables beside the book.
    """

    def capturing(self, *, writes: bool) -> AbstractContextManager[Captor]:
        """
        Open a transaction that sees the application's tables.

        Args:
            writes: Whether it is committed at the end of the block; else it is one
                snapshot, and nothing is left of what was tried in it.
        """
        ...
