"""
People: what the book keeps of somebody, and forgetting who they were.

Entries hold a number where the source stated a subject or an actor. *Erasing* deletes
the one row that says whose number it is. The usage stays, since others must pay for it;
nobody can tell any more whose it was, and a name that comes back is somebody new.

What a source wrote into `data`, an event's id or a reason is the source's affair: names
do not belong there, and cannot be found there.
"""

from __future__ import annotations

import json

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import format_instant
from meterbook.ports import EntryQuery
from meterbook.services.controls import check_accountable
from meterbook.services.listing import pages, views
from meterbook.services.naming import ERASURES_SETTING, person_id_of


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meterbook.ports import Clock, Reader, Store
    from meterbook.services.recording import Recorder


# What is read at a time.
PAGE_ENTRIES = 1_000

# By person: that they were erased, when, by whom, and why. No name.
ERASED_SETTING: Final = "erased."


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """
    What is left of somebody who was erased.

    Attributes:
        person_id: Their number, for ever: entries show `person-<number>`.

        entry_count: How many numbered entries keep that number.

        quarantine_ids: Held documents that name them: they were never recorded, and
            are kept as received. Replay or discard them.
    """

    person_id: int
    entry_count: int
    quarantine_ids: tuple[int, ...]


class Registry:
    """
    The people that the book knows by name.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        recorder: Recorder,
        work_first: Callable[[], None],
    ) -> None:
        """
        Args:
            store: The book's store.

            clock: Its clock.

            recorder: Knows the ids of people.

            work_first: Lets the worker catch up, where it runs here: what has no place
                cannot be listed.
        """
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._work_first = work_first

    def export(self, name: str) -> Iterator[dict[str, object]]:
        """
        Return every numbered entry in which *name* is subject or actor, in order.

        As JSON values, but that numbers with a fraction are Decimal. What the worker
        has not numbered yet is not among them: work first.

        Raises:
            UnknownSubjectError: If the book knows nobody of this name.
        """
        self._work_first()
        with self._store.reading() as reader:
            query = EntryQuery(subject_id=person_id_of(reader, name))
        return self._export(query)

    def _export(self, query: EntryQuery) -> Iterator[dict[str, object]]:
        """
        Yield the entries of *query*; between two pages nothing is held open.
        """
        after: int | None = 0
        while after is not None:
            with self._store.reading() as reader:
                page = reader.entries(query, after=after, limit=PAGE_ENTRIES)
                found = views(reader, page)
            for view in found:
                yield msgspec.to_builtins(view, builtin_types=(Decimal,))
            after = page[-1].seq if len(page) == PAGE_ENTRIES else None

    def erase(self, name: str, *, actor: str, reason: str) -> Erasure:
        """
        Forget who *name* was, for ever.

        That it was done is kept: when, by whom, and why, under the number.

        Args:
            name: Whose name.

            actor: Who says so, by name; it may be *name*, and is forgotten then.

            reason: Why. It must not contain *name*.

        Raises:
            UnknownSubjectError: If the book knows nobody of this name.

            InvalidQueryError: If *actor* or *reason* is missing, or names them.
        """
        check_accountable(actor=actor, reason=reason)
        if name and name.casefold() in reason.casefold():
            message = "reason contains the name that is to be forgotten: leave it out."
            raise InvalidQueryError(message)

        self._work_first()
        try:
            return self._erase(name, actor=actor, reason=reason)
        finally:
            self._recorder.people.forget()
            self._recorder.notices.expire()

    def _erase(self, name: str, *, actor: str, reason: str) -> Erasure:
        now = self._clock.now()
        with self._store.writing() as writer:
            person_id = person_id_of(writer, name)
            ids = writer.name_people([actor])
            note = {"at": format_instant(now), "by": ids[actor], "reason": reason}
            writer.set_setting(
                name=f"{ERASED_SETTING}{person_id}",
                value=msgspec.json.encode(note).decode(),
            )
            erasures = int(writer.setting(ERASURES_SETTING) or 0) + 1
            writer.set_setting(name=ERASURES_SETTING, value=str(erasures))
            writer.erase_person(person_id)
            return Erasure(
                person_id=person_id,
                entry_count=_entry_count(writer, person_id),
                quarantine_ids=tuple(_quarantined(writer, name)),
            )


def _entry_count(reader: Reader, person_id: int) -> int:
    query = EntryQuery(subject_id=person_id)
    return sum(len(page) for page in pages(reader, query, size=PAGE_ENTRIES))


def _quarantined(reader: Reader, name: str) -> Iterator[int]:
    """
    Yield the ids of held documents in which *name* is written anywhere.
    """
    spellings = (name.encode(), json.dumps(name)[1:-1].encode())
    after = 0
    while rows := reader.quarantined(after=after, limit=PAGE_ENTRIES):
        for row in rows:
            if any(spelling in row.document for spelling in spellings):
                yield row.quarantine_id
        after = rows[-1].quarantine_id
