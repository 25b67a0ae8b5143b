"""
Whose usage was it, then? Subjects belong to customers for a time.

::

    effective   acme         nobody        globex
    user-7   ----[-------------[-------------[------------>
                        ^
                        an event here is acme's, whenever the book hears of it

Who pays is settled when the event is recorded: the customer that the source states,
or the one to whom the subject belonged when it happened, by what the book knew then.
What the book hears later does not move what was settled. Only usage that belonged to
nobody is still open, and goes to the first customer that a later entry gives it to.

Laws (tests/laws/test_attribution.py):
    - *Oracle*: looking at every entry in turn, with the timeline built anew.
    - *History stays*: more entries never change a payer that is settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Iterable


class Attribution(NamedTuple):
    """
    From *effective_at* on, a subject belongs to *customer*, the book was told.

    Of two that hold from the same instant, the one with the later place holds.

    Attributes:
        customer: Who pays from then on; None if nobody does.

        effective_at: In microseconds since 1970; included.

        seq: The place in the book at which it was said.
    """

    customer: str | None
    effective_at: int
    seq: int


def payer(
    stated: str | None,
    occurred_at: int,
    seq: int,
    attributions: Iterable[Attribution],
    *,
    upto_seq: int,
) -> tuple[str | None, int]:
    """
    Return who pays for an event, and the place in the book that settles it.

    Args:
        stated: The customer that the source states; None if it does not.

        occurred_at: When the event happened, in microseconds since 1970.

        seq: The event's place in the book.

        attributions: Those of the event's subject, sorted by their places.

        upto_seq: The last place to look at, which is what is known as of then.

    Returns:
        The customer, and *seq* or the place of the later attribution that gave the
        event to them. None and *seq* while it belongs to nobody.
    """
    if stated is not None:
        return stated, seq

    owner: str | None = None
    since: int | None = None
    for said in attributions:
        # What came after the event can only settle what is still open.
        if said.seq > seq and (owner is not None or said.seq > upto_seq):
            break
        if said.effective_at > occurred_at:
            continue
        if since is None or said.effective_at >= since:
            owner, since = said.customer, said.effective_at
            if said.seq > seq and owner is not None:
                return owner, said.seq

    return owner, seq
