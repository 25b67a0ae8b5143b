"""
Subscriptions, terms and what they owe, as programs see them: JSON documents.

The end of a stretch is the first instant after it, and a number that is not known is
null, which is not 0. Money is in minor units of the currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.catalog.subscriptions import Subscription
    from meterbook.catalog.terms import Term
    from meterbook.services.agreements.alerting import SubscriptionAlert
    from meterbook.services.agreements.customers import CustomerView
    from meterbook.services.agreements.owing import SubscriptionSeats, TermSeats, TrueUp


def subscription_document(
    found: Subscription, *, moment: dt.datetime
) -> dict[str, object]:
    """
    Return a subscription as its JSON document, terms included.
    """
    calendar = found.calendar
    return {
        "customer": found.customer,
        "subscription": found.key,
        "meter": found.meter_key,
        "anchor": calendar.anchor,
        "interval": calendar.interval.value,
        "interval_count": calendar.interval_count,
        "zone": calendar.zone,
        "terms": [term_document(term, moment=moment) for term in found.terms],
    }


def term_document(term: Term, *, moment: dt.datetime) -> dict[str, object]:
    """
    Return a term as its JSON document. Without an end it is open.
    """
    return {
        "term": term.key,
        "kind": term.kind.value,
        "state": term.state_at(moment).value,
        "start": term.start,
        "end": term.end,
        "agreed_end": term.agreed_end,
        "followed_by": term.followed_by,
        "anchor": term.calendar.anchor,
        "seats": [{"at": one.at, "seats": one.seats} for one in term.purchases],
    }


def term_seats_document(
    found: SubscriptionSeats, one: TermSeats, *, moment: dt.datetime
) -> dict[str, object]:
    """
    Return the seats of a term as a JSON document of its own.

    What is not known is null: that is not 0.
    """
    reading = one.reading
    known = reading is not None and reading.seats.reached_at is not None
    document: dict[str, object] = {
        "customer": found.subscription.customer,
        "subscription": found.subscription.key,
        **term_document(one.term, moment=moment),
        "in_use": one.in_use if known else None,
        "high_water": one.high_water if known else None,
        "peak_at": reading.seats.peak_at if reading is not None and known else None,
        "reached_at": reading.seats.reached_at if reading is not None else None,
        "knowledge": reading.seats.knowledge.value if reading is not None else None,
        "made_by": reading.made_by if reading is not None else (),
        "made_by_count": reading.made_by_count if reading is not None else 0,
        "notes": reading.notes if reading is not None else (),
        "purchased": one.purchased,
        "owed": one.owed,
        "remaining": one.remaining,
        "provisional": found.provisional,
        "behind": found.behind,
        "as_of": {"place": found.as_of.place, "moment": found.as_of.moment},
    }
    if reading is not None and reading.present is not None:
        document["present"] = reading.present
    return document


def true_up_document(found: TrueUp) -> dict[str, object]:
    """
    Return a true-up as its JSON document. Money is in minor units of the currency.
    """
    return {
        "customer": found.subscription.customer,
        "subscription": found.subscription.key,
        "term": found.term.key,
        "policy": found.policy.value,
        "currency": found.currency,
        "total_minor": found.total_minor,
        "expected_minor": found.expected_minor,
        "provisional": found.provisional,
        "as_of": {"place": found.as_of.place, "moment": found.as_of.moment},
        "settlements": [
            {
                "index": one.index,
                "start": one.period.start,
                "end": one.period.end,
                "peak_units": one.peak_units,
                "purchased": one.purchased,
                "over_units": one.over_units,
                "years_charged": one.years_charged,
                "amount": one.amount,
                "amount_minor": one.amount_minor,
                "purchased_after": one.purchased_after,
                "complete": one.complete,
            }
            for one in found.settlements
        ],
    }


def alert_document(one: SubscriptionAlert) -> dict[str, object]:
    """
    Return an alert as its JSON document.
    """
    return {
        "customer": one.subscription.customer,
        "subscription": one.subscription.key,
        "term": one.term.key,
        "purchased": one.alert.purchased,
        "in_use": one.alert.in_use,
        "left": one.alert.left,
        "nearness": one.alert.nearness.value,
        "dismissed_at": one.dismissed_at,
        "dismissed_by": one.dismissed_by,
    }


def customer_document(found: CustomerView, *, moment: dt.datetime) -> dict[str, object]:
    """
    Return a customer as its JSON document, subscriptions included.
    """
    return {
        "customer": found.key,
        "name": found.name,
        "has_usage": found.has_usage,
        "subscriptions": [
            subscription_document(one, moment=moment) for one in found.subscriptions
        ],
    }
