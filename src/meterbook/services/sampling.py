"""
What meters make of events: samples by hour, keys by moment, and what they cannot take.

The one place where the rollups and the readings look into `data`, so that both see the
same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from meterbook.foundation.instants import HOUR
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meterbook.metering.tallies import Sample
    from meterbook.ports import Effect, StoredEntry
    from meterbook.services.compiling import ActiveMeter

# One hour of a group: meter, customer, grouped, hour, group.
HourKey: TypeAlias = "tuple[ActiveMeter, str, int, int, str]"

# One key of a group: meter, customer, grouped, group, key.
SeenKey: TypeAlias = "tuple[ActiveMeter, str, int, str, str]"

# Numbers with a fraction stay exact; whole ones of any size are ints.
decode_data = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class Observed:
    """
    What some meters made of some events.

    Attributes:
        samples: By hour, (occurred_at, place, units) of each event. Unsorted. For a
            unique meter the units are 1: it counts keys, and these say how many
            entries it looked at.

        keys: When each key of a unique meter was seen.

        unusable: (meter_id, place, reason).
    """

    samples: dict[HourKey, list[Sample]] = field(
        default_factory=lambda: defaultdict(list)
    )
    keys: dict[SeenKey, list[int]] = field(default_factory=lambda: defaultdict(list))
    unusable: list[tuple[int, int, str]] = field(default_factory=list)


def observe_events(
    meters: Mapping[str, Sequence[ActiveMeter]],
    events: Iterable[tuple[StoredEntry, str]],
) -> Observed:
    """
    Observe (entry, payer) pairs with every meter of their type.
    """
    observed = Observed()
    for entry, customer in events:
        readers = meters.get(entry.type)
        if readers is None:
            continue
        data = decode_data(entry.data)
        envelope = Envelope(entry.source, entry.type, entry.subject_id, entry.actor_id)
        place = entry.seq
        assert place is not None
        for meter in readers:
            _observe(
                observed, meter, customer, entry.occurred_at, place, data, envelope
            )
    return observed


def observe_effects(
    meter: ActiveMeter, customer: str, effects: Iterable[Effect], *, origin: int
) -> Observed:
    """
    Observe the events that *effects* leave standing, with one meter.

    Args:
        meter: Who observes.

        customer: Whose effects they are.

        effects: In any order.

        origin: A moment at which an hour begins; 0 for UTC hours.
    """
    observed = Observed()
    for effect in standing(effects):
        envelope = Envelope(
            effect.source, meter.meter.event_type, effect.subject_id, effect.actor_id
        )
        _observe(
            observed,
            meter,
            customer,
            effect.occurred_at,
            effect.place,
            decode_data(effect.data),
            envelope,
            origin,
        )
    return observed


def standing(effects: Iterable[Effect]) -> list[Effect]:
    """
    Return one effect for each event that counts: placed, and not taken back.
    """
    found: dict[int, Effect] = {}
    for effect in sorted(effects, key=_by_seq):
        if effect.sign > 0:
            found[effect.place] = effect
        else:
            found.pop(effect.place, None)
    return list(found.values())


def _by_seq(effect: Effect) -> int:
    return effect.seq


def _observe(  # noqa: PLR0913, PLR0917 - the parts of one event, in a hot loop
    observed: Observed,
    meter: ActiveMeter,
    customer: str,
    at: int,
    place: int,
    data: dict[str, Any],
    envelope: Envelope,
    origin: int = 0,
) -> None:
    """
    Add what *meter* makes of one event to *observed*.
    """
    seen = meter.observe(data, envelope)
    if seen is None:
        return
    if isinstance(seen, Unusable):
        observed.unusable.append((meter.meter_id, place, seen.reason))
        return
    value, group = seen
    hour = at - (at - origin) % HOUR
    if isinstance(value, str):
        sample = (at, place, 1)
        observed.keys[meter, customer, 0, "", value].append(at)
        if group:
            observed.keys[meter, customer, 1, group, value].append(at)
    else:
        sample = (at, place, value)
    observed.samples[meter, customer, 0, hour, ""].append(sample)
    if group:
        observed.samples[meter, customer, 1, hour, group].append(sample)
