"""
Which fold serves which meter.

A worker and a reader need not know what a meter means: they ask this table for the
function that folds a meter's samples into a state, and for the one that puts two states
together. All states begin with (count, first_seq, last_seq), and are JSON arrays of
integers when they are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from meterbook.metering import levels, tallies
from meterbook.metering.aggregations import CARRIED, TALLIES, Aggregation


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meterbook.metering.meters import Meter
    from meterbook.metering.tallies import Sample, State


class Fold(NamedTuple):
    """
    How events become a state, and two states one.

    Attributes:
        fold: Of (occurred_at, seq, units) sorted by the first two; None of none.

        merge: Of an earlier and a later stretch. Tallies merge in any order.
    """

    fold: Callable[[Sequence[Sample]], State | None]
    merge: Callable[[State | None, State | None], State | None]


TALLY = Fold(tallies.fold, tallies.merge)
LEVEL = Fold(levels.fold, levels.merge)

# A unique meter's keys are kept as sightings; its fold tallies one unit an event, to
# say how many entries were read. A percentile is folded as its hours are read. Members
# are folded as the levels that they make: after each event, how many are present.
FOLDS: dict[Aggregation, Fold] = {
    **dict.fromkeys(TALLIES, TALLY),
    **dict.fromkeys(CARRIED, LEVEL),
    Aggregation.UNIQUE: TALLY,
}


def fold_of(meter: Meter) -> Fold:
    """
    Return the fold of *meter*.
    """
    return FOLDS[meter.hourly or meter.aggregation]
