"""
Writing proof files: what is handed to somebody who does not have the book.

They are proofs against the checkpoint that was signed last, so that no private key is
needed to write one. How they are read and verified: `services.proofs.evidence`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.foundation.errors import (
    InvalidProofError,
    UnknownEntryError,
    UnknownPlaceError,
)
from meterbook.foundation.instants import format_instant
from meterbook.proof.checkpoints import Checkpoint
from meterbook.proof.keys import encoded
from meterbook.proof.notes import parsed
from meterbook.services.entries.listing import KINDS
from meterbook.services.proofs.evidence import (
    VERSION,
    ConsistencyFile,
    EntryText,
    InclusionFile,
    consistent,
)
from meterbook.services.proofs.proving import consistency, inclusion, origin_of


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.ports import CheckpointRow, Reader, StoredEntry


def inclusion_file(
    reader: Reader, *, place: int | None = None, entry_id: int | None = None
) -> InclusionFile:
    """
    Return the proof that an entry is in the book that was signed last.

    Args:
        reader: The snapshot.

        place: Where the entry stands; or else

        entry_id: Its id.

    Raises:
        UnknownEntryError: There is no such entry.

        UnknownPlaceError: It has no place yet, or no checkpoint covers it.
    """
    entry = _entry(reader, place, entry_id)
    if entry.seq is None:
        message = "The entry has no place yet: let the worker catch up."
        raise UnknownPlaceError(message)
    rows = reader.tree.checkpoints()
    if not rows or rows[-1].size < entry.seq:
        message = (
            f"No signed checkpoint covers place {entry.seq}: sign one with `meterbook"
            " proof checkpoint`."
        )
        raise UnknownPlaceError(message)
    path = inclusion(reader, place=entry.seq, size=rows[-1].size)
    return InclusionFile(
        version=VERSION,
        place=entry.seq,
        entry=_text_of(entry),
        path=[encoded(hash_) for hash_ in path],
        checkpoint=rows[-1].note,
    )


def consistency_file(
    reader: Reader, *, size: int | None = None, old_note: bytes | None = None
) -> ConsistencyFile:
    """
    Return the proof that an earlier checkpoint is the beginning of the last signed one.

    Args:
        reader: The snapshot.

        size: Of a checkpoint that the book has kept; or else

        old_note: The checkpoint of this book that somebody else has kept.

    Raises:
        UnknownPlaceError: No checkpoint was signed at that size, or none since.

        InvalidProofError: It is of another book, or this book has changed since.

        MalformedNoteError: It is no checkpoint.
    """
    rows = reader.tree.checkpoints()
    note = _kept_at(rows, size) if old_note is None else _decoded_note(old_note)
    old = _unverified(note)
    if old.origin != origin_of(reader):
        message = (
            f"The checkpoint is of the book {old.origin}, this one is"
            f" {origin_of(reader)}."
        )
        raise InvalidProofError(message)
    if not rows or rows[-1].size < old.size:
        message = (
            f"No checkpoint was signed at place {old.size} or later: sign one with"
            " `meterbook proof checkpoint`."
        )
        raise UnknownPlaceError(message)
    new = _unverified(rows[-1].note)
    path = consistency(reader, old=old.size, new=new.size)
    if not consistent(old, new, path):
        message = (
            f"The checkpoint at place {old.size} is not a beginning of this book: an"
            " entry was changed since it was signed, or it is of a copy."
        )
        raise InvalidProofError(message)
    return ConsistencyFile(
        version=VERSION,
        old_checkpoint=note,
        path=[encoded(hash_) for hash_ in path],
        checkpoint=rows[-1].note,
    )


def _entry(reader: Reader, place: int | None, entry_id: int | None) -> StoredEntry:
    if place is not None:
        found = reader.entries_at([place])
        if not found:
            message = f"There is no entry at place {place}."
            raise UnknownPlaceError(message)
        return found[0]
    assert entry_id is not None
    entry = reader.entry_by_id(entry_id)
    if entry is None:
        message = f"There is no entry {entry_id}."
        raise UnknownEntryError(message)
    return entry


def _text_of(entry: StoredEntry) -> EntryText:
    return EntryText(
        entry_id=entry.entry_id,
        kind=KINDS[entry.kind],
        source=entry.source,
        id=entry.event_id,
        type=entry.type,
        customer=entry.customer,
        subject=entry.subject_id,
        actor=entry.actor_id,
        time=format_instant(entry.occurred_at),
        time_given=bool(entry.time_given),
        recorded_at=format_instant(entry.recorded_at),
        data=entry.data,
    )


def _kept_at(rows: Sequence[CheckpointRow], size: int | None) -> str:
    notes = {row.size: row.note for row in rows}
    assert size is not None
    if size not in notes:
        signed = ", ".join(map(str, sorted(notes)[-5:])) or "none"
        message = (
            f"No checkpoint was signed at place {size} (the last were: {signed}). If"
            " somebody has one of this book, give its file."
        )
        raise UnknownPlaceError(message)
    return notes[size]


def _decoded_note(note: bytes) -> str:
    parsed(note)
    return note.decode()


def _unverified(note: str) -> Checkpoint:
    text, _ = parsed(note.encode())
    return Checkpoint.from_text(text.decode())
