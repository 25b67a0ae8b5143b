"""
`meterbook customers`: named, imported, listed, and moved.
"""

from __future__ import annotations

import json

from typing import TYPE_CHECKING

from edges.program import Program
from edges.vendors import MAIN, WHO


if TYPE_CHECKING:
    from pathlib import Path


FILE = (
    "customer,name,subscription,meter,anchor,term,start,end,kind,seats\n"
    "globex,Globex,main,licences,2026-02-01,1,2026-02-01,,paid,10\n"
)


def test_an_import_is_shown_and_then_done(vendor: Program) -> None:
    """
    A dry run says what would change; done, it changes that; again, nothing.
    """
    path = vendor.write("customers.csv", FILE)
    shown = vendor.ok("customers", "import", path, "--dry-run")
    done = vendor.ok("customers", "import", path)
    again = vendor.ok("customers", "import", "-", told=FILE)

    assert shown.lines[-1] == "3 would be added, 0 there already"
    assert done.lines[:-1] == shown.lines[:-1]
    assert done.lines[-1] == "3 added, 0 there already"
    assert again.lines == ["0 added, 3 there already"]
    documents = vendor.ok("customers", "import", path, "--json").documents
    assert [one["item"]["is_new"] for one in documents] == [False] * 3


def test_rows_that_cannot_be_taken_are_named(vendor: Program) -> None:
    """
    Line and column of every fault; nothing is changed, and the program ends with 1.
    """
    path = vendor.write("wrong.csv", FILE + "x,,a,,,,,,,\nacme,,main,,,3,,,paid,\n")
    said = vendor.run("customers", "import", path)
    documents = vendor.run("customers", "import", path, "--json")

    assert (said.code, documents.code) == (1, 1)
    assert said.err.splitlines() == [
        "line 3, meter: is empty: the subscription 'a' is new: its meter is needed.",
        "line 4, start: is empty: a term starts at a moment.",
        "2 faults: nothing was changed",
    ]
    assert [one["line"] for one in documents.documents] == [3, 4]
    assert json.loads(documents.err)["error"] == "invalid_import"
    assert len(vendor.ok("customers", "list", "--json").documents) == 1


def test_customers_are_listed_shown_and_named(vendor: Program) -> None:
    """
    Whoever has a name, usage or a subscription is listed; one is shown whole.
    """
    vendor.ok("customers", "name", "acme", "Acme Inc.")
    vendor.ok("customers", "import", vendor.write("customers.csv", FILE))
    listed = vendor.ok("customers", "list")
    shown = vendor.ok("customers", "show", "acme")
    [document] = vendor.ok("customers", "show", "globex", "--json").documents

    assert [line.split()[0] for line in listed.lines] == ["customer", "acme", "globex"]
    assert shown.lines[0] == "acme: Acme Inc."
    assert "Jan 31 2026  Jan 30 2027" in shown.out
    assert document["subscriptions"][0]["terms"][0]["kind"] == "paid"
    nobody = vendor.run("customers", "show", "hooli")
    assert (nobody.code, "'hooli'" in nobody.err) == (1, True)


def test_seats_are_moved(vendor: Program) -> None:
    """
    All seats or one member's; a retry with its id is a duplicate.
    """
    words = ["customers", "move", "acme", "--to", "globex", *WHO]
    first = vendor.ok(*words, "--member", "ann", "--at", "2026-04-01", "--id", "m")
    again = vendor.ok(*words, "--member", "ann", "--at", "2026-04-01", "--id", "m")
    other = vendor.run(*words, "--member", "bob", "--at", "2026-04-01", "--id", "m")
    [document] = vendor.ok(*words, "--json").documents

    assert first.out == "moved 1 member, recorded as entry 7\n"
    assert again.out == "1 duplicate of entry 7: 1 member moved\n"
    assert (other.code, other.out[:8]) == (1, "conflict")
    assert (document["members"], document["outcome"]["outcome"]) == (1, "recorded")
    seats = vendor.ok("subscriptions", "seats", *MAIN, "--json").documents
    assert (seats[0]["in_use"], seats[0]["high_water"]) == (0, 3)
    nothing = vendor.run(*words)
    assert (nothing.code, "has no seats" in nothing.err) == (1, True)


def test_a_book_without_any(tmp_path: Path) -> None:
    """
    Where there is nothing yet, a word says what to do.
    """
    program = Program(tmp_path, str(tmp_path / "usage.db"))
    program.ok("book", "init")

    assert program.ok("customers", "list").out == "no customers\n"
    assert "subscriptions create" in program.ok("subscriptions", "list").out
    assert program.ok("subscriptions", "alerts").out == "no alerts\n"


def test_statements_are_listed_with_the_events(vendor: Program) -> None:
    """
    What was agreed has entries like everything else.
    """
    said = vendor.ok("events", "list", "--kind", "statement", "--json").documents

    assert [one["type"] for one in said] == ["meterbook.subscription", "meterbook.term"]
    refused = vendor.run("events", "void", "--entry", "5", *WHO)
    assert (refused.code, "only events can be voided" in refused.err) == (1, True)
