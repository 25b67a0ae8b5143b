"""
The captures that a book keeps: every version, and which of them are installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from meterbook.foundation.errors import UnknownCaptureError
from meterbook.foundation.instants import to_moment
from meterbook.metering.captures import constant_way, stored_capture
from meterbook.ports.capturing import CaptureRow, Making, Understood


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.metering.captures import Capture
    from meterbook.ports.capturing import Captor

_encode = msgspec.json.Encoder(order="deterministic").encode
_understood = msgspec.json.Decoder(Understood).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCapture:
    """
    A version of a capture, as the book keeps it.

    Attributes:
        capture: What was declared.

        version: Counted from 1 for each key.

        understood: How the database understood it.

        installed_at: When its triggers were made, by the book's clock.

        removed_at: When they were taken away; None while they are there.
    """

    capture: Capture
    version: int
    understood: Understood
    installed_at: dt.datetime
    removed_at: dt.datetime | None

    @property
    def making(self) -> Making:
        """
        What its triggers are made from.
        """
        capture = self.capture
        return Making(capture.key, self.version, capture.event_type, self.understood)


def kept_captures(captor: Captor, *, removed: bool = False) -> list[KeptCapture]:
    """
    Return the captures that are installed, or every version of every one, by key.
    """
    rows = captor.captures()
    return [_kept(row) for row in rows if removed or row.removed_at is None]


def kept_capture(captor: Captor, key: str) -> KeptCapture:
    """
    Return the capture *key* that is installed.

    Raises:
        UnknownCaptureError: If there is none.
    """
    for found in kept_captures(captor):
        if found.capture.key == key:
            return found
    message = f"No capture {key!r} is installed: see `meterbook capture list`."
    raise UnknownCaptureError(message)


@dataclass(frozen=True, slots=True)
class Scope:
    """
    The ways in that are one capture's to tell of, among those of its type of events.

    Attributes:
        own: Those that it has now, or had in an earlier version; None for all.

        others: Those of other captures that are installed.
    """

    own: frozenset[str] | None
    others: frozenset[str]

    def has(self, way: str) -> bool:
        """
        Tell whether a seat by this *way* is the capture's.
        """
        return way not in self.others and (self.own is None or way in self.own)


def scope_of(captor: Captor, capture: Capture) -> Scope:
    """
    Return which ways are to be compared with the table of *capture*.

    A version that had another way left seats behind; they are of the same capture.
    """
    kept = [
        one
        for one in kept_captures(captor, removed=True)
        if one.capture.event_type == capture.event_type
    ]
    own = {constant_way(one.capture.way) for one in kept if _same_key(one, capture)}
    own.add(constant_way(capture.way))
    others = {
        constant_way(one.capture.way)
        for one in kept
        if not _same_key(one, capture) and one.removed_at is None
    }
    return Scope(
        own=None if None in own else frozenset(way for way in own if way is not None),
        others=frozenset(way for way in others if way is not None),
    )


def _same_key(kept: KeptCapture, capture: Capture) -> bool:
    return kept.capture.key == capture.key


def row_of(capture: Capture, making: Making, *, at: int) -> CaptureRow:
    """
    Return the row of a version whose triggers are made at the moment *at*.
    """
    return CaptureRow(
        capture_key=capture.key,
        version=making.version,
        definition=_encode(capture.definition()).decode(),
        made=_encode(making.understood).decode(),
        installed_at=at,
        removed_at=None,
    )


def _kept(row: CaptureRow) -> KeptCapture:
    removed = row.removed_at
    return KeptCapture(
        capture=stored_capture(row.capture_key, msgspec.json.decode(row.definition)),
        version=row.version,
        understood=_understood(row.made),
        installed_at=to_moment(row.installed_at),
        removed_at=None if removed is None else to_moment(removed),
    )
