"""
What a declaration means in a PostgreSQL database: its table, columns and expressions.

An expression is compiled as a constraint of an empty copy of the table. PostgreSQL then
says what is wrong with it; refuses what looks at other rows; and writes it down again
with every name in its schema, so that it means the same under any search_path.
"""

from __future__ import annotations

import contextlib
import re

from typing import TYPE_CHECKING, Final, NamedTuple, cast

import psycopg

from meterbook.ports.capturing import Understood
from meterbook.stores.postgres.capture_triggers import (
    asked,
    seats,
    table_name,
    table_of,
    updated_seats,
)
from meterbook.stores.postgres.sessions import in_schema
from meterbook.stores.statements import statements
from meterbook.stores.templates import filled, identifier
from meterbook.stores.understanding import (
    as_column,
    check_query,
    looked_at,
    refuse,
    refuse_column,
    shortened,
)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.metering.captures import Capture
    from meterbook.stores.postgres.sessions import Session, Values


CAPTURING: Final = statements("postgres", "capturing")

_KINDS: Final = {
    "v": "is a view: name the table behind it",
    "m": "is a materialized view: name the tables behind it",
    "f": "is a foreign table, on which other databases make their changes unseen",
}
_FOREIGN: Final = "f"
_TEMPORARY: Final = "t"

# PostgreSQL's own functions that are stable for a statement, and not for a row.
_CLOCKS: Final = (
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "current_setting",
    "current_schema",
    "current_schemas",
    "current_database",
    "current_query",
    "pg_backend_pid",
)
_FUNCTIONS: Final = re.compile(r":(?:op)?funcid (\d+)")

# CURRENT_TIMESTAMP, CURRENT_USER and their like.
_VALUE_OF_SESSION: Final = "{SQLVALUEFUNCTION"

# Types whose every value is a name that an event can have.
_PLAIN_TYPES: Final = {"int2", "int4", "int8", "oid", "uuid"}

_PROBE: Final = "meterbook_probe_"
_IS_NULL: Final = re.compile(r"\A\((.*) IS NULL\)\Z", re.DOTALL)


class Table(NamedTuple):
    """
    What the catalog says of a table.
    """

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    row_security: bool
    can_select: bool
    can_trigger: bool
    has_heirs: bool


class Column(NamedTuple):
    """
    A column of a table. *type_name* is as the catalog has it.
    """

    name: str
    not_null: bool
    type_name: str


class Branch(NamedTuple):
    """
    A table, one of its partitions, or a table that inherits from it.
    """

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    row_security: bool
    subscribed: bool

    @property
    def takes_triggers(self) -> bool:
        """
        Tell whether the triggers of a capture can be on it.
        """
        return self.kind != _FOREIGN

    @property
    def full_name(self) -> str:
        """
        The name with that of the schema, as SQL.
        """
        return table_name((self.schema, self.name))


def statement(name: str, schema: str) -> bytes:
    """
    Return a statement about captures, for the book in *schema*.
    """
    return in_schema(CAPTURING[name], schema).encode()


def ask(session: Session, name: str, values: Values | None = None) -> list[tuple]:  # type: ignore[type-arg]  # rows of any shape
    """
    Return what a statement about captures answers.
    """
    sql = statement(name, session.schema)
    return cast("list[tuple]", session.rows_of(sql, values))  # type: ignore[type-arg]  # likewise


def understand(session: Session, capture: Capture) -> Understood:
    """
    Resolve the names of a declaration and compile its expressions.

    In a transaction that may write: an empty copy of the table is made and rolled back.

    Raises:
        InvalidCaptureError: If one of them is wrong: it is named.
    """
    table = _table(session, capture)
    columns = columns_of(session, table.oid)
    names = [column.name for column in columns]
    for field in ("customer", "member"):
        if getattr(capture, field) not in names:
            refuse_column(capture, field, getattr(capture, field), names)
    check_query(capture)
    said = _compiled(session, capture, table, names)
    keys = {capture.customer, capture.member}
    texts = [capture.customer, capture.member, *said.values()]
    understood = Understood(
        table=(table.schema, table.name),
        customer=identifier(capture.customer),
        member=identifier(capture.member),
        way=said.get("way", "''"),
        when=said.get("when", "true"),
        state=said.get("state", "'active'"),
        customers=capture.customers,
        columns=tuple(map(identifier, looked_at(texts, names))),
        unique=not table.has_heirs and is_unique(session, table.oid, keys, capture.way),
        plain=tuple(
            identifier(column.name)
            for column in columns
            if column.name in keys and column.type_name in _PLAIN_TYPES
        ),
    )
    _compile(session, capture, understood)
    return understood


def tree_of(session: Session, understood: Understood) -> list[Branch]:
    """
    Return the table and all below it, itself first; nothing if it is gone.
    """
    values = {"table": table_of(understood)}
    return [Branch._make(row) for row in ask(session, "tree", values)]


def columns_of(session: Session, oid: int) -> list[Column]:
    """
    Return the columns of a table.
    """
    return [Column._make(row) for row in ask(session, "columns", {"oid": oid})]


def is_unique(session: Session, oid: int, key: set[str], way: str | None) -> bool:
    """
    Tell whether an index lets no two rows have the same customer, member and way.

    A way counts where it is a column without nulls, of which no two are the same.
    """
    by_row = {
        column.name
        for column in columns_of(session, oid)
        if column.not_null and way in {column.name, identifier(column.name)}
    }
    found = ask(session, "unique_indexes", {"oid": oid})
    return any(set(names) <= key | by_row for (names,) in found)


def find_table(session: Session, *, schema: str | None, name: str) -> Table | None:
    """
    Return the table of this name; without a schema, the first of the search path.
    """
    found = ask(session, "found_table", {"schema": schema, "name": name})
    return Table._make(found[0]) if found else None


def _table(session: Session, capture: Capture) -> Table:
    """
    Return the table that can be captured, and that we may capture.
    """
    *schemas, name = capture.table
    schema = schemas[0] if schemas else None
    table = find_table(session, schema=schema, name=name)
    if table is None:
        where = f"in the schema {schema}" if schema else "in the search_path"
        refuse(capture, "table", f"{capture.table_name} is not {where}")
    if table.kind in _KINDS:
        refuse(capture, "table", f"{capture.table_name} {_KINDS[table.kind]}")
    if table.persistence == _TEMPORARY or table.schema.startswith("pg_temp"):
        refuse(capture, "table", f"{capture.table_name} is a temporary table")
    if table.schema in {session.schema, "pg_catalog", "information_schema"}:
        refuse(capture, "table", f"{capture.table_name} is not the application's")
    full = table_name((table.schema, table.name))
    if not (table.can_select and table.can_trigger):
        sentence = f"cannot be watched by this role: GRANT SELECT, TRIGGER ON {full}"
        refuse(capture, "table", f"{capture.table_name} {sentence} TO it")
    if table.row_security:
        sentence = "hides rows from this role: it needs BYPASSRLS, or to own the table"
        refuse(capture, "table", f"{capture.table_name} {sentence}")
    return table


def _compiled(
    session: Session, capture: Capture, table: Table, names: list[str]
) -> dict[str, str]:
    """
    Return each expression that is stated, as PostgreSQL writes it.
    """
    stated = {
        field: as_column(text, names) or text
        for field in ("way", "when", "state")
        if (text := getattr(capture, field)) is not None
    }
    if not stated:
        return {}

    alias = identifier(table.name)
    with _undone(session):
        parts = {"alias": alias, "table": table_name((table.schema, table.name))}
        session.run_sql(filled(asked("probe"), **parts).encode())
        for field, text in stated.items():
            expression = text if field == "when" else f"({text}) IS NULL"
            sql = filled(
                asked("probed"),
                alias=alias,
                name=identifier(_PROBE + field),
                expression=expression,
            )
            try:
                session.connection.execute(sql.encode())
            except psycopg.Error as error:
                sentence = f"does not compile: {shortened(error)}"
                refuse(capture, field, sentence)
        session.run_sql(b"SET LOCAL search_path = pg_catalog")
        found = ask(session, "probed", {"table": f"pg_temp.{alias}"})
        for name, _, tree in found:
            _refuse_unsteady(session, capture, name.removeprefix(_PROBE), tree)
    return {
        name.removeprefix(_PROBE): text if name == _PROBE + "when" else _value(text)
        for name, text, _ in found
    }


def _value(text: str) -> str:
    """
    Return the expression that a constraint asks whether it is null.
    """
    found = _IS_NULL.match(text)
    assert found is not None, text
    return found[1]


@contextlib.contextmanager
def _undone(session: Session) -> Iterator[None]:
    """
    Undo what the block does, whatever becomes of it.
    """
    session.run_sql(b"SAVEPOINT meterbook_probe")
    try:
        yield
    finally:
        session.run_sql(b"ROLLBACK TO SAVEPOINT meterbook_probe")
        session.run_sql(b"RELEASE SAVEPOINT meterbook_probe")


def _refuse_unsteady(session: Session, capture: Capture, field: str, tree: str) -> None:
    """
    Refuse an expression that can change while its row does not.
    """
    if _VALUE_OF_SESSION in tree:
        sentence = "depends on the clock or on who is connected, not on the row alone"
        refuse(capture, field, sentence)
    oids = sorted({int(found) for found in _FUNCTIONS.findall(tree)})
    found = ask(session, "unsteady", {"oids": oids, "names": list(_CLOCKS)})
    if found:
        sentence = (
            f"calls {found[0][0]}, whose answer can change although the row does not:"
            " no trigger would see it"
        )
        refuse(capture, field, sentence)


def _compile(session: Session, capture: Capture, understood: Understood) -> None:
    """
    Refuse what compiles only in parts, such as columns that cannot be compared.
    """
    table = seats(understood, source=table_of(understood))
    updated = updated_seats(old=table, new=table)
    sql = filled(asked("compiled"), updated=updated, table_seats=table)
    try:
        with session.connection.transaction():
            session.connection.execute(sql.encode())
    except psycopg.Error as error:
        refuse(capture, "declaration", f"does not compile: {shortened(error)}")
