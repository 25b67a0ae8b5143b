"""
What is to be stated of a customer: each fact as the statement it becomes.

The names of a claim are its identity: the same subscription, or the same term, stated
by whatever way, is the same statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.catalog.facts import (
    SEATS,
    SUBSCRIPTION,
    TERM,
    TERM_DATES,
    fact_body,
    subscription_body,
)
from meterbook.catalog.terms import DatesFact, TermFact
from meterbook.foundation.instants import to_micros
from meterbook.services.entries.stating import statement_id, statement_row


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.catalog.subscriptions import Fact, SubscriptionFact
    from meterbook.ports import NewEntry


# What people call a customer.
CUSTOMER: Final = "meterbook.customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """
    What is to be stated.

    Attributes:
        type: What kind of fact.

        customer: Whom it is about.

        body: The fact, as it is written.

        since: Since when it holds; None for when it is stated.

        names: What it is known by, among all statements.
    """

    type: str
    customer: str
    body: dict[str, object]
    since: dt.datetime | None
    names: tuple[str, ...]

    @property
    def event_id(self) -> str:
        """
        The identity that its names make.
        """
        return statement_id(*self.names)

    def row(self, *, actor_id: int | None, now: int) -> NewEntry:
        """
        Return it as an entry.

        Raises:
            InvalidQueryError: If a text of it cannot be stored.
        """
        return statement_row(
            type_=self.type,
            customer=self.customer,
            body=self.body,
            actor_id=actor_id,
            occurred_at=now if self.since is None else to_micros(self.since),
            now=now,
            event_id=self.event_id,
        )


def subscription_claim(fact: SubscriptionFact) -> Claim:
    """
    Return a subscription as it is to be stated; its key names it.
    """
    return Claim(
        type=SUBSCRIPTION,
        customer=fact.customer,
        body=subscription_body(fact),
        since=fact.calendar.anchor,
        names=("subscription", fact.customer, fact.key),
    )


def fact_claim(
    subscription: SubscriptionFact,
    fact: Fact,
    *,
    id: str = "",  # noqa: A002 - as CloudEvents calls it
    **more: str | None,
) -> Claim:
    """
    Return a fact about *subscription* as it is to be stated, and what *more* is said.

    Args:
        subscription: As it was stated.

        fact: A term, whose key names it; or what is named by *id*.

        id: What a change of dates or of seats is called.

        more: Other fields of the body; what is None is left out.
    """
    customer, key = subscription.customer, subscription.key
    body = fact_body(fact, subscription=key, zone=subscription.calendar.zone)
    body |= {name: text for name, text in more.items() if text is not None}
    match fact:
        case TermFact():
            type_, since = TERM, fact.start
            names: tuple[str, ...] = ("term", customer, key, fact.key)
        case DatesFact():
            type_, since, names = TERM_DATES, fact.start, ("term dates", id)
        case _:
            type_, since, names = SEATS, fact.at, ("seats", id)
    return Claim(type=type_, customer=customer, body=body, since=since, names=names)


def name_claim(customer: str, name: str, *, count: int) -> Claim:
    """
    Return what a customer is called as it is to be stated, once *count* names were.
    """
    return Claim(
        type=CUSTOMER,
        customer=customer,
        body={"name": name},
        since=None,
        names=("customer", customer, str(count + 1)),
    )
