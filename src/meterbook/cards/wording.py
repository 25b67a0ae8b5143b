"""
The words and figures of a card, as people read them: the same on a page and on paper.

A month's last day is inclusive for people: [Jan 15, Feb 15) reads "Jan 15 - Feb 14".
Dates are those of the card's zone, which the card names.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo


if TYPE_CHECKING:
    from meterbook.licensing.cards import Card, CardMonth

UNKNOWN: Final = "not known"
UNLIMITED: Final = "as used"

_MICROSECOND: Final = dt.timedelta(microseconds=1)


def card_words(card: Card) -> dict[str, object]:
    """
    Return what a card says, text by name, for a template.
    """
    zone = ZoneInfo(card.zone)
    due = card.next_report_due
    return {
        "licensee": card.licensee,
        "customer": card.customer,
        "meter": card.meter,
        "instance": card.instance,
        "licence": card.licence,
        "licence_state": card.licence_state,
        "licence_detail": card.licence_detail,
        "zone": card.zone,
        "made_at": _moment(card.made_at, zone),
        "last_report": _moment(card.last_report_at, zone, missing="none yet"),
        "next_due": _day(due, zone) if due is not None else "-",
        "overdue": due is not None and due <= card.made_at,
        "message": card.message,
        "months": [
            month_words(month, zone, licence=card.licence) for month in card.months
        ],
    }


def month_words(month: CardMonth, zone: ZoneInfo, *, licence: str) -> dict[str, object]:
    """
    Return what a month's row says.

    Args:
        month: Which month.

        zone: By whose calendar.

        licence: The one that the card is of: a month of another says so.
    """
    last_day = month.period.end - _MICROSECOND
    return {
        "number": month.number,
        "range": f"{_day(month.period.start, zone)} - {_day(last_day, zone)}",
        "peak": _count(month.peak_units),
        "reached": _moment(month.peak_at, zone, missing="-"),
        "end": _count(month.end_units),
        "purchased": _count(month.purchased_units, missing=UNLIMITED),
        "over": f"+{month.over_units:,}" if month.over_units else "",
        "complete": month.complete,
        "earlier": "" if month.licence == licence else month.licence,
        "known_since": _moment(month.known_since, zone, missing=""),
    }


def _count(units: int | None, *, missing: str = UNKNOWN) -> str:
    return missing if units is None else f"{units:,}"


def _day(moment: dt.datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%b %-d, %Y")


def _moment(moment: dt.datetime | None, zone: ZoneInfo, *, missing: str = "-") -> str:
    if moment is None:
        return missing
    return moment.astimezone(zone).strftime("%b %-d, %Y, %H:%M")
