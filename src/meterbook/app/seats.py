"""
The seats of a book: every subscription month, who was there, and what made the peak.

::

    book.seats.join("seats", "ann", customer="acme", way="invited", actor="bob")
    book.seats.periods("seats", "acme", anchor="2026-01-31").months[0].seats.peak_units
    book.seats.present("seats", "acme", at="2026-02-10", names=True)

Moments are aware datetimes, or text, where a bare date is midnight in *zone*. People
are shown by pseudonyms, `person-<number>`, unless names are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.asking import Asking, as_of_moment, moment_from
from meterbook.app.seat_telling import SeatTelling
from meterbook.services.corrections.voiding import Voider
from meterbook.services.entries.controls import check_stated
from meterbook.services.readings.usage import Asked
from meterbook.services.seats import (
    seat_changes,
    seat_corrections,
    seat_notes,
    seat_presence,
    seating,
)
from meterbook.services.seats.seat_history import SeatHistory


if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from meterbook.app.asking import Moment
    from meterbook.foundation.periods import Interval, Period
    from meterbook.metering.events import Conflict, Duplicate, Recorded
    from meterbook.ports import Clock, Store
    from meterbook.services.entries.recording import Recorder
    from meterbook.services.seats.live import Live
    from meterbook.services.seats.seat_changes import ChangesPage
    from meterbook.services.seats.seat_corrections import SeatCorrection, Wrong
    from meterbook.services.seats.seat_presence import Present
    from meterbook.services.seats.seating import SeatReading


class Seats:
    """
    The seats of a book.

    Attributes:
        join: Records that a member is in; see `SeatTelling.join`.

        leave: Records that one is no longer; see `SeatTelling.leave`.

        baseline: Records that all are told of; see `SeatTelling.baseline`.

        level: Records how many there are; see `SeatTelling.level`.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        work_first: Callable[[], None],
        recorder: Recorder,
        live: Callable[..., AbstractContextManager[Live]],
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock: now is as-of, unless another moment is asked for.

            work_first: Lets the worker catch up before a reading, where it runs here.

            recorder: Records what has a time of its own.

            live: Opens a transaction in which what happens now is recorded.
        """
        self._store = store
        self._clock = clock
        self._work_first = work_first
        self._voider = Voider(store, clock)
        telling = SeatTelling(store, clock, recorder=recorder, live=live)
        self.join = telling.join
        self.leave = telling.leave
        self.baseline = telling.baseline
        self.level = telling.level

    # Reading.

    def periods(  # noqa: PLR0913 - what can be asked of seats, each by its name
        self,
        meter: str,
        customer: str,
        *,
        anchor: Moment | None = None,
        interval: Interval | str = "month",
        interval_count: int = 1,
        zone: str = "UTC",
        periods: list[tuple[int, Period]] | None = None,
        as_of: Moment | None = None,
        place: int | None = None,
        version: int | None = None,
        names: bool = False,
        who: bool = False,
    ) -> SeatReading:
        """
        Return every period of seats that has started, as of a moment.

        Args:
            meter: The key of a meter of members, or of levels without groups.

            customer: Whose seats. One that the book never heard of has none.

            anchor: From where months are counted.

            interval: What periods are counted in: hour, day, week, month, ...

            interval_count: How many of those make a period.

            zone: Whose clock says when a day begins.

            periods: Instead of an anchor: these periods, with their numbers from 0.

            as_of: What occurred after this moment is not counted; now by default.

            place: The last place in the book to read: the same answer for ever.

            version: Of the meter; the latest by default.

            names: Whether to say who made each peak; else by pseudonyms.

            who: Whether to say who was there at each peak, if the meter names them.

        Raises:
            UnknownMeterError: If there is no such meter or version.

            UnknownPlaceError: If nothing has that place yet.

            InvalidPeriodError: If periods cannot be counted so.

            InvalidQueryError: If the meter does not count seats.
        """
        asked = self._asked(meter, as_of, zone, place, version)
        if periods is None:
            asking = Asking(
                anchor=anchor,
                interval=interval,
                interval_count=interval_count,
                zone=zone,
            )
            periods = list(asking.calendar().periods(asked.moment))
        check_stated("customer", customer)
        self._work_first()
        with self._store.reading() as reader:
            return seating.read_months(
                reader,
                asked,
                customer=customer,
                periods=periods,
                names=names,
                who=who,
            )

    def present(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        customer: str,
        *,
        at: Moment | None = None,
        zone: str = "UTC",
        place: int | None = None,
        version: int | None = None,
        names: bool = False,
        everybody: bool = False,
    ) -> Present:
        """
        Return who is in at the moment *at*, now by default.

        With *everybody* also those who are in a state that does not count: pending,
        suspended. Other arguments and errors are those of `periods`.

        Raises:
            InvalidQueryError: If the meter is told how many there are, and not who.
        """
        asked = self._asked(meter, at, zone, place, version)
        check_stated("customer", customer)
        self._work_first()
        with self._store.reading() as reader:
            return seat_presence.present(
                reader, asked, customer=customer, names=names, everybody=everybody
            )

    def changes(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        customer: str,
        *,
        period: Period | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        anchor: Moment | None = None,
        index: int | None = None,
        at: Moment | None = None,
        interval: Interval | str = "month",
        interval_count: int = 1,
        zone: str = "UTC",
        as_of: Moment | None = None,
        place: int | None = None,
        version: int | None = None,
        names: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> ChangesPage:
        """
        Return a page of the changes in a period, in order of time, each with the level
        after it.

        The period is said as of `Book.read`. The cursor *after* is the page before's
        `next`; *limit* is the most changes of a page. Others as of `periods`.
        """
        asking = Asking(
            period=period,
            start=start,
            end=end,
            anchor=anchor,
            index=index,
            at=at,
            interval=interval,
            interval_count=interval_count,
            zone=zone,
        )
        asked = self._asked(meter, as_of, zone, place, version)
        check_stated("customer", customer)
        self._work_first()
        with self._store.reading() as reader:
            history = SeatHistory.of(reader, asked, customer)
            return seat_changes.changes_between(
                history, asking.chosen(), names=names, after=after, limit=limit
            )

    # What there is to say of a number, and mending it.

    def annotate(
        self,
        meter: str,
        customer: str,
        *,
        at: Moment,
        actor: str,
        text: str,
    ) -> Recorded | Duplicate | Conflict:
        """
        Note *text* beside the seats at the moment *at*. It changes no number.

        The same note twice is one.

        Raises:
            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If the meter does not count seats, or *actor* or *text*
                is missing.
        """
        return seat_notes.annotate(
            self._store,
            self._clock,
            meter,
            customer=customer,
            at=moment_from(at),
            actor=actor,
            text=text,
        )

    def preview_correction(
        self, meter: str, wrong: Wrong, *, periods: list[tuple[int, Period]]
    ) -> SeatCorrection:
        """
        Return what taking out what is *wrong* does to *periods*. Changes nothing.

        Raises:
            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If the meter does not count seats, or too many match.
        """
        asked = self._asked(meter, None, "UTC", None, None)
        check_stated("customer", wrong.customer)
        self._work_first()
        with self._store.reading() as reader:
            return seat_corrections.preview_correction(
                reader, asked, wrong, periods=periods
            )

    def correct(  # noqa: PLR0913 - what, who says so, why, and how many were seen
        self,
        meter: str,
        wrong: Wrong,
        *,
        periods: list[tuple[int, Period]],
        actor: str,
        reason: str,
        expected_count: int,
        progress: Callable[[int], None] | None = None,
    ) -> SeatCorrection:
        """
        Take out what is *wrong*: void those changes, as many as the preview said.

        See `services.seats.seat_corrections.correct_seats`.
        """
        asked = self._asked(meter, None, "UTC", None, None)
        check_stated("customer", wrong.customer)
        self._work_first()
        return seat_corrections.correct_seats(
            self._store,
            self._voider,
            asked,
            wrong,
            periods=periods,
            actor=actor,
            reason=reason,
            expected_count=expected_count,
            progress=progress,
        )

    def _asked(
        self,
        meter: str,
        as_of: Moment | None,
        zone: str,
        place: int | None,
        version: int | None,
    ) -> Asked:
        return Asked(
            meter_key=meter,
            version=version,
            by=(),
            moment=as_of_moment(as_of, now=self._clock.now(), zone=zone),
            place=place,
        )
