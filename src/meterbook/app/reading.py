"""
Reading a book: a meter, a customer, a period, as of a place and a moment.

The question is put together here; `services.readings.usage` answers it. Every reading
of one call is of one snapshot, so they agree with each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.asking import Asking, as_of_moment
from meterbook.services.entries.controls import check_stated
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings import explaining, usage
from meterbook.services.readings.usage import Asked


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from meterbook.app.asking import Moment
    from meterbook.foundation.periods import Interval, Period
    from meterbook.metering.readings import Reading
    from meterbook.ports import Clock, Store
    from meterbook.services.readings.explaining import ExplainPage


class MeterReader:
    """
    The way to numbers.
    """

    def __init__(
        self, store: Store, clock: Clock, work_first: Callable[[], None]
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock: now is as-of, unless another moment is asked for.

            work_first: Lets the worker catch up before a reading, where it runs here.
        """
        self._store = store
        self._clock = clock
        self._work_first = work_first

    def read(  # noqa: PLR0913 - what can be asked of a meter, each by its name
        self,
        meter_key: str,
        *,
        customer: str,
        period: Period | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        anchor: Moment | None = None,
        index: int | None = None,
        at: Moment | None = None,
        interval: Interval | str = "month",
        interval_count: int = 1,
        zone: str = "UTC",
        group_by: Sequence[str] | None = None,
        as_of: Moment | None = None,
        place: int | None = None,
        version: int | None = None,
    ) -> Reading:
        """
        Return what a meter says of one customer and period.

        Args:
            meter_key: Which meter.

            customer: Whose usage. One that the book never heard of has used nothing.

            period: The stretch to read, or

            start: its first moment

            end: and the first one after; or

            anchor: from where periods are counted: moments are aware, or text, where
                a bare date is midnight in *zone*;

            index: which of these periods, from 0, the first one if it is not said; or

            at: the one that contains this moment.

            interval: What periods are counted in: hour, day, week, month, quarter,
                year.

            interval_count: How many of those make a period.

            zone: Whose clock says when a day begins.

            group_by: Names of the meter's groups to tell apart.

            as_of: What occurred after this moment is not counted; now by default.

            place: The last place in the book to read: the same answer for ever. All
                there is by default; provisional while something has no place.

            version: Of the meter; the latest by default.

        Raises:
            UnknownMeterError: If there is no such meter or version.

            UnknownPlaceError: If nothing has that place yet.

            InvalidPeriodError: If there is no such period.

            InvalidQueryError: If the period is not said in exactly one way, or the
                meter has no such groups.
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
        asked = self._asked(meter_key, group_by, as_of, zone, place, version)
        [reading] = self._read(asked, [customer], [asking.chosen()])
        return reading

    def read_periods(  # noqa: PLR0913 - likewise
        self,
        meter_key: str,
        *,
        customer: str,
        anchor: Moment,
        interval: Interval | str = "month",
        interval_count: int = 1,
        zone: str = "UTC",
        group_by: Sequence[str] | None = None,
        as_of: Moment | None = None,
        place: int | None = None,
        version: int | None = None,
    ) -> list[Reading]:
        """
        Return what a meter says of every period that has started, as of a moment.

        Arguments and errors are those of `read`.
        """
        asking = Asking(
            anchor=anchor, interval=interval, interval_count=interval_count, zone=zone
        )
        asked = self._asked(meter_key, group_by, as_of, zone, place, version)
        listed = [period for _, period in asking.calendar().periods(asked.moment)]
        return self._read(asked, [customer], listed)

    def read_many(  # noqa: PLR0913 - likewise
        self,
        meter_key: str,
        *,
        customers: Iterable[str] | None,
        periods: Sequence[Period],
        group_by: Sequence[str] | None = None,
        as_of: Moment | None = None,
        place: int | None = None,
        version: int | None = None,
    ) -> list[Reading]:
        """
        Return what a meter says of many customers and periods, in one snapshot.

        Without *customers*: of all that the worker has seen using it. Other arguments
        and errors are those of `read`.

        Returns:
            Customers first: all periods of the first one, then of the next.
        """
        asked = self._asked(meter_key, group_by, as_of, "UTC", place, version)
        return self._read(asked, customers, periods)

    def read_pooled(  # noqa: PLR0913 - likewise
        self,
        meter_key: str,
        *,
        customers: Iterable[str] | None,
        periods: Sequence[Period],
        group_by: Sequence[str] | None = None,
        as_of: Moment | None = None,
        place: int | None = None,
        version: int | None = None,
    ) -> list[Reading]:
        """
        Return what a meter says of several customers together, for each period.

        Usage is added up, and a key that several of them used is counted once. Without
        *customers*: of all that the worker has seen. Arguments are those of `read`.

        Raises:
            InvalidQueryError: If the meter reads levels: they do not add up.
        """
        asked = self._asked(meter_key, group_by, as_of, "UTC", place, version)
        return self._read(asked, customers, periods, pooled=True)

    def explain(  # noqa: PLR0913 - likewise
        self,
        meter_key: str,
        *,
        customer: str,
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
        after: str | None = None,
        limit: int = 100,
    ) -> ExplainPage:
        """
        Return a reading and a page of the entries behind it.

        The cursor *after* is the page before's `next`, None for the first page; *limit*
        is the most entries of a page. Other arguments and errors are those of `read`.
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
        asked = self._asked(meter_key, None, as_of, zone, place, version)
        check_stated("customer", customer)
        self._work_first()
        with self._store.reading() as reader:
            return explaining.explain(
                reader,
                asked,
                customer=customer,
                period=asking.chosen(),
                after=after,
                limit=limit,
            )

    def _asked(  # noqa: PLR0913, PLR0917 - likewise
        self,
        meter_key: str,
        group_by: Sequence[str] | None,
        as_of: Moment | None,
        zone: str,
        place: int | None,
        version: int | None,
    ) -> Asked:
        """
        Return what is asked, whoever and whenever it is asked of.
        """
        now = self._clock.now()
        return Asked(
            meter_key=meter_key,
            version=version,
            by=tuple(group_by or ()),
            moment=as_of_moment(as_of, now=now, zone=zone),
            place=place,
        )

    def _read(
        self,
        asked: Asked,
        customers: Iterable[str] | None,
        periods: Sequence[Period],
        *,
        pooled: bool = False,
    ) -> list[Reading]:
        if customers is not None:
            customers = list(customers)
            for customer in customers:
                check_stated("customer", customer)
        self._work_first()
        with self._store.reading() as reader:
            if customers is None:
                row = usage.find_meter(reader, asked.meter_key, asked.version)
                type_ = compiled(row).meter.event_type
                customers = reader.customers(type_=type_)
            read = usage.read_pooled if pooled else usage.read
            return list(read(reader, asked, customers=customers, periods=periods))
