"""
Capturing: an application's own membership table tells the book who is in.

::

    membership                    triggers                       the book
    INSERT, UPDATE, DELETE, ... ------------> queue -----------> entries
         |                                                          |
         +--------------- capture check: the same? -----------------+

Installing makes the triggers and, in the same transaction, tells what is there already:
a baseline for every customer, so that nothing before it reads as zero, and a join for
every member. From then on the table and the book say the same; the check compares them.
"""

from __future__ import annotations

import contextlib

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from meterbook.foundation.errors import InvalidCaptureError, StoreError
from meterbook.foundation.instants import to_moment
from meterbook.metering.captures import constant_way
from meterbook.ports.capturing import Making
from meterbook.services.captures.declaring import captures_in
from meterbook.services.captures.drifting import compared
from meterbook.services.captures.kept_captures import (
    kept_capture,
    kept_captures,
    row_of,
)
from meterbook.services.captures.mending import mend
from meterbook.services.entries.controls import check_stated
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable

    from meterbook.metering.captures import Capture
    from meterbook.ports import Clock
    from meterbook.ports.capturing import Captor, CapturingStore, Understood
    from meterbook.services.captures.kept_captures import KeptCapture

Action: TypeAlias = Literal["installed", "changed", "mended", "unchanged"]

# Why the entries are there that installing makes.
INSTALL_CAUSE: Final = "capture install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """
    What installing a capture would run.

    Attributes:
        capture_key: Which one.

        version: The version that it would be.

        statements: In order.
    """

    capture_key: str
    version: int
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """
    What installing a capture did.

    Attributes:
        capture_key: Which one.

        version: The version that is in every entry it makes from now on.

        action: `installed`; `changed` to another version; `mended`, where the triggers
            were not what they should be; or `unchanged`: nothing was done.

        customers_count: How many customers got a baseline.

        told_count: How many joins and leaves were told beside.

        occurred_at: The one instant of all that; None if nothing was done.

        unique: An index keeps two rows from being one seat. Without one, each change
            looks for other rows of the same member.
    """

    capture_key: str
    version: int
    action: Action
    customers_count: int = 0
    told_count: int = 0
    occurred_at: dt.datetime | None = None
    unique: bool = True


class Capturing:
    """
    The way to put a capture on a table, and to take it away.
    """

    def __init__(
        self, store: CapturingStore, clock: Clock, catch_up: Callable[[], object]
    ) -> None:
        """
        Begin with a store whose database holds the application's tables, too.

        Args:
            store: The book's.

            clock: The book's.

            catch_up: Lets the worker do what is left.
        """
        self._store = store
        self._clock = clock
        self._catch_up = catch_up

    def script(self, text: str) -> list[Script]:
        """
        Return what installing the declarations of a TOML file would run; run nothing.

        Raises:
            InvalidCaptureError: If one of them cannot be installed.
        """
        captures = captures_in(text)
        found: list[Script] = []
        with contextlib.suppress(_UndoneError), self._store.capturing(writes=True) as c:
            for capture in captures:
                making = _next_making(c, capture, c.understand(capture))
                found.append(
                    Script(
                        capture_key=capture.key,
                        version=making.version,
                        statements=tuple(c.script(making)),
                    )
                )
            # Finding out what names mean can take a table for a moment.
            raise _UndoneError
        return found

    def install(self, text: str, *, actor: str | None = None) -> list[Installed]:
        """
        Make the triggers of the declarations of a TOML file, all of them or none.

        Raises:
            InvalidCaptureError: If one cannot be installed: nothing was changed.

            StoreError: A retryable one if a table is in use for too long.
        """
        if actor is not None:
            check_stated("actor", actor)
        captures = captures_in(text)
        self.let_worker_catch_up()
        now = self._clock.now()

        def make() -> list[Installed]:
            with self._store.capturing(writes=True) as captor:
                return [_install(captor, one, actor, now) for one in captures]

        return persistently(make)

    def kept(self, *, removed: bool = False) -> list[KeptCapture]:
        """
        Return the captures that are installed, by key.

        Args:
            removed: Also every older version, and those that were removed.
        """
        with self._store.capturing(writes=False) as captor:
            return kept_captures(captor, removed=removed)

    def remove(self, key: str) -> KeptCapture:
        """
        Take the triggers of a capture away.

        The book keeps what was told: its level stays what it was.

        Raises:
            UnknownCaptureError: If none of this key is installed.
        """
        now = self._clock.now()

        def take_away() -> KeptCapture:
            with self._store.capturing(writes=True) as captor:
                found = kept_capture(captor, key)
                captor.drop_triggers(key, found.understood)
                _end(captor, key, at=now)
            return replace(found, removed_at=to_moment(now))

        return persistently(take_away)

    def let_worker_catch_up(self) -> None:
        """
        Let the worker do what is left, if it may run here; else it is read as it is.
        """
        with contextlib.suppress(StoreError):
            if self._store.can_follow:
                self._catch_up()


class _UndoneError(Exception):
    """
    Raised to leave a transaction without a trace.
    """


def _end(captor: Captor, key: str, *, at: int) -> None:
    """
    Write that what is installed of *key*, if anything, ends at the moment *at*.
    """
    for row in captor.captures():
        if row.capture_key == key and row.removed_at is None:
            captor.keep_capture(row._replace(removed_at=at))


def _next_making(captor: Captor, capture: Capture, understood: Understood) -> Making:
    """
    Return what the triggers of *capture* are to be made from.

    A version is never given to another definition, also after a removal.

    Raises:
        InvalidCaptureError: If the writer takes it for another version, or it cannot
            be told apart from another capture.
    """
    rows = kept_captures(captor, removed=True)
    own = [kept for kept in rows if kept.capture.key == capture.key]
    last = own[-1] if own else None
    version = 1
    if last is not None:
        same = last.capture.definition() == capture.definition()
        version = last.version if same else last.version + 1
    if capture.version not in {None, version}:
        message = (
            f"capture {capture.key!r}: version {capture.version} is declared, and this"
            f" is version {version}: look at what changed."
        )
        raise InvalidCaptureError(message)

    for kept in rows:
        if kept.removed_at is None and kept.capture.key != capture.key:
            _refuse_mixture(capture, kept.capture)
    return Making(capture.key, version, capture.event_type, understood)


def _refuse_mixture(capture: Capture, other: Capture) -> None:
    """
    Refuse two captures whose seats could not be told apart in the book.
    """
    if capture.event_type != other.event_type:
        return

    ways = (constant_way(capture.way), constant_way(other.way))
    if None in ways or ways[0] == ways[1]:
        message = (
            f"capture {capture.key!r}: event_type {capture.event_type} is also that of"
            f" the capture {other.key!r}: give each a way of its own, as in way ="
            " \"'invited'\"."
        )
        raise InvalidCaptureError(message)


def _install(
    captor: Captor, capture: Capture, actor: str | None, now: int
) -> Installed:
    understood = captor.understand(capture)
    making = _next_making(captor, capture, understood)
    understood = replace(understood, made=captor.digests(making))
    making = making._replace(understood=understood)
    action = _action(captor, making)
    if action == "unchanged":
        return Installed(
            capture_key=capture.key,
            version=making.version,
            action=action,
            unique=understood.unique,
        )

    captor.make_triggers(making)
    _end(captor, capture.key, at=now)
    captor.keep_capture(row_of(capture, making, at=now))
    found = list(compared(captor, capture, understood))
    mended = mend(
        captor,
        making,
        found,
        said={"actor": actor, "cause": INSTALL_CAUSE},
        baseline_all=True,
    )
    return Installed(
        capture_key=capture.key,
        version=making.version,
        action=action,
        customers_count=mended.baselines,
        told_count=mended.joins + mended.leaves,
        occurred_at=mended.occurred_at,
        unique=understood.unique,
    )


def _action(captor: Captor, making: Making) -> Action:
    """
    Return what there is to do for a capture.
    """
    there = [kept for kept in kept_captures(captor) if kept.capture.key == making.key]
    if not there:
        return "installed"
    if there[-1].version != making.version:
        return "changed"
    if there[-1].understood != making.understood:
        return "mended"
    if any(spot.code.startswith("trigger_") for spot in captor.blind_spots(making)):
        return "mended"
    return "unchanged"
