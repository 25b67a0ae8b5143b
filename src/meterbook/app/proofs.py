"""
Signing the head of a book, and proving what is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.services.proofs import attesting, proving
from meterbook.services.worker import following


if TYPE_CHECKING:
    from meterbook.ports import CheckpointRow, Clock, Store
    from meterbook.proof.checkpoints import Checkpoint
    from meterbook.proof.keys import Signer
    from meterbook.services.proofs.evidence import ConsistencyFile, InclusionFile
    from meterbook.services.proofs.proving import Signed


class Proofs:
    """
    The proofs of one book. To verify them needs no book: see
    `services.proofs.evidence.verify_file`.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def checkpoint(self, signer: Signer) -> Signed:
        """
        Sign the head of the book and keep what was signed.

        The worker catches up first, unless another one is at work.

        Raises:
            CorruptBook: The book is not the one that was signed last.

            ReadOnlyBookError: It was opened for reading only.
        """
        if self._store.can_follow:
            following.catch_up(self._store)
        return proving.checkpoint(self._store, signer, self._clock)

    def head(self) -> Checkpoint:
        """
        Return what would be signed now, by nobody.
        """
        with self._store.reading() as reader:
            return proving.head(reader)

    def checkpoints(self) -> list[CheckpointRow]:
        """
        Return every checkpoint that was signed, by size and then by when.
        """
        with self._store.reading() as reader:
            return reader.tree.checkpoints()

    def inclusion(
        self, *, place: int | None = None, entry_id: int | None = None
    ) -> InclusionFile:
        """
        Return the proof that an entry is in the book that was signed last.

        See `services.proofs.attesting.inclusion_file`.
        """
        with self._store.reading() as reader:
            return attesting.inclusion_file(reader, place=place, entry_id=entry_id)

    def consistency(
        self, *, size: int | None = None, old_note: bytes | None = None
    ) -> ConsistencyFile:
        """
        Return the proof that an earlier checkpoint is the beginning of the last one.

        See `services.proofs.attesting.consistency_file`.
        """
        with self._store.reading() as reader:
            return attesting.consistency_file(reader, size=size, old_note=old_note)

    def drop_tree(self) -> bool:
        """
        Forget the Merkle tree: the worker builds it anew, the same.

        What was signed stays. Returns whether it was done; not while another worker has
        the book.
        """
        with self._store.following() as follower:
            if follower is None:
                return False
            follower.tree_growth.forget()
            return True
