"""
Meters as stored, made ready to observe events.

Compiling a definition costs more than using it, so each version is compiled once in a
process. A definition never changes, which is why that is safe.
"""

from __future__ import annotations

import functools

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from meterbook.metering.aggregations import Aggregation
from meterbook.metering.columns import compile_columns, paths_of
from meterbook.metering.folds import fold_of
from meterbook.metering.glancing import compile_glance
from meterbook.metering.meters import compile_meter, meter_from


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from meterbook.metering.columns import TakeColumns
    from meterbook.metering.glancing import Glance
    from meterbook.metering.meters import Meter
    from meterbook.metering.observing import Observe
    from meterbook.metering.tallies import Sample, State
    from meterbook.ports import MeterRow

# More versions than any book defines; a process that serves many books shares it.
COMPILED_MAX = 4_096

_decode_state = msgspec.json.Decoder(tuple[int, ...]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ActiveMeter:
    """
    A meter version that can observe, fold and merge.

    There is one object for a version, so it is compared by identity.

    Attributes:
        meter_id: What the rollups call it.

        observe: Reads one event; see `meterbook.metering.meters.compile_meter`.

        paths: Where in an event it looks.

        take: Observes many events at once; None if it can only one by one.

        glance: Sees in passing that an event's data are usable.

        fold: Makes a state of samples in order of (occurred_at, place).

        merge: Joins two states, the first wholly before the second in time.

        is_level: Whether the order of samples matters, and a value is carried in.

        is_unique: Whether samples are keys, not units.

        is_members: Whether what is observed are members that come and go.
    """

    meter_id: int
    version: int
    meter: Meter
    observe: Observe
    paths: frozenset[str]
    take: TakeColumns | None
    glance: Glance
    fold: Callable[[Sequence[Sample]], State | None]
    merge: Callable[[State | None, State | None], State | None]
    is_level: bool
    is_unique: bool
    is_members: bool


def compiled(row: MeterRow) -> ActiveMeter:
    """
    Return the meter of *row*, ready for use.
    """
    return _compiled(row.meter_id, row.meter_key, row.version, row.definition)


@functools.lru_cache(maxsize=COMPILED_MAX)
def _compiled(
    meter_id: int, meter_key: str, version: int, definition: str
) -> ActiveMeter:
    meter = meter_from(meter_key, msgspec.json.decode(definition))
    fold, merge = fold_of(meter)
    return ActiveMeter(
        meter_id=meter_id,
        version=version,
        meter=meter,
        observe=compile_meter(meter),
        paths=paths_of(meter),
        take=compile_columns(meter),
        glance=compile_glance(meter),
        fold=fold,
        merge=merge,
        is_level=meter.reads_levels,
        is_unique=meter.aggregation is Aggregation.UNIQUE,
        is_members=meter.names_members,
    )


def by_type(rows: Iterable[MeterRow]) -> dict[str, list[ActiveMeter]]:
    """
    Return the meters of *rows* by the type of event that they read.
    """
    found: dict[str, list[ActiveMeter]] = {}
    for row in rows:
        active = compiled(row)
        found.setdefault(active.meter.event_type, []).append(active)
    return found


def write_state(state: State) -> str:
    """
    Return *state* as the text that a rollup row keeps.
    """
    return _encode(state).decode()


def read_state(text: str) -> State:
    """
    Return the state that a rollup row keeps as *text*.
    """
    return _decode_state(text)
