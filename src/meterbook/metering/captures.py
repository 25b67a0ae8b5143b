"""
Captures: which rows of an application's own table are seats, and whose.

::

    [captures.members]
    table = "membership"                 a table; on PostgreSQL also "app.membership"
    customer = "org_id"                  the column that says who pays
    member = "user_id"                   the column that says who it is
    way = "role"                         by which way they are in; absent: by no name
    when = "suspended_at IS NULL"        which rows are seats; absent: all
    state = "CASE WHEN last_active_at IS NULL THEN 'pending' ELSE 'active' END"
    event_type = "seat.changed"          of the events that are recorded
    customers = "SELECT id FROM org"     everybody who pays, also without a member

Names of tables and columns are written as the database shows them. `way`, `state` and
`when` are SQL expressions of one row; what is exactly the name of a column is that
column, and a constant is quoted as in SQL: ``way = "'directory'"``.

One member can be in by several ways. By one way and customer, several rows are one
seat, whose state is the first of theirs in the alphabet: active before pending before
suspended.
"""

from __future__ import annotations

import re

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from meterbook.foundation.errors import InvalidCaptureError
from meterbook.metering.admission import NAME_CHARS_MAX
from meterbook.metering.expressions import fault_in


if TYPE_CHECKING:
    from collections.abc import Mapping


# With what is put before and behind it, a name of PostgreSQL has 63 bytes at most.
CAPTURE_KEY_CHARS_MAX: Final = 30

# A table's name, with that of its schema; PostgreSQL takes 63 bytes of each.
TABLE_CHARS_MAX: Final = 2 * NAME_CHARS_MAX

EXPRESSION_CHARS_MAX: Final = 4_000

FIELDS: Final = frozenset(
    {
        "table",
        "customer",
        "member",
        "way",
        "when",
        "state",
        "event_type",
        "customers",
        "version",
    }
)
_EXPRESSIONS: Final = ("way", "when", "state", "customers")

_KEY: Final = re.compile(rf"[a-z][a-z0-9_]{{0,{CAPTURE_KEY_CHARS_MAX - 1}}}")
_PART: Final = re.compile(r'"(?:[^"]|"")+"|[^".]+')


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """
    What one declaration says.

    Attributes:
        key: By which name the capture goes.

        table: The parts of the table's name: one, or a schema and one.

        customer: A column.

        member: A column.

        way: An expression, or None: one way without a name.

        when: A condition, or None: every row is a seat.

        state: An expression, or None: every seat is active.

        event_type: Of the events that are recorded.

        customers: A query of all who pay, or None: those in the table.

        version: Which version the writer takes this for; None if they do not say.
    """

    key: str
    table: tuple[str, ...]
    customer: str
    member: str
    way: str | None
    when: str | None
    state: str | None
    event_type: str
    customers: str | None
    version: int | None

    @property
    def table_name(self) -> str:
        """
        The table as the declaration names it.
        """
        return ".".join(self.table)

    def definition(self) -> dict[str, object]:
        """
        Return what is kept of it: what decides what counts as a seat.
        """
        said: dict[str, object] = {
            "table": list(self.table),
            "customer": self.customer,
            "member": self.member,
            "way": self.way,
            "when": self.when,
            "state": self.state,
            "event_type": self.event_type,
            "customers": self.customers,
        }
        return {name: value for name, value in said.items() if value is not None}


def capture_from(key: object, mapping: object) -> Capture:
    """
    Return the capture that a table of a declaration defines.

    Raises:
        InvalidCaptureError: If a field is missing, unknown or unreadable: it is named.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        sentence = (
            f"must be 1 to {CAPTURE_KEY_CHARS_MAX} lower-case letters, digits and _,"
            " beginning with a letter"
        )
        _refuse(key, "key", sentence)
    if not isinstance(mapping, dict):
        _refuse(key, "declaration", "must be a table of fields")
    unknown = sorted(str(name) for name in mapping.keys() - FIELDS)
    if unknown:
        allowed = ", ".join(sorted(FIELDS))
        _refuse(key, repr(unknown[0]), f"is not a field; the fields are {allowed}")

    said = {name: _expression(key, name, mapping) for name in _EXPRESSIONS}
    return Capture(
        key=key,
        table=_table(key, mapping),
        customer=_name(key, "customer", mapping),
        member=_name(key, "member", mapping),
        way=said["way"],
        when=said["when"],
        state=said["state"],
        event_type=_event_type(key, mapping),
        customers=said["customers"],
        version=_version(key, mapping),
    )


def stored_capture(key: str, definition: Mapping[str, object]) -> Capture:
    """
    Return the capture of a definition that a book keeps.
    """
    table = definition["table"]
    assert isinstance(table, list)
    quoted = ".".join('"{}"'.format(part.replace('"', '""')) for part in table)
    return capture_from(key, {**definition, "table": quoted})


def constant_way(way: str | None) -> str | None:
    """
    Return the one way that *way* stands for; None if it depends on the row.
    """
    if way is None:
        return ""

    text = way.strip()
    found = re.fullmatch(r"'((?:[^']|'')*)'", text)
    return found[1].replace("''", "'") if found else None


def _refuse(key: object, field: str, fault: str) -> NoReturn:
    shown = repr(key)[: CAPTURE_KEY_CHARS_MAX + 2]
    message = f"capture {shown}: {field} {fault}."
    raise InvalidCaptureError(message)


def _text(
    key: str, field: str, mapping: Mapping[str, object], *, chars_max: int
) -> str:
    """
    Return the text of *field*, which must be stated.
    """
    if field not in mapping:
        _refuse(key, field, "is missing")
    found = mapping[field]
    if not isinstance(found, str) or not 0 < len(found) <= chars_max:
        _refuse(key, field, f"must be text of 1 to {chars_max} characters")
    if "\x00" in found:
        _refuse(key, field, "holds a NUL character")
    return found


def _name(key: str, field: str, mapping: Mapping[str, object]) -> str:
    return _text(key, field, mapping, chars_max=NAME_CHARS_MAX)


def _event_type(key: str, mapping: Mapping[str, object]) -> str:
    """
    Return the type of the events; those of the book itself are not for others.
    """
    found = _text(key, "event_type", mapping, chars_max=NAME_CHARS_MAX)
    if found.isspace() or not found.isprintable():
        _refuse(key, "event_type", "must be printable text")
    if found.startswith("meterbook."):
        _refuse(key, "event_type", "begins with meterbook., which the book keeps")
    return found


def _table(key: str, mapping: Mapping[str, object]) -> tuple[str, ...]:
    """
    Return the parts of the table's name: a dot parts them unless it is quoted.
    """
    text = _text(key, "table", mapping, chars_max=TABLE_CHARS_MAX)
    parts = [found[0] for found in _PART.finditer(text)]
    if ".".join(parts) != text or len(parts) not in {1, 2}:
        sentence = (
            'must be a name, or two with a dot between, as in app.membership; "a.b" in'
            " double quotes is one name"
        )
        _refuse(key, "table", sentence)
    return tuple(
        part[1:-1].replace('""', '"') if part.startswith('"') else part
        for part in parts
    )


def _expression(key: str, field: str, mapping: Mapping[str, object]) -> str | None:
    """
    Return an expression, which need not be stated.
    """
    if field not in mapping:
        return None

    found = _text(key, field, mapping, chars_max=EXPRESSION_CHARS_MAX)
    fault = fault_in(found)
    if fault is not None:
        _refuse(key, field, fault)
    return found


def _version(key: str, mapping: Mapping[str, object]) -> int | None:
    """
    Return the version that the writer takes the declaration for, if they say so.
    """
    found = mapping.get("version")
    if found is not None and (type(found) is not int or found < 1):
        _refuse(key, "version", "must be a whole number, 1 or more")
    assert found is None or isinstance(found, int)
    return found
