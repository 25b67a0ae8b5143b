"""
Proof files: what is handed to somebody who does not have the book, and checked there.

::

    inclusion      an entry, word for word    ->  leaf  ->  path  ->  root of a signed
                                                                      checkpoint
    consistency    an old signed checkpoint   ->  path  ->  root of a later one

A file is a JSON document that holds all it needs but the public key: the checkpoints
are in it as the notes that were signed. People are in it as numbers, never by name.
Nothing of a file is believed: the leaf is made from the entry that stands in it, and
what is shown of a file is what was verified.

Laws (tests/services/test_evidence.py):
    - *Whole*: what a book writes verifies with the public key alone.
    - *Tight*: with any value in a file changed, it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import msgspec

from meterbook.foundation.errors import (
    InvalidInstantError,
    InvalidProofError,
    MalformedNoteError,
)
from meterbook.foundation.instants import format_instant, parse_utc, to_micros
from meterbook.metering.admission import fingerprint
from meterbook.proof.checkpoints import Checkpoint
from meterbook.proof.keys import decoded
from meterbook.proof.leaves import LeafRow, leaf_of
from meterbook.proof.merkle import leaf_hash, verify_consistency, verify_inclusion
from meterbook.proof.notes import NOTE_BYTES_MAX, open_note
from meterbook.services.entries.listing import ID_MAX, KINDS


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.proof.keys import VerifierKey

# The form of the files.
VERSION: Final = 1

# An entry of the largest data, and a path and two checkpoints that fit many times.
FILE_BYTES_MAX: Final = NOTE_BYTES_MAX

# What a book can hold. Somebody else has written the file.
_Id: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=ID_MAX)]


class EntryText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An entry as its leaf is made of it.

    Attributes:
        subject: The number that stands for who used it.

        actor: The number that stands for who acted.

        time: When it occurred, in UTC.

        time_given: Whether the source said so; else it is when the book was told.

        recorded_at: When the book was told.

        data: The canonical text of its data, as it is stored.
    """

    entry_id: _Id
    kind: str
    source: str
    id: str
    type: str
    customer: str | None
    subject: _Id | None
    actor: _Id | None
    time: str
    time_given: bool
    recorded_at: str
    data: str


class InclusionFile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="inclusion",
    tag_field="proof",
):
    """
    That an entry stands at a place of a book of which a checkpoint was signed.

    Attributes:
        place: Where the entry stands, from 1.

        path: Hashes in Base64, nearest first.

        checkpoint: The signed note.
    """

    version: int
    place: _Id
    entry: EntryText
    path: list[str]
    checkpoint: str


class ConsistencyFile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="consistency",
    tag_field="proof",
):
    """
    That the book of a checkpoint is the beginning of the book of a later one.

    Attributes:
        old_checkpoint: The signed note of the earlier one.

        path: Hashes in Base64, nearest first.

        checkpoint: The signed note of the later one.
    """

    version: int
    old_checkpoint: str
    path: list[str]
    checkpoint: str


ProofFile: TypeAlias = InclusionFile | ConsistencyFile


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNote:
    """
    A signed note of whatever kind, verified.
    """

    text: str
    signed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCheckpoint:
    """
    A checkpoint, verified.
    """

    checkpoint: Checkpoint
    signed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedInclusion:
    """
    An entry that is in the book of a checkpoint, verified.
    """

    place: int
    entry: EntryText
    checkpoint: Checkpoint
    signed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedConsistency:
    """
    A checkpoint whose book is the beginning of that of a later one, verified.
    """

    old: Checkpoint
    checkpoint: Checkpoint
    signed_by: tuple[str, ...]


Verified: TypeAlias = (
    VerifiedNote | VerifiedCheckpoint | VerifiedInclusion | VerifiedConsistency
)


def file_text(file: ProofFile) -> str:
    """
    Return *file* as it is written: JSON that can be read, with a last line feed.
    """
    return f"{msgspec.json.format(msgspec.json.encode(file), indent=2).decode()}\n"


def verify_file(content: bytes, keys: Sequence[VerifierKey]) -> Verified:
    """
    Return what a file shows to whoever has the public keys: a proof, or a signed note.

    Args:
        content: The bytes of the file as they came.

        keys: Of those who may have signed. One signature of theirs must be good.

    Raises:
        InvalidProofError: It does not show what it says.

        MalformedNoteError: It is no note, or a checkpoint in it is none.

        ForgedNoteError: A signature is not of what it stands under.

        UnknownSignerError: None of *keys* has signed.
    """
    if not content.lstrip().startswith(b"{"):
        return _verified_note(content, keys)

    match _file_from(content):
        case InclusionFile() as file:
            return _verified_inclusion(file, keys)
        case ConsistencyFile() as file:
            return _verified_consistency(file, keys)


def _verified_note(content: bytes, keys: Sequence[VerifierKey]) -> Verified:
    opened = open_note(content, keys)
    try:
        checkpoint = Checkpoint.from_text(opened.text)
    except MalformedNoteError:
        return VerifiedNote(text=opened.text, signed_by=opened.signed_by)
    return VerifiedCheckpoint(checkpoint=checkpoint, signed_by=opened.signed_by)


def _verified_inclusion(
    file: InclusionFile, keys: Sequence[VerifierKey]
) -> VerifiedInclusion:
    opened = open_note(file.checkpoint.encode(), keys)
    checkpoint = Checkpoint.from_text(opened.text)
    shown = verify_inclusion(
        leaf=leaf_hash(_leaf_of(file.entry)),
        index=file.place - 1,
        size=checkpoint.size,
        proof=_path(file.path),
        root=checkpoint.root,
    )
    if not shown:
        message = (
            f"The entry does not stand at place {file.place} of the book that was"
            f" signed at place {checkpoint.size}: the entry, its place or the path was"
            " changed."
        )
        raise InvalidProofError(message)
    return VerifiedInclusion(
        place=file.place,
        entry=file.entry,
        checkpoint=checkpoint,
        signed_by=opened.signed_by,
    )


def _verified_consistency(
    file: ConsistencyFile, keys: Sequence[VerifierKey]
) -> VerifiedConsistency:
    opened = open_note(file.checkpoint.encode(), keys)
    new = Checkpoint.from_text(opened.text)
    old = Checkpoint.from_text(open_note(file.old_checkpoint.encode(), keys).text)
    if old.origin != new.origin:
        message = f"The checkpoints are of two books: {old.origin} and {new.origin}."
        raise InvalidProofError(message)
    if not consistent(old, new, _path(file.path)):
        message = (
            f"The book that was signed at place {old.size} is not shown to be the"
            f" beginning of the one at place {new.size}: entries were changed in"
            " between, or the path was."
        )
        raise InvalidProofError(message)
    return VerifiedConsistency(old=old, checkpoint=new, signed_by=opened.signed_by)


def consistent(old: Checkpoint, new: Checkpoint, path: Sequence[bytes]) -> bool:
    """
    Tell whether *path* shows that the book of *old* is the beginning of that of *new*.
    """
    return verify_consistency(
        old=old.size,
        new=new.size,
        proof=path,
        old_root=old.root,
        new_root=new.root,
    )


def _file_from(content: bytes) -> ProofFile:
    if len(content) > FILE_BYTES_MAX:
        message = f"The file has more than {FILE_BYTES_MAX} bytes: it is no proof."
        raise InvalidProofError(message)
    try:
        file: ProofFile = msgspec.json.decode(
            content, type=InclusionFile | ConsistencyFile
        )
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"This is no proof file: {error}."
        raise InvalidProofError(message) from error
    if file.version != VERSION:
        message = (
            f"The proof is of version {file.version}, and this program reads"
            f" {VERSION}: upgrade meterbook."
        )
        raise InvalidProofError(message)
    return file


def _path(texts: Sequence[str]) -> list[bytes]:
    path = [decoded(text) for text in texts]
    if None in path:
        message = "A hash in the path is not in Base64: the file was changed."
        raise InvalidProofError(message)
    return [hash_ for hash_ in path if hash_ is not None]


def _leaf_of(entry: EntryText) -> bytes:
    """
    Return the leaf of what a file says of an entry.
    """
    kinds: dict[str, int] = {name: kind for kind, name in KINDS.items()}
    if entry.kind not in kinds:
        message = f"The entry in the file is of a kind that no book has: {entry.kind}."
        raise InvalidProofError(message)
    occurred_at = _micros(entry.time)
    content = fingerprint(
        source=entry.source,
        event_id=entry.id,
        type=entry.type,
        subject_ref=entry.subject,
        customer=entry.customer,
        actor_ref=entry.actor,
        time_us=occurred_at if entry.time_given else None,
        data=entry.data.encode(),
    )
    row = LeafRow(
        kind=kinds[entry.kind],
        entry_id=entry.entry_id,
        occurred_at=occurred_at,
        recorded_at=_micros(entry.recorded_at),
        fingerprint=content,
    )
    return leaf_of(row)


def _micros(text: str) -> int:
    """
    Return the moment that *text* writes as a proof file does, and in no other way: what
    is shown of an entry is what was verified, to the letter.
    """
    try:
        micros = to_micros(parse_utc(text))
    except InvalidInstantError as error:
        message = f"A moment in the file cannot be read: {error}"
        raise InvalidProofError(message) from error
    if format_instant(micros) != text:
        message = (
            f"The moment {text} was changed: it would be {format_instant(micros)}."
        )
        raise InvalidProofError(message)
    return micros
