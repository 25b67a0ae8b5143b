"""
Peak seats by subscription month: every case, to the microsecond.
"""

from __future__ import annotations

import json

from typing import Any

import pytest

from meterbook import Book, Recorded
from meterbook.foundation.instants import parse_moment
from meterbook.foundation.periods import Calendar, Interval
from meterbook.metering.seats import Knowledge
from vectors.cases import VECTORS, require_vectors
from vectors.reading import micros_of, read


require_vectors()

METERS = {
    "levels": {"event_type": "level", "aggregation": "peak", "value": "n"},
    "members": {"event_type": "member", "aggregation": "members"},
}

SEAT_MONTHS = json.loads((VECTORS / "seat_months.json").read_text(encoding="utf-8"))


def test_there_are_ten_cases() -> None:
    """
    No case is left out.
    """
    assert [case["id"] for case in SEAT_MONTHS] == [f"T{n}" for n in range(1, 11)]


@pytest.mark.parametrize("told_as", ["levels", "members"])
@pytest.mark.parametrize("case", SEAT_MONTHS, ids=lambda case: case["id"])
def test_seats_by_month_of_a_book(case: dict[str, Any], told_as: str) -> None:
    """
    A book says the same months, whether it was told how many there are, or who comes
    and goes. Where nothing was told, its 0 is called unknown.
    """
    as_of = parse_moment(case["as_of"])
    with Book.create(":memory:", test_clock=as_of) as book:
        book.define(METERS)
        tell[told_as](book, case["levels"])
        found = book.seats.periods(told_as, "acme", anchor=case["anchor"])

    assert [
        {
            "month": month.seats.number,
            "start": month.seats.period.start,
            "end": month.seats.period.end,
            "peak": month.seats.peak_units,
            "peak_at": month.seats.peak_at,
            "end_seats": month.seats.end_units,
            "complete": month.seats.complete,
        }
        for month in found.months
    ] == expected(case)
    first = min((parse_moment(one["at"]) for one in case["levels"]), default=None)
    assert [month.seats.knowledge is Knowledge.UNKNOWN for month in found.months] == [
        first is None or month.seats.period.end <= first for month in found.months
    ]


def tell_levels(book: Book, levels: list[dict[str, Any]]) -> None:
    for one in levels:
        said = book.seats.level("levels", one["seats"], customer="acme", at=one["at"])
        assert isinstance(said, Recorded)


def tell_members(book: Book, levels: list[dict[str, Any]]) -> None:
    """
    Let as many members come or go as the level rises or falls.
    """
    held = 0
    for one in levels:
        for number in range(held, one["seats"]):
            book.seats.join("members", f"m{number}", customer="acme", at=one["at"])
        for number in range(one["seats"], held):
            book.seats.leave("members", f"m{number}", customer="acme", at=one["at"])
        held = one["seats"]


tell = {"levels": tell_levels, "members": tell_members}


def expected(case: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        month
        | {name: parse_moment(month[name]) for name in ("start", "end", "peak_at")}
        for month in case["expected_periods"]
    ]


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
    ] == expected(case)
