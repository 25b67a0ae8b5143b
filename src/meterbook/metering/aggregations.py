"""
The ways a meter can fold its events, and what goes for each way.

===============  ======================================  =========  ==============
aggregation      what it says of a period                of none    what is folded
===============  ======================================  =========  ==============
sum              the values, added                       0          tallies
count            how many events                         0          tallies
average          the values' sum by their number         nothing    tallies
min, max         the lowest, the highest value           nothing    tallies
latest           the level that holds at the end         carried    levels
peak             the most that was held at any moment    carried    levels
time_weighted    the level, weighted by how long it held carried    levels
unique           how many keys were seen at least once   0          sightings
percentile       the highest hour left after dropping    0          either, by hour
members          the most that were present at once      carried    joins and leaves
===============  ======================================  =========  ==============

A *level* is how many there are now, not how many were added. It holds until the next
one, so a period begins with what is carried in. That of members follows from who joined
and who left.
"""

from __future__ import annotations

import enum


class Aggregation(enum.StrEnum):
    """
    How a meter folds the events that it reads.
    """

    SUM = "sum"
    COUNT = "count"
    AVERAGE = "average"
    MIN = "min"
    MAX = "max"
    LATEST = "latest"
    UNIQUE = "unique"
    PEAK = "peak"
    TIME_WEIGHTED = "time_weighted"
    PERCENTILE = "percentile"
    MEMBERS = "members"


TALLIES = frozenset(
    {
        Aggregation.SUM,
        Aggregation.COUNT,
        Aggregation.AVERAGE,
        Aggregation.MIN,
        Aggregation.MAX,
    }
)

# Their events state a level.
LEVELS = frozenset(
    {Aggregation.LATEST, Aggregation.PEAK, Aggregation.TIME_WEIGHTED},
)

# Their periods begin with what is carried in, whoever stated it.
CARRIED = LEVELS | {Aggregation.MEMBERS}

# How one hour can be read before the percentile is taken. An average or a lowest value
# of an hour without events is nothing, and nothing cannot be ranked. Members have no
# hours: counts of them, in a level meter, do.
HOURLY = frozenset({Aggregation.SUM, Aggregation.COUNT, Aggregation.MAX}) | LEVELS


class Missing(enum.StrEnum):
    """
    What a meter makes of an event that lacks the value: it lists it, or counts 0.
    """

    UNUSABLE = "unusable"
    ZERO = "zero"


class Negative(enum.StrEnum):
    """
    Whether a meter takes values below 0. A level never is.
    """

    ALLOWED = "allowed"
    REFUSED = "refused"


class Rounding(enum.StrEnum):
    """
    How many whole hours a share of the hours is, when a percentile drops it.
    """

    FLOOR = "floor"
    CEIL = "ceil"
