"""
Customers: everybody of whom the book has something, and what they are called.

A customer need not be declared: whoever usage, a subscription or a name was stated of
is one. A name is for people, and can be stated again; the key is for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.foundation.errors import UnknownCustomerError
from meterbook.metering.events import Duplicate, Recorded
from meterbook.services.agreements.agreed import subscriptions
from meterbook.services.agreements.claims import CUSTOMER, name_claim
from meterbook.services.entries.controls import check_stated
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.stating import statements
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    from meterbook.catalog.subscriptions import Subscription
    from meterbook.ports import Clock, Reader, Store, Writer
    from meterbook.services.entries.stating import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerView:
    """
    A customer as people see it.

    Attributes:
        key: What everything calls it.

        name: What people call it; None if nobody said.

        has_usage: Whether something was used, as far as the worker knows.

        subscriptions: By key.
    """

    key: str
    name: str | None
    has_usage: bool
    subscriptions: tuple[Subscription, ...]


def customers(reader: Reader, *, place: int | None = None) -> list[CustomerView]:
    """
    Return everybody of whom the book has something, in order of their keys.
    """
    names = names_of_customers(reader, place=place)
    using = set(reader.customers())
    agreed: dict[str, list[Subscription]] = {}
    for found in subscriptions(reader, place=place):
        agreed.setdefault(found.customer, []).append(found)
    return [
        CustomerView(
            key=key,
            name=names.get(key),
            has_usage=key in using,
            subscriptions=tuple(agreed.get(key, ())),
        )
        for key in sorted(names.keys() | using | agreed.keys())
    ]


def customer(reader: Reader, key: str, *, place: int | None = None) -> CustomerView:
    """
    Return one customer.

    Raises:
        UnknownCustomerError: If the book has nothing of it.
    """
    said = statements(reader, customer=key, type_=CUSTOMER, place=place)
    agreed = subscriptions(reader, customer=key, place=place)
    has_usage = key in reader.customers()
    if not (said or agreed or has_usage):
        message = (
            f"The book has nothing of customer {key!r}: no name, no usage and no "
            "subscription."
        )
        raise UnknownCustomerError(message)

    return CustomerView(
        key=key,
        name=_name(said[-1]) if said else None,
        has_usage=has_usage,
        subscriptions=tuple(agreed),
    )


def names_of_customers(reader: Reader, *, place: int | None = None) -> dict[str, str]:
    """
    Return what customers are called, by key, as last stated.
    """
    said = statements(reader, customer=None, type_=CUSTOMER, place=place)
    return {one.customer: _name(one) for one in said}


def name_customer(
    store: Store, clock: Clock, *, key: str, name: str, actor: str | None
) -> Recorded | Duplicate:
    """
    State what people call a customer. Saying what is so already is a duplicate.

    Raises:
        InvalidQueryError: If a text is blank, or cannot be stored.
    """
    check_stated("customer", key)
    check_stated("name", name)
    if actor is not None:
        check_stated("actor", actor)

    now = clock.now()

    def say() -> Recorded | Duplicate:
        with store.writing() as writer:
            return _say(writer, key=key, name=name, actor=actor, now=now)

    return persistently(say)


def _say(
    writer: Writer, *, key: str, name: str, actor: str | None, now: int
) -> Recorded | Duplicate:
    said = statements(writer, customer=key, type_=CUSTOMER)
    if said and _name(said[-1]) == name:
        return Duplicate(said[-1].entry_id)

    count = len(said)
    ids = named_now(writer, {actor})
    while True:
        claim = name_claim(key, name, count=count)
        appended = writer.append([claim.row(actor_id=ids[actor], now=now)])
        if not appended.known:
            return Recorded(appended.entry_ids[0])
        # Somebody else named it in the meantime: ours is the later name.
        count += 1


def _name(said: Statement) -> str:
    return str(said.body["name"])
