"""
From what was found to what is said.

Here readings of all kinds of meters are finished, and groups made into a whole:

- Tallies add up, and so do hours of tallies. Keys are counted once over all groups.
- The level of a whole is the sum of its groups' levels at each moment. So the latest
  and the time-weighted average of a whole are the sums of its groups'. Peaks are not:
  40 on January 3 and 60 on January 20 are not 100. The peak of several groups, or a
  percentile of their levels, is therefore None; a meter without groups can read it.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from meterbook.foundation.instants import to_moment
from meterbook.metering import levels, percentiles, tallies
from meterbook.metering.aggregations import Aggregation
from meterbook.metering.answers import Provenance, Reading
from meterbook.metering.questions import UNNUMBERED, Partial
from meterbook.metering.scalars import row_text, row_values


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Sequence

    from meterbook.metering.questions import Question
    from meterbook.metering.scalars import Scalar
    from meterbook.metering.tallies import State


class _Found(NamedTuple):
    """
    What is said of one group, or of several together, before it is signed and dated.
    """

    units: int | Fraction | None
    provenance: Provenance
    known_since: int | None = None
    peak_at: int | None = None
    last_units: int | None = None
    carried: int | None = None


def finish(
    question: Question,
    whole: Partial,
    groups: Sequence[Partial] = (),
    *,
    provisional: bool = False,
    behind: bool = False,
) -> Reading:
    """
    Return the reading that follows from what was found.

    Args:
        question: What was asked.

        whole: What was found for all groups together. Where meter.whole_from_groups
            only known_since is taken from it.

        groups: One for each of the meter's groups that has events in the period or a
            level carried in. Needed if question.by, or if meter.whole_from_groups.

        provisional: Whether entries without a place were read.

        behind: Whether more entries wait for a place than can be decided from.
    """

    def say(
        found: _Found,
        group: tuple[tuple[str, object], ...] | None,
        groups: tuple[Reading, ...] = (),
    ) -> Reading:
        return Reading(
            customer_key=question.customer_key,
            meter_key=question.meter.key,
            meter_version=question.meter_version,
            period=question.period,
            as_of=question.as_of,
            aggregation=question.meter.aggregation,
            scale=question.meter.scale,
            group=group,
            units=found.units,
            peak_at=_moment(found.peak_at),
            last_units=found.last_units,
            carried_units=found.carried,
            known_since=_moment(found.known_since),
            complete=question.period.end_us <= question.as_of.moment_us,
            provisional=provisional,
            behind=behind,
            provenance=found.provenance,
            groups=groups,
        )

    told_apart = tuple(
        say(
            _find_together(question, partials),
            tuple(zip(question.by, values, strict=True)),
        )
        for values, partials in _tell_apart(question, groups)
    )
    if question.meter.whole_from_groups:
        found = _find_together(question, [g for g in groups if not g.is_empty])
        found = found._replace(known_since=whole.known_since)
    else:
        found = _find(question, whole)
    return say(found, None, told_apart)


def _tell_apart(
    question: Question, groups: Iterable[Partial]
) -> list[tuple[tuple[Scalar, ...], list[Partial]]]:
    """
    Return the values of the names asked for, in order, and what was found for each.
    """
    if not question.by:
        return []

    names = question.meter.group_names
    at = [names.index(name) for name in question.by]
    apart: dict[str, tuple[tuple[Scalar, ...], list[Partial]]] = {}
    for partial in groups:
        if not partial.is_empty:
            row = row_values(partial.group)
            values = tuple(row[index] for index in at)
            apart.setdefault(row_text(values), (values, []))[1].append(partial)

    return sorted(apart.values(), key=lambda told: [_rank(value) for value in told[0]])


def _rank(value: Scalar) -> tuple[int, Scalar]:
    """
    Return what puts values of all kinds in order: null, false, true, numbers, text.
    """
    if value is None:
        return 0, 0

    if isinstance(value, bool):
        return 1, value

    return (3, value) if isinstance(value, str) else (2, value)


def _find_together(question: Question, partials: Sequence[Partial]) -> _Found:
    """
    Return what is said of several groups together.
    """
    if len(partials) == 1:
        return _find(question, partials[0])

    if not question.meter.reads_levels:
        return _find(question, _merged(partials))

    if not partials:
        return _find(question, Partial())

    founds = [_find(question, partial) for partial in partials]
    known_since = [f.known_since for f in founds if f.known_since is not None]
    adds_up = question.meter.aggregation in {
        Aggregation.LATEST,
        Aggregation.TIME_WEIGHTED,
    }
    return _Found(
        units=sum(found.units or 0 for found in founds) if adds_up else None,
        provenance=_provenance(*partials),
        known_since=min(known_since) if known_since else None,
        last_units=_sum_known(found.last_units for found in founds),
        carried=_sum_known(found.carried for found in founds),
    )


def _find(question: Question, partial: Partial) -> _Found:
    """
    Return what is said of one group, or of the whole of a meter that adds up.
    """
    meter = question.meter
    if meter.aggregation is Aggregation.PERCENTILE:
        return _find_percentile(question, partial)

    if meter.reads_levels:
        return _find_level(question, partial)

    provenance = _provenance(partial)
    if meter.aggregation is Aggregation.UNIQUE:
        keys = partial.keys
        return _Found(keys if isinstance(keys, int) else len(keys), provenance)

    return _Found(tallies.read_tally(partial.state, meter.aggregation), provenance)


def _find_level(question: Question, partial: Partial) -> _Found:
    aggregation = question.meter.aggregation
    held = levels.read_level(
        partial.state,
        start=question.period.start_us,
        end=question.period.end_us,
        carried=partial.carried,
        as_of=question.as_of.moment_us,
    )
    return _Found(
        units=levels.read_held(held, aggregation),
        provenance=_provenance(partial),
        known_since=partial.known_since,
        peak_at=held.peak_at if aggregation in levels.PEAKS else None,
        last_units=held.last_units,
        carried=partial.carried,
    )


def _find_percentile(question: Question, partial: Partial) -> _Found:
    meter = question.meter
    assert meter.hourly is not None
    assert meter.percentile is not None
    readings = percentiles.hourly_readings(
        partial.hours,
        meter.hourly,
        start=question.period.start_us,
        end=question.period.end_us,
        carried=partial.carried,
        as_of=question.as_of.moment_us,
    )
    dropped = percentiles.hours_dropped(
        len(readings),
        percentile=Fraction(meter.percentile),
        rounding=meter.rounding,
        drop_hours=meter.drop_hours,
    )
    last_units = partial.carried
    if partial.hours and meter.reads_levels:
        last_units = levels.last_units(partial.hours[-1][1])
    return _Found(
        units=percentiles.highest_left(readings, dropped),
        provenance=_provenance(partial),
        known_since=partial.known_since if meter.reads_levels else None,
        last_units=last_units if meter.reads_levels else None,
        carried=partial.carried if meter.reads_levels else None,
    )


def _merged(partials: Sequence[Partial]) -> Partial:
    """
    Return what was found for groups of tallies, of hours of tallies, or of keys.
    """
    hours: dict[int, State] = {}
    keys: set[str] = set()
    for partial in partials:
        for at, state in partial.hours:
            merged = tallies.merge(hours.get(at), state)
            assert merged is not None
            hours[at] = merged
        if partial.keys:
            assert not isinstance(partial.keys, int), "which keys, not how many"
            keys |= partial.keys

    states = [partial.state for partial in partials]
    return Partial(
        state=reduce(tallies.merge, states, None),
        hours=sorted(hours.items()),
        keys=frozenset(keys),
        rolled=sum(partial.rolled for partial in partials),
    )


def _provenance(*partials: Partial) -> Provenance:
    """
    Return what *partials* were found from. The head of every state says it.
    """
    states = [partial.state for partial in partials if partial.state is not None]
    states += [state for partial in partials for _, state in partial.hours]
    rolled = sum(partial.rolled for partial in partials)
    entries = sum(state[0] for state in states)
    return Provenance(
        entries=entries,
        first_place=_place(min((state[1] for state in states), default=None)),
        last_place=_place(max((state[2] for state in states), default=None)),
        rolled=rolled,
        tail=entries - rolled,
    )


def _place(seq: int | None) -> int | None:
    return None if seq is None or seq >= UNNUMBERED else seq


def _sum_known(units: Iterable[int | None]) -> int | None:
    known = [number for number in units if number is not None]
    return sum(known) if known else None


def _moment(micros: int | None) -> dt.datetime | None:
    return None if micros is None else to_moment(micros)
