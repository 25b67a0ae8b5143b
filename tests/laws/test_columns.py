"""
The laws of observing many events at once.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.units import UNITS_MAX
from meterbook.metering.columns import ODD, columns_of, compile_columns, paths_of
from meterbook.metering.meters import Envelope, compile_meter, meter_from


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode

numbers = st.sampled_from(["n", "a", "a.b", "no name"])
paths = numbers | st.sampled_from(["$source", "$type"])
fields = paths | st.just("$subject")
values = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([UNITS_MAX, UNITS_MAX + 1, 10**20, 10**40, True, False, None]),
    st.sampled_from([Decimal("1.5"), Decimal("2.0"), "7", "line\nbreak", [], {"b": 1}]),
    st.sampled_from([{"b": "x"}, {"b": {"b": 1}}, "\u2028", "\U0001f600" * 130]),
    st.text(max_size=300),
)
datas = st.dictionaries(st.sampled_from(["n", "a", "no name", "z"]), values)
plain = st.fixed_dictionaries(
    {"n": st.integers(0, 9), "a": st.sampled_from(["x", "y"])}
)
events = st.lists(
    st.tuples(
        datas | plain, st.sampled_from([None, 17]), st.sampled_from(["api", "x"])
    ),
    max_size=8,
)
filters = st.lists(
    st.one_of(
        st.builds(lambda path: {"path": path, "exists": True}, paths),
        st.builds(lambda path: {"path": path, "eq": 1}, paths),
        st.builds(lambda path: {"path": path, "ne": "x"}, paths),
        st.builds(lambda path: {"path": path, "gte": 1}, paths),
    ),
    max_size=2,
)
meters = st.one_of(
    st.builds(
        lambda path, scale, missing, negative: {
            "aggregation": "sum",
            "value": path,
            "scale": scale,
            "missing": missing,
            "negative": negative,
        },
        numbers,
        st.integers(0, 12),
        st.sampled_from(["zero", "unusable"]),
        st.sampled_from(["allowed", "refused"]),
    ),
    st.builds(
        lambda keys: {"aggregation": "unique", "value": keys},
        st.lists(fields, unique=True, min_size=1, max_size=3),
    ),
    st.just({"aggregation": "count"}),
    st.just({"aggregation": "peak", "value": "n"}),
)


@given(
    stated=meters,
    groups=st.lists(paths, unique=True, max_size=2),
    filters=filters,
    events=events,
)
@example(
    stated={"aggregation": "unique", "value": ["n"]},
    groups=["a"],
    filters=[],
    events=[({"n": 1}, None, "x"), ({"n": True}, None, "x"), ({"n": "1"}, 1, "x")],
)
@example(
    stated={"aggregation": "sum", "value": "n", "scale": 2},
    groups=[],
    filters=[],
    events=[({"n": UNITS_MAX // 100}, None, "x"), ({"n": 1}, None, "x")],
)
def test_columns_mean_what_single_events_do(
    stated: dict[str, Any],
    groups: list[str],
    filters: list[dict[str, Any]],
    events: list[tuple[dict[str, Any], int | None, str]],
) -> None:
    """
    What is not odd is what observing the event by itself says; plain ones are not odd.
    """
    definition = stated | {"event_type": "call", "group_by": groups, "filters": filters}
    meter = meter_from("m", definition)
    take = compile_columns(meter)
    assert take is not None
    texts = [msgspec.json.encode(_written(data)).decode() for data, _, _ in events]
    sources = [source for _, _, source in events]
    subjects = [subject for _, subject, _ in events]
    columns = columns_of(
        paths_of(meter),
        type_="call",
        texts=texts,
        sources=sources,
        subjects=subjects,
        actors=subjects,
    )

    taken = take(columns)

    observe = compile_meter(meter)
    assert len(taken.values) == len(events)
    for index, text in enumerate(texts):
        value = taken.values[index]
        group = "" if taken.groups is None else taken.groups[index]
        if value is None or ODD not in {value, group}:
            data = _decode(text)
            envelope = Envelope(
                sources[index], "call", subjects[index], subjects[index]
            )
            seen = observe(data, envelope)
            assert seen == (None if value is None else (value, group))
            assert seen is None or type(seen[0]) is type(value)


def _written(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """
    Return *value* with numbers as the book writes them, in digits.
    """
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return msgspec.Raw(str(value).encode())
    if isinstance(value, dict):
        return {key: _written(inner) for key, inner in value.items()}
    return value


@given(count=st.integers(1, 5), subject=st.integers(1, 9))
def test_what_is_plain_is_not_odd(count: int, subject: int) -> None:
    """
    Whole numbers and texts are decided by columns: that is what they are for.
    """
    text = '{"a":"x","n":7}'
    for stated in (
        {"aggregation": "count"},
        {"aggregation": "sum", "value": "n", "group_by": ["a"]},
        {"aggregation": "unique", "value": ["$subject", "a"]},
        {"aggregation": "max", "value": "n", "filters": [{"path": "a", "eq": "y"}]},
    ):
        meter = meter_from("m", {"event_type": "call", **stated})
        take = compile_columns(meter)
        assert take is not None
        columns = columns_of(
            paths_of(meter),
            type_="call",
            texts=[text] * count,
            sources=["api"] * count,
            subjects=[subject] * count,
            actors=[None] * count,
        )

        assert ODD not in {*take(columns).values, *(take(columns).groups or ())}


def test_members_are_observed_one_by_one() -> None:
    """
    What a member does is neither a number nor a key.
    """
    meter = meter_from("m", {"event_type": "call", "aggregation": "members"})

    assert compile_columns(meter) is None
