"""
Checking captures: does the book say what the table says, and could it have missed it?

A check looks at one snapshot of both. It finds *drift*, seats of which they say
different things, and *blind spots*, by which changes pass unseen. A repair tells the
book what the table says, from now on, by somebody and for a reason; it does not know
when things went apart. Blind spots are mended by whoever made them, or by installing
the capture again.
"""

from __future__ import annotations

import functools

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.services.captures.drifting import compared
from meterbook.services.captures.kept_captures import kept_capture, kept_captures
from meterbook.services.captures.mending import Mended, mend
from meterbook.services.entries.controls import REASON_CHARS_MAX, check_stated
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from meterbook.ports.capturing import BlindSpot, Captor, CapturingStore
    from meterbook.services.captures.drifting import Compared, Drift
    from meterbook.services.captures.kept_captures import KeptCapture

# How the cause of an entry begins that a repair makes; the reason follows.
REPAIR_CAUSE: Final = "capture check"

# With these the table cannot be compared at all.
_CANNOT_COMPARE: Final = {"no_table", "unreadable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """
    What a check found of one capture.

    Attributes:
        capture_key: Which one.

        version: Its version.

        table: What it watches.

        customers_count: How many customers were compared; None if the table could not
            be read.

        live_units: How many members are active in the table.

        book_units: How many are by the book.

        differing: The customers where they differ, or of whom the book knows nothing.

        blind_spots: By which changes may have passed, or will pass, unseen.

        limits: What no trigger of this kind of database can see, in sentences.
    """

    capture_key: str
    version: int
    table: str
    customers_count: int | None
    live_units: int
    book_units: int
    differing: tuple[Compared, ...]
    blind_spots: tuple[BlindSpot, ...]
    limits: tuple[str, ...]

    @property
    def drift(self) -> list[Drift]:
        """
        The seats of which the table and the book say different things.
        """
        return [drift for one in self.differing for drift in one.drift]

    @property
    def unknown_customers(self) -> list[str]:
        """
        The customers of whom the book was told nothing, not even a baseline.

        They came after the capture was installed and nobody of theirs has joined yet:
        no fault, but until a repair tells their baseline the book cannot say 0.
        """
        return [one.customer for one in self.differing if not one.known]

    @property
    def clean(self) -> bool:
        """
        Whether the table and the book say the same, and will go on doing so.
        """
        return not (self.drift or self.blind_spots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """
    What a repair told the book of one capture.

    Attributes:
        capture_key: Which one.

        version: Its version, which is in the entries.

        mended: What was told, and when.
    """

    capture_key: str
    version: int
    mended: Mended


class Checker:
    """
    Compares tables with the book.
    """

    def __init__(self, store: CapturingStore, catch_up: Callable[[], object]) -> None:
        """
        Begin with a store whose database holds the application's tables, too.

        Args:
            store: The book's.

            catch_up: Lets the worker do what is left, where it may.
        """
        self._store = store
        self._catch_up = catch_up

    def check(self, key: str | None = None) -> list[Checked]:
        """
        Compare the captures that are installed, or one of them; change nothing.

        Raises:
            UnknownCaptureError: If none of this key is installed.
        """
        self._catch_up()
        with self._store.capturing(writes=False) as captor:
            return [_check(captor, kept) for kept in _asked(captor, key)]

    def repair(
        self, key: str | None = None, *, actor: str, reason: str
    ) -> list[Repaired]:
        """
        Tell the book what the tables say, where it says otherwise.

        Raises:
            UnknownCaptureError: If none of this key is installed.

            InvalidQueryError: If it is not said who does this, or why.
        """
        check_stated("actor", actor)
        longest = REASON_CHARS_MAX - len(REPAIR_CAUSE) - 2
        check_stated("reason", reason, chars_max=longest)
        said = {"actor": actor, "cause": f"{REPAIR_CAUSE}: {reason}"}
        return [self._repair(one, said) for one in self.check(key) if one.differing]

    def _repair(self, found: Checked, said: Mapping[str, str | None]) -> Repaired:
        mended = persistently(functools.partial(self._mend, found, said))
        return Repaired(
            capture_key=found.capture_key, version=found.version, mended=mended
        )

    def _mend(self, found: Checked, said: Mapping[str, str | None]) -> Mended:
        customers = {one.customer for one in found.differing}
        with self._store.capturing(writes=True) as captor:
            kept = kept_capture(captor, found.capture_key)
            # Whoever was changing these seats has committed, once they are locked.
            captor.lock_payers(kept.capture.event_type, customers)
            again = _compared(captor, kept, customers)
            return mend(captor, kept.making, again, said=said, baseline_all=False)


def _asked(captor: Captor, key: str | None) -> list[KeptCapture]:
    return kept_captures(captor) if key is None else [kept_capture(captor, key)]


def _check(captor: Captor, kept: KeptCapture) -> Checked:
    spots = tuple(captor.blind_spots(kept.making))
    can_compare = _CANNOT_COMPARE.isdisjoint(spot.code for spot in spots)
    found = _compared(captor, kept, None) if can_compare else []
    return Checked(
        capture_key=kept.capture.key,
        version=kept.version,
        table=".".join(kept.understood.table),
        customers_count=len(found) if can_compare else None,
        live_units=sum(one.live_units for one in found),
        book_units=sum(one.book_units for one in found),
        differing=tuple(one for one in found if one.drift or not one.known),
        blind_spots=spots,
        limits=tuple(captor.limits),
    )


def _compared(
    captor: Captor, kept: KeptCapture, customers: Collection[str] | None
) -> list[Compared]:
    return list(compared(captor, kept.capture, kept.understood, customers=customers))
