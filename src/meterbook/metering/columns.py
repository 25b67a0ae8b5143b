"""
Observing many events of one type at once, a column at a time.

The worker asks every meter about every event. One by one, that is a call and a dict for
each; by columns, it is a pass over a list for each field that some meter reads::

    {"tokens": 12, "model": "s"}      tokens  [12, 7, "x"]   a sum of tokens takes
    {"tokens": 7,  "model": "l"}  ->  model   ["s", "l", "s"]       [12, 7, ODD]
    {"tokens": "x", "model": "s"}

Only what is plain is decided here: whole numbers in range, texts that are not long.
Everything else is ODD, and `compile_meter` says of that one event what it is.

Laws (tests/laws/test_columns.py):
    - *One meaning*: what is not ODD is what `compile_meter` says of the event.
"""

from __future__ import annotations

import enum
import functools

from dataclasses import dataclass
from decimal import Decimal
from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from meterbook.foundation.units import UNITS_MAX
from meterbook.metering.aggregations import Negative
from meterbook.metering.filters import compile_op
from meterbook.metering.observing import GROUP_BYTES_MAX, KEY_BYTES_MAX
from meterbook.metering.paths import MISSING
from meterbook.metering.scalars import row_texts


if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from meterbook.metering.meters import Meter


# Sets of fields that meters of one type read: one for each type, until meters change.
DECODERS_MAX: Final = 1_024

# What compares equal among these is the same, which cannot be said of 1 and True.
_KEYS: Final = frozenset({int, str})
_GROUPS: Final = frozenset({int, str, type(None), type(MISSING)})


class _Odd(enum.Enum):
    """
    What must be looked at by itself.
    """

    ODD = "odd"


ODD: Final = _Odd.ODD

# Units, a key's text, ODD, or None where the meter does not read the event.
Taken: TypeAlias = int | str | _Odd | None

TakeColumns: TypeAlias = "Callable[[Columns], Samples]"
_Measure: TypeAlias = "Callable[[Columns], Sequence[Taken]]"


@dataclass(frozen=True, slots=True)
class Columns:
    """
    Events of one type.

    Attributes:
        events: How many there are.

        found: By path, what it leads to in each event, or MISSING.
    """

    events: int
    found: dict[str, Sequence[Any]]


class Samples(NamedTuple):
    """
    What a meter takes from columns.

    Attributes:
        values: One for each event.

        groups: Likewise the text of its group, or ODD; None for a meter without groups.
    """

    values: Sequence[Taken]
    groups: Sequence[Taken] | None


def paths_of(meter: Meter) -> frozenset[str]:
    """
    Return every path at which *meter* looks.
    """
    values = (meter.value,) if isinstance(meter.value, str) else meter.value or ()
    groups = (path for _, path in meter.group_by)
    conditions = (condition.path for condition in meter.filters)
    return frozenset((*values, *groups, *conditions))


def columns_of(  # noqa: PLR0913 - an event has as many parts that meters look at
    paths: Collection[str],
    *,
    type_: str,
    texts: Sequence[str],
    sources: Sequence[str],
    subjects: Sequence[int | None],
    actors: Sequence[int | None],
) -> Columns:
    """
    Return what is found at *paths* in events of one type.

    Args:
        paths: All that will be asked for.

        type_: What happened.

        texts: The data of each event, as JSON texts of objects.

        sources: Who states each event.

        subjects: By their ids; None where none is stated.

        actors: Likewise.
    """
    found: dict[str, Sequence[Any]] = {
        "$type": [type_] * len(texts),
        "$source": sources,
        "$subject": [MISSING if who is None else who for who in subjects],
        "$actor": [MISSING if who is None else who for who in actors],
    }
    walks = {path: path.split(".") for path in paths if not path.startswith("$")}
    fields = tuple(sorted({steps[0] for steps in walks.values()}))
    if fields:
        decoded = _decoder(fields)(f"[{','.join(texts)}]")
        for path, (first, *rest) in walks.items():
            column = list(map(attrgetter(_name(fields.index(first))), decoded))
            found[path] = functools.reduce(_step, rest, column)
    return Columns(len(texts), found)


def compile_columns(meter: Meter) -> TakeColumns | None:
    """
    Return a function that observes columns of the type of event that *meter* reads.

    None for a meter whose values are neither numbers nor keys.
    """
    measure = _measure_of(meter)
    if measure is None:
        return None

    conditions = [(f.path, compile_op(f.op, f.operand)) for f in meter.filters]
    groups = [path for _, path in meter.group_by]
    read_groups = _compile_rows(groups, kinds=_GROUPS, bytes_max=GROUP_BYTES_MAX)

    def take(columns: Columns) -> Samples:
        values = measure(columns)
        for path, holds in conditions:
            found = columns.found[path]
            values = [
                value if holds(it) else None
                for value, it in zip(values, found, strict=True)
            ]
        return Samples(values, read_groups(columns) if groups else None)

    return take


def _measure_of(meter: Meter) -> _Measure | None:
    if meter.names_members:
        return None

    if meter.value is None:
        return lambda columns: [1] * columns.events

    if isinstance(meter.value, tuple):
        return _compile_rows(meter.value, kinds=_KEYS, bytes_max=KEY_BYTES_MAX)

    return _compile_units(meter, meter.value)


def _compile_units(meter: Meter, path: str) -> _Measure:
    """
    Return a function that reads whole numbers in the meter's smallest unit.
    """
    factor: int = 10**meter.scale
    highest = UNITS_MAX // factor
    lowest = -highest if meter.negative is Negative.ALLOWED else 0

    def measure(columns: Columns) -> Sequence[Taken]:
        found = columns.found[path]
        if (
            set(map(type, found)) == {int}
            and lowest <= min(found) <= max(found) <= highest
        ):
            return found if factor == 1 else [value * factor for value in found]
        return [
            value * factor if type(value) is int and lowest <= value <= highest else ODD
            for value in found
        ]

    return measure


def _compile_rows(
    paths: Sequence[str], *, kinds: frozenset[type], bytes_max: int
) -> _Measure:
    """
    Return a function that reads rows of plain values as texts; each text is made once.
    """

    def texts_of(plain: set[tuple[Any, ...]]) -> dict[tuple[Any, ...], Taken]:
        written = [[None if it is MISSING else it for it in row] for row in plain]
        return {
            row: text if 4 * len(text) <= bytes_max else ODD
            for row, text in zip(plain, row_texts(written), strict=True)
        }

    def read_rows(columns: Columns) -> Sequence[Taken]:
        found = [columns.found[path] for path in paths]
        rows = list(zip(*found, strict=True))
        if all(kinds.issuperset(map(type, column)) for column in found):
            return list(map(texts_of(set(rows)).__getitem__, rows))
        plain = [kinds.issuperset(map(type, row)) for row in rows]
        texts = texts_of(set(compress(rows, plain)))
        return [
            texts[row] if is_plain else ODD
            for row, is_plain in zip(rows, plain, strict=True)
        ]

    return read_rows


@functools.lru_cache(maxsize=DECODERS_MAX)
def _decoder(fields: tuple[str, ...]) -> Callable[[str], list[Any]]:
    """
    Return a function that decodes a JSON array of objects, but only these *fields*.
    """
    names = [_name(position) for position in range(len(fields))]
    kind = msgspec.defstruct(
        "Fields",
        [(name, Any, MISSING) for name in names],
        rename=dict(zip(names, fields, strict=True)),
        gc=False,
    )
    return msgspec.json.Decoder(list[kind], float_hook=Decimal).decode  # type: ignore[valid-type]  # made here


def _name(position: int) -> str:
    return f"field_{position}"


def _step(column: Sequence[Any], step: str) -> Sequence[Any]:
    return [
        it.get(step, MISSING) if type(it) is dict else MISSING  # as `compile_path`
        for it in column
    ]
