"""
Cataloguing: meters are defined, and defined anew as another version.

A catalog is a TOML file with a table for each meter::

    [meters.tokens]
    event_type = "llm.request"
    aggregation = "sum"
    value = "tokens"

Applying it compares it with the latest versions in the book: what is new is added,
what differs becomes a new version, what is the same stays. A meter that the file does
not name stays, too: nothing is ever removed, for readings of the past refer to it.
"""

from __future__ import annotations

import tomllib

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from meterbook.foundation.errors import InvalidCatalogError, InvalidMeterError
from meterbook.foundation.instants import to_moment
from meterbook.metering.meters import meter_from
from meterbook.services.entries.noticing import CATALOG_SETTING, latest_versions
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Mapping
    from typing import TypeAlias

    from meterbook.metering.meters import Meter
    from meterbook.ports import Clock, MeterRow, Reader, Store, Writer
    from meterbook.services.entries.recording import Recorder

    Action: TypeAlias = Literal["added", "changed", "unchanged"]


# More than any catalog we know of; each costs the worker a look at its events.
METERS_MAX: Final = 1_000

# A meter is ten lines.
CATALOG_CHARS_MAX: Final = 1_000_000

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """
    A field of a definition that differs.

    Attributes:
        field: Which.

        before: Its value in the latest version; None if it was not stated.

        after: Its value now, likewise.
    """

    field: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterChange:
    """
    What applying a catalog does to one meter.

    Attributes:
        meter_key: Which meter.

        action: `added`, `changed` or `unchanged`.

        version: The version it has afterwards, 1 for an added one.

        fields: What differs, by name of the field; all that is stated, if added.
    """

    meter_key: str
    action: Action
    version: int
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogDiff:
    """
    What applying a catalog does, or did.

    Attributes:
        changes: One for each meter of the catalog, by key.

        applied: Whether it was done; not for a dry run.
    """

    changes: tuple[MeterChange, ...]
    applied: bool

    def keys(self, action: Action) -> list[str]:
        """
        Return the keys of the meters that *action* is said of.
        """
        return [one.meter_key for one in self.changes if one.action == action]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedMeter:
    """
    One version of a meter, as the book keeps it.

    Attributes:
        meter: The definition.

        version: Counted from 1 for each meter.

        defined_at: When, by the book's clock, in UTC.

        rolled_place: The worker has rolled up every entry to this place.
    """

    meter: Meter
    version: int
    defined_at: dt.datetime
    rolled_place: int


class Cataloguer:
    """
    The way to define meters.
    """

    def __init__(self, store: Store, clock: Clock, recorder: Recorder) -> None:
        self._store = store
        self._clock = clock
        self._recorder = recorder

    def apply(self, text: str, *, dry_run: bool = False) -> CatalogDiff:
        """
        Apply a catalog, all of it or nothing, and say what that changed.

        Args:
            text: In TOML, as at the head of this file.

            dry_run: Only say what would change.

        Raises:
            InvalidCatalogError: If it cannot be read, or if meters in it are wrong: all
                of them are named, with the field.
        """
        return self._define(_meters_in(text), dry_run=dry_run)

    def define(self, definitions: Mapping[str, Mapping[str, object]]) -> CatalogDiff:
        """
        Define meters by key, as `apply` does with a file.

        Raises:
            InvalidCatalogError: If one is wrong: all of those are named.
        """
        return self._define(_checked(definitions), dry_run=False)

    def meters(self, *, all_versions: bool = False) -> list[DefinedMeter]:
        """
        Return the meters by key, in their latest version or in all of them.
        """
        with self._store.reading() as reader:
            rows = reader.meters() if all_versions else latest_versions(reader)
        return [_defined(row) for row in rows]

    def _define(self, meters: list[Meter], *, dry_run: bool) -> CatalogDiff:
        """
        Compare with the book and add what is new, in one transaction.
        """
        if dry_run:
            with self._store.reading() as reader:
                return CatalogDiff(changes=_compared(reader, meters), applied=False)

        now = self._clock.now()

        def add() -> tuple[MeterChange, ...]:
            with self._store.writing() as writer:
                changes = _compared(writer, meters)
                _add(writer, meters, changes, now)
            return changes

        changes = persistently(add)
        self._recorder.notices.expire()
        return CatalogDiff(changes=changes, applied=True)


def _add(
    writer: Writer, meters: list[Meter], changes: tuple[MeterChange, ...], now: int
) -> None:
    """
    Add the versions that are new, and let other processes know.
    """
    fresh = [
        (meter, change)
        for meter, change in zip(meters, changes, strict=True)
        if change.action != "unchanged"
    ]
    for meter, change in fresh:
        writer.add_meter(
            meter_key=meter.key,
            version=change.version,
            definition=_encode(meter.definition()).decode(),
            at=now,
        )
    if fresh:
        version = int(writer.setting(CATALOG_SETTING) or 0) + 1
        writer.set_setting(name=CATALOG_SETTING, value=str(version))


def _compared(reader: Reader, meters: list[Meter]) -> tuple[MeterChange, ...]:
    """
    Return what each of *meters* is to the latest versions in the book.
    """
    latest = {row.meter_key: row for row in latest_versions(reader)}
    return tuple(_change(meter, latest.get(meter.key)) for meter in meters)


def _change(meter: Meter, row: MeterRow | None) -> MeterChange:
    # As JSON reads it back, so that both sides are made of the same types.
    after = msgspec.json.decode(_encode(meter.definition()))
    before = {} if row is None else msgspec.json.decode(row.definition)
    fields = tuple(
        FieldChange(field=name, before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )
    if row is None:
        return MeterChange(
            meter_key=meter.key, action="added", version=1, fields=fields
        )
    if not fields:
        return MeterChange(meter_key=meter.key, action="unchanged", version=row.version)
    return MeterChange(
        meter_key=meter.key, action="changed", version=row.version + 1, fields=fields
    )


def _meters_in(text: str) -> list[Meter]:
    """
    Return the meters of a catalog file, by key.

    Raises:
        InvalidCatalogError: If it cannot be read, or holds anything else.
    """
    if len(text) > CATALOG_CHARS_MAX:
        message = f"The catalog is longer than {CATALOG_CHARS_MAX:,} characters."
        raise InvalidCatalogError(message)
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError, RecursionError) as error:
        message = f"The catalog is not TOML: {error}."
        raise InvalidCatalogError(message) from error

    others = ", ".join(sorted(tables.keys() - {"meters"}))
    if others:
        message = f"The catalog has {others} beside meters: only meters can be defined."
        raise InvalidCatalogError(message)

    return _checked(tables.get("meters", {}))


def _checked(definitions: object) -> list[Meter]:
    """
    Return the meters of *definitions*, by key.

    Raises:
        InvalidCatalogError: If some are wrong; each of them has a line.
    """
    if not hasattr(definitions, "items"):
        message = "meters must be a table of definitions by key."
        raise InvalidCatalogError(message)

    meters, faults = [], []
    for key, mapping in sorted(definitions.items(), key=_by_key):
        try:
            meters.append(meter_from(key, mapping))
        except InvalidMeterError as error:
            faults.append(str(error))
    if len(meters) > METERS_MAX:
        faults.append(f"There are {len(meters)} meters; a book has {METERS_MAX}.")
    if faults:
        raise InvalidCatalogError("\n".join(faults))

    return meters


def _by_key(item: tuple[object, object]) -> str:
    return str(item[0])


def _defined(row: MeterRow) -> DefinedMeter:
    return DefinedMeter(
        meter=meter_from(row.meter_key, msgspec.json.decode(row.definition)),
        version=row.version,
        defined_at=to_moment(row.defined_at),
        rolled_place=row.rolled,
    )
