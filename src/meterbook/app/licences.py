"""
Licences of a book: those that it issues, and those that are installed in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.clocks import new_id
from meterbook.foundation.instants import to_moment
from meterbook.licensing.validity import verify_licence
from meterbook.services.installations import instances, licensing


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.licensing.licences import Licence
    from meterbook.licensing.validity import Verification
    from meterbook.ports import Clock, Store
    from meterbook.proof.keys import Signer, VerifierKey
    from meterbook.services.installations.licensing import Installing, KeptLicence


class Licences:
    """
    The licences of one book.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def issue(
        self, licence: Licence, *, signer: Signer, actor: str | None = None
    ) -> KeptLicence:
        """
        Sign a licence for a customer and keep it; see `services.licensing.issue`.

        Raises:
            RefusedLicenceError: Another licence was issued under this name.
        """
        return licensing.issue(
            self._store, self._clock, licence, signer=signer, actor=actor
        )

    def install(
        self, note: bytes, *, keys: Sequence[VerifierKey] = (), actor: str | None = None
    ) -> Installing:
        """
        Verify a licence and keep it if it is for us; see `services.licensing.install`.

        Args:
            note: The licence, byte for byte.

            keys: The vendor's public keys. Those of licences installed before are
                known.

            actor: Who installs it.

        Raises:
            InvalidLicenceError: The vendor has signed it, and it cannot be used.
        """
        return licensing.install(
            self._store, self._clock, new_id, note, keys=keys, actor=actor
        )

    def verify(self, note: bytes, *, keys: Sequence[VerifierKey] = ()) -> Verification:
        """
        Return whether *note* is a licence, for this installation, and good now.

        Nothing is changed.

        Raises:
            InvalidLicenceError: A known key has signed it, and it cannot be used.
        """
        now = self._clock.now()
        with self._store.reading() as reader:
            here = instances.current(reader)
            before = licensing.installed(reader)
            return verify_licence(
                note,
                keys=[*keys, *licensing.trusted_keys(reader)],
                at=to_moment(instances.time_of(reader, clock=now).at),
                instance=None if here is None else here.instance_id,
                customer=before[0].licence.customer if before else None,
            )

    def current(self) -> Verification | None:
        """
        Return how the licence stands that holds now; None if none is installed.
        """
        now = self._clock.now()
        with self._store.reading() as reader:
            here = instances.current(reader)
            return licensing.licence_now(
                reader,
                at=to_moment(instances.time_of(reader, clock=now).at),
                instance=None if here is None else here.instance_id,
            )

    def installed(self) -> list[KeptLicence]:
        """
        Return the licences that are installed here, in the order in which they were.
        """
        with self._store.reading() as reader:
            return licensing.installed(reader)

    def issued(self, *, customer: str | None = None) -> list[KeptLicence]:
        """
        Return the licences that were issued here, to one customer or to all.
        """
        with self._store.reading() as reader:
            return licensing.issued(reader, customer=customer)
