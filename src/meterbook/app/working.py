"""
Having the worker do its steps from the outside.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING

from meterbook.foundation.errors import StoreError
from meterbook.services.readings.usage import find_meter
from meterbook.services.worker import following


if TYPE_CHECKING:
    from collections.abc import Callable

    from meterbook.ports import Store
    from meterbook.services.worker.following import Step


class Working:
    """
    The worker of one book, as far as this process runs it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def work(
        self,
        *,
        until_caught_up: bool = True,
        progress: Callable[[Step], None] | None = None,
    ) -> Step:
        """
        Number what was recorded, and derive from it what readings look at.

        Safe to stop anywhere and to run twice. Answers never depend on it, their cost
        does.

        Args:
            until_caught_up: Whether to go on until nothing is left; else one step.

            progress: Called after each step.

        Returns:
            What was done; *busy* if another worker has the book.
        """
        if until_caught_up:
            return following.catch_up(self._store, progress=progress)

        return following.work_once(self._store)

    def drop_rollups(self, meter_key: str | None = None) -> bool:
        """
        Forget what was rolled up, of one meter or of all: the worker does it again.

        Answers stay what they are. Returns whether it was done; not while another
        worker has the book.

        Raises:
            UnknownMeterError: If there is no such meter.
        """
        with self._store.following() as follower:
            if follower is None:
                return False
            if meter_key is None:
                follower.forget_rollups(None)
                return True
            row = find_meter(follower, meter_key, None)
            follower.forget_rollups(row.meter_id)
            return True

    def work_before_looking(self) -> None:
        """
        Let the worker catch up, where it runs in this process (SQLite).

        A courtesy: what it cannot do now, because another process writes or the disk
        is full, a reading does for itself.
        """
        store = self._store
        if not (store.can_follow and store.follows_on_read):
            return

        with store.reading() as reader:
            posted = reader.marks().posted
            waiting = reader.unposted_count(limit=1)
            rolled = [row.rolled for row in reader.meters()]
        if waiting or min(rolled, default=posted) < posted:
            with contextlib.suppress(StoreError):
                following.catch_up(store)
