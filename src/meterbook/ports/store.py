"""
A place where one book is kept, and the book's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from meterbook.ports.following import Follower
    from meterbook.ports.live import LiveWriter
    from meterbook.ports.reading import Reader
    from meterbook.ports.rows import Appended, NewEntry
    from meterbook.ports.writing import Writer


class Store(Protocol):
    """
    A place where one book is kept.
    """

    def reading(self) -> AbstractContextManager[Reader]:
        """
        Open one snapshot of the book.
        """
        ...

    def writing(self) -> AbstractContextManager[Writer]:
        """
        Open a transaction: committed at the end of the block, rolled back if it raises.
        """
        ...

    def append(self, rows: Sequence[NewEntry]) -> Appended:
        """
        Append in a transaction of its own, by the shortest way.
        """
        ...

    def append_unless_erased(
        self, rows: Sequence[NewEntry], *, erasures: str
    ) -> Appended | None:
        """
        Append likewise, but nothing if people were erased since there were *erasures*.

        It is looked at in the very statement or transaction that appends. None: it was
        so, and none of *rows* is new under the ids that they have.
        """
        ...

    def live(
        self,
        *,
        now: Callable[[Reader], int],
        actor: str | None,
        cause: str | None,
        connection: object | None = None,
        failed: Callable[[], None] | None = None,
    ) -> AbstractContextManager[LiveWriter]:
        """
        Record on *connection*, in the transaction that is open there, and leave that
        open; without one, in a transaction of its own.

        Args:
            now: Tells the moment by the book's clock, in the transaction.

            actor: Who does this, for triggers that record what happens in the block.

            cause: Why, likewise.

            connection: Of the driver of this store, with a transaction.

            failed: Called when the driver raised an error: whoever manages the
                transaction must know.
        """
        ...

    def draining(self) -> AbstractContextManager[Writer | None]:
        """
        Open the transaction in which waiting changes become entries.

        None if none waits, or another worker has the book.
        """
        ...

    def following(self) -> AbstractContextManager[Follower | None]:
        """
        Open the worker's transaction; None while another worker has it.
        """
        ...

    @property
    def can_follow(self) -> bool:
        """
        Tell whether this process may do the worker's step (not on a read-only book).
        """
        ...

    @property
    def follows_on_read(self) -> bool:
        """
        Tell whether the worker's step runs before a reading (SQLite), or apart from it.
        """
        ...

    def close(self) -> None:
        """
        Give back what the store holds.
        """
        ...


class Clock(Protocol):
    """
    The book's own clock.
    """

    def now(self) -> int:
        """
        Return the moment it is.
        """
        ...
