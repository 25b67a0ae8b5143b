"""
A report in other forms: a JSON document, and a CSV table of its months.

They say what the text says, for programs and spreadsheets. Neither is signed: what is
handed over and accepted is the text. In a table no cell is taken for a formula.
"""

from __future__ import annotations

import csv
import io

from typing import TYPE_CHECKING, Final

from meterbook.foundation.instants import format_instant
from meterbook.foundation.units import format_units
from meterbook.licensing.licences import UNLIMITED
from meterbook.licensing.reports import COMPLETE, IN_PROGRESS, shown
from meterbook.proof.keys import encoded


if TYPE_CHECKING:
    from meterbook.licensing.reports import Report, ReportedMonth


COLUMNS: Final = (
    "licence",
    "month",
    "from",
    "to",
    "state",
    "knowledge",
    "meter",
    "peak",
    "reached_at",
    "at_end",
    "purchased",
    "over",
)

# What spreadsheets take for the beginning of a formula, were it the first of a cell.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def report_document(report: Report) -> dict[str, object]:
    """
    Return a report as a JSON document: moments as datetimes, seats without end as None.
    """
    point = report.checkpoint
    return {
        "licence": report.licence_id,
        "licensee": report.licensee,
        "customer": report.customer,
        "instance": report.instance,
        "instance_key": report.key.to_text(),
        "epoch": report.epoch,
        "epoch_began_at": report.epoch_began_at,
        "since_epoch": report.since_epoch,
        "sequence": report.sequence,
        "made_at": report.made_at,
        "as_of": report.as_of,
        "checkpoint": {
            "origin": point.origin,
            "size": point.size,
            "root": encoded(point.root),
        },
        "recorded_from": report.recorded_from,
        "recorded_to": report.recorded_to,
        "terms": [
            {
                "licence": term.licence_id,
                "mode": term.mode.value,
                "seats": term.seats,
                "meter": term.meter,
                "start": term.start,
                "end": term.end,
            }
            for term in report.terms
        ],
        "months": [month_document(month) for month in report.months],
        "earlier": [
            {
                "sequence": one.sequence,
                "made_at": one.made_at,
                "size": one.size,
                "root": encoded(one.root),
                "late_entries": one.late,
            }
            for one in report.earlier
        ],
    }


def month_document(month: ReportedMonth) -> dict[str, object]:
    """
    Return a month as a JSON document.
    """
    return {
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
        "over": month.over_units,
        "totals": {t.meter: format_units(t.units, t.scale) for t in month.totals},
        "resolution": month.resolution.value,
        "levels": [
            {"at": format_instant(at), "units": units} for at, units in month.levels
        ],
        "members": None if month.members is None else list(month.members),
    }


def report_csv(report: Report) -> str:
    """
    Return the months of a report as CSV, a line each, with a line of names.
    """
    meters = sorted({total.meter for month in report.months for total in month.totals})
    told = io.StringIO()
    table = csv.writer(told, lineterminator="\n")
    table.writerow([*COLUMNS, *(f"total_{meter}" for meter in meters)])
    for month in report.months:
        table.writerow(_row(month, meters))
    return told.getvalue()


def _row(month: ReportedMonth, meters: list[str]) -> list[object]:
    totals = {t.meter: format_units(t.units, t.scale) for t in month.totals}
    period = month.period
    return [
        _cell(month.month.licence_id),
        month.month.number,
        format_instant(period.start_us),
        format_instant(period.end_us),
        COMPLETE if month.complete else IN_PROGRESS,
        month.knowledge.value,
        _cell(month.meter),
        month.peak_units,
        "" if month.peak_at is None else shown(month.peak_at),
        month.end_units,
        UNLIMITED if month.seats is None else month.seats,
        month.over_units,
        *(totals.get(meter, "") for meter in meters),
    ]


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
