"""
What a step of the worker adds to the rollups of each meter, by columns.

::

    events of a part --by type--> by customer and time --> columns --> states, keys
                                  (for all meters)         (each field
                                                            read once)

`services.worker.sampling` says what a meter makes of events one by one; here the
same is said of many, several times as fast. Needs no database, so it can be done while
one is busy.

Laws (tests/services/test_observing.py):
    - *Oracle*: it is the fold of what `observe` makes of the same events.
    - *Parts*: events may come in any parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from meterbook.foundation.instants import HOUR, month_of
from meterbook.metering import tallies
from meterbook.metering.columns import columns_of
from meterbook.metering.paths import Envelope
from meterbook.metering.uniques import sight
from meterbook.ports import Sighting
from meterbook.services.worker.sampling import Observed, collect, decode_data, observe


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from meterbook.metering.columns import Columns, Samples
    from meterbook.metering.observing import Sample, Unusable
    from meterbook.metering.tallies import State
    from meterbook.metering.uniques import Seen
    from meterbook.ports import PaidEvent
    from meterbook.services.meters.compiling import ActiveMeter
    from meterbook.services.worker.sampling import Fact, Sight, Slot

_by_payer_and_time: Final = itemgetter(2, 3)

# An hour: customer, grouped or not, its start, the group.
HourKey: TypeAlias = tuple[str, int, int, str]

# A month of a unique meter: likewise.
MonthKey: TypeAlias = tuple[str, int, int, str]


def add_all(
    additions: Mapping[str, Sequence[Additions]], events: Iterable[PaidEvent]
) -> None:
    """
    Add *events* to the *additions* of the meters that read them, given by type.
    """
    by_type: dict[str, list[PaidEvent]] = {type_: [] for type_ in additions}
    for event in events:
        if event[1] in by_type:
            by_type[event[1]].append(event)
    for type_, found in by_type.items():
        if found:
            meters = [of_meter.meter for of_meter in additions[type_]]
            columns = _Events.of(type_, found, meters)
            for of_meter in additions[type_]:
                of_meter.add(columns)


@dataclass(frozen=True, slots=True)
class Additions:
    """
    What events add to the rollups of one meter.

    Attributes:
        states: Of each hour. Not of levels: these are folded when all are there,
            because they must be in order.

        levels: The samples of a level meter.

        seen: When each key of a unique meter was first and last seen in a month.

        unusable: (place, reason).
    """

    meter: ActiveMeter
    states: dict[HourKey, State] = field(default_factory=dict)
    levels: Observed = field(default_factory=Observed)
    seen: dict[MonthKey, dict[str, Seen]] = field(default_factory=dict)
    unusable: list[tuple[int, str]] = field(default_factory=list)

    def hours(self) -> Iterator[tuple[HourKey, State]]:
        """
        Yield the state of each hour.
        """
        yield from self.states.items()
        for *hour, state in self.levels.states(self.meter):
            yield cast("HourKey", tuple(hour)), state

    def sightings(self) -> Iterator[Sighting]:
        """
        Yield what was seen, in the order of the rows that keep it.
        """
        for month in sorted(self.seen):
            for key, span in sorted(self.seen[month].items()):
                yield Sighting(self.meter.meter_id, *month, key, *span)

    def add(self, events: _Events) -> None:
        """
        Add *events*, which are all of the type that the meter reads.
        """
        if self.meter.take is None:
            self._add_observed(observe(self.meter, events.facts()))
            return

        samples = self.meter.take(events.columns)
        plain = set(map(type, samples.values)) <= {int, str}
        if self.meter.is_level or samples.groups is not None or not plain:
            self._add_observed(
                collect(self.meter, _sights(self.meter, events, samples))
            )
        elif self.meter.is_unique:
            self._add_keys(events, cast("Sequence[str]", samples.values))
        else:
            self._add_units(events, cast("Sequence[int]", samples.values))

    def _add_observed(self, observed: Observed) -> None:
        """
        Add what was observed one by one.
        """
        self.unusable.extend(observed.unusable)
        if self.meter.is_level:
            for slot, samples in observed.samples.items():
                self.levels.samples[slot] += samples
            for group_slot, samples in observed.group_samples.items():
                self.levels.group_samples[group_slot] += samples
            return

        for *hour, state in observed.states(self.meter):
            self._merge(cast("HourKey", tuple(hour)), state)
        for (*month, key), (first_at, last_at) in observed.seen.items():
            spans = self.seen.setdefault(cast("MonthKey", tuple(month)), {})
            spans[key] = sight(sight(spans.get(key), first_at), last_at)

    def _add_units(self, events: _Events, units: Sequence[int]) -> None:
        places = events.places
        for (customer, hour), start, end in events.stretches:
            state = tallies.fold_columns(places[start:end], units[start:end])
            self._merge((customer, 0, hour, ""), state)

    def _add_keys(self, events: _Events, keys: Sequence[str]) -> None:
        self._add_units(events, [1] * len(keys))
        months: dict[int, int] = {}
        for (customer, hour), start, end in events.stretches:
            month = months.get(hour)
            if month is None:
                month = months[hour] = month_of(hour)[0]
            spans = self.seen.setdefault((customer, 0, month, ""), {})
            for key, at in zip(keys[start:end], events.ats[start:end], strict=True):
                span = spans.get(key)
                if span is None:
                    spans[key] = at, at
                elif at > span[1]:
                    spans[key] = span[0], at
                elif at < span[0]:
                    spans[key] = at, span[1]

    def _merge(self, hour: HourKey, state: State) -> None:
        known = self.states.get(hour)
        merged = state if known is None else tallies.merge(known, state)
        assert merged is not None
        self.states[hour] = merged


@dataclass(frozen=True, slots=True)
class _Events:
    """
    Events of one type, by customer and time, and what is found in them.

    Attributes:
        stretches: Each hour of a customer, with where its events begin and end.

        columns: What is found at the paths that meters read.
    """

    type: str
    stretches: list[tuple[Slot, int, int]]
    places: tuple[int, ...]
    ats: tuple[int, ...]
    sources: tuple[str, ...]
    subjects: tuple[int | None, ...]
    actors: tuple[int | None, ...]
    texts: tuple[str, ...]
    columns: Columns

    @classmethod
    def of(
        cls, type_: str, events: Sequence[PaidEvent], meters: Sequence[ActiveMeter]
    ) -> _Events:
        # They mostly come in this order.
        ordered = sorted(events, key=_by_payer_and_time)
        places, _, payers, ats, sources, subjects, actors, texts = zip(
            *ordered, strict=True
        )
        columns = columns_of(
            frozenset[str]().union(*(meter.paths for meter in meters)),
            type_=type_,
            texts=texts,
            sources=sources,
            subjects=subjects,
            actors=actors,
        )
        return cls(
            type_,
            list(_stretches(payers, ats)),
            places,
            ats,
            sources,
            subjects,
            actors,
            texts,
            columns,
        )

    def envelope(self, index: int) -> Envelope:
        """
        Return what one event says besides its data.
        """
        return Envelope(
            self.sources[index], self.type, self.subjects[index], self.actors[index]
        )

    def facts(self) -> Iterator[Fact]:
        """
        Yield the events one by one, as `observe` takes them.
        """
        for slot, start, end in self.stretches:
            for index in range(start, end):
                yield (
                    slot,
                    self.ats[index],
                    self.places[index],
                    decode_data(self.texts[index]),
                    self.envelope(index),
                )


def _stretches(
    payers: Sequence[str], ats: Sequence[int]
) -> Iterator[tuple[Slot, int, int]]:
    """
    Yield each hour of a customer in events by customer and time: begin, end.
    """
    customer, begin, hour = payers[0], 0, ats[0] - ats[0] % HOUR
    until = hour + HOUR
    for index, (payer, at) in enumerate(zip(payers, ats, strict=True)):
        if at >= until or payer != customer:
            yield (customer, hour), begin, index
            customer, begin, hour = payer, index, at - at % HOUR
            until = hour + HOUR
    yield (customer, hour), begin, len(payers)


def _sights(meter: ActiveMeter, events: _Events, samples: Samples) -> Iterator[Sight]:
    """
    Yield what *meter* sees in each event; what is odd is looked at by itself.
    """
    groups = samples.groups or [""] * len(samples.values)
    for slot, start, end in events.stretches:
        for index in range(start, end):
            value, group = samples.values[index], groups[index]
            if value is None:
                continue
            seen: Sample | Unusable | None
            if isinstance(value, int | str) and isinstance(group, str):
                seen = (value, group)
            else:
                data = decode_data(events.texts[index])
                seen = meter.observe(data, events.envelope(index))
            yield slot, events.ats[index], events.places[index], seen
