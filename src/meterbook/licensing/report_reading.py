"""
Reading a usage report: its text becomes a value, or it is said why it cannot.

What is read has been verified before, or is shown as not verified. Sections and fields
that this version does not know are passed over: a later one may say more. What it does
know must be whole, in order, and possible.
"""

from __future__ import annotations

import enum

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import msgspec

from meterbook.foundation.errors import (
    InvalidInstantError,
    InvalidKeyError,
    InvalidPeriodError,
    InvalidReportError,
    MalformedNoteError,
)
from meterbook.foundation.instants import parse_utc, to_micros
from meterbook.foundation.periods import Period
from meterbook.licensing.licences import OPEN, SEATS_MAX, UNLIMITED, VERSION_MAX, Mode
from meterbook.licensing.lines import Fields, is_id, sections, whole_of
from meterbook.licensing.months import MonthId
from meterbook.licensing.reports import (
    COMPLETE,
    EVERYTHING,
    IN_PROGRESS,
    SINCE_EPOCH,
    TITLE,
    EarlierReport,
    Mark,
    Report,
    ReportedMonth,
    ReportedTerm,
    Total,
)
from meterbook.licensing.timelines import Resolution
from meterbook.metering.seats import Knowledge, LevelChange
from meterbook.proof.checkpoints import SIZE_MAX, Checkpoint
from meterbook.proof.keys import VerifierKey, decoded
from meterbook.proof.merkle import HASH_BYTES


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence


# Ten years of months said by the hour are 4 MB.
REPORT_CHARS_MAX: Final = 16 * 1024 * 1024

# More than any installation has ever made, or any contract has had.
SEQUENCE_MAX: Final = 10**9
NUMBER_MAX: Final = 10**6
SCALE_MAX: Final = 12

_Choice = TypeVar("_Choice", bound=enum.StrEnum)


def read_report(text: str) -> Report:
    """
    Return the report that *text* is, which is what was signed.

    Raises:
        InvalidReportError: It is no report, or one that cannot be.
    """
    if len(text) > REPORT_CHARS_MAX:
        message = f"The report has more than {REPORT_CHARS_MAX} characters."
        raise InvalidReportError(message)
    [title, *head], *rest = sections(text)
    if title != TITLE:
        message = f"This is no usage report: its first line is not {TITLE!r}."
        raise InvalidReportError(message)

    by_kind: dict[str, list[list[str]]] = {}
    for section in rest:
        by_kind.setdefault(section[0].partition(":")[0], []).append(section)
    fields = Fields("report", head, fault=InvalidReportError)
    report = Report(
        version=fields.need_whole("version", least=1, most=VERSION_MAX),
        licence_id=_id(fields, "licence"),
        licensee=fields.named("licensee"),
        customer=fields.named("customer"),
        instance=fields.named("instance"),
        key=_key(fields),
        epoch=fields.need_whole("epoch", least=1, most=SEQUENCE_MAX),
        epoch_began_at=fields.need_moment("epoch-began-at"),
        since_epoch=_either(fields, "counts", yes=SINCE_EPOCH, no=EVERYTHING),
        sequence=fields.need_whole("sequence", least=1, most=SEQUENCE_MAX),
        made_at=fields.need_moment("made-at"),
        as_of=fields.need_moment("as-of"),
        checkpoint=_checkpoint(fields),
        recorded_from=fields.moment("recorded-from", zone="UTC"),
        recorded_to=fields.moment("recorded-to", zone="UTC"),
        terms=tuple(_term(section) for section in by_kind.get("term", [])),
        months=tuple(_month(section) for section in by_kind.get("month", [])),
        earlier=tuple(_earlier(section) for section in by_kind.get("report", [])),
        marks=_marks(by_kind.get("marks", [])),
        unknown=fields.left(),
    )
    _check(report)
    return report


def _check(report: Report) -> None:
    """
    Check that the parts of a report can be true together.
    """
    sizes = [one.size for one in report.earlier]
    ahead = [*sizes, report.checkpoint.size]
    orders = (
        ("months", [month.period.start_us for month in report.months]),
        ("earlier reports", [one.sequence for one in report.earlier]),
        ("checkpoints of earlier reports", ahead),
        ("marks", [mark.size for mark in report.marks]),
    )
    for what, numbers in orders:
        if any(a >= b for a, b in pairwise(numbers)):
            _refuse(f"the {what} are not in order, or one is there twice")
    if report.marks and report.marks[-1].size > report.checkpoint.size:
        _refuse("a mark is beyond the checkpoint")
    if any(one.sequence >= report.sequence for one in report.earlier):
        _refuse("an earlier report has a later number")
    if any(a.period.end > b.period.start for a, b in pairwise(report.months)):
        _refuse("two months have days in common")
    for month in report.months:
        if month.complete != (month.period.end <= report.as_of):
            _refuse(f"month {month.month.text} is not as complete as it says")
        if month.period.start > report.as_of:
            _refuse(f"month {month.month.text} has not begun")


def _term(lines: list[str]) -> ReportedTerm:
    fields = Fields("section of a term", lines, fault=InvalidReportError)
    open_ended = fields.has("to", OPEN)
    return ReportedTerm(
        licence_id=_id(fields, "term"),
        mode=_choice(fields, "mode", Mode),
        seats=_seats(fields, "seats"),
        meter=fields.take("meter"),
        start=fields.moment("from", zone="UTC"),
        end=None if open_ended else fields.need_moment("to"),
    )


def _month(lines: list[str]) -> ReportedMonth:
    stated = [line for line in lines if line[:1].isalpha()]
    levels = [line for line in lines if line[:1].isdigit()]
    named = [line for line in lines if line.startswith('"')]
    fields = Fields("section of a month", stated, fault=InvalidReportError)
    month = _month_id(fields)
    start, end = fields.need_moment("from"), fields.need_moment("to")
    if start >= end:
        fields.refuse(f"month {month.text} does not end after its start")
    count = fields.whole("members-at-peak", least=0, most=SEATS_MAX)
    if count is not None and count != len(named):
        fields.refuse(f"month {month.text} names {len(named)} members of {count}")
    period = Period(start, end)
    return ReportedMonth(
        month=month,
        meter=fields.named("meter"),
        period=period,
        complete=_either(fields, "state", yes=COMPLETE, no=IN_PROGRESS),
        knowledge=_choice(fields, "knowledge", Knowledge),
        peak_units=fields.need_whole("peak", least=0, most=SIZE_MAX),
        peak_at=fields.moment("reached-at", zone="UTC"),
        end_units=fields.need_whole("at-end", least=0, most=SIZE_MAX),
        seats=_seats(fields, "purchased"),
        resolution=_choice(fields, "levels", Resolution),
        levels=_levels(levels, period),
        totals=tuple(_total(text) for text in fields.take_all("total")),
        members=None if count is None else tuple(_member(line) for line in named),
    )


def _levels(lines: Sequence[str], period: Period) -> tuple[LevelChange, ...]:
    levels = []
    last = period.start_us - 1
    for line in lines:
        written_at, _, written_units = line.partition(" ")
        at, units = to_micros(_moment(written_at)), whole_of(written_units)
        if units is None or not last < at < period.end_us:
            _refuse(
                f"the level {line[:60]!r} is no level, or out of order or its month"
            )
        levels.append(LevelChange(at, units))
        last = at
    return tuple(levels)


def _earlier(lines: list[str]) -> EarlierReport:
    fields = Fields("section of an earlier report", lines, fault=InvalidReportError)
    size, _, root = fields.need("checkpoint").partition(" ")
    proof = fields.take("proof")
    return EarlierReport(
        sequence=fields.need_whole("report", least=1, most=SEQUENCE_MAX),
        made_at=fields.need_moment("made-at"),
        size=_size(size),
        root=_hash(root),
        late=fields.whole("late-entries", least=0, most=SIZE_MAX) or 0,
        proof=() if proof is None else tuple(_hash(part) for part in proof.split(" ")),
    )


def _marks(found: Sequence[list[str]]) -> tuple[Mark, ...]:
    if len(found) > 1:
        _refuse("marks stand in two sections")
    return tuple(_mark(line) for section in found for line in section[1:])


def _mark(line: str) -> Mark:
    parts = line.split(" ")
    if len(parts) != len(Mark._fields):
        _refuse(f"the mark {line[:60]!r} is not a size, a root and a moment")
    size, root, recorded_at = parts
    return Mark(_size(size), _hash(root), to_micros(_moment(recorded_at)))


def _checkpoint(fields: Fields) -> Checkpoint:
    origin, *rest = fields.need("checkpoint").rsplit(" ", 2)
    try:
        return Checkpoint.from_text("\n".join([origin, *rest, ""]))
    except MalformedNoteError as error:
        message = f"In the report, checkpoint cannot be used. {error}"
        raise InvalidReportError(message) from error


def _key(fields: Fields) -> VerifierKey:
    try:
        return VerifierKey.from_text(fields.need("instance-key"))
    except InvalidKeyError as error:
        message = f"In the report, instance-key cannot be used. {error}"
        raise InvalidReportError(message) from error


def _month_id(fields: Fields) -> MonthId:
    text = fields.need("month")
    number, _, licence_id = text.partition(" of ")
    whole = whole_of(number)
    if whole is None or not 1 <= whole <= NUMBER_MAX or not is_id(licence_id):
        fields.refuse(f"month {text[:60]!r} is not a number of a licence")
    return MonthId(licence_id, whole)


def _total(text: str) -> Total:
    meter, _, number = text.partition(" ")
    whole, point, part = number.removeprefix("-").partition(".")
    digits = f"{whole}{part}"
    possible = meter and whole and bool(part) == bool(point) and len(part) <= SCALE_MAX
    if not (possible and digits.isascii() and digits.isdigit()):
        _refuse(f"the total {text[:60]!r} is not a meter and a decimal number")
    units = -int(digits) if number.startswith("-") else int(digits)
    return Total(meter, units, len(part))


def _member(line: str) -> str:
    try:
        return msgspec.json.decode(line, type=str)
    except msgspec.DecodeError as error:
        message = f"In the report, the member {line[:60]!r} cannot be read."
        raise InvalidReportError(message) from error


def _id(fields: Fields, name: str) -> str:
    value = fields.need(name)
    if not is_id(value):
        fields.refuse(f"{name} is {value[:40]!r}, which is no name of a licence")
    return value


def _seats(fields: Fields, name: str) -> int | None:
    if fields.has(name, UNLIMITED):
        return None
    return fields.need_whole(name, least=1, most=SEATS_MAX)


def _either(fields: Fields, name: str, *, yes: str, no: str) -> bool:
    value = fields.need(name)
    if value not in {yes, no}:
        fields.refuse(f"{name} is {value[:40]!r}: it is {yes} or {no}")
    return value == yes


def _choice(fields: Fields, name: str, kind: type[_Choice]) -> _Choice:
    value = fields.need(name)
    if value not in {one.value for one in kind}:
        choices = ", ".join(one.value for one in kind)
        fields.refuse(f"{name} is {value[:40]!r}: it is one of {choices}")
    return kind(value)


def _size(text: str) -> int:
    size = whole_of(text)
    if size is None or size > SIZE_MAX:
        _refuse(f"{text[:40]!r} is no number of entries")
    return size


def _hash(text: str) -> bytes:
    content = decoded(text)
    if content is None or len(content) != HASH_BYTES:
        _refuse(f"{text[:60]!r} is no hash in Base64")
    return content


def _moment(text: str) -> dt.datetime:
    try:
        return parse_utc(text)
    except (InvalidInstantError, InvalidPeriodError) as error:
        message = f"In the report, {error}"
        raise InvalidReportError(message) from error


def _refuse(sentence: str) -> NoReturn:
    message = f"In the report, {sentence}."
    raise InvalidReportError(message)
