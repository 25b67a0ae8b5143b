"""
What was agreed, as it follows from the statements of the book.

Whatever was stated is taken, in the book's order, up to a place: so what was known
there can be said again for ever. See `meterbook.catalog.subscriptions` for the fold.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.catalog.facts import (
    SEATS,
    SUBSCRIPTION,
    TERM,
    TERM_DATES,
    fact_from,
    subscription_from,
)
from meterbook.catalog.subscriptions import Subscription, subscription_of
from meterbook.foundation.errors import UnknownSubscriptionError
from meterbook.foundation.instants import to_moment
from meterbook.services.entries.naming import names_of, shown_name
from meterbook.services.entries.stating import statements


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Mapping, Sequence

    from meterbook.catalog.subscriptions import Fact, SubscriptionFact
    from meterbook.ports import Reader
    from meterbook.services.entries.stating import Statement


# What is stated of terms, each in a type of its own.
FACTS: Final = (TERM, TERM_DATES, SEATS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """
    One thing that was stated of a subscription.

    Attributes:
        place: Its place in the book's order; None while it is not numbered.

        entry_id: Its entry.

        type: What kind of fact.

        recorded_at: When the book was told, in UTC.

        actor: Who said so, if that was stated.

        body: The fact, as it is written.
    """

    place: int | None
    entry_id: int
    type: str
    recorded_at: dt.datetime
    actor: str | None
    body: Mapping[str, object]


def subscriptions(
    reader: Reader, *, customer: str | None = None, place: int | None = None
) -> list[Subscription]:
    """
    Return subscriptions by customer and key, as known at a place.

    Args:
        reader: A snapshot of the book.

        customer: Whose; None for everybody's.

        place: What was stated later is not known; None for all that was.
    """
    found = [
        subscription_from(said.customer, said.body)
        for said in statements(
            reader, customer=customer, type_=SUBSCRIPTION, place=place
        )
    ]
    facts = _facts(reader, found, customer=customer, place=place)
    return [
        subscription_of(one, facts[one.customer, one.key])
        for one in sorted(found, key=lambda one: (one.customer, one.key))
    ]


def subscription(
    reader: Reader, *, customer: str, key: str, place: int | None = None
) -> Subscription:
    """
    Return one subscription, as known at a place.

    Raises:
        UnknownSubscriptionError: If it is not known there.
    """
    for found in subscriptions(reader, customer=customer, place=place):
        if found.key == key:
            return found

    message = (
        f"Customer {customer!r} has no subscription {key!r}: create it first, or list "
        "them to find its key."
    )
    raise UnknownSubscriptionError(message)


def history(reader: Reader, *, customer: str, key: str) -> list[Saying]:
    """
    Return all that was stated of a subscription, in the book's order.
    """
    found = [
        said
        for type_ in (SUBSCRIPTION, *FACTS)
        for said in statements(reader, customer=customer, type_=type_)
        if said.body["subscription"] == key
    ]
    found.sort(key=_in_order)
    names = names_of(reader, {said.actor_id for said in found})
    return [
        Saying(
            place=said.place,
            entry_id=said.entry_id,
            type=said.type,
            recorded_at=to_moment(said.recorded_at),
            actor=shown_name(names, said.actor_id),
            body=said.body,
        )
        for said in found
    ]


def _facts(
    reader: Reader,
    stated: Sequence[SubscriptionFact],
    *,
    customer: str | None,
    place: int | None,
) -> Mapping[tuple[str, str], list[Fact]]:
    """
    Return what was stated of each subscription, by customer and key.
    """
    zones = {(one.customer, one.key): one.calendar.zone for one in stated}
    facts: defaultdict[tuple[str, str], list[Fact]] = defaultdict(list)
    if not stated:
        return facts
    for type_ in FACTS:
        for said in statements(reader, customer=customer, type_=type_, place=place):
            key = said.customer, str(said.body["subscription"])
            if key in zones:
                facts[key].append(fact_from(type_, said.body, zone=zones[key]))
    return facts


def _in_order(said: Statement) -> tuple[bool, int, int]:
    return said.place is None, said.place or 0, said.entry_id


def last_entry(
    reader: Reader, found: Subscription, term: str, type_: str, *, at: str | None = None
) -> int:
    """
    Return the entry of what was last stated of a term, in statements of a type.

    Where nothing of the kind was, it is the entry of the term itself.

    Args:
        reader: A snapshot of the book.

        found: The subscription.

        term: The term's key.

        type_: Of dates or of seats.

        at: For seats: since when, as it is written.
    """
    said = [
        one
        for kind in (TERM, type_)
        for one in statements(reader, customer=found.customer, type_=kind)
        if (one.body["subscription"], one.body["term"]) == (found.key, term)
        if kind == TERM or at is None or one.body["at"] == at
    ]
    return max(said, key=lambda one: (one.type != TERM, _in_order(one))).entry_id
