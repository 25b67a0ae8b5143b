"""
What the floors above must bring: a store, its transactions, and a clock.

Services speak to these protocols and to nothing else of the world. A store has three
kinds of transaction::

    reading     one snapshot; nothing is written
    writing     facts are appended; all of them or none
    following   the worker's: places are given out, and what is derived is derived

Rows cross this border as tuples (see `rows`). A store of another kind keeps the same
promise, which tests/stores/test_promise.py states.
"""

from __future__ import annotations

from meterbook.ports.following import Follower
from meterbook.ports.reading import Reader
from meterbook.ports.rows import (
    ATTRIBUTION,
    ERASURES_SETTING,
    EVENT,
    NO_ERASURES,
    NOBODY,
    STATEMENT,
    VOID,
    Appended,
    AttributionRow,
    Bucket,
    Effect,
    EntryQuery,
    Known,
    Marks,
    MeterRow,
    NewEntry,
    Posting,
    QuarantineRow,
    Sighting,
    StoredEntry,
)
from meterbook.ports.store import Clock, Store
from meterbook.ports.writing import Writer


__all__ = [
    "ATTRIBUTION",
    "ERASURES_SETTING",
    "EVENT",
    "NOBODY",
    "NO_ERASURES",
    "STATEMENT",
    "VOID",
    "Appended",
    "AttributionRow",
    "Bucket",
    "Clock",
    "Effect",
    "EntryQuery",
    "Follower",
    "Known",
    "Marks",
    "MeterRow",
    "NewEntry",
    "Posting",
    "QuarantineRow",
    "Reader",
    "Sighting",
    "Store",
    "StoredEntry",
    "Writer",
]
