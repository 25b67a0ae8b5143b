"""
What time is it, where the clock is the customer's?

A clock that is set back makes an expired licence good and a month that has ended open
again. It gains nothing here: an installation's time is the later of its clock and the
moment at which the newest entry of its book was recorded. Whoever sets the clock back
stands still, and is told.

Source:
    The rule of the vector `unearned-clock-rollback`: effective time = max(clock, last
    entry), noticed beyond 10 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from meterbook.foundation.instants import SECOND


# What clocks of several machines, and the rounds that set them, differ by.
TOLERANCE: Final = 600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveTime:
    """
    The time of an installation.

    Attributes:
        at: The later of both, in microseconds.

        clock: What the clock showed.

        set_back: The clock is more than the tolerance behind the book.
    """

    at: int
    clock: int
    set_back: bool


def effective_time(*, clock: int, newest: int | None) -> EffectiveTime:
    """
    Return the time where the clock shows *clock* and the newest entry is of *newest*.

    Args:
        clock: In microseconds.

        newest: When the newest entry was recorded; None where there is none.
    """
    last = clock if newest is None else newest
    return EffectiveTime(
        at=max(clock, last), clock=clock, set_back=last - clock > TOLERANCE
    )
