"""
What a step adds to the rollups is what meters make of its events, one by one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hypothesis import given
from hypothesis import strategies as st

from meterbook.foundation.instants import DAY, HOUR
from meterbook.metering.paths import Envelope
from meterbook.ports import MeterRow, PaidEvent
from meterbook.services.meters.compiling import ActiveMeter, compiled
from meterbook.services.worker.observing import Additions, add_all
from meterbook.services.worker.sampling import decode_data, observe
from stores.promise_runs import METERS


TYPE = "llm.request"
OTHER = "seat.held"

datas = st.dictionaries(
    st.sampled_from(["n", "model", "change"]),
    st.sampled_from([0, 1, 7, -1, "3", "xl", "xs", None, True, 1.5, "join"]),
)
events = st.lists(
    st.builds(
        lambda place, type_, payer, at, source, subject, data: (
            place,
            type_,
            payer,
            at,
            source,
            subject,
            None,
            msgspec.json.encode(data).decode(),
        ),
        st.integers(1, 10**6),
        st.sampled_from([TYPE, TYPE, OTHER]),
        st.sampled_from(["acme", "globex", ""]),
        st.sampled_from([0, 1, HOUR - 1, HOUR, DAY, 40 * DAY, -1]),
        st.sampled_from(["api", "ui"]),
        st.sampled_from([None, 1, 2]),
        datas,
    ),
    unique_by=lambda event: event[0],
    max_size=12,
)


def meter_of(key: str, type_: str) -> ActiveMeter:
    definition = {"event_type": type_, **METERS[key]}
    text = msgspec.json.encode(definition).decode()
    return compiled(MeterRow(1, key, 1, text, 0, 0))


@given(
    key=st.sampled_from(sorted(METERS)),
    type_=st.sampled_from([TYPE, OTHER]),
    events=events,
    part=st.integers(1, 12),
)
def test_additions_are_the_fold_of_single_events(
    key: str, type_: str, events: list[PaidEvent], part: int
) -> None:
    """
    Hours, keys and unusable events are those that observing one by one comes to, in
    whatever parts the events come.
    """
    meter = meter_of(key, type_)
    facts = [
        (
            (payer, at - at % HOUR),
            at,
            place,
            decode_data(data),
            Envelope(source, kind, subject, actor),
        )
        for place, kind, payer, at, source, subject, actor, data in events
        if kind == type_
    ]
    expected = observe(meter, facts)

    additions = Additions(meter)
    for start in range(0, len(events), part):
        add_all({type_: [additions]}, events[start : start + part])

    hours: dict[tuple[Any, ...], Any] = {
        tuple(hour): state for *hour, state in expected.states(meter)
    }
    assert dict(additions.hours()) == hours
    assert list(additions.sightings()) == list(expected.sightings(1))
    assert sorted(additions.unusable) == sorted(expected.unusable)
