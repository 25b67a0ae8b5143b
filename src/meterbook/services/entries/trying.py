"""
Trying again what only somebody else's transaction was in the way of.

A deadlock, a serialization failure or a lost connection rolls a transaction back as a
whole. What services write has an identity, so the same block can be run again: if its
first run was committed after all, and only the answer was lost, the second one finds
what it would have written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from meterbook.foundation.errors import StoreError


if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Of two transactions that block each other one goes on. Whoever loses three times is
# told, and may wait longer than we should.
ATTEMPTS_MAX: Final = 3


def persistently(work: Callable[[], T]) -> T:
    """
    Return what *work* returns, run again if its transaction was in somebody's way.

    Raises:
        StoreError: If it was so each time, or if trying again cannot mend it.
    """
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return work()
        except StoreError as error:
            if not error.retryable:
                raise
    return work()
