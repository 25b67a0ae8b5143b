"""
Record usage exactly once, read any meter for any period, explain every number.

    from meterbook import Book, Event

What is here is the public interface; the rest may change. Each name is loaded when it
is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from meterbook.app import Book as Book
    from meterbook.foundation import errors as errors
    from meterbook.foundation.errors import CallerError as CallerError
    from meterbook.foundation.errors import CorruptBook as CorruptBook
    from meterbook.foundation.errors import MeterbookError as MeterbookError
    from meterbook.foundation.errors import StoreError as StoreError
    from meterbook.foundation.periods import Calendar as Calendar
    from meterbook.foundation.periods import Interval as Interval
    from meterbook.foundation.periods import Period as Period
    from meterbook.metering.events import Conflict as Conflict
    from meterbook.metering.events import Duplicate as Duplicate
    from meterbook.metering.events import Event as Event
    from meterbook.metering.events import Recorded as Recorded
    from meterbook.metering.events import Recording as Recording
    from meterbook.metering.events import Refused as Refused
    from meterbook.metering.events import Warn as Warn
    from meterbook.metering.meters import Meter as Meter
    from meterbook.metering.readings import Reading as Reading
    from meterbook.services.entries.listing import EventQuery as EventQuery

# Where each public name lives.
HOMES = {
    "Book": "meterbook.app",
    "Calendar": "meterbook.foundation.periods",
    "CallerError": "meterbook.foundation.errors",
    "Conflict": "meterbook.metering.events",
    "CorruptBook": "meterbook.foundation.errors",
    "Duplicate": "meterbook.metering.events",
    "Event": "meterbook.metering.events",
    "EventQuery": "meterbook.services.entries.listing",
    "Interval": "meterbook.foundation.periods",
    "Meter": "meterbook.metering.meters",
    "MeterbookError": "meterbook.foundation.errors",
    "Period": "meterbook.foundation.periods",
    "Reading": "meterbook.metering.readings",
    "Recorded": "meterbook.metering.events",
    "Recording": "meterbook.metering.events",
    "Refused": "meterbook.metering.events",
    "StoreError": "meterbook.foundation.errors",
    "Warn": "meterbook.metering.events",
    "errors": "meterbook.foundation",
}

__all__ = [
    "Book",
    "Calendar",
    "CallerError",
    "Conflict",
    "CorruptBook",
    "Duplicate",
    "Event",
    "EventQuery",
    "Interval",
    "Meter",
    "MeterbookError",
    "Period",
    "Reading",
    "Recorded",
    "Recording",
    "Refused",
    "StoreError",
    "Warn",
    "errors",
]


def __getattr__(name: str) -> object:
    """
    Load a public name when it is first asked for.
    """
    home = HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)

    if name == "errors":
        return importlib.import_module("meterbook.foundation.errors")

    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(HOMES)
