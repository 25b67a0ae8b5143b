"""
How a row of a CSV file becomes an event.

::

    source = "git"                                   # text, the same for every row
    id = "{commit}:{area}"                           # columns in braces
    type = "commit"
    time = { column = "at", zone = "Europe/Berlin" }  # whose clock
    subject = "{author}"

    [data]
    area = "{area}"                                  # text
    lines = { column = "lines", type = "int" }       # int, decimal or text
    imported = true                                  # a constant

A dot in the name of a fact makes an object: `data.usage.tokens` is `tokens` in `usage`.
`{row}` is the row's number, from 1, unless a column is called so. A cell that is empty
leaves its field out, and so does text of which every column is empty.
"""

from __future__ import annotations

import tomllib

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from meterbook.cli.errors import refuse
from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.zones import zone_named


if TYPE_CHECKING:
    from collections.abc import Iterable


ENVELOPE: Final = ("source", "id", "type", "subject", "customer", "actor")
NEEDED: Final = ("source", "id", "type")

# What a cell can be read as.
TYPES: Final = ("int", "decimal", "text")

_DATA: Final = "data."
_TIME: Final = "time"
_CONSTANTS: Final = (bool, int, Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """
    A field of the event, and where its value comes from.

    Attributes:
        name: As in `id` or `data.lines`.

        text: Text with columns in braces; None for a constant.

        type: `int`, `decimal` or `text`.

        constant: The same for every row, if *text* is None.

        zone: For the time: whose clock wrote it, where the text does not say.
    """

    name: str
    text: str | None
    type: str = "text"
    constant: object = None
    zone: str | None = None


# By name, so that an option can replace what the file says.
Mapping: TypeAlias = dict[str, Field]


def mapping_from(text: str) -> Mapping:
    """
    Return the mapping that a TOML file writes.

    Raises:
        BadParameter: If it is none; naming the field and what is allowed.
    """
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError, RecursionError) as error:
        _refuse(f"the file is not TOML: {error}.")

    data = tables.pop("data", {})
    if not isinstance(data, dict):
        _refuse("data must be a table of fields.")

    stated = tables | {f"{_DATA}{name}": value for name, value in data.items()}
    return {name: _field(name, value) for name, value in stated.items()}


def mapping_of_options(options: Iterable[str]) -> Mapping:
    """
    Return the mapping that options write: `id=commit`, `data.lines=lines:int`.

    What stands on the right is a column, or text with columns in braces.

    Raises:
        BadParameter: If one of them is none.
    """
    fields = {}
    for option in options:
        name, _, value = option.partition("=")
        column, _, type_ = value.rpartition(":")
        if "{" in value:
            fields[name] = _field(name, value)
        elif column and type_ in TYPES:
            fields[name] = _field(name, {"column": column, "type": type_})
        else:
            fields[name] = _field(name, {"column": value})
    return fields


def constants(values: dict[str, str | None]) -> Mapping:
    """
    Return a mapping of fields that are the same in every row; None leaves one out.
    """
    return {
        name: Field(name=name, text=None, constant=value)
        for name, value in values.items()
        if value is not None
    }


def in_zone(mapping: Mapping, zone: str | None) -> Mapping:
    """
    Return *mapping* with a time that was written by the clock of *zone*, if given.
    """
    time = mapping.get(_TIME)
    if zone is None:
        return mapping
    if time is None:
        refuse("--zone", "no column is mapped to time: leave it out.")

    _check_zone(zone)
    field = Field(name=_TIME, text=time.text, zone=zone)
    return mapping | {_TIME: field}


def check_complete(mapping: Mapping) -> None:
    """
    Check that *mapping* has what every event needs, and that its facts fit together.

    Raises:
        BadParameter: If it has not.
    """
    missing = [name for name in NEEDED if name not in mapping]
    if missing:
        sentence = f"{missing[0]} is not mapped: every event needs {', '.join(NEEDED)}."
        _refuse(sentence)

    for name in mapping:
        inside = next((one for one in mapping if one.startswith(f"{name}.")), None)
        if inside is not None:
            _refuse(f"{name} is a value, and {inside} is inside it: map one of them.")


def _field(name: str, stated: object) -> Field:
    """
    Return the field *name* as the mapping states it.
    """
    is_data = name.startswith(_DATA) and all(name.split("."))
    if not is_data and name not in (*ENVELOPE, _TIME):
        known = ", ".join((*ENVELOPE, _TIME, "data.<name>"))
        _refuse(f"{name!r} is no field of an event: use {known}.")
    if isinstance(stated, str):
        return Field(name=name, text=stated)
    if isinstance(stated, dict):
        return _column(name, stated)
    if not is_data or not isinstance(stated, _CONSTANTS):
        _refuse(f"{name} must be text, or a table such as {{column = ...}}.")

    return Field(name=name, text=None, constant=stated)


def _column(name: str, stated: dict[str, object]) -> Field:
    """
    Return the field that is read from one column.
    """
    qualifier = "zone" if name == _TIME else "type"
    allowed = {"column", qualifier} if name not in ENVELOPE else {"column"}
    unknown = sorted(stated.keys() - allowed)
    column = stated.get("column")
    if unknown or not isinstance(column, str):
        fields = " and ".join(sorted(allowed))
        _refuse(f"{name} must be a table of {fields}, not {stated}.")

    type_, zone = stated.get("type", "text"), stated.get("zone")
    if type_ not in TYPES:
        _refuse(f"{name}.type is {type_!r}: use one of {', '.join(TYPES)}.")
    if zone is not None:
        _check_zone(zone)
    return Field(
        name=name,
        text=f"{{{column}}}",
        type=str(type_),
        zone=None if zone is None else str(zone),
    )


def _check_zone(zone: object) -> None:
    try:
        zone_named(zone)
    except InvalidPeriodError as error:
        _refuse(str(error))


def _refuse(sentence: str) -> NoReturn:
    refuse("--map", sentence)
