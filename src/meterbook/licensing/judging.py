"""
Is a report accepted? If not, what is wrong is told apart and named.

Of several answers that would fit, the first one holds:

=================== ====================================================================
answer              when
=================== ====================================================================
`malformed`         it is no signed note any more, or no report
`forged`            the text was changed after it was signed
`unknown_key`       nobody here trusts the key that signed it, for this installation
`duplicate`         it was accepted already: nothing happens
`unknown_licence`   it goes by a licence that was not issued here
`not_for_us`        by a licence of another customer, or of another installation
`cloned`            an epoch goes on although a later one began
`edited`            the book no longer begins as it did
`older`             one that says all this and more was accepted: nothing happens
`cloned`            two histories of one installation, alive at the same time
`restored_backup`   the book goes on from an older place than was accepted, and what
                    it recorded then is later than that
`clock_set_back`    it was made before the last one was, or before its newest entry
`far_ahead`         its number is far above the last one's
`gap`               months are missing that were there, or must be
`edited`            terms or months are not those of the licences, figures are not what
                    the levels say, or a month that had ended says something else and
                    nothing was recorded that says why
`accepted`          otherwise
=================== ====================================================================

The first three are given by `services.accepting`, before anything is believed.

How a restored backup and a clone differ::

    accepted      1 ------- 2 ------- 3          report 3 was made here
                        |             |
    restored            +....................x---x---- 4     silent until after 3
    cloned              +--x----x----x----x-- 4              alive before 3 was made

Both go on from an older place, so neither can show that its book begins with that of
report 3. A book that was restored has recorded nothing between the backup and its
restoring, which was after report 3; a clone has. Whether it has is seen in its marks:
roots at places that are the same for both histories as long as they are one.

A restored installation says so itself (`instance restored`) and begins a new epoch,
which counts only what was recorded since. Then nothing is counted twice.

Source:
    semantics 8.2 to 8.4. The tolerance of clocks is that of `licensing.clocks`.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Final

from meterbook.foundation.instants import format_instant, to_micros
from meterbook.licensing.clocks import TOLERANCE
from meterbook.licensing.months import expected_months, terms
from meterbook.licensing.reports import reported_term, shown
from meterbook.licensing.tracing import (
    Point,
    alive_since,
    begins_with,
    changed,
    contradiction,
)
from meterbook.licensing.verdicts import (
    EXCUSABLE,
    Accepted,
    Inert,
    Nothing,
    Notice,
    Refusal,
    Refused,
)


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from meterbook.licensing.months import LicenceMonth
    from meterbook.licensing.reports import Report
    from meterbook.licensing.verdicts import AcceptedReport, Known, Verdict


# Reports are cumulative, so one that was lost is no loss. A number that no installation
# reaches in a lifetime of monthly reports is a mistake, and is not adopted.
SEQUENCES_AHEAD_MAX: Final = 1_000

_TOLERANCE: Final = dt.timedelta(microseconds=TOLERANCE)


def judge(
    report: Report,
    *,
    digest: str,
    known: Known,
    excused: frozenset[Refusal] = frozenset(),
) -> Verdict:
    """
    Return what becomes of a report whose signature is good and trusted.

    Args:
        report: As it was signed.

        digest: Of its text.

        known: What is known of its installation.

        excused: What a person accepts all the same; only EXCUSABLE ones count.
    """
    for one in known.accepted:
        if one.digest == digest:
            reason = f"Report {one.sequence} of epoch {one.epoch} was accepted before."
            return Inert(code=Nothing.DUPLICATE, report=report, reason=reason)

    notices = []
    for found in _findings(report, known):
        if isinstance(found, Notice):
            notices.append(found)
        elif isinstance(found.code, Refusal) and found.code in excused & EXCUSABLE:
            notices.append(Notice(f"excused_{found.code.value}", found.reason))
        else:
            return found
    return Accepted(report=report, notices=tuple(notices))


def _findings(report: Report, known: Known) -> Iterator[Refused | Inert | Notice]:
    """
    Yield what there is to say of a report, in the order of the table.
    """
    stranger = _stranger(report, known)
    if stranger is not None:
        yield stranger
        return
    yield from _against_epochs(report, known)
    head = _head(report, known)
    if head is None:
        yield from _edited_since(report, [one.sequence for one in report.earlier])
    else:
        yield from _against_head(report, head, known)
    yield from _clock(report, head)
    yield from _sequence(report, head)
    yield from _gap(report, known)
    yield from _figures(report, known)
    yield from _others(report, known)


def _refused(report: Report, code: Refusal, reason: str) -> Refused:
    return Refused(code=code, report=report, reason=reason)


def _stranger(report: Report, known: Known) -> Refused | None:
    """
    Return why a report is none of ours, None if it is.
    """
    named = {report.licence_id, *(term.licence_id for term in report.terms)}
    for licence_id in sorted(named):
        licence = known.licences.get(licence_id)
        if licence is None:
            reason = f"No licence {licence_id} was issued here."
            return _refused(report, Refusal.UNKNOWN_LICENCE, reason)
        if licence.customer != report.customer:
            reason = (
                f"Licence {licence_id} is of {licence.customer}, the report of "
                f"{report.customer}."
            )
            return _refused(report, Refusal.NOT_FOR_US, reason)
        if licence.instance not in {None, report.instance}:
            reason = (
                f"Licence {licence_id} is for the installation {licence.instance}, the "
                f"report is of {report.instance}."
            )
            return _refused(report, Refusal.NOT_FOR_US, reason)
    return None


def _head(report: Report, known: Known) -> AcceptedReport | None:
    """
    Return the newest accepted report of this epoch.
    """
    return max(_of(report, known), key=_by_size, default=None)


def _against_epochs(report: Report, known: Known) -> Iterator[Refused | Notice]:
    """
    Look at the epochs of which reports were accepted.
    """
    later = [one for one in known.accepted if one.epoch > report.epoch]
    began = min((one.epoch_began_at for one in later), default=None)
    if began is not None and report.made_at >= began:
        reason = (
            f"Epoch {report.epoch} of this installation still reports, at "
            f"{shown(report.made_at)}, and a later one began at {shown(began)}: two "
            "histories of one installation go on. Give one an identity of its own."
        )
        yield _refused(report, Refusal.CLONED, reason)
    if known.accepted and all(one.epoch < report.epoch for one in known.accepted):
        began_at = shown(report.epoch_began_at)
        detail = f"Epoch {report.epoch} began at {began_at} and counts from there."
        yield Notice("new_epoch", detail)


def _against_head(
    report: Report, head: AcceptedReport, known: Known
) -> Iterator[Refused | Inert | Notice]:
    """
    Look whether the report's book begins with the one that was accepted last.
    """
    listed = {one.sequence: Point(one.size, one.root) for one in report.earlier}
    if listed.get(head.sequence) == head.point:
        since = [sequence for sequence in listed if sequence >= head.sequence]
        yield from _edited_since(report, since)
        return

    ours = Point(report.checkpoint.size, report.checkpoint.root)
    if ours == head.point:
        yield from _figures(report, known)
    if ours in {head.point, *head.earlier, *(one.point for one in _of(report, known))}:
        reason = f"Report {head.sequence} was accepted, which says all this and more."
        yield Inert(code=Nothing.OLDER, report=report, reason=reason)
        return
    accepted = {one.sequence: one.point for one in _of(report, known)}
    shared = [n for n, point in listed.items() if accepted.get(n) == point]
    yield from _edited_since(report, shared)
    yield _other_history(report, head, known)


def _edited_since(report: Report, sequences: Iterable[int]) -> Iterator[Refused]:
    """
    Look whether the book still begins as some earlier reports said.
    """
    for one in report.earlier:
        point = Point(one.size, one.root)
        if one.sequence in sequences and not begins_with(report, point):
            reason = (
                f"The book no longer begins with its {one.size} entries that report "
                f"{one.sequence} was read from: one was changed, taken out or put in."
            )
            yield _refused(report, Refusal.EDITED, reason)


def _other_history(report: Report, head: AcceptedReport, known: Known) -> Refused:
    """
    Return whether a book that does not begin with the accepted one was restored from a
    backup, or is alive beside it.
    """
    roots: dict[int, bytes] = {}
    for one in _of(report, known):
        roots.update((mark.size, mark.root) for mark in one.marks)
        roots.update([*one.earlier, one.point])
    alive = alive_since(report, accepted=roots, size=head.size)
    made_at = to_micros(head.made_at)
    if to_micros(report.made_at) < made_at or (alive is not None and alive < made_at):
        since = "" if alive is None else f" at {format_instant(alive)}"
        reason = (
            f"This book recorded entries{since} that report {head.sequence} knows "
            f"nothing of, which was made at {shown(head.made_at)}: one place, two "
            "histories. Give the copy an identity of its own."
        )
        return _refused(report, Refusal.CLONED, reason)

    reason = (
        f"This book does not know report {head.sequence}, made at "
        f"{shown(head.made_at)}: it goes on from an older place, as a backup does that "
        "was restored. Begin a new epoch: meterbook instance restored."
    )
    return _refused(report, Refusal.RESTORED_BACKUP, reason)


def _clock(report: Report, head: AcceptedReport | None) -> Iterator[Refused]:
    """
    Look whether the clock of the installation went on.
    """
    befores = [
        ("report " + str(head.sequence), head.made_at) if head else None,
        ("its newest entry", report.recorded_to) if report.recorded_to else None,
    ]
    for before in befores:
        if before is not None and report.made_at < before[1] - _TOLERANCE:
            reason = (
                f"The report was made at {shown(report.made_at)}, before {before[0]}, "
                f"at {shown(before[1])}: the clock was set back."
            )
            yield _refused(report, Refusal.CLOCK_SET_BACK, reason)


def _sequence(
    report: Report, head: AcceptedReport | None
) -> Iterator[Refused | Notice]:
    """
    Look how far the number of a report is from the last one's.
    """
    last = 0 if head is None else head.sequence
    skipped = report.sequence - last - 1
    if skipped > SEQUENCES_AHEAD_MAX:
        reason = (
            f"The report has number {report.sequence}, and the last one had {last}: "
            "that is too far ahead to be adopted."
        )
        yield _refused(report, Refusal.FAR_AHEAD, reason)
    elif skipped > 0:
        detail = (
            f"Reports {last + 1} to {report.sequence - 1} were not received; this one "
            "says all that they said."
        )
        yield Notice("reports_not_received", detail)


def _gap(report: Report, known: Known) -> Iterator[Refused | Notice]:
    """
    Look whether the months are those that the licences say, and all of them.
    """
    installed = [known.licences[term.licence_id] for term in report.terms]
    said_before = {month.licence_id for month in known.months}
    vanished = said_before - {licence.licence_id for licence in installed}
    for licence_id in sorted(vanished):
        reason = f"The months of {licence_id} are missing, which were reported before."
        yield _refused(report, Refusal.GAP, reason)

    held = terms(installed)
    if report.terms != tuple(reported_term(term) for term in held):
        reason = "The terms are not those of the licences that the report names."
        yield _refused(report, Refusal.EDITED, reason)
    since = report.epoch_began_at if report.since_epoch else None
    expected = expected_months(held, since=since, until=report.as_of)
    told = {month.month: month for month in report.months}
    missing = [
        month.month.text
        for month in expected
        if month.period.end <= report.as_of and month.month not in told
    ]
    if missing:
        reason = f"Months are missing: {', '.join(missing)}."
        yield _refused(report, Refusal.GAP, reason)
    yield from _other_months(report, expected)
    yield from _not_installed(report, known)


def _other_months(
    report: Report, expected: Sequence[LicenceMonth]
) -> Iterator[Refused]:
    lawful = {
        month.month: (month.period, month.seats, month.meter) for month in expected
    }
    for month in report.months:
        said = (month.period, month.seats, month.meter)
        if lawful.get(month.month) != said:
            reason = f"Month {month.month.text} is not as its licence says."
            yield _refused(report, Refusal.EDITED, reason)


def _not_installed(report: Report, known: Known) -> Iterator[Notice]:
    """
    Look for licences that were issued and have begun, and that the report goes without.
    """
    installed = {term.licence_id for term in report.terms}
    for licence in known.licences.values():
        if (
            licence.customer == report.customer
            and licence.instance in {None, report.instance}
            and licence.licence_id not in installed
            and licence.begins is not None
            and licence.begins <= report.as_of
        ):
            detail = f"Licence {licence.licence_id} has begun and is not installed."
            yield Notice("licence_not_installed", detail)


def _figures(report: Report, known: Known) -> Iterator[Refused | Notice]:
    """
    Look whether months that had ended say what they said before.
    """
    fault = contradiction(report)
    if fault is not None:
        reason = f"The report contradicts itself. {fault}"
        yield _refused(report, Refusal.EDITED, reason)
    head = _head(report, known)
    late = sum(
        one.late for one in report.earlier if head and one.sequence == head.sequence
    )
    for month in report.months:
        before = known.months.get(month.month)
        if before is None or not before.complete:
            continue
        difference = changed(before, month)
        if difference is None:
            continue
        if late:
            detail = f"{month.month.text}: {difference}; {late} entries came late."
            yield Notice("corrected_month", detail)
        else:
            reason = (
                f"Month {month.month.text} had ended and says {difference}, and "
                "nothing was recorded since that says why."
            )
            yield _refused(report, Refusal.EDITED, reason)


def _others(report: Report, known: Known) -> Iterator[Notice]:
    """
    Look whether another history of this installation was seen.
    """
    for one in known.others:
        if one.epoch == report.epoch:
            detail = (
                f"Another history of this installation reported at "
                f"{shown(one.made_at)} and was refused; this one goes on. If both do, "
                "one is a clone."
            )
            yield Notice("other_history", detail)


def _of(report: Report, known: Known) -> list[AcceptedReport]:
    """
    Return the accepted reports of the same epoch.
    """
    return [one for one in known.accepted if one.epoch == report.epoch]


def _by_size(one: AcceptedReport) -> tuple[int, int]:
    return one.size, one.sequence
