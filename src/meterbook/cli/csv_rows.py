"""
The rows of a CSV file, as the events that a mapping makes of them.
"""

from __future__ import annotations

import csv
import datetime as dt
import re

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from meterbook.cli.csv_mapping import ENVELOPE, NEEDED
from meterbook.cli.errors import refuse
from meterbook.cli.row_lines import ROW_CHARS_MAX, RowLines
from meterbook.foundation.errors import CallerError, InvalidInstantError
from meterbook.foundation.instants import INSTANT_CHARS_MAX, parse_utc
from meterbook.foundation.zones import first_moment, zone_named
from meterbook.metering.events import Event, Refused


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from meterbook.cli.csv_mapping import Field, Mapping

    Row: TypeAlias = Sequence[str]
    # Of a row and its number: a value, or None for nothing.
    Read: TypeAlias = Callable[[Row, int], object]
    ReadText: TypeAlias = Callable[[Row, int], str | None]


_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_ROW: Final = "row"

_TOO_LARGE: Final = Refused(
    code="too_large",
    field="",
    reason=f"The row has more than {ROW_CHARS_MAX:,} characters: "
    "send the facts, and a link to the rest.",
)

# The book says what is too long; this only keeps a cell from being a bomb.
_INT: Final = re.compile(r"-?[0-9]{1,1000}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,1000}(?:\.[0-9]{1,1000})?")
_HAS_ZONE: Final = re.compile(r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$")


class _CellError(Exception):
    """
    A cell does not hold what its field needs.
    """

    def __init__(self, field: str, code: str, found: str) -> None:
        super().__init__(found)
        self.refused = Refused(code=code, field=field, reason=f"{field}: {found}")


class RowRead(NamedTuple):
    """
    A row of the file.

    Attributes:
        line: The line on which it ends.

        what: Its event, or why it is none.

        text: As it stands in the file; empty if it is too large.
    """

    line: int
    what: Event | Refused
    text: str


def events_of(lines: Iterable[str], mapping: Mapping) -> Iterator[RowRead]:
    """
    Yield each row as its event, or why it is none.

    Args:
        lines: The file, its header first. It is read as it is asked for.

        mapping: Complete.

    Raises:
        BadParameter: If the mapping names a column that the header has not.

        CallerError: If the file is not CSV, or not UTF-8.
    """
    given = RowLines(lines)
    rows = _rows(given)
    try:
        header = next(rows, None) or []
        read = _compiled(mapping, header)
        for number, row in enumerate(rows, start=1):
            if row is None:
                yield RowRead(given.number, _TOO_LARGE, "")
            elif len(row) == len(header):
                yield RowRead(given.number, read(row, number), given.text)
            elif row:
                yield RowRead(given.number, _torn(row, header), given.text)
    except csv.Error as error:
        message = f"Line {given.first} is not CSV: {error}."
        raise CallerError(message) from error
    except UnicodeDecodeError as error:
        message = f"After line {given.number}, the file is not UTF-8: {error}."
        raise CallerError(message) from error


def _rows(lines: RowLines) -> Iterator[Row | None]:
    """
    Yield the cells of each row; None for one that is too large to be looked at.
    """
    # Of the process: Python's own limit would end the file at a cell of 128 KiB.
    csv.field_size_limit(ROW_CHARS_MAX)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin_row()
        try:
            row: Row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if not lines.too_large:
                raise
            lines.skip_row()
            row = ()
        yield None if lines.too_large else row


def _torn(row: Row, header: Row) -> Refused:
    reason = f"The row has {len(row)} cells, and the header {len(header)}."
    return Refused(code="malformed", field="", reason=reason)


def _compiled(mapping: Mapping, header: Row) -> Callable[[Row, int], Event | Refused]:
    """
    Return what makes an event of a row.
    """
    columns = _columns(header)
    envelope: list[tuple[str, ReadText]] = []
    data: list[tuple[list[str], Read]] = []
    moment: Callable[[Row, int], dt.datetime | None] = _no_time
    for name, field in mapping.items():
        if name == "time":
            moment = _time(field, columns)
        elif name in ENVELOPE:
            envelope.append((name, _text(field, columns)))
        else:
            path = name.removeprefix("data.").split(".")
            data.append((path, _value(field, columns)))

    def event(row: Row, number: int) -> Event | Refused:
        try:
            said = {name: read(row, number) for name, read in envelope}
            for name in NEEDED:
                if said[name] is None:
                    raise _CellError(name, "missing_field", "the cell is empty.")  # noqa: TRY301 - one way out
            facts = [(path, read(row, number)) for path, read in data]
            time = moment(row, number)
        except _CellError as error:
            return error.refused
        return Event(**said, time=time, data=_nested(facts))  # type: ignore[arg-type]  # NEEDED are there

    return event


def _nested(facts: Iterable[tuple[Sequence[str], object]]) -> dict[str, object]:
    """
    Return *facts* by their paths, in objects; one that is None is left out.
    """
    data: dict[str, object] = {}
    for path, value in facts:
        if value is None:
            continue
        inner: Any = data
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = value
    return data


def _columns(header: Row) -> dict[str, int]:
    """
    Return where each column is; one that comes twice is nowhere.
    """
    return {name: at for at, name in enumerate(header) if header.count(name) == 1}


def _no_time(_row: Row, _number: int) -> None:
    return None


def _text(field: Field, columns: dict[str, int]) -> ReadText:
    """
    Return what reads the text of *field*.
    """
    if field.text is None:
        constant = str(field.constant)
        return lambda _row, _number: constant

    literals = _PLACEHOLDER.split(field.text)
    names = literals[1::2]
    for name in names:
        if name not in columns and name != _ROW:
            has = ", ".join(columns) or "none"
            sentence = f"{field.name} names the column {name!r}; the file has {has}."
            refuse("--map", sentence)

    places = [columns.get(name) for name in names]
    if not places:
        return lambda _row, _number: field.text
    if field.text == f"{{{names[0]}}}" and places[0] is not None:
        at = places[0]
        return lambda row, _number: row[at] or None

    return _joined(literals[0::2], places)


def _joined(literals: Sequence[str], places: Sequence[int | None]) -> ReadText:
    """
    Return what puts cells between *literals*; None as a place is the row's number.
    """

    def text(row: Row, number: int) -> str | None:
        cells = [str(number) if at is None else row[at] for at in places]
        if not any(cells):
            return None
        between = [part for pair in zip(literals, cells, strict=False) for part in pair]
        return "".join([*between, literals[-1]])

    return text


def _value(field: Field, columns: dict[str, int]) -> Read:
    """
    Return what reads a fact: a constant, or text as the type that it should be.
    """
    if field.text is None:
        constant = field.constant
        return lambda _row, _number: constant

    read = _text(field, columns)
    if field.type == "text":
        return read

    pattern, kind = (_INT, int) if field.type == "int" else (_DECIMAL, Decimal)

    def value(row: Row, number: int) -> object:
        text = read(row, number)
        if text is None:
            return None
        if pattern.fullmatch(text) is None:
            found = f"{text[:40]!r} is no {field.type}."
            raise _CellError(field.name, "wrong_type", found)
        return kind(text)

    return value


def _time(
    field: Field, columns: dict[str, int]
) -> Callable[[Row, int], dt.datetime | None]:
    """
    Return what reads the event's time.
    """
    read = _text(field, columns)
    zone = None if field.zone is None else zone_named(field.zone)

    def moment(row: Row, number: int) -> dt.datetime | None:
        text = read(row, number)
        if text is None:
            return None
        try:
            if zone is None or _HAS_ZONE.search(text):
                return parse_utc(text)
            # What the clock on the wall shows, read as if it were UTC, then moved.
            return first_moment(_wall(text), zone)
        except (InvalidInstantError, OverflowError) as error:
            raise _CellError(field.name, "malformed", str(error)) from error

    return moment


def _wall(text: str) -> dt.datetime:
    return parse_utc(f"{text[:INSTANT_CHARS_MAX]}Z").replace(tzinfo=None)
