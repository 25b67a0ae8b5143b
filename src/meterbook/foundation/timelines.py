"""
A value that holds until the next one.

::

    seats
      7 |          ______
      5 |  _______|      |____
      3 |_|                   |________
        |-[------------------------)--->
         start                     end

Seats held, the owner of a subject, the plan of a subscription: each is a row of
changes, and between two changes it stays what it was. So one shape serves them all,
and the questions about time are answered once.

What held when a period began was said before it began. It is *carried in*, and the
caller has to look it up: silence is not zero.

Laws (tests/laws/test_timelines.py):
    - *Tiling*: the spans of a period make up the period, and neighbours touch.
    - *Oracle*: at every instant, the value is that of the last change at or before.
    - *Never held, no span*: a value replaced at the instant it began leaves none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """
    From *at* on, the value is *value*.

    Attributes:
        at: In microseconds since 1970. Included: the value holds at this instant.

        value: What holds until the next change.
    """

    at: int
    value: T


def spans(
    changes: Iterable[Change[T]], *, start: int, end: int, carried: T
) -> Iterator[tuple[int, int, T]]:
    """
    Cut the stretch ``[start, end)`` where the value changes.

    A value that was replaced at the very instant it began was never held, so it has
    no span. That goes for the value carried in, too, if there is news at *start*.

    Args:
        changes: The changes inside the stretch, in order. Of two at one instant, the
            later in the row holds.

        start: The first instant, in microseconds since 1970.

        end: The first instant after. Not before *start*.

        carried: The value that the stretch begins with.

    Yields:
        The first instant, the first instant after, and the value that holds between.
        Together they are the stretch; there is none if it has no length.
    """
    assert start <= end
    since, value = start, carried
    for change in changes:
        assert since <= change.at < end
        if change.at > since:
            yield since, change.at, value
        since, value = change.at, change.value

    if since < end:
        yield since, end, value


def value_at(changes: Iterable[Change[T]], at: int) -> T | None:
    """
    Return the value that holds at the instant *at*.

    Args:
        changes: In order of their instants. Of two at one instant, the later in the
            row holds.

        at: In microseconds since 1970. A change at this very instant holds.

    Returns:
        None if nothing was said by then.
    """
    value: T | None = None
    for change in changes:
        if change.at > at:
            break
        value = change.value

    return value
