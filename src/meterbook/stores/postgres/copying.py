r"""
Rows as the text that COPY takes.

One f-string or format a row and one join, then a count of what the text would hold if
no value needed escaping. Only if the count is off is each value escaped: values with a
tab, a line break or a backslash are few, and are still written as they are.

Laws (tests/stores/test_postgres_store.py):
    - *As they are*: what is read back is what was offered, whatever characters it has.

Source:
    PostgreSQL, "COPY", text format: backslash, newline, carriage return and the
    delimiter must be escaped in a value; \N is null; bytea is \x and hex digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast


if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from meterbook.ports import NewEntry


_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"},
)

_NULL: Final = "\\N"

# The columns of an entry after its id: two digits, three texts, three that may be null,
# two numbers, two texts, the fingerprint in hex, a number.
_ENTRY_LINE: Final = "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t\\\\x%s\t%d\n"
_ENTRY_COLUMNS: Final = 14


def copied(rows: Collection[tuple[int | str, ...]], *, columns: str) -> bytes:
    """
    Return *rows* of int and str as COPY text.

    Args:
        rows: All of one length.

        columns: One letter for each: `d` for an int, `s` for a str.
    """
    line = "\t".join(f"%{letter}" for letter in columns) + "\n"
    text = "".join([line % row for row in rows])
    if not _is_plain(text, rows=len(rows), columns=len(columns), backslashes=0):
        text = "".join([line % tuple(map(_escaped, row)) for row in rows])
    return text.encode()


def copied_entries(rows: Sequence[NewEntry], entry_ids: Sequence[int]) -> bytes:
    """
    Return new entries as COPY text, each after its id.
    """
    text = "".join(_entry_lines(rows, entry_ids))
    nulls = sum([row[column] for row in rows].count(None) for column in (4, 5, 6))
    backslashes = 2 * len(rows) + nulls
    if not _is_plain(
        text, rows=len(rows), columns=_ENTRY_COLUMNS, backslashes=backslashes
    ):
        text = "".join(_entry_lines([_escaped_entry(r) for r in rows], entry_ids))
    return text.encode()


def _entry_lines(rows: Sequence[NewEntry], entry_ids: Sequence[int]) -> list[str]:
    return [
        _ENTRY_LINE
        % (
            entry_id,
            kind,
            source,
            event_id,
            type_,
            _NULL if subject_id is None else subject_id,
            _NULL if actor_id is None else actor_id,
            _NULL if customer is None else customer,
            occurred_at,
            time_given,
            data,
            extensions,
            fingerprint.hex(),
            recorded_at,
        )
        for entry_id, (
            kind,
            source,
            event_id,
            type_,
            subject_id,
            actor_id,
            customer,
            occurred_at,
            time_given,
            data,
            extensions,
            fingerprint,
            recorded_at,
        ) in zip(entry_ids, rows, strict=True)
    ]


def _is_plain(text: str, *, rows: int, columns: int, backslashes: int) -> bool:
    return (
        text.count("\t") == rows * (columns - 1)
        and text.count("\n") == rows
        and text.count("\\") == backslashes
        and "\r" not in text
    )


def _escaped(value: object) -> object:
    return value.translate(_ESCAPES) if isinstance(value, str) else value


def _escaped_entry(row: NewEntry) -> NewEntry:
    return cast("NewEntry", tuple(map(_escaped, row)))
