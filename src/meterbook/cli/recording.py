"""
Recording a file: read as it is recorded, a batch at a time, and summed up at the end.

::

    lines --> batch of 5,000 --> the book --> outcomes --> tally
                                    |
                                 worker, at the end

However long the file is, one batch is in memory. What a batch answered is durable; what
was not answered is not in the book, so after a failure the same file is recorded again.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import Counter
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import typer

from meterbook.cli.csv_rows import events_of
from meterbook.cli.files import lines_of
from meterbook.cli.held_rows import document_of_row
from meterbook.cli.progress import Telling
from meterbook.cli.rendering import counted, print_json, printable
from meterbook.foundation.errors import MeterbookError
from meterbook.metering.cloudevents import DOCUMENT_BYTES_MAX, too_large
from meterbook.metering.events import Conflict, Duplicate, Event, Recorded, Refused


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterbook.app import Book
    from meterbook.cli.csv_mapping import Mapping
    from meterbook.cli.files import Input
    from meterbook.metering.events import Recording


# What is in memory at a time: some 5 MB of usual events.
BATCH_EVENTS: Final = 5_000

# How many faults are printed one by one; --json prints all.
FAULTS_SHOWN_MAX: Final = 20


class Told(NamedTuple):
    """
    What a line of a file says.

    Attributes:
        line: Its number, from 1; of a row of several lines, the last.

        what: A document, an event, or why it is neither.

        text: Of a row that is refused: as it stands in the file.
    """

    line: int
    what: bytes | Event | Refused
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Tally:
    """
    What became of a file's events.

    Attributes:
        as_json: Whether each outcome is printed, not only those that need a look.

        counts: How many of each outcome.

        warnings: How many of each warning.
    """

    as_json: bool
    counts: Counter[type[Recording]] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> int:
        """
        How many events are not in the book as their source states them.
        """
        return self.counts[Refused] + self.counts[Conflict]

    @property
    def total(self) -> int:
        """
        How many events were answered.
        """
        return self.counts.total()

    def add(self, line: int, outcome: Recording) -> None:
        """
        Count the outcome of a line, and print it if somebody must look.
        """
        self.counts[type(outcome)] += 1
        if isinstance(outcome, Recorded):
            self.warnings.update(warning.code for warning in outcome.warnings)
        if self.as_json:
            print_json({"line": line, **_outcome(outcome)})
        elif isinstance(outcome, Refused | Conflict) and (
            self.faults <= FAULTS_SHOWN_MAX
        ):
            typer.echo(f"line {line}: {_fault(outcome)}", err=True)

    def print_summary(self) -> None:
        """
        Print how many there were of each outcome and warning.
        """
        hidden = self.faults - FAULTS_SHOWN_MAX
        if hidden > 0 and not self.as_json:
            typer.echo(f"and {hidden:,} more: --json prints all", err=True)
        # Under --json, stdout holds outcomes and nothing else.
        typer.echo(self.summary(), err=self.as_json)
        if self.warnings:
            kinds = ", ".join(f"{n:,} {code}" for code, n in self.warnings.items())
            typer.echo(f"warnings: {kinds}", err=self.as_json)

    def summary(self) -> str:
        """
        Return it in words, as in "2 recorded, 1 duplicate".
        """
        said: dict[type[Recording], str] = {
            Recorded: f"{self.counts[Recorded]:,} recorded",
            Duplicate: counted(self.counts[Duplicate], "duplicate"),
            Conflict: counted(self.counts[Conflict], "conflict"),
            Refused: f"{self.counts[Refused]:,} refused",
        }
        words = ", ".join(text for kind, text in said.items() if self.counts[kind])
        if self.counts[Recorded]:
            return words

        return f"{words or 'no events'}, nothing changed"


def record_all(  # noqa: D417 - what is said of the file is in Input
    book: Book,
    told: Iterator[Told],
    tally: Tally,
    *,
    given: Input,
    quarantine: bool,
    work_after: bool,
) -> None:
    """
    Record what a file says, and print what became of it.

    Args:
        book: Where.

        told: What each line says.

        tally: Counts the outcomes; also what was done before an error.

        quarantine: Whether to keep refused documents and events.

        work_after: Whether to let the worker catch up.
    """
    try:
        with Telling(total=given.size) as telling:
            for batch in _batches(told):
                outcomes = _record(book, batch, quarantine=quarantine)
                for line, outcome in zip(batch, outcomes, strict=True):
                    tally.add(line.line, outcome)
                done = given.raw.tell() if given.size is not None else 0
                telling.advance("events", tally.total, done=done)
    except BaseException:
        # Under --json stderr is for the error alone.
        if tally.total and not tally.as_json:
            tally.print_summary()
        raise
    tally.print_summary()
    if work_after:
        _work(book)


def _batches(told: Iterator[Told]) -> Iterator[list[Told]]:
    """
    Yield what is *told* in lists of BATCH_EVENTS, also what came before an error.
    """
    batch: list[Told] = []
    try:
        for one in told:
            batch.append(one)
            if len(batch) == BATCH_EVENTS:
                yield batch
                batch = []
    except (MeterbookError, OSError):
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _record(book: Book, batch: Sequence[Told], *, quarantine: bool) -> list[Recording]:
    """
    Record one batch and answer for each line of it.
    """
    rows = [
        document_of_row(told.line, told.what, told.text)
        for told in batch
        if told.text and isinstance(told.what, Refused)
    ]
    if rows and quarantine:
        book.record_json(rows, quarantine=True)

    documents = [told.what for told in batch if isinstance(told.what, bytes)]
    events = [told.what for told in batch if isinstance(told.what, Event)]
    answers = iter(
        book.record_json(documents, quarantine=quarantine)
        if documents
        else book.record(events, quarantine=quarantine)
    )
    return [
        told.what if isinstance(told.what, Refused) else next(answers) for told in batch
    ]


def _work(book: Book) -> None:
    """
    Let the worker catch up, or leave it to the one that is at work.

    A courtesy: what was recorded is durable, and readings look at the rest themselves.
    """
    done = 0
    try:
        with Telling() as telling:
            while not (step := book.work(until_caught_up=False)).idle and not step.busy:
                done += step.posted + step.rolled
                telling.tell("entries posted", done)
    except MeterbookError as error:
        sentence = f"warning: the worker could not catch up: {error}"
        typer.echo(sentence, err=True)


def documents_in(raw: IO[bytes]) -> Iterator[Told]:
    """
    Yield each line of *raw* that is not blank.

    A line that is longer than any document is refused here: it is not read whole.
    """
    number = 0
    while line := raw.readline(DOCUMENT_BYTES_MAX + 2):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if len(line) > DOCUMENT_BYTES_MAX:
            if not line.endswith(b"\n"):
                _skip_line(raw)
            line = line.rstrip(b"\r\n")
        if len(line) > DOCUMENT_BYTES_MAX:
            yield Told(number, too_large())
        elif not line.isspace():
            yield Told(number, line)


def _skip_line(raw: IO[bytes]) -> None:
    while (rest := raw.readline(DOCUMENT_BYTES_MAX)) and not rest.endswith(b"\n"):
        pass


def rows_in(given: Input, mapping: Mapping) -> Iterator[Told]:
    """
    Yield what each row of a CSV file says.
    """
    lines = lines_of(given.raw)
    try:
        for line, event, text in events_of(lines, mapping):
            yield Told(line, event, text if isinstance(event, Refused) else "")
    finally:
        lines.detach()


def _outcome(outcome: Recording) -> dict[str, object]:
    """
    Return an outcome as its JSON document.
    """
    match outcome:
        case Recorded():
            warnings = list(outcome.warnings)
            said: dict[str, object] = {"entry_id": outcome.entry_id}
            return {"outcome": "recorded", **said, "warnings": warnings}
        case Duplicate():
            return {"outcome": "duplicate", "entry_id": outcome.entry_id}
        case Conflict():
            return {"outcome": "conflict", "entry_id": outcome.entry_id}
        case Refused():
            said = {"code": outcome.code, "field": outcome.field}
            return {"outcome": "refused", **said, "reason": outcome.reason}


def _fault(outcome: Refused | Conflict) -> str:
    """
    Return what is wrong with an event, for people.
    """
    if isinstance(outcome, Refused):
        return f"refused: {printable(outcome.reason)}"

    return (
        f"conflict: entry {outcome.entry_id} has this source and id, with other content"
    )
