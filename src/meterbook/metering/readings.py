"""
What a meter says of a period, and what it read to say so: the definition.

A reading has two layers. A store finds a `Partial` for the whole and for each group, by
whatever way is cheap: merged days, hours, raw entries at the edges. `finish` turns that
into a `Reading` and does not know how it was found. `read_facts` is the definition: it
folds every fact there is, in order, and a store that answers otherwise is wrong::

    days, hours, edges --merge--> Partial --finish--> Reading
    all facts          -----------read_facts--------> the same Reading

Laws (tests/laws/test_readings.py):
    - *Definition*: cut the facts into any buckets and merge: the reading is the same.
    - *Order*: the order in which facts arrive does not matter, only their places do.
    - *As-of*: what occurred after the moment does not matter.
    - *Oracle*: looking at every fact and every hour by hand finds the same.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, cast

from meterbook.foundation.instants import HOUR
from meterbook.metering import tallies
from meterbook.metering.aggregations import Aggregation
from meterbook.metering.answers import AsOf, Provenance, Reading
from meterbook.metering.finishing import finish
from meterbook.metering.folds import fold_of
from meterbook.metering.members import run_members
from meterbook.metering.meters import Unusable, compile_meter
from meterbook.metering.questions import UNNUMBERED, Fact, Partial, Question


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meterbook.metering.members import MemberChange
    from meterbook.metering.observing import Value


__all__ = [
    "UNNUMBERED",
    "AsOf",
    "Fact",
    "Partial",
    "Provenance",
    "Question",
    "Reading",
    "finish",
    "read_facts",
]


class _Observed(NamedTuple):
    """
    What the meter took from one fact. They sort as they are folded.
    """

    occurred_at: int
    seq: int
    value: Value
    group: str


def read_facts(
    question: Question,
    facts: Iterable[Fact],
    *,
    provisional: bool = False,
    behind: bool = False,
) -> Reading:
    """
    Return the reading of *facts*, by folding every one of them.

    Args:
        question: What is asked. Its place is not looked at.

        facts: Every event of the customer up to the question's place, in any order:
            from before the period, inside it, and after it; those of other types, too.
            Attributed to the customer, and not void.

        provisional: Whether facts without a place are among them.

        behind: Whether more entries wait for a place than can be decided from.
    """
    observed = _observe(question, facts)
    if question.meter.names_members:
        observed = _as_levels(question, observed)
    by_group: dict[str, list[_Observed]] = {}
    for taken in observed:
        by_group.setdefault(taken.group, []).append(taken)

    whole = _partial(question, "", observed)
    if question.meter.whole_from_groups:
        whole = Partial(known_since=whole.known_since)
    groups = [_partial(question, group, taken) for group, taken in by_group.items()]
    return finish(question, whole, groups, provisional=provisional, behind=behind)


def _observe(question: Question, facts: Iterable[Fact]) -> list[_Observed]:
    """
    Return what the meter takes from *facts* up to as-of, in the order of time.
    """
    observe = compile_meter(question.meter)
    as_of = question.as_of.moment_us
    observed = []
    for fact in facts:
        if fact.occurred_at <= as_of:
            taken = observe(fact.data, fact.envelope)
            if taken is not None and not isinstance(taken, Unusable):
                observed.append(_Observed(fact.occurred_at, fact.seq, *taken))

    return sorted(observed)


def _as_levels(question: Question, observed: list[_Observed]) -> list[_Observed]:
    """
    Return for each change of a member how many are present after it.
    """
    told = [(at, seq, cast("MemberChange", value)) for at, seq, value, _ in observed]
    running = run_members(told, question.meter.states)
    return [
        taken._replace(value=units)
        for taken, units in zip(observed, running.units, strict=True)
    ]


def _partial(question: Question, group: str, observed: Sequence[_Observed]) -> Partial:
    """
    Return what *observed* is in the period, and for levels before it.
    """
    meter = question.meter
    start, end = question.period.start_us, question.read_until
    inside = [taken for taken in observed if start <= taken.occurred_at < end]
    if meter.aggregation is Aggregation.UNIQUE:
        keys = frozenset(str(taken.value) for taken in inside)
        state = tallies.fold([(at, seq, 1) for at, seq, _, _ in inside])
        return Partial(group=group, state=state, keys=keys)

    carried = known_since = None
    if meter.reads_levels and observed:
        known_since = observed[0].occurred_at
        earlier = [taken for taken in observed if taken.occurred_at < start]
        carried = cast("int", earlier[-1].value) if earlier else None

    if meter.aggregation is Aggregation.PERCENTILE:
        state, hours = None, _hours(question, inside)
    else:
        state, hours = fold_of(meter).fold(_samples(inside)), []
    return Partial(
        group=group,
        state=state,
        hours=hours,
        carried=carried,
        known_since=known_since,
    )


def _hours(
    question: Question, inside: Sequence[_Observed]
) -> list[tuple[int, tallies.State]]:
    """
    Return the state of each hour of the period that has events, counted from its start.
    """
    start, fold = question.period.start_us, fold_of(question.meter).fold
    hours = []
    for index, taken in groupby(inside, lambda one: (one.occurred_at - start) // HOUR):
        state = fold(_samples(list(taken)))
        assert state is not None
        hours.append((start + index * HOUR, state))

    return hours


def _samples(observed: Sequence[_Observed]) -> list[tallies.Sample]:
    return [(at, seq, cast("int", value)) for at, seq, value, _ in observed]
