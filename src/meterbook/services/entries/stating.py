"""
Stating: facts that are no usage, kept as entries of the book.

::

    statement   customer   type                    body
        1       acme       meterbook.term          {"key": "2026", "seats": 100, ...}
        2       acme       meterbook.seats         {"seats": 110, ...}
        3       ''         meterbook.licence       {...}       of the book itself

A term, a licence or an accepted report is said once, with an identity: saying the
same again is inert, and saying something else under the same identity is a conflict.
What is true follows from all that was said, in the book's order: nothing is edited, and
what was known at any place can be worked out again.

A statement counts as no usage: it is never posted to anybody and cannot be voided.
Whoever folds statements says how one takes another back.

Laws (tests/services/test_stating.py, tests/stores/test_promise.py):
    - *Once*: a statement said twice is one entry.
    - *Order*: they come as the book orders them, those without a place at the end.
    - *As of*: at a place are those that the book had numbered by then.
"""

from __future__ import annotations

import hashlib

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from meterbook.metering.admission import ID_CHARS_MAX
from meterbook.metering.events import Conflict, Duplicate, Recorded
from meterbook.ports import STATEMENT
from meterbook.services.entries.controls import check_stated, control_row


if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterbook.ports import NewEntry, Reader, StoredEntry, Writer


STATEMENT_SOURCE: Final = "meterbook:statement"

# What every type of statement begins with: no event of a source does by accident.
STATEMENT_TYPES: Final = "meterbook."

# Whose statements are about the book itself.
THE_BOOK: Final = ""

_decode = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """
    One fact that was stated.

    Attributes:
        entry_id: Its entry.

        place: Its place in the book's order; None while it is not numbered.

        customer: Whom it is about; THE_BOOK if nobody.

        type: What kind of fact, as in `meterbook.term`.

        occurred_at: Since when it holds, or when it happened, in microseconds.

        recorded_at: When the book was told, by its own clock, in microseconds.

        actor_id: Who said so; None if that was not said.

        body: The fact itself. Numbers are int or Decimal.
    """

    entry_id: int
    place: int | None
    customer: str
    type: str
    occurred_at: int
    recorded_at: int
    actor_id: int | None
    body: Mapping[str, object]


def state(  # noqa: PLR0913 - the parts of a fact, each by its name
    writer: Writer,
    *,
    type_: str,
    customer: str,
    body: dict[str, object],
    actor_id: int | None,
    occurred_at: int,
    now: int,
    event_id: str,
) -> Recorded | Duplicate | Conflict:
    """
    State a fact in the transaction of *writer*.

    Arguments and errors are those of `statement_row`. Everything but *now* is its
    content: said again it is a duplicate, and said otherwise a conflict.
    """
    row = statement_row(
        type_=type_,
        customer=customer,
        body=body,
        actor_id=actor_id,
        occurred_at=occurred_at,
        now=now,
        event_id=event_id,
    )
    appended = writer.append([row])
    entry_id = appended.entry_ids[0]
    if not appended.known:
        return Recorded(entry_id)

    same = appended.known[0].fingerprint == row[11]
    return Duplicate(entry_id) if same else Conflict(entry_id)


def statement_row(  # noqa: PLR0913 - the parts of a fact, each by its name
    *,
    type_: str,
    customer: str,
    body: dict[str, object],
    actor_id: int | None,
    occurred_at: int,
    now: int,
    event_id: str,
) -> NewEntry:
    """
    Return the row of a statement, for whoever appends many at once.

    Args:
        type_: What kind of fact: begins with STATEMENT_TYPES.

        customer: Whom it is about; THE_BOOK for the book itself.

        body: The fact: JSON, numbers as int or Decimal.

        actor_id: Who says so.

        occurred_at: Since when it holds, or when it happened, in microseconds. Take it
            from the fact and not from a clock, so that a retry says the same.

        now: When it is recorded.

        event_id: What names this fact among all statements: see `statement_id`.

    Raises:
        InvalidQueryError: If a text cannot be stored, or *body* is too large.
    """
    assert type_.startswith(STATEMENT_TYPES)
    if customer != THE_BOOK:
        check_stated("customer", customer)
    return control_row(
        STATEMENT,
        source=STATEMENT_SOURCE,
        event_id=event_id,
        type_=type_,
        actor_id=actor_id,
        customer=customer,
        occurred_at=occurred_at,
        data=body,
        now=now,
    )


def statements(
    reader: Reader, *, customer: str | None, type_: str, place: int | None = None
) -> list[Statement]:
    """
    Return the statements of a type in the book's order, those without a place last.

    Args:
        reader: A snapshot of the book.

        customer: About whom; THE_BOOK for the book itself, None for all of them.

        type_: Which kind of fact.

        place: As of which place: later ones are left out. None for all there are.
    """
    return [
        _statement(entry)
        for entry in reader.statements(customer=customer, type_=type_)
        if place is None or (entry.seq is not None and entry.seq <= place)
    ]


def statement_id(*parts: str) -> str:
    """
    Return the identity of the fact that *parts* name: its kind, and whose and which.

    Different parts give different identities. They are readable unless they are long.
    """
    text = msgspec.json.encode(parts).decode()
    if len(text) <= ID_CHARS_MAX:
        return text

    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _statement(entry: StoredEntry) -> Statement:
    assert entry.customer is not None
    return Statement(
        entry_id=entry.entry_id,
        place=entry.seq,
        customer=entry.customer,
        type=entry.type,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        actor_id=entry.actor_id,
        body=_decode(entry.data),
    )
