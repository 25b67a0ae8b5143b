"""
Terms of subscriptions: agreed, renewed by another, corrected, ended.

::

    book.terms.add("acme", "main", "2026", start="2026-01-31", end="2027-01-31",
                   seats=100, kind="paid")
    book.terms.add("acme", "main", "2027", start="2027-01-31", seats=80, kind="paid")

Moments are aware datetimes, or text, where a bare date is midnight in the zone of the
subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.asking import moment_from
from meterbook.app.clocks import new_id
from meterbook.catalog.terms import DatesFact, TermFact, TermKind
from meterbook.foundation.errors import InvalidTermError
from meterbook.foundation.instants import to_utc
from meterbook.services.agreements import agreed
from meterbook.services.agreements.subscribing import Subscriber


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.app.asking import Moment
    from meterbook.catalog.terms import Term
    from meterbook.ports import Clock, Store
    from meterbook.services.agreements.subscribing import Stated


class Terms:
    """
    The terms of a book's subscriptions.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock.
        """
        self._store = store
        self._subscriber = Subscriber(store, clock, new_id)

    def add(  # noqa: PLR0913 - what is agreed, each by its name
        self,
        customer: str,
        key: str,
        term: str,
        *,
        start: Moment,
        kind: TermKind | str,
        end: Moment | None = None,
        seats: int | None = None,
        anchor: Moment | None = None,
        actor: str | None = None,
    ) -> Stated:
        """
        State a term: the first one, or a renewal, which holds from its own start.

        Args:
            customer: Whose.

            key: The subscription's.

            term: What the term is called, once and for all, in its subscription.

            start: Its first moment.

            kind: `paid`, `free` or `trial`.

            end: The first moment after it; None while it is open.

            seats: How many are bought from the start on; None for no limit.

            anchor: Where its months are counted from; None to go on as before.

            actor: Who says so.

        Raises:
            UnknownSubscriptionError: If there is no such subscription.

            InvalidTermError: If it cannot be; the message names the field.
        """
        zone = self._zone(customer, key)
        fact = TermFact(
            key=term,
            start=_utc(start, zone),
            end=None if end is None else _utc(end, zone),
            seats=seats,
            kind=_kind(kind),
            anchor=None if anchor is None else moment_from(anchor, zone=zone),
        )
        return self._subscriber.add_term(
            customer=customer, key=key, fact=fact, actor=actor
        )

    def correct(  # noqa: PLR0913 - which, what, who says so, and why
        self,
        customer: str,
        key: str,
        term: str,
        *,
        actor: str,
        reason: str,
        start: Moment | None = None,
        end: Moment | None = None,
        open_end: bool = False,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Stated:
        """
        State that the dates of a term were others. A renewal is another term instead.

        Args:
            customer: Whose.

            key: The subscription's.

            term: Which term.

            actor: Who says so.

            reason: Why.

            start: What its first moment was; None if that was right.

            end: What the first moment after it was; None if that was right.

            open_end: Whether it has no end.

            id: What the caller calls this, so that a retry is a duplicate.

        Raises:
            UnknownSubscriptionError: If there is no such subscription.

            UnknownTermError: If it has no such term.

            InvalidTermError: If nothing or too much is stated, or the term would end
                before it starts.
        """
        zone = self._zone(customer, key)
        if (end is not None and open_end) or not (start or end or open_end):
            message = "Say what is to be corrected: start, and end or open_end."
            raise InvalidTermError(message)

        def change(known: Term) -> DatesFact:
            agreed_end = known.agreed_end if end is None else _utc(end, zone)
            return DatesFact(
                term=term,
                start=known.start if start is None else _utc(start, zone),
                end=None if open_end else agreed_end,
            )

        return self._subscriber.set_dates(
            customer=customer,
            key=key,
            term=term,
            change=change,
            act="corrected",
            actor=actor,
            reason=reason,
            id=id,
        )

    def end(  # noqa: PLR0913 - which, when, who says so, and why
        self,
        customer: str,
        key: str,
        term: str,
        *,
        at: Moment,
        actor: str,
        reason: str,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Stated:
        """
        State that a term ends at a moment: an open one, or before its time.

        Arguments and errors are those of `correct`; *at* is the first moment after
        the term.
        """
        zone = self._zone(customer, key)
        return self._subscriber.set_dates(
            customer=customer,
            key=key,
            term=term,
            change=lambda known: DatesFact(
                term=term, start=known.start, end=_utc(at, zone)
            ),
            act="ended",
            actor=actor,
            reason=reason,
            id=id,
        )

    def _zone(self, customer: str, key: str) -> str:
        """
        Return whose clock says when a day of the subscription begins.
        """
        with self._store.reading() as reader:
            found = agreed.subscription(reader, customer=customer, key=key)
        return found.calendar.zone


def _utc(moment: Moment, zone: str) -> dt.datetime:
    return to_utc(moment_from(moment, zone=zone))


def _kind(kind: TermKind | str) -> TermKind:
    """
    Return the kind of term that is meant.

    Raises:
        InvalidTermError: If there is none of that name.
    """
    try:
        return TermKind(kind)
    except ValueError as error:
        allowed = ", ".join(TermKind)
        message = f"kind is {str(kind)[:40]!r}: use one of {allowed}."
        raise InvalidTermError(message) from error
