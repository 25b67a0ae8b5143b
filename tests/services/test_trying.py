"""
Trying again: only what passes, and not for ever.
"""

from __future__ import annotations

import pytest

from meterbook import StoreError
from meterbook.services.entries.trying import ATTEMPTS_MAX, persistently


def attempts(*failures: StoreError) -> tuple[list[int], list[StoreError]]:
    return [], list(failures)


def run(made: list[int], failures: list[StoreError]) -> int:
    made.append(len(made) + 1)
    if failures:
        raise failures.pop(0)
    return made[-1]


def test_what_passes_is_tried_again() -> None:
    """
    A transaction that was only in somebody's way is run again.
    """
    made, failures = attempts(StoreError("deadlock", retryable=True))

    assert persistently(lambda: run(made, failures)) == 2


def test_what_does_not_pass_is_told_at_once() -> None:
    """
    A full disk stays full.
    """
    made, failures = attempts(StoreError("the disk is full", retryable=False))

    with pytest.raises(StoreError, match="full"):
        persistently(lambda: run(made, failures))
    assert made == [1]


def test_nothing_is_tried_for_ever() -> None:
    """
    Whoever loses each time is told so.
    """
    lost = [StoreError("deadlock", retryable=True) for _ in range(ATTEMPTS_MAX)]
    made, failures = attempts(*lost)

    with pytest.raises(StoreError, match="deadlock"):
        persistently(lambda: run(made, failures))
    assert len(made) == ATTEMPTS_MAX
