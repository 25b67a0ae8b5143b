"""
The two clocks a book can have, and ids that grow with them.

A book's own clock says when it was told something, which time stands in for an event
that has none, and what is still the future. It is the machine's, or one that can be
moved: for tests, trials and demonstrations. A book with a *test clock* says so wherever
it shows its status, and keeps the moment itself, so that every process reads the same.
"""

from __future__ import annotations

import os
import time
import uuid

from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import CorruptBook
from meterbook.foundation.instants import to_micros
from meterbook.ports import CLOCK_SETTING


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable

    from meterbook.ports import Clock, Reader, Store


# What the setting of a test clock begins with: `test:<microseconds>`.
TEST: Final = "test:"


class SystemClock:
    """
    The machine's clock, which this process never sees run backwards.
    """

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """
        Return the moment it is, in microseconds since 1970-01-01 UTC.
        """
        self._last = max(self._last, time.time_ns() // 1_000)
        return self._last


class TestClock:
    """
    A clock that stands still until it is moved, forward or back.
    """

    # Not a test, whatever its name says to pytest.
    __test__ = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> int:
        """
        Return the moment that the book's settings say, whoever moved it.
        """
        with self._store.reading() as reader:
            return moment_in(reader)


def test_moment(reader: Reader) -> int | None:
    """
    Return where the test clock stands; None if the book has no test clock.
    """
    setting = reader.setting(CLOCK_SETTING)
    if setting is None or not setting.startswith(TEST):
        return None

    return int(setting.removeprefix(TEST))


def set_test_clock(store: Store, to: dt.datetime) -> None:
    """
    Set the book's test clock to the moment *to*, which is aware.

    Raises:
        InvalidInstantError: If *to* has no zone.
    """
    value = f"{TEST}{to_micros(to)}"
    with store.writing() as writer:
        writer.set_setting(name=CLOCK_SETTING, value=value)


def clock_of(store: Store) -> Clock:
    """
    Return the clock that the book in *store* goes by.
    """
    with store.reading() as reader:
        is_test = test_moment(reader) is not None
    return TestClock(store) if is_test else SystemClock()


def now_in(clock: Clock) -> Callable[[Reader], int]:
    """
    Return what tells the moment by *clock* in a transaction that is open.

    Of a test clock it is read there: no other connection is opened for it.
    """
    if isinstance(clock, TestClock):
        return moment_in
    return lambda _: clock.now()


def moment_in(reader: Reader) -> int:
    """
    Return where the test clock stands.

    Raises:
        CorruptBook: If there is none any more.
    """
    moment = test_moment(reader)
    if moment is None:
        message = "The book was opened with a test clock, and has none any more."
        raise CorruptBook(message)

    return moment


def new_id(now: int) -> str:
    """
    Return an id that nobody else makes, ordered by the moment *now*.

    Source:
        RFC 9562, version 7: 48 bits of milliseconds, then chance. Ordered ids are
        inserted at the end of an index, random ones all over it.
    """
    milliseconds = max(0, now // 1_000) & (2**48 - 1)
    chance = int.from_bytes(os.urandom(10), "big")
    number = milliseconds << 80 | chance
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=number))
