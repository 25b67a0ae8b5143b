"""
What stores have in common when they make sense of a declaration.
"""

from __future__ import annotations

import hashlib
import re

from typing import TYPE_CHECKING, Final, NoReturn

from meterbook.foundation.errors import InvalidCaptureError
from meterbook.metering.expressions import pieces_of
from meterbook.stores.templates import identifier


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.metering.captures import Capture


# More than this of a table's columns is not listed in an error.
COLUMNS_LISTED_MAX: Final = 20

_WORD: Final = re.compile(r"\w+")
_QUERY: Final = re.compile(r"\s*(SELECT|VALUES|WITH|TABLE)\b", re.IGNORECASE)


def refuse(capture: Capture, field: str, fault: str) -> NoReturn:
    """
    Refuse a declaration for what the database says of *field*.

    Raises:
        InvalidCaptureError: Always.
    """
    message = f"capture {capture.key!r}: {field} {fault}."
    raise InvalidCaptureError(message)


def refuse_column(
    capture: Capture, field: str, name: str, columns: Sequence[str]
) -> NoReturn:
    """
    Refuse a declaration that names a column which is not there.

    Raises:
        InvalidCaptureError: Always.
    """
    listed = ", ".join(columns[:COLUMNS_LISTED_MAX])
    more = ", ..." if len(columns) > COLUMNS_LISTED_MAX else ""
    there = f"the table {capture.table_name} has {listed}{more}"
    refuse(capture, field, f"names the column {name}, which is not there: {there}")


def as_column(text: str | None, columns: Sequence[str]) -> str | None:
    """
    Return an expression that is exactly the name of a column as SQL; else None.
    """
    return identifier(text) if text is not None and text in columns else None


def looked_at(expressions: Sequence[str], columns: Sequence[str]) -> list[str]:
    """
    Return those of *columns* that one of *expressions* may name, in whatever letters.

    One too many costs little, one too few would be wrong: a name that is no single word
    is looked for anywhere.
    """
    text = "\n".join(expressions).casefold()
    words = set(re.findall(r"\w+", text))
    return [
        name
        for name in columns
        if name.casefold() in (words if _WORD.fullmatch(name) else text)
        or identifier(name).casefold() in text
    ]


def check_query(capture: Capture) -> None:
    """
    Refuse a query of customers that does not begin as one.

    Raises:
        InvalidCaptureError: If it does not.
    """
    if capture.customers is not None and not _QUERY.match(capture.customers):
        refuse(capture, "customers", "must be a query: SELECT ... of one column")


def words_in(text: str) -> set[str]:
    """
    Return the words of an expression that are not quoted, in small letters.
    """
    return {word.lower() for word in re.findall(r"\w+", pieces_of(text).bare)}


def digest(text: str) -> str:
    """
    Return what tells a text from another one that was put in its place.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def shortened(error: BaseException) -> str:
    """
    Return the first line of what a driver says, without its full stop.
    """
    return str(error).partition("\n")[0].strip().removesuffix(".")
