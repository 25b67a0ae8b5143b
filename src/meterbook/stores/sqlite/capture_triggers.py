"""
The triggers of a capture in SQLite, as text.

A trigger of SQLite runs once for each row. It takes the customer's lock row, and then
tells of every seat that the row was or is: a leave if the table does not have the seat
any more, a join if it has. What it tells is looked up in the table, not taken from the
row: another trigger may have changed the row in between, and the last one to look finds
what is true.

The expressions of a declaration are about columns of the table. For OLD and NEW they
are asked of a row that is put together from these, without the columns' affinity:
SQLite gives none to what it calls NEW.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meterbook.metering.admission import NAME_CHARS_MAX
from meterbook.stores.templates import filled, identifier, literal, template


if TYPE_CHECKING:
    from meterbook.ports.capturing import Making, Understood


EVENTS: Final = ("insert", "update", "delete")

# Tab to carriage return, and space.
_BLANKS: Final = "char(9, 10, 11, 12, 13, 32)"

_NOTHING: Final = ""


def trigger_names(key: str) -> dict[str, str]:
    """
    Return the name of each trigger of a capture, by what it waits for.
    """
    return {event: f"meterbook_capture_{key}_{event}" for event in EVENTS}


def trigger_texts(making: Making) -> dict[str, str]:
    """
    Return the statement that makes each trigger, by its name.
    """
    understood = making.understood
    old = seats(understood, source=_row(understood, "OLD"))
    new = seats(understood, source=_row(understood, "NEW"))
    both = filled(asked("touched_by_update"), old=old, new=new)
    touched = {"insert": new, "update": both, "delete": old}
    return {
        name: filled(
            asked(event),
            trigger=identifier(name),
            table=identifier(understood.table[-1]),
            changed=_changed(understood),
            lock=_part("lock", making, touched[event]),
            leave=_part("leave", making, touched[event]),
            join=_part("join", making, touched[event]),
        )
        for event, name in trigger_names(making.key).items()
    }


def seats(understood: Understood, *, source: str) -> str:
    """
    Return the query of the seats among the rows of *source*.
    """
    customer, member = (text_of(c) for c in (understood.customer, understood.member))
    return filled(
        asked("seats"),
        customer=understood.customer,
        member=understood.member,
        customer_text=customer,
        member_text=member,
        way=understood.way,
        state=understood.state,
        source=source,
        alias=identifier(understood.table[-1]),
        when=understood.when,
        customer_is_name=is_name("customer"),
        member_is_name=is_name("member"),
    )


def table_of(understood: Understood) -> str:
    """
    Return the table itself as the source of rows.
    """
    return identifier(understood.table[-1])


def bare_table_of(understood: Understood) -> str:
    """
    Return the table's rows as OLD and NEW are: without affinity.
    """
    columns = ", ".join(f"+{name} AS {name}" for name in understood.columns)
    return filled(asked("bare_table"), columns=columns, table=table_of(understood))


def is_name(column: str) -> str:
    """
    Return the condition that a column's text is a name, shortest for numbers.
    """
    return (
        f"(typeof(raw_{column}) = 'integer'"
        f" OR length({column}) BETWEEN 1 AND {NAME_CHARS_MAX}"
        f" AND trim({column}, {_BLANKS}) <> '' AND instr({column}, char(0)) = 0)"
    )


def text_of(column: str) -> str:
    """
    Return the text of a column: of bytes, such as a UUID's, the digits.
    """
    return (
        f"CASE typeof({column}) WHEN 'blob' THEN lower(hex({column}))"
        f" ELSE CAST({column} AS TEXT) END"
    )


def _row(understood: Understood, row: str) -> str:
    columns = ", ".join(f"{row}.{name} AS {name}" for name in understood.columns)
    return filled(asked("row"), columns=columns)


def _changed(understood: Understood) -> str:
    """
    Return the condition that an update changed what the capture looks at.
    """
    return " OR ".join(
        f"OLD.{name} IS NOT NEW.{name} COLLATE BINARY" for name in understood.columns
    )


def _part(name: str, making: Making, touched: str) -> str:
    understood = making.understood
    grouped = "\n    GROUP BY k.customer, k.member, k.way"
    return filled(
        asked(name),
        type=literal(making.event_type),
        version=str(making.version),
        touched=touched,
        seats=seats(understood, source=table_of(understood)),
        joined_state="t.state" if understood.unique else "min(t.state)",
        grouped=_NOTHING if understood.unique else grouped,
    )


def asked(name: str) -> str:
    """
    Return the template of this *name*.
    """
    return template("sqlite", "captures", name)
