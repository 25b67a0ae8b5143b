"""
Reading a meter over the facts of a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meterbook.foundation.instants import parse_utc, to_micros
from meterbook.metering.meters import Envelope, meter_from
from meterbook.metering.readings import AsOf, Fact, Question, read_facts


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable

    from meterbook.foundation.periods import Period
    from meterbook.metering.readings import Reading


ENVELOPE = Envelope(source="vectors", type="use")


def micros_of(text: str) -> int:
    return to_micros(parse_utc(text))


def read(
    facts: Iterable[tuple[int, dict[str, Any]]],
    period: Period,
    *,
    as_of: dt.datetime | None = None,
    **stated: object,
) -> Reading:
    """
    Read a meter over facts that arrived in the order they are given in.
    """
    question = Question(
        customer_key="acme",
        meter=meter_from("vector", {"event_type": "use", **stated}),
        meter_version=1,
        period=period,
        as_of=AsOf(None, as_of or period.end),
        by=tuple(stated.get("group_by", ())),  # type: ignore[arg-type]  # a list of names
    )
    return read_facts(
        question,
        [
            Fact(occurred_at=at, seq=seq, data=data, envelope=ENVELOPE)
            for seq, (at, data) in enumerate(facts, start=1)
        ],
    )


def numbers(pairs: Iterable[tuple[str, object]]) -> list[tuple[int, dict[str, Any]]]:
    return [(micros_of(at), {"n": n}) for at, n in pairs]
