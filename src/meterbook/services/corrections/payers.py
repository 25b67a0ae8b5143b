"""
Who pays: the attributions of subjects, in the book's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.metering.attribution import Attribution
from meterbook.metering.readings import UNNUMBERED


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meterbook.ports import AttributionRow

# No entry of these rows is given a place ahead of the worker.
NO_PLACES: Mapping[int, int] = {}


def timelines(
    rows: Iterable[AttributionRow], *, places: Mapping[int, int] = NO_PLACES
) -> dict[int, list[Attribution]]:
    """
    Return the attributions of each subject, in the book's order.

    Args:
        rows: Of any subjects.

        places: By entry_id, the places that a reading of the tail gives to entries
            which the worker has not numbered. One that has none stands after all.
    """
    found: dict[int, list[Attribution]] = {}
    for row in rows:
        place = row.seq
        if place is None:
            place = places.get(row.entry_id, UNNUMBERED + row.entry_id)
        attribution = Attribution(row.customer, row.effective_at, place)
        found.setdefault(row.subject_id, []).append(attribution)
    for attributions in found.values():
        attributions.sort(key=_by_place)
    return found


def _by_place(attribution: Attribution) -> int:
    return attribution.seq
