"""
The people of a real project as members: in at their first commit, out after the last.
"""

from __future__ import annotations

import csv
import datetime as dt

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Event, Period, Recorded


if TYPE_CHECKING:
    from collections.abc import Iterator


COMMITS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "commits.csv"

# Commits are told to the second: whoever leaves after the last one is gone by the next.
SECOND = dt.timedelta(seconds=1)

METER = {"event_type": "contributor", "aggregation": "members"}


@pytest.fixture(scope="module")
def stays() -> dict[str, tuple[dt.datetime, dt.datetime]]:
    """
    Give, for each author, when they come and when they are gone.
    """
    if not COMMITS.is_file():
        pytest.skip("shared/data/commits.csv is absent")
    seen: dict[str, list[dt.datetime]] = {}
    with COMMITS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = dt.datetime.fromisoformat(row["at"])
            seen.setdefault(row["author"], []).append(at)
    return {who: (min(ats), max(ats) + SECOND) for who, ats in seen.items()}


@pytest.fixture(scope="module")
def project(
    stays: dict[str, tuple[dt.datetime, dt.datetime]],
) -> Iterator[Book]:
    """
    Give a book that was told of them, the last to leave first.
    """
    now = max(gone for _, gone in stays.values()) + dt.timedelta(days=45)
    with Book.create(":memory:", test_clock=now) as book:
        book.define({"contributors": METER})
        told = [
            Event(
                source="git",
                id=f"{number} {change}",
                type="contributor",
                time=at,
                customer="project",
                subject=who,
                data={"change": change},
            )
            for number, (who, (come, gone)) in enumerate(sorted(stays.items()))
            for change, at in (("leave", gone), ("join", come))
        ]
        told.sort(key=lambda event: (event.time, event.id), reverse=True)
        assert all(isinstance(said, Recorded) for said in book.record(told))
        yield book


def counted(
    stays: dict[str, tuple[dt.datetime, dt.datetime]], month: Period
) -> tuple[int, dt.datetime, set[str]]:
    """
    Count who is in at the month's start and whenever somebody comes: no fold at all.
    """
    moments = {month.start} | {come for come, _ in stays.values() if come in month}
    inside = {
        at: {who for who, (come, gone) in stays.items() if come <= at < gone}
        for at in moments
    }
    peak = max(map(len, inside.values()))
    at = min(moment for moment, members in inside.items() if len(members) == peak)
    return peak, at, inside[at]


def test_monthly_peaks_are_an_independent_count(
    project: Book, stays: dict[str, tuple[dt.datetime, dt.datetime]]
) -> None:
    """
    Every month's peak, its moment and who was there are what counting by hand finds;
    and so is what `read` says.
    """
    first = min(come for come, _ in stays.values())

    found = project.seats.periods(
        "contributors", "project", anchor=first, names=True, who=True
    )

    assert len(found.months) > 12
    for month in found.months:
        peak, at, members = counted(stays, month.seats.period)
        assert month.seats.peak_units == peak
        if peak:
            assert month.seats.peak_at == at
        assert set(month.present or ()) == members
        at_end = month.seats.period.end - SECOND
        left = [who for who, (come, gone) in stays.items() if come <= at_end < gone]
        if month.seats.complete:
            assert month.seats.end_units == len(left)
        reading = project.read(
            "contributors", customer="project", period=month.seats.period
        )
        assert reading.units == peak
    assert len({month.seats.peak_units for month in found.months}) > 2
