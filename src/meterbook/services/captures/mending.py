"""
Mending: what the table says is told to the book, at one instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.foundation.instants import to_moment
from meterbook.ports import EVENT
from meterbook.services.captures.drifting import erased, tellings
from meterbook.services.entries.controls import control_row
from meterbook.services.worker.draining import SEATS_SOURCE


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Mapping, Sequence

    from meterbook.ports import NewEntry
    from meterbook.ports.capturing import Captor, Making
    from meterbook.services.captures.drifting import Compared, Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """
    What was told to the book.

    Attributes:
        occurred_at: The one instant of all of it; None if there was nothing to tell.

        baselines: How many customers are known from then on, zero or not.

        joins: How many members came in, or got another state.

        leaves: How many went out.
    """

    occurred_at: dt.datetime | None = None
    baselines: int = 0
    joins: int = 0
    leaves: int = 0


def mend(
    captor: Captor,
    making: Making,
    found: Sequence[Compared],
    *,
    said: Mapping[str, str | None],
    baseline_all: bool,
) -> Mended:
    """
    Tell the book what the table says of every customer that was compared.

    Args:
        captor: A transaction that writes.

        making: The capture.

        found: What was compared in it.

        said: By whom, as `actor`, and why, as `cause`.

        baseline_all: Whether every customer gets a baseline; else those of whom
            nothing is known.
    """
    told = tellings(found, baseline_all=baseline_all)
    gone = erased(found)
    customers = {one.customer for one in told} | {one.customer for one in gone}
    if not customers:
        return Mended()

    at = captor.lock_payers(making.event_type, customers)
    captor.tell_seats(
        told,
        type_=making.event_type,
        definition=making.version,
        occurred_at=at,
        said=said,
    )
    if gone:
        captor.append(_leaves(captor, making, gone, said=said, at=at))
    changes = [one.change for one in told]
    return Mended(
        occurred_at=to_moment(at),
        baselines=changes.count("baseline"),
        joins=changes.count("join"),
        leaves=changes.count("leave") + len(gone),
    )


def _leaves(
    captor: Captor,
    making: Making,
    gone: Sequence[Drift],
    *,
    said: Mapping[str, str | None],
    at: int,
) -> list[NewEntry]:
    """
    Return entries by which people leave whose names were erased.

    What waits in the queue is told by name, and they have none.
    """
    actor = said["actor"]
    actor_id = None if actor is None else captor.name_people([actor])[actor]
    return [
        control_row(
            EVENT,
            source=SEATS_SOURCE,
            event_id=f"erased:{making.key}:{at}:{index}",
            type_=making.event_type,
            subject_id=int(drift.member),
            customer=drift.customer,
            actor_id=actor_id,
            occurred_at=at,
            data=_facts(drift, making, said["cause"]),
            now=at,
        )
        for index, drift in enumerate(gone)
    ]


def _facts(drift: Drift, making: Making, cause: str | None) -> dict[str, object]:
    facts: dict[str, object] = {"change": "leave", "definition": making.version}
    if drift.way:
        facts["way"] = drift.way
    if cause:
        facts["cause"] = cause
    return facts
