"""
The laws of admission.
"""

from __future__ import annotations

import datetime as dt
import math

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from hypothesis import event as note
from hypothesis import example, given
from hypothesis import strategies as st

from laws.odd_values import (
    NOON,
    NUMBER_END,
    Count,
    Word,
    data,
    deep,
    laughing,
    names,
    plain_data,
    plain_texts,
)
from meterbook.foundation.instants import to_micros, to_moment
from meterbook.metering.admission import (
    EXTENSIONS_BYTES_MAX,
    FUTURE_TOLERANCE,
    NAME_CHARS_MAX,
    Admitted,
    admit,
    careful_admit,
    fingerprint,
)
from meterbook.metering.canonical import DATA_BYTES_MAX, DATA_DEPTH_MAX
from meterbook.metering.events import Event, Refused


NOW = to_micros(NOON)
LATEST = NOW + FUTURE_TOLERANCE
GOOD = {"source": "api", "id": "e-1", "type": "llm.tokens"}


def event(**fields: object) -> Event:
    return Event(**{**GOOD, **fields})  # type: ignore[arg-type]  # what a caller may do


def refused(fault: object) -> tuple[str, str]:
    assert isinstance(fault, Refused), fault
    assert fault.reason.startswith(fault.field)
    assert len(fault.reason) < 400
    fault.reason.encode()
    return fault.code, fault.field


times = st.none() | st.sampled_from(
    [
        NOON,
        to_moment(LATEST),
        to_moment(LATEST + 1),
        NOON.astimezone(dt.timezone(dt.timedelta(hours=-5))),
        NOON.replace(tzinfo=None),
        NOON.date(),
        dt.datetime(1, 1, 1, tzinfo=dt.UTC),
        "2026-01-31T12:00:00Z",
    ]
)
odd_fields: dict[str, st.SearchStrategy[object]] = {
    "source": names,
    "id": names,
    "type": names,
    "time": times,
    "customer": names,
    "subject": names,
    "actor": names,
    "data": data,
    "extensions": st.sampled_from([None, {"a": "b"}, {"A": 1}, {"a": 1.5}]),
}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """
    Draw an event with two odd fields at most: else the first fault hides the rest.
    """
    fields: dict[str, object] = {
        name: draw(plain_texts) for name in ("source", "id", "type")
    }
    fields |= {name: draw(st.none() | plain_texts) for name in ("customer", "subject")}
    fields["time"] = draw(st.sampled_from([None, NOON]))
    fields["data"] = draw(plain_data)
    for name in draw(st.lists(st.sampled_from(sorted(odd_fields)), max_size=2)):
        fields[name] = draw(odd_fields[name])
    return event(**fields)


plain_names = st.sampled_from(["a", "b", "a:b"])


@given(told=events())
@example(told=event(data={"k": "\\u0000"}))
@example(told=event(data={"k": NUMBER_END}))
@example(told=event(extensions=None))
@example(told=event(source=Word.WORD, data={Word.WORD: Word.WORD, "n": Count.SEVEN}))
@example(told=event(customer="x" * 200, subject="y" * 200))
def test_quick_and_careful_agree(told: Event) -> None:
    """
    What the quick look admits, the careful look admits in the same words.
    """
    careful = careful_admit(told, now_us=NOW, latest_us=LATEST)

    assert admit(told, now_us=NOW) == careful
    note(type(careful).__name__)
    if isinstance(careful, Admitted):
        assert {type(getattr(careful, name)) for name in ("source", "event_id")} == {
            str
        }


parts = st.fixed_dictionaries(
    {
        "source": plain_names,
        "event_id": plain_names,
        "type": plain_names,
        "subject_ref": st.sampled_from([None, 1, 2]),
        "customer": plain_names | st.sampled_from([None, "None", '"', "\\"]),
        "actor_ref": st.sampled_from([None, 1, 2]),
        "time_us": st.sampled_from([None, 0, 1]),
        "data": st.sampled_from([b"{}", b'{"a":1}']),
    }
)


@given(
    one=parts,
    change=st.dictionaries(st.sampled_from(list(GOOD)), plain_names),
    other=parts,
)
def test_fingerprints_are_equal_only_for_equal_parts(
    one: dict[str, Any], change: dict[str, Any], other: dict[str, Any]
) -> None:
    """
    No part runs into the next: `a:b` and `c` are not `a` and `b:c`.
    """
    near = one | {"event_id" if k == "id" else k: v for k, v in change.items()}

    assert (fingerprint(**one) == fingerprint(**other)) == (one == other)
    assert (fingerprint(**one) == fingerprint(**near)) == (one == near)
    assert len(fingerprint(**one)) == 32


def test_a_fingerprint_stays_what_it_is() -> None:
    """
    The fingerprint is a promise to books already written: this one never changes.
    """
    mark = fingerprint(
        source="api",
        event_id="e-1",
        type="tokens",
        subject_ref=7,
        customer="acme",
        actor_ref=None,
        time_us=NOW,
        data=b'{"n":1}',
    )

    assert mark.hex() == (
        "d69bff677a88794fdcfda71c2a73fe006d91b691970c30fb250a2e6ca8066a09"
    )


def test_an_admitted_event() -> None:
    """
    An event is kept as it was said: names, time, and the one text of its data.
    """
    told = event(
        time=NOON,
        customer="acme",
        subject="user-7",
        actor="ops",
        data={"b": Decimal("1.50"), "a": [True, None, "x"]},
        extensions={"traceparent": "00-4bf9", "sampled": True, "hops": 3},
    )

    assert admit(told, now_us=NOW + 5) == Admitted(
        source="api",
        event_id="e-1",
        type="llm.tokens",
        subject="user-7",
        actor="ops",
        customer="acme",
        occurred_at=NOW,
        time_given=True,
        data_text='{"a":[true,null,"x"],"b":1.5}',
        extensions_text='{"hops":3,"sampled":true,"traceparent":"00-4bf9"}',
    )


def test_an_event_without_a_time() -> None:
    """
    Without a time, an event occurred when it was received, and it is known so.
    """
    admitted = admit(event(), now_us=NOW)

    assert isinstance(admitted, Admitted)
    assert (admitted.occurred_at, admitted.time_given) == (NOW, False)
    assert (admitted.data_text, admitted.extensions_text) == ("{}", "")


@pytest.mark.parametrize(
    ("ahead_us", "taken"),
    [
        (-(10**15), True),
        (0, True),
        (FUTURE_TOLERANCE, True),
        (FUTURE_TOLERANCE + 1, False),
    ],
)
def test_the_future_ends_after_five_minutes(ahead_us: int, taken: bool) -> None:  # noqa: FBT001 - a column
    """
    An event five minutes ahead is taken, one microsecond more is not; the past is.
    """
    answer = admit(event(time=to_moment(NOW + ahead_us)), now_us=NOW)

    assert isinstance(answer, Admitted) is taken
    if not taken:
        assert refused(answer) == ("in_the_future", "time")


def test_the_tolerance_is_a_setting() -> None:
    """
    A book may trust its sources' clocks less, or more.
    """
    late = event(time=to_moment(NOW + 1))

    assert refused(admit(late, now_us=NOW, future_tolerance_us=0)) == (
        "in_the_future",
        "time",
    )
    assert isinstance(admit(late, now_us=NOW, future_tolerance_us=1), Admitted)


ROUND: list[object] = []
ROUND.append(ROUND)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"source": None}, "missing_field", "source"),
        ({"source": ""}, "empty", "source"),
        ({"id": " \t\u3000"}, "empty", "id"),
        ({"type": 5}, "wrong_type", "type"),
        ({"customer": ""}, "empty", "customer"),
        ({"subject": b"user"}, "wrong_type", "subject"),
        ({"id": "x" * (NAME_CHARS_MAX + 1)}, "too_long", "id"),
        ({"customer": "x" * 10**6}, "too_long", "customer"),
        ({"actor": "a\0b"}, "not_text", "actor"),
        ({"subject": "\ud800"}, "not_text", "subject"),
        ({"source": "meterbook:void"}, "reserved", "source"),
        ({"time": NOON.replace(tzinfo=None)}, "malformed", "time"),
        ({"time": "2026-01-31T12:00:00Z"}, "malformed", "time"),
        ({"time": dt.date(2026, 1, 31)}, "malformed", "time"),
        ({"time": NOW}, "malformed", "time"),
        ({"data": None}, "wrong_type", "data"),
        ({"data": [1]}, "wrong_type", "data"),
        ({"data": {1: 2}}, "wrong_type", "data"),
        ({"data": {None: 2}}, "wrong_type", "data"),
        ({"data": {"model": "a\0"}}, "not_text", "data.model"),
        ({"data": {"model": "\udfff"}}, "not_text", "data.model"),
        ({"data": {"a\0": 1}}, "not_text", "data.'a\\x00'"),
        ({"data": {"\ud800": 1}}, "not_text", "data.'\\ud800'"),
        ({"data": {"a": {"b": [0, "\0"]}}}, "not_text", "data.a.b[1]"),
        ({"data": {"tokens": 0.1}}, "not_exact", "data.tokens"),
        ({"data": {"tokens": math.nan}}, "not_exact", "data.tokens"),
        ({"data": {"tokens": Decimal("NaN")}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": Decimal("-Infinity")}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": NUMBER_END}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": -NUMBER_END}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": 10**5000}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": Decimal("1e38")}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": Decimal("1e999999999")}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": Decimal("1e-999999999")}}, "out_of_range", "data.tokens"),
        ({"data": {"tokens": Decimal("1." + "1" * 38)}}, "out_of_range", "data.tokens"),
        ({"data": {"a": {1, 2}}}, "wrong_type", "data.a"),
        ({"data": {"a": b"x"}}, "wrong_type", "data.a"),
        ({"data": {"a": NOON}}, "wrong_type", "data.a"),
        ({"data": {"a": Fraction(1, 2)}}, "wrong_type", "data.a"),
        ({"data": {"a": object()}}, "wrong_type", "data.a"),
        ({"data": {"a": "x" * DATA_BYTES_MAX}}, "too_large", "data.a"),
        ({"data": {"a": "\1" * (DATA_BYTES_MAX // 2)}}, "too_large", "data"),
        ({"data": {"a": laughing(9)}}, "too_large", None),
        ({"data": {"a": ROUND}}, "too_deep", None),
        (
            {"data": deep(DATA_DEPTH_MAX + 1)},
            "too_deep",
            "data" + ".a" * DATA_DEPTH_MAX,
        ),
        ({"data": deep(10_000)}, "too_deep", None),
        ({"extensions": None}, "wrong_type", "extensions"),
        ({"extensions": {5: 1}}, "wrong_type", "extensions"),
        ({"extensions": {"a": 1.5}}, "wrong_type", "extensions.a"),
        ({"extensions": {"a": None}}, "wrong_type", "extensions.a"),
        ({"extensions": {"a": {}}}, "wrong_type", "extensions.a"),
        ({"extensions": {"Trace": "x"}}, "malformed", "extensions.Trace"),
        ({"extensions": {"": "x"}}, "malformed", "extensions."),
        ({"extensions": {"a" * 65: "x"}}, "malformed", None),
        ({"extensions": {"data": "x"}}, "reserved", "extensions.data"),
        ({"extensions": {"a": "\0"}}, "not_text", "extensions.a"),
        ({"extensions": {"a": "x" * EXTENSIONS_BYTES_MAX}}, "too_large", "extensions"),
    ],
)
def test_refusals(fields: dict[str, object], code: str, field: str | None) -> None:
    """
    A bad event is refused with a code, the path of the fault, and a short sentence.
    """
    answer = refused(admit(event(**fields), now_us=NOW))

    assert answer == (code, answer[1] if field is None else field)


@pytest.mark.parametrize("told", [None, {}, GOOD, "event", 5])
def test_what_is_no_event(told: object) -> None:
    """
    What is no event at all is refused like a bad one: it does not sink its batch.
    """
    assert refused(admit(told, now_us=NOW)) == ("wrong_type", "event")  # type: ignore[arg-type]  # the case


def test_a_refusal_can_be_sent() -> None:
    """
    A refusal of anything is JSON, also when the fault is half a character.
    """
    told = event(data={"\ud800" * 99: "\udfff"}, customer="acme")

    assert msgspec.json.decode(msgspec.json.encode(admit(told, now_us=NOW)))[
        "code"
    ] == ("not_text")
