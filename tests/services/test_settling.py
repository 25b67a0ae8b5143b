"""
Settling: what is asked for seats above those bought, and who is told in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meterbook import Book, errors
from meterbook.app.clocks import clock_of
from services.agreements import (
    DAY,
    MAIN,
    NOW,
    add,
    count,
    on,
    rows,
    subscribed,
)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.stores.postgres import PostgresStore


@pytest.fixture
def agreed() -> Iterator[Book]:
    """
    Give a book with a subscription that has no terms yet.
    """
    with Book.create(":memory:", test_clock=NOW) as book:
        yield subscribed(book)


def test_a_term_is_trued_up_by_year_and_by_quarter(agreed: Book) -> None:
    """
    The example of the field, read from levels: 1,000.00 by quarter, 2,000.00 by year.
    """
    add(agreed, "1", 0, 365)
    agreed.move_clock(on(400))
    count(agreed, [(0, 100), (30, 110), (89, 105), (181, 120)])
    asked: dict[str, Any] = {"price": "100.00", "currency": "USD", "term": "1"}

    quarters = agreed.subscriptions.true_up(
        *MAIN, policy="quarterly-reconciliation", **asked
    )
    year = agreed.subscriptions.true_up(*MAIN, policy="annual-true-up", **asked)

    assert [one.peak_units for one in quarters.settlements] == [110, 105, 120, 120]
    assert [one.amount_minor for one in quarters.settlements] == [75_000, 0, 25_000, 0]
    assert (quarters.total_minor, year.total_minor) == (100_000, 200_000)


def test_the_quarter_in_progress_is_expected_and_not_asked_for(agreed: Book) -> None:
    """
    Until a quarter has ended, what it would come to is shown apart.
    """
    add(agreed, "1", 0, 365)
    count(agreed, [(0, 100), (100, 110)])
    found = agreed.subscriptions.true_up(
        *MAIN, policy="quarterly-reconciliation", price=100, currency="EUR"
    )

    assert [one.complete for one in found.settlements] == [True, False]
    assert (found.total_minor, found.expected_minor) == (0, 50_000)


def test_what_was_bought_after_a_settlement_is_not_asked_again(agreed: Book) -> None:
    """
    The vendor adds the settled seats a week later, and the next quarter is silent.
    """
    add(agreed, "1", 0, 365)
    count(agreed, [(0, 110)])
    agreed.subscriptions.buy(*MAIN, seats=110, at=on(96))
    agreed.move_clock(on(200))
    found = agreed.subscriptions.true_up(
        *MAIN, policy="quarterly-reconciliation", price="100", currency="USD"
    )

    assert [one.amount_minor for one in found.settlements] == [75_000, 0, 0]


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        ({"policy": "monthly"}, errors.InvalidPriceError, "policy is 'monthly'"),
        ({"price": "-1"}, errors.InvalidPriceError, "price is"),
        ({"currency": "EURO"}, errors.InvalidPriceError, "currency is"),
        ({"term": "9"}, errors.UnknownTermError, "no term '9'"),
        ({"term": None}, errors.InvalidTermError, "name the term"),
    ],
)
def test_a_true_up_that_cannot_be_is_refused(
    agreed: Book, wrong: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    """
    Policy, price, currency and term are checked by name.
    """
    add(agreed, "1", 0, 30)
    asked: dict[str, Any] = {
        "policy": "annual-true-up",
        "price": "1",
        "currency": "USD",
        "term": "1",
    }
    with pytest.raises(error, match=sentence):
        agreed.subscriptions.true_up("acme", "main", **{**asked, **wrong})


# --- alerts ---------------------------------------------------------------------------


def test_an_alert_is_dismissed_until_another_seat_is_used(agreed: Book) -> None:
    """
    Near the limit it is said; dismissed, it is silent until the level rises.
    """
    say = agreed.subscriptions
    add(agreed, "1", 0, seats=20)
    count(agreed, [(0, 18)])
    [alert] = say.alerts()
    assert (alert.alert.left, alert.alert.nearness.value) == (2, "near")

    say.dismiss_alert(*MAIN, actor="ann")
    assert say.alerts() == []
    [seen] = say.alerts(dismissed=True)
    assert (seen.dismissed_at, seen.dismissed_by) == (NOW, "ann")

    agreed.move_clock(NOW + 2 * DAY)
    count(agreed, [(121, 17), (121.5, 18)], start=10)
    [again] = say.alerts()
    assert again.dismissed_at is None


def test_another_purchase_raises_an_alert_again(agreed: Book) -> None:
    """
    A dismissal is of the number that was bought then.
    """
    say = agreed.subscriptions
    add(agreed, "1", 0, seats=20)
    count(agreed, [(0, 20)])
    say.dismiss_alert(*MAIN)
    say.buy(*MAIN, seats=21, at=NOW)

    assert [one.alert.left for one in say.alerts()] == [1]


def test_seats_enough_are_not_dismissed(agreed: Book) -> None:
    """
    Where nothing is said there is nothing to dismiss.
    """
    add(agreed, "1", 0, seats=20)
    count(agreed, [(0, 3)])

    assert agreed.subscriptions.alerts() == []
    with pytest.raises(errors.InvalidQueryError, match="seats enough"):
        agreed.subscriptions.dismiss_alert(*MAIN)


def test_without_a_term_or_a_limit_nothing_is_said(agreed: Book) -> None:
    """
    No term holds, or it has no limit: no number of seats is near.
    """
    count(agreed, [(0, 10_000)])
    assert agreed.subscriptions.alerts() == []

    add(agreed, "1", 0, seats=None)
    assert agreed.subscriptions.alerts(customer="acme") == []


def test_on_postgres_it_is_the_same(postgres_store: PostgresStore) -> None:
    """
    Seats, months, true-up and alerts are read alike, before and after the worker.
    """
    book = subscribed(Book(postgres_store, clock_of(postgres_store)))
    add(book, "1", 0, 90, seats=50)
    add(book, "2", 90, seats=60)
    count(book, [(0, 40), (20, 55), (30, 45), (95, 58)])
    answers = []
    for _ in range(2):
        found = book.subscriptions.seats(*MAIN, as_of=NOW)
        settled = book.subscriptions.true_up(
            *MAIN,
            policy="quarterly-reconciliation",
            price="10",
            currency="EUR",
            term="1",
            as_of=NOW,
        )
        [alert] = book.subscriptions.alerts(as_of=NOW)
        answers.append((rows(found.terms), settled.total_minor, alert.alert.left))
        book.work()

    assert answers[0] == answers[1]
    # The term ends a day after its first quarter: 5 seats x 10.00 for 1 of 92 days of
    # a quarter.
    assert answers[0] == ([("1", 55, 50, 5), ("2", 58, 60, 0)], 14, 2)
