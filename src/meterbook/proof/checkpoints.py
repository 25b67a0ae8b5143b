"""
Checkpoints: how long a book is and the root over its entries, in three lines.

::

    meterbook/0f5ac1be9d02473e         which book
    20852163                           how many entries
    CsUYapGGPo4dkMgIAUqom/Xajj7h...    the root of the tree over them, in Base64

Signed as a note, a checkpoint pins everything before it: whoever keeps one can tell
later whether an entry was changed, taken out or slipped in.

Laws (tests/laws/test_checkpoints.py):
    - *Round trip*: what was signed is opened, for any origin, size and root.
    - *One way to write it*: a text that is read is the text that would be written.

Source:
    C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint).
"""

from __future__ import annotations

import re

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from meterbook.foundation.errors import MalformedNoteError
from meterbook.proof.keys import decoded, encoded
from meterbook.proof.merkle import EMPTY_ROOT, HASH_BYTES
from meterbook.proof.notes import open_note, sign_note


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.proof.keys import Signer, VerifierKey


# A place has 63 bits.
SIZE_MAX: Final = 2**63 - 1

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES_MIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """
    The head of a book at a size.

    Attributes:
        origin: Which book, as it calls itself; the same for ever.

        size: How many entries: the last place that is covered.

        root: The root of the tree over them, 32 bytes.

        extensions: Further lines of somebody else's checkpoint. Ours has none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """
        Check what the written form cannot hold.
        """
        assert self.origin != ""
        assert "\n" not in self.origin
        assert 0 <= self.size <= SIZE_MAX
        assert len(self.root) == HASH_BYTES
        assert self.size > 0 or self.root == EMPTY_ROOT
        assert all(line and "\n" not in line for line in self.extensions)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """
        Return the checkpoint that is written as *text*.

        Raises:
            MalformedNoteError: It is none: the message names the line.
        """
        lines = text.removesuffix("\n").split("\n")
        if not text.endswith("\n") or len(lines) < _LINES_MIN:
            message = "A checkpoint has three lines: the book, its size, and the root."
            raise MalformedNoteError(message)
        origin, size, written, *extensions = lines
        root = decoded(written)
        if not origin or "" in extensions:
            message = "A checkpoint has no empty lines."
            raise MalformedNoteError(message)
        if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
            message = f"The size of a checkpoint, in line 2, is a number, not {size!r}."
            raise MalformedNoteError(message)
        if root is None or len(root) != HASH_BYTES:
            message = "The root of a checkpoint, in line 3, is 32 bytes in Base64."
            raise MalformedNoteError(message)
        if int(size) == 0 and root != EMPTY_ROOT:
            message = "A checkpoint of size 0, in line 2, has the root of no entries."
            raise MalformedNoteError(message)
        return cls(
            origin=origin, size=int(size), root=root, extensions=tuple(extensions)
        )

    def to_text(self) -> str:
        """
        Return the checkpoint as it is written, with a last line feed.
        """
        lines = (self.origin, str(self.size), encoded(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> str:
    """
    Return *checkpoint* as a note signed by *signers*.
    """
    return sign_note(checkpoint.to_text(), signers)


def open_checkpoint(note: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """
    Return the checkpoint in a note that at least one of *keys* has signed.

    Raises:
        MalformedNoteError: It is no note, or no checkpoint.

        ForgedNoteError: As of `open_note`.

        UnknownSignerError: As of `open_note`.
    """
    return Checkpoint.from_text(open_note(note, keys).text)
