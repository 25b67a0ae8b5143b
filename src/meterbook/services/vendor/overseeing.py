"""
The vendor's overview: each installation, and what its reports say is owed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.licensing.months import next_to_report, terms
from meterbook.services.installations.licensing import issued, term_now
from meterbook.services.vendor.received import newest, received, report_of


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence

    from meterbook.licensing.licences import Licence
    from meterbook.ports import Reader
    from meterbook.services.vendor.received import Received


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationView:
    """
    An installation, as its last report shows it; or a licence of which none came.

    Attributes:
        customer: Whose.

        licensee: The same in words.

        licence_id: The licence that holds now, or held last.

        instance: Which installation; None if no report came.

        epoch: Which count of it.

        sequence: The number of its last report.

        made_at: When that was made.

        received_at: When it came in.

        months: The complete months that it says, in order, as `3 of acme-2026`.

        unknown_months: Those of them of which nothing is known.

        last_peak_units: The peak of the last of them.

        highest_peak_units: The highest of all.

        purchased_units: How many seats were bought for the last of them; None for as
            many as there are.

        owed_units: The users to be billed on top for the last of them.

        next_month: The month that the next report is to bring.

        due_at: By when; None if the licence names no deadline.

        overdue: That is past.
    """

    customer: str
    licensee: str
    licence_id: str
    instance: str | None
    epoch: int | None
    sequence: int | None
    made_at: dt.datetime | None
    received_at: dt.datetime | None
    months: tuple[str, ...]
    unknown_months: tuple[str, ...]
    last_peak_units: int | None
    highest_peak_units: int | None
    purchased_units: int | None
    owed_units: int
    next_month: str | None
    due_at: dt.datetime | None
    overdue: bool


def overview(
    reader: Reader, *, now: dt.datetime, customer: str | None
) -> list[InstallationView]:
    """
    Return every installation that reported, and every licence of which none did.

    Args:
        reader: A snapshot of the vendor's book.

        now: By the vendor's clock.

        customer: Whose; None for all.
    """
    licences = [one.licence for one in issued(reader, customer=customer)]
    epochs: dict[tuple[str, str], list[Received]] = {}
    for one in newest(received(reader, customer=customer)):
        epochs.setdefault((one.customer, one.instance), []).append(one)
    views = []
    for (whose, instance), reports in epochs.items():
        theirs = [
            licence
            for licence in licences
            if licence.customer == whose and licence.instance in {None, instance}
        ]
        views.append(_reported(reader, reports, theirs, now=now))
    # A renewal that is not installed yet belongs to who reports under the older one.
    reporting = {whose for whose, _ in epochs}
    views += [
        _silent(licence, now=now)
        for licence in licences
        if licence.customer not in reporting
    ]
    return sorted(views, key=_in_order)


def _reported(
    reader: Reader,
    epochs: Sequence[Received],
    licences: Sequence[Licence],
    *,
    now: dt.datetime,
) -> InstallationView:
    """
    Return an installation by the last report of each of its epochs, in order.
    """
    said = [report_of(reader, one) for one in epochs]
    done = {month.month for one in said for month in one.months if month.complete}
    one, report = epochs[-1], said[-1]
    complete = [month for month in report.months if month.complete]
    latest = complete[-1] if complete else None
    held = terms(licences)
    term = term_now(held, at=now)
    following = next_to_report(held, reported=done, at=now)
    due = None if following is None else following[1]
    return InstallationView(
        customer=one.customer,
        licensee=report.licensee,
        licence_id=report.licence_id if term is None else term.licence.licence_id,
        instance=one.instance,
        epoch=one.head.epoch,
        sequence=one.head.sequence,
        made_at=one.head.made_at,
        received_at=one.received_at,
        months=tuple(month.month.text for month in complete),
        unknown_months=tuple(
            month.month.text for month in complete if not month.levels
        ),
        last_peak_units=None if latest is None else latest.peak_units,
        highest_peak_units=max((m.peak_units for m in complete), default=None),
        purchased_units=None if latest is None else latest.seats,
        owed_units=0 if latest is None else latest.over_units,
        next_month=None if following is None else following[0].month.text,
        due_at=due,
        overdue=due is not None and due <= now,
    )


def _silent(licence: Licence, *, now: dt.datetime) -> InstallationView:
    following = next_to_report(terms([licence]), reported=(), at=now)
    due = None if following is None else following[1]
    return InstallationView(
        customer=licence.customer,
        licensee=licence.licensee,
        licence_id=licence.licence_id,
        instance=licence.instance,
        epoch=None,
        sequence=None,
        made_at=None,
        received_at=None,
        months=(),
        unknown_months=(),
        last_peak_units=None,
        highest_peak_units=None,
        purchased_units=licence.seats,
        owed_units=0,
        next_month=None if following is None else following[0].month.text,
        due_at=due,
        overdue=due is not None and due <= now,
    )


def _in_order(view: InstallationView) -> tuple[str, str, str]:
    return view.customer, view.licence_id, view.instance or ""
