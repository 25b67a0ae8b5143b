"""
What the vendor's book keeps of usage reports, and what they say together.

A report is kept whole: its text is cut into entries of its own, for an entry holds no
document, and a statement says what it is and what it was read at. Of each epoch of an
installation the last report says what all before it said.
"""

from __future__ import annotations

import hashlib

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from meterbook.foundation.errors import CorruptBook
from meterbook.foundation.instants import to_micros, to_moment
from meterbook.licensing.merging import merge, said_by
from meterbook.licensing.report_reading import read_report
from meterbook.licensing.reports import Mark
from meterbook.licensing.tracing import Point
from meterbook.licensing.verdicts import AcceptedReport
from meterbook.proof.keys import decoded, encoded
from meterbook.proof.notes import parsed
from meterbook.services.entries.stating import (
    STATEMENT_SOURCE,
    state,
    statement_id,
    statements,
)


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence

    from meterbook.licensing.merging import MonthKey, Said
    from meterbook.licensing.reports import Report
    from meterbook.metering.events import Conflict, Duplicate, Recorded
    from meterbook.ports import Reader, Writer
    from meterbook.services.entries.stating import Statement


ACCEPTED_TYPE: Final = "meterbook.report.accepted"
REFUSED_TYPE: Final = "meterbook.report.refused"
PART_TYPE: Final = "meterbook.report.part"

# An entry holds 65,536 bytes; a letter takes up to four.
PART_CHARS_MAX: Final = 15_000

# Places of earlier reports that are remembered with one: twenty years of months.
EARLIER_MAX: Final = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """
    A report that came in from an installation.

    Attributes:
        head: What the next one is compared with.

        received_at: When it came in, by the vendor's clock.

        parts: Of how many entries its text is made; 0 if it was not kept.
    """

    customer: str
    instance: str
    head: AcceptedReport
    received_at: dt.datetime
    parts: int


def keep(
    writer: Writer, report: Report, note: str, *, actor_id: int | None, now: int
) -> Recorded | Duplicate | Conflict:
    """
    Keep a report that was accepted, with its whole text.

    Returns:
        A conflict if another one was accepted under its number.
    """
    digest = digest_of(note)
    texts = [
        note[start : start + PART_CHARS_MAX]
        for start in range(0, len(note), PART_CHARS_MAX)
    ]
    for index, text in enumerate(texts):
        state(
            writer,
            type_=PART_TYPE,
            customer=report.customer,
            body={"text": text},
            actor_id=None,
            occurred_at=to_micros(report.as_of),
            now=now,
            event_id=_part_id(digest, index),
        )
    return state(
        writer,
        type_=ACCEPTED_TYPE,
        customer=report.customer,
        body={**_body(report, digest), "parts": len(texts)},
        actor_id=actor_id,
        occurred_at=to_micros(report.as_of),
        now=now,
        event_id=statement_id(
            "accepted", report.instance, str(report.epoch), str(report.sequence)
        ),
    )


def keep_refused(
    writer: Writer, report: Report, note: str, *, code: str, now: int
) -> None:
    """
    Remember that a report of another history came in.
    """
    digest = digest_of(note)
    state(
        writer,
        type_=REFUSED_TYPE,
        customer=report.customer,
        body={**_body(report, digest), "parts": 0, "code": code},
        actor_id=None,
        occurred_at=to_micros(report.as_of),
        now=now,
        event_id=statement_id("refused", digest),
    )


def digest_of(note: str) -> str:
    """
    Return the digest of the text of a note, whoever signed it.
    """
    text, _ = parsed(note.encode())
    return hashlib.sha256(text).hexdigest()


def received(
    reader: Reader, *, customer: str | None, type_: str = ACCEPTED_TYPE
) -> list[Received]:
    """
    Return the reports of one customer, or of all, in the order in which they came in.
    """
    return [_received(s) for s in statements(reader, customer=customer, type_=type_)]


def newest(reports: Sequence[Received]) -> list[Received]:
    """
    Return the last report of each epoch of each installation.
    """
    heads: dict[tuple[str, str, int], Received] = {}
    for one in reports:
        whose = (one.customer, one.instance, one.head.epoch)
        there = heads.get(whose)
        if there is None or _order(there) < _order(one):
            heads[whose] = one
    return [heads[whose] for whose in sorted(heads)]


def note_of(reader: Reader, one: Received) -> str:
    """
    Return a report that was accepted, byte for byte.

    Raises:
        CorruptBook: A part of it is missing.
    """
    texts = []
    for index in range(one.parts):
        entry = reader.entry(
            source=STATEMENT_SOURCE, event_id=_part_id(one.head.digest, index)
        )
        if entry is None:
            message = f"Part {index} of report {one.head.sequence} is missing."
            raise CorruptBook(message)
        texts.append(msgspec.json.decode(entry.data)["text"])
    return "".join(texts)


def report_of(reader: Reader, one: Received) -> Report:
    """
    Return what a report says that was accepted.
    """
    text, _ = parsed(note_of(reader, one).encode())
    return read_report(text.decode())


def said_together(reader: Reader, *, customer: str | None) -> dict[MonthKey, Said]:
    """
    Return what all accepted reports say together.
    """
    together: dict[MonthKey, Said] = {}
    for one in newest(received(reader, customer=customer)):
        said = said_by(report_of(reader, one), digest=one.head.digest)
        together = merge(together, said)
    return together


def _body(report: Report, digest: str) -> dict[str, object]:
    point = report.checkpoint
    return {
        "digest": digest,
        "instance": report.instance,
        "epoch": report.epoch,
        "epoch_began_at": to_micros(report.epoch_began_at),
        "sequence": report.sequence,
        "made_at": to_micros(report.made_at),
        "origin": point.origin,
        "size": point.size,
        "root": encoded(point.root),
        "marks": [[m.size, encoded(m.root), m.recorded_at] for m in report.marks],
        "earlier": [
            [one.size, encoded(one.root)] for one in report.earlier[-EARLIER_MAX:]
        ],
    }


class _Body(msgspec.Struct):
    """
    The same as it is read back.
    """

    digest: str
    instance: str
    epoch: int
    epoch_began_at: int
    sequence: int
    made_at: int
    size: int
    root: str
    marks: list[tuple[int, str, int]]
    earlier: list[tuple[int, str]]
    parts: int


def _received(said: Statement) -> Received:
    body = msgspec.convert(dict(said.body), _Body)
    return Received(
        customer=said.customer,
        instance=body.instance,
        received_at=to_moment(said.recorded_at),
        parts=body.parts,
        head=AcceptedReport(
            digest=body.digest,
            epoch=body.epoch,
            epoch_began_at=to_moment(body.epoch_began_at),
            sequence=body.sequence,
            made_at=to_moment(body.made_at),
            size=body.size,
            root=_hash(body.root),
            marks=tuple(Mark(n, _hash(root), at) for n, root, at in body.marks),
            earlier=tuple(Point(n, _hash(root)) for n, root in body.earlier),
        ),
    )


def _hash(text: str) -> bytes:
    content = decoded(text)
    assert content is not None
    return content


def _part_id(digest: str, index: int) -> str:
    return statement_id("part", digest, str(index))


def _order(one: Received) -> tuple[int, int]:
    return one.head.size, one.head.sequence
