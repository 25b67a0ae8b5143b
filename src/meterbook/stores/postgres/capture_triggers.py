"""
The function and the triggers of a capture in PostgreSQL, as text.

There is one function for a capture, and four triggers that call it, each once for a
statement, with the rows that the statement took away and brought. It takes the lock
rows of the customers, in one order for all, and then tells of every seat that was
touched: a leave if the table does not have the seat any more, a join if it has.

The function runs with the rights of whoever installed it, so that the application's
role needs none on the book's tables. Its search_path is PostgreSQL's own catalog: what
the declaration's expressions name was looked up when it was installed, and is written
with its schema.
"""

from __future__ import annotations

import hashlib

from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.metering.admission import NAME_CHARS_MAX
from meterbook.stores.postgres.sessions import quoted
from meterbook.stores.templates import filled, identifier, literal, template
from meterbook.stores.understanding import digest


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meterbook.ports.capturing import Making, Understood


class Expected(NamedTuple):
    """
    What the catalog says of a trigger that is as it was made.

    Attributes:
        kind: For a statement, before or after, and of what.

        old: The name of the rows that were taken away, if it sees them.

        new: Likewise, of those that were brought.
    """

    kind: int
    old: str | None
    new: str | None


_OLD: Final = "meterbook_old"
_NEW: Final = "meterbook_new"

# Source: TRIGGER_TYPE_* in PostgreSQL's catalog/pg_trigger.h.
EXPECTED: Final = {
    "insert": Expected(4, None, _NEW),
    "update": Expected(16, _OLD, _NEW),
    "delete": Expected(8, _OLD, None),
    "truncate": Expected(32 | 2, None, None),
}

# Where a name has no room for the book's schema, or for a foreign one.
_HASH_DIGITS: Final = 8
_DEFAULT_SCHEMA: Final = "meterbook"

SEARCH_PATH: Final = "SET search_path = pg_catalog, pg_temp"

# With a unique index, looking a seat up is one step into the index. The plan is made
# once, when the table may be empty, and must be as good for a hundred thousand rows.
_BY_INDEX: Final = (
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)
_SETTINGS: Final = (SEARCH_PATH, "SET jit = off")

_BLANKS: Final = r"E' \t\n\r\f\v'"


class Names(NamedTuple):
    """
    How what is made for a capture is called.
    """

    function: str
    triggers: dict[str, str]


def names_of(key: str, schema: str) -> Names:
    """
    Return the names for a capture of the book in *schema*.

    Triggers of two books can be on one table, so they are told apart.
    """
    digits = hashlib.sha256(schema.encode()).hexdigest()[:_HASH_DIGITS]
    book = "" if schema == _DEFAULT_SCHEMA else f"{digits}_"
    return Names(
        function=f"capture_{key}",
        triggers={event: f"meterbook_{book}{key}_{event}" for event in EXPECTED},
    )


def script(
    making: Making, *, schema: str, tables: Sequence[tuple[str, str]]
) -> list[str]:
    """
    Return the statements that make the function, and its triggers on each of *tables*.
    """
    names = names_of(making.key, schema)
    parts = {"schema": quoted(schema), "function": identifier(names.function)}
    body = body_of(making, schema=schema)
    header = filled(
        asked("function"),
        **parts,
        settings="\n".join(settings_of(making.understood)),
        tag=_tag_for(body),
        body=body,
    )
    made = [header, filled(asked("revoke"), **parts)]
    made += [
        filled(asked(event), **parts, trigger=identifier(name), table=table_name(table))
        for table in tables
        for event, name in names.triggers.items()
    ]
    return made


def dropping(key: str, *, schema: str) -> str:
    """
    Return the statement that takes the function away, and with it its triggers.
    """
    name = identifier(names_of(key, schema).function)
    return filled(asked("drop"), schema=quoted(schema), function=name)


def digests(making: Making, *, schema: str) -> dict[str, str]:
    """
    Return a digest of the function.
    """
    return {"function": digest(body_of(making, schema=schema))}


def settings_of(understood: Understood) -> tuple[str, ...]:
    """
    Return the settings that the function of a capture runs with.
    """
    return _SETTINGS + _BY_INDEX if understood.unique else _SETTINGS


def body_of(making: Making, *, schema: str) -> str:
    """
    Return the body of the function.
    """
    understood = making.understood
    old, new = (seats(understood, source=name) for name in (_OLD, _NEW))
    updated = updated_seats(old=old, new=new)
    tell = _Telling(making, schema)
    return filled(
        asked("body"),
        schema=quoted(schema),
        type=literal(making.event_type),
        old_seats=old,
        new_seats=new,
        updated=updated,
        tell_inserts=tell.inserts(new),
        tell_updates=tell.now(updated),
        tell_deletes=tell.now(old),
        **tell.truncates(),
    )


def seats(understood: Understood, *, source: str) -> str:
    """
    Return the query of the seats among the rows of *source*.
    """
    return filled(
        asked("seats"),
        customer=understood.customer,
        member=understood.member,
        way=understood.way,
        state=understood.state,
        source=source,
        alias=identifier(understood.table[-1]),
        when=understood.when,
        named=named(understood),
    )


def updated_seats(*, old: str, new: str) -> str:
    """
    Return the query of the seats that an update touched.
    """
    return filled(asked("updated"), old_seats=old, new_seats=new)


def table_of(understood: Understood) -> str:
    """
    Return the table itself, with all its partitions, as the source of rows.
    """
    return ".".join(map(identifier, understood.table))


def table_name(table: Sequence[str]) -> str:
    """
    Return a schema and a name as SQL.
    """
    return ".".join(map(identifier, table))


def named(understood: Understood) -> str:
    """
    Return the condition that customer and member are names that an event can have.
    """
    return " AND ".join(
        f"{column} IS NOT NULL" if column in understood.plain else is_name(column)
        for column in (understood.customer, understood.member)
    )


def is_name(column: str) -> str:
    """
    Return the condition that the text of a column is a name.
    """
    return (
        f"btrim(({column})::text, {_BLANKS}) <> ''"
        f" AND char_length(({column})::text) <= {NAME_CHARS_MAX}"
    )


def asked(name: str) -> str:
    """
    Return the template of this *name*.
    """
    return template("postgres", "captures", name)


# Who, why, and when: as the body declares them, and as a statement of its own does.
_VARIABLES: Final = {
    "actor": "told_by",
    "cause": "told_why",
    "from_at": "told_from",
    "to_at": "told_to",
}
_NUMBERED: Final = {"actor": "$1", "cause": "$2", "from_at": "$3", "to_at": "$4"}


class _Telling:
    """
    The statements that tell of seats.
    """

    def __init__(self, making: Making, schema: str) -> None:
        self._understood = making.understood
        self._parts = {
            "schema": quoted(schema),
            "type": literal(making.event_type),
            "version": str(making.version),
            "table_seats": seats(making.understood, source=table_of(making.understood)),
        }

    def now(self, touched: str) -> str:
        """
        Return what tells what is true now of the seats that were *touched*.

        Where no index finds a seat, the plan is made anew for the rows at hand.
        """
        if self._understood.unique:
            return f"{self._filled('tell', touched, _VARIABLES)};"
        statement = literal(self._filled("tell", touched, _NUMBERED))
        return f"EXECUTE {statement} USING {', '.join(_VARIABLES.values())};"

    def inserts(self, new: str) -> str:
        """
        Return what tells of rows that were brought.
        """
        if not self._understood.unique:
            return self.now(new)
        inserted = self._filled("tell_inserted", new, _VARIABLES)
        return filled(asked("quick_insert"), tell_inserted=inserted, tell=self.now(new))

    def truncates(self) -> dict[str, str]:
        """
        Return what tells of rows that are about to go, before and behind their table.

        Each table of a tree is truncated by itself, and tells of its own rows.
        """
        mark = "\x00"
        source = seats(self._understood, source=f"ONLY {mark}")
        payers = filled(asked("truncated_payers"), touched=source)
        told = self._filled("tell_truncated", source, _NUMBERED)
        before, _, after = payers.partition(mark)
        told_before, _, told_after = told.partition(mark)
        return {
            "truncated_payers_before": literal(before),
            "truncated_payers_after": literal(after),
            "truncated_before": literal(told_before),
            "truncated_after": literal(told_after),
        }

    def _filled(self, name: str, touched: str, said: Mapping[str, str]) -> str:
        return filled(asked(name), **self._parts, **said, touched=touched)


def _tag_for(body: str) -> str:
    """
    Return a dollar quote that does not occur in *body*, whatever it quotes.
    """
    count = 0
    while f"$meterbook{count}$" in body:
        count += 1
    return f"$meterbook{count}$"
