"""
Which installation a book is of, and since when it counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.clocks import new_id
from meterbook.services.installations import instances


if TYPE_CHECKING:
    from meterbook.ports import Clock, Store
    from meterbook.services.installations.instances import Instance


class Instances:
    """
    The identity of one book.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def current(self) -> Instance:
        """
        Return which installation this is; it gets its id when that is first asked.
        """
        return instances.settled(self._store, self._clock, new_id)

    def restored(self, *, actor: str, reason: str, copy: bool = False) -> Instance:
        """
        Begin a new epoch: the book was restored from a backup, or is a copy.

        See `services.installations.instances.restored`.
        """
        return instances.restored(
            self._store, self._clock, new_id, actor=actor, reason=reason, copy=copy
        )
