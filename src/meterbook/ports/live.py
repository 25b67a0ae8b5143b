"""
Seats that are recorded live: the queue, and what can be told on an open transaction.

::

    the caller's transaction          the worker
    lock row -> instant               take -> entries
    change   -> queue  -------------> (name, fingerprint, append)

A change waits in a narrow queue, so that the transaction of whoever makes it stays
short. The worker makes an entry of it; until then a reading folds it with the tail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from meterbook.ports.writing import Writer


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    # What a caller's own SQL is asked with, as its driver takes it.
    Parameters: TypeAlias = Sequence[object] | Mapping[str, object]

# What changes: who is there, how many there are, or since when either is known.
JOIN: Literal["join"] = "join"
LEAVE: Literal["leave"] = "leave"
LEVEL: Literal["level"] = "level"
BASELINE: Literal["baseline"] = "baseline"


class SeatChange(NamedTuple):
    """
    A change that waits to become an entry.

    Attributes:
        change_id: In order of which they become entries; those of one customer and
            type wait in the order in which they were committed.

        member: By name; None for a level and a baseline.

        units: Of a level, in the meter's smallest unit.

        path: Where in the data of a level it is to stand; None for `units`.

        scale: How many of its digits are decimal places; None for none.
    """

    change_id: int
    type: str
    customer: str
    change: str
    member: str | None
    way: str | None
    state: str | None
    units: int | None
    path: str | None
    scale: int | None
    actor: str | None
    cause: str | None
    definition: int
    occurred_at: int


class SeatQueue(Protocol):
    """
    The changes that wait.
    """

    def waiting(self, *, limit: int, customer: str | None = None) -> list[SeatChange]:
        """
        Return the first *limit* changes (of a customer), in order.
        """
        ...

    def count(self, *, limit: int) -> int:
        """
        Return how many there are, counting to *limit*.
        """
        ...

    def take(self, *, limit: int) -> list[SeatChange]:
        """
        Remove the first *limit* changes and return them, in order.

        In a transaction that writes. Who else takes at that time waits, and gets
        others.
        """
        ...


class Told(NamedTuple):
    """
    A change as it is told: of a meter, whose latest version says which events it reads.

    Attributes:
        aggregations: The change is recorded if the meter is of one of these, and does
            not tell groups apart.

        definition: What counts as a seat; the meter's version if it is None.
    """

    meter_key: str
    aggregations: tuple[str, ...]
    customer: str
    change: str
    member: str | None = None
    way: str | None = None
    state: str | None = None
    units: int | None = None
    actor: str | None = None
    cause: str | None = None
    definition: int | None = None


class Heard(NamedTuple):
    """
    What became of a change that was told.

    Attributes:
        version: The latest of the meter,

        text: and its definition, as stored.

        occurred_at: The instant of the change; None if it was not recorded, because
            the meter is not of the kind that was asked for.

        units: How many were counted, if they were.
    """

    version: int
    text: str
    occurred_at: int | None
    units: int | None = None


class LiveWriter(Writer, Protocol):
    """
    A transaction that somebody else may have begun, and will end.
    """

    def change_seats(self, told: Told) -> Heard | None:
        """
        Record a change in the queue, under the lock of its customer and type.

        Returns:
            None if there is no such meter.
        """
        ...

    def count_seats(
        self, told: Told, *, sql: str, parameters: Parameters | None
    ) -> Heard | None:
        """
        Record the level that *sql* counts once the lock is held.

        Args:
            told: The level, without units.

            sql: Answers one row with one whole number.

            parameters: Its values, in the words of the connection's driver.
        """
        ...
