"""
Licences: issued by a vendor into its book, installed at a customer's into theirs.

::

    the vendor's book             a file, by hand             the installation's book
    issue  ---- signs ---->  acme-2026.licence  ---->  install ---- verifies
    "meterbook.licence.issued"                  "meterbook.licence.installed"

What was installed stays: several licences make a history, and months of an older one
can still be reported. A licence is verified when it is installed, with the vendor's
public key, and the key is remembered: a later licence is verified with it.
"""

from __future__ import annotations

import hashlib

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import RefusedLicenceError
from meterbook.foundation.instants import to_micros, to_moment
from meterbook.licensing.licences import Licence, read_licence
from meterbook.licensing.months import terms
from meterbook.licensing.validity import (
    Forged,
    NotForUs,
    standing,
    verify_licence,
)
from meterbook.metering.events import Conflict
from meterbook.proof.keys import VerifierKey
from meterbook.proof.notes import parsed, sign_note
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.stating import THE_BOOK, state, statement_id, statements
from meterbook.services.entries.trying import persistently
from meterbook.services.installations import instances
from meterbook.services.vendor.trusting import trust_key


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Sequence

    from meterbook.licensing.months import Term
    from meterbook.licensing.validity import Verification
    from meterbook.ports import Clock, Reader, Store
    from meterbook.proof.keys import Signer
    from meterbook.services.entries.stating import Statement


ISSUED_TYPE: Final = "meterbook.licence.issued"
INSTALLED_TYPE: Final = "meterbook.licence.installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLicence:
    """
    A licence as a book keeps it.

    Attributes:
        licence: What it says.

        note: As it was signed, byte for byte.

        kept_at: When it was issued or installed here.

        entry_id: The entry that keeps it.

        place: Its place; None while it has none.
    """

    licence: Licence
    note: str
    kept_at: dt.datetime
    entry_id: int
    place: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installing:
    """
    What became of a licence that was offered to an installation.

    Attributes:
        verification: Whether it is one, for us, and good now.

        installed: It is kept, now or since before. One that is forged or for somebody
            else is not; one that has expired is, for its months can be reported.
    """

    verification: Verification
    installed: bool


def issue(
    store: Store,
    clock: Clock,
    licence: Licence,
    *,
    signer: Signer,
    actor: str | None = None,
) -> KeptLicence:
    """
    Sign a licence, and keep what was signed.

    Issued again as it was, it is the same note.

    Args:
        store: The vendor's book.

        clock: Its clock.

        licence: What to sign.

        signer: The vendor's key.

        actor: Who issues it.

    Raises:
        RefusedLicenceError: Another licence was issued under this name.
    """
    note = sign_note(licence.to_text(), [signer])
    now = clock.now()

    def say() -> None:
        with store.writing() as writer:
            actor_id = named_now(writer, {actor})[actor]
            stated = state(
                writer,
                type_=ISSUED_TYPE,
                customer=licence.customer,
                body={"licence": licence.licence_id, "note": note},
                actor_id=actor_id,
                occurred_at=to_micros(licence.issued_at),
                now=now,
                event_id=statement_id("licence", licence.licence_id),
            )
            if isinstance(stated, Conflict):
                message = (
                    f"A licence {licence.licence_id} was issued before, and says "
                    "otherwise: give this one another name."
                )
                raise RefusedLicenceError(message)
            if licence.instance is not None and licence.instance_key is not None:
                trust_key(
                    writer,
                    customer=licence.customer,
                    instance=licence.instance,
                    key=licence.instance_key,
                    actor_id=actor_id,
                    now=now,
                )

    persistently(say)
    with store.reading() as reader:
        kept = issued(reader, customer=licence.customer)
    return next(one for one in kept if one.licence.licence_id == licence.licence_id)


def install(  # noqa: PLR0913 - a book, a licence, and who says whose key it is
    store: Store,
    clock: Clock,
    new_id: Callable[[int], str],
    note: bytes,
    *,
    keys: Sequence[VerifierKey],
    actor: str | None = None,
) -> Installing:
    """
    Verify a licence, and keep it if it is one for this installation.

    Args:
        store: The installation's book.

        clock: Its clock.

        new_id: Makes the id of the installation, if it has none yet.

        note: The licence, as it was received.

        keys: The vendor's public keys, besides those of licences installed before.

        actor: Who installs it.

    Raises:
        InvalidLicenceError: The vendor has signed it, and it cannot be used.
    """
    here = instances.settled(store, clock, new_id)
    now = clock.now()

    def say() -> Installing:
        with store.writing() as writer:
            before = installed(writer)
            known = [*keys, *trusted_keys(writer)]
            found = verify_licence(
                note,
                keys=known,
                at=to_moment(instances.time_of(writer, clock=now).at),
                instance=here.instance_id,
                customer=before[0].licence.customer if before else None,
            )
            if isinstance(found, Forged | NotForUs):
                return Installing(verification=found, installed=False)

            licence = found.licence
            state(
                writer,
                type_=INSTALLED_TYPE,
                customer=THE_BOOK,
                body={
                    "licence": licence.licence_id,
                    "note": note.decode(),
                    "keys": [key.to_text() for key in dict.fromkeys(known)],
                },
                actor_id=named_now(writer, {actor})[actor],
                occurred_at=to_micros(licence.issued_at),
                now=now,
                event_id=statement_id("installed", hashlib.sha256(note).hexdigest()),
            )
            return Installing(verification=found, installed=True)

    return persistently(say)


def issued(reader: Reader, *, customer: str | None = None) -> list[KeptLicence]:
    """
    Return the licences that were issued, of one customer or of all, in order.
    """
    said = statements(reader, customer=customer, type_=ISSUED_TYPE)
    return [_kept(one) for one in said]


def installed(reader: Reader) -> list[KeptLicence]:
    """
    Return the licences that are installed, in the order in which they were.
    """
    said = statements(reader, customer=THE_BOOK, type_=INSTALLED_TYPE)
    return [_kept(one) for one in said]


def trusted_keys(reader: Reader) -> list[VerifierKey]:
    """
    Return the vendor's keys by which licences were installed, the newest first.
    """
    said = statements(reader, customer=THE_BOOK, type_=INSTALLED_TYPE)
    texts: dict[str, None] = {}
    for one in reversed(said):
        listed = one.body["keys"]
        assert isinstance(listed, list)
        texts.update(dict.fromkeys(str(text) for text in listed))
    return [VerifierKey.from_text(text) for text in texts]


def licence_now(
    reader: Reader, *, at: dt.datetime, instance: str | None
) -> Verification | None:
    """
    Return how the licence stands that holds at a moment; None if none is installed.

    If none holds: the last that did, else the first that will.
    """
    term = term_now(terms(one.licence for one in installed(reader)), at=at)
    return None if term is None else standing(term.licence, at=at, instance=instance)


def term_now(held: Sequence[Term], *, at: dt.datetime) -> Term | None:
    """
    Return the term that holds at a moment, else the last before it, else the first.
    """
    begun = [term for term in held if term.start is None or term.start <= at]
    return begun[-1] if begun else next(iter(held), None)


def _kept(said: Statement) -> KeptLicence:
    note = str(said.body["note"])
    text, _ = parsed(note.encode())
    return KeptLicence(
        licence=read_licence(text.decode()),
        note=note,
        kept_at=to_moment(said.recorded_at),
        entry_id=said.entry_id,
        place=said.place,
    )
