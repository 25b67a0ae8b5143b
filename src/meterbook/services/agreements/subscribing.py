"""
Subscribing: what was agreed is stated in the book.

::

    create      this customer, this meter, months from this anchor
    add a term  from, to, so many seats, paid or not        (a renewal is a term)
    buy         another number of seats, from a moment on
    set dates   the dates of a term are others              (who says so, and why)

Each is a statement under an identity: said again it is a duplicate, whoever says so,
and said otherwise a conflict. What is refused here is what cannot be meant, given what
is known; the fold takes whatever was stated (see `meterbook.catalog.subscriptions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from meterbook.catalog.facts import SEATS, TERM_DATES
from meterbook.catalog.terms import SeatsFact
from meterbook.foundation.errors import InvalidQueryError, InvalidTermError
from meterbook.foundation.instants import format_instant, to_micros
from meterbook.metering.events import Conflict, Duplicate, Recorded
from meterbook.services.agreements.agreed import last_entry, subscription
from meterbook.services.agreements.claims import fact_claim, subscription_claim
from meterbook.services.entries.controls import (
    REASON_CHARS_MAX,
    check_accountable,
    check_stated,
)
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.stating import STATEMENT_SOURCE
from meterbook.services.entries.trying import persistently
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.usage import find_meter
from meterbook.services.seats.seat_history import check_counts_seats


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable

    from meterbook.catalog.subscriptions import Subscription, SubscriptionFact
    from meterbook.catalog.terms import DatesFact, Term, TermFact
    from meterbook.ports import Clock, Reader, Store, Writer
    from meterbook.services.agreements.claims import Claim


Stated: TypeAlias = Recorded | Duplicate | Conflict


class Subscriber:
    """
    The way to state what was agreed.
    """

    def __init__(
        self, store: Store, clock: Clock, new_id: Callable[[int], str]
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock.

            new_id: Makes an id for what was given none, of the moment.
        """
        self._store = store
        self._clock = clock
        self._new_id = new_id

    def create(self, fact: SubscriptionFact, *, actor: str | None = None) -> Stated:
        """
        State a subscription.

        Raises:
            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If a text of it is blank, or cannot be stored; or if that
                meter does not count seats.
        """
        check_stated("customer", fact.customer)
        check_stated("key", fact.key)

        def say(writer: Writer, now: int) -> Stated:
            check_meter(writer, fact.meter_key)
            return self._say(writer, subscription_claim(fact), actor=actor, now=now)

        return self._in_transaction(say, actor=actor)

    def add_term(
        self, *, customer: str, key: str, fact: TermFact, actor: str | None = None
    ) -> Stated:
        """
        State a term of a subscription: the first, or a renewal.

        Raises:
            UnknownSubscriptionError: If there is no such subscription.

            InvalidTermError: If the term starts before the subscription's anchor.
        """
        check_stated("term", fact.key)

        def say(writer: Writer, now: int) -> Stated:
            found = subscription(writer, customer=customer, key=key)
            check_not_before(found, fact.start)
            return self._say(
                writer, fact_claim(found.stated, fact), actor=actor, now=now
            )

        return self._in_transaction(say, actor=actor)

    def set_dates(  # noqa: PLR0913 - whose, which, what, who says so, and why
        self,
        *,
        customer: str,
        key: str,
        term: str,
        change: Callable[[Term], DatesFact],
        act: str,
        actor: str,
        reason: str,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Stated:
        """
        State that the dates of a term are others.

        Args:
            customer: Whose.

            key: The subscription's.

            term: Which term.

            change: Returns the dates, given the term as it is known.

            act: What was done to it: `corrected` or `ended`.

            actor: Who says so.

            reason: Why.

            id: What the caller calls this, so that a retry is a duplicate. Without one,
                saying what is so already is a duplicate.

        Raises:
            UnknownSubscriptionError: If there is no such subscription.

            UnknownTermError: If it has no such term.

            InvalidTermError: If the term would end before it starts, or start before
                the anchor.
        """
        check_accountable(actor=actor, reason=reason)

        def say(writer: Writer, now: int) -> Stated:
            found = subscription(writer, customer=customer, key=key)
            known = found.term(term)
            fact = change(known)
            check_not_before(found, fact.start)
            if id is None and (fact.start, fact.end) == (known.start, known.agreed_end):
                return Duplicate(last_entry(writer, found, term, TERM_DATES))
            called = id or self._new_id(now)
            claim = fact_claim(found.stated, fact, id=called, act=act, reason=reason)
            return self._say(writer, claim, actor=actor, now=now)

        return self._in_transaction(say, actor=actor)

    def buy(  # noqa: PLR0913 - whose, which, how many, since when, who and why
        self,
        *,
        customer: str,
        key: str,
        seats: int | None,
        at: dt.datetime,
        term: str | None = None,
        may_lower: bool = False,
        actor: str | None = None,
        reason: str | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Stated:
        """
        State that from *at* on so many seats are bought.

        Args:
            customer: Whose.

            key: The subscription's.

            seats: How many in all; None for no limit.

            at: Since when, in UTC.

            term: In which term; the one that holds at *at* if it is not said.

            may_lower: Whether this corrects a purchase, and so may lower the number: it
                needs an actor and a reason. Otherwise fewer seats are another term.

            actor: Who says so.

            reason: Why.

            id: What the caller calls this, so that a retry is a duplicate. Without one,
                saying what is so already is a duplicate.

        Raises:
            UnknownSubscriptionError: If there is no such subscription.

            UnknownTermError: If it has no such term.

            InvalidTermError: If there is no term at *at*, or the number would fall.
        """
        if may_lower:
            check_accountable(actor=actor or "", reason=reason or "")
        elif reason is not None:
            check_stated("reason", reason, chars_max=REASON_CHARS_MAX)

        def say(writer: Writer, now: int) -> Stated:
            found = subscription(writer, customer=customer, key=key)
            held = _term_for(found, term, at)
            fact = SeatsFact(term=held.key, at=at, seats=seats)
            if id is None and any(
                (one.at, one.seats) == (at, seats) for one in held.purchases
            ):
                since = format_instant(to_micros(at))
                entry_id = last_entry(writer, found, held.key, SEATS, at=since)
                return Duplicate(entry_id)
            if not may_lower:
                _check_not_lowered(held, fact)
            called = id or self._new_id(now)
            claim = fact_claim(found.stated, fact, id=called, reason=reason)
            return self._say(writer, claim, actor=actor, now=now)

        return self._in_transaction(say, actor=actor)

    def _say(
        self, writer: Writer, claim: Claim, *, actor: str | None, now: int
    ) -> Stated:
        """
        State it, unless it was stated: who says so again does not make it another.
        """
        known = writer.entry(source=STATEMENT_SOURCE, event_id=claim.event_id)
        if known is not None:
            same = msgspec.json.decode(known.data) == claim.body
            is_it = same and (known.customer, known.type) == (
                claim.customer,
                claim.type,
            )
            return Duplicate(known.entry_id) if is_it else Conflict(known.entry_id)

        ids = named_now(writer, {actor})
        row = claim.row(actor_id=ids[actor], now=now)
        appended = writer.append([row])
        if not appended.known:
            return Recorded(appended.entry_ids[0])

        # Somebody stated it since we looked.
        writer.unname_people(ids.values())
        there = appended.known[0]
        is_it = there.fingerprint == row[11]
        return Duplicate(there.entry_id) if is_it else Conflict(there.entry_id)

    def _in_transaction(
        self, say: Callable[[Writer, int], Stated], *, actor: str | None
    ) -> Stated:
        if actor is not None:
            check_stated("actor", actor)

        now = self._clock.now()

        def once() -> Stated:
            with self._store.writing() as writer:
                return say(writer, now)

        return persistently(once)


def check_meter(reader: Reader, meter_key: str) -> None:
    """
    Check that a meter says how many seats there are at each moment.

    Raises:
        UnknownMeterError: If there is no such meter.

        InvalidQueryError: If it does not, or counts parts of seats.
    """
    meter = compiled(find_meter(reader, meter_key, None)).meter
    check_counts_seats(meter)
    if meter.scale:
        message = (
            f"meter {meter_key!r} has a scale of {meter.scale}: seats are whole, use "
            "one without decimal places."
        )
        raise InvalidQueryError(message)


def check_not_before(found: Subscription, start: dt.datetime) -> None:
    """
    Check that a term does not start before its subscription's anchor.

    Raises:
        InvalidTermError: If it does.
    """
    anchor = found.calendar.anchor
    if start < anchor:
        message = (
            f"start is {format_instant(to_micros(start))}, before the subscription's "
            f"anchor, {format_instant(to_micros(anchor))}: nothing precedes the anchor."
        )
        raise InvalidTermError(message)


def _term_for(found: Subscription, term: str | None, at: dt.datetime) -> Term:
    """
    Return the term in which something is bought at a moment.

    Raises:
        UnknownTermError: If there is none of that key.

        InvalidTermError: If it does not hold then.
    """
    held = found.term_at(at) if term is None else found.term(term)
    if held is not None and held.holds_at(at):
        return held

    shown = format_instant(to_micros(at))
    which = "no term" if held is None else f"the term {held.key!r} does not hold"
    message = f"{which} at {shown}: seats are bought in a term, from a moment in it."
    raise InvalidTermError(message)


def _check_not_lowered(held: Term, fact: SeatsFact) -> None:
    """
    Check that no number of seats falls by a purchase.

    Raises:
        InvalidTermError: If one does.
    """
    bought = [one for one in held.purchases if one.at != fact.at]
    before = [one.seats for one in bought if one.at < fact.at]
    after = [one.seats for one in bought if one.at > fact.at]
    replaced = [one.seats for one in held.purchases if one.at == fact.at]
    if replaced:
        before.append(replaced[0])
    now, rest = fact.seats, after[:1]
    if not _fewer(now, before[-1]) and not (rest and _fewer(rest[0], now)):
        return

    message = (
        f"seats would fall in term {held.key!r}: they can be bought, and be fewer in "
        "the next term. If a purchase was stated wrongly, correct it, with an actor "
        "and a reason."
    )
    raise InvalidTermError(message)


def _fewer(one: int | None, other: int | None) -> bool:
    """
    Tell whether *one* is fewer seats than *other*; None is no limit.
    """
    return one is not None and (other is None or one < other)
