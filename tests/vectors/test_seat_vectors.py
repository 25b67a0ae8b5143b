"""
Worked cases about seats that were bought: terms, marks and true-ups of other systems.

A case is run here, or with the readings of meters (`test_aggregation_vectors`), or it
is in NOT_OURS with the reason; a test proves that there is no other way.
"""

from __future__ import annotations

import datetime as dt

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from meterbook.catalog.subscriptions import SubscriptionFact, subscription_of
from meterbook.catalog.terms import MICROSECOND, TermFact, TermKind
from meterbook.foundation.money import amount_text, price_in_minor
from meterbook.foundation.periods import Calendar, Interval, Period
from meterbook.licensing.true_up import (
    Settlement,
    TrueUpPolicy,
    Used,
    settle,
    settled_periods,
)
from meterbook.metering.seats import LevelChange, seat_periods
from meterbook.services.agreements.owing import seats_owed
from vectors import test_aggregation_vectors
from vectors.cases import Case, all_cases, require_vectors


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


require_vectors()

PREFIXES = ("seat.", "seats.", "seat_change_")
KINDS = {"price.graduated_prorated_seats", "licence.apply_with_overage"}

PRICES = "what a seat costs for part of a period: waits for prices (issue 4)"
IN_MID_TERM = (
    "fewer seats in mid-term, paid back: within a term the number rises, and fewer "
    "seats are the next term (4.8); as an option it waits for prices (issue 4)"
)
NOT_OURS = {
    "LG-045": PRICES,
    "LG-047": PRICES,
    "LG-049": PRICES,
    "LG-050": PRICES,
    "LG-051": PRICES,
    "LG-076": PRICES,
    "LG-077": PRICES,
    "LG-078": PRICES,
    "LG-082": PRICES,
    "PO-369": PRICES,
    "PO-372": IN_MID_TERM,
    "PO-376": PRICES,
    "ghae-devtocat": PRICES,
    "ghae-monalisa": PRICES,
    "gitlab-renew-10pct-reject": (
        "a renewal with fewer seats than were used is refused there; here it is a new "
        "term with a mark of its own, and what was used above is owed (4.8)"
    ),
    "seat-github-add-11-of-31": PRICES,
    "seat-remove-half-month": IN_MID_TERM,
    "slack-add-usd": PRICES,
    "slack-all-inactive-min-one": "a minimum charge is the plan's: waits for prices",
    "slack-credit-day1": IN_MID_TERM,
    "slack-credit-day10": IN_MID_TERM,
}

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
YEAR = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def settled(
    policy: TrueUpPolicy, *, licensed: int, peaks: Sequence[int], price: str
) -> list[Settlement]:
    """
    Settle a year of so many seats.
    """
    listed = settled_periods(START, YEAR, policy, zone="UTC", until=YEAR)
    used = [
        Used(period, peak, licensed, complete=True)
        for period, peak in zip(listed, peaks, strict=True)
    ]
    return settle(used, price_minor=price_in_minor(price, "USD"), is_paid=True)


# --- by kind --------------------------------------------------------------------------


def annual_true_up(case: Case) -> None:
    inputs = case.inputs
    [year] = settled(
        TrueUpPolicy.ANNUAL_TRUE_UP,
        licensed=inputs["licensed"],
        peaks=[inputs["max_in_year"]],
        price=inputs["annual_seat_price"],
    )
    assert amount_text(year.amount_minor, "USD") == case.expected["total"]


def quarterly_reconciliation(case: Case) -> None:
    inputs, expected = case.inputs, case.expected
    quarters = settled(
        TrueUpPolicy.QUARTERLY_RECONCILIATION,
        licensed=inputs["licensed"],
        peaks=inputs["quarter_max"],
        price=inputs["annual_seat_price"],
    )
    charges = [amount_text(one.amount_minor, "USD") for one in quarters]
    assert charges == expected["charges"]
    total = sum(one.amount_minor for one in quarters)
    assert amount_text(total, "USD") == expected["total"]
    assert quarters[-1].purchased_after == expected["licensed_after"]


def no_credit_for_seats_unused(case: Case) -> None:
    """
    Fewer seats than bought: nothing is asked for, and nothing is paid back.
    """
    inputs = case.inputs
    quarters = settled(
        TrueUpPolicy.QUARTERLY_RECONCILIATION,
        licensed=inputs["licensed"],
        peaks=[inputs["activated_at_report"]] * 4,
        price="100",
    )
    assert {one.amount for one in quarters} == {Fraction(case.expected["credit"])}


def fewer_seats_at_renewal(case: Case) -> None:
    """
    Seats that are taken off in mid-term are fewer from the next term on.
    """
    inputs, expected = case.inputs, case.expected
    renewal, removed = (
        dt.datetime.fromisoformat(f"{year}-{inputs[key]}").replace(tzinfo=dt.UTC)
        for year, key in ((2026, "renewal"), (2025, "removed_on"))
    )
    start = renewal.replace(year=2025)
    terms = [
        TermFact(
            key=str(index),
            start=moment,
            end=None,
            seats=seats,
            kind=TermKind.PAID,
            anchor=None,
        )
        for index, (moment, seats) in enumerate(
            [(start, inputs["seats"]), (renewal, inputs["seats"] - inputs["removed"])]
        )
    ]
    stated = SubscriptionFact(
        customer="acme",
        key="main",
        meter_key="seats",
        calendar=Calendar(start, Interval.YEAR),
    )
    found = subscription_of(stated, terms)

    bought = []
    for moment in (removed, renewal - MICROSECOND, renewal):
        held = found.term_at(moment)
        assert held is not None
        bought.append(held.purchased_at(moment))
    assert bought == [
        expected["seats_until_05-19"],
        expected["seats_until_05-19"],
        expected["seats_from_05-20"],
    ]


def seats_over_what_is_licensed(case: Case) -> None:
    """
    The warning looks at the mark, and what remains at the seats in use.
    """
    inputs, expected = case.inputs, case.expected
    changes = [
        LevelChange(0, inputs["max_ever"]),
        LevelChange(10, inputs["current"]),
    ]
    [found] = seat_periods(changes, [(0, Period.between(0, 100))], as_of=START)
    owed = seats_owed(
        kind=TermKind.PAID,
        high_water=found.peak_units,
        purchased=inputs["licensed"],
    )
    assert (owed > 0) is expected["over_licence"]
    assert inputs["licensed"] - found.end_units == expected["remaining"]


RUN: dict[str, Callable[[Case], None]] = {
    "seat.annual_true_up": annual_true_up,
    "seat.high_water": seats_over_what_is_licensed,
    "seat.quarterly_reconciliation": quarterly_reconciliation,
    "seat.quarterly_true_up": no_credit_for_seats_unused,
    "seat.remove_at_renewal": fewer_seats_at_renewal,
}


# --- the tests ------------------------------------------------------------------------

OF_OUR_KINDS = [
    case for case in all_cases() if case.kind in KINDS or case.kind.startswith(PREFIXES)
]


@pytest.mark.parametrize(
    "case",
    [case for case in OF_OUR_KINDS if case.kind in RUN and case.id not in NOT_OURS],
    ids=lambda case: case.id,
)
def test_a_case_comes_to_what_its_source_says(case: Case) -> None:
    """
    Terms, marks and true-ups say of the case's inputs what its source says.
    """
    RUN[case.kind](case)


def test_no_case_is_left_out_in_silence() -> None:
    """
    Every case about seats is run here or by a meter, or listed with the reason why not.
    """
    elsewhere = test_aggregation_vectors.RUN.keys()
    ids = {case.id for case in OF_OUR_KINDS}
    not_run = {
        case.id
        for case in OF_OUR_KINDS
        if case.kind not in RUN and case.kind not in elsewhere
    }

    assert not_run == NOT_OURS.keys()
    assert ids >= NOT_OURS.keys()
    assert {case.kind for case in OF_OUR_KINDS} >= RUN.keys() | KINDS
