"""
The written form of what is stated about a subscription: JSON in the book's entries.

=========================  ===========================================================
type of the statement      fields
=========================  ===========================================================
`meterbook.subscription`   subscription, meter, anchor, interval, interval_count, zone
`meterbook.term`           subscription, term, start, end, seats, kind, anchor
`meterbook.term_dates`     subscription, term, start, end, act, reason
`meterbook.seats`          subscription, term, at, seats, reason
=========================  ===========================================================

A field that is not there is nothing: an open end, no limit of seats, the anchor that
was before. Moments are RFC 3339 in UTC; an anchor at a local midnight is a date, so
that it is the same midnight in every month, whatever the clock did on that day.

Laws (tests/laws/test_agreed_facts.py):
    - *Round trip*: a fact read from its written form is the fact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meterbook.catalog.subscriptions import SubscriptionFact
from meterbook.catalog.terms import DatesFact, SeatsFact, TermFact, TermKind
from meterbook.foundation.instants import (
    format_instant,
    parse_moment,
    parse_utc,
    to_micros,
)
from meterbook.foundation.periods import Calendar, Interval, interval_named


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Mapping

    from meterbook.catalog.subscriptions import Fact


SUBSCRIPTION: Final = "meterbook.subscription"
TERM: Final = "meterbook.term"
TERM_DATES: Final = "meterbook.term_dates"
SEATS: Final = "meterbook.seats"


def subscription_body(fact: SubscriptionFact) -> dict[str, object]:
    """
    Return the written form of a subscription.
    """
    calendar = fact.calendar
    return {
        "subscription": fact.key,
        "meter": fact.meter_key,
        "anchor": calendar.anchor_text,
        "interval": calendar.interval.value,
        "interval_count": calendar.interval_count,
        "zone": calendar.zone,
    }


def subscription_from(customer: str, body: Mapping[str, Any]) -> SubscriptionFact:
    """
    Return the subscription of *customer* that was written as *body*.
    """
    zone = body["zone"]
    return SubscriptionFact(
        customer=customer,
        key=body["subscription"],
        meter_key=body["meter"],
        calendar=Calendar(
            parse_moment(body["anchor"], zone=zone),
            interval_named(body["interval"]),
            body["interval_count"],
            zone,
        ),
    )


def fact_body(fact: Fact, *, subscription: str, zone: str) -> dict[str, object]:
    """
    Return the written form of a fact about *subscription*, whose clock is *zone*.
    """
    said: dict[str, object | None] = {"subscription": subscription}
    match fact:
        case TermFact():
            anchor = fact.anchor
            said |= {
                "term": fact.key,
                "start": _text(fact.start),
                "end": _text(fact.end),
                "seats": fact.seats,
                "kind": fact.kind.value,
                "anchor": None if anchor is None else _anchor_text(anchor, zone),
            }
        case DatesFact():
            said |= {
                "term": fact.term,
                "start": _text(fact.start),
                "end": _text(fact.end),
            }
        case SeatsFact():
            said |= {"term": fact.term, "at": _text(fact.at), "seats": fact.seats}
    return {name: value for name, value in said.items() if value is not None}


def fact_from(type_: str, body: Mapping[str, Any], *, zone: str) -> Fact:
    """
    Return the fact that was written as *body*, in a statement of *type_*.
    """
    if type_ == TERM:
        anchor = body.get("anchor")
        return TermFact(
            key=body["term"],
            start=parse_utc(body["start"]),
            end=_moment(body.get("end")),
            seats=body.get("seats"),
            kind=TermKind(body["kind"]),
            anchor=None if anchor is None else parse_moment(anchor, zone=zone),
        )
    if type_ == TERM_DATES:
        return DatesFact(
            term=body["term"],
            start=parse_utc(body["start"]),
            end=_moment(body.get("end")),
        )
    assert type_ == SEATS, type_
    return SeatsFact(
        term=body["term"], at=parse_utc(body["at"]), seats=body.get("seats")
    )


def _anchor_text(anchor: dt.datetime, zone: str) -> str:
    return Calendar(anchor, Interval.DAY, 1, zone).anchor_text


def _text(moment: dt.datetime | None) -> str | None:
    return None if moment is None else format_instant(to_micros(moment))


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else parse_utc(text)
