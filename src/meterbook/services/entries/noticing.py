"""
What is odd about an event that was recorded all the same.

=============  ==================================================================
unmatched      no meter reads events of this type
unusable       a meter reads it, and cannot take its value
unattributed   it states no customer, and its subject belongs to none yet
=============  ==================================================================

None of these keeps an event out of the book: a meter may be defined later, and so may
the customer of a subject. But whoever records should hear of it at once.
"""

from __future__ import annotations

import time

from typing import TYPE_CHECKING

from meterbook.metering.attribution import Attribution, payer
from meterbook.metering.events import Warn
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope
from meterbook.services.corrections.payers import timelines
from meterbook.services.meters.compiling import by_type


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from meterbook.metering.events import Event
    from meterbook.ports import MeterRow, NewEntry, Reader, Store
    from meterbook.services.meters.compiling import ActiveMeter


# Counts the changes of meters, so that other processes learn of them.
CATALOG_SETTING = "catalog_version"

# How stale a process may be about meters that another one defines. Looking costs one
# small query.
REFRESH_NS = 1_000_000_000

# What has no place yet comes after all that has one: attributions, then new events.
UNNUMBERED = 1 << 62
AFTER_ALL = 1 << 63

UNMATCHED = Warn(
    code="unmatched", detail="No meter reads events of this type: define one."
)
UNATTRIBUTED = Warn(
    code="unattributed",
    detail="Nobody pays for this yet: attribute its subject to a customer.",
)
ONLY_UNMATCHED = (UNMATCHED,)


class Notices:
    """
    The meters as of at most a second ago, and what they say of new events.

    Attributes:
        meters: The latest version of every meter, by the type of event that it reads.
    """

    def __init__(
        self,
        store: Store,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.meters: dict[str, list[ActiveMeter]] = {}
        self._store = store
        self._monotonic_ns = monotonic_ns
        self._version: tuple[str | None] | None = None
        self._fresh_until = -1

    def refresh(self) -> None:
        """
        Look whether meters changed, at most once a second.
        """
        if self._monotonic_ns() < self._fresh_until:
            return

        with self._store.reading() as reader:
            catalog = reader.setting(CATALOG_SETTING)
            if self._version != (catalog,):
                self.meters = by_type(latest_versions(reader))
        self._version = (catalog,)
        self._fresh_until = self._monotonic_ns() + REFRESH_NS

    def expire(self) -> None:
        """
        Look again before the next event: this process changed meters.
        """
        self._fresh_until = -1

    def of(self, event: Event, row: NewEntry) -> tuple[Warn, ...]:
        """
        Return what the meters have to say of *event*, recorded as *row*.
        """
        meters = self.meters.get(event.type)
        if meters is None:
            return ONLY_UNMATCHED

        return warnings_of(meters, event, row)


def warnings_of(
    meters: Sequence[ActiveMeter], event: Event, row: NewEntry
) -> tuple[Warn, ...]:
    """
    Return what *meters*, which read its type, say of *event*, recorded as *row*.
    """
    data = event.data
    found: tuple[Warn, ...] = ()
    for active in meters:
        if active.glance(data, row[4], row[5]):
            continue
        envelope = Envelope(row[1], row[3], row[4], row[5])
        answer = active.observe(data, envelope)
        if type(answer) is Unusable:
            key, reason = active.meter.key, answer.reason
            warn = Warn(code="unusable", meter_key=key, detail=reason)
            found = (*found, warn)
    return found


def latest_versions(reader: Reader) -> list[MeterRow]:
    """
    Return the latest version of every meter, by key.
    """
    return list({row.meter_key: row for row in reader.meters()}.values())


def unattributed(reader: Reader, rows: Iterable[NewEntry]) -> set[int]:
    """
    Return the positions of the *rows* that nobody pays for, as known now.

    One query answers for all rows that state no customer; none is made without one.
    """
    open_rows = [(index, row) for index, row in enumerate(rows) if row[6] is None]
    subjects = {row[4] for _, row in open_rows if row[4] is not None}
    owners = timelines(reader.attributions(subjects)) if subjects else {}
    return {
        index
        for index, row in open_rows
        if _payer_now(owners.get(row[4] or 0, []), occurred_at=row[7]) is None
    }


def _payer_now(owners: Sequence[Attribution], *, occurred_at: int) -> str | None:
    """
    Return who pays for an event of today that states no customer.
    """
    customer, _ = payer(
        None,
        occurred_at=occurred_at,
        seq=AFTER_ALL,
        attributions=owners,
        upto_seq=AFTER_ALL,
    )
    return customer
