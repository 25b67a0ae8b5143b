"""
Making usage reports at an installation, and remembering that they were made.

::

    entries   1 ............... 43 | 44 ............. 61 | 62
                                ^    ^                 ^    ^
               report 1 is read at 43                  report 2 is read at 61
                    44: "report 1 was made"                 62: "report 2 was made"

A report is read at a numbered place, from one snapshot, and says the months of every
licence that was ever installed. That it was made becomes an entry of the book, so the
next one can prove that the book still begins with what this one was read from; and if
it does not, or if a month that had ended reads otherwise, that is seen here first.
"""

from __future__ import annotations

import hashlib

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from meterbook.foundation.errors import (
    NoLicenceError,
    NothingToReportError,
    StoreError,
)
from meterbook.foundation.instants import format_instant, to_micros, to_moment
from meterbook.licensing.months import expected_months, months, terms
from meterbook.licensing.reports import (
    EarlierReport,
    Mark,
    Report,
    reported_term,
    shown,
)
from meterbook.licensing.tracing import Point, begins_with, marked_sizes
from meterbook.metering.events import Recorded
from meterbook.ports import ATTRIBUTION, EVENT, VOID, EntryQuery
from meterbook.proof.keys import decoded, encoded
from meterbook.proof.notes import sign_note
from meterbook.services.entries.stating import THE_BOOK, state, statement_id, statements
from meterbook.services.entries.trying import persistently
from meterbook.services.installations import instances, licensing
from meterbook.services.installations.monthly import Asking, read_months
from meterbook.services.proofs import proving


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Sequence

    from meterbook.licensing.months import LicenceMonth, Term
    from meterbook.licensing.reports import ReportedMonth
    from meterbook.ports import Clock, Reader, Store, StoredEntry
    from meterbook.proof.keys import Signer, VerifierKey
    from meterbook.services.entries.stating import Statement
    from meterbook.services.installations.instances import Instance


MADE_TYPE: Final = "meterbook.report.made"

# Late entries are counted to tell that there are some, not how many millions.
LATE_ENTRIES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """
    A report that was made.

    Attributes:
        report: What it says.

        note: The same, signed: the text to read, and then to hand over.

        warnings: What the installation's own book is found to be.
    """

    report: Report
    note: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeReport:
    """
    What is remembered of a report that was made.

    Attributes:
        complete_count: How many months had ended.

        digest: Of what it said of them.
    """

    sequence: int
    made_at: dt.datetime
    as_of: dt.datetime
    size: int
    root: bytes
    complete_count: int
    digest: str


def make(  # noqa: PLR0913 - a book, who signs, and what to say
    store: Store,
    clock: Clock,
    new_id: Callable[[int], str],
    *,
    signer: Signer,
    current: bool = False,
    names: bool = False,
) -> Made:
    """
    Make a report, sign it, and remember that it was made.

    Args:
        store: The installation's book. What has no place yet is not in the report.

        clock: Its clock.

        new_id: Makes the id of the installation, if it has none yet.

        signer: The installation's key.

        current: Whether to report the month in progress, too.

        names: Whether to say who was there at each peak.

    Raises:
        NoLicenceError: No licence says what to report.

        NothingToReportError: No month is complete; the message says when the first
            will be.

        UnknownMeterError: The book does not have a meter that the licence names.
    """
    here = instances.settled(store, clock, new_id)

    def once() -> Made:
        now = clock.now()
        with store.reading() as reader:
            report, digest = _composed(
                reader, now, here, signer=signer, current=current, names=names
            )
        _remember(store, report, digest, now=now)
        note = sign_note(report.to_text(), [signer])
        return Made(report=report, note=note, warnings=_warnings(report))

    return persistently(once)


def made_reports(reader: Reader, here: Instance) -> list[MadeReport]:
    """
    Return the reports that an installation has made in its epoch, in order.
    """
    said = statements(reader, customer=THE_BOOK, type_=MADE_TYPE)
    whose = (here.instance_id, here.epoch)
    found = [
        _made(one) for one in said if (one.body["instance"], one.body["epoch"]) == whose
    ]
    return sorted(found, key=_by_sequence)


def read_place(reader: Reader) -> int:
    """
    Return the last place that a report can be read at: numbered, posted, in the tree.
    """
    return min(reader.marks().posted, reader.tree.size())


def _composed(  # noqa: PLR0913 - as `make`
    reader: Reader,
    now: int,
    here: Instance,
    *,
    signer: Signer,
    current: bool,
    names: bool,
) -> tuple[Report, str]:
    """
    Return the report, not signed, and the digest of its complete months.
    """
    time = instances.time_of(reader, clock=now)
    as_of = to_moment(time.at)
    held = terms(one.licence for one in licensing.installed(reader))
    term = licensing.term_now(held, at=as_of)
    if term is None:
        raise NoLicenceError

    listed = _listed(held, here, as_of=as_of, current=current)
    asking = Asking(
        customer=term.licence.customer,
        # Its own entry may have got its place since.
        instance=instances.current(reader) or here,
        place=read_place(reader),
        moment=as_of,
        totals=term.licence.totals,
        names=names,
    )
    said = read_months(reader, asking, listed)
    before = made_reports(reader, here)
    report = _first(
        reader,
        held,
        term,
        asking,
        said,
        key=signer.verifier,
        made_at=to_moment(time.clock),
    )
    return _continued(reader, report, before), _digest(said, count=None)


def _continued(reader: Reader, report: Report, before: Sequence[MadeReport]) -> Report:
    """
    Return *report* as the one that follows those *before*.
    """
    last = before[-1].size if before else 0
    place = report.checkpoint.size
    return replace(
        report,
        sequence=before[-1].sequence + 1 if before else 1,
        recorded_from=_recorded_at(reader, last + 1, upto=place),
        marks=tuple(_marks(reader, after=last, upto=place)),
        earlier=tuple(_earlier(reader, one, report) for one in before),
    )


def _first(  # noqa: PLR0913 - the parts of a report
    reader: Reader,
    held: Sequence[Term],
    term: Term,
    asking: Asking,
    said: Sequence[ReportedMonth],
    *,
    key: VerifierKey,
    made_at: dt.datetime,
) -> Report:
    """
    Return a report as the first one of an epoch is, but for its marks.
    """
    here, place = asking.instance, asking.place
    return Report(
        licence_id=term.licence.licence_id,
        licensee=term.licence.licensee,
        customer=term.licence.customer,
        instance=here.instance_id,
        key=key,
        epoch=here.epoch,
        epoch_began_at=here.began_at,
        since_epoch=here.since_epoch,
        sequence=1,
        made_at=made_at,
        as_of=asking.moment,
        checkpoint=proving.checkpoint_at(reader, place),
        recorded_from=None,
        recorded_to=_recorded_at(reader, place, upto=place),
        terms=tuple(reported_term(one) for one in held),
        months=tuple(said),
    )


def _listed(
    held: Sequence[Term], here: Instance, *, as_of: dt.datetime, current: bool
) -> list[LicenceMonth]:
    """
    Return the months to report.
    """
    since = here.began_at if here.since_epoch else None
    begun = expected_months(held, since=since, until=as_of)
    listed = [month for month in begun if current or month.period.end <= as_of]
    if listed:
        return listed

    upcoming = begun or _upcoming(held)
    if not upcoming:
        message = (
            "The licence names no start, no anchor or no meter to count months by: ask "
            "whoever issued it for one that does."
        )
        raise NoLicenceError(message)
    first = upcoming[0]
    ends = format_instant(first.period.end_us)
    what = "wait until then, or ask for the current month" if begun else "wait"
    message = f"No month is complete yet: {first.month.text} ends at {ends}; {what}."
    raise NothingToReportError(message)


def _upcoming(held: Sequence[Term]) -> list[LicenceMonth]:
    """
    Return the months that begin where the first term with months does.
    """
    for term in held:
        if term.start is not None:
            listed = months([term], until=term.start)
            if listed:
                return listed
    return []


def _recorded_at(reader: Reader, place: int, *, upto: int) -> dt.datetime | None:
    """
    Return when the entry at *place* was recorded; None if it is after *upto*.
    """
    if not 0 < place <= upto:
        return None

    [entry] = reader.entries_at([place])
    return to_moment(entry.recorded_at)


def _marks(reader: Reader, *, after: int, upto: int) -> list[Mark]:
    sizes = marked_sizes(after=after, upto=upto)
    recorded = {entry.seq: entry.recorded_at for entry in reader.entries_at(sizes)}
    return [Mark(size, proving.root_at(reader, size), recorded[size]) for size in sizes]


def _earlier(reader: Reader, made: MadeReport, report: Report) -> EarlierReport:
    """
    Return an earlier report with the proof that the book begins as it did then.
    """
    new = report.checkpoint.size
    known = made.size <= new
    late = 0
    if _digest(report.months, count=made.complete_count) != made.digest:
        late = _late_count(reader, report, made)
    return EarlierReport(
        sequence=made.sequence,
        made_at=made.made_at,
        size=made.size,
        root=made.root,
        late=late,
        proof=tuple(proving.consistency(reader, old=made.size, new=new))
        if known
        else (),
    )


def _late_count(reader: Reader, report: Report, made: MadeReport) -> int:
    """
    Return how many entries were recorded since that may change what was reported.

    Events of the meters that occurred before that report; and whatever takes events
    back, or says whose they are.
    """
    meters = {month.meter for month in report.months}
    types = {
        msgspec.json.decode(row.definition)["event_type"]
        for row in reader.meters()
        if row.meter_key in meters
    }
    query = EntryQuery()
    late, after = 0, made.size
    while late < LATE_ENTRIES_MAX:
        entries = reader.entries(query, after=after, limit=LATE_ENTRIES_MAX)
        for entry in entries:
            told_late = entry.occurred_at <= to_micros(made.as_of)
            is_event = entry.kind == EVENT
            late += entry.type in types and told_late if is_event else _mends(entry)
            after = entry.seq or after
        if len(entries) < LATE_ENTRIES_MAX:
            break
    return late


def _mends(entry: StoredEntry) -> bool:
    """
    Tell whether an entry changes what others count as.
    """
    return entry.kind in {VOID, ATTRIBUTION}


def _digest(said: Sequence[ReportedMonth], *, count: int | None) -> str:
    """
    Return a digest of what is said of the first *count* complete months, or of all.
    """
    complete = [month for month in said if month.complete][:count]
    figures = [
        [
            month.month.text,
            month.period.start_us,
            month.period.end_us,
            month.knowledge.value,
            month.peak_units,
            None if month.peak_at is None else to_micros(month.peak_at),
            month.end_units,
            [list(total) for total in month.totals],
        ]
        for month in complete
    ]
    return hashlib.sha256(msgspec.json.encode(figures)).hexdigest()


def _remember(store: Store, report: Report, digest: str, *, now: int) -> None:
    """
    State that a report was made.

    Raises:
        StoreError: Another one was made at the same moment, under this number: make it
            again.
    """
    point = report.checkpoint
    with store.writing() as writer:
        stated = state(
            writer,
            type_=MADE_TYPE,
            customer=THE_BOOK,
            body={
                "instance": report.instance,
                "epoch": report.epoch,
                "sequence": report.sequence,
                "made_at": to_micros(report.made_at),
                "size": point.size,
                "root": encoded(point.root),
                "complete": sum(month.complete for month in report.months),
                "digest": digest,
            },
            actor_id=None,
            occurred_at=to_micros(report.as_of),
            now=now,
            event_id=statement_id(
                "report", report.instance, str(report.epoch), str(report.sequence)
            ),
        )
        if not isinstance(stated, Recorded):
            message = "Another report was made at the same moment."
            raise StoreError(message, retryable=True)


def _warnings(report: Report) -> tuple[str, ...]:
    warnings = [
        f"The book no longer begins with the {one.size} entries that report "
        f"{one.sequence} was read from: it was edited, or a backup was restored. The "
        "receiver will see it."
        for one in report.earlier
        if not begins_with(report, Point(one.size, one.root))
    ]
    if report.made_at < report.as_of:
        warnings.append(
            f"The clock shows {shown(report.made_at)}, and the book has entries of "
            f"{shown(report.as_of)}: set it right."
        )
    return tuple(warnings)


def _made(said: Statement) -> MadeReport:
    body = said.body
    root = decoded(str(body["root"]))
    assert root is not None
    return MadeReport(
        sequence=_number(body["sequence"]),
        made_at=to_moment(_number(body["made_at"])),
        as_of=to_moment(said.occurred_at),
        size=_number(body["size"]),
        root=root,
        complete_count=_number(body["complete"]),
        digest=str(body["digest"]),
    )


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _by_sequence(made: MadeReport) -> int:
    return made.sequence
