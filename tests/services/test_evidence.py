"""
Proof files: whole with the public key alone, and worth nothing once changed.
"""

from __future__ import annotations

import json
import re

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook import Book
from meterbook.foundation.errors import (
    CallerError,
    CorruptBook,
    ForgedNoteError,
    InvalidProofError,
    MalformedNoteError,
    UnknownEntryError,
    UnknownPlaceError,
    UnknownSignerError,
)
from meterbook.proof.notes import sign_note
from meterbook.services.proofs.evidence import (
    VerifiedCheckpoint,
    VerifiedConsistency,
    VerifiedInclusion,
    VerifiedNote,
    file_text,
    verify_file,
)
from services.books import NOW, START, event, on_postgres
from services.trees import (
    ACME,
    LATER,
    entries,
    fill,
    forget,
    run_sql,
    tamper,
    told_book,
)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.ports import CheckpointRow
    from meterbook.services.proofs.evidence import ProofFile


KEYS = [ACME.verifier]


@pytest.fixture(params=["sqlite", "postgres"])
def told(request: pytest.FixtureRequest) -> Iterator[Book]:
    with told_book(request) as book:
        yield book


@pytest.fixture
def signed(book: Book) -> Book:
    """
    Give a book of which two checkpoints were signed, with entries after both.
    """
    book.move_clock(NOW)
    fill(book)
    book.proofs.checkpoint(ACME)
    book.record([event("a", time=START), event("b", time=START)])
    book.proofs.checkpoint(ACME)
    book.record([event("c", time=START)])
    book.work()
    return book


def written(file: ProofFile) -> bytes:
    return file_text(file).encode()


def kept(book: Book) -> list[CheckpointRow]:
    return book.proofs.checkpoints()


def test_every_entry_is_proved_without_the_book(told: Book) -> None:
    """
    Of every entry, of whatever kind, the file verifies with the public key alone, and
    shows the entry as it is in the book.
    """
    head = told.proofs.checkpoint(ACME).checkpoint

    for entry in entries(told):
        content = written(told.proofs.inclusion(place=entry.seq))
        found = verify_file(content, KEYS)
        assert isinstance(found, VerifiedInclusion)
        assert (found.place, found.checkpoint) == (entry.seq, head)
        assert found.signed_by == (ACME.name,)
        assert (found.entry.entry_id, found.entry.data) == (entry.entry_id, entry.data)
        assert content == written(told.proofs.inclusion(entry_id=entry.entry_id))


def test_people_are_not_named(told: Book) -> None:
    """
    A proof names no person, so that erasing one leaves every proof as it was.
    """
    told.proofs.checkpoint(ACME)
    places = [entry.seq for entry in entries(told)]
    before = [written(told.proofs.inclusion(place=place)) for place in places]
    assert not any(b"ann" in content for content in before)

    told.people.erase("ann", actor="ops", reason="asked for it")

    assert [written(told.proofs.inclusion(place=place)) for place in places] == before


def test_an_old_checkpoint_is_a_beginning(signed: Book) -> None:
    """
    From a size, or from the note that somebody kept: the file shows that what was
    signed then is the beginning of what was signed last.
    """
    first, last = kept(signed)

    for file in (
        signed.proofs.consistency(size=first.size),
        signed.proofs.consistency(old_note=first.note.encode()),
    ):
        found = verify_file(written(file), KEYS)
        assert isinstance(found, VerifiedConsistency)
        assert (found.old.size, found.checkpoint.size) == (first.size, last.size)
        assert found.signed_by == (ACME.name,)
    same = verify_file(written(signed.proofs.consistency(size=last.size)), KEYS)
    assert isinstance(same, VerifiedConsistency)


def test_a_note_and_a_checkpoint_are_verified_likewise(signed: Book) -> None:
    """
    A checkpoint is shown as one, and any other signed note as text.
    """
    note = kept(signed)[0].note.encode()
    found = verify_file(note, KEYS)
    assert isinstance(found, VerifiedCheckpoint)
    assert found.checkpoint.size == kept(signed)[0].size

    other = verify_file(sign_note("hello\n", [ACME]).encode(), KEYS)
    assert other == VerifiedNote(text="hello\n", signed_by=(ACME.name,))


# --- changed on the way ---------------------------------------------------------------

# By name of the value in the file: another that it could have.
CHANGES: dict[str, object] = {
    "place": 2,
    "entry.entry_id": 99,
    "entry.kind": "void",
    "entry.source": "API",
    "entry.id": "other",
    "entry.type": "llm",
    "entry.customer": "globex",
    "entry.subject": 77,
    "entry.actor": 77,
    "entry.time": "2026-01-31T22:00:00.000001Z",
    "entry.time_given": False,
    "entry.recorded_at": "2026-03-12T00:00:00.000001Z",
    "entry.data": '{"n":1000000}',
    "path": [],
    "path.0": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "path.1": "not Base64",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_proof_of_inclusion_is_refused(signed: Book, name: str) -> None:
    """
    Each value of the file counts: with any one changed it shows nothing.
    """
    file: Any = msgspec.to_builtins(signed.proofs.inclusion(place=1))
    verify_file(msgspec.json.encode(file), KEYS)
    inner = file
    *way, last = name.split(".")
    for step in way:
        inner = inner[step]
    at: Any = int(last) if last.isdigit() else last
    assert inner[at] != CHANGES[name]
    inner[at] = CHANGES[name]

    with pytest.raises(InvalidProofError):
        verify_file(msgspec.json.encode(file), KEYS)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("kind", "other", "of a kind that no book has"),
        ("time", "yesterday", "A moment in the file cannot be read"),
        ("time", "2026-01-31T22:00:00+00:00", "it would be 2026-01-31T22:00:00Z"),
        ("entry_id", 2**63, "no proof file"),
        ("subject", 10**30, "no proof file"),
        ("actor", -1, "no proof file"),
    ],
)
def test_what_no_book_holds_is_refused(
    signed: Book, name: str, value: object, sentence: str
) -> None:
    """
    A file of somebody else may say anything: what cannot be is refused as such.
    """
    file: Any = msgspec.to_builtins(signed.proofs.inclusion(place=1))
    file["entry"][name] = value

    with pytest.raises(InvalidProofError, match=re.escape(sentence)):
        verify_file(json.dumps(file).encode(), KEYS)


def test_a_file_that_is_too_large_is_not_read(
    signed: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A file larger than any proof is refused before it is parsed.
    """
    content = written(signed.proofs.inclusion(place=1))
    monkeypatch.setattr(
        "meterbook.services.proofs.evidence.FILE_BYTES_MAX", len(content) - 1
    )

    with pytest.raises(InvalidProofError, match="more than"):
        verify_file(content, KEYS)


def test_every_value_of_a_proof_is_tried(signed: Book) -> None:
    """
    The changes above name every value of a file but those that are checked apart.
    """
    file: Any = msgspec.to_builtins(signed.proofs.inclusion(place=1))
    named = {name.partition(".")[0] for name in CHANGES}

    assert file.keys() - named == {"proof", "version", "checkpoint"}
    assert {f"entry.{name}" for name in file["entry"]} <= CHANGES.keys()


def test_a_proof_under_another_checkpoint_is_refused(signed: Book) -> None:
    """
    A path leads to one root, and to no other that was signed.
    """
    first, _ = kept(signed)
    file: Any = msgspec.to_builtins(signed.proofs.inclusion(place=1))
    file["checkpoint"] = first.note

    with pytest.raises(InvalidProofError, match="does not stand at place 1"):
        verify_file(msgspec.json.encode(file), KEYS)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"checkpoint": "x"}, MalformedNoteError, id="no note"),
        pytest.param({"old_checkpoint": "x"}, MalformedNoteError, id="no old note"),
        pytest.param({"path": []}, InvalidProofError, id="no path"),
        pytest.param({"version": 2}, InvalidProofError, id="of a later version"),
        pytest.param({"proof": "other"}, InvalidProofError, id="of another kind"),
        pytest.param({"more": 1}, InvalidProofError, id="with something more"),
        pytest.param(
            {"old_checkpoint": sign_note("x/y\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZ"
            "G3hSuFU=\n", [ACME])},
            InvalidProofError,
            id="of another book",
        ),
    ],
)  # fmt: skip
def test_a_changed_proof_of_consistency_is_refused(
    signed: Book, change: dict[str, object], error: type[CallerError]
) -> None:
    """
    Likewise a proof that one checkpoint is another's beginning.
    """
    file: Any = msgspec.to_builtins(
        signed.proofs.consistency(size=kept(signed)[0].size)
    )

    with pytest.raises(error):
        verify_file(msgspec.json.encode(file | change), KEYS)


def test_both_checkpoints_must_be_signed(signed: Book) -> None:
    """
    The old checkpoint counts only with a signature of a known key, as the new one does.
    """
    first, last = kept(signed)
    file: Any = msgspec.to_builtins(signed.proofs.consistency(size=first.size))
    by_others = {
        "old_checkpoint": sign_note(first.note.split("\n\n")[0] + "\n", [LATER]),
        "checkpoint": sign_note(last.note.split("\n\n")[0] + "\n", [LATER]),
    }
    for field, note in by_others.items():
        content = msgspec.json.encode(file | {field: note})
        with pytest.raises(UnknownSignerError):
            verify_file(content, KEYS)
        found = verify_file(content, [*KEYS, LATER.verifier])
        assert isinstance(found, VerifiedConsistency)


def test_a_forged_checkpoint_is_refused(signed: Book) -> None:
    """
    A root of one's own under the signature of another is forged, in a file as alone.
    """
    file: Any = msgspec.to_builtins(signed.proofs.inclusion(place=1))
    lines = file["checkpoint"].split("\n")
    file["checkpoint"] = "\n".join([lines[0], "1", *lines[2:]])

    with pytest.raises(ForgedNoteError):
        verify_file(msgspec.json.encode(file), KEYS)
    with pytest.raises(ForgedNoteError):
        verify_file(file["checkpoint"].encode(), KEYS)


def _written_files() -> list[bytes]:
    """
    Return a file of each kind, of one book.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        fill(book)
        note = book.proofs.checkpoint(ACME).note
        book.record([event("a", time=START)])
        size = book.proofs.checkpoint(ACME).checkpoint.size - 1
        return [
            written(book.proofs.inclusion(place=5)),
            written(book.proofs.consistency(size=size)),
            note.encode(),
        ]


FILES = _written_files()


@given(which=st.sampled_from(range(3)), bit=st.integers(min_value=0))
def test_one_bit_is_enough(which: int, bit: int) -> None:
    """
    With any one bit of a file changed, of whatever kind, it is refused.
    """
    content = bytearray(FILES[which])
    at, place = divmod(bit % (8 * len(content)), 8)
    content[at] ^= 1 << place

    with pytest.raises(CallerError):
        verify_file(bytes(content), KEYS)


@pytest.mark.parametrize(
    "content", [b"{", b"{}", b"[]", b"\xff{", b'{"proof":"inclusion"}', b"", b"\n\n"]
)
def test_what_is_no_proof_is_refused(content: bytes) -> None:
    """
    Bytes of any kind get an error with a sentence, never another.
    """
    with pytest.raises(CallerError):
        verify_file(content, KEYS)


# --- what cannot be written -----------------------------------------------------------


def test_what_is_not_signed_is_not_proved(signed: Book) -> None:
    """
    An entry after the last checkpoint, or none, is refused with what to do.
    """
    last = kept(signed)[-1].size
    with pytest.raises(UnknownPlaceError, match="proof checkpoint"):
        signed.proofs.inclusion(place=last + 1)
    with pytest.raises(UnknownPlaceError, match="no entry at place 999"):
        signed.proofs.inclusion(place=999)
    with pytest.raises(UnknownEntryError, match="no entry 999"):
        signed.proofs.inclusion(entry_id=999)
    with pytest.raises(UnknownPlaceError, match=rf"last were: \d+, {last}\)"):
        signed.proofs.consistency(size=1)


def test_an_entry_without_a_place_is_not_proved(postgres_dsn: str) -> None:
    """
    On PostgreSQL an entry that the worker has not numbered yet has nothing to stand on.
    """
    with on_postgres(postgres_dsn) as book:
        [outcome] = book.record([event("1", time=START)])
        assert hasattr(outcome, "entry_id")
        with pytest.raises(UnknownPlaceError, match="no place yet"):
            book.proofs.inclusion(entry_id=outcome.entry_id)


def test_a_checkpoint_of_another_book_is_refused(signed: Book) -> None:
    """
    Somebody who comes with a checkpoint of another book is told so.
    """
    with Book.create(":memory:") as other:
        note = other.proofs.checkpoint(ACME).note
    with pytest.raises(InvalidProofError, match="is of the book"):
        signed.proofs.consistency(old_note=note.encode())


def test_a_checkpoint_from_after_is_refused(signed: Book) -> None:
    """
    A checkpoint that is later than any the book has kept waits for another one.
    """
    first, last = kept(signed)
    assert first.size < last.size
    tamper(signed, f"DELETE FROM @checkpoints WHERE size = {last.size}")

    with pytest.raises(UnknownPlaceError, match=f"at place {last.size} or later"):
        signed.proofs.consistency(old_note=last.note.encode())


def test_a_book_that_lost_its_name_proves_nothing(signed: Book) -> None:
    """
    Without the name that it has in its checkpoints a book signs and proves nothing.
    """
    run_sql(signed, "DELETE FROM @book WHERE name = 'origin'")

    with pytest.raises(CorruptBook, match="lost its name"):
        signed.proofs.head()


def test_a_checkpoint_of_a_copy_is_refused(signed: Book) -> None:
    """
    Where entries were changed since a checkpoint was signed, no proof is written from
    it: the book says that it is not a beginning any more.
    """
    first, last = kept(signed)
    tamper(signed, "UPDATE @entries SET recorded_at = 0 WHERE entry_id = 3")
    run_sql(signed, f"DELETE FROM @checkpoints WHERE size = {first.size}")
    forget(signed)
    signed.work()

    with pytest.raises(InvalidProofError, match="not a beginning"):
        signed.proofs.consistency(old_note=first.note.encode())
    assert last.size > first.size


def test_a_dropped_tree_is_built_anew(signed: Book) -> None:
    """
    Dropping the tree changes no proof.
    """
    before = written(signed.proofs.inclusion(place=3))
    assert signed.proofs.drop_tree()
    with pytest.raises(UnknownPlaceError, match="covers the first 0"):
        signed.proofs.inclusion(place=3)
    signed.work()

    assert written(signed.proofs.inclusion(place=3)) == before
    assert signed.proofs.head().size == kept(signed)[-1].size + 1
