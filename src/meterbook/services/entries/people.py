"""
People: what the book keeps of somebody, and forgetting who they were.

Entries hold a number where the source stated a subject or an actor. *Erasing* deletes
the one row that says whose number it is. The usage stays, since others must pay for it;
nobody can tell any more whose it was, and a name that comes back is somebody new.

What a source wrote into `data`, an event's id or a reason is the source's affair: names
do not belong there, and cannot be found there.
"""

from __future__ import annotations

import re

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import format_instant
from meterbook.ports import ERASURES_SETTING, EntryQuery
from meterbook.services.entries.controls import check_accountable
from meterbook.services.entries.listing import pages, views
from meterbook.services.entries.naming import person_id_of
from meterbook.services.worker.draining import drain_all


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meterbook.ports import Clock, QuarantineRow, Reader, Store, Writer
    from meterbook.services.entries.recording import Recorder


# What is read at a time.
PAGE_ENTRIES = 1_000

# By person: that they were erased, when, by whom, and why. No name.
ERASED_SETTING: Final = "erased."

# What JSON may write after a backslash, instead of a character's number.
_SHORT_ESCAPES: Final = {
    '"': rb"\"",
    "\\": rb"\\",
    "/": rb"\/",
    "\b": rb"\b",
    "\f": rb"\f",
    "\n": rb"\n",
    "\r": rb"\r",
    "\t": rb"\t",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """
    What is left of somebody who was erased.

    Attributes:
        person_id: Their number, for ever: entries show `person-<number>`.

        entry_count: How many numbered entries keep that number.

        quarantine_ids: Held documents that name them: they were never recorded, and
            are kept as received. Replay or discard them: that takes their bytes.
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

            recorder: Remembers names.

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

    def _erase(self, name: str, *, actor: str, reason: str) -> Erasure:
        now = self._clock.now()
        with self._store.writing() as writer:
            # Else a change that waits would bring the name back.
            drain_all(writer)
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
            _blank_resolved(writer, name)
            return Erasure(
                person_id=person_id,
                entry_count=_entry_count(writer, person_id),
                quarantine_ids=tuple(
                    row.quarantine_id for row in _naming(writer, name, held=True)
                ),
            )


def _entry_count(reader: Reader, person_id: int) -> int:
    query = EntryQuery(subject_id=person_id)
    return sum(len(page) for page in pages(reader, query, size=PAGE_ENTRIES))


def _blank_resolved(writer: Writer, name: str) -> None:
    """
    Take the bytes of documents in which *name* is written, and which are not held.

    There are some only where an older version resolved them.
    """
    for row in list(_naming(writer, name, held=False)):
        assert row.resolved_at is not None
        writer.resolve_quarantined(
            quarantine_id=row.quarantine_id, state=row.state, at=row.resolved_at
        )


def _naming(reader: Reader, name: str, *, held: bool) -> Iterator[QuarantineRow]:
    """
    Yield the quarantined documents in which *name* is written anywhere.
    """
    written = _spellings(name)
    after = 0
    while rows := reader.quarantined(after=after, limit=PAGE_ENTRIES, held=held):
        yield from (row for row in rows if written.search(row.document))
        after = rows[-1].quarantine_id


def _spellings(name: str) -> re.Pattern[bytes]:
    r"""
    Return what finds *name* in JSON: each character as it is, as `\\u` and its number
    in hexadecimal of either case, or as a short escape.
    """
    return re.compile(b"".join(map(_spelled, name)))


def _spelled(character: str) -> bytes:
    units = character.encode("utf-16-be").hex()
    starts = range(0, len(units), 4)
    numbers = "".join(rf"\\u(?i:{units[start : start + 4]})" for start in starts)
    ways = [re.escape(character.encode()), numbers.encode()]
    if short := _SHORT_ESCAPES.get(character):
        ways.append(re.escape(short))
    return b"(?:" + b"|".join(ways) + b")"
