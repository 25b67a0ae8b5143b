"""
Entries as rows: what was admitted, in the order of a store's columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.metering.admission import fingerprint
from meterbook.ports import EVENT


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meterbook.metering.admission import Admitted
    from meterbook.ports import Known, NewEntry


def rows_of(
    offers: Sequence[Admitted], ids: Mapping[str | None, int | None], now: int
) -> list[NewEntry]:
    """
    Return a row for each offer.

    Args:
        offers: What was admitted.

        ids: The ids of everybody who is named in them, and None for None.

        now: When they are recorded.

    Raises:
        KeyError: If somebody is not among *ids*.
    """
    return [
        (
            EVENT,
            offer.source,
            offer.event_id,
            offer.type,
            subject := ids[offer.subject],
            actor := ids[offer.actor],
            offer.customer,
            offer.occurred_at,
            1 if offer.time_given else 0,
            offer.data_text,
            offer.extensions_text,
            fingerprint(
                source=offer.source,
                event_id=offer.event_id,
                type=offer.type,
                subject_ref=subject,
                customer=offer.customer,
                actor_ref=actor,
                time_us=offer.occurred_at if offer.time_given else None,
                data=offer.data_text.encode(),
            ),
            now,
        )
        for offer in offers
    ]


def rows_if_named(
    offers: Sequence[Admitted], ids: Mapping[str | None, int | None], now: int
) -> list[NewEntry] | None:
    """
    Return what `rows_of` returns; None if somebody is not among *ids*.
    """
    try:
        return rows_of(offers, ids, now)
    except KeyError:
        return None


def is_same(offer: Admitted, entry: Known, names: Mapping[int, str]) -> bool:
    """
    Tell whether *offer* says what *entry* says, people known by name, not by number.

    An erased person has no name any more: whoever is named in that place is taken for
    them, for nobody can tell. *names* are those of the people of *entry*, as far as
    they were not erased.
    """
    if not _same_person(offer.subject, entry.subject_id, names):
        return False

    if not _same_person(offer.actor, entry.actor_id, names):
        return False

    ids = {offer.subject: entry.subject_id, offer.actor: entry.actor_id}
    [row] = rows_of([offer], ids, offer.occurred_at)
    return row[11] == entry.fingerprint


def _same_person(
    name: str | None, person_id: int | None, names: Mapping[int, str]
) -> bool:
    if name is None or person_id is None:
        return name is None and person_id is None

    return names.get(person_id, name) == name
