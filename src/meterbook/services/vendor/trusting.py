"""
Whose keys does the receiver trust? Those that a person said are an installation's.

A report states the key that it is signed by, and anybody can make a key. So the first
report of an installation is not believed by itself: whoever accepts it says that the
key is theirs, having compared it with what the customer tells in another way. Or the
licence names installation and key from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meterbook.proof.keys import VerifierKey
from meterbook.services.entries.stating import state, statement_id, statements


if TYPE_CHECKING:
    from meterbook.ports import Reader, Writer


TRUSTED_TYPE: Final = "meterbook.instance.trusted"


def trust_key(  # noqa: PLR0913 - whose key it is, and who says so
    writer: Writer,
    *,
    customer: str,
    instance: str,
    key: VerifierKey,
    actor_id: int | None,
    now: int,
) -> None:
    """
    State that *key* is that of an installation of a customer. Said again: nothing.
    """
    if key in trusted(writer).get((customer, instance), []):
        return

    state(
        writer,
        type_=TRUSTED_TYPE,
        customer=customer,
        body={"instance": instance, "key": key.to_text()},
        actor_id=actor_id,
        occurred_at=now,
        now=now,
        event_id=statement_id("key", customer, instance, key.to_text()),
    )


def trusted(reader: Reader) -> dict[tuple[str, str], list[VerifierKey]]:
    """
    Return the trusted keys by customer and installation.
    """
    keys: dict[tuple[str, str], list[VerifierKey]] = {}
    for said in statements(reader, customer=None, type_=TRUSTED_TYPE):
        whose = (said.customer, str(said.body["instance"]))
        keys.setdefault(whose, []).append(VerifierKey.from_text(str(said.body["key"])))
    return keys
