"""
Correcting seats: what a spike was made of is taken out, by entries that say so.

::

    10:00  1,000 members join          peak of January before: 1,004
    10:05  1,000 members leave          void both: peak after:     6

First what would change, month by month; then the same, with the number of events that
was shown, by an actor and with a reason. The events stay in the book, and a reading as
of an earlier place says what it always said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import to_micros
from meterbook.metering.readings import UNNUMBERED
from meterbook.metering.seats import SeatPeriod, running_periods
from meterbook.services.corrections.voiding import VOID_BATCH_ENTRIES, VOID_ENTRIES_MAX
from meterbook.services.entries.controls import check_accountable
from meterbook.services.seats.levelling import fold_history
from meterbook.services.seats.seat_changes import seen_between
from meterbook.services.seats.seat_history import SeatHistory


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meterbook.foundation.periods import Period
    from meterbook.ports import Reader, Store, StoredEntry
    from meterbook.services.corrections.voiding import Voider
    from meterbook.services.readings.usage import Asked
    from meterbook.services.seats.seat_changes import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """
    Which changes of seats are wrong.

    Attributes:
        customer: Whose.

        period: Those that occurred in it.

        source: Only those that this source states.

        cause: Only those of this cause.
    """

    customer: str
    period: Period
    source: str | None = None
    cause: str | None = None

    def meets(self, seen: Seen) -> bool:
        """
        Tell whether a change is one of them.
        """
        return self.source in {None, seen.effect.source} and (
            self.cause is None or self.cause == seen.data.get("cause")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedMonth:
    """
    A period whose numbers a correction changes.
    """

    before: SeatPeriod
    after: SeatPeriod


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatCorrection:
    """
    What taking changes out does.

    Attributes:
        matched_count: How many changes are taken out: state it to do so.

        waiting_count: How many more there are that have no place yet, and cannot be
            taken out before they have.

        voided_count: How many were; 0 of a preview.

        scale: How many decimal places a seat has.

        months: Those that do not stay what they are.
    """

    matched_count: int
    waiting_count: int
    voided_count: int
    scale: int
    months: tuple[CorrectedMonth, ...]


def preview_correction(
    reader: Reader,
    asked: Asked,
    wrong: Wrong,
    *,
    periods: Sequence[tuple[int, Period]],
) -> SeatCorrection:
    """
    Return what taking out what is *wrong* would change. Changes nothing.

    Args:
        reader: One snapshot.

        asked: Of which meter, as of when.

        wrong: Which changes.

        periods: The months to compare, with their numbers.

    Raises:
        UnknownMeterError: If there is no such meter.

        InvalidQueryError: If the meter does not count seats, or too many match.
    """
    history = SeatHistory.of(reader, asked, wrong.customer)
    return _compared(history, wrong, _places(history, wrong), periods)


def correct_seats(  # noqa: PLR0913 - what, who says so, why, and how many were seen
    store: Store,
    voider: Voider,
    asked: Asked,
    wrong: Wrong,
    *,
    periods: Sequence[tuple[int, Period]],
    actor: str,
    reason: str,
    expected_count: int,
    progress: Callable[[int], None] | None = None,
) -> SeatCorrection:
    """
    Take out what is *wrong*: void those changes, in order of their places.

    Stopped half way, look at the preview again: it shows what is left.

    Args:
        store: The book's store.

        voider: Voids.

        asked: Of which meter, as of when.

        wrong: Which changes.

        periods: The months to compare.

        actor: Who says so, by name.

        reason: Why.

        expected_count: The *matched_count* of the preview.

        progress: Called after each batch with how many were looked at.

    Raises:
        InvalidQueryError: If another number matches, or some have no place yet; nothing
            was changed. Also if *actor* or *reason* is missing, and as of the preview.
    """
    check_accountable(actor=actor, reason=reason)
    with store.reading() as reader:
        history = SeatHistory.of(reader, asked, wrong.customer)
        places = _places(history, wrong)
        found = _compared(history, wrong, places, periods)
        _check_expected(found, expected_count)
        targets = _entries(reader, places)
    done = voider.void_entries(targets, actor=actor, reason=reason, progress=progress)
    return SeatCorrection(
        matched_count=found.matched_count,
        waiting_count=0,
        voided_count=done.voided_count,
        scale=found.scale,
        months=found.months,
    )


def _places(history: SeatHistory, wrong: Wrong) -> list[int]:
    """
    Return the places of what is wrong, in order; some may only be lent.
    """
    seen = seen_between(history, wrong.period)
    places = sorted(one.effect.place for one in seen if wrong.meets(one))
    if len(places) > VOID_ENTRIES_MAX:
        message = (
            f"More than {VOID_ENTRIES_MAX:,} changes match: correct them in parts."
        )
        raise InvalidQueryError(message)
    return places


def _compared(
    history: SeatHistory,
    wrong: Wrong,
    places: Sequence[int],
    periods: Sequence[tuple[int, Period]],
) -> SeatCorrection:
    """
    Read *periods* with what is wrong and without it.
    """
    moment = history.as_of.moment
    before = running_periods(history.running, periods, as_of=moment)
    running = fold_history(
        history.snapshot,
        history.meter,
        wrong.customer,
        until=to_micros(moment) + 1,
        without=frozenset(places),
    )
    after = running_periods(running, periods, as_of=moment)
    waiting = sum(place >= UNNUMBERED for place in places)
    return SeatCorrection(
        matched_count=len(places) - waiting,
        waiting_count=waiting,
        voided_count=0,
        scale=history.meter.meter.scale,
        months=tuple(
            CorrectedMonth(before=one, after=other)
            for one, other in zip(before, after, strict=True)
            # Since when the peak was held may lie in another month: no number moves.
            if replace(one, reached_at=other.reached_at) != other
        ),
    )


def _check_expected(found: SeatCorrection, expected_count: int) -> None:
    if found.waiting_count:
        message = (
            f"{found.waiting_count:,} of the changes have no place yet: nothing was "
            "changed. Let the worker catch up, and look again."
        )
        raise InvalidQueryError(message)
    if found.matched_count != expected_count:
        message = (
            f"{found.matched_count:,} changes match, {expected_count:,} were expected: "
            "nothing was changed. Look at the preview again."
        )
        raise InvalidQueryError(message)


def _entries(reader: Reader, places: Sequence[int]) -> list[StoredEntry]:
    """
    Return the entries at *places*, a part at a time.
    """
    parts = [
        places[start : start + VOID_BATCH_ENTRIES]
        for start in range(0, len(places), VOID_BATCH_ENTRIES)
    ]
    return [entry for part in parts for entry in reader.entries_at(part)]
