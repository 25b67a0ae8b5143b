"""
A usage report: what an installation did, in text that is read before it is sent.

::

    meterbook usage report                       what it is
    version: 1
    licence: acme-2026
    customer: acme
    instance: 0199c1a2-...                       which installation, and since when it
    epoch: 1                                     counts: a restored one begins anew
    sequence: 2
    made-at: 2026-03-02T08:00:00Z
    checkpoint: meterbook/3f0c... 61 9hQmYk...   the book it was read from, to the entry
    ...

    month: 1 of acme-2026                        each month since the first
    from: 2026-01-31T00:00:00Z
    to: 2026-02-28T00:00:00Z
    state: complete
    peak: 15
    reached-at: 2026-02-18T12:00:00Z
    at-end: 9
    purchased: 10
    over: 5
    levels: every change
    2026-01-31T00:00:00Z 10
    2026-02-18T12:00:00Z 15

    report: 1                                    each report before this one, and the
    checkpoint: 43 hYv2...                       proof that this book still begins with
    proof: 5bTq... Zz81...                       what that one was read from

It is cumulative: it says every month of its epoch, not only the last one. Losing one
loses nothing, receiving one twice changes nothing, and the order does not matter.

Nobody is named in it unless that was asked for.

Laws (tests/laws/test_reports.py):
    - *Round trip*: a report that was written is read, and is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from meterbook.foundation.instants import format_instant, to_micros, to_utc
from meterbook.foundation.units import format_units
from meterbook.licensing.licences import OPEN, UNLIMITED
from meterbook.licensing.lines import written
from meterbook.proof.keys import encoded


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable

    from meterbook.foundation.periods import Period
    from meterbook.licensing.licences import Mode
    from meterbook.licensing.months import MonthId, Term
    from meterbook.licensing.timelines import Resolution
    from meterbook.metering.seats import Knowledge, LevelChange
    from meterbook.proof.checkpoints import Checkpoint
    from meterbook.proof.keys import VerifierKey


TITLE: Final = "meterbook usage report"
VERSION: Final = 1

EVERYTHING: Final = "everything in the book"
SINCE_EPOCH: Final = "what was recorded since the epoch began"

COMPLETE: Final = "complete"
IN_PROGRESS: Final = "in progress"


class Total(NamedTuple):
    """
    What another meter says of a month: units in its smallest unit.
    """

    meter: str
    units: int
    scale: int


class Mark(NamedTuple):
    """
    A point on the way of the book: its root when it had *size* entries, the last of
    which was recorded at *recorded_at*, in microseconds.

    Two histories that share a beginning agree on the marks in it and on no later one.
    """

    size: int
    root: bytes
    recorded_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTerm:
    """
    A licence that the installation has, as it goes by it.
    """

    licence_id: str
    mode: Mode
    seats: int | None
    meter: str | None
    start: dt.datetime | None
    end: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMonth:
    """
    One month of a report.

    Attributes:
        month: What it is called.

        meter: By which meter seats are counted.

        period: The stretch, end exclusive.

        complete: It has ended as of the report.

        knowledge: How much of it is known. Where nothing is, 0 is not a true 0.

        peak_units: The most seats held at any moment.

        peak_at: The first moment of the month at which they were; None if nothing is
            known.

        end_units: What holds at its end, or as of the report.

        seats: How many were bought; None for as many as there are.

        resolution: How closely *levels* are said.

        levels: The level and its changes; none if nothing is known.

        totals: Of further meters, by meter.

        members: Who was there at the peak, by name, if that was asked for.
    """

    month: MonthId
    meter: str
    period: Period
    complete: bool
    knowledge: Knowledge
    peak_units: int
    peak_at: dt.datetime | None
    end_units: int
    seats: int | None
    resolution: Resolution
    levels: tuple[LevelChange, ...]
    totals: tuple[Total, ...] = ()
    members: tuple[str, ...] | None = None

    @property
    def over_units(self) -> int:
        """
        How many more there were than bought, at the peak.
        """
        return 0 if self.seats is None else max(0, self.peak_units - self.seats)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierReport:
    """
    A report that was made before in this epoch.

    Attributes:
        sequence: Its number.

        made_at: When it was made.

        size: How many entries the book had.

        root: The root over them, as that report said.

        late: How many entries were recorded since that concern what it covered; 0
            unless what it said reads differently now.

        proof: That the book of this report begins with that one.
    """

    sequence: int
    made_at: dt.datetime
    size: int
    root: bytes
    late: int = 0
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    What an installation says that it did.

    Attributes:
        licence_id: The licence that holds, or held last.

        licensee: For whom, in words.

        customer: For whom, as the vendor calls them.

        instance: Which installation.

        key: By which key it signs.

        epoch: Which count of this installation, from 1.

        epoch_began_at: When it began.

        since_epoch: It counts only what was recorded since then.

        sequence: Which report of this epoch, from 1.

        made_at: What the clock showed when it was made.

        as_of: Up to which moment it counts: the effective time, see `licensing.clocks`.

        checkpoint: Of the book that it was read from.

        recorded_from: When the first entry after the previous report was recorded, or
            the first of all; None if there is none.

        recorded_to: When the newest entry was recorded; None if there is none.

        terms: Of the licences that are installed, in order of time.

        months: In order of time.

        earlier: The reports of this epoch before this one, in order.

        marks: In order of size.

        unknown: Names and values of a later version.
    """

    licence_id: str
    licensee: str
    customer: str
    instance: str
    key: VerifierKey
    epoch: int
    epoch_began_at: dt.datetime
    since_epoch: bool
    sequence: int
    made_at: dt.datetime
    as_of: dt.datetime
    checkpoint: Checkpoint
    recorded_from: dt.datetime | None
    recorded_to: dt.datetime | None
    terms: tuple[ReportedTerm, ...]
    months: tuple[ReportedMonth, ...]
    earlier: tuple[EarlierReport, ...] = ()
    marks: tuple[Mark, ...] = ()
    version: int = VERSION
    unknown: tuple[tuple[str, str], ...] = field(default=())

    def to_text(self) -> str:
        """
        Return the report as it is written, to be read, and then to be signed.
        """
        parts = [
            f"{TITLE}\n{written(self._head())}",
            *(written(_term(term)) for term in self.terms),
            *(_month(month) for month in self.months),
            *(written(_earlier(one)) for one in self.earlier),
        ]
        if self.marks:
            parts.append(_marks(self.marks))
        return "\n".join(parts)

    def _head(self) -> list[tuple[str, object]]:
        point = self.checkpoint
        return [
            ("version", self.version),
            ("licence", self.licence_id),
            ("licensee", self.licensee),
            ("customer", self.customer),
            ("instance", self.instance),
            ("instance-key", self.key.to_text()),
            ("epoch", self.epoch),
            ("epoch-began-at", shown(self.epoch_began_at)),
            ("counts", SINCE_EPOCH if self.since_epoch else EVERYTHING),
            ("sequence", self.sequence),
            ("made-at", shown(self.made_at)),
            ("as-of", shown(self.as_of)),
            ("checkpoint", f"{point.origin} {point.size} {encoded(point.root)}"),
            ("recorded-from", _shown_or_none(self.recorded_from)),
            ("recorded-to", _shown_or_none(self.recorded_to)),
            *self.unknown,
        ]


def reported_term(term: Term) -> ReportedTerm:
    """
    Return a term as reports write it.
    """
    return ReportedTerm(
        licence_id=term.licence.licence_id,
        mode=term.licence.mode,
        seats=term.licence.seats,
        meter=term.licence.meter,
        start=None if term.start is None else to_utc(term.start),
        end=None if term.end is None else to_utc(term.end),
    )


def shown(moment: dt.datetime) -> str:
    """
    Return *moment* as reports write it.
    """
    return format_instant(to_micros(moment))


def _shown_or_none(moment: dt.datetime | None) -> str | None:
    return None if moment is None else shown(moment)


def _term(term: ReportedTerm) -> list[tuple[str, object]]:
    return [
        ("term", term.licence_id),
        ("mode", term.mode.value),
        ("seats", UNLIMITED if term.seats is None else term.seats),
        ("meter", term.meter),
        ("from", _shown_or_none(term.start)),
        ("to", OPEN if term.end is None else shown(term.end)),
    ]


def _month(month: ReportedMonth) -> str:
    fields: list[tuple[str, object]] = [
        ("month", month.month.text),
        ("meter", month.meter),
        ("from", shown(month.period.start)),
        ("to", shown(month.period.end)),
        ("state", COMPLETE if month.complete else IN_PROGRESS),
        ("knowledge", month.knowledge.value),
        ("peak", month.peak_units),
        ("reached-at", _shown_or_none(month.peak_at)),
        ("at-end", month.end_units),
        ("purchased", UNLIMITED if month.seats is None else month.seats),
        ("over", month.over_units),
        *(("total", f"{t.meter} {_decimal(t)}") for t in month.totals),
        ("levels", month.resolution.value),
    ]
    named: Iterable[str] = ()
    if month.members is not None:
        fields.append(("members-at-peak", len(month.members)))
        named = (f"{msgspec.json.encode(name).decode()}\n" for name in month.members)
    levels = (f"{format_instant(at)} {units}\n" for at, units in month.levels)
    return f"{written(fields)}{''.join(levels)}{''.join(named)}"


def _decimal(total: Total) -> str:
    """
    Return a total in natural units, with all decimal places that its meter has.
    """
    shown_units = format_units(total.units, total.scale)
    whole, _, part = shown_units.partition(".")
    return f"{whole}.{part:0<{total.scale}}" if total.scale else whole


def _earlier(report: EarlierReport) -> list[tuple[str, object]]:
    return [
        ("report", report.sequence),
        ("made-at", shown(report.made_at)),
        ("checkpoint", f"{report.size} {encoded(report.root)}"),
        ("late-entries", report.late or None),
        ("proof", " ".join(encoded(hash_) for hash_ in report.proof) or None),
    ]


def _marks(marks: tuple[Mark, ...]) -> str:
    lines = (
        f"{mark.size} {encoded(mark.root)} {format_instant(mark.recorded_at)}\n"
        for mark in marks
    )
    return f"{written([('marks', len(marks))])}{''.join(lines)}"
