"""
Looking through the book, and voiding what was found.

Where the worker runs in this process (SQLite), it catches up before anything is looked
at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.services.entries import listing
from meterbook.services.entries.listing import EventQuery


if TYPE_CHECKING:
    from collections.abc import Callable

    from meterbook.ports import Store
    from meterbook.services.corrections.attributing import Attributor
    from meterbook.services.corrections.voiding import BulkVoid, Preview, Voider
    from meterbook.services.entries.listing import EntryView, Kind, UnusableEntry


class Looking:
    """
    Lists of entries, and bulk voids by query.
    """

    def __init__(
        self,
        store: Store,
        voider: Voider,
        attributor: Attributor,
        look_first: Callable[[], None],
    ) -> None:
        self._store = store
        self._voider = voider
        self._attributor = attributor
        self._work_before_looking = look_first

    def void_preview(self, query: EventQuery) -> Preview:
        """
        Return what voiding the events of *query* would do, and change nothing.
        """
        self._work_before_looking()
        return self._voider.preview(query)

    def void_where(
        self,
        query: EventQuery,
        *,
        actor: str,
        reason: str,
        expected_count: int,
        progress: Callable[[int], None] | None = None,
    ) -> BulkVoid:
        """
        Void the events of *query*, as many as the preview said.

        See `services.corrections.voiding.Voider.void_where`.
        """
        self._work_before_looking()
        return self._voider.void_where(
            query,
            actor=actor,
            reason=reason,
            expected_count=expected_count,
            progress=progress,
        )

    def unattributed(self, *, limit: int = 100) -> list[EntryView]:
        """
        Return events that nobody pays for.
        """
        self._work_before_looking()
        return self._attributor.unattributed(limit=limit)

    def unusable(
        self,
        meter_key: str,
        *,
        version: int | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[UnusableEntry]:
        """
        Return the events that a meter should read and cannot take.
        """
        self._work_before_looking()
        return listing.unusable(
            self._store, meter_key, version=version, after=after, limit=limit
        )

    def entries(
        self,
        query: EventQuery | None = None,
        *,
        kind: Kind | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[EntryView]:
        """
        Return numbered entries that match, at places above *after*, in order.
        """
        self._work_before_looking()
        return listing.entries(
            self._store, query or EventQuery(), kind=kind, after=after, limit=limit
        )
