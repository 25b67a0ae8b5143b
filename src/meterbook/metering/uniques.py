"""
Unique: keys seen in a period, and when they were first and last seen.

A key counts once in a period if it was seen at least once inside it, by occurred_at:
any sighting, not only the latest. Past periods can be recounted exactly, so nothing may
be forgotten; and a row for each event would be the events again. What is kept is, for
each key and UTC month, the first and the last sighting::

    month     [---------------------------)
    sightings    f    .       .       l
    period A  [----)                          f lies inside: it counts
    period B                       [----)     l lies inside: it counts
    period C  [-)                             seen only later: it does not
    period D               [-----)            between the two: look at the entries

Only in case D must entries be looked at. It needs a period that begins and ends inside
one month, so billing periods seldom meet it.

Laws (tests/laws/test_uniques.py):
    - *Oracle*: a decision is never wrong: it is True, or False, as a scan of all
      sightings says, or None.
    - *Whole months*: for a stretch that reaches past one end of the month, it is
      never None.
    - *Order*: widening does not depend on the order of sightings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias


if TYPE_CHECKING:
    from collections.abc import Iterable


# (first_at, last_at) of one key in one UTC month, in microseconds.
Seen: TypeAlias = tuple[int, int]


def sight(seen: Seen | None, at: int) -> Seen:
    """
    Return *seen* widened by a sighting at *at*; None is a key not seen before.
    """
    if seen is None:
        return at, at

    first_at, last_at = seen
    return min(first_at, at), max(last_at, at)


def decide(first_at: int, last_at: int, *, start: int, end: int) -> bool | None:
    """
    Tell whether a key was seen in [*start*, *end*), from its first and last sighting.

    Returns:
        True or False when these two can tell; None when both lie outside, on either
        side, and only the entries know what was between.
    """
    if start <= first_at < end or start <= last_at < end:
        return True

    if last_at < start or end <= first_at:
        return False

    return None


def sort_out(
    rows: Iterable[tuple[str, int, int]], *, start: int, end: int
) -> tuple[set[str], set[str]]:
    """
    Return the keys that were surely seen in [*start*, *end*), and those to look up.

    Args:
        rows: (key, first_at, last_at), one for each key and month. A key may come
            several times.

        start: The first moment inside, in microseconds.

        end: The first moment after.
    """
    sure: set[str] = set()
    unsure: set[str] = set()
    for key, first_at, last_at in rows:
        decision = decide(first_at, last_at, start=start, end=end)
        if decision:
            sure.add(key)
        elif decision is None:
            unsure.add(key)

    return sure, unsure - sure
