"""
Answers: what became of each event that was offered to the book.

::

    offers + rows + what the store appended  -->  Recorded | Duplicate | Conflict

An event that is new may still be odd (see `services.entries.noticing`); one whose
identity was known is compared with the entry that has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.metering.events import Conflict, Duplicate, Recorded, Refused
from meterbook.services.entries.naming import Named, names_of
from meterbook.services.entries.noticing import (
    ONLY_UNMATCHED,
    UNATTRIBUTED,
    warnings_of,
)
from meterbook.services.entries.rows import is_same


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from meterbook.metering.admission import Admitted
    from meterbook.metering.events import Event, Recording
    from meterbook.ports import Appended, Known, NewEntry, Reader, Writer
    from meterbook.services.meters.compiling import ActiveMeter

    # The rows, what became of them, and which of them nobody pays for.
    Done: TypeAlias = tuple[list[NewEntry], Appended, set[int]]


def answers_to(
    events: Sequence[Event],
    offers: Sequence[Admitted],
    done: Done,
    *,
    meters: Mapping[str, Sequence[ActiveMeter]],
    reading: Callable[[], AbstractContextManager[Reader]],
) -> list[Recording]:
    """
    Return what became of each of *events*, and what is to be noticed about new ones.

    Args:
        events: All of which were admitted,

        offers: as these.

        done: The rows that were made of them, and what the store did with them.

        meters: By the type of event that they read.

        reading: Opens the book, should an entry have to be looked at.
    """
    rows, appended, unpaid = done
    outcomes: list[Recording] = [
        Recorded(
            entry_id,
            warnings_of(meters[row[3]], event, row)
            if row[3] in meters
            else ONLY_UNMATCHED,
        )
        for event, row, entry_id in zip(events, rows, appended.entry_ids, strict=True)
    ]
    for index in unpaid:
        outcome = outcomes[index]
        assert isinstance(outcome, Recorded)
        warnings = (*outcome.warnings, UNATTRIBUTED)
        outcomes[index] = Recorded(outcome.entry_id, warnings)
    if appended.known:
        _judge(offers, rows, appended.known, outcomes, reading)
    return outcomes


def in_order(
    offers: Sequence[Admitted | Refused], answers: Sequence[Recording]
) -> list[Recording]:
    """
    Return an answer for each of *offers*: *answers* are those to what was admitted.
    """
    left = iter(answers)
    return [offer if isinstance(offer, Refused) else next(left) for offer in offers]


def without_unused(
    writer: Writer, fresh: Named, rows: Sequence[NewEntry], appended: Appended
) -> Named:
    """
    Take back the names that were given only for rows that turned out to be known.

    Else the retry of an event would bring back the name of who was erased since.
    """
    new = [row for index, row in enumerate(rows) if index not in appended.known]
    used = {row[4] for row in new} | {row[5] for row in new}
    gone = writer.unname_people(set(fresh.ids.values()) - used)
    ids = {name: person for name, person in fresh.ids.items() if person not in gone}
    return Named(ids, fresh.erasures)


def _judge(
    offers: Sequence[Admitted],
    rows: Sequence[NewEntry],
    known: Mapping[int, Known],
    outcomes: list[Recording],
    reading: Callable[[], AbstractContextManager[Reader]],
) -> None:
    """
    Put Duplicate or Conflict for each row whose identity was *known*.
    """
    others = []
    for index, entry in known.items():
        if entry.fingerprint == rows[index][11]:
            outcomes[index] = Duplicate(entry.entry_id)
        else:
            outcomes[index] = Conflict(entry.entry_id)
            others.append((index, entry))
    if others:
        _look_for_erased(offers, others, outcomes, reading)


def _look_for_erased(
    offers: Sequence[Admitted],
    others: Sequence[tuple[int, Known]],
    outcomes: list[Recording],
    reading: Callable[[], AbstractContextManager[Reader]],
) -> None:
    """
    Put Duplicate for those *others* that differ only because a name was erased.

    A retry after an erasure states the name, which has another number by now.
    """
    people = {entry.subject_id for _, entry in others}
    people |= {entry.actor_id for _, entry in others}
    with reading() as reader:
        names = names_of(reader, people)
    for index, entry in others:
        if is_same(offers[index], entry, names):
            outcomes[index] = Duplicate(entry.entry_id)
