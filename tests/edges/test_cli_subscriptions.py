"""
`meterbook subscriptions` and `terms`: what was agreed, and what is owed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edges.vendors import MAIN, OF_2026, TERM, WHO, term


if TYPE_CHECKING:
    from edges.program import Program


# --- subscriptions --------------------------------------------------------------------


def test_seats_of_a_term_are_a_line(vendor: Program) -> None:
    """
    In use, at most, when and by whom, bought and owed; names if they are asked for.
    """
    said = vendor.ok("subscriptions", "seats", *MAIN, "--names")

    assert said.lines == [
        "acme main: seats of meter members, every month from Jan 31 2026",
        f"{TERM}in use  at most  reached     made by  bought  owed",
        f"{OF_2026}     2        3  Mar 1 2026  eve           2     1  current",
        "owed: 1 seat",
    ]
    quiet = vendor.ok("subscriptions", "seats", *MAIN)
    assert "person-3" in quiet.out


def test_seats_as_documents(vendor: Program) -> None:
    """
    Each term is a document, with who was there at its mark if asked for.
    """
    [document] = vendor.ok(
        "subscriptions", "seats", *MAIN, "--names", "--json"
    ).documents

    assert document["high_water"] == 3
    assert document["peak_at"] == "2026-03-01T00:00:00Z"
    assert document["present"] == ["ann", "bob", "eve"]
    assert document["made_by"][0]["actor"] == "bob"
    assert (document["purchased"], document["owed"], document["in_use"]) == (2, 1, 2)
    assert document["as_of"] == {"place": 6, "moment": "2026-05-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("words", "owed"),
    [
        (["--as-of", "2026-02-15"], 0),
        (["--place", "6"], 1),
    ],
)
def test_seats_as_of_then(vendor: Program, words: list[str], owed: int) -> None:
    """
    As of an earlier moment or place, seats are what they were.
    """
    [document] = vendor.ok("subscriptions", "seats", *MAIN, *words, "--json").documents

    assert document["owed"] == owed


def test_months_of_a_subscription(vendor: Program) -> None:
    """
    Month by month: the peak of each, cut where a term begins with another anchor.
    """
    vendor.ok(*term("2027", "2026-04-20", seats="5"), "--anchor", "2026-04-20")
    said = vendor.ok("subscriptions", "seats", *MAIN, "--months", "--json")

    assert [
        (month["start"][:10], month["end"][:10], month["peak_units"], month["complete"])
        for month in said.documents
    ] == [
        ("2026-01-31", "2026-02-28", 2, True),
        ("2026-02-28", "2026-03-31", 3, True),
        ("2026-03-31", "2026-04-20", 2, True),
        ("2026-04-20", "2026-05-20", 2, False),
    ]
    table = vendor.ok("subscriptions", "seats", *MAIN, "--months").lines
    assert len(table) == 5


def test_subscriptions_are_listed_and_shown(vendor: Program) -> None:
    """
    Every subscription has a line; one is shown with its terms and its history.
    """
    vendor.ok("subscriptions", "change", *MAIN, "--seats", "3", "--from", "2026-04-15")
    listed = vendor.ok("subscriptions", "list")
    shown = vendor.ok("subscriptions", "show", *MAIN, "--history")
    [document] = vendor.ok("subscriptions", "list", "--json").documents

    assert listed.lines[1].split() == ["acme", "main", "members", "1", "2026"]
    assert "2, 3 from Apr 15 2026" in shown.out
    assert [line.split()[2] for line in shown.lines[4:]] == [
        "subscription",
        "term",
        "seats",
    ]
    assert document["terms"][0]["seats"] == [
        {"at": "2026-01-31T00:00:00Z", "seats": 2},
        {"at": "2026-04-15T00:00:00Z", "seats": 3},
    ]
    history = vendor.ok("subscriptions", "show", *MAIN, "--history", "--json")
    assert len(history.documents[0]["history"]) == 3
    before = vendor.ok("subscriptions", "show", *MAIN, "--place", "5", "--json")
    assert before.documents[0]["terms"] == []


def test_seats_that_were_stated_wrongly_are_corrected(vendor: Program) -> None:
    """
    Fewer seats within a term need --correct, an actor and a reason.
    """
    words = ["subscriptions", "change", *MAIN, "--from", "2026-04-15"]
    vendor.ok(*words, "--seats", "300")
    refused = vendor.run(*words, "--seats", "30")
    blank = vendor.run(*words, "--seats", "30", "--correct")

    assert (refused.code, blank.code) == (1, 1)
    assert "seats would fall" in refused.err
    vendor.ok(*words, "--seats", "30", "--correct", *WHO)
    vendor.ok("subscriptions", "change", *MAIN, "--unlimited", "--from", "2026-04-20")
    assert (
        "2, 30 from Apr 15 2026, no limit from Apr 20 2026"
        in vendor.ok("terms", "list", *MAIN).out
    )


def test_said_again_and_said_otherwise(vendor: Program) -> None:
    """
    The same subscription again is a duplicate; another one by that key a conflict.
    """
    words = ["subscriptions", "create", *MAIN, "--meter", "members", "--anchor"]
    again = vendor.ok(*words, "2026-01-31T00:00:00Z")
    other = vendor.run(*words, "2026-02-01")
    document = vendor.run(*words, "2026-02-01", "--json").documents

    assert again.out == "1 duplicate of entry 5, nothing changed\n"
    assert (other.code, other.out[:8]) == (1, "conflict")
    assert document == [{"outcome": "conflict", "entry_id": 5}]


# --- true-up and alerts ---------------------------------------------------------------


def test_a_true_up_is_a_line_for_each_period(vendor: Program) -> None:
    """
    Each quarter says what was used, what is asked for, and how much in all.
    """
    words = ["--policy", "quarterly-reconciliation", "--price", "1200"]
    said = vendor.ok("subscriptions", "true-up", *MAIN, *words, "--currency", "USD")
    [document] = vendor.ok(
        "subscriptions", "true-up", *MAIN, *words, "--currency", "JPY", "--json"
    ).documents

    assert said.lines == [
        "quarterly-reconciliation of term 2026",
        "from         to           peak  bought  over  years  amount",
        "Jan 31 2026  Apr 29 2026     3       2     1    3/4  900.00",
        "Apr 30 2026  Jul 30 2026     2       3     0    1/2    0.00  in progress",
        "asked for: 900.00 USD",
    ]
    assert (document["total_minor"], document["currency"]) == (900, "JPY")


def test_what_a_period_in_progress_would_come_to(vendor: Program) -> None:
    """
    A year that has not ended asks for nothing yet, and says what is to be expected.
    """
    words = ["--policy", "annual-true-up", "--price", "10", "--currency", "EUR"]
    said = vendor.ok("subscriptions", "true-up", *MAIN, *words)

    assert said.lines[-2:] == [
        "asked for: 0.00 EUR",
        "expected with the period in progress: 10.00",
    ]
    early = vendor.ok(
        "subscriptions",
        "true-up",
        *MAIN,
        *words,
        "--term",
        "2026",
        "--as-of",
        "2026-01-01",
    )
    assert "the term has not begun" in early.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--policy", "monthly", "--price", "1", "--currency", "EUR"], "policy is"),
        (["--policy", "annual-true-up", "--price", "-1", "--currency", "EUR"], "price"),
        (["--policy", "annual-true-up", "--price", "1", "--currency", "euro"], "curr"),
    ],
)
def test_a_true_up_that_cannot_be(
    vendor: Program, words: list[str], sentence: str
) -> None:
    """
    Policy, price and currency are checked, and the sentence says what to use.
    """
    said = vendor.run("subscriptions", "true-up", *MAIN, *words)

    assert said.code == 1
    assert sentence in said.err


def test_alerts_are_listed_and_dismissed(vendor: Program) -> None:
    """
    Two of two seats are used: it is said until somebody has seen it.
    """
    said = vendor.ok("subscriptions", "alerts")
    assert said.lines[1].split() == ["acme", "main", "2026", "2", "2", "0", "full"]

    vendor.ok("subscriptions", "dismiss", *MAIN, "--actor", "ann")
    assert vendor.ok("subscriptions", "alerts").out == "no alerts\n"
    [document] = vendor.ok("subscriptions", "alerts", "--all", "--json").documents
    assert (document["left"], document["dismissed_by"]) == (0, "ann")


# --- terms ----------------------------------------------------------------------------


def test_a_renewal_cuts_a_term(vendor: Program) -> None:
    """
    The old term ends where the new one begins, and says which end was agreed.
    """
    vendor.ok(*term("2027", "2026-04-20", seats="1"))
    said = vendor.ok("terms", "list", *MAIN)

    cut = "ended, cut by 2027 (agreed: Jan 30 2027)"
    assert said.lines[1:] == [
        f"2026  paid  Jan 31 2026  Apr 19 2026  2             {cut}",
        "2027  paid  Apr 20 2026  open         1             current",
    ]


def test_terms_are_corrected_and_ended(vendor: Program) -> None:
    """
    Who does it says so, and why.
    """
    vendor.ok("terms", "correct", *MAIN, "2026", "--from", "2026-02-01", *WHO)
    vendor.ok("terms", "correct", *MAIN, "2026", "--open", *WHO)
    [open_] = vendor.ok("terms", "list", *MAIN, "--json").documents
    vendor.ok("terms", "end", *MAIN, "2026", "--at", "2026-06-01T12:00:00Z", *WHO)
    [ended] = vendor.ok("terms", "list", *MAIN, "--json").documents

    assert (open_["start"], open_["end"]) == ("2026-02-01T00:00:00Z", None)
    assert ended["end"] == "2026-06-01T12:00:00Z"
    assert "before Jun 1 2026 12:00" in vendor.ok("terms", "list", *MAIN).out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["add", *MAIN, "x", "--from", "soon", "--kind", "paid"], 2, "no moment"),
        (["add", *MAIN, "x", "--from", "2026-02-01", "--kind", "gold"], 1, "kind is"),
        (
            ["add", *MAIN, "x", "--from", "2026-02-01", "--kind", "paid", "--seats=-1"],
            1,
            "seats is -1",
        ),
        (
            [
                "add",
                *MAIN,
                "x",
                "--from=2026-02-01",
                "--kind=paid",
                "--seats=1.5",
            ],
            2,
            "valid integer",
        ),
        (
            ["add", *MAIN, "x", "--from=2026-02-01", "--to=2026-01-01", "--kind=paid"],
            1,
            "must start before it ends",
        ),
        (["add", "acme", "no", "x", "--from=2026-02-01", "--kind=paid"], 1, "'no'"),
        (["correct", *MAIN, "2026", *WHO], 2, "say what is corrected"),
        (
            ["correct", *MAIN, "2026", "--to", "2027-01-01", "--open", *WHO],
            2,
            "either --to or --open",
        ),
        (["correct", *MAIN, "2025", "--to", "2027-01-01", *WHO], 1, "no term '2025'"),
        (["end", *MAIN, "2026", "--at", "2026-01-31", *WHO], 1, "before it ends"),
    ],
)
def test_what_cannot_be_a_term(
    vendor: Program, words: list[str], code: int, sentence: str
) -> None:
    """
    Wrong usage ends with 2, a refusal with 1, and the sentence names what is wrong.
    """
    said = vendor.run("terms", *words)

    assert said.code == code, said
    assert sentence in said.err
    assert len(vendor.ok("terms", "list", *MAIN, "--json").documents) == 1


def test_change_needs_a_number(vendor: Program) -> None:
    """
    Seats and no limit cannot both be meant, nor neither.
    """
    words = ["subscriptions", "change", *MAIN, "--from", "2026-04-01"]

    assert vendor.run(*words).code == 2
    assert vendor.run(*words, "--seats", "3", "--unlimited").code == 2
