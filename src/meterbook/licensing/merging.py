"""
What all reports together say: merging them, whichever way they came.

::

    customer / instance / epoch / month / meter      said by the report at size
    acme      A          1       1 of acme-2026 seats      61    <- the larger book wins
    acme      A          2       1 of acme-2026 seats      12    another epoch: another
    acme      B          1       1 of acme-2026 seats      40    count, and it adds

Reports are cumulative, so of two that say something of the same month the one holds
that was read from the larger book of that epoch. What remains is the same in whichever
order reports came, however often, and whichever were lost on the way.

Then instances and epochs are added:

- *sums and counts* as they are. An epoch counts only what was recorded since it began,
  so what was reported before a restore is not reported again: 100, then restored at 40
  and 30 more, is 130.
- *levels* over time. An epoch's level holds until the next epoch of that instance
  begins. Peaks of 40 on January 3 and 60 on January 20 are not 100.

Laws (tests/laws/test_merging.py):
    - *Associative, commutative, idempotent*: any order, any grouping, any repetition.
    - *Cumulative*: the last report alone says what all of an epoch say.
    - *Oracle*: a peak is the highest sum that looking at every moment finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from meterbook.foundation.instants import to_moment
from meterbook.foundation.periods import Period
from meterbook.licensing.reports import Total
from meterbook.licensing.timelines import held_in, peak_of, together
from meterbook.metering.seats import Knowledge, LevelChange


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence

    from meterbook.licensing.months import MonthId
    from meterbook.licensing.reports import Report, ReportedMonth


class MonthKey(NamedTuple):
    """
    Of which month of whom something is said.
    """

    customer: str
    instance: str
    epoch: int
    month: MonthId
    meter: str


class Version(NamedTuple):
    """
    Which of two reports of one epoch holds: the later in this order.

    Attributes:
        size: How many entries its book had.

        sequence: Its number.

        digest: Of its text; decides between two that should not both be.
    """

    size: int
    sequence: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """
    What a report says of a month.

    Attributes:
        version: The report.

        root: Of the book that it was read from.

        epoch_began_at: When its epoch began; the level of the one before ends there.

        month: The month.
    """

    version: Version
    root: bytes
    epoch_began_at: dt.datetime
    month: ReportedMonth


# What the receiver knows.
State: TypeAlias = Mapping[MonthKey, Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    What a figure is read from: a report, and the checkpoint it was read at.
    """

    instance: str
    epoch: int
    sequence: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedMonth:
    """
    A month of a licence, all its installations together.

    Attributes:
        customer: Whose.

        month: What it is called.

        meter: By which meter seats are counted.

        period: The stretch, end exclusive.

        complete: Every installation has said all of it.

        knowledge: How much of it every installation knows.

        peak_units: The most seats held at one moment, by all together.

        peak_at: The first moment at which they were; None if nothing is known.

        end_units: What they held at the end.

        seats: How many were bought; None for as many as there are.

        totals: Of further meters.

        sources: What this is read from, by installation.
    """

    customer: str
    month: MonthId
    meter: str
    period: Period
    complete: bool
    knowledge: Knowledge
    peak_units: int
    peak_at: dt.datetime | None
    end_units: int
    seats: int | None
    totals: tuple[Total, ...]
    sources: tuple[Source, ...]

    @property
    def over_units(self) -> int:
        """
        The users to be billed on top: how many more there were than bought.
        """
        return 0 if self.seats is None else max(0, self.peak_units - self.seats)


def said_by(report: Report, *, digest: str) -> dict[MonthKey, Said]:
    """
    Return what one report says.

    Args:
        report: A report that was accepted.

        digest: Of its text.
    """
    point = report.checkpoint
    version = Version(point.size, report.sequence, digest)
    return {
        MonthKey(
            report.customer, report.instance, report.epoch, month.month, month.meter
        ): Said(
            version=version,
            root=point.root,
            epoch_began_at=report.epoch_began_at,
            month=month,
        )
        for month in report.months
    }


def merge(a: State, b: State) -> dict[MonthKey, Said]:
    """
    Return what *a* and *b* say together.
    """
    merged = dict(a)
    for key, said in b.items():
        there = merged.get(key)
        if there is None or there.version < said.version:
            merged[key] = said
    return merged


def combined(state: State) -> list[CombinedMonth]:
    """
    Return every month, installations added, by customer and in order of time.
    """
    groups: dict[tuple[str, MonthId, str], dict[MonthKey, Said]] = {}
    for key, said in standing(state).items():
        group = (key.customer, key.month, key.meter)
        groups.setdefault(group, {})[key] = said
    found = [
        _combined(customer, month, meter, group)
        for (customer, month, meter), group in groups.items()
    ]
    return sorted(found, key=_in_order)


def standing(state: State) -> dict[MonthKey, Said]:
    """
    Return *state* without months whose days a newer report gives to another month.

    So it is when a licence was replaced by one with the same beginning: no day is
    billed under both.
    """
    stands: dict[MonthKey, Said] = {}
    taken: dict[tuple[str, str, int], list[Period]] = {}
    for key, said in sorted(state.items(), key=_newest_first):
        periods = taken.setdefault((key.customer, key.instance, key.epoch), [])
        period = said.month.period
        if not any(p.start < period.end and period.start < p.end for p in periods):
            periods.append(period)
            stands[key] = said
    return stands


def levels_of(state: State, *, customer: str, meter: str) -> list[LevelChange]:
    """
    Return the level of all installations of a customer together, over time.

    Between terms, where no report says anything, it is 0.
    """
    return together(
        _level_of_one(said)
        for said in _by_instance(
            {
                key: said
                for key, said in standing(state).items()
                if (key.customer, key.meter) == (customer, meter)
            }
        ).values()
    )


def highest_in(
    levels: Sequence[LevelChange], period: Period
) -> tuple[int, LevelChange | None]:
    """
    Return what is held at the end of *period*, and the highest level held in it.
    """
    held = held_in(levels, start=period.start_us, end=period.end_us)
    return (held[-1].units if held else 0), peak_of(held)


def _combined(
    customer: str, month: MonthId, meter: str, group: Mapping[MonthKey, Said]
) -> CombinedMonth:
    months = [said.month for said in group.values()]
    period = Period(
        min(one.period.start for one in months), max(one.period.end for one in months)
    )
    instances = _by_instance(group)
    last = [said[-1].month for said in instances.values()]
    if len(months) == 1:
        peak_units, peak_at = months[0].peak_units, months[0].peak_at
    else:
        levels = together(_level_of_one(said) for said in instances.values())
        peak = highest_in(levels, period)[1]
        peak_units = 0 if peak is None else peak.units
        peak_at = None if peak is None else to_moment(peak.at)
    return CombinedMonth(
        customer=customer,
        month=month,
        meter=meter,
        period=period,
        complete=all(one.complete for one in last),
        knowledge=_knowledge([said[0].month for said in instances.values()]),
        peak_units=peak_units,
        peak_at=peak_at,
        end_units=sum(one.end_units for one in last),
        seats=months[0].seats,
        totals=_totals(months),
        sources=tuple(_source(key, said) for key, said in sorted(group.items())),
    )


def _by_instance(group: Mapping[MonthKey, Said]) -> dict[str, list[Said]]:
    """
    Return what is said of each installation, in order of epoch and time.
    """
    instances: dict[str, list[Said]] = {}
    for key, said in sorted(group.items(), key=_by_epoch):
        instances.setdefault(key.instance, []).append(said)
    return instances


def _level_of_one(said: Sequence[Said]) -> list[LevelChange]:
    """
    Return the level of one installation: each epoch's until the next one begins.
    """
    levels: list[LevelChange] = []
    before: Said | None = None
    for one in said:
        start = one.month.period.start_us
        levels = [change for change in levels if change.at < start]
        if before is not None and before.epoch_began_at == one.epoch_began_at:
            levels += _after(before, until=start)
        levels += one.month.levels
        before = one
    return levels if before is None else levels + _after(before, until=None)


def _after(said: Said, *, until: int | None) -> list[LevelChange]:
    """
    Return the end of a level with its term, where nothing follows by *until*.
    """
    end = said.month.period.end_us
    ended = said.month.complete and (until is None or end < until)
    return [LevelChange(end, 0)] if ended else []


def _knowledge(firsts: Sequence[ReportedMonth]) -> Knowledge:
    known = {one.knowledge for one in firsts}
    return known.pop() if len(known) == 1 else Knowledge.PARTLY


def _totals(months: Sequence[ReportedMonth]) -> tuple[Total, ...]:
    """
    Return the totals added, at the finest scale that one of them has.
    """
    added: dict[str, Total] = {}
    for total in (total for month in months for total in month.totals):
        there = added.get(total.meter, Total(total.meter, 0, total.scale))
        scale = max(there.scale, total.scale)
        units = there.units * 10 ** (scale - there.scale)
        units += total.units * 10 ** (scale - total.scale)
        added[total.meter] = Total(total.meter, units, scale)
    return tuple(added[meter] for meter in sorted(added))


def _source(key: MonthKey, said: Said) -> Source:
    return Source(
        instance=key.instance,
        epoch=key.epoch,
        sequence=said.version.sequence,
        size=said.version.size,
        root=said.root,
    )


def _in_order(month: CombinedMonth) -> tuple[str, int, MonthId, str]:
    return month.customer, month.period.start_us, month.month, month.meter


def _newest_first(item: tuple[MonthKey, Said]) -> tuple[int, int, int, MonthKey]:
    key, said = item
    version = said.version
    return -version.size, -version.sequence, -said.month.period.start_us, key


def _by_epoch(item: tuple[MonthKey, Said]) -> tuple[int, int]:
    key, said = item
    return key.epoch, said.month.period.start_us
