"""
The written form of what is agreed: read back, it is what was said.
"""

from __future__ import annotations

import datetime as dt

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.catalog.facts import (
    SEATS,
    TERM,
    TERM_DATES,
    fact_body,
    fact_from,
    subscription_body,
    subscription_from,
)
from meterbook.catalog.subscriptions import SubscriptionFact, subscription_of
from meterbook.catalog.terms import DatesFact, SeatsFact, TermFact, TermKind
from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.instants import parse_moment
from meterbook.foundation.periods import Calendar, Interval, Period


if TYPE_CHECKING:
    from meterbook.catalog.subscriptions import Fact


DAY = dt.timedelta(days=1)
ANCHOR = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
MAIN = SubscriptionFact(
    customer="acme",
    key="main",
    meter_key="seats",
    calendar=Calendar(ANCHOR, Interval.MONTH),
)


def on(day: int) -> dt.datetime:
    """
    Return the midnight so many days after the anchor.
    """
    return ANCHOR + day * DAY


TERM_FACTS = st.builds(
    TermFact,
    key=st.sampled_from("abcde"),
    start=st.integers(0, 24).map(on),
    end=st.none() | st.integers(25, 60).map(on),
    seats=st.none() | st.integers(1, 9),
    kind=st.sampled_from(TermKind),
    anchor=st.just(ANCHOR) | st.none(),
)


@given(TERM_FACTS)
def test_a_fact_reads_back(fact: TermFact) -> None:
    """
    What is read from the written form of a fact is the fact.
    """
    each: list[tuple[str, Fact]] = [
        (TERM, fact),
        (TERM_DATES, DatesFact(term=fact.key, start=fact.start, end=fact.end)),
        (SEATS, SeatsFact(term=fact.key, at=fact.start, seats=fact.seats)),
    ]
    for type_, said in each:
        body = fact_body(said, subscription="main", zone="UTC")
        assert fact_from(type_, body, zone="UTC") == said


@pytest.mark.parametrize(
    ("anchor", "zone", "written"),
    [
        ("2026-01-31", "UTC", "2026-01-31"),
        ("2026-01-31T00:00:00Z", "UTC", "2026-01-31"),
        ("2026-01-31", "America/New_York", "2026-01-31"),
        ("2026-01-31T05:00:00Z", "America/New_York", "2026-01-31"),
        ("2026-01-31T00:00:00Z", "America/New_York", "2026-01-31T00:00:00Z"),
        ("2026-01-31T10:30:00.5Z", "UTC", "2026-01-31T10:30:00.500000Z"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04"),  # a day without midnight
        ("2018-11-04T03:00:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ],
)
def test_an_anchor_reads_back(anchor: str, zone: str, written: str) -> None:
    """
    Months are the same after they were written and read, in any zone.
    """
    calendar = Calendar(parse_moment(anchor, zone=zone), Interval.MONTH, 1, zone)
    fact = replace(MAIN, calendar=calendar)
    body = subscription_body(fact)

    assert body["anchor"] == written
    assert subscription_from("acme", body) == fact


def test_months_in_a_zone_are_local() -> None:
    """
    A subscription counts its months by its own clock.
    """
    zone = "America/New_York"
    anchor = parse_moment("2026-02-15", zone=zone)
    stated = replace(MAIN, calendar=Calendar(anchor, Interval.MONTH, 1, zone))
    found = subscription_of(
        stated,
        [
            TermFact(
                key="1",
                start=on(16),
                end=None,
                seats=None,
                kind=TermKind.FREE,
                anchor=None,
            )
        ],
    )

    months = [period for _, period in found.months(on(60))]
    # April 15 begins an hour earlier in UTC: the clock was changed in March.
    assert months[0] == Period(
        dt.datetime(2026, 2, 16, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 15, 4, tzinfo=dt.UTC),
    )


def test_an_interval_that_is_none_is_refused() -> None:
    """
    The calendar says which field cannot be used.
    """
    with pytest.raises(InvalidPeriodError, match="interval_count"):
        Calendar(ANCHOR, Interval.MONTH, 0)
