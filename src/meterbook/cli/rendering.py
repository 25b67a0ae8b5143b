"""
What the program prints: lines and tables for people, JSON lines for programs.

What comes out of a book may hold anything, also codes that a terminal obeys: text for
people is shown with those escaped.
"""

from __future__ import annotations

import sys

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
import typer


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


# Wider than any table: where nobody watches, nothing is cut or folded.
PIPE_COLUMNS = 10_000

# What is not shown of a cell is shown by --json.
CELL_CHARS_MAX = 120


def print_json(document: object) -> None:
    """
    Print one JSON document on a line of its own.

    Moments are RFC 3339 with a Z. A Decimal is a number with all its digits; quantities
    are written as text by those who know their scale.
    """
    typer.echo(_ENCODER.encode(document))


def json_text(document: object) -> str:
    """
    Return *document* as JSON on one line.
    """
    return _ENCODER.encode(document).decode()


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
) -> None:
    """
    Print rows in columns; nothing at all if there are none.

    Args:
        headings: One for each column.

        rows: The cells; None is shown as nothing.

        right: Headings of the columns to set flush right.
    """
    # Loaded when the first table is printed: help and JSON do without.
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.table import Table  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        at_right = heading in right
        table.add_column(
            heading, justify="right" if at_right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell_text(cell)) for cell in row))
    if not table.row_count:
        return

    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def cell_text(value: object) -> str:
    """
    Return *value* as a cell shows it.
    """
    if value is None:
        return ""

    text = value if isinstance(value, str) else json_text(value)
    text = text.strip('"') if not isinstance(value, str) else text
    return printable(
        text if len(text) <= CELL_CHARS_MAX else f"{text[:CELL_CHARS_MAX]}…"
    )


def printable(text: str) -> str:
    """
    Return *text* with what is no visible character escaped.
    """
    if text.isprintable():
        return text

    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def grouped(number: str) -> str:
    """
    Return a plain decimal with a comma between thousands: "1234.5" is "1,234.5".
    """
    sign = "-" if number.startswith("-") else ""
    whole, point, part = number.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{part}" if whole.isdigit() else number


def counted(number: int, one: str, many: str | None = None) -> str:
    """
    Return a number of things in words: "1 entry", "2,000 entries", "no entries".
    """
    several = many or f"{one}s"
    if number == 0:
        return f"no {several}"

    return f"{number:,} {one if number == 1 else several}"


def _plain(value: object) -> object:
    """
    Return what msgspec cannot write by itself as something that it can.
    """
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"

    message = f"{type(value).__name__} has no JSON form"
    raise NotImplementedError(message)


_ENCODER = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")

assert _ENCODER.encode(Decimal("0.10")) == b"0.10"
