"""
What is wrong with the triggers of a capture in PostgreSQL, and what passes them unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg

from meterbook.ports.capturing import BlindSpot
from meterbook.stores.postgres.capture_tables import (
    ask,
    columns_of,
    is_unique,
    tree_of,
)
from meterbook.stores.postgres.capture_triggers import (
    EXPECTED,
    asked,
    named,
    names_of,
    settings_of,
    table_of,
)
from meterbook.stores.postgres.sessions import quoted
from meterbook.stores.templates import filled, identifier
from meterbook.stores.understanding import digest, shortened


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.ports.capturing import Making, Understood
    from meterbook.stores.postgres.capture_tables import Branch
    from meterbook.stores.postgres.sessions import Session


_ENABLED: Final = "O"
_UNLOGGED: Final = "u"
_AGAIN: Final = "install the capture again"


def blind_spots(session: Session, making: Making) -> list[BlindSpot]:
    """
    Return all there is to say of a capture, in one snapshot.
    """
    tree = tree_of(session, making.understood)
    if not tree:
        name = ".".join(making.understood.table)
        return [BlindSpot("no_table", f"The table {name} is gone.")]

    spots = [
        *_function(session, making),
        *_triggers(session, making, tree),
        *_tables(tree),
        *_replicas(session),
    ]
    try:
        with session.connection.transaction():
            spots += _rows(session, making.understood, tree)
    except psycopg.Error as error:
        sentence = f"The table cannot be read as declared: {shortened(error)}."
        spots.append(BlindSpot("unreadable", sentence))
    return spots


def _function(session: Session, making: Making) -> Iterator[BlindSpot]:
    found = ask(session, "function", {"function": _called(session, making)})
    if not found:
        sentence = f"The function of the triggers is gone: {_AGAIN}."
        yield BlindSpot("trigger_missing", sentence)
        return
    [(source, runs_right, settings)] = found
    expected = {
        line.removeprefix("SET ").replace(" = ", "=")
        for line in settings_of(making.understood)
    }
    kept = making.understood.made.get("function")
    if not runs_right or set(settings) != expected or digest(source) != kept:
        sentence = f"The function of the triggers was altered: {_AGAIN}."
        yield BlindSpot("trigger_altered", sentence)


def _triggers(
    session: Session, making: Making, tree: list[Branch]
) -> Iterator[BlindSpot]:
    """
    Yield what is wrong with the four triggers of each table.
    """
    names = names_of(making.key, session.schema).triggers
    values: dict[str, object] = {
        "function": _called(session, making),
        "oids": [branch.oid for branch in tree],
        "names": list(names.values()),
    }
    found = {(oid, name): row for oid, name, *row in ask(session, "triggers", values)}
    for branch in tree:
        if not branch.takes_triggers:
            sentence = (
                f"The partition {branch.full_name} is a foreign table: what is changed"
                " there, and not through the table, is not seen."
            )
            yield BlindSpot("foreign_partition", sentence)
            continue
        for event, name in names.items():
            row = found.get((branch.oid, name))
            if row is None:
                sentence = (
                    f"The trigger {name} on {branch.full_name} is gone: {_AGAIN}."
                )
                yield BlindSpot("trigger_missing", sentence)
                continue
            enabled, is_ours, *seen = row
            if enabled != _ENABLED:
                sentence = (
                    f"The trigger {name} on {branch.full_name} is disabled: ALTER TABLE"
                    f" {branch.full_name} ENABLE TRIGGER {identifier(name)}."
                )
                yield BlindSpot("trigger_disabled", sentence)
            if not is_ours or tuple(seen) != EXPECTED[event]:
                sentence = (
                    f"The trigger {name} on {branch.full_name} was altered: {_AGAIN}."
                )
                yield BlindSpot("trigger_altered", sentence)


def _tables(tree: list[Branch]) -> Iterator[BlindSpot]:
    for branch in tree:
        if branch.persistence == _UNLOGGED:
            sentence = (
                f"The table {branch.full_name} is unlogged: a crash of the server"
                " empties it, and no trigger sees that."
            )
            yield BlindSpot("unlogged", sentence)
        if branch.subscribed:
            sentence = (
                f"Rows of {branch.full_name} arrive by logical replication, which fires"
                " no trigger of a statement."
            )
            yield BlindSpot("subscription", sentence)
        if branch.row_security:
            sentence = (
                f"Row-level security hides rows of {branch.full_name} from this role:"
                " what is compared is not all there is."
            )
            yield BlindSpot("row_security", sentence)


def _replicas(session: Session) -> Iterator[BlindSpot]:
    for (role,) in ask(session, "replicas"):
        sentence = (
            f"Sessions of {role} begin with session_replication_role = replica: no"
            " trigger fires in them."
        )
        yield BlindSpot("replica_role", sentence)


def _rows(
    session: Session, understood: Understood, tree: list[Branch]
) -> Iterator[BlindSpot]:
    """
    Yield what is odd about the rows and about what keeps them apart.
    """
    root = tree[0]
    key = {
        column.name
        for column in columns_of(session, root.oid)
        if identifier(column.name) in {understood.customer, understood.member}
    }
    if understood.unique and not is_unique(session, root.oid, key, understood.way):
        sentence = (
            "The unique index of customer and member is gone, so that two rows can be"
            f" one seat: {_AGAIN}."
        )
        yield BlindSpot("not_unique", sentence)
    sql = filled(
        asked("unnamed"),
        table=table_of(understood),
        alias=identifier(understood.table[-1]),
        when=understood.when,
        named=named(understood),
    )
    row = session.connection.execute(sql.encode()).fetchone()
    assert row is not None
    if row[0]:
        sentence = (
            f"{row[0]:,} rows have no customer or no member that an event could name"
            " (null, blank, or longer than 255 characters): no seats."
        )
        yield BlindSpot("unnamed_rows", sentence)


def _called(session: Session, making: Making) -> str:
    """
    Return the name of the capture's function, with the book's schema.
    """
    name = names_of(making.key, session.schema).function
    return f"{quoted(session.schema)}.{identifier(name)}"
