"""
The model of seats that are recorded live: a list that waits, and the instant of each.

::

    last     {(acme, seat): 12:00:00.000007}
    waiting  [join ann, leave bob]         ->  drain  ->  entries, at the next places

A transaction is a block: what it tells waits when the block has ended, unless it
raised. All that it tells of one customer and type has one instant, later than the last.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidQueryError, UnknownMeterError
from meterbook.metering.admission import Admitted
from meterbook.metering.aggregations import LEVELS
from meterbook.metering.canonical import canonical_text


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meterbook.metering.meters import Meter


SOURCE = "meterbook:seats"


class MemoryLive:
    """
    One transaction of the model. It has methods of `Live`.

    Attributes:
        told: What it tells, in order.

        instants: By customer and type, the instant of all that it tells of them.
    """

    def __init__(
        self,
        meters: Mapping[str, Sequence[Meter]],
        *,
        now: int,
        last: Mapping[tuple[str, str], int],
        next_id: int,
    ) -> None:
        """
        Args:
            meters: The versions of each meter.

            now: The moment by the clock.

            last: The last instant of each customer and type.

            next_id: The number of the next change.
        """
        self.told: list[Admitted] = []
        self.instants: dict[tuple[str, str], int] = {}
        self._meters = meters
        self._now = now
        self._last = last
        self._next_id = next_id

    def join(
        self, meter: str, *, customer: str, member: str, way: str = "", state: str = ""
    ) -> None:
        """
        Tell that *member* is in by *way*, in *state*.
        """
        said = {"way": way, "state": "" if state == "active" else state}
        facts: dict[str, object] = {name: text for name, text in said.items() if text}
        self._tell(meter, customer, {"change": "join", **facts}, member=member)

    def leave(self, meter: str, *, customer: str, member: str, way: str = "") -> None:
        """
        Tell that *member* is no longer in by *way*.
        """
        facts = {"way": way} if way else {}
        self._tell(meter, customer, {"change": "leave", **facts}, member=member)

    def baseline(self, meter: str, *, customer: str) -> None:
        """
        Tell that all members are told of from now on.
        """
        self._tell(meter, customer, {"change": "baseline"}, member=None)

    def level(self, meter: str, *, customer: str, units: int) -> None:
        """
        Tell that there are *units*.
        """
        latest = self._latest(meter)
        if latest.aggregation not in LEVELS or latest.group_by:
            raise InvalidQueryError
        assert isinstance(latest.value, str)
        number: object = Decimal(units).scaleb(-latest.scale)
        for step in reversed(latest.value.split(".")[1:]):
            number = {step: number}
        self._add(latest, customer, {latest.value.split(".")[0]: number}, None)

    def _tell(
        self,
        meter: str,
        customer: str,
        facts: dict[str, object],
        *,
        member: str | None,
    ) -> None:
        latest = self._latest(meter)
        if not latest.names_members:
            raise InvalidQueryError
        self._add(latest, customer, facts, member)

    def _add(
        self, meter: Meter, customer: str, facts: dict[str, object], member: str | None
    ) -> None:
        of = (customer, meter.event_type)
        later = max(self._now, self._last.get(of, self._now - 1) + 1)
        at = self.instants.setdefault(of, later)
        versions = self._meters[meter.key]
        text = canonical_text({"definition": len(versions), **facts}, field="data")
        assert isinstance(text, bytes)
        event_id = str(self._next_id + len(self.told))
        said = Admitted(
            SOURCE,
            event_id,
            meter.event_type,
            member,
            None,
            customer,
            at,
            True,  # noqa: FBT003 - the position is that of time_given
            text.decode(),
            "",
        )
        self.told.append(said)

    def _latest(self, key: str) -> Meter:
        versions = self._meters.get(key)
        if not versions:
            raise UnknownMeterError

        return versions[-1]
