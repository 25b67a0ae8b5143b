"""
What a declaration means in a SQLite database: its table, columns and expressions.
"""

from __future__ import annotations

import re
import sqlite3

from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.metering.expressions import pieces_of
from meterbook.ports.capturing import Understood
from meterbook.stores.sqlite.capture_triggers import (
    asked,
    bare_table_of,
    seats,
    table_of,
)
from meterbook.stores.statements import statements
from meterbook.stores.templates import filled, identifier
from meterbook.stores.understanding import (
    as_column,
    check_query,
    looked_at,
    refuse,
    refuse_column,
    shortened,
    words_in,
)


if TYPE_CHECKING:
    from meterbook.metering.captures import Capture


CAPTURING: Final = statements("sqlite", "capturing")

# What answers differently though the row is the same: no trigger would notice.
_CLOCK: Final = re.compile(
    r"\bcurrent_(?:date|time|timestamp)\b|\brandom(?:blob)?\s*\("
    r"|\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|\blast_insert_rowid\b"
    r"|\b(?:total_)?changes\s*\(",
    re.IGNORECASE,
)
_NOW: Final = re.compile(r"'now'", re.IGNORECASE)

# What looks at other rows than its own. `x IN other_table` is SQLite's own way to.
_ROWID: Final = {"rowid", "oid", "_rowid_"}
_ROWS: Final = {"select", "exists", "values", "with"}
_IN_TABLE: Final = re.compile(r"\bin\s+[^\s(]", re.IGNORECASE)


class Column(NamedTuple):
    """
    A column of a table. *key* is its place in the primary key, 0 if it has none.
    """

    name: str
    not_null: bool
    key: int


def understand(connection: sqlite3.Connection, capture: Capture) -> Understood:
    """
    Resolve the names of a declaration and compile its expressions.

    Raises:
        InvalidCaptureError: If one of them is wrong: it is named.
    """
    table = _table(connection, capture)
    columns = columns_of(connection, table)
    names = [column.name for column in columns]
    customer = _column(capture, "customer", names)
    member = _column(capture, "member", names)
    said = {
        field: as_column(getattr(capture, field), names)
        or _expression(connection, capture, field, table=table, names=names)
        for field in ("way", "when", "state")
    }
    check_query(capture)
    expressions = [customer, member, *(text for text in said.values() if text)]
    understood = Understood(
        table=(table,),
        customer=identifier(customer),
        member=identifier(member),
        way=said["way"] or "''",
        when=said["when"] or "true",
        state=said["state"] or "'active'",
        customers=capture.customers,
        columns=tuple(map(identifier, looked_at(expressions, names))),
        unique=_is_unique(connection, table, columns, {customer, member}, said["way"]),
    )
    _compile(connection, capture, understood)
    return understood


def columns_of(connection: sqlite3.Connection, table: str) -> list[Column]:
    """
    Return the columns of a table; none if there is no such table.
    """
    found = connection.execute(CAPTURING["columns"], (table,))
    return [Column(name, bool(not_null), key) for name, not_null, key in found]


def is_still_unique(connection: sqlite3.Connection, understood: Understood) -> bool:
    """
    Tell whether no two rows of the table can be one seat, as it is now.
    """
    (table,) = understood.table
    columns = columns_of(connection, table)
    key = {
        column.name
        for column in columns
        if identifier(column.name) in {understood.customer, understood.member}
    }
    return _is_unique(connection, table, columns, key, understood.way)


def read_otherwise(connection: sqlite3.Connection, understood: Understood) -> int:
    """
    Count the seats that triggers would understand otherwise than the table.

    SQLite compares a column with a constant of another type as the column's type says
    (``active = '1'`` is true of 1), but not in a trigger.
    """
    sql = filled(
        asked("read_otherwise"),
        table_seats=seats(understood, source=table_of(understood)),
        bare_seats=seats(understood, source=bare_table_of(understood)),
    )
    (count,) = connection.execute(sql).fetchone()
    return int(count)


def unnamed(connection: sqlite3.Connection, understood: Understood) -> int:
    """
    Count the rows that would be seats, had they a customer and a member.
    """
    sql = filled(
        asked("unnamed"),
        table=table_of(understood),
        when=understood.when,
        seats=seats(understood, source=table_of(understood)),
    )
    (count,) = connection.execute(sql).fetchone()
    return int(count)


def _table(connection: sqlite3.Connection, capture: Capture) -> str:
    """
    Return the name of the table as the database writes it.
    """
    *schema, name = capture.table
    if schema:
        refuse(capture, "table", "must be one name: SQLite has no schemas")
    found = connection.execute(CAPTURING["named_objects"], (name,)).fetchone()
    if found is None:
        refuse(capture, "table", f"{name} is not in this database")
    kind, own_name, sql = found
    if kind == "view":
        refuse(capture, "table", f"{name} is a view: name the table behind it")
    if re.match(r"CREATE\s+VIRTUAL\b", sql or "", re.IGNORECASE):
        refuse(capture, "table", f"{name} is a virtual table, which has no triggers")
    if own_name.lower().startswith(("meterbook_", "sqlite_")):
        refuse(capture, "table", f"{name} is not the application's")
    assert isinstance(own_name, str)
    return own_name


def _column(capture: Capture, field: str, names: list[str]) -> str:
    stated: str = getattr(capture, field)
    found = [name for name in names if name.lower() == stated.lower()]
    if not found:
        refuse_column(capture, field, stated, names)
    return found[0]


def _expression(
    connection: sqlite3.Connection,
    capture: Capture,
    field: str,
    *,
    table: str,
    names: list[str],
) -> str | None:
    """
    Return an expression that compiles, and that nothing but a row's change can change.
    """
    text: str | None = getattr(capture, field)
    if text is None:
        return None

    known = {name.lower() for name in (*names, table)}
    for name in pieces_of(text).names:
        # SQLite takes a quoted name that it does not know for text, and goes on.
        if name.lower() not in known:
            refuse_column(capture, field, name, names)
    bare = pieces_of(text).bare
    for name in _ROWID & words_in(text) - known:
        # A subquery may have one, and it would be nobody's.
        refuse_column(capture, field, name, names)
    if _ROWS & words_in(text) or _IN_TABLE.search(bare):
        sentence = "looks at other rows, whose changes no trigger of this table sees"
        refuse(capture, field, sentence)
    if _CLOCK.search(bare) or _NOW.search(text):
        sentence = "depends on the clock or on chance, which change without the row"
        refuse(capture, field, sentence)
    # In a condition, where an aggregate cannot stand.
    sql = filled(
        asked("compiled"),
        columns=", ".join(map(identifier, names)),
        table=identifier(table),
        expression=text,
    )
    try:
        connection.execute(sql)
    except sqlite3.Error as error:
        refuse(capture, field, f"does not compile: {shortened(error)}")
    return text


def _is_unique(
    connection: sqlite3.Connection,
    table: str,
    columns: list[Column],
    key: set[str],
    way: str | None,
) -> bool:
    """
    Tell whether an index lets no two rows have the same customer, member and way.
    """
    key = key | {c.name for c in columns if c.not_null and identifier(c.name) == way}
    indexes: dict[str, set[str | None]] = {}
    for index, name in connection.execute(CAPTURING["unique_indexes"], (table,)):
        indexes.setdefault(index, set()).add(name)
    indexes[""] = {column.name for column in columns if column.key}
    return any(index and index <= key for index in indexes.values())


def _compile(
    connection: sqlite3.Connection, capture: Capture, understood: Understood
) -> None:
    """
    Refuse what compiles only in parts, and what a trigger would read otherwise.
    """
    try:
        differing = read_otherwise(connection, understood)
    except sqlite3.Error as error:
        refuse(capture, "declaration", f"does not compile: {shortened(error)}")
    if differing:
        sentence = (
            f"compares a column with a constant of another type ({differing} rows): a"
            " trigger would not see what the table says. Write active = 1, not '1'"
        )
        refuse(capture, "declaration", sentence)
