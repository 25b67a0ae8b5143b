"""
Usage reports of a book: those that it makes, and those that it accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.app.clocks import new_id
from meterbook.foundation.instants import to_moment
from meterbook.licensing.merging import combined
from meterbook.services.installations import carding, instances, reporting
from meterbook.services.vendor import accepting, overseeing
from meterbook.services.vendor.received import note_of, received, said_together
from meterbook.services.worker import following


if TYPE_CHECKING:
    from meterbook.licensing.cards import Card
    from meterbook.licensing.merging import CombinedMonth
    from meterbook.licensing.verdicts import Verdict
    from meterbook.ports import Clock, Store
    from meterbook.proof.keys import Signer, VerifierKey
    from meterbook.services.installations.reporting import Made
    from meterbook.services.vendor.accepting import Excuse
    from meterbook.services.vendor.overseeing import InstallationView
    from meterbook.services.vendor.received import Received


class Reports:
    """
    The usage reports of one book.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def make(
        self, *, signer: Signer, current: bool = False, names: bool = False
    ) -> Made:
        """
        Make a report of every month of every licence, sign it, and remember it.

        The worker catches up first, unless another one is at work: what has no place in
        the book yet is in the next report.

        Args:
            signer: The installation's key.

            current: Whether to report the month in progress, too.

            names: Whether to say who was there at each peak.

        Raises:
            NoLicenceError: No licence says what to report.

            NothingToReportError: No month is complete; the message says when the first
                will be.
        """
        # An id that is made now has its place in the book before the report is read.
        instances.settled(self._store, self._clock, new_id)
        self._catch_up()
        return reporting.make(
            self._store,
            self._clock,
            new_id,
            signer=signer,
            current=current,
            names=names,
        )

    def accept(
        self,
        note: bytes,
        *,
        trust: VerifierKey | None = None,
        excuse: Excuse | None = None,
        actor: str | None = None,
    ) -> Verdict:
        """
        Take in a report, and answer what becomes of it; see `services.accepting`.
        """
        return accepting.accept(
            self._store, self._clock, note, trust=trust, excuse=excuse, actor=actor
        )

    def overview(self, *, customer: str | None = None) -> list[InstallationView]:
        """
        Return each installation that reported, and each licence of which none did.
        """
        now = to_moment(self._clock.now())
        with self._store.reading() as reader:
            return overseeing.overview(reader, now=now, customer=customer)

    def months(self, *, customer: str | None = None) -> list[CombinedMonth]:
        """
        Return every month that was reported, installations added, in order.

        Each says how many users are to be billed on top, and by which reports and
        checkpoints that is shown.
        """
        with self._store.reading() as reader:
            return combined(said_together(reader, customer=customer))

    def accepted(self, *, customer: str | None = None) -> list[Received]:
        """
        Return the reports that were accepted, in the order in which they came in.
        """
        with self._store.reading() as reader:
            return received(reader, customer=customer)

    def note_of(self, one: Received) -> str:
        """
        Return a report that was accepted, byte for byte.
        """
        with self._store.reading() as reader:
            return note_of(reader, one)

    def card(self) -> Card:
        """
        Return the report card of this installation, as of now.
        """
        self._catch_up()
        now = self._clock.now()
        with self._store.reading() as reader:
            return carding.card(reader, clock=now)

    def _catch_up(self) -> None:
        if self._store.can_follow:
            following.catch_up(self._store)
