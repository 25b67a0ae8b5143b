"""
Subscribing: what was agreed is stated once, corrected by name, and never edited.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Any

import pytest

from meterbook import Book, Conflict, Duplicate, Recorded, errors
from meterbook.app.clocks import clock_of


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meterbook.stores.postgres import PostgresStore

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MAIN = ("acme", "main")
METERS: dict[str, dict[str, object]] = {
    "seats": {"event_type": "seats.counted", "aggregation": "peak", "value": "n"},
    "tokens": {"event_type": "llm.request", "aggregation": "sum", "value": "n"},
    "halves": {
        "event_type": "seats.counted",
        "aggregation": "latest",
        "value": "n",
        "scale": 1,
    },
    "by_region": {
        "event_type": "seats.counted",
        "aggregation": "peak",
        "value": "n",
        "group_by": ["region"],
    },
}
FIRST = {"start": "2026-01-31", "end": "2027-01-31", "seats": 100, "kind": "paid"}


@pytest.fixture
def agreed(book: Book) -> Book:
    """
    Give a book with a subscription and its first term.
    """
    book.define(METERS)
    book.subscriptions.create(*MAIN, meter="seats", anchor="2026-01-31")
    book.terms.add(*MAIN, "2026", **FIRST)  # type: ignore[arg-type]  # each is one
    return book


@pytest.fixture
def agreed_on_postgres(postgres_store: PostgresStore) -> Iterator[Book]:
    book = Book(postgres_store, clock_of(postgres_store))
    book.define(METERS)
    book.subscriptions.create(*MAIN, meter="seats", anchor="2026-01-31")
    book.terms.add(*MAIN, "2026", **FIRST)  # type: ignore[arg-type]  # each is one
    return iter([book])


def terms(book: Book, *, place: int | None = None) -> list[tuple[object, ...]]:
    found = book.subscriptions.show(*MAIN, place=place)
    return [
        (
            one.key,
            f"{one.start:%Y-%m-%d}",
            None if one.end is None else f"{one.end:%Y-%m-%d}",
            [(f"{bought.at:%m-%d}", bought.seats) for bought in one.purchases],
        )
        for one in found.terms
    ]


WHO: dict[str, Any] = {"actor": "ops", "reason": "the contract says so"}


# --- stating --------------------------------------------------------------------------


def test_what_was_agreed_is_shown(agreed: Book) -> None:
    """
    A subscription and its terms are what was stated of them.
    """
    [found] = agreed.subscriptions.all()

    assert (found.customer, found.key, found.meter_key) == ("acme", "main", "seats")
    assert terms(agreed) == [("2026", "2026-01-31", "2027-01-31", [("01-31", 100)])]
    assert agreed.subscriptions.all(customer="globex") == []


def test_it_is_idempotent_by_key(agreed: Book) -> None:
    """
    Said again, by whomever, it is a duplicate; said otherwise it is a conflict.
    """
    say = agreed.subscriptions
    anchor = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)

    same = say.create(*MAIN, meter="seats", anchor=anchor, actor="ann")
    other = say.create(*MAIN, meter="seats", anchor="2026-02-01")
    again = agreed.terms.add(*MAIN, "2026", **FIRST, actor="bob")  # type: ignore[arg-type]  # each is one
    fewer = agreed.terms.add(*MAIN, "2026", **{**FIRST, "seats": 99})  # type: ignore[arg-type]  # likewise

    assert (same, other) == (Duplicate(1), Conflict(1))
    assert (again, fewer) == (Duplicate(2), Conflict(2))
    assert agreed.status().numbered_place == 2


def test_keys_are_of_their_customer(agreed: Book) -> None:
    """
    Two customers can call their subscriptions and terms alike.
    """
    say = agreed.subscriptions
    say.create("globex", "main", meter="seats", anchor="2026-02-10")
    said = agreed.terms.add(
        "globex", "main", "2026", start="2026-02-10", seats=5, kind="trial"
    )

    assert isinstance(said, Recorded)
    assert [one.customer for one in say.all()] == ["acme", "globex"]
    assert say.show("globex", "main").term("2026").end is None
    assert terms(agreed)[0][3] == [("01-31", 100)]


def test_seats_are_bought_in_a_term(agreed: Book) -> None:
    """
    Another number from a moment on; said again it is a duplicate.
    """
    say = agreed.subscriptions
    first = say.buy(*MAIN, seats=110, at="2026-04-01")

    assert isinstance(first, Recorded)
    assert say.buy(*MAIN, seats=110, at="2026-04-01") == Duplicate(first.entry_id)
    assert say.buy(*MAIN, seats=100, at="2026-01-31") == Duplicate(2)
    assert terms(agreed)[0][3] == [("01-31", 100), ("04-01", 110)]


def test_a_purchase_with_an_id_is_said_once(agreed: Book) -> None:
    """
    A retry with the caller's id is a duplicate, and another purchase a conflict.
    """
    say = agreed.subscriptions
    first = say.buy(*MAIN, seats=110, at="2026-04-01", id="po-7")

    assert isinstance(first, Recorded)
    assert say.buy(*MAIN, seats=110, at="2026-04-01", id="po-7") == Duplicate(
        first.entry_id
    )
    assert say.buy(*MAIN, seats=120, at="2026-04-01", id="po-7") == Conflict(
        first.entry_id
    )


def test_seats_do_not_fall_within_a_term(agreed: Book) -> None:
    """
    Fewer seats are another term; a wrong purchase is corrected, by name and reason.
    """
    say = agreed.subscriptions
    say.buy(*MAIN, seats=1_100, at="2026-04-01")

    for seats, at in [(90, "2026-05-01"), (1_000, "2026-04-01"), (99, "2026-01-31")]:
        with pytest.raises(errors.InvalidTermError, match="seats would fall"):
            say.buy(*MAIN, seats=seats, at=at)
    with pytest.raises(errors.InvalidTermError, match="seats would fall"):
        say.buy(*MAIN, seats=None, at="2026-03-01")
    with pytest.raises(errors.InvalidQueryError, match="reason"):
        say.buy(*MAIN, seats=110, at="2026-04-01", correct=True, actor="ops")

    say.buy(*MAIN, seats=110, at="2026-04-01", correct=True, **WHO)
    assert terms(agreed)[0][3] == [("01-31", 100), ("04-01", 110)]


def test_seats_are_bought_while_a_term_holds(agreed: Book) -> None:
    """
    Before, after and in a gap there is nothing to buy them in.
    """
    say = agreed.subscriptions
    for at in ("2026-01-30", "2027-01-31"):
        with pytest.raises(errors.InvalidTermError, match="no term at"):
            say.buy(*MAIN, seats=110, at=at)
    with pytest.raises(errors.InvalidTermError, match="does not hold"):
        say.buy(*MAIN, seats=110, at="2027-01-31", term="2026")
    with pytest.raises(errors.UnknownTermError, match="it has: 2026"):
        say.buy(*MAIN, seats=110, at="2026-04-01", term="2027")


# --- renewals and corrections ---------------------------------------------------------


def test_a_renewal_is_another_term(agreed: Book) -> None:
    """
    It holds from its start, also with fewer seats; the other keeps its own.
    """
    agreed.terms.add(*MAIN, "2027", start="2026-12-15", seats=80, kind="paid")

    assert terms(agreed) == [
        ("2026", "2026-01-31", "2026-12-15", [("01-31", 100)]),
        ("2027", "2026-12-15", None, [("12-15", 80)]),
    ]


def test_dates_are_corrected_by_an_act_of_its_own(agreed: Book) -> None:
    """
    Who corrects says so, and why; as of a place before, the dates are what they were.
    """
    say = agreed.subscriptions
    agreed.work()
    before = agreed.status().numbered_place

    said = agreed.terms.correct(*MAIN, "2026", end="2027-02-28", **WHO)
    agreed.work()

    assert isinstance(said, Recorded)
    assert terms(agreed)[0][2] == "2027-02-28"
    assert terms(agreed, place=before)[0][2] == "2027-01-31"
    last = say.history(*MAIN)[-1]
    assert (last.actor, last.body["act"]) == ("ops", "corrected")
    assert last.body["reason"] == WHO["reason"]


def test_a_correction_that_changes_nothing_is_a_duplicate(agreed: Book) -> None:
    """
    Saying what is so already is inert, also after a correction.
    """
    assert agreed.terms.correct(*MAIN, "2026", end="2027-01-31", **WHO) == Duplicate(2)

    said = agreed.terms.correct(*MAIN, "2026", start="2026-02-02", **WHO)
    assert isinstance(said, Recorded)
    again = agreed.terms.correct(*MAIN, "2026", start="2026-02-02", **WHO)
    assert again == Duplicate(said.entry_id)


def test_an_open_term_is_ended(agreed: Book) -> None:
    """
    An end is taken away, and another is stated: the last that was said holds.
    """
    agreed.terms.correct(*MAIN, "2026", open_end=True, **WHO)
    assert terms(agreed)[0][2] is None

    agreed.terms.end(*MAIN, "2026", at="2026-09-01", **WHO)
    assert terms(agreed)[0][2] == "2026-09-01"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        pytest.param({"end": "2026-01-31"}, "must start before it ends", id="no time"),
        pytest.param({"start": "2027-02-01"}, "must start before", id="after its end"),
        pytest.param(
            {"start": "2026-01-01"}, "before the subscription's anchor", id="a"
        ),
        pytest.param({}, "what is to be corrected", id="nothing"),
        pytest.param({"end": "2027-01-01", "open_end": True}, "corrected", id="both"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    agreed: Book, wrong: dict[str, Any], sentence: str
) -> None:
    """
    What cannot be meant is refused, and says what to do.
    """
    with pytest.raises(errors.InvalidTermError, match=sentence):
        agreed.terms.correct("acme", "main", "2026", **wrong, **WHO)


def test_who_and_why_are_needed(agreed: Book) -> None:
    """
    A correction without an actor or a reason is refused.
    """
    with pytest.raises(errors.InvalidQueryError, match="reason"):
        agreed.terms.correct(*MAIN, "2026", end="2028-01-01", actor="ops", reason=" ")


# --- bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        ({"end": "2026-01-31"}, errors.InvalidTermError, "start before it ends"),
        ({"end": "2026-01-30"}, errors.InvalidTermError, "start before it ends"),
        ({"start": "2026-01-30"}, errors.InvalidTermError, "the subscription's anchor"),
        ({"seats": -5}, errors.InvalidTermError, "seats is -5"),
        ({"seats": 2.5}, errors.InvalidTermError, "seats is 2.5"),
        ({"seats": 0}, errors.InvalidTermError, "seats is 0"),
        ({"kind": "premium"}, errors.InvalidTermError, "use one of paid, free, trial"),
        ({"anchor": "2026-02-15"}, errors.InvalidTermError, "anchor is after start"),
        ({"start": "soon"}, errors.InvalidInstantError, "no moment"),
        ({"actor": ""}, errors.InvalidQueryError, "actor"),
    ],
)
def test_a_term_that_cannot_be_is_refused(
    agreed: Book, wrong: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    """
    End before start, odd seats and the like are refused by name; nothing is stated.
    """
    said: dict[str, Any] = {**FIRST, **wrong}
    with pytest.raises(error, match=sentence):
        agreed.terms.add(*MAIN, "wrong", **said)

    assert [one.key for one in agreed.subscriptions.show(*MAIN).terms] == ["2026"]


@pytest.mark.parametrize(
    ("meter", "error", "sentence"),
    [
        ("nothing", errors.UnknownMeterError, "no meter 'nothing'"),
        ("tokens", errors.InvalidQueryError, "is a sum"),
        ("halves", errors.InvalidQueryError, "seats are whole"),
        ("by_region", errors.InvalidQueryError, "has groups"),
    ],
)
def test_a_meter_that_counts_no_seats_is_refused(
    agreed: Book, meter: str, error: type[Exception], sentence: str
) -> None:
    """
    Seats are read from members, or from a level without groups.
    """
    with pytest.raises(error, match=sentence):
        agreed.subscriptions.create("acme", "other", meter=meter, anchor="2026-01-31")


def test_what_is_not_there_is_named(agreed: Book) -> None:
    """
    An unknown subscription is an error that says whose and which.
    """
    say = agreed.subscriptions
    with pytest.raises(errors.UnknownSubscriptionError, match=r"'acme'.*'side'"):
        agreed.terms.add("acme", "side", "1", start="2026-03-01", kind="free")
    with pytest.raises(errors.UnknownSubscriptionError):
        say.show("globex", "main")
    with pytest.raises(errors.UnknownSubscriptionError):
        say.show(*MAIN, place=0)


# --- places ---------------------------------------------------------------------------


def test_it_is_what_was_known_at_a_place(agreed: Book) -> None:
    """
    Each place has its own answer, and keeps it whatever is stated later.
    """
    say = agreed.subscriptions
    say.buy(*MAIN, seats=110, at="2026-04-01")
    agreed.terms.add(*MAIN, "early", start="2026-03-20", seats=80, kind="paid")
    agreed.work()

    assert [len(say.all(place=place)) for place in (0, 1, 2)] == [0, 1, 1]
    assert [len(terms(agreed, place=place)) for place in (1, 2, 3, 4)] == [0, 1, 1, 2]
    assert terms(agreed, place=3)[0][3] == [("01-31", 100), ("04-01", 110)]
    assert terms(agreed, place=4)[0][2] == "2026-03-20"


def test_on_postgres_it_is_the_same(agreed_on_postgres: Iterator[Book]) -> None:
    """
    What is stated is known before it has a place, and at its place from then on.
    """
    [book] = agreed_on_postgres
    book.terms.correct(*MAIN, "2026", end="2027-03-01", **WHO)

    assert terms(book) == [("2026", "2026-01-31", "2027-03-01", [("01-31", 100)])]
    book.work()
    assert terms(book, place=2)[0][2] == "2027-01-31"
    assert terms(book, place=3)[0][2] == "2027-03-01"
    assert book.verify().problems == []


# --- customers ------------------------------------------------------------------------


def test_a_customer_has_a_name_for_people(agreed: Book) -> None:
    """
    The last name stated is it; stated again it is a duplicate, back again it is new.
    """
    name: Callable[[str], object] = lambda text: agreed.customers.name("acme", text)  # noqa: E731 - said often

    assert isinstance(name("Acme"), Recorded)
    assert isinstance(name("Acme"), Duplicate)
    assert isinstance(name("Acme Inc."), Recorded)
    assert isinstance(name("Acme"), Recorded)
    assert agreed.customers.show("acme").name == "Acme"


def test_everybody_is_listed(agreed: Book) -> None:
    """
    Whoever has a name, usage or a subscription is a customer; others are not.
    """
    agreed.customers.name("initech", "Initech")
    found = [
        (one.key, one.name, len(one.subscriptions)) for one in agreed.customers.all()
    ]

    assert found == [("acme", None, 1), ("initech", "Initech", 0)]
    with pytest.raises(errors.UnknownCustomerError, match="'hooli'"):
        agreed.customers.show("hooli")
