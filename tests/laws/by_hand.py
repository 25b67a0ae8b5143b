"""
Reading by hand: the period, the questions, and an oracle for one group of facts.

The oracle knows no folds, no buckets and no merging. It looks at every fact again for
every question and every hour: slow, and plainly right.
"""

from __future__ import annotations

import datetime as dt
import math

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from meterbook.foundation.instants import HOUR, to_micros, to_moment
from meterbook.foundation.periods import Period
from meterbook.metering.aggregations import LEVELS, Aggregation
from meterbook.metering.meters import Envelope, Unusable, compile_meter
from meterbook.metering.readings import AsOf, Fact, Question


if TYPE_CHECKING:
    from meterbook.metering.meters import Meter
    from meterbook.metering.readings import Reading


# The period begins at no whole hour and lasts three and a half. Moments lie at the
# edges of its hours and of UTC hours, a microsecond to either side.
START = to_micros(dt.datetime(2026, 1, 31, 22, 15, tzinfo=dt.UTC))
END = START + 3 * HOUR + HOUR // 2
PERIOD = Period(to_moment(START), to_moment(END))
ENVELOPE = Envelope(source="api", type="seats")
OTHER = Envelope(source="api", type="other")
UTC_EDGE = HOUR * 3 // 4


def stated(aggregation: str, **fields: object) -> dict[str, Any]:
    value = {} if "count" in {aggregation, fields.get("hourly")} else {"value": "n"}
    return {"event_type": "seats", "aggregation": aggregation, **value, **fields}


def asked(meter: Meter, *, as_of: int, by: tuple[str, ...] = ()) -> Question:
    return Question(
        customer_key="acme",
        meter=meter,
        meter_version=1,
        period=PERIOD,
        as_of=AsOf(99, to_moment(as_of)),
        by=by,
    )


class Said(NamedTuple):
    at: int
    seq: int
    value: Any


class Answer(NamedTuple):
    units: int | Fraction | None
    peak_at: int | None
    last: int | None
    carried: int | None
    known_since: int | None
    places: tuple[int, int | None, int | None]


def holds_at(said: list[Said], at: int) -> int | None:
    """
    Look up what holds at a moment: the latest said of it or before.
    """
    heard = [one for one in said if one.at <= at]
    return max(heard, key=lambda one: (one.at, one.seq)).value if heard else None


def read_span(  # noqa: PLR0911 - one line for each aggregation
    said: list[Said], kind: Aggregation, start: int, end: int, as_of: int
) -> Any:  # noqa: ANN401 - int, Fraction or None
    """
    Read one stretch: a period, or an hour of it.
    """
    inside = [one.value for one in said if start <= one.at < end]
    match kind:
        case Aggregation.SUM:
            return sum(inside)
        case Aggregation.COUNT:
            return len(inside)
        case Aggregation.AVERAGE:
            return Fraction(sum(inside), len(inside)) if inside else None
        case Aggregation.MIN:
            return min(inside, default=None)
        case Aggregation.MAX:
            return max(inside, default=None)
        case Aggregation.UNIQUE:
            return len(set(inside))
        case Aggregation.LATEST:
            return holds_at(said, max(start, min(end - 1, as_of))) or 0
        case Aggregation.PEAK:
            return peak(said, start, end)[0]
        case _:
            return weighted(said, start, end, as_of)


def changes(said: list[Said], start: int, end: int) -> list[int]:
    return sorted({start} | {one.at for one in said if start <= one.at < end})


def peak(said: list[Said], start: int, end: int) -> tuple[int, int]:
    """
    Look at the level whenever it may have changed; the highest, and when it first was.
    """
    looked = [(holds_at(said, at) or 0, -at) for at in changes(said, start, end)]
    units, at = max(looked)
    return units, -at


def weighted(said: list[Said], start: int, end: int, as_of: int) -> Fraction:
    """
    Add up each level times how long it held, up to as-of.
    """
    stop = max(start, min(end, as_of))
    if stop == start:
        return Fraction(holds_at(said, start) or 0)
    edges = [*changes(said, start, stop), stop]
    area = sum(
        (holds_at(said, at) or 0) * (edges[index + 1] - at)
        for index, at in enumerate(edges[:-1])
    )
    return Fraction(area, stop - start)


def oracle(meter: Meter, said: list[Said], as_of: int) -> Answer:
    """
    Read the whole period of one group by hand.
    """
    said = [one for one in said if one.at <= as_of]
    inside = [one for one in said if START <= one.at < END]
    kind = meter.hourly or meter.aggregation
    if meter.aggregation is Aggregation.PERCENTILE:
        hours = [at for at in range(START, END, HOUR) if at <= as_of]
        units = drop(
            meter,
            [
                read_span(said, kind, at, min(END, at + HOUR), as_of) or 0
                for at in hours
            ],
        )
    else:
        units = read_span(said, kind, START, END, as_of)
    seqs = [one.seq for one in inside]
    level = kind in LEVELS
    return Answer(
        units=units,
        peak_at=peak(said, START, END)[1] if meter.aggregation == "peak" else None,
        last=holds_at(said, max(START - 1, min(END - 1, as_of))) if level else None,
        carried=holds_at(said, START - 1) if level else None,
        known_since=min((one.at for one in said), default=None) if level else None,
        places=(len(seqs), min(seqs, default=None), max(seqs, default=None)),
    )


def drop(meter: Meter, hours: list[Any]) -> Any:  # noqa: ANN401 - int or Fraction
    share = len(hours) * Fraction(2, 5)
    dropped = meter.drop_hours
    if dropped is None:
        whole = {"floor": math.floor, "ceil": math.ceil}[str(meter.rounding)]
        dropped = whole(share)
    left = sorted(hours)[: max(0, len(hours) - dropped)]
    return left[-1] if left else 0


def said_by_group(meter: Meter, facts: list[Fact]) -> dict[str, list[Said]]:
    observe = compile_meter(meter)
    found: dict[str, list[Said]] = {}
    for fact in facts:
        seen = observe(fact.data, fact.envelope)
        if seen is not None and not isinstance(seen, Unusable):
            one = Said(fact.occurred_at, fact.seq, seen[0])
            found.setdefault(seen[1], []).append(one)
    return found


def answer(reading: Reading) -> Answer:
    def micros(moment: dt.datetime | None) -> int | None:
        return None if moment is None else to_micros(moment)

    read = reading.provenance
    return Answer(
        units=reading.units,
        peak_at=micros(reading.peak_at),
        last=reading.last_units,
        carried=reading.carried_units,
        known_since=micros(reading.known_since),
        places=(read.entries, read.first_place, read.last_place),
    )
