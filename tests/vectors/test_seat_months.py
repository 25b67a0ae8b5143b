"""
Peak seats by subscription month: every case, to the microsecond.
"""

from __future__ import annotations

import json

from typing import Any

import pytest

from meterbook.foundation.instants import parse_moment
from meterbook.foundation.periods import Calendar, Interval
from vectors.cases import VECTORS, require_vectors
from vectors.reading import micros_of, read


require_vectors()

SEAT_MONTHS = json.loads((VECTORS / "seat_months.json").read_text(encoding="utf-8"))


def test_there_are_ten_cases() -> None:
    """
    No case is left out.
    """
    assert [case["id"] for case in SEAT_MONTHS] == [f"T{n}" for n in range(1, 11)]


@pytest.mark.parametrize("case", SEAT_MONTHS, ids=lambda case: case["id"])
def test_seats_by_month(case: dict[str, Any]) -> None:
    """
    Every month listed has the peak, its moment, the seats at the end, and is complete
    or not, exactly as stated.
    """
    as_of = parse_moment(case["as_of"])
    said = [(micros_of(one["at"]), {"n": one["seats"]}) for one in case["levels"]]
    calendar = Calendar(parse_moment(case["anchor"]), Interval.MONTH)

    found = [
        (index, read(said, period, as_of=as_of, aggregation="peak", value="n"))
        for index, period in calendar.periods(as_of)
    ]

    assert [
        {
            "month": index + 1,
            "start": reading.period.start,
            "end": reading.period.end,
            "peak": reading.units,
            "peak_at": reading.peak_at,
            "end_seats": reading.last_units or 0,
            "complete": reading.complete,
        }
        for index, reading in found
    ] == [
        month
        | {name: parse_moment(month[name]) for name in ("start", "end", "peak_at")}
        for month in case["expected_periods"]
    ]
