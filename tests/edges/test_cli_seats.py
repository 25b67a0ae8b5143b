"""
`meterbook seats`: months for people and for programs, and what changes something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from edges.program import Program


CATALOG = """
[meters.members]
event_type = "member"
aggregation = "members"

[meters.held]
event_type = "held"
aggregation = "peak"
value = "n"
scale = 1
"""

ACME = ["--customer", "acme"]
MONTHS = [*ACME, "--anchor", "2026-01-31"]
SPIKE = ["--from", "2026-02-20T10:00:00Z", "--to", "2026-02-20T10:06:00Z"]


def plain(line: str) -> str:
    """
    Return a line of a table with one space between its words.
    """
    return " ".join(line.split())


@pytest.fixture
def seats(empty: Program) -> Program:
    """
    The program, on March 10, with two members and a spike of two.
    """
    empty.ok("catalog", "apply", empty.write("members.toml", CATALOG))

    def tell(verb: str, who: str, at: str, *words: str) -> None:
        empty.ok("seats", verb, "members", who, *ACME, "--at", at, *words)

    tell("join", "ann", "2026-02-02", "--way", "scim", "--actor", "bob")
    tell("join", "cid", "2026-02-10T09:00:00Z", "--cause", "hired")
    for name in ("x", "y"):
        tell("join", name, "2026-02-20T10:00:00Z", "--source", "sync")
        tell("leave", name, "2026-02-20T10:05:00Z", "--source", "sync")
    tell("leave", "ann", "2026-03-02", "--way", "scim")
    return empty


def test_a_line_for_each_month(seats: Program) -> None:
    """
    Number, first and last day, peak, when it was reached, by whom, level at the end.
    """
    said = seats.ok("seats", "list", "members", *MONTHS, "--names")

    assert [plain(line) for line in said.lines] == [
        "month from to peak reached made by at end",
        "1 Jan 31 2026 Feb 27 2026 4 Feb 20 2026 10:00 x, y 2 known since Feb 2 2026",
        "2 Feb 28 2026 Mar 30 2026 2 carried in, since Feb 20 2026 10:05 1 in progress",
    ]


def test_before_anything_was_told(seats: Program) -> None:
    """
    A month of which nothing is known says so, for people and for programs: not 0.
    """
    words = [*ACME, "--anchor", "2025-12-31"]
    table = seats.ok("seats", "list", "members", *words)
    first, *_ = seats.ok("seats", "list", "members", *words, "--json").documents

    assert plain(table.lines[1]).startswith("1 Dec 31 2025 Jan 30 2026 unknown")
    assert first["knowledge"] == "unknown"
    assert (first["peak_units"], first["end_units"], first["peak_at"]) == (None,) * 3


def test_a_document_for_each_month(seats: Program) -> None:
    """
    In JSON start and end are exact, the end being the first instant after.
    """
    said = seats.ok("seats", "list", "members", *MONTHS, "--json", "--names")

    first, second = said.documents
    assert (first["number"], first["index"]) == (1, 0)
    assert (first["start"], first["end"]) == (
        "2026-01-31T00:00:00Z",
        "2026-02-28T00:00:00Z",
    )
    assert (first["peak_units"], first["peak_at"]) == (4, "2026-02-20T10:00:00Z")
    assert (first["made_by_count"], first["made_by"][0]["member"]) == (2, "x")
    assert (second["complete"], second["end_units"]) == (False, 1)
    assert first["definitions"] == [1]
    assert first["as_of"]["place"] == 7


def test_months_of_another_time_of_day(seats: Program) -> None:
    """
    Where months do not begin at midnight, moments are shown.
    """
    words = [*ACME, "--anchor", "2026-01-31T17:30:00Z"]
    said = seats.ok("seats", "list", "members", *words)

    assert "Jan 31 2026 17:30  before Feb 28 2026 17:30" in said.lines[1]


def test_as_of_an_earlier_place(seats: Program) -> None:
    """
    The same place has the same months, whatever was told later.
    """
    words = ["seats", "list", "members", *MONTHS, "--place", "2", "--json"]
    before = seats.ok(*words).out

    seats.ok("seats", "join", "members", "zoe", *ACME, "--at", "2026-02-03")

    assert seats.ok(*words).out == before
    assert seats.ok(*words).documents[0]["peak_units"] == 2


def test_one_month_in_detail(seats: Program) -> None:
    """
    Who made the peak and who was there, if names are asked for; and the notes.
    """
    at = ["--at", "2026-02-20T10:00:00Z"]
    text = "a mis-sync"
    seats.ok("seats", "annotate", "members", text, *ACME, *at, "--actor", "ops")

    said = seats.ok("seats", "show", "members", *MONTHS, "--month", "1", "--names")

    assert said.lines == [
        "month 1: Jan 31 2026 to Feb 27 2026",
        "peak: 4",
        "reached: Feb 20 2026 10:00",
        "at the end: 2",
        "to know: known since Feb 2 2026, 1 note",
        "made by: x, join, Feb 20 2026 10:00",
        "made by: y, join, Feb 20 2026 10:00",
        "note: Feb 20 2026 10:00: a mis-sync (ops)",
        "there at the peak: ann",
        "there at the peak: cid",
        "there at the peak: x",
        "there at the peak: y",
    ]
    again = seats.ok("seats", "annotate", "members", text, *ACME, *at, "--actor", "ops")
    assert again.out == "1 duplicate, nothing changed\n"


def test_the_month_in_progress(seats: Program) -> None:
    """
    Without a number it is the current one; without names nobody is named.
    """
    said = seats.ok("seats", "show", "members", *MONTHS)
    [document] = seats.ok("seats", "show", "members", *MONTHS, "--json").documents

    assert said.lines[0] == "month 2: Feb 28 2026 to Mar 30 2026"
    assert not any(line.startswith("there") for line in said.lines)
    assert document["number"] == 2
    assert "present" not in document


def test_who_is_in(seats: Program) -> None:
    """
    By name and way, in which state and since when; pending ones only if asked for.
    """
    pending = ["--at", "2026-02-03", "--state", "pending"]
    seats.ok("seats", "join", "members", "dan", *ACME, *pending)
    words = ["seats", "present", "members", *ACME, "--at", "2026-02-15", "--names"]

    said = seats.ok(*words, "--everybody")

    assert said.lines[0] == "2 members at Feb 15 2026"
    assert [plain(line) for line in said.lines[2:]] == [
        "ann Feb 2 2026 scim active bob",
        "cid Feb 10 2026 09:00 active hired",
        "dan Feb 3 2026 pending (not counted)",
    ]
    assert len(seats.ok(*words).lines) == 4
    [document] = seats.ok(*words, "--json").documents
    assert [one["member"] for one in document["members"]] == ["ann", "cid"]


def test_changes_page_by_page(seats: Program) -> None:
    """
    Each with the level after it; a page ends with how to ask for the next.
    """
    words = ["seats", "changes", "members", *MONTHS, "--month", "1", "--names"]

    first = seats.ok(*words, "--limit", "4")
    assert first.lines[-1].startswith("more: --after ")
    _, cursor, _, as_of, _, place = first.lines[-1].split()[1:]
    rest = seats.ok(*words, "--after", cursor, "--as-of", as_of, "--place", place)

    assert [line.split()[0] for line in first.lines[1:-1]] == ["1", "2", "3", "5"]
    assert [line.split()[0] for line in rest.lines[1:]] == ["4", "6"]
    documents = seats.ok(*words, "--limit", "1", "--json").documents
    assert (documents[0]["member"], documents[0]["units"]) == ("ann", 1)
    assert set(documents[1]) == {"next", "as_of"}
    quiet = ["--from", "2026-01-01", "--to", "2026-01-02"]
    assert seats.ok("seats", "changes", "members", *ACME, *quiet).lines == [
        "no changes"
    ]


def test_correcting_a_spike(seats: Program) -> None:
    """
    First what would change, then as many as were shown, by whom and why.
    """
    words = ["seats", "correct", "members", *MONTHS, *SPIKE, "--source", "sync"]
    shown = seats.ok(*words, "--preview")
    assert shown.lines[0] == "4 changes"
    assert plain(shown.lines[2]) == "1 Jan 31 2026 Feb 27 2026 4 2 2 2"
    assert shown.lines[-1] == "nothing was changed; to take them out: --confirm 4"

    by = ["--actor", "ops", "--reason", "mis-sync"]
    done = seats.ok(*words, "--confirm", "4", *by)

    assert done.lines[-1] == "4 voided"
    months = seats.ok("seats", "list", "members", *MONTHS, "--json").documents
    assert [month["peak_units"] for month in months] == [2, 2]
    again = seats.ok(*words, "--preview", "--json").documents
    assert (again[0]["matched_count"], again[0]["months"]) == (0, [])
    assert "no month is another" in seats.ok(*words, "--preview").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([*MONTHS, *SPIKE], "look first with --preview"),
        ([*MONTHS, *SPIKE, "--preview", "--confirm", "1"], "look first"),
        ([*ACME, *SPIKE, "--preview"], "from where months are counted"),
        ([*MONTHS, *SPIKE, "--confirm", "4"], "say who does this"),
        ([*MONTHS, *SPIKE, "--confirm", "4", "--actor", "o"], "say why"),
        ([*ACME, "--from", "x", "--to", "y", "--anchor", "z", "--preview"], "anchor"),
    ],
)
def test_how_not_to_correct(seats: Program, words: list[str], sentence: str) -> None:
    """
    What is missing or contradicts itself is wrong usage, and nothing is changed.
    """
    said = seats.run("seats", "correct", "members", *words)

    assert said.code == 2
    assert sentence in said.err


def test_another_number_than_was_shown(seats: Program) -> None:
    """
    If other changes match by then, nothing is changed.
    """
    by = ["--confirm", "5", "--actor", "ops", "--reason", "mis-sync"]
    said = seats.run("seats", "correct", "members", *MONTHS, *SPIKE, *by)

    assert said.code == 1
    assert "4 changes match, 5 were expected" in said.err


def test_levels_have_months_too(seats: Program) -> None:
    """
    A count without names: its months are the same, and nobody is there.
    """
    seats.ok("seats", "level", "held", "25", *ACME, "--at", "2026-02-02")
    seats.ok("seats", "level", "held", "15", *ACME, "--at", "2026-03-01")

    said = seats.ok("seats", "list", "held", *MONTHS)
    shown = seats.ok("seats", "show", "held", *MONTHS, "--names")
    changes = seats.ok("seats", "changes", "held", *MONTHS)

    assert said.lines[1].split()[7] == "2.5"
    assert shown.lines[1] == "peak: 2.5"
    assert changes.lines[-1].split()[-1] == "1.5"
    who = seats.run("seats", "present", "held", *ACME)
    assert who.code == 1
    assert "how many there are, not who" in who.err


def test_what_happens_now(seats: Program) -> None:
    """
    Without a time it is recorded live, and counts at once.
    """
    said = seats.ok("seats", "join", "members", "eve", *ACME, "--actor", "bob")
    left = seats.ok("seats", "leave", "members", "eve", *ACME, "--json")
    known = seats.ok("seats", "baseline", "members", "--customer", "new")

    assert said.out == "recorded at Mar 10 2026\n"
    assert left.documents[0]["occurred_at"].startswith("2026-03-10T")
    assert known.code == 0
    changes = seats.ok("seats", "changes", "members", *MONTHS, "--names").lines
    assert "join eve" in plain(changes[-1])


def test_what_is_refused(seats: Program) -> None:
    """
    A date to come, an id that says something else, a meter that counts no seats.
    """
    future = ["--at", "2027-01-01"]
    said = seats.run("seats", "join", "members", "eve", *ACME, *future)
    assert said.code == 1
    assert "refused" in said.err

    named = [*ACME, "--at", "2026-02-02", "--id", "7"]
    seats.ok("seats", "join", "members", "eve", *named)
    other = seats.run("seats", "leave", "members", "eve", *named)
    assert other.code == 1
    assert "conflict" in other.out

    wrong = seats.run("seats", "list", "tokens", *MONTHS)
    assert wrong.code == 1
    assert "seats are read of members" in wrong.err
    both = ["--month", "1", "--current"]
    assert seats.run("seats", "show", "members", *MONTHS, *both).code == 2
    assert seats.run("seats", "list", "members", *ACME).code == 2


def test_a_warning_is_shown(seats: Program) -> None:
    """
    Whoever tells a filtered meter something that nobody reads hears of it.
    """
    said = seats.ok(
        "seats", "join", "members", "eve", *ACME, "--at", "2026-02-02", "--json"
    )

    assert said.documents[0]["warnings"] == []


def test_usage_says_the_same(seats: Program) -> None:
    """
    `usage read` and `usage explain` have the numbers of `seats list`.
    """
    months = seats.ok("seats", "list", "members", *MONTHS, "--json").documents
    readings = seats.ok("usage", "read", "members", *MONTHS, "--json").documents

    for month, reading in zip(months, readings, strict=True):
        assert month["peak_units"] == reading["units"]
        assert month["end_units"] == reading["last_units"]
        assert month["peak_at"] == reading["peak_at"]
    explained = seats.ok("usage", "explain", "members", *MONTHS, "--period", "0")
    assert explained.lines[-1] == "6 entries, 4 in all"
