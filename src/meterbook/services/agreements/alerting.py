"""
Alerting: whose seats are nearly used up, and who has seen it.

An alert follows from the seats in use and those bought (`meterbook.licensing.alerts`).
A dismissal is a statement; it lasts until another seat is used or another number is
bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import to_micros, to_moment
from meterbook.licensing.alerts import rose_since, seat_alert
from meterbook.metering.events import Recorded
from meterbook.services.agreements.agreed import subscription, subscriptions
from meterbook.services.entries.controls import check_stated
from meterbook.services.entries.naming import named_now, names_of, shown_name
from meterbook.services.entries.stating import state, statement_id, statements
from meterbook.services.entries.trying import persistently
from meterbook.services.seats.seating import level_changes


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Mapping

    from meterbook.catalog.subscriptions import Subscription
    from meterbook.catalog.terms import Term
    from meterbook.licensing.alerts import SeatAlert
    from meterbook.ports import Clock, Reader, Store
    from meterbook.services.entries.stating import Statement


ALERT_DISMISSED: Final = "meterbook.alert_dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionAlert:
    """
    A subscription whose seats are nearly used up.

    Attributes:
        subscription: Whose.

        term: The term that holds.

        alert: How many are bought, used and left.

        dismissed_at: When somebody said that it was seen; None if nobody did since it
            was last raised.

        dismissed_by: Who, if that was said.
    """

    subscription: Subscription
    term: Term
    alert: SeatAlert
    dismissed_at: dt.datetime | None
    dismissed_by: str | None


def alerts(
    reader: Reader,
    *,
    moment: dt.datetime,
    customer: str | None = None,
    dismissed: bool = False,
) -> list[SubscriptionAlert]:
    """
    Return what is to be said of seats at a moment, by customer and subscription.

    Args:
        reader: One snapshot.

        moment: As of when. In UTC.

        customer: Of whom; None for everybody.

        dismissed: Whether also what was dismissed.
    """
    said = {
        (one.customer, str(one.body["subscription"])): one
        for one in statements(reader, customer=customer, type_=ALERT_DISMISSED)
        if one.occurred_at <= to_micros(moment)
    }
    names = names_of(reader, {one.actor_id for one in said.values()})
    found = [
        _alert(reader, each, moment, said.get((each.customer, each.key)), names)
        for each in subscriptions(reader, customer=customer)
    ]
    return [
        one
        for one in found
        if one is not None and (dismissed or one.dismissed_at is None)
    ]


def dismiss(
    store: Store, clock: Clock, *, customer: str, key: str, actor: str | None
) -> Recorded:
    """
    State that the alert of a subscription was seen, as it is now.

    Raises:
        UnknownSubscriptionError: If there is no such subscription.

        InvalidQueryError: If there is nothing to dismiss.
    """
    if actor is not None:
        check_stated("actor", actor)
    now = clock.now()

    def say() -> Recorded:
        with store.writing() as writer:
            found = subscription(writer, customer=customer, key=key)
            alert = _alert(writer, found, to_moment(now), None, {})
            if alert is None:
                message = f"Subscription {key!r} of {customer!r} has seats enough."
                raise InvalidQueryError(message)

            said = statements(writer, customer=customer, type_=ALERT_DISMISSED)
            stated = state(
                writer,
                type_=ALERT_DISMISSED,
                customer=customer,
                body={"subscription": key, "purchased": alert.alert.purchased},
                actor_id=named_now(writer, {actor})[actor],
                occurred_at=now,
                now=now,
                event_id=statement_id("alert", customer, key, str(len(said) + 1)),
            )
            return Recorded(stated.entry_id)

    return persistently(say)


def _alert(
    reader: Reader,
    found: Subscription,
    moment: dt.datetime,
    seen: Statement | None,
    names: Mapping[int, str],
) -> SubscriptionAlert | None:
    """
    Return what is to be said of one subscription, whether or not it was dismissed.

    Args:
        reader: One snapshot.

        found: The subscription.

        moment: As of when.

        seen: When an alert of it was last dismissed.

        names: Of people, by their numbers.
    """
    term = found.term_at(moment)
    purchased = None if term is None else term.purchased_at(moment)
    if term is None or purchased is None:
        return None

    changes = level_changes(
        reader, meter_key=found.meter_key, customer=found.customer, moment=moment
    )
    in_use = changes[-1].units if changes else 0
    alert = seat_alert(purchased=purchased, in_use=in_use)
    if alert is None:
        return None

    is_seen = (
        seen is not None
        and seen.body["purchased"] == purchased
        and not rose_since(changes, seen.occurred_at, upto=to_micros(moment))
    )
    return SubscriptionAlert(
        subscription=found,
        term=term,
        alert=alert,
        dismissed_at=to_moment(seen.occurred_at) if is_seen and seen else None,
        dismissed_by=shown_name(names, seen.actor_id) if is_seen and seen else None,
    )
