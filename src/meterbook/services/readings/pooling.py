"""
Pooling: what several customers used, as one.

Tallies add up, hour by hour too; a key that two customers used is one key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.metering.readings import Partial


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.metering.tallies import State
    from meterbook.services.meters.compiling import ActiveMeter


def pooled(meter: ActiveMeter, group: str, parts: Sequence[Partial]) -> Partial:
    """
    Return *parts* as one.

    Args:
        meter: Whose they are. It reads no levels.

        group: The group they are of; "" for all together.

        parts: Of different customers; those of a unique meter say which keys.
    """
    state: State | None = None
    hours: dict[int, State] = {}
    keys: set[str] = set()
    for part in parts:
        state = meter.merge(state, part.state)
        for at, hour in part.hours:
            both = meter.merge(hours.get(at), hour)
            assert both is not None
            hours[at] = both
        if isinstance(part.keys, frozenset):
            keys |= part.keys
    return Partial(
        group=group,
        state=state,
        hours=sorted(hours.items()),
        keys=frozenset(keys),
        rolled=sum(part.rolled for part in parts),
    )


def pooled_groups(
    meter: ActiveMeter, groups: Sequence[Sequence[Partial]]
) -> list[Partial]:
    """
    Return the groups of several customers, each group as one.
    """
    by_group: dict[str, list[Partial]] = {}
    for parts in groups:
        for part in parts:
            by_group.setdefault(part.group, []).append(part)
    return [pooled(meter, group, parts) for group, parts in sorted(by_group.items())]
