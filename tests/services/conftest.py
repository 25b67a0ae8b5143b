"""
What the tests of use cases stand on: a book in memory whose clock stands still.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

import pytest

from meterbook import Book


if TYPE_CHECKING:
    from collections.abc import Iterator


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def book() -> Iterator[Book]:
    """
    Give an empty book in which it is noon on March 1, 2026.
    """
    with Book.create(":memory:", test_clock=NOON) as book:
        yield book
