r"""
Is this an event? What the book asks of every event before it keeps it.

::

    Event  ->  admit  ->  Admitted   what a store writes
                    \->  Refused    which field, what was found, what to do

Only the envelope is judged: shape, sizes, names, time. What a meter makes of the
data is the meter's affair, and no reason to lose the event.

The *fingerprint* says whether two events are the same. It covers what the source
said, as it said it: an absent time stays absent, so that an honest retry without one
is a duplicate; extensions such as `traceparent` differ from try to try and do not
count.

Laws (tests/laws/test_admission.py):
    - *Two ways*: the quick and the careful look at the envelope say the same.
    - *Injective*: two fingerprints are equal only if every part is.
    - *Indifferent*: the order of keys and the spelling of numbers do not count.

Source:
    CloudEvents 1.0.2 for what an event must have. The limits are our choice.
"""

from __future__ import annotations

import hashlib
import re

from datetime import UTC, datetime
from typing import Final, TypeAlias, cast

import msgspec

from meterbook.foundation.errors import InvalidInstantError
from meterbook.foundation.instants import EPOCH, SECOND, to_micros
from meterbook.metering.canonical import (
    canonical_text,
    quick_text,
    refusal,
    segment,
    shown,
    text_fault,
)
from meterbook.metering.events import Event, Refused


# Any URI, UUID or e-mail address that is used as a name; and it keeps the identity
# index narrow, which is what recording costs.
NAME_CHARS_MAX: Final = 255
SOURCE_CHARS_MAX: Final = NAME_CHARS_MAX
ID_CHARS_MAX: Final = NAME_CHARS_MAX
TYPE_CHARS_MAX: Final = NAME_CHARS_MAX
CUSTOMER_CHARS_MAX: Final = NAME_CHARS_MAX
SUBJECT_CHARS_MAX: Final = NAME_CHARS_MAX
ACTOR_CHARS_MAX: Final = NAME_CHARS_MAX

# Trace context and routing hints; facts belong in `data`.
EXTENSIONS_BYTES_MAX: Final = 4_096

# CloudEvents recommends 20 and asks for no limit; the book's own control entries.
EXTENSION_NAME_CHARS_MAX: Final = 64

# Sources with this beginning are the book's own: voids and attributions.
RESERVED_SOURCE: Final = "meterbook:"

# Clocks of honest machines differ by less; a timestamp in the wrong unit by more.
FUTURE_TOLERANCE: Final = 300 * SECOND

_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]+")

# What CloudEvents or we call something else already.
_ATTRIBUTES: Final = frozenset({
    "specversion", "source", "id", "type", "time", "subject", "customer", "actor",
    "data", "datacontenttype",
})  # fmt: skip

_ENCODER: Final = msgspec.json.Encoder()

# Source, id, type, subject, actor and customer.
_Names: TypeAlias = tuple[str, str, str, str | None, str | None, str | None]


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """
    An event that the book takes, in the form that a store writes.

    Attributes:
        source: Who states it.

        event_id: What the source calls it.

        type: What kind of thing happened.

        subject: Who used it, by name; None if not said.

        actor: Who acted, by name; None if not said.

        customer: Who pays, as stated; None if not said.

        occurred_at: In microseconds since 1970. When it was received if the source
            gave no time.

        time_given: Whether the source gave a time. If not, the fingerprint has none.

        data_text: The data as canonical JSON text. `{}` if there is none.

        extensions_text: Other attributes, likewise. Empty if there are none.
    """

    source: str
    event_id: str
    type: str
    subject: str | None
    actor: str | None
    customer: str | None
    occurred_at: int
    time_given: bool
    data_text: str
    extensions_text: str


def admit(
    event: Event, *, now_us: int, future_tolerance_us: int = FUTURE_TOLERANCE
) -> Admitted | Refused:
    """
    Return *event* as a store writes it, or why the book does not take it.

    The first fault is reported, in this order: source, id, type, subject, actor,
    customer, time, data, extensions.

    Args:
        event: As its source states it. Nothing about it is trusted.

        now_us: When it was received, by the book's clock, in microseconds since 1970.

        future_tolerance_us: How much later than *now_us* it may have occurred.
            Exactly that much is accepted. The past has no limit.
    """
    latest_us = now_us + future_tolerance_us
    quick = _quick(event, now_us, latest_us) if type(event) is Event else None
    return quick or careful_admit(event, now_us=now_us, latest_us=latest_us)


def careful_admit(event: Event, *, now_us: int, latest_us: int) -> Admitted | Refused:
    """
    Return what `admit` returns, looking at one field after the other.

    Args:
        event: As its source states it.

        now_us: When it was received, in microseconds since 1970.

        latest_us: The last instant at which it may have occurred.
    """
    if not isinstance(event, Event):
        found = f"is {type(event).__name__}"
        return refusal("wrong_type", "event", found, "send a meterbook Event.")

    names = names_of(event)
    if isinstance(names, Refused):
        return names

    occurred_at = _occurred_at(event.time, now_us, latest_us)
    if isinstance(occurred_at, Refused):
        return occurred_at

    data = canonical_text(event.data, field="data")
    if isinstance(data, Refused):
        return data

    extensions = extensions_text(event.extensions)
    if isinstance(extensions, Refused):
        return extensions

    time_given = event.time is not None
    return Admitted(*names, occurred_at, time_given, data.decode(), extensions)


def fingerprint(  # noqa: PLR0913 - the parts of a content are eight
    *,
    source: str,
    event_id: str,
    type: str,  # noqa: A002 - as CloudEvents calls it
    subject_ref: int | None,
    customer: str | None,
    actor_ref: int | None,
    time_us: int | None,
    data: bytes,
) -> bytes:
    """
    Return 32 bytes that two events share only if they say the same.

    Args:
        source: Who states it.

        event_id: What the source calls it.

        type: What kind of thing happened.

        subject_ref: The number that stands for the subject's name, which can be
            erased without changing the fingerprint; None if there is no subject.

        customer: Who pays, as stated.

        actor_ref: The number that stands for the actor's name.

        time_us: The time as given, in microseconds since 1970; None if not given.

        data: The canonical text of the data, in UTF-8.

    Returns:
        SHA-256 over two JSON texts, one after the other: an array of the rest, then
        the data. JSON quotes its strings and closes its brackets, so no part can
        run into the next: `a:b` and `c` are not `a` and `b:c`.
    """
    head = _ENCODER.encode(
        (source, event_id, type, subject_ref, customer, actor_ref, time_us)
    )
    return hashlib.sha256(head + data).digest()


def _quick(event: Event, now_us: int, latest_us: int) -> Admitted | None:
    """
    Return *event* admitted if a quick look finds nothing to doubt, else None.

    The look at the names: ASCII, together no longer than one may be, and none begins
    with a space or a control character, so that none is empty, blank, too long or not
    text. Nine of ten events pass, in half the time that their hash takes: the checks
    are written out, since each call would cost as much as it does.
    """
    source, event_id, kind = event.source, event.id, event.type
    subject, actor, customer = event.subject, event.actor, event.customer
    if not (
        type(source) is str
        and type(event_id) is str
        and type(kind) is str
        and (subject is None or (type(subject) is str and subject >= "!"))
        and (actor is None or (type(actor) is str and actor >= "!"))
        and (customer is None or (type(customer) is str and customer >= "!"))
        and source >= "!"
        and event_id >= "!"
        and kind >= "!"
    ):
        return None

    names = f"{source}{event_id}{kind}{subject or ''}{actor or ''}{customer or ''}"
    if (
        len(names) > NAME_CHARS_MAX
        or not names.isascii()
        or "\0" in names
        or RESERVED_SOURCE in names
        or event.extensions != {}
    ):
        return None

    time, occurred_at = event.time, now_us
    if time is not None:
        if type(time) is not datetime or time.tzinfo is not UTC:
            return None
        since = time - EPOCH
        seconds = since.days * 86_400 + since.seconds
        occurred_at = seconds * 1_000_000 + since.microseconds

    data = quick_text(event.data)
    if data is None or occurred_at > latest_us:
        return None

    given, text = time is not None, data.decode()
    return Admitted(
        source, event_id, kind, subject, actor, customer, occurred_at, given, text, ""
    )


def names_of(event: Event) -> _Names | Refused:
    """
    Return the names of *event* as exact text, or which of them is at fault.
    """
    names: list[str | None] = []
    for field, value, chars_max, required in (
        ("source", event.source, SOURCE_CHARS_MAX, True),
        ("id", event.id, ID_CHARS_MAX, True),
        ("type", event.type, TYPE_CHARS_MAX, True),
        ("subject", event.subject, SUBJECT_CHARS_MAX, False),
        ("actor", event.actor, ACTOR_CHARS_MAX, False),
        ("customer", event.customer, CUSTOMER_CHARS_MAX, False),
    ):
        if value is not None or required:
            fault = _name_fault(value, field, chars_max)
            if fault is not None:
                return fault
        names.append(None if value is None else str.__str__(value))

    if event.source.startswith(RESERVED_SOURCE):
        found = f"begins with {RESERVED_SOURCE!r}, which the book's own entries use"
        return refusal("reserved", "source", found, "use another name.")

    return cast("_Names", tuple(names))


def _name_fault(value: object, field: str, chars_max: int) -> Refused | None:
    """
    Return why *value* is no name, or None if it is.
    """
    limits = f"use 1 to {chars_max} characters that are not all spaces."
    if value is None:
        return refusal("missing_field", field, "is missing", limits)
    if not isinstance(value, str):
        found = f"is {type(value).__name__}, not text"
        return refusal("wrong_type", field, found, limits)
    if not value:
        return refusal("empty", field, "is empty", limits)
    if len(value) > chars_max:
        found = f"is {shown(value)}, {len(value)} characters long"
        return refusal("too_long", field, found, limits)
    if value.isspace():
        return refusal("empty", field, f"is blank ({shown(value)})", limits)

    return text_fault(value, field)


def _occurred_at(time: object, now_us: int, latest_us: int) -> int | Refused:
    """
    Return *time* in microseconds since 1970, *now_us* if it is None, or its fault.
    """
    if time is None:
        return now_us
    try:
        occurred_at = to_micros(time)  # type: ignore[arg-type]  # it checks
    except InvalidInstantError as error:
        advice = "use an aware datetime, such as one in UTC."
        return refusal("malformed", "time", f"cannot be used ({error})", advice)
    if occurred_at <= latest_us:
        return occurred_at

    found = (
        f"is {time}, more than {(latest_us - now_us) // SECOND} seconds ahead of the "
        "book's clock"
    )
    advice = "send usage that has occurred, and check the source's clock and its unit."
    return refusal("in_the_future", "time", found, advice)


def extensions_text(extensions: object) -> str | Refused:
    """
    Return the other attributes of an event as canonical JSON text; "" if none.

    Args:
        extensions: By name. Names are lower-case letters and digits; values are text,
            whole numbers or flags, as in CloudEvents.
    """
    if not isinstance(extensions, dict):
        found = f"is {type(extensions).__name__}"
        return refusal("wrong_type", "extensions", found, "send a dict of attributes.")

    for name, value in extensions.items():
        if fault := _extension_fault(name, value):
            return fault

    text = canonical_text(extensions, field="extensions")
    if isinstance(text, Refused):
        return text
    if len(text) > EXTENSIONS_BYTES_MAX:
        found = f"come to more than {EXTENSIONS_BYTES_MAX} bytes"
        return refusal("too_large", "extensions", found, "put facts in data.")

    return text.decode() if extensions else ""


def _extension_fault(name: object, value: object) -> Refused | None:
    """
    Return why this is no extension attribute, or None if it is one.
    """
    if not isinstance(name, str):
        found = f"has a name of type {type(name).__name__}"
        return refusal("wrong_type", "extensions", found, "use text for names.")

    field = f"extensions.{segment(name)}"
    if name in _ATTRIBUTES:
        return refusal("reserved", field, "is an attribute of its own", "rename it.")
    if len(name) > EXTENSION_NAME_CHARS_MAX or _EXTENSION_NAME.fullmatch(name) is None:
        advice = f"use 1 to {EXTENSION_NAME_CHARS_MAX} lower-case letters and digits."
        return refusal("malformed", field, "is no name of an extension", advice)
    if not isinstance(value, str | int):
        found = f"is {type(value).__name__}"
        return refusal("wrong_type", field, found, "send text, an int or a flag.")

    return None
