"""
Reports in rows and documents: what the commands of `meterbook report` print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.cli.rendering import counted
from meterbook.foundation.units import format_units
from meterbook.licensing.reports import COMPLETE, IN_PROGRESS
from meterbook.licensing.verdicts import Accepted, Inert, Refused
from meterbook.metering.seats import Knowledge
from meterbook.proof.keys import encoded


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.licensing.merging import CombinedMonth
    from meterbook.licensing.reports import ReportedMonth
    from meterbook.licensing.verdicts import Verdict
    from meterbook.services.vendor.overseeing import InstallationView


OVERVIEW_HEADINGS = [
    "customer",
    "licence",
    "installation",
    "report",
    "made",
    "months",
    "last",
    "peak",
    "highest",
    "bought",
    "owed",
    "next",
    "due",
]
MONTH_HEADINGS = [
    "customer",
    "month",
    "from",
    "to",
    "state",
    "peak",
    "reached",
    "at end",
    "bought",
    "owed",
    "from report",
]
REPORTED_HEADINGS = [
    "month",
    "from",
    "to",
    "state",
    "peak",
    "reached",
    "at end",
    "bought",
    "over",
]

UNLIMITED = "unlimited"


def is_refused(verdict: Verdict) -> bool:
    """
    Tell whether a report was not accepted, and should have been.
    """
    return isinstance(verdict, Refused)


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """
    Yield what became of a report, for people.
    """
    match verdict:
        case Accepted(report=report, notices=notices):
            complete = sum(month.complete for month in report.months)
            yield (
                f"accepted: report {report.sequence} of {report.customer}, "
                f"epoch {report.epoch}, {counted(complete, 'complete month')}"
            )
            for notice in notices:
                yield f"note: {notice.detail}"
        case Inert(code=code, reason=reason) | Refused(code=code, reason=reason):
            yield f"{code.value}: {reason}"


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """
    Return what became of a report, for programs.
    """
    report = verdict.report
    document: dict[str, object] = {
        "outcome": str(verdict.code),
        "accepted": isinstance(verdict, Accepted),
        "customer": None if report is None else report.customer,
        "instance": None if report is None else report.instance,
        "epoch": None if report is None else report.epoch,
        "sequence": None if report is None else report.sequence,
    }
    if isinstance(verdict, Accepted):
        document["months"] = [month.month.text for month in verdict.report.months]
        document["notices"] = [notice._asdict() for notice in verdict.notices]
    else:
        document["reason"] = verdict.reason
    return document


def overview_cells(view: InstallationView) -> tuple[object, ...]:
    """
    Return an installation as a row.
    """
    bought = UNLIMITED if view.purchased_units is None else view.purchased_units
    return (
        view.customer,
        view.licence_id,
        view.instance or "none reported",
        view.sequence,
        view.made_at,
        len(view.months),
        view.months[-1] if view.months else None,
        view.last_peak_units,
        view.highest_peak_units,
        bought,
        view.owed_units,
        view.next_month,
        "" if view.due_at is None else f"{_day(view)}{' late' * view.overdue}",
    )


def overview_document(view: InstallationView) -> dict[str, object]:
    """
    Return an installation as a document.
    """
    return {
        "customer": view.customer,
        "licensee": view.licensee,
        "licence": view.licence_id,
        "instance": view.instance,
        "epoch": view.epoch,
        "sequence": view.sequence,
        "made_at": view.made_at,
        "received_at": view.received_at,
        "months": list(view.months),
        "unknown_months": list(view.unknown_months),
        "last_peak": view.last_peak_units,
        "highest_peak": view.highest_peak_units,
        "purchased": view.purchased_units,
        "owed": view.owed_units,
        "next_month": view.next_month,
        "due_at": view.due_at,
        "overdue": view.overdue,
    }


def month_cells(month: CombinedMonth) -> tuple[object, ...]:
    """
    Return a month of all installations as a row.
    """
    unknown = month.knowledge is Knowledge.UNKNOWN
    return (
        month.customer,
        month.month.text,
        month.period.start,
        month.period.end,
        COMPLETE if month.complete else IN_PROGRESS,
        "unknown" if unknown else month.peak_units,
        month.peak_at,
        None if unknown else month.end_units,
        UNLIMITED if month.seats is None else month.seats,
        month.over_units,
        ", ".join(f"{one.sequence} at {one.size}" for one in month.sources),
    )


def month_document(month: CombinedMonth) -> dict[str, object]:
    """
    Return a month of all installations as a document, ready to be billed.
    """
    return {
        "customer": month.customer,
        "licence": month.month.licence_id,
        "month": month.month.number,
        "meter": month.meter,
        "start": month.period.start,
        "end": month.period.end,
        "complete": month.complete,
        "knowledge": month.knowledge.value,
        "peak": month.peak_units,
        "reached_at": month.peak_at,
        "at_end": month.end_units,
        "purchased": month.seats,
        "add_on_users": month.over_units,
        "totals": {t.meter: format_units(t.units, t.scale) for t in month.totals},
        "reports": [
            {
                "instance": one.instance,
                "epoch": one.epoch,
                "sequence": one.sequence,
                "checkpoint": {"size": one.size, "root": encoded(one.root)},
            }
            for one in month.sources
        ],
    }


def reported_cells(month: ReportedMonth) -> tuple[object, ...]:
    """
    Return a month of one report as a row.
    """
    unknown = month.knowledge is Knowledge.UNKNOWN
    return (
        month.month.text,
        month.period.start,
        month.period.end,
        COMPLETE if month.complete else IN_PROGRESS,
        "unknown" if unknown else month.peak_units,
        month.peak_at,
        None if unknown else month.end_units,
        UNLIMITED if month.seats is None else month.seats,
        month.over_units,
    )


def _day(view: InstallationView) -> str:
    assert view.due_at is not None
    return view.due_at.date().isoformat()
