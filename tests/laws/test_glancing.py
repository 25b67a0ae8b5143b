"""
The laws of seeing in passing that a meter can take an event.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.foundation.units import UNITS_MAX
from meterbook.metering.glancing import CHARS_MAX, compile_glance
from meterbook.metering.meters import Envelope, Unusable, compile_meter, meter_from


subjects = st.sampled_from([None, 17])

values = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([UNITS_MAX, UNITS_MAX + 1, -UNITS_MAX - 1, 10**20, True, None]),
    st.sampled_from([Decimal("1.5"), "7", "seven", [], {"x": 1}]),
    st.text(max_size=2 * CHARS_MAX),
    st.sampled_from(["\x01" * CHARS_MAX, "\U0001f600" * CHARS_MAX, "x" * 2_000]),
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "change": st.sampled_from(["join", "leave", "baseline", "gone", 7, [], None]),
        "way": values,
        "state": values,
    },
)
datas = changes | st.dictionaries(
    st.sampled_from(["n", "a", "b", "c", "d", "e"]), values
)
fields = st.sampled_from(["a", "b", "c", "d", "e", "a.b", "$subject", "$source"])
meters = st.one_of(
    st.builds(
        lambda scale, negative, groups: {
            "aggregation": "sum",
            "value": "n",
            "scale": scale,
            "negative": negative,
            "group_by": groups,
        },
        st.integers(0, 12),
        st.sampled_from(["allowed", "refused"]),
        st.lists(fields, unique=True, max_size=5),
    ),
    st.builds(
        lambda keys, groups: {
            "aggregation": "unique",
            "value": keys,
            "group_by": groups,
        },
        st.lists(fields, unique=True, min_size=1, max_size=5),
        st.lists(fields, unique=True, max_size=2),
    ),
    st.just({"aggregation": "count"}),
    st.just({"aggregation": "members"}),
    st.just({"aggregation": "peak", "value": "n"}),
)


@given(stated=meters, data=datas, subject=subjects)
@example(stated={"aggregation": "peak", "value": "n"}, data={"n": -1}, subject=None)
@example(stated={"aggregation": "sum", "value": "n"}, data={"n": True}, subject=None)
@example(stated={"aggregation": "unique", "value": ["$subject"]}, data={}, subject=None)
def test_a_glance_never_takes_what_is_unusable(
    stated: dict[str, Any], data: dict[str, Any], subject: int | None
) -> None:
    """
    What a glance lets pass, observing can take.
    """
    meter = meter_from("m", {"event_type": "t"} | stated)

    if compile_glance(meter)(data, subject, None):
        envelope = Envelope("api", "t", subject, None)
        assert not isinstance(compile_meter(meter)(data, envelope), Unusable)


def test_a_glance_is_enough_for_plain_events() -> None:
    """
    Whole numbers and short texts in fields of their own need no second look.
    """
    data = {"tokens": 420, "model": "gpt-4.1", "user": "u-17", "change": "join"}
    plain: list[dict[str, object]] = [
        {"aggregation": "sum", "value": "tokens", "group_by": ["model"]},
        {"aggregation": "max", "value": "tokens"},
        {"aggregation": "unique", "value": "user"},
        {"aggregation": "unique", "value": "$subject"},
        {"aggregation": "count"},
        {"aggregation": "members"},
    ]

    for stated in plain:
        meter = meter_from("m", {"event_type": "t", **stated})
        assert compile_glance(meter)(data, 17, None)
