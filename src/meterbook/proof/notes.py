"""
Signed notes: readable text with Ed25519 signatures over its very bytes.

::

    the text, which ends with a line feed
                                                    <- an empty line, the last one
    — <key name> <base64: key id, signature>        <- one line a signature

Nothing is parsed before it is verified, and nothing is written anew to verify it: the
signature is over the bytes as they came. So a note that an editor or a mail program
has touched is no longer one, and the error says which way it was touched.

A key is known by name and id together; the id is a hash of the name and the public key.
Keys can therefore be rotated under one name: a signature says which of them made it.

Laws (tests/laws/test_notes.py):
    - *Round trip*: what was signed is opened, and is the text that was signed.
    - *One bit*: a note with any bit changed is not opened.
    - *Others' keys*: signatures of keys that are not known change nothing.

Source:
    C2SP signed-note (c2sp.org/signed-note), as in Go's golang.org/x/mod/sumdb/note.
    The limits are our choice; there must be 16 signatures at least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import (
    ForgedNoteError,
    MalformedNoteError,
    UnknownSignerError,
)
from meterbook.proof.keys import decoded, encoded, valid_name


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.proof.keys import Signer, VerifierKey


# A year of changes of level by the minute fits ten times. Go's tools stop at 1 MB.
NOTE_BYTES_MAX: Final = 64 * 1024 * 1024

# As in Go. Each costs a look at its name, and those of known keys a verification.
SIGNATURES_MAX: Final = 100

_DASH: Final = "\N{EM DASH} "
_KEY_ID_BYTES: Final = 4
_BLANK: Final = b"\n\n"
_FIRST_PRINTABLE: Final = 0x20

_BYTE_ORDER_MARKS: Final = {
    b"\xef\xbb\xbf": "begins with a byte order mark, which a text editor added",
    b"\xff\xfe": "is in UTF-16: it was saved in another encoding than UTF-8",
    b"\xfe\xff": "is in UTF-16: it was saved in another encoding than UTF-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedNote:
    """
    A text, and who was verified to have signed it.

    Attributes:
        text: What was signed, with its last line feed.

        signed_by: The names of the known keys, in the order of the signatures. There
            is always at least one.

        keys: Those keys, likewise: of two under one name they tell which it was.
    """

    text: str
    signed_by: tuple[str, ...]
    keys: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    name: str
    key_id: bytes
    signature: bytes


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """
    Return *text* with the signatures of *signers*.

    Args:
        text: Ends with a line feed; has no other control characters.

        signers: At least one.

    Raises:
        MalformedNoteError: Such a text cannot be a note.
    """
    assert signers, "a note is signed by somebody"
    try:
        signed = text.encode()
    except UnicodeEncodeError as error:
        message = "The text holds half a surrogate pair, which is not text."
        raise MalformedNoteError(message) from error
    _require_text(signed, "text")
    if not text.endswith("\n"):
        message = "The text of a note must end with a line feed."
        raise MalformedNoteError(message)

    lines = [
        f"{_DASH}{signer.name} {encoded(signer.key_id + signer.sign(signed))}\n"
        for signer in signers
    ]
    return f"{text}\n{''.join(lines)}"


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> OpenedNote:
    """
    Return the text of a note that at least one of *keys* has signed.

    Args:
        note: The bytes as they came.

        keys: The keys that are known; signatures of others are passed over.

    Raises:
        MalformedNoteError: It is no note, or no longer: the message says what happened
            to it.

        ForgedNoteError: A signature that says it is of a known key is not.

        UnknownSignerError: There is no signature of a known key.
    """
    text, signatures = parsed(note)
    known = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, None] = {}
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        # As in Go, of several signatures of one key the first decides.
        if key is None or key in verified:
            continue
        if not key.verify(text, signature.signature):
            message = (
                f"The signature of {key.name} is not of this text: the text was"
                " changed after it was signed, or the signature was."
            )
            raise ForgedNoteError(message)
        verified[key] = None
    if not verified:
        raise UnknownSignerError(_unknown(signatures, keys))
    return OpenedNote(
        text=text.decode(),
        signed_by=tuple(key.name for key in verified),
        keys=tuple(verified),
    )


def parsed(note: bytes) -> tuple[bytes, list[_Signature]]:
    """
    Return the text of a note and its signatures, none of which is verified.

    Raises:
        MalformedNoteError: As of `open_note`.
    """
    _require_text(note, "note")
    if not note.endswith(b"\n"):
        message = (
            "The note does not end with a line feed: its end was cut off, or an editor"
            " took the last line feed away."
        )
        raise MalformedNoteError(message)
    if note.endswith(_BLANK):
        message = "The note ends with an empty line, which was added after signing."
        raise MalformedNoteError(message)

    blank = note.rfind(_BLANK)
    if blank < 0:
        message = (
            "The note has no signatures: after its text there is no empty line. Its"
            " end was cut off, or it was never signed."
        )
        raise MalformedNoteError(message)
    return note[: blank + 1], _signatures(note[blank + 2 :].decode())


def _signatures(text: str) -> list[_Signature]:
    lines = text.removesuffix("\n").split("\n")
    if not any(line.startswith(_DASH) for line in lines):
        message = (
            "The note has no signatures: what follows its last empty line is text. Its"
            " end was cut off, or it was never signed."
        )
        raise MalformedNoteError(message)
    if len(lines) > SIGNATURES_MAX:
        message = f"The note has more than {SIGNATURES_MAX} signatures."
        raise MalformedNoteError(message)
    return [_signature(line) for line in lines]


def _signature(line: str) -> _Signature:
    name, _, text = line.removeprefix(_DASH).partition(" ")
    content = decoded(text)
    if not line.startswith(_DASH) or not valid_name(name) or content is None:
        message = (
            f"The signature line {line[:60]!r} is not a dash, a name and a signature"
            " in Base64: it was changed or cut off."
        )
        raise MalformedNoteError(message)
    if len(content) <= _KEY_ID_BYTES:
        message = f"The signature of {name} is cut off."
        raise MalformedNoteError(message)
    return _Signature(
        name=name,
        key_id=content[:_KEY_ID_BYTES],
        signature=content[_KEY_ID_BYTES:],
    )


def _require_text(content: bytes, what: str) -> None:
    """
    Raise if *content* is not what a note may consist of.
    """
    fault = _fault(content)
    if fault is not None:
        message = f"The {what} {fault}."
        raise MalformedNoteError(message)


def _fault(content: bytes) -> str | None:
    if not content:
        return "is empty"
    if len(content) > NOTE_BYTES_MAX:
        return f"has more than {NOTE_BYTES_MAX} bytes"
    for mark, sentence in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return sentence
    if b"\r\n" in content:
        return (
            "has Windows line ends (CR LF) where there were line feeds: an editor or a"
            " mail program changed them"
        )
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return (
            f"is not UTF-8 at byte {error.start}: it was saved in another encoding, or"
            " cut within a character"
        )
    return _control_fault(content)


def _control_fault(content: bytes) -> str | None:
    # Deleting is done by the byte in C: a loop over a large report is not.
    odd = content.translate(None, _ALLOWED)
    if not odd:
        return None

    at = content.index(odd[:1])
    line = content.count(b"\n", 0, at) + 1
    return f"has a control character (code {odd[0]}) in line {line}: it was changed"


_ALLOWED: Final = b"\n" + bytes(range(_FIRST_PRINTABLE, 256))


def _unknown(signatures: Sequence[_Signature], keys: Sequence[VerifierKey]) -> str:
    said = ", ".join(f"{one.name} (id {one.key_id.hex()})" for one in signatures[:5])
    if not keys:
        return (
            f"No public key was given to verify with; it says it is signed by {said}."
        )

    known = ", ".join(f"{key.name} (id {key.key_id.hex()})" for key in keys[:5])
    return f"It says it is signed by {said}; the keys given are {known}."
