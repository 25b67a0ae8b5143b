"""
What happened, and what the book answers when it is told.

An event is known by who states it and what they call it: *source* and *id*
together, as in CloudEvents. Telling the book twice is not an error, it is Tuesday.
So the answer to an event is one of four values, never an exception:

=========== ================================================ ==================
answer      when                                             written?
=========== ================================================ ==================
Recorded    the event is new                                 one entry
Duplicate   the same event is in the book                    nothing
Conflict    another event has this source and id             nothing
Refused     the event cannot be taken as it is               nothing
=========== ================================================ ==================

Source:
    CloudEvents 1.0.2 for the names and for the identity. *customer* and *actor* are
    extension attributes of ours.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - msgspec reads the annotations

from typing import Literal, TypeAlias

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    A fact about usage, as its source states it.

    Nothing is checked at birth: the book answers a bad event with `Refused`, so that
    it does not sink the batch that it came in.

    Attributes:
        source: Who states it. With *id* it is unique for the life of the book.

        id: What the source calls it.

        type: What kind of thing happened. Meters choose their events by it.

        time: When it happened, by the source's clock. Aware, with any offset, to the
            microsecond. None means when the book is told: a retry without a time is
            a duplicate, and the time of the first receipt stands.

        customer: Who pays, if the source knows. It need not be declared before.

        subject: Who used it, by the source's name for them.

        actor: Who acted, if that is another than *subject*.

        data: The facts. JSON values, with int or Decimal for numbers; no binary
            floating point.

        extensions: Other CloudEvents attributes. Kept, but no part of what makes two
            events the same.
    """

    source: str
    id: str
    type: str
    time: dt.datetime | None = None
    customer: str | None = None
    subject: str | None = None
    actor: str | None = None
    data: dict[str, object] = {}
    extensions: dict[str, object] = {}


class Warn(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    Something to look at in an event that was recorded all the same.

    Attributes:
        code: `unmatched` if no meter reads the event; `unattributed` if nobody pays
            for it yet; `unusable` if a meter reads it and cannot take its value.

        meter_key: Which meter, for `unusable`; None otherwise.

        detail: The sentence to the user.
    """

    code: Literal["unmatched", "unattributed", "unusable"]
    meter_key: str | None = None
    detail: str


class Recorded(
    msgspec.Struct, frozen=True, gc=False, tag_field="outcome", tag="recorded"
):
    """
    The event is new, durable, and is now entry *entry_id*.

    Attributes:
        entry_id: The entry. Its place in the book's order is numbered later.

        warnings: What to look at, if anything is known at once.
    """

    entry_id: int
    warnings: tuple[Warn, ...] = ()


class Duplicate(
    msgspec.Struct, frozen=True, gc=False, tag_field="outcome", tag="duplicate"
):
    """
    The same event is entry *entry_id* already. Nothing was written.
    """

    entry_id: int


class Conflict(
    msgspec.Struct, frozen=True, gc=False, tag_field="outcome", tag="conflict"
):
    """
    Another event has this source and id, as entry *entry_id*. Nothing was written.

    The source has a mistake, or two sources share a name: both are worth a page.
    """

    entry_id: int


class Refused(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    tag_field="outcome",
    tag="refused",
):
    """
    The event cannot be taken as it is. Nothing was written.

    Attributes:
        code: What is wrong, for programs: `missing_field`, `unknown_field`,
            `wrong_type`, `empty`, `too_long`, `too_large`, `too_deep`, `not_text`,
            `not_exact`, `out_of_range`, `in_the_future`, `reserved` or `malformed`.

        field: Where, as a path: `source`, `data.usage.tokens`, `data.items[2]`. Empty
            if it is the whole document.

        reason: A sentence that names the field, what was found, and what to do.
    """

    code: str
    field: str
    reason: str


Recording: TypeAlias = Recorded | Duplicate | Conflict | Refused
