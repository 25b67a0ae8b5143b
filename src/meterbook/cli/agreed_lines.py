"""
Subscriptions, terms and what they owe, as people see them.

::

    acme main: seats by meter members, monthly from Jan 31 2026
      2026  paid  Jan 31 2026  Jan 30 2027  100, 110 from Apr 1 2026  current

A term ends on its last day, and has its dates in the zone of its subscription. Programs
read `agreed_documents`.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

from meterbook.cli.rendering import counted, grouped, print_table
from meterbook.cli.seat_lines import reached_text
from meterbook.cli.stretches import Spelling, day_text
from meterbook.foundation.money import amount_text


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.catalog.subscriptions import Subscription
    from meterbook.catalog.terms import Term
    from meterbook.services.agreements.agreed import Saying
    from meterbook.services.agreements.alerting import SubscriptionAlert
    from meterbook.services.agreements.customers import CustomerView
    from meterbook.services.agreements.owing import SubscriptionSeats, TermSeats, TrueUp
    from meterbook.services.seats.seating import SeatMonth

NO_LIMIT = "no limit"
OPEN = "open"
WHEN = ("term", "kind", "from", "to")

# Of those who made a reading, in a line; JSON has more.
MAKERS_SHOWN = 3


def first_text(moment: dt.datetime, spelling: Spelling) -> str:
    """
    Return the first day of a stretch; the moment, where it begins at none's start.
    """
    wall = spelling.wall(moment)
    return day_text(wall) if wall.time() == dt.time() else spelling.moment(moment)


def last_text(end: dt.datetime | None, spelling: Spelling) -> str:
    """
    Return the last day of a stretch that ends before *end*; "open" if it does not.
    """
    if end is None:
        return OPEN

    wall = spelling.wall(end)
    if wall.time() == dt.time():
        return day_text(wall - dt.timedelta(days=1))

    return f"before {spelling.moment(end)}"


def headline(found: Subscription) -> str:
    """
    Return what a subscription is, in a line.
    """
    calendar = found.calendar
    count, unit = calendar.interval_count, calendar.interval.value
    every = f"every {unit}" if count == 1 else f"every {count} {unit}s"
    since = first_text(calendar.anchor, Spelling(calendar.zone))
    zone = "" if calendar.zone == "UTC" else f" in {calendar.zone}"
    return (
        f"{found.customer} {found.key}: seats of meter {found.meter_key}, {every} from "
        f"{since}{zone}"
    )


def terms_table(found: Subscription, *, moment: dt.datetime) -> None:
    """
    Print a line for each term, as it holds at a moment.
    """
    spelling = Spelling(found.calendar.zone)
    print_table(
        [*WHEN, "seats bought", ""],
        [
            (
                term.key,
                term.kind.value,
                first_text(term.start, spelling),
                last_text(term.end, spelling),
                _purchases_text(term, spelling),
                _remark(found, term, moment, spelling),
            )
            for term in found.terms
        ],
    )


def history_table(said: Sequence[Saying]) -> None:
    """
    Print a line for each thing that was stated, by whom and why.
    """
    print_table(
        ["place", "recorded", "what", "term", "by", "reason"],
        [
            (
                one.place,
                one.recorded_at,
                one.body.get("act") or one.type.removeprefix("meterbook."),
                one.body.get("term"),
                one.actor,
                one.body.get("reason"),
            )
            for one in said
        ],
        right=["place"],
    )


def seats_table(found: SubscriptionSeats) -> None:
    """
    Print a line for each term: in use, at most, bought and owed.
    """
    spelling = Spelling(found.subscription.calendar.zone)
    print_table(
        [*WHEN, "in use", "at most", "reached", "made by", "bought", "owed", ""],
        [_seats_row(one, spelling) for one in found.terms],
        right=["in use", "at most", "bought", "owed"],
    )


def true_up_table(found: TrueUp) -> None:
    """
    Print a line for each period that is settled.
    """
    spelling = Spelling(found.subscription.calendar.zone)
    print_table(
        ["from", "to", "peak", "bought", "over", "years", "amount", ""],
        [
            (
                first_text(one.period.start, spelling),
                last_text(one.period.end, spelling),
                grouped(str(one.peak_units)),
                seats_text(one.purchased),
                grouped(str(one.over_units)),
                _years_text(one.years_charged.numerator, one.years_charged.denominator),
                grouped(amount_text(one.amount_minor, found.currency)),
                "" if one.complete else "in progress",
            )
            for one in found.settlements
        ],
        right=["peak", "bought", "over", "years", "amount"],
    )


def alerts_table(found: Sequence[SubscriptionAlert]) -> None:
    """
    Print a line for each subscription whose seats are nearly used up.
    """
    print_table(
        ["customer", "subscription", "term", "bought", "in use", "left", "", "seen by"],
        [
            (
                one.subscription.customer,
                one.subscription.key,
                one.term.key,
                grouped(str(one.alert.purchased)),
                grouped(str(one.alert.in_use)),
                grouped(str(one.alert.left)),
                one.alert.nearness.value,
                _seen_text(one),
            )
            for one in found
        ],
        right=["bought", "in use", "left"],
    )


def seats_text(seats: int | None) -> str:
    """
    Return a number of seats that were bought.
    """
    return NO_LIMIT if seats is None else grouped(str(seats))


def _purchases_text(term: Term, spelling: Spelling) -> str:
    first, *others = term.purchases
    more = [
        f"{seats_text(one.seats)} from {first_text(one.at, spelling)}" for one in others
    ]
    return ", ".join([seats_text(first.seats), *more])


def _remark(
    found: Subscription, term: Term, moment: dt.datetime, spelling: Spelling
) -> str:
    """
    Return where a term stands, and what cut it short.
    """
    said = [term.state_at(moment).value]
    if term.followed_by is not None and term.is_held:
        agreed = last_text(term.agreed_end, spelling)
        said.append(f"cut by {term.followed_by} (agreed: {agreed})")
    if term.calendar != found.calendar:
        anchor = first_text(term.calendar.anchor, Spelling(term.calendar.zone))
        said.append(f"months from {anchor}")
    return ", ".join(said)


def _seats_row(one: TermSeats, spelling: Spelling) -> tuple[object, ...]:
    is_known = one.reading is not None and one.reading.seats.reached_at is not None
    reached = made_by = ""
    if one.reading is not None and is_known:
        reached = reached_text(one.reading.seats, spelling)
        made_by = _makers_text(one.reading)
    return (
        one.term.key,
        one.term.kind.value,
        first_text(one.term.start, spelling),
        last_text(one.term.end, spelling),
        grouped(str(one.in_use)) if is_known else "",
        grouped(str(one.high_water)) if is_known else "",
        reached,
        made_by,
        seats_text(one.purchased),
        grouped(str(one.owed)),
        one.state.value,
    )


def _makers_text(reading: SeatMonth) -> str:
    """
    Return who made a reading, as far as it fits.
    """
    said = [made.member or made.actor for made in reading.made_by[:MAKERS_SHOWN]]
    names = [name for name in said if name is not None]
    left = reading.made_by_count - len(names)
    more = f" and {left:,} more" if names and left else ""
    return ", ".join(names) + more


def _years_text(numerator: int, denominator: int) -> str:
    return str(numerator) if denominator == 1 else f"{numerator}/{denominator}"


def _seen_text(one: SubscriptionAlert) -> str:
    if one.dismissed_at is None:
        return ""
    return one.dismissed_by or "somebody"


def customer_lines(found: CustomerView) -> list[str]:
    """
    Return what there is to say of a customer before its subscriptions.
    """
    said = [f"{found.key}: {found.name}" if found.name else found.key]
    said.append("has usage" if found.has_usage else "no usage yet")
    said.append(counted(len(found.subscriptions), "subscription"))
    return said
