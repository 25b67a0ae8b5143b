"""
Keys on the command line: the folder with one's own, and the public keys of others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli.errors import refuse
from meterbook.foundation.errors import InvalidKeyError


if TYPE_CHECKING:
    from meterbook.proof.keys import Signer, VerifierKey
    from meterbook.stores.keyring import Keyring


# Beside the book, if no other folder is named.
FOLDER = Path("meterbook-keys")

Folder = Annotated[
    Path,
    typer.Option(
        "--keys",
        envvar="METERBOOK_KEYS",
        metavar="FOLDER",
        help="Where your keys are.",
    ),
]

KeyName = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="NAME",
        help="The key to sign with; not needed if there is one only.",
        show_default=False,
    ),
]

PublicKeys = Annotated[
    list[str],
    typer.Option(
        "--key",
        metavar="KEY|FILE",
        help="A public key that may have signed, or a file of them; can be repeated.",
        show_default=False,
    ),
]


def keyring_in(folder: Path) -> Keyring:
    """
    Return the keys in *folder*.
    """
    # Loaded by the commands that sign or verify: help does without.
    from meterbook.stores.keyring import Keyring  # noqa: PLC0415 - see above

    return Keyring(folder)


def signer_in(folder: Path, name: str | None) -> Signer:
    """
    Return the private key to sign with: the one that is named, or the only one.

    Raises:
        BadParameter: None is named, and there is not just one.

        UnknownKeyError: There is none of this name.

        InsecureKeyError: Others may read it.
    """
    ring = keyring_in(folder)
    if name is not None:
        return ring.signer(name)

    names = ring.private_names()
    if not names:
        sentence = f"there is no private key in {folder}: meterbook keys make NAME."
        refuse("--key", sentence)
    if len(names) > 1:
        refuse("--key", f"say with which key: {', '.join(names)}.")
    return ring.signer(names[0])


def public_keys(texts: list[str]) -> list[VerifierKey]:
    """
    Return the public keys that were given, as text or in files.

    Raises:
        BadParameter: One of them is neither.
    """
    return [key for text in texts for key in _keys_of(text)]


def _keys_of(text: str) -> list[VerifierKey]:
    from meterbook.proof.keys import VerifierKey  # noqa: PLC0415 - see keyring_in

    path = Path(text)
    lines = [text]
    try:
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
        elif "+" not in text:
            refuse("--key", f"there is no file {text!r}, and it is no public key.")
        keys = [VerifierKey.from_text(line) for line in lines if line.strip()]
    except (InvalidKeyError, UnicodeDecodeError) as error:
        refuse("--key", f"{text}: {error}")
    if not keys:
        refuse("--key", f"there is no key in {text}.")
    return keys
