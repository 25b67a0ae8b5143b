"""
Customers and terms from CSV: what each row says, and which cell is wrong.

::

    customer,name,subscription,meter,anchor,term,start,end,kind,seats
    acme,Acme Inc.,main,seats,2025-01-31,2025,2025-01-31,2026-01-31,paid,100
    acme,,main,,,2026,2026-01-31,,paid,80
    globex,Globex,,,,,,,,

A row names a customer; if it names a subscription, too, that one is made or meant; if
it names a term, that one is added. What an earlier row or the book has said of a
subscription need not be said again. `end` is the first moment after the term, as
everywhere: a term of the year 2025 ends on 2026-01-01.

Nothing is judged here against the book: only what each cell can be.
"""

from __future__ import annotations

import csv

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.catalog.subscriptions import SubscriptionFact
from meterbook.catalog.terms import TermFact, TermKind
from meterbook.foundation.errors import CallerError
from meterbook.foundation.instants import parse_moment, to_utc
from meterbook.foundation.periods import Calendar, interval_named


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Iterator, Mapping

# What a row can say. The first must be there.
COLUMNS: Final = (
    "customer",
    "name",
    "subscription",
    "meter",
    "anchor",
    "interval",
    "interval_count",
    "zone",
    "term",
    "start",
    "end",
    "kind",
    "seats",
    "term_anchor",
)

# Whoever has more customers imports them in parts: a file is one transaction.
IMPORT_ROWS_MAX: Final = 100_000

# No cell of a name or a date is nearly as long.
CELL_CHARS_MAX: Final = 1_000

_SUBSCRIPTION_CELLS: Final = ("meter", "anchor", "interval", "interval_count", "zone")
_TERM_CELLS: Final = ("start", "end", "kind", "seats", "term_anchor")


class RowFault(NamedTuple):
    """
    Why a row cannot be taken.

    Attributes:
        line: The line of the file on which the row begins, from 1.

        column: The cell's, by its heading; empty if it is the row as a whole.

        reason: A sentence: what was found, and what to do.
    """

    line: int
    column: str
    reason: str

    @property
    def text(self) -> str:
        """
        Where it is, and the sentence.
        """
        where = f", {self.column}" if self.column else ""
        return f"line {self.line}{where}: {self.reason}"


class CellError(Exception):
    """
    A cell of a row cannot be what it is.
    """

    def __init__(self, *, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRow:
    """
    A row: its cells by heading, without spaces around them; empty ones are not there.
    """

    line: int
    cells: Mapping[str, str]

    def fault(self, error: CellError) -> RowFault:
        """
        Return *error* as a fault of this row.
        """
        return RowFault(self.line, error.column, error.reason)


def read_rows(lines: Iterable[str]) -> Iterator[CsvRow | RowFault]:
    """
    Yield each row of a file, or why it is none. Blank lines are no rows.

    Args:
        lines: The file's, the header first.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        faults = list(_faults_of(header))
        yield from faults
        if faults:
            return
        line, count = reader.line_num + 1, 0
        for row in reader:
            if any(cell.strip() for cell in row):
                count += 1
                yield _row(line, header, row)
            if count > IMPORT_ROWS_MAX:
                sentence = f"the file has more than {IMPORT_ROWS_MAX:,} rows: split it."
                yield RowFault(line, "", sentence)
                return
            line = reader.line_num + 1
    except csv.Error as error:
        yield RowFault(max(1, reader.line_num), "", f"this is not CSV: {error}.")


def customer_of(row: CsvRow) -> str:
    """
    Return whom a row is about.

    Raises:
        CellError: If it does not say.
    """
    return _needed(row, "customer", "say whose row it is.")


def subscription_of_row(
    row: CsvRow, known: SubscriptionFact | None
) -> SubscriptionFact | None:
    """
    Return the subscription that a row names; None if it names none.

    Args:
        row: The row.

        known: The subscription of that key, if an earlier row or the book has it. The
            row need not repeat what it says, and must not contradict it.

    Raises:
        CellError: If a cell cannot be what it is.
    """
    key = row.cells.get("subscription")
    if key is None:
        for column in (*_SUBSCRIPTION_CELLS, "term", *_TERM_CELLS):
            if column in row.cells:
                raise CellError(
                    column="subscription", reason=f"is empty, and {column} is not."
                )
        return None

    if known is None:
        for column in ("meter", "anchor"):
            sentence = f"the subscription {key!r} is new: its {column} is needed."
            _needed(row, column, sentence)
    zone = row.cells.get("zone") or (known.calendar.zone if known else "UTC")
    said = SubscriptionFact(
        customer=row.cells["customer"],
        key=key,
        meter_key=row.cells.get("meter") or (known.meter_key if known else ""),
        calendar=_calendar(row, zone, known),
    )
    if known is not None and said != known:
        _contradict(row, said, known)
    return said


def term_of_row(row: CsvRow, subscription: SubscriptionFact) -> TermFact | None:
    """
    Return the term that a row names; None if it names none.

    Raises:
        CellError: If a cell cannot be what it is.
    """
    key = row.cells.get("term")
    if key is None:
        for column in _TERM_CELLS:
            if column in row.cells:
                raise CellError(column="term", reason=f"is empty, and {column} is not.")
        return None

    zone = subscription.calendar.zone
    start = _moment(row, "start", zone)
    if start is None:
        raise CellError(column="start", reason="is empty: a term starts at a moment.")
    if start < subscription.calendar.anchor:
        raise CellError(column="start", reason="is before the subscription's anchor.")
    end = _moment(row, "end", zone)
    if end is not None and end <= start:
        raise CellError(
            column="end", reason="is not after start: it is the first moment after."
        )
    anchor = _moment(row, "term_anchor", zone)
    if anchor is not None and to_utc(anchor) > start:
        raise CellError(column="term_anchor", reason="is after start.")
    return TermFact(
        key=key,
        start=to_utc(start),
        end=None if end is None else to_utc(end),
        seats=_seats(row),
        kind=_kind(row),
        anchor=anchor,
    )


def _faults_of(header: list[str]) -> Iterator[RowFault]:
    """
    Yield what is wrong with the header.
    """
    allowed = f"it can be {', '.join(COLUMNS)}."
    for name in header:
        if name not in COLUMNS:
            yield RowFault(1, name, f"there is no such column: {allowed}")
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield RowFault(1, name, "the column is there more than once.")
    if "customer" not in header:
        yield RowFault(1, "customer", "the column is missing: say whose each row is.")


def _row(line: int, header: list[str], row: list[str]) -> CsvRow | RowFault:
    if len(row) != len(header):
        reason = f"the row has {len(row)} cells, and the header {len(header)}."
        return RowFault(line, "", reason)

    cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
    for name, cell in cells.items():
        if len(cell) > CELL_CHARS_MAX:
            return RowFault(line, name, f"has more than {CELL_CHARS_MAX} characters.")
    return CsvRow(line=line, cells={name: cell for name, cell in cells.items() if cell})


def _needed(row: CsvRow, column: str, sentence: str) -> str:
    cell = row.cells.get(column)
    if cell is None:
        raise CellError(column=column, reason=f"is empty: {sentence}")

    return cell


def _calendar(row: CsvRow, zone: str, known: SubscriptionFact | None) -> Calendar:
    """
    Return the months that a row states, those of *known* where it is silent.
    """
    before = None if known is None else known.calendar
    text = row.cells.get("anchor") or (before.anchor_text if before else "")
    try:
        Calendar(parse_moment("2000-01-01"), interval_named("day"), 1, zone)
    except CallerError as error:
        raise CellError(column="zone", reason=str(error)) from error
    try:
        anchor = parse_moment(text, zone=zone)
    except CallerError as error:
        raise CellError(column="anchor", reason=str(error)) from error
    name = row.cells.get("interval") or (before.interval.value if before else "month")
    count = row.cells.get("interval_count") or (
        str(before.interval_count) if before else "1"
    )
    try:
        interval = interval_named(name)
    except CallerError as error:
        raise CellError(column="interval", reason=str(error)) from error
    try:
        return Calendar(anchor, interval, int(count) if count.isdecimal() else 0, zone)
    except CallerError as error:
        raise CellError(column="interval_count", reason=str(error)) from error


def _contradict(row: CsvRow, said: SubscriptionFact, known: SubscriptionFact) -> None:
    """
    Refuse a row that says of a subscription what was said otherwise.

    Raises:
        CellError: Always; naming the cell.
    """
    if said.meter_key != known.meter_key:
        column, before = "meter", known.meter_key
    elif said.calendar.zone != known.calendar.zone:
        column, before = "zone", known.calendar.zone
    elif said.calendar.anchor_text != known.calendar.anchor_text:
        column, before = "anchor", known.calendar.anchor_text
    else:
        calendar = known.calendar
        column = "interval"
        before = f"{calendar.interval_count} {calendar.interval.value}"
    message = f"the subscription {row.cells['subscription']!r} has {before} already."
    raise CellError(column=column, reason=message)


def _moment(row: CsvRow, column: str, zone: str) -> dt.datetime | None:
    text = row.cells.get(column)
    if text is None:
        return None
    try:
        return parse_moment(text, zone=zone)
    except CallerError as error:
        raise CellError(column=column, reason=str(error)) from error


def _kind(row: CsvRow) -> TermKind:
    text = _needed(row, "kind", f"say one of {', '.join(TermKind)}.")
    if text not in set(TermKind):
        reason = f"is {text[:40]!r}: say one of {', '.join(TermKind)}."
        raise CellError(column="kind", reason=reason)

    return TermKind(text)


def _seats(row: CsvRow) -> int | None:
    text = row.cells.get("seats")
    if text is None:
        return None

    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number < 1:
        reason = (
            f"is {text[:40]!r}: use a whole number of at least 1, or leave it empty if "
            "there is no limit."
        )
        raise CellError(column="seats", reason=reason)

    return number
