"""
What is asked of a meter, and what a store finds towards the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import InvalidQueryError


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.foundation.periods import Period
    from meterbook.metering.answers import AsOf
    from meterbook.metering.meters import Envelope, Meter
    from meterbook.metering.tallies import State


# What has no place yet is folded as if at places from here on: after all that have one.
UNNUMBERED: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What is asked of a meter.

    Attributes:
        customer_key: Whose usage.

        meter: Which meter.

        meter_version: In which version.

        period: The stretch to read, end exclusive.

        as_of: When the question is asked.

        by: Names of the meter's groups to tell apart; none reads the whole only.

    Raises:
        InvalidQueryError: If *by* names a group that the meter has not, or one twice.
    """

    customer_key: str
    meter: Meter
    meter_version: int
    period: Period
    as_of: AsOf
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.meter.group_names
        unknown = [name for name in self.by if name not in names]
        if unknown:
            has = f"its groups are {', '.join(names)}" if names else "it has no groups"
            message = f"meter {self.meter.key!r} has no group {unknown[0]!r}: {has}"
            raise InvalidQueryError(message)

        if len(set(self.by)) < len(self.by):
            message = f"a group is asked for twice: {', '.join(self.by)}"
            raise InvalidQueryError(message)

    @property
    def read_until(self) -> int:
        """
        The first instant that is not read: the period's end, or just after as-of.

        In microseconds, never before the period's start. What occurred exactly at as-of
        is read, if the period has not ended.
        """
        period = self.period
        after_as_of = self.as_of.moment_us + 1
        return max(period.start_us, min(period.end_us, after_as_of))


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """
    What was found for one of the meter's groups, or for all together.

    Attributes:
        group: The group's text as the meter observes it; "" for all together.

        state: Tally and level meters: the merged state of the events with
            period start <= occurred_at < question.read_until. Unique meters: the tally
            of those events, one unit each. None when there are none.

        hours: Percentile meters: (start of the hour, its state), in order, for those
            hours of the period that have events. They are the period's own hours:
            period start + k hours, which need not be UTC hours.

        keys: Unique meters: how many keys were seen; or which, where groups are asked
            for by fewer names than the meter has.

        carried: Levels: what held just before the period; None when none was known.

        known_since: Levels: the occurred_at of the earliest event of all, up to as-of,
            in microseconds; None when there is none.

        rolled: How many of the entries came out of rollup rows.
    """

    group: str = ""
    state: State | None = None
    hours: Sequence[tuple[int, State]] = ()
    keys: int | frozenset[str] = 0
    carried: int | None = None
    known_since: int | None = None
    rolled: int = 0

    @property
    def is_empty(self) -> bool:
        """
        Whether nothing was found: no event, no key, and no level carried in.
        """
        found = (self.state, self.carried) != (None, None)
        return not (found or self.hours or self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """
    An event that counts for the customer: attributed to it, and not void.

    Attributes:
        occurred_at: In microseconds.

        seq: Its place. No two facts have the same.

        data: What it says.

        envelope: Who says it, of whom.
    """

    occurred_at: int
    seq: int
    data: dict[str, object]
    envelope: Envelope
