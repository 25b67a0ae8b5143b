"""
Where the keys are: a folder with two small files for each name.

::

    meterbook-keys/
        acme.example%2Fbook.key     the private key that signs now: mode 0600, one line
        acme.example%2Fbook.pub     every public key there was under the name: for all

Rotating replaces the private key and keeps the public ones, so that what was signed
before can be verified for ever. A key that others may read is refused, and so is a
folder in which others may put another one in its place.

Laws (tests/stores/test_keyring.py):
    - *Kept*: after any number of rotations every older note of the name is opened.
    - *Private*: no private key is ever in a file that others may read, at no moment.
    - *Once*: of many that make one name at the same time, one does.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat

from pathlib import Path
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import (
    AlreadyAKeyError,
    InsecureKeyError,
    InvalidKeyError,
    StoreError,
    UnknownKeyError,
)
from meterbook.proof.keys import SEED_BYTES, Signer, VerifierKey


if TYPE_CHECKING:
    from collections.abc import Iterator


# What is safe in a file name and in a note. A slash is for names like example.com/book.
KEY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")

# A hundred rotations of the longest name have less. Files of another kind have more.
FILE_BYTES_MAX: Final = 65_536

_PRIVATE_MODE: Final = 0o600
_PUBLIC_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class Keyring:
    """
    Named keys in a folder. It need not be there until a key is made.

    Attributes:
        folder: Where they are.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def make(self, name: str) -> VerifierKey:
        """
        Make a key, and return its public half.

        Raises:
            InvalidKeyError: A key cannot be called so.

            AlreadyAKeyError: There is one of this name.

            InsecureKeyError: Others may write to the folder.

            StoreError: The files cannot be written.
        """
        _require_name(name)
        with self._reporting():
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._require_safe_folder()
        if self._public_keys(name):
            raise AlreadyAKeyError(self._already(name))
        signer = Signer(name=name, seed=secrets.token_bytes(SEED_BYTES))
        with self._reporting():
            try:
                _create(self._private(name), f"{signer.to_text()}\n", _PRIVATE_MODE)
            except FileExistsError as error:
                raise AlreadyAKeyError(self._already(name)) from error
        self._keep_public(name, [signer.verifier])
        return signer.verifier

    def rotate(self, name: str) -> VerifierKey:
        """
        Replace a key by a new one of the same name, and return its public half.

        The old private key is gone; its public half stays.

        Raises:
            UnknownKeyError: There is none of this name.

            InsecureKeyError: As of `signer`, or others may write to the folder.
        """
        self._require_safe_folder()
        old = self.signer(name)
        new = Signer(name=name, seed=secrets.token_bytes(SEED_BYTES))
        # First the public half: a note that nobody could verify must not be signed.
        self._keep_public(name, [new.verifier, old.verifier])
        with self._reporting():
            _replace(self._private(name), f"{new.to_text()}\n", _PRIVATE_MODE)
        return new.verifier

    def names(self) -> list[str]:
        """
        Return the names of which there is a key, private or only public, in order.
        """
        return sorted({*self.private_names(), *self._names(".pub")})

    def private_names(self) -> list[str]:
        """
        Return the names in which can be signed, in order.
        """
        return self._names(".key")

    def signer(self, name: str) -> Signer:
        """
        Return the private key of this name.

        Raises:
            UnknownKeyError: There is none.

            InsecureKeyError: Others may read it.

            InvalidKeyError: The file does not hold the private key of this name.
        """
        _require_name(name)
        path = self._private(name)
        text = self._read(path, private=True)
        if text is None:
            message = (
                f"There is no private key {name!r} in {self.folder}: make one with"
                f" `meterbook keys make {name}`, or say where it is with --keys."
            )
            raise UnknownKeyError(message)
        try:
            signer = Signer.from_text(text)
        except InvalidKeyError as error:
            message = f"{path}: {error}"
            raise InvalidKeyError(message) from error
        if signer.name != name:
            message = f"{path}: this is the key of {signer.name}, not of {name}."
            raise InvalidKeyError(message)
        return signer

    def verifier(self, name: str) -> VerifierKey:
        """
        Return the public key of this name: of the private one, else the newest known.

        Raises:
            UnknownKeyError: There is none.
        """
        return self.verifiers(name)[0]

    def verifiers(self, name: str) -> list[VerifierKey]:
        """
        Return every public key there was under this name, the newest first.

        Raises:
            UnknownKeyError: There is none.
        """
        _require_name(name)
        known = self._public_keys(name)
        if self._private(name).exists():
            current = self.signer(name).verifier
            known = [current, *(key for key in known if key != current)]
        if not known:
            message = (
                f"There is no key {name!r} in {self.folder}: make one with"
                f" `meterbook keys make {name}`, or say where it is with --keys."
            )
            raise UnknownKeyError(message)
        return known

    def _names(self, suffix: str) -> list[str]:
        if not self.folder.is_dir():
            return []
        with self._reporting():
            stems = [
                path.stem.replace("%2F", "/")
                for path in self.folder.iterdir()
                if path.suffix == suffix and path.is_file()
            ]
        return sorted(name for name in stems if KEY_NAME.fullmatch(name))

    def _keep_public(self, name: str, first: list[VerifierKey]) -> None:
        known = self._public_keys(name)
        lines = [f"{key.to_text()}\n" for key in dict.fromkeys([*first, *known])]
        with self._reporting():
            _replace(self._public(name), "".join(lines), _PUBLIC_MODE)

    def _public_keys(self, name: str) -> list[VerifierKey]:
        path = self._public(name)
        text = self._read(path, private=False)
        if text is None:
            return []
        try:
            return [VerifierKey.from_text(line) for line in text.splitlines() if line]
        except InvalidKeyError as error:
            message = f"{path}: {error}"
            raise InvalidKeyError(message) from error

    def _read(self, path: Path, *, private: bool) -> str | None:
        """
        Return what is in a file, None if there is none.
        """
        with self._reporting():
            try:
                file = path.open("rb")
            except FileNotFoundError:
                return None
            with file:
                # Of the file that is open, whatever its name leads to by then.
                if private and os.fstat(file.fileno()).st_mode & _OTHERS:
                    message = (
                        f"{path}: others may read this private key. Take their rights"
                        f" away (chmod 600 {path}); if they read it already, rotate it."
                    )
                    raise InsecureKeyError(message)
                content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX or not content.isascii():
            message = f"{path}: this is no file of keys."
            raise InvalidKeyError(message)
        return content.decode("ascii")

    def _require_safe_folder(self) -> None:
        """
        Raise if others may replace what is in the folder.
        """
        if not self.folder.is_dir():
            return
        mode = self.folder.stat().st_mode
        if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
            message = (
                f"{self.folder}: others may put their keys in the place of yours. Take"
                f" their rights away: chmod go-w {self.folder}"
            )
            raise InsecureKeyError(message)

    def _private(self, name: str) -> Path:
        return self.folder / f"{name.replace('/', '%2F')}.key"

    def _public(self, name: str) -> Path:
        return self.folder / f"{name.replace('/', '%2F')}.pub"

    def _already(self, name: str) -> str:
        return (
            f"There is a key {name!r} in {self.folder} already: use it, or replace it"
            f" with `meterbook keys rotate {name}`."
        )

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """
        Say in which folder it was that a file could not be read or written.
        """
        try:
            yield
        except OSError as error:
            message = f"{error.filename or self.folder}: {error.strerror}."
            raise StoreError(message, retryable=False) from error


def _require_name(name: str) -> None:
    if not KEY_NAME.fullmatch(name):
        message = (
            f"A key cannot be called {name!r}: use up to 100 letters, digits, and"
            " . _ - / within, as in example.com/book."
        )
        raise InvalidKeyError(message)


def _create(path: Path, text: str, mode: int) -> None:
    """
    Write a file that is not there yet; it has its mode from its first moment.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise


def _replace(path: Path, text: str, mode: int) -> None:
    """
    Write a file in the place of one: whoever reads finds the old or the new, whole.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _create(beside, text, mode)
    try:
        beside.replace(path)
    except BaseException:
        beside.unlink()
        raise
