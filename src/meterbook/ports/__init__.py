"""
What the floors above must bring: a store, its transactions, and a clock.

Services speak to these protocols and to nothing else of the world. A store has these
kinds of transaction::

    reading     one snapshot; nothing is written
    writing     facts are appended; all of them or none
    live        likewise, and seats; it may be a caller's own
    draining    the worker's: seats that wait become entries
    following   the worker's: places are given out, and what is derived is derived

Rows cross this border as tuples (see `rows`). A store of another kind keeps the same
promise, which tests/stores/test_promise.py states.
"""

from __future__ import annotations

from meterbook.ports.following import Follower
from meterbook.ports.live import (
    BASELINE,
    JOIN,
    LEAVE,
    LEVEL,
    Heard,
    LiveWriter,
    SeatChange,
    SeatQueue,
    Told,
)
from meterbook.ports.proving import (
    ORIGIN_SETTING,
    CheckpointRow,
    TreeGrower,
    TreeReader,
)
from meterbook.ports.reading import Reader
from meterbook.ports.rows import (
    ATTRIBUTION,
    CLOCK_SETTING,
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
    HistoryRow,
    Known,
    Marks,
    MeterRow,
    NewEntry,
    PaidEvent,
    Posting,
    QuarantineRow,
    Sighting,
    Stated,
    StoredEntry,
)
from meterbook.ports.store import Clock, Store
from meterbook.ports.writing import Writer


__all__ = [
    "ATTRIBUTION",
    "BASELINE",
    "CLOCK_SETTING",
    "ERASURES_SETTING",
    "EVENT",
    "JOIN",
    "LEAVE",
    "LEVEL",
    "NOBODY",
    "NO_ERASURES",
    "ORIGIN_SETTING",
    "STATEMENT",
    "VOID",
    "Appended",
    "AttributionRow",
    "Bucket",
    "CheckpointRow",
    "Clock",
    "Effect",
    "EntryQuery",
    "Follower",
    "Heard",
    "HistoryRow",
    "Known",
    "LiveWriter",
    "Marks",
    "MeterRow",
    "NewEntry",
    "PaidEvent",
    "Posting",
    "QuarantineRow",
    "Reader",
    "SeatChange",
    "SeatQueue",
    "Sighting",
    "Stated",
    "Store",
    "StoredEntry",
    "Told",
    "TreeGrower",
    "TreeReader",
    "Writer",
]
