"""
The laws of signed notes and of keys.
"""

from __future__ import annotations

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.errors import (
    CallerError,
    ForgedNoteError,
    InvalidKeyError,
    MalformedNoteError,
    UnknownSignerError,
)
from meterbook.proof.keys import Signer, VerifierKey
from meterbook.proof.notes import SIGNATURES_MAX, open_note, sign_note


ANN = Signer(name="ann.example/book", seed=bytes(range(32)))
BEA = Signer(name="bea", seed=bytes(range(1, 33)))
# Under the name of another, after a rotation.
ANN_BEFORE = Signer(name=ANN.name, seed=bytes(range(2, 34)))

TEXT = "meterbook report\nseats 7\n\nwith an empty line, and Umläute\n"
NOTE = sign_note(TEXT, [ANN]).encode()

# Go's own example, golang.org/x/mod/sumdb/note: keys, text and signatures.
NEUMANN_PRIVATE = (
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
)
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
QUIP = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
BY_NEUMANN = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKv"
    "qfqdngotpRZb6KE6RyyBwJnAM=\n"
)
BY_ENOCH = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01o"
    "OTGwnWLox33WWd1RvMc+QQ=\n"
)

texts = st.text(
    st.characters(min_codepoint=0x20, codec="utf-8") | st.just("\n"), max_size=60
).map(lambda text: f"{text}\n")


def flipped(note: bytes, bit: int) -> bytes:
    """
    Return *note* with one bit changed; bits are counted round and round.
    """
    at, place = divmod(bit % (8 * len(note)), 8)
    return note[:at] + bytes([note[at] ^ (1 << place)]) + note[at + 1 :]


def test_what_go_signed_is_what_we_sign() -> None:
    """
    With Go's key and text the note is Go's, byte for byte.
    """
    signer = Signer.from_text(NEUMANN_PRIVATE)

    assert signer.verifier.to_text() == NEUMANN
    assert signer.to_text() == NEUMANN_PRIVATE
    assert sign_note(QUIP, [signer]) == f"{QUIP}\n{BY_NEUMANN}"


def test_what_go_signed_is_opened() -> None:
    """
    A note with two signatures is opened by either key, and by both.
    """
    neumann, enoch = VerifierKey.from_text(NEUMANN), VerifierKey.from_text(ENOCH)
    note = f"{QUIP}\n{BY_NEUMANN}{BY_ENOCH}".encode()

    assert open_note(note, [neumann]).signed_by == ("PeterNeumann",)
    assert open_note(note, [enoch]).signed_by == ("EnochRoot",)
    opened = open_note(note, [enoch, neumann])
    assert opened.signed_by == ("PeterNeumann", "EnochRoot")
    assert opened.text == QUIP


def test_the_note_in_the_standard_is_read() -> None:
    """
    The example of C2SP's signed-note, in which the text has an empty line, has a signer
    of that name and key id.
    """
    note = (
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n"
        "ed è subito sera.\n\n"
        "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+Eh"
        "fLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
    )

    with pytest.raises(UnknownSignerError, match=r"salvatore .id 367ba04b"):
        open_note(note.encode(), [ANN.verifier])


@given(text=texts, signers=st.permutations([ANN, BEA, ANN_BEFORE]), n=st.integers(1, 3))
@example(text="\n", signers=[ANN, BEA, ANN_BEFORE], n=1)
@example(text="\n\n\n", signers=[ANN, BEA, ANN_BEFORE], n=1)
@example(text="a\n\n— ann.example/book AAAA\n", signers=[ANN], n=1)
@example(text="line\u2028separator\x85\x7f\n", signers=[BEA], n=1)
def test_what_was_signed_is_opened(text: str, signers: list[Signer], n: int) -> None:
    """
    Any text that is allowed comes back as it was, with the names that signed it.
    """
    by = signers[:n]

    opened = open_note(sign_note(text, by).encode(), [one.verifier for one in by])

    assert opened.text == text
    assert opened.signed_by == tuple(one.name for one in by)
    assert opened.keys == tuple(one.verifier for one in by)


@given(bit=st.integers(min_value=0))
@example(bit=8 * (len(NOTE) - 1))
@example(bit=8 * (len(NOTE) - 2))
def test_one_bit_is_enough(bit: int) -> None:
    """
    A note with any one bit changed is not opened.
    """
    with pytest.raises((MalformedNoteError, ForgedNoteError, UnknownSignerError)):
        open_note(flipped(NOTE, bit), [ANN.verifier])


def test_every_bit_counts() -> None:
    """
    Not one of all the bits of a note can be changed, those of Base64 included.
    """
    for bit in range(8 * len(NOTE)):
        with pytest.raises(CallerError):
            open_note(flipped(NOTE, bit), [ANN.verifier])


@given(end=st.integers(0, len(NOTE) - 1))
def test_a_note_that_was_cut_off_is_not_opened(end: int) -> None:
    """
    Wherever a note is cut off, it is malformed: nobody is accused of forging it.
    """
    with pytest.raises(MalformedNoteError):
        open_note(NOTE[:end], [ANN.verifier])


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        pytest.param(b"", "note is empty", id="empty"),
        pytest.param(NOTE.replace(b"\n", b"\r\n"), "Windows line ends", id="CR LF"),
        pytest.param(
            NOTE.replace(b"\n", b"\r"), "control character .code 13.", id="CR"
        ),
        pytest.param(b"\xef\xbb\xbf" + NOTE, "byte order mark", id="BOM"),
        pytest.param(NOTE.decode().encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(
            NOTE.replace("ä".encode(), b"\xe4"), "not UTF-8 at byte 53", id="Latin-1"
        ),
        pytest.param(
            NOTE[:-1], "does not end with a line feed", id="no last line feed"
        ),
        pytest.param(NOTE + b"\n", "ends with an empty line", id="an empty line more"),
        pytest.param(NOTE[: NOTE.index(b"\n\n")] + b"\n", "no empty line", id="no end"),
        pytest.param(
            NOTE[: NOTE.rindex(b"\n\n") + 1],
            "what follows .* is text",
            id="no signature",
        ),
        pytest.param(
            NOTE.replace("—".encode(), b"--"), "what follows .* is text", id="no dash"
        ),
        pytest.param(NOTE[:-30] + b"\n", "signature line .* cut off", id="half of it"),
        pytest.param(
            NOTE + b"sent from my telephone\n", "signature line 'sent from", id="a line"
        ),
        pytest.param(NOTE.replace(b"7", b"\x00"), "code 0. in line 2", id="NUL"),
        pytest.param(NOTE.replace(b" 7", b"\t7"), "code 9. in line 2", id="tab"),
        pytest.param(
            ("a\n\n" + "— x AAAAAAA=\n" * (SIGNATURES_MAX + 1)).encode(),
            "more than 100 signatures",
            id="too many",
        ),
        pytest.param(
            b"a\n\n\xe2\x80\x94 x AAAA\n", "signature of x is cut", id="no rest"
        ),
    ],
)
def test_what_was_done_to_a_note_is_said(note: bytes, sentence: str) -> None:
    """
    Each way to spoil a note has a sentence of its own.
    """
    with pytest.raises(MalformedNoteError, match=sentence):
        open_note(note, [ANN.verifier])


def test_a_note_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A note larger than any is refused before it is parsed.
    """
    monkeypatch.setattr("meterbook.proof.notes.NOTE_BYTES_MAX", len(NOTE) - 1)

    with pytest.raises(MalformedNoteError, match="more than"):
        open_note(NOTE, [ANN.verifier])


def test_a_changed_text_is_forged() -> None:
    """
    A text that was changed, and then looks as it should, is called so.
    """
    with pytest.raises(ForgedNoteError, match=r"ann\.example/book is not of this text"):
        open_note(NOTE.replace(b"seats 7", b"seats 5"), [ANN.verifier])


def test_a_signature_in_anothers_name_is_forged() -> None:
    """
    Somebody who writes our name and key id cannot write our signature.
    """
    by_bea = sign_note(TEXT, [BEA]).encode()
    stolen = sign_note("other\n", [ANN]).encode().split(b"\n\n")[1]

    with pytest.raises(ForgedNoteError):
        open_note(by_bea + stolen, [ANN.verifier, BEA.verifier])
    assert open_note(by_bea + stolen, [BEA.verifier]).signed_by == (BEA.name,)


def test_only_a_stranger_has_signed() -> None:
    """
    A note by keys that are not known says who signed, and which keys were given.
    """
    with pytest.raises(UnknownSignerError, match=r"by ann.*given are bea .id"):
        open_note(NOTE, [BEA.verifier])
    with pytest.raises(UnknownSignerError, match="No public key was given"):
        open_note(NOTE, [])
    with pytest.raises(UnknownSignerError):
        open_note(NOTE, [ANN_BEFORE.verifier])


@pytest.mark.parametrize("text", ["", "no line feed", "tab\t\n", "cr\r\n", "\ud800\n"])
def test_what_cannot_be_a_note_is_not_signed(text: str) -> None:
    """
    A text that could not be opened again is refused before it is signed.
    """
    with pytest.raises(MalformedNoteError):
        sign_note(text, [ANN])


# --- keys -----------------------------------------------------------------------------


@given(
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
        lambda name: not any(c.isspace() or c < " " or c == "+" for c in name)
    ),
    seed=st.binary(min_size=32, max_size=32),
)
def test_a_key_is_read_as_it_was_written(name: str, seed: bytes) -> None:
    """
    Any key comes back from its text, also with a line feed behind it.
    """
    signer = Signer(name=name, seed=seed)

    assert Signer.from_text(f"{signer.to_text()}\n") == signer
    assert VerifierKey.from_text(f"{signer.verifier.to_text()}\n") == signer.verifier


@given(
    at=st.integers(0, len(ANN.verifier.to_text()) - 1),
    letter=st.characters(codec="ascii"),
)
def test_a_key_that_was_copied_wrong_is_none(at: int, letter: str) -> None:
    """
    A key with one letter changed is refused, never another key.
    """
    text = ANN.verifier.to_text()
    changed = text[:at] + letter + text[at + 1 :]
    if changed == text or changed.strip() == text:
        return

    with pytest.raises(InvalidKeyError):
        VerifierKey.from_text(changed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("", "NAME[+]ID[+]BASE64", id="nothing"),
        pytest.param("ann", "NAME[+]ID[+]BASE64", id="a name"),
        pytest.param("\ud800+a+b", "NAME[+]ID[+]BASE64", id="half a character"),
        pytest.param(ANN.verifier.to_text()[:-4], "not whole", id="cut off"),
        pytest.param(NEUMANN.replace("Peter", "Paul"), "the id", id="renamed"),
        pytest.param(NEUMANN_PRIVATE, "private key where a public", id="private"),
        pytest.param(NEUMANN.replace("+AR", "+BB"), "of type 4", id="a witness's"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(text: str, sentence: str) -> None:
    """
    Each way to get a key wrong has a sentence of its own.
    """
    with pytest.raises(InvalidKeyError, match=sentence):
        VerifierKey.from_text(text)


def test_a_private_key_is_not_shown() -> None:
    """
    Neither the value nor an error about it repeats the secret.
    """
    secret = ANN.to_text().rpartition("+")[2]

    assert secret not in repr(ANN)
    assert repr(ANN.seed) not in repr(ANN)
    with pytest.raises(InvalidKeyError) as caught:
        Signer.from_text(ANN.to_text().replace("ann.", "bob."))
    assert secret not in str(caught.value)
    with pytest.raises(InvalidKeyError, match="no private key"):
        Signer.from_text(ANN.verifier.to_text())
