"""
Drift: where an application's own table and the book say different things of a seat.

=========  =============================================  =========================
fault      what is                                        mended by
=========  =============================================  =========================
`missing`  the table has the seat, the book does not      a join
`extra`    the book has the seat, the table does not      a leave
`state`    both have it, in different states              a join in the table's
=========  =============================================  =========================

Triggers see every change that a statement makes. Drift comes from what they did not see
(see `BlindSpot`), and from changes that were told by hand.
"""

from __future__ import annotations

import heapq
import itertools

from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from meterbook.metering.members import ACTIVE
from meterbook.ports.capturing import Telling
from meterbook.services.captures.held_seats import HeldSeats
from meterbook.services.captures.kept_captures import scope_of


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from meterbook.metering.captures import Capture
    from meterbook.ports.capturing import Captor, Seat, Understood
    from meterbook.services.captures.held_seats import Held


class Drift(NamedTuple):
    """
    A seat of which the table and the book say different things.

    Attributes:
        member: By name; by number if the name was erased.

        way: By which way they are in.

        fault: `missing` in the book, `extra` in the book, or another `state`.

        live_state: What the table says; None if it does not have the seat.

        book_state: What the book says, likewise.
    """

    customer: str
    member: str | int
    way: str
    fault: Literal["missing", "extra", "state"]
    live_state: str | None
    book_state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """
    One customer, by the table and by the book.

    Attributes:
        customer: Whose seats.

        live_units: How many members are active in the table.

        book_units: How many are by the book.

        known: The book was told anything of this customer, a baseline at least.

        drift: Where they differ.
    """

    customer: str
    live_units: int
    book_units: int
    known: bool
    drift: tuple[Drift, ...]


def compared(
    captor: Captor,
    capture: Capture,
    understood: Understood,
    *,
    customers: Collection[str] | None = None,
) -> Iterator[Compared]:
    """
    Yield every customer, or those asked for, by name.

    A capture with one way for all answers for that way only; one whose way depends on
    the row answers for every way of its type of events. See `Scope`.
    """
    held = HeldSeats(captor, capture.event_type)
    scope = scope_of(captor, capture)
    if customers is None:
        named = held.customers() | set(captor.payers(understood))
    else:
        named = set(customers)
    live = captor.seats(understood, customers=customers)
    for customer, seats in _by_customer(named, live):
        told = held.of(customer)
        book = {
            seat: state for seat, state in (told or {}).items() if scope.has(seat[1])
        }
        yield Compared(
            customer=customer,
            live_units=_units(seats),
            book_units=_units(book),
            known=told is not None,
            drift=tuple(_drift(customer, live=seats, book=book)),
        )


def tellings(found: Iterable[Compared], *, baseline_all: bool) -> list[Telling]:
    """
    Return what to tell so that the book says what the table says.

    Who was erased cannot be told of by name: see `erased`.

    Args:
        found: What was compared.

        baseline_all: Whether every customer gets a baseline; else those of whom
            nothing is known.
    """
    told: list[Telling] = []
    for one in found:
        if baseline_all or not one.known:
            told.append(Telling(one.customer, "baseline"))
        # Who leaves comes first: it reads better, and makes no difference.
        told += [
            _telling(drift, drift.member)
            for drift in sorted(one.drift, key=attrgetter("fault"))
            if isinstance(drift.member, str)
        ]
    return told


def erased(found: Iterable[Compared]) -> list[Drift]:
    """
    Return the seats that the book has of people whose names were erased.
    """
    return [
        drift for one in found for drift in one.drift if isinstance(drift.member, int)
    ]


def _telling(drift: Drift, member: str) -> Telling:
    way = drift.way or None
    if drift.live_state is None:
        return Telling(drift.customer, "leave", member, way)

    state = None if drift.live_state == ACTIVE else drift.live_state
    return Telling(drift.customer, "join", member, way, state)


def _by_customer(
    named: Collection[str], live: Iterable[Seat]
) -> Iterator[tuple[str, Held]]:
    """
    Yield the seats of each customer that is named or has any, by name.
    """
    names: Iterator[tuple[str, Seat | None]] = ((name, None) for name in sorted(named))
    seats = ((seat.customer, seat) for seat in live)
    both = heapq.merge(names, seats, key=itemgetter(0))
    for customer, found in itertools.groupby(both, key=itemgetter(0)):
        yield customer, {(s.member, s.way): s.state for _, s in found if s is not None}


def _drift(customer: str, *, live: Held, book: Held) -> Iterator[Drift]:
    for seat in sorted(live.keys() | book.keys(), key=str):
        member, way = seat
        live_state, book_state = live.get(seat), book.get(seat)
        if live_state == book_state:
            continue
        fault: Literal["missing", "extra", "state"] = "state"
        if book_state is None:
            fault = "missing"
        elif live_state is None:
            fault = "extra"
        yield Drift(customer, member, way, fault, live_state, book_state)


def _units(held: Held) -> int:
    """
    Count the members who are active by one way at least.
    """
    return len({member for (member, _), state in held.items() if state == ACTIVE})
