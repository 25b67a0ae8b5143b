"""
Events as CloudEvents 1.0 writes them: one JSON document each.

::

    {"specversion": "1.0", "source": "api", "id": "e-1", "type": "llm.tokens",
     "time": "2026-01-31T09:30:00Z", "subject": "user-7", "customer": "acme",
     "traceparent": "00-4bf9...", "data": {"tokens": 420}}

*customer* and *actor* are extension attributes of ours; others with a legal name are
kept. Anything else that the document says is refused by name, since a misspelt
`custommer` would bill nobody.

Numbers are exact on the way in: 0.1 is a `Decimal`, and 40 digits are 40 digits. Of
a key that comes twice in one object, the last counts, as in most readers of JSON.

Source:
    CloudEvents 1.0.2, "Context Attributes", and its JSON Event Format, structured
    mode. An attribute that is null counts as absent, as there.

Laws (tests/laws/test_cloudevents.py):
    - *Round trip*: decoding what was encoded gives the event.
    - *Two ways*: whichever way it is read, the book's verdict is the same.
"""

from __future__ import annotations

import json

from decimal import Decimal, InvalidOperation
from typing import Final, Literal

import msgspec

from meterbook.foundation.errors import InvalidEventError, InvalidInstantError
from meterbook.foundation.instants import format_instant, parse_utc, to_micros
from meterbook.metering.admission import extensions_text, names_of
from meterbook.metering.canonical import canonical_text, refusal, shown
from meterbook.metering.events import Event, Refused


# A document whose data comes to its limit, with every character escaped, and the
# envelope on top. What is longer is not looked at.
DOCUMENT_BYTES_MAX: Final = 524_288

_MEDIA_TYPE: Final = "application/json"

# Python refuses to read whole numbers beyond some thousands of digits; none beyond
# this many is admitted.
_WHOLE_CHARS_MAX: Final = 1_000


class _Document(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """
    The usual document: every field of its type, and no other extension.
    """

    specversion: Literal["1.0"]
    source: str
    id: str
    type: str
    time: str | None = None
    subject: str | None = None
    customer: str | None = None
    actor: str | None = None
    data: dict[str, object] | None = None
    datacontenttype: Literal["application/json"] | None = None


_DECODER: Final = msgspec.json.Decoder(_Document, float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder()

_TEXTS: Final = ("source", "id", "type", "subject", "customer", "actor", "time")
_REQUIRED: Final = ("specversion", "source", "id", "type")
_CORE: Final = frozenset({*_TEXTS, "specversion", "data", "datacontenttype"})


def decode(line: bytes) -> Event | Refused:
    """
    Return the event that *line* writes, or why it is none.

    Args:
        line: One JSON document in UTF-8. White space around it does not matter.

    Returns:
        An event that may still be refused by `admit`, which checks names and sizes.
        A refusal names the attribute at fault, and has an empty field if the text is
        no JSON: its reason then says at which character.
    """
    try:
        document = _DECODER.decode(line)
    except (ValueError, ArithmeticError, RecursionError):
        return careful_decode(line)
    if len(line) > DOCUMENT_BYTES_MAX:
        return too_large()

    time = document.time
    try:
        moment = None if time is None else parse_utc(time)
    except InvalidInstantError as error:
        return _bad_time(error)

    return Event(
        source=document.source,
        id=document.id,
        type=document.type,
        time=moment,
        customer=document.customer,
        subject=document.subject,
        actor=document.actor,
        data=document.data or {},
    )


def careful_decode(line: bytes) -> Event | Refused:
    """
    Return what `decode` returns, looking at one attribute after the other.

    For documents with other extensions, and for all that are at fault. It also looks
    at the data, since here may be what only Python's reader takes for a number.
    """
    if len(line) > DOCUMENT_BYTES_MAX:
        return too_large()

    attributes = _attributes(line)
    if isinstance(attributes, Refused):
        return attributes

    fault = _fault(attributes)
    if fault is not None:
        return fault

    time = attributes.pop("time", None)
    try:
        moment = None if time is None else parse_utc(str(time))
    except InvalidInstantError as error:
        return _bad_time(error)

    data = attributes.pop("data", None)
    return Event(
        **{name: attributes.get(name) for name in _TEXTS if name != "time"},  # type: ignore[arg-type]  # `_fault` checked them
        time=moment,
        data={} if data is None else data,  # type: ignore[arg-type]  # likewise
        extensions={n: v for n, v in attributes.items() if n not in _CORE},
    )


def encode(event: Event) -> bytes:
    """
    Return *event* as one JSON document, without white space.

    Attributes that are not there are left out. The data is its canonical text, so
    equal events are equal bytes.

    Raises:
        InvalidEventError: If an attribute has no such form; the message names it. The
            book would refuse such an event.
    """
    data = canonical_text(event.data, field="data")
    if isinstance(data, Refused):
        raise InvalidEventError(data.reason)
    extensions = extensions_text(event.extensions)
    if isinstance(extensions, Refused):
        raise InvalidEventError(extensions.reason)

    names = names_of(event)
    if isinstance(names, Refused):
        raise InvalidEventError(names.reason)

    attributes: dict[str, object] = {
        "specversion": "1.0",
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "time": _time_text(event),
        "subject": event.subject,
        "customer": event.customer,
        "actor": event.actor,
        **event.extensions,
        "datacontenttype": _MEDIA_TYPE,
        "data": msgspec.Raw(data),
    }
    said = {name: value for name, value in attributes.items() if value is not None}
    return _ENCODER.encode(said)


def _time_text(event: Event) -> str | None:
    """
    Return the time of *event* as text, or None if it has none.

    Raises:
        InvalidEventError: If it has no zone.
    """
    try:
        return None if event.time is None else format_instant(to_micros(event.time))
    except InvalidInstantError as error:
        message = f"time: {error}"
        raise InvalidEventError(message) from error


def _attributes(line: bytes) -> dict[str, object] | Refused:
    """
    Return the attributes of the document that are not null.

    The standard library reads what msgspec will not, a lone surrogate or a number
    without end, so that the attribute that holds it can be named.
    """
    try:
        document = json.loads(
            line.decode(),
            parse_float=_number,
            parse_int=_number,
            parse_constant=Decimal,
        )
    except UnicodeDecodeError as error:
        return _malformed(f"byte {error.start} is not UTF-8")
    except json.JSONDecodeError as error:
        return _malformed(f"{error.msg} at character {error.pos}")
    except RecursionError:
        advice = "send flatter data."
        return refusal("too_deep", "", "The document is nested too deep", advice)

    if not isinstance(document, dict):
        return _malformed("it is not an object")

    return {name: value for name, value in document.items() if value is not None}


def _number(text: str) -> int | Decimal:
    """
    Return the number that *text* writes; infinity if it is beyond any decimal.
    """
    if len(text) <= _WHOLE_CHARS_MAX and text.lstrip("-").isdigit():
        return int(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def _fault(attributes: dict[str, object]) -> Refused | None:
    """
    Return the first fault of a document, or None if it is an event.
    """
    for name in _REQUIRED:
        if name not in attributes:
            return refusal("missing_field", name, "is missing", "add it.")
    if attributes["specversion"] != "1.0":
        found = f"is {_told(attributes['specversion'])}"
        return refusal("malformed", "specversion", found, 'send "1.0".')
    for name in _TEXTS:
        if not isinstance(attributes.get(name, ""), str):
            found = f"is {_json_type(attributes[name])}"
            return refusal("wrong_type", name, found, "send text.")

    return _data_fault(attributes) or _extensions_fault(attributes)


def _data_fault(attributes: dict[str, object]) -> Refused | None:
    """
    Return what is wrong with the data, or None.
    """
    media_type = attributes.get("datacontenttype", _MEDIA_TYPE)
    if not _is_json(media_type):
        found = f"is {shown(str(media_type))}"
        return refusal("malformed", "datacontenttype", found, f"send {_MEDIA_TYPE}.")

    text = canonical_text(attributes.get("data", {}), field="data")
    return text if isinstance(text, Refused) else None


def _extensions_fault(attributes: dict[str, object]) -> Refused | None:
    """
    Return what is wrong with the other attributes, or None.
    """
    others = {name: value for name, value in attributes.items() if name not in _CORE}
    if "data_base64" in others:
        found = "holds binary data, which no meter can read"
        return refusal("unknown_field", "data_base64", found, "send data as an object.")

    for name in others:
        if not (name.isascii() and name.isalnum() and name == name.lower()):
            field = name if name.isidentifier() and name.isascii() else shown(name)
            found = "is no attribute of an event"
            advice = "put facts in data; extensions have lower-case letters and digits."
            return refusal("unknown_field", field, found, advice)

    text = extensions_text(others)
    return text if isinstance(text, Refused) else None


def _is_json(media_type: object) -> bool:
    """
    Whether *media_type* is JSON: `application/json` or `.../...+json`, any parameters.
    """
    if not isinstance(media_type, str):
        return False

    essence = media_type.partition(";")[0].strip().lower()
    return essence == _MEDIA_TYPE or (essence.endswith("+json") and "/" in essence)


def _json_type(value: object) -> str:
    """
    Return what JSON calls the type of *value*, which is no string.
    """
    match value:
        case bool():
            return "true or false"
        case int() | Decimal():
            return "a number"
        case list():
            return "an array"
        case _:
            return "an object"


def _told(value: object) -> str:
    """
    Return *value* as its source wrote it, or its type if that may be long.
    """
    match value:
        case str():
            return shown(value)
        case bool() | list() | dict():
            return _json_type(value)
        case _:
            return f"the number {value!s:.40}"


def _malformed(found: str) -> Refused:
    """
    Return the refusal of text that is no JSON object.
    """
    reason = f"The document is not a JSON object: {found}."
    return Refused(code="malformed", field="", reason=reason)


def too_large() -> Refused:
    """
    Return the refusal of a document of more than DOCUMENT_BYTES_MAX bytes.
    """
    found = f"The document has more than {DOCUMENT_BYTES_MAX:,} bytes"
    return refusal("too_large", "", found, "send the facts, and a link to the rest.")


def _bad_time(error: InvalidInstantError) -> Refused:
    """
    Return the refusal of a time that is no instant.
    """
    return Refused(code="malformed", field="time", reason=f"time: {error}")
