"""
Keys for signed notes, in the form in which they are written and handed over.

::

    public    acme.example/book+c74f20a3+ARpc2QcUPDhMQegw...
              name              id       Base64: type 1, 32 bytes of Ed25519
    private   PRIVATE+KEY+acme.example/book+c74f20a3+AYEKFALVFGyNhPJE...

The id is made of the name and the public key, so a key that was copied in part, or
under another name, is found out at once.

The library that signs is loaded by the first key: who only records usage does without.

Source:
    C2SP signed-note: Ed25519 (type 1); the written forms are those of Go's sumdb/note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from meterbook.foundation.errors import InvalidKeyError


if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32

_ED25519: Final = b"\x01"
_PRIVATE: Final = "PRIVATE+KEY+"
_PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """
    A public key, by which signatures of its owner are verified.

    Attributes:
        name: Whose it is, as in `acme.example/book`.

        public: The 32 bytes of Ed25519.
    """

    name: str
    public: bytes

    @classmethod
    def from_text(cls, text: str) -> Self:
        """
        Return the key that is written as *text*; space around it does not count.

        Raises:
            InvalidKeyError: It is not one: the message says why.
        """
        if text.strip().startswith(_PRIVATE):
            message = (
                "This is a private key where a public one is needed: keep it, and do"
                " not send it to anybody."
            )
            raise InvalidKeyError(message)
        name, key_id, public = _parts(text.strip(), PUBLIC_BYTES)
        key = cls(name=name, public=public)
        _require_id(key, key_id)
        return key

    def to_text(self) -> str:
        """
        Return the key as it is written.
        """
        return f"{self.name}+{self.key_id.hex()}+{encoded(_ED25519 + self.public)}"

    @property
    def key_id(self) -> bytes:
        """
        Return the 4 bytes by which signatures of this key are found.
        """
        named = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(named).digest()[:4]

    def verify(self, text: bytes, signature: bytes) -> bool:
        """
        Tell whether *signature* is of this key over *text*.
        """
        from cryptography.exceptions import (  # noqa: PLC0415 - loaded when it is needed
            InvalidSignature,
        )

        try:
            _public_key(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """
    A private key that signs under a name.

    Attributes:
        name: Whose it is.

        seed: The 32 bytes that the key is made of. Not shown where the value is.
    """

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """
        Return the key that is written as *text*; space around it does not count.

        Raises:
            InvalidKeyError: It is not one: the message says why, and not what it was.
        """
        written = text.strip()
        if not written.startswith(_PRIVATE):
            message = f"This is no private key: it begins with {_PRIVATE}."
            raise InvalidKeyError(message)
        name, key_id, seed = _parts(written.removeprefix(_PRIVATE), SEED_BYTES)
        signer = cls(name=name, seed=seed)
        _require_id(signer.verifier, key_id)
        return signer

    def to_text(self) -> str:
        """
        Return the key as it is written: a secret.
        """
        seed = encoded(_ED25519 + self.seed)
        return f"{_PRIVATE}{self.name}+{self.key_id.hex()}+{seed}"

    @property
    def key_id(self) -> bytes:
        """
        Return the 4 bytes by which signatures of this key are found.
        """
        return self.verifier.key_id

    @property
    def verifier(self) -> VerifierKey:
        """
        Return the public key of this one.
        """
        public = _private_key(self.seed).public_key().public_bytes_raw()
        return VerifierKey(name=self.name, public=public)

    def sign(self, text: bytes) -> bytes:
        """
        Return the 64 bytes of the signature over *text*: always the same ones.
        """
        return _private_key(self.seed).sign(text)


def valid_name(name: str) -> bool:
    """
    Tell whether a key can have this name: not empty, without spaces and plus signs.
    """
    return (
        name != ""
        and "+" not in name
        and not any(letter.isspace() or letter < " " for letter in name)
        and _is_text(name)
    )


def encoded(content: bytes) -> str:
    """
    Return *content* in Base64.
    """
    return base64.b64encode(content).decode()


def decoded(text: str) -> bytes | None:
    """
    Return what *text* is in Base64; None if it is not written exactly as we write it.

    Base64 has several texts for some contents. A signature that can be written in two
    ways would be a note that can be changed and still verifies.
    """
    try:
        content = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return content if encoded(content) == text else None


def _parts(text: str, length: int) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != _PARTS or not valid_name(parts[0]):
        message = "A key is written NAME+ID+BASE64, in one line: copy all of it."
        raise InvalidKeyError(message)
    name, key_id, written = parts
    content = decoded(written)
    if content is None or len(content) != 1 + length:
        message = f"The key of {name} is not whole: copy the line to its end."
        raise InvalidKeyError(message)
    if not content.startswith(_ED25519):
        message = (
            f"The key of {name} is of type {content[0]}: only 1 (Ed25519) is used."
        )
        raise InvalidKeyError(message)
    return name, key_id, content[1:]


def _require_id(key: VerifierKey, key_id: str) -> None:
    if key.key_id.hex() != key_id:
        message = (
            f"The key of {key.name} does not have the id that stands in it: its name or"
            " its text was changed."
        )
        raise InvalidKeyError(message)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _private_key(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - loaded when it is needed
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(seed)


def _public_key(public: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - loaded when it is needed
        Ed25519PublicKey,
    )

    return Ed25519PublicKey.from_public_bytes(public)
