"""
Alerts: when the seats that are left are few enough to say so.

=================  ==============================
seats bought       said when there are left
=================  ==============================
0 to 15            1 seat
16 to 25           2 seats
26 to 99           10 % of those bought
100 to 999         8 %
1,000 and more     5 %
=================  ==============================

Or fewer: at the limit and above it, too. Somebody who has seen it dismisses it, until
another seat is used or another number is bought.

Laws (tests/laws/test_alerts.py):
    - *Monotone*: who is told with some seats in use is told with more of them.
    - *Dismissed*: nothing is said again until the level rises.

Source:
    GitLab, "Manage users and seats" (docs.gitlab.com): the table, and how long a
    dismissal lasts.
"""

from __future__ import annotations

import enum

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.metering.seats import LevelChange


class SeatLimit(NamedTuple):
    """
    How few seats left are few.

    Attributes:
        upto: The most seats bought that this is for; None for any more.

        seats: So many left or fewer; None if a share says it.

        percent: Of the seats bought, likewise.
    """

    upto: int | None
    seats: int | None
    percent: int | None


SEAT_LIMITS: Final = (
    SeatLimit(15, 1, None),
    SeatLimit(25, 2, None),
    SeatLimit(99, None, 10),
    SeatLimit(999, None, 8),
    SeatLimit(None, None, 5),
)


class Nearness(enum.StrEnum):
    """
    Where the seats in use stand against those bought.
    """

    NEAR = "near"
    FULL = "full"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatAlert:
    """
    Few seats are left.

    Attributes:
        purchased: How many are bought.

        in_use: How many are used.

        nearness: Near the limit, at it, or above it.
    """

    purchased: int
    in_use: int
    nearness: Nearness

    @property
    def left(self) -> int:
        """
        How many are left; below 0 if more are used than bought.
        """
        return self.purchased - self.in_use


def seat_limit(purchased: int) -> SeatLimit:
    """
    Return how few seats left are few, for so many bought.
    """
    for limit in SEAT_LIMITS[:-1]:
        assert limit.upto is not None
        if purchased <= limit.upto:
            return limit
    return SEAT_LIMITS[-1]


def seat_alert(*, purchased: int | None, in_use: int) -> SeatAlert | None:
    """
    Return what to say of the seats left; None if there are enough, or no limit.
    """
    if purchased is None:
        return None

    left = purchased - in_use
    limit = seat_limit(purchased)
    if limit.seats is not None:
        is_few = left <= limit.seats
    else:
        assert limit.percent is not None
        is_few = 100 * left <= limit.percent * purchased
    if not is_few:
        return None

    nearness = Nearness.NEAR if left > 0 else Nearness.FULL
    return SeatAlert(
        purchased=purchased,
        in_use=in_use,
        nearness=Nearness.OVER if left < 0 else nearness,
    )


def rose_since(changes: Sequence[LevelChange], moment: int, *, upto: int) -> bool:
    """
    Tell whether another seat was used: whether the level rose after *moment*.

    Args:
        changes: Of the level, in order of time.

        moment: In microseconds; a change at it came before.

        upto: The last moment to look at, in microseconds.
    """
    return any(
        moment < after.at <= upto and after.units > before.units
        for before, after in pairwise(changes)
    ) or any(moment < first.at <= upto and first.units for first in changes[:1])
