"""
The seats of one customer in one snapshot: the level after every change of it.

Whatever is asked of seats is asked of this: every month, who was there at a moment, the
changes one by one. It is folded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import to_micros
from meterbook.metering.aggregations import LEVELS
from meterbook.metering.readings import AsOf
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.snapshots import Snapshot
from meterbook.services.readings.usage import find_meter
from meterbook.services.readings.walking import Walk
from meterbook.services.seats.levelling import Definitions, fold_history


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.metering.members import Running
    from meterbook.metering.meters import Meter
    from meterbook.ports import Reader
    from meterbook.services.meters.compiling import ActiveMeter
    from meterbook.services.readings.usage import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatHistory:
    """
    The level of one customer, as of a place and a moment.

    Attributes:
        snapshot: Where it was read.

        meter: Which meter says it.

        customer: Whose.

        as_of: The place that can be cited, None while there is none; and the moment.

        running: The level after each change up to as-of.

        definitions: When each version of what counts as a seat was used.
    """

    snapshot: Snapshot
    meter: ActiveMeter
    customer: str
    as_of: AsOf
    running: Running
    definitions: Definitions

    @classmethod
    def of(cls, reader: Reader, asked: Asked, customer: str) -> SeatHistory:
        """
        Fold the seats of *customer*.

        Args:
            reader: One snapshot.

            asked: Of which meter, as of when.

            customer: Whose. One that the book never heard of has none.

        Raises:
            UnknownMeterError: If there is no such meter, or not in that version.

            UnknownPlaceError: If the place is not numbered yet.

            InvalidQueryError: If the meter does not count seats.
        """
        row = find_meter(reader, asked.meter_key, asked.version)
        snapshot = Snapshot.of(reader, place=asked.place)
        return cls.within(snapshot, compiled(row), customer, moment=asked.moment)

    @classmethod
    def within(
        cls,
        snapshot: Snapshot,
        meter: ActiveMeter,
        customer: str,
        *,
        moment: dt.datetime,
    ) -> SeatHistory:
        """
        Fold the seats of *customer* as *snapshot* has them, up to *moment*.

        Raises:
            InvalidQueryError: If the meter does not count seats.
        """
        check_counts_seats(meter.meter)
        definitions = Definitions()
        until = to_micros(moment) + 1
        return cls(
            snapshot=snapshot,
            meter=meter,
            customer=customer,
            as_of=AsOf(snapshot.cited([snapshot.tail(customer)]), moment),
            running=fold_history(
                snapshot, meter, customer, until=until, definitions=definitions
            ),
            definitions=definitions,
        )

    @property
    def provisional(self) -> bool:
        """
        Whether changes without a place were read: it may change, and cannot be cited.
        """
        return self.snapshot.tail(self.customer).unnumbered

    @property
    def behind(self) -> bool:
        """
        Whether more waits for a place than is read: it answers for an earlier one.
        """
        return self.snapshot.tail(self.customer).too_long

    @property
    def walk(self) -> Walk:
        """
        The events that the meter may read.
        """
        return Walk(
            snapshot=self.snapshot,
            customer=self.customer,
            type_=self.meter.meter.event_type,
        )


def check_counts_seats(meter: Meter) -> None:
    """
    Check that seats can be read of *meter*: it names members, or states one level.

    Raises:
        InvalidQueryError: If they cannot.
    """
    if meter.names_members or (meter.aggregation in LEVELS and not meter.group_by):
        return

    found = "has groups" if meter.aggregation in LEVELS else f"is a {meter.aggregation}"
    message = (
        f"meter {meter.key!r} {found}: seats are read of members, or of levels (peak, "
        "latest, time_weighted) without groups."
    )
    raise InvalidQueryError(message)


def check_names_members(meter: Meter) -> None:
    """
    Check that *meter* is told who is in, not only how many.

    Raises:
        InvalidQueryError: If it is not.
    """
    if not meter.names_members:
        message = (
            f"meter {meter.key!r} is told how many there are, not who: only a meter of "
            "members can say that."
        )
        raise InvalidQueryError(message)
