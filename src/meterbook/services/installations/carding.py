"""
The report card of an installation: its months, its licence, and what is due.

The months are read as a report reads them, so the card, the report and what the vendor
accepts are the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.foundation.errors import UnknownMeterError
from meterbook.foundation.instants import to_moment
from meterbook.licensing.cards import Card, CardMonth
from meterbook.licensing.months import expected_months, next_to_report, terms
from meterbook.services.installations import instances, licensing, reporting
from meterbook.services.installations.monthly import Asking, read_months


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence

    from meterbook.licensing.months import LicenceMonth, MonthId, Term
    from meterbook.licensing.reports import ReportedMonth
    from meterbook.ports import Reader
    from meterbook.services.installations.instances import Instance


NO_LICENCE = "none"


def card(reader: Reader, *, clock: int) -> Card:
    """
    Return the card as of now.

    Args:
        reader: A snapshot of the installation's book.

        clock: What its clock shows.
    """
    at = to_moment(instances.time_of(reader, clock=clock).at)
    here = instances.current(reader)
    held = terms(one.licence for one in licensing.installed(reader))
    term = licensing.term_now(held, at=at)
    if term is None:
        return _blank(at, here)

    licence = term.licence
    stands = licensing.licence_now(
        reader, at=at, instance=None if here is None else here.instance_id
    )
    assert stands is not None
    since = here.began_at if here is not None and here.since_epoch else None
    listed = expected_months(held, since=since, until=at)
    made = [] if here is None else reporting.made_reports(reader, here)
    reported = {
        month.month for month in listed if made and month.period.end <= made[-1].as_of
    }
    following = next_to_report(
        held, reported={*reported, *_before(held, since, until=at)}, at=at
    )
    said, message = _said(reader, here, term, listed, at=at)
    return Card(
        licensee=licence.licensee,
        customer=licence.customer,
        meter=licence.meter or "",
        instance="" if here is None else here.instance_id,
        licence=licence.licence_id,
        licence_state=type(stands).__name__,
        licence_detail=stands.reason,
        zone=licence.zone,
        made_at=at,
        last_report_at=made[-1].made_at if made else None,
        next_report_due=None if following is None else following[1],
        months=tuple(_card_month(month) for month in reversed(said)),
        message=message,
    )


def _before(
    held: Sequence[Term], since: dt.datetime | None, *, until: dt.datetime
) -> set[MonthId]:
    """
    Return the months that ended before this epoch began: it does not report them.
    """
    if since is None:
        return set()

    every = expected_months(held, since=None, until=until)
    return {month.month for month in every if month.period.end <= since}


def _said(
    reader: Reader,
    here: Instance | None,
    term: Term,
    listed: Sequence[LicenceMonth],
    *,
    at: dt.datetime,
) -> tuple[list[ReportedMonth], str]:
    """
    Return the months as a report would say them; or why there are none.
    """
    if here is None or not listed:
        return [], _advice(term, at=at)

    asking = Asking(
        customer=term.licence.customer,
        instance=here,
        place=reporting.read_place(reader),
        moment=at,
        totals=(),
        names=False,
    )
    try:
        return read_months(reader, asking, listed), ""
    except UnknownMeterError as error:
        return [], str(error)


def _advice(term: Term, *, at: dt.datetime) -> str:
    """
    Return what to do where there are no months.
    """
    licence = term.licence
    if licence.calendar() is None:
        return (
            "The licence says neither a start nor an anchor to count months from: ask "
            "whoever issued it for one that does."
        )
    if licence.meter is None:
        return "The licence names no meter that counts seats: nothing is reported."
    if term.start is not None and at < term.start:
        return "The licence has not begun: its first month is shown when it has."

    return "No month has begun."


def _card_month(month: ReportedMonth) -> CardMonth:
    first = month.levels[0].at if month.levels else None
    late = first is not None and first > month.period.start_us
    return CardMonth(
        number=month.month.number,
        licence=month.month.licence_id,
        period=month.period,
        peak_units=None if first is None else month.peak_units,
        peak_at=month.peak_at,
        end_units=None if first is None else month.end_units,
        purchased_units=month.seats,
        complete=month.complete,
        known_since=to_moment(first) if late and first is not None else None,
    )


def _blank(at: dt.datetime, here: Instance | None) -> Card:
    return Card(
        licensee="",
        customer="",
        meter="",
        instance="" if here is None else here.instance_id,
        licence="",
        licence_state=NO_LICENCE,
        licence_detail="No licence is installed.",
        zone="UTC",
        made_at=at,
        last_report_at=None,
        next_report_due=None,
        months=(),
        message="Install a licence: meterbook licence install FILE.",
    )
