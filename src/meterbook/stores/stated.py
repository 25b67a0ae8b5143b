"""
What stores answer of a stretch of the book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from meterbook.ports import Stated


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.ports import PaidEvent


def stated_of(rows: Sequence[tuple[Any, ...]]) -> Stated:
    """
    Return *rows* of events sorted out: those that have no payer are other entries.

    They may come in any order.
    """
    events = cast("list[PaidEvent]", [row for row in rows if row[2] is not None])
    return Stated(events, sorted(row[0] for row in rows if row[2] is None))
