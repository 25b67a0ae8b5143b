"""
What the book itself writes: voids and attributions, as entries of reserved sources.

=======================  =====================  ================================
source                   event id               type
=======================  =====================  ================================
`meterbook:void`         the voided entry's id  `meterbook.void`
`meterbook:attribution`  the caller's, or new   `meterbook.attribution`
=======================  =====================  ================================

They have an identity as events have, so that doing the same thing twice is inert: an
entry can be voided once, and a retried attribution is a duplicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.foundation.errors import InvalidQueryError
from meterbook.metering.admission import NAME_CHARS_MAX, fingerprint
from meterbook.metering.canonical import canonical_text, text_fault
from meterbook.metering.events import Refused


if TYPE_CHECKING:
    from meterbook.ports import NewEntry


VOID_SOURCE = "meterbook:void"
VOID_TYPE = "meterbook.void"
ATTRIBUTION_SOURCE = "meterbook:attribution"
ATTRIBUTION_TYPE = "meterbook.attribution"

# A few sentences, or a link to the ticket.
REASON_CHARS_MAX = 1_000


def control_row(  # noqa: PLR0913 - the columns of an entry
    kind: int,
    *,
    source: str,
    event_id: str,
    type_: str,
    actor_id: int | None,
    occurred_at: int,
    data: dict[str, object],
    now: int,
    subject_id: int | None = None,
    customer: str | None = None,
) -> NewEntry:
    """
    Return the row of a control entry.

    Raises:
        InvalidQueryError: If there is text in *data* that cannot be stored.
    """
    text = canonical_text(data, field="data")
    if isinstance(text, Refused):
        raise InvalidQueryError(text.reason)

    content = fingerprint(
        source=source,
        event_id=event_id,
        type=type_,
        subject_ref=subject_id,
        customer=customer,
        actor_ref=actor_id,
        time_us=occurred_at,
        data=text,
    )
    return (
        kind,
        source,
        event_id,
        type_,
        subject_id,
        actor_id,
        customer,
        occurred_at,
        1,
        text.decode(),
        "",
        content,
        now,
    )


def check_stated(field: str, text: object, *, chars_max: int = NAME_CHARS_MAX) -> None:
    """
    Check that *text* says something: an actor, a reason, a name.

    It does if it has 1 to *chars_max* characters that are not all spaces. *field* is
    what to call it in the error.

    Raises:
        InvalidQueryError: If it does not.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > chars_max:
        message = f"{field} must be text of 1 to {chars_max} characters, not blank."
        raise InvalidQueryError(message)

    if fault := text_fault(text, field):
        raise InvalidQueryError(fault.reason)


def check_accountable(*, actor: str, reason: str) -> None:
    """
    Check that it is said who does this, and why.

    Raises:
        InvalidQueryError: If either is missing or blank, or cannot be stored.
    """
    check_stated("actor", actor)
    check_stated("reason", reason, chars_max=REASON_CHARS_MAX)
