"""
Accepting usage reports: the vendor's book takes them in, and says what is wrong.

::

    a file --> signature --> whose key? --> continues what was accepted? --> kept whole
                  |              |                     |
               forged       unknown_key        edited, cloned, gap, ...

Checking and keeping are one transaction. A report that is refused as another history of
its installation is remembered, too: when both go on, they are two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import (
    ForgedNoteError,
    InvalidKeyError,
    InvalidReportError,
    MalformedNoteError,
    StoreError,
    UnknownSignerError,
)
from meterbook.foundation.instants import to_moment
from meterbook.licensing.judging import judge
from meterbook.licensing.merging import said_by
from meterbook.licensing.report_reading import read_report
from meterbook.licensing.reports import shown
from meterbook.licensing.verdicts import (
    Accepted,
    Known,
    Notice,
    Refusal,
    Refused,
)
from meterbook.metering.events import Conflict
from meterbook.proof.keys import VerifierKey
from meterbook.proof.notes import open_note, parsed
from meterbook.services.entries.controls import check_accountable
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.trying import persistently
from meterbook.services.installations.licensing import issued
from meterbook.services.vendor.received import (
    REFUSED_TYPE,
    digest_of,
    keep,
    keep_refused,
    newest,
    received,
    report_of,
)
from meterbook.services.vendor.trusting import trust_key, trusted


if TYPE_CHECKING:
    from collections.abc import Collection

    from meterbook.licensing.months import MonthId
    from meterbook.licensing.reports import Report, ReportedMonth
    from meterbook.licensing.verdicts import Verdict
    from meterbook.ports import Clock, Reader, Store, Writer


_KEY_LINE: Final = "instance-key: "

# Refused for being of another history; both are looked at when one goes on.
_OTHERS: Final = frozenset({Refusal.CLONED, Refusal.RESTORED_BACKUP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuse:
    """
    What a person accepts all the same, and why.
    """

    refusals: frozenset[Refusal]
    actor: str
    reason: str


def accept(  # noqa: PLR0913 - a report, and what a person says of it
    store: Store,
    clock: Clock,
    note: bytes,
    *,
    trust: VerifierKey | None = None,
    excuse: Excuse | None = None,
    actor: str | None = None,
) -> Verdict:
    """
    Take in a report, and answer what becomes of it.

    Args:
        store: The vendor's book.

        clock: Its clock.

        note: The report, as it was received.

        trust: A key that a person says is that of the report's installation.

        excuse: What is accepted all the same.

        actor: Who accepts it.

    Raises:
        InvalidQueryError: If an excuse lacks its actor or reason.
    """
    if excuse is not None:
        check_accountable(actor=excuse.actor, reason=excuse.reason)

    def once() -> Verdict:
        now = clock.now()
        with store.writing() as writer:
            return _accepted(
                writer, note, now=now, trust=trust, excuse=excuse, actor=actor
            )

    return persistently(once)


def opened(
    note: bytes, keys: Collection[VerifierKey]
) -> tuple[Report, VerifierKey] | Refused:
    """
    Return a report and the key that has signed it, or why it cannot be believed.

    Args:
        note: As it was received.

        keys: That are trusted, whoever they are of.
    """
    try:
        found = open_note(note, list(keys))
    except MalformedNoteError as error:
        return _refused(Refusal.MALFORMED, str(error))
    except ForgedNoteError as error:
        return _refused(Refusal.FORGED, str(error))
    except UnknownSignerError as error:
        return _unknown(note, str(error))
    try:
        return read_report(found.text), found.keys[0]
    except InvalidReportError as error:
        return _refused(Refusal.MALFORMED, str(error))


def _accepted(  # noqa: PLR0913 - as `accept`
    writer: Writer,
    note: bytes,
    *,
    now: int,
    trust: VerifierKey | None,
    excuse: Excuse | None,
    actor: str | None,
) -> Verdict:
    whose = trusted(writer)
    keys = dict.fromkeys(key for listed in whose.values() for key in listed)
    found = opened(note, [*keys, *([trust] if trust else [])])
    if isinstance(found, Refused):
        return found

    report, key = found
    actor_id = named_now(writer, {actor})[actor]
    mine = [*whose.get((report.customer, report.instance), [])]
    if key not in mine and key != trust:
        return _not_theirs(report, key)

    excused = frozenset[Refusal]() if excuse is None else excuse.refusals
    text = note.decode()
    verdict = judge(
        report, digest=digest_of(text), known=_known(writer, report), excused=excused
    )
    if isinstance(verdict, Refused):
        if verdict.code in _OTHERS:
            keep_refused(writer, report, text, code=verdict.code.value, now=now)
        return verdict
    if not isinstance(verdict, Accepted):
        return verdict

    trust_key(
        writer,
        customer=report.customer,
        instance=report.instance,
        key=key,
        actor_id=actor_id,
        now=now,
    )
    if isinstance(keep(writer, report, text, actor_id=actor_id, now=now), Conflict):
        message = f"Another report {report.sequence} was accepted at the same moment."
        raise StoreError(message, retryable=True)
    return _with_notices(verdict, now=now)


def _known(reader: Reader, report: Report) -> Known:
    """
    Return what is known of the installation that a report says it is of.
    """
    reports = [
        one
        for one in received(reader, customer=report.customer)
        if one.instance == report.instance
    ]
    months: dict[MonthId, ReportedMonth] = {}
    for one in newest(reports):
        if one.head.epoch == report.epoch:
            said = said_by(report_of(reader, one), digest=one.head.digest)
            months.update((key.month, value.month) for key, value in said.items())
    others = received(reader, customer=report.customer, type_=REFUSED_TYPE)
    return Known(
        licences={one.licence.licence_id: one.licence for one in issued(reader)},
        accepted=[one.head for one in reports],
        months=months,
        others=[one.head for one in others if one.instance == report.instance],
    )


def _unknown(note: bytes, said: str) -> Refused:
    """
    Return what is wrong with a report that no trusted key has signed.

    It states its own key. If that one has not signed it either, it was changed.
    """
    text, _ = parsed(note)
    keys = []
    for line in text.decode().split("\n"):
        if line.startswith(_KEY_LINE):
            try:
                keys.append(VerifierKey.from_text(line.removeprefix(_KEY_LINE)))
            except InvalidKeyError as error:
                return _refused(Refusal.FORGED, f"{said} {error}")
    try:
        open_note(note, keys)
    except ForgedNoteError as error:
        return _refused(Refusal.FORGED, str(error))
    except UnknownSignerError:
        return _refused(Refusal.UNKNOWN_KEY, said)
    reason = (
        f"{said} It is signed by the key that it states: if the customer confirms that "
        f"it is theirs, accept it with --trust {keys[0].to_text()}"
    )
    return _refused(Refusal.UNKNOWN_KEY, reason)


def _not_theirs(report: Report, key: VerifierKey) -> Refused:
    reason = (
        f"It is signed by {key.name}, which is trusted, and not for the installation "
        f"{report.instance} of {report.customer}."
    )
    return Refused(code=Refusal.UNKNOWN_KEY, report=report, reason=reason)


def _with_notices(verdict: Accepted, *, now: int) -> Accepted:
    """
    Return *verdict* with what the receiver's own clock says.
    """
    made_at = verdict.report.made_at
    if made_at <= to_moment(now):
        return verdict

    detail = f"It was made at {shown(made_at)}, which is still to come here."
    notice = Notice("made_in_the_future", detail)
    return Accepted(report=verdict.report, notices=(*verdict.notices, notice))


def _refused(code: Refusal, reason: str) -> Refused:
    return Refused(code=code, report=None, reason=reason)
