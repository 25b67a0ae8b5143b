"""
Walking through a customer's events of one type, those that stand, in order of time.

::

    postings  [........fetch 1........][........fetch 2........][...
    tail        x            x    x                 x
    walk      ---------------------------------------------------->   void ones left out
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from meterbook.foundation.errors import InvalidQueryError
from meterbook.services.worker.sampling import standing


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.ports import Effect
    from meterbook.services.readings.snapshots import Snapshot

# Index rows fetched at a time while a page fills: most pages take one fetch.
FETCH_ROWS = 2_048


class Cursor(NamedTuple):
    """
    Where a page ended: the moment and place of its last entry.
    """

    occurred_at: int
    place: int

    def text(self) -> str:
        """
        Return the cursor as people and programs hand it back.
        """
        return f"{self.occurred_at}:{self.place}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """
        Return the cursor that *text* is.

        Raises:
            InvalidQueryError: If it is none that a page gave.
        """
        at, _, place = text.partition(":")
        try:
            return cls(int(at), int(place))
        except ValueError as error:
            message = f"cursor {text[:40]!r} is none that a page gave"
            raise InvalidQueryError(message) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """
    The events of one customer and type in a snapshot.
    """

    snapshot: Snapshot
    customer: str
    type_: str

    def after(self, cursor: Cursor, *, until: int) -> Iterator[Effect]:
        """
        Yield what stands after *cursor*, in order of (occurred_at, place).

        Args:
            cursor: Where to begin; what is there is left out.

            until: The first moment that is not looked at.
        """
        limit = FETCH_ROWS
        more = True
        while more:
            rows = self._posted(cursor.occurred_at, until, limit=limit)
            more = len(rows) == limit
            end = _key(rows[-1]) if more else None
            yield from self._standing(rows, cursor, until=until, end=end)
            if end is not None:
                # A fetch begins with an instant: one with more rows needs a larger one.
                stays = end.occurred_at == cursor.occurred_at
                limit = 2 * limit if stays else FETCH_ROWS
                # The last event's rows may be cut: it is read again with the next.
                cursor = max(cursor, Cursor(end.occurred_at, end.place - 1))

    def at(self, at: int) -> list[Effect]:
        """
        Return what stands at the instant *at*, in order of place.
        """
        rows = self._posted(at, at + 1, limit=None)
        return self._standing(rows, Cursor(at, -1), until=at + 1, end=None)

    def _standing(
        self, rows: list[Effect], cursor: Cursor, *, until: int, end: Cursor | None
    ) -> list[Effect]:
        """
        Return what stands of *rows* and of the tail between *cursor* and *end*.
        """
        tail = self.snapshot.tail(self.customer).effects.get(self.type_, [])
        inside = [
            effect
            for effect in (*rows, *tail)
            if cursor < _key(effect)
            and effect.occurred_at < until
            and (end is None or _key(effect) < end)
        ]
        return sorted(standing(inside), key=_key)

    def _posted(self, start: int, end: int, *, limit: int | None) -> list[Effect]:
        if start >= end:
            return []
        return self.snapshot.reader.effects(
            customer=self.customer,
            type_=self.type_,
            start=start,
            end=end,
            upto=self.snapshot.upto,
            limit=limit,
        )


def _key(effect: Effect) -> Cursor:
    return Cursor(effect.occurred_at, effect.place)
