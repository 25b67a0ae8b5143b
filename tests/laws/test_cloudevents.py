"""
The laws of CloudEvents documents.
"""

from __future__ import annotations

import datetime as dt
import json

from decimal import Decimal

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from laws.odd_values import NOON, mappings, plain_data, plain_texts, texts
from meterbook.foundation.errors import InvalidEventError
from meterbook.foundation.instants import INSTANT_MAX, INSTANT_MIN, to_moment
from meterbook.metering.admission import Admitted, admit
from meterbook.metering.cloudevents import (
    DOCUMENT_BYTES_MAX,
    careful_decode,
    decode,
    encode,
)
from meterbook.metering.events import Event, Refused


LATER = INSTANT_MAX
GOOD = {"specversion": "1.0", "source": "api", "id": "e-1", "type": "llm.tokens"}


def document(**attributes: object) -> bytes:
    return json.dumps(GOOD | attributes).encode()


def refused(answer: object) -> tuple[str, str]:
    assert isinstance(answer, Refused), answer
    assert answer.field in answer.reason
    assert len(answer.reason) < 300
    return answer.code, answer.field


extension_values = plain_texts | st.booleans() | st.integers(-(2**31), 2**31 - 1)
events = st.builds(
    Event,
    source=plain_texts,
    id=plain_texts,
    type=plain_texts,
    time=st.none() | st.integers(INSTANT_MIN, INSTANT_MAX).map(to_moment),
    customer=st.none() | plain_texts,
    subject=st.none() | plain_texts,
    actor=st.none() | plain_texts,
    data=plain_data | mappings,
    extensions=st.dictionaries(
        st.sampled_from(["traceparent", "partitionkey", "dataschema"]), extension_values
    ),
)


@given(told=events)
def test_round_trip(told: Event) -> None:
    """
    A document reads as the event that it was written from, to the microsecond.
    """
    admitted = admit(told, now_us=LATER)
    if isinstance(admitted, Refused):
        with pytest.raises(InvalidEventError, match=r".+"):
            encode(told)
        return

    again = decode(encode(told))

    assert isinstance(again, Event)
    assert again.time == told.time
    assert again.extensions == told.extensions
    assert admit(again, now_us=LATER) == admitted
    assert encode(again) == encode(told)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | texts
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=True, allow_infinity=True),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2)
    ),
    max_leaves=4,
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "specversion": st.just("1.0") | json_values,
        "source": plain_texts | json_values,
        "id": plain_texts,
        "time": st.sampled_from(["2026-01-31T12:00:00Z", "2026-01-31", ""])
        | json_values,
        "customer": json_values,
        "data": st.dictionaries(texts, json_values, max_size=2) | json_values,
        "datacontenttype": st.just("application/json") | json_values,
        "traceparent": json_values,
        "Custommer": json_values,
    },
)


def verdict(answer: Event | Refused) -> Admitted | Refused:
    return answer if isinstance(answer, Refused) else admit(answer, now_us=LATER)


@given(said=attributes)
@example(said={"data": {"n": 10**39}})
@example(said={"data": {"n": "\0"}})
@example(said={"data": None, "customer": None, "traceparent": None})
def test_quick_and_careful_agree(said: dict[str, object]) -> None:
    """
    Whichever way a document is read, the book's verdict on it is the same.
    """
    line = document(**said)

    assert verdict(decode(line)) == verdict(careful_decode(line))


@given(line=st.binary(max_size=40) | st.text('{}[]",:19.eE-\\u ntr', max_size=30))
def test_nothing_is_raised(line: bytes | str) -> None:
    """
    Whatever the bytes, the answer is a refusal: one bad line does not sink a file.
    """
    answer = decode(line.encode() if isinstance(line, str) else line)

    assert isinstance(answer, Refused)


def test_a_document() -> None:
    """
    A document is read as it is written, numbers exact, extensions kept.
    """
    line = b"""
    {"specversion": "1.0", "source": "api", "id": "e-1", "type": "llm.tokens",
     "time": "2026-01-31T13:00:00.0000019+01:00", "subject": "user-7",
     "customer": "acme", "actor": "ops", "traceparent": "00-4bf9", "hops": 3,
     "datacontenttype": "application/json; charset=utf-8",
     "data": {"n": 0.1, "big": 12345678901234567890123456789012345678, "a": [1e2]}}
    """

    assert decode(line) == Event(
        source="api",
        id="e-1",
        type="llm.tokens",
        time=NOON + dt.timedelta(microseconds=1),
        customer="acme",
        subject="user-7",
        actor="ops",
        data={
            "n": Decimal("0.1"),
            "big": 12345678901234567890123456789012345678,
            "a": [Decimal("1E+2")],
        },
        extensions={"traceparent": "00-4bf9", "hops": 3},
    )


def test_what_is_written() -> None:
    """
    An event is written without what it does not say, its data in the one text.
    """
    told = Event(source="api", id="e-1", type="t", data={"b": Decimal("1.50"), "a": 1})

    assert encode(told) == (
        b'{"specversion":"1.0","source":"api","id":"e-1","type":"t",'
        b'"datacontenttype":"application/json","data":{"a":1,"b":1.5}}'
    )


@pytest.mark.parametrize(
    "told",
    [
        Event(source="", id="e-1", type="t"),
        Event(source="\ud800", id="e-1", type="t"),
        Event(source="api", id="e-1", type="t", time=NOON.replace(tzinfo=None)),
        Event(source="api", id="e-1", type="t", data={"a": 0.5}),
        Event(source="api", id="e-1", type="t", extensions={"data": "x"}),
    ],
)
def test_what_cannot_be_written(told: Event) -> None:
    """
    An event that the book would refuse has no document: the error says why.
    """
    with pytest.raises(InvalidEventError, match=r"^(source|time|data|extensions)"):
        encode(told)


@pytest.mark.parametrize(
    ("attributes", "code", "field"),
    [
        ({"specversion": "0.3"}, "malformed", "specversion"),
        ({"specversion": None}, "missing_field", "specversion"),
        ({"specversion": 1.0}, "malformed", "specversion"),
        ({"source": None}, "missing_field", "source"),
        ({"id": 5}, "wrong_type", "id"),
        ({"customer": ["acme"]}, "wrong_type", "customer"),
        ({"subject": {}}, "wrong_type", "subject"),
        ({"actor": True}, "wrong_type", "actor"),
        ({"time": 1_769_860_800}, "wrong_type", "time"),
        ({"time": "2026-01-31"}, "malformed", "time"),
        ({"time": "2026-01-31T12:00:00"}, "malformed", "time"),
        ({"time": ""}, "malformed", "time"),
        ({"time": "", "hops": 3}, "malformed", "time"),
        ({"data": "tokens=5"}, "wrong_type", "data"),
        ({"data": [1]}, "wrong_type", "data"),
        ({"data": {"tokens": float("nan")}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": float("-inf")}}, "out_of_range", "data.tokens"),
        ({"data": {"model": "\ud800"}}, "not_text", "data.model"),
        ({"data_base64": "AAAA"}, "unknown_field", "data_base64"),
        ({"datacontenttype": "text/plain"}, "malformed", "datacontenttype"),
        ({"datacontenttype": 5}, "malformed", "datacontenttype"),
        ({"custom_er": "acme"}, "unknown_field", "custom_er"),
        ({"Customer": "acme"}, "unknown_field", "Customer"),
        ({"trace-parent": "x"}, "unknown_field", "'trace-parent'"),
        ({"": "x"}, "unknown_field", "''"),
        ({"caf\u00e9": "x"}, "unknown_field", "'caf\u00e9'"),
        ({"hops": 1.5}, "wrong_type", "extensions.hops"),
        ({"trace": {"id": 5}}, "wrong_type", "extensions.trace"),
    ],
)
def test_refusals(attributes: dict[str, object], code: str, field: str) -> None:
    """
    A document at fault is refused by the name of the attribute, spelt as it was.
    """
    assert refused(decode(document(**attributes))) == (code, field)


def raw(data: bytes) -> bytes:
    return document()[:-1] + b', "data": ' + data + b"}"


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        pytest.param(b"", "malformed", "character 0", id="empty"),
        pytest.param(b"{", "malformed", "character 1", id="cut off"),
        pytest.param(b"[]", "malformed", "not an object", id="an array"),
        pytest.param(b"5", "malformed", "not an object", id="a number"),
        pytest.param(document() + b"{}", "malformed", "Extra data", id="two of them"),
        pytest.param(
            b"\xff" + document(), "malformed", "byte 0 is not UTF-8", id="bytes"
        ),
        pytest.param(b"\xef\xbb\xbf" + document(), "malformed", "BOM", id="a mark"),
        pytest.param(raw(b'{"a": 01}'), "malformed", "character", id="a zero in front"),
        pytest.param(raw(b"[" * 10**5), "too_deep", "nested too deep", id="too deep"),
        pytest.param(
            document() + b" " * DOCUMENT_BYTES_MAX, "too_large", "bytes", id="too long"
        ),
        pytest.param(
            b"[" * 10**6, "too_large", "bytes", id="too long, and no document"
        ),
        pytest.param(
            raw(b'{"a": 1e9999999999999999999}'), "out_of_range", "data.a", id="huge"
        ),
        pytest.param(raw(b'{"a": NaN}'), "out_of_range", "data.a", id="NaN"),
        pytest.param(raw(b'{"a": Infinity}'), "out_of_range", "data.a", id="infinity"),
        pytest.param(
            raw(b'{"a": ' + b"1" * 5000 + b"}"), "out_of_range", "data.a", id="5k"
        ),
    ],
)
def test_what_is_no_document(line: bytes, code: str, says: str) -> None:
    """
    What cannot be read as JSON is refused, and the reason says where.
    """
    answer = decode(line)

    assert isinstance(answer, Refused)
    assert answer.code == code
    assert says in answer.reason


def test_numbers_beyond_what_is_admitted_are_admitted_by_nobody() -> None:
    """
    A number that explodes when written out is read, and refused by its path.
    """
    answer = decode(raw(b'{"a": 1e999999999}'))

    assert refused(verdict(answer)) == ("out_of_range", "data.a")


def test_the_last_of_two_equal_keys_counts() -> None:
    """
    Of a key that comes twice, the last counts, whichever way it is read.
    """
    line = raw(b'{"a": 1, "a": 2}')

    for answer in (decode(line), careful_decode(line)):
        assert isinstance(answer, Event)
        assert answer.data == {"a": 2}


def test_a_document_as_large_as_it_goes() -> None:
    """
    A document of the largest size is read; data has its own limit, at the door.
    """
    line = document()
    line += b" " * (DOCUMENT_BYTES_MAX - len(line))

    assert isinstance(decode(line), Event)
