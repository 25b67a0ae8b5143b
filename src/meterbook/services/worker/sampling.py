"""
What meters make of events: samples by hour, keys by moment, and what they cannot take.

The one place where the rollups and the readings look into `data`, so that both see the
same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from meterbook.foundation.instants import DAY, HOUR, month_of
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope
from meterbook.metering.uniques import sight
from meterbook.ports import Sighting


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meterbook.metering.observing import Sample as Taken
    from meterbook.metering.tallies import Sample, State
    from meterbook.metering.uniques import Seen
    from meterbook.ports import Effect
    from meterbook.services.meters.compiling import ActiveMeter

# One hour of a customer: who, and when it starts.
Slot: TypeAlias = tuple[str, int]

# Likewise of one group, by the group's text.
GroupSlot: TypeAlias = tuple[str, int, str]

# A unique meter's key in one UTC month: customer, grouped or not, month, group, key.
SeenKey: TypeAlias = tuple[str, int, int, str, str]

# An event that counts for a customer, ready for meters: its hour, occurred_at, place,
# data, envelope. Plain, because there is one for every event.
Fact: TypeAlias = tuple[Slot, int, int, dict[str, Any], Envelope]

# What a meter sees in an event: its hour, occurred_at, place, and what observing says.
Sight: TypeAlias = tuple[Slot, int, int, "Taken | Unusable | None"]

# Numbers with a fraction stay exact; whole ones of any size are ints.
decode_data = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class Observed:
    """
    What one meter made of some events.

    Attributes:
        samples: By hour, (occurred_at, place, units) of each event. Unsorted. For a
            unique meter the units are 1: it counts keys, and these say how many
            entries it looked at.

        group_samples: Likewise by hour and group, for a meter with groups.

        seen: When each key of a unique meter was first and last seen in a month.

        unusable: (place, reason).
    """

    samples: dict[Slot, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    group_samples: dict[GroupSlot, list[Sample]] = field(
        default_factory=lambda: defaultdict(list)
    )
    seen: dict[SeenKey, Seen] = field(default_factory=dict)
    unusable: list[tuple[int, str]] = field(default_factory=list)

    def states(self, meter: ActiveMeter) -> Iterator[tuple[str, int, int, str, State]]:
        """
        Yield (customer, grouped, hour, group, state) of each hour.
        """
        for (customer, hour), samples in self.samples.items():
            yield customer, 0, hour, "", _state(meter, samples)
        for (customer, hour, group), samples in self.group_samples.items():
            yield customer, 1, hour, group, _state(meter, samples)

    def by_group(self) -> Iterator[tuple[int, str, list[Sample]]]:
        """
        Yield (grouped, group, samples) of each hour.
        """
        for samples in self.samples.values():
            yield 0, "", samples
        for (_, _, group), samples in self.group_samples.items():
            yield 1, group, samples

    def sightings(self, meter_id: int) -> Iterator[Sighting]:
        """
        Yield what was seen, in the order of the rows that keep it.
        """
        for key in sorted(self.seen):
            yield Sighting(meter_id, *key, *self.seen[key])


def _state(meter: ActiveMeter, samples: list[Sample]) -> State:
    if meter.is_level:
        samples.sort()
    state = meter.fold(samples)
    assert state is not None
    return state


def facts_left(
    effects: Iterable[Effect], *, customer: str, type_: str, origin: int
) -> list[Fact]:
    """
    Return the events that *effects* leave standing, as meters look at them.
    """
    return [
        (
            (customer, effect.occurred_at - (effect.occurred_at - origin) % HOUR),
            effect.occurred_at,
            effect.place,
            decode_data(effect.data),
            Envelope(effect.source, type_, effect.subject_id, effect.actor_id),
        )
        for effect in standing(effects)
    ]


def observe_effects(
    meter: ActiveMeter, customer: str, effects: Iterable[Effect], *, origin: int
) -> Observed:
    """
    Observe the events that *effects* leave standing.

    Args:
        meter: Who observes.

        customer: Whose effects they are.

        effects: In any order.

        origin: A moment at which an hour begins; 0 for UTC hours.
    """
    type_ = meter.meter.event_type
    facts = facts_left(effects, customer=customer, type_=type_, origin=origin)
    return observe(meter, facts)


def observe(meter: ActiveMeter, facts: Iterable[Fact]) -> Observed:
    """
    Observe *facts*, in any order, all of the type that *meter* reads.
    """
    look = meter.observe
    return collect(
        meter,
        (
            (slot, at, place, look(data, envelope))
            for slot, at, place, data, envelope in facts
        ),
    )


def collect(meter: ActiveMeter, sights: Iterable[Sight]) -> Observed:
    """
    Return what was observed, of what *meter* sees in each event, in any order.
    """
    if meter.is_members:
        return _collect_unusable(sights)

    return _collect_keys(sights) if meter.is_unique else _collect_units(sights)


def _collect_unusable(sights: Iterable[Sight]) -> Observed:
    """
    Collect what a meter of members cannot take, and no samples.

    Who is present after a change depends on all the changes before it, so there is
    nothing that an hour could keep; `services.seats.levelling` folds them.
    """
    observed = Observed()
    for _, _, place, seen in sights:
        if isinstance(seen, Unusable):
            observed.unusable.append((place, seen.reason))
    return observed


def _collect_units(sights: Iterable[Sight]) -> Observed:
    observed = Observed()
    samples, group_samples = observed.samples, observed.group_samples
    for slot, at, place, seen in sights:
        if isinstance(seen, tuple):
            value, group = cast("tuple[int, str]", seen)
            sample = (at, place, value)
            samples[slot].append(sample)
            if group:
                group_samples[*slot, group].append(sample)
        elif seen is not None:
            observed.unusable.append((place, seen.reason))
    return observed


def _collect_keys(sights: Iterable[Sight]) -> Observed:
    observed = Observed()
    samples, group_samples = observed.samples, observed.group_samples
    months = _Months()
    for slot, at, place, seen in sights:
        if isinstance(seen, tuple):
            key, group = cast("tuple[str, str]", seen)
            month = months[at - at % DAY]
            sample = (at, place, 1)
            samples[slot].append(sample)
            _widen(observed.seen, (slot[0], 0, month, "", key), at)
            if group:
                group_samples[*slot, group].append(sample)
                _widen(observed.seen, (slot[0], 1, month, group, key), at)
        elif seen is not None:
            observed.unusable.append((place, seen.reason))
    return observed


class _Months(dict[int, int]):
    """
    The start of the UTC month of each day that was asked for.
    """

    def __missing__(self, day: int) -> int:
        month = self[day] = month_of(day)[0]
        return month


def _widen(seen: dict[SeenKey, Seen], key: SeenKey, at: int) -> None:
    known = seen.get(key)
    if known is None or not known[0] <= at <= known[1]:
        seen[key] = sight(known, at)


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
