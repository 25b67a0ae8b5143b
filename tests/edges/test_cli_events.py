"""
`meterbook events`: recording, listing and correcting from a shell.
"""

from __future__ import annotations

import json
import sqlite3

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edges.conftest import document, request


if TYPE_CHECKING:
    from edges.program import Program


def test_each_outcome_is_counted(program: Program) -> None:
    """
    The summary says how many there were of each outcome, and 1 is the exit code if a
    line was refused or in conflict; those are printed with their numbers.
    """
    lines = [
        request("new", "2026-03-01T00:00:00Z", 1, customer="acme"),
        request("b", "2026-02-28T00:00:00Z", 7, customer="acme", subject="ann"),
        "\n",
        request("b", "2026-02-28T00:00:00Z", 8, customer="acme", subject="ann"),
        "{\n",
        document("e", "2026-03-01"),
    ]

    said = program.run("events", "record", "-", told="".join(lines))

    assert said.code == 1
    assert said.lines == ["1 recorded, 1 duplicate, 1 conflict, 2 refused"]
    faults = said.err.splitlines()
    assert faults[0].startswith("line 4: conflict: entry ")
    assert faults[1].startswith("line 5: refused: The document is not a JSON object")
    assert faults[2].startswith("line 6: refused: time: ")


def test_a_file_can_be_recorded_again(program: Program) -> None:
    """
    Repeating is harmless: nothing changes, and the exit code is 0.
    """
    said = program.ok("events", "record", program.folder / "events.ndjson")

    assert said.lines == ["5 duplicates, nothing changed"]


def test_every_outcome_under_json(program: Program) -> None:
    """
    With --json there is a line for each event, with its line, outcome and warnings.
    """
    lines = [
        document("1", "2026-03-01T00:00:00Z").replace("llm.request", "strange"),
        request("c", "2026-02-28T00:00:00Z", "no", customer="globex"),
        document("3").replace("source", "sauce"),
    ]

    said = program.run("events", "record", "-", "--json", told="".join(lines))

    assert said.code == 1
    first, second, third = said.documents
    codes = [warning["code"] for warning in first["warnings"]]
    assert (first["line"], first["outcome"]) == (1, "recorded")
    assert codes == ["unmatched", "unattributed"]
    assert (second["line"], second["outcome"]) == (2, "duplicate")
    assert (third["outcome"], third["code"]) == ("refused", "missing_field")
    assert third["field"] == "source"
    assert said.err.splitlines()[0] == "1 recorded, 1 duplicate, 1 refused"


def test_warnings_are_counted_by_kind(empty: Program) -> None:
    """
    What is recorded and needs a look is summed up, with exit code 0.
    """
    lines = [
        request("1", "2026-03-01T00:00:00Z", "no", customer="acme"),
        request("2", "2026-03-01T00:00:00Z", 1, subject="ann"),
    ]

    said = empty.ok("events", "record", "-", told="".join(lines))

    assert said.lines == ["2 recorded", "warnings: 1 unusable, 1 unattributed"]


def test_more_lines_than_a_batch(empty: Program) -> None:
    """
    A file of any length is recorded, and a line longer than any document is refused
    without being kept.
    """
    lines = [request(f"r-{n}", "2026-03-01T00:00:00Z", n) for n in range(5_001)]
    lines[3] = f'{{"data": "{"x" * 2_000_000}"}}\n'

    said = empty.run("events", "record", "-", told="".join(lines))

    assert said.code == 1
    assert said.lines[0] == "5,000 recorded, 1 refused"
    assert said.err.startswith(
        "line 4: refused: The document has more than 524,288 bytes: "
    )


def test_only_some_faults_are_printed(empty: Program) -> None:
    """
    Of many faults the first twenty are printed, and the number of the others.
    """
    said = empty.run("events", "record", "-", told="{\n" * 25)

    assert len(said.err.splitlines()) == 21
    assert said.err.splitlines()[-1] == "and 5 more: --json prints all"
    assert said.lines == ["25 refused, nothing changed"]


def test_nothing_to_record(empty: Program) -> None:
    """
    An empty file is no error.
    """
    assert empty.ok("events", "record", "-", told="\n\n").lines == [
        "no events, nothing changed"
    ]


def test_the_worker_can_be_left_out(empty: Program) -> None:
    """
    After recording the worker catches up, unless it is told not to.
    """
    line = request("1", "2026-03-01T00:00:00Z", 1, customer="acme")
    empty.ok("events", "record", "-", "--no-work", told=line)
    assert empty.ok("book", "status", "--json").documents[0]["posted_place"] == 0

    empty.ok("events", "record", "-", told=line)
    assert empty.ok("book", "status", "--json").documents[0]["posted_place"] == 1


def test_entries_are_listed_a_page_at_a_time(program: Program) -> None:
    """
    A page ends with how to ask for the next, and the pages make up the whole.
    """
    first = program.ok("events", "list", "--limit", "3")
    assert first.lines[-1] == "more: --after 3"
    pages = [
        *program.ok("events", "list", "--limit", "3", "--json").documents,
        *program.ok("events", "list", "--after", "3", "--json").documents,
    ]

    assert [entry["id"] for entry in pages] == ["a", "x", "b", "c", "d"]
    assert pages[1]["data"] == {"model": "xl", "tokens": 1000.5}


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        pytest.param(["--customer", "globex"], "c", id="of a customer"),
        pytest.param(["--type", "seats"], "d", id="of a type"),
        pytest.param(["--subject", "ann"], "ab", id="of a subject"),
        pytest.param(["--subject", "nobody known"], "", id="of a stranger"),
        pytest.param(["--source", "other"], "", id="of a source"),
        pytest.param(["--kind", "void"], "", id="of a kind"),
        pytest.param(
            ["--from", "2026-01-31", "--to", "2026-02-28"], "ax", id="half-open"
        ),
        pytest.param(["--unattributed"], "", id="of nobody"),
    ],
)
def test_entries_are_narrowed(program: Program, options: list[str], ids: str) -> None:
    """
    Each option of the list leaves out what it does not name.
    """
    said = program.ok("events", "list", *options, "--json")
    shown = program.ok("events", "list", *options)

    assert "".join(entry["id"] for entry in said.documents) == ids
    assert (shown.out == "none\n") == (not ids)


def test_what_a_terminal_obeys_is_escaped(empty: Program) -> None:
    """
    Text out of the book cannot move the cursor or colour the screen.
    """
    line = request("\x1b[31m", "2026-03-01T00:00:00Z", 1, customer="[bold]acme[/]")
    empty.ok("events", "record", "-", told=line)

    said = empty.ok("events", "list")

    assert r"\x1b[31m" in said.out
    assert "\x1b" not in said.out
    assert "[bold]acme[/]" in said.out


def test_one_event_is_voided_once(program: Program) -> None:
    """
    An event is named by source and id or by entry, and a second void changes nothing.
    """
    who = ["--actor", "ops", "--reason", "twice"]
    first = program.ok("events", "void", "--source", "api", "--id", "a", *who)
    entry = program.ok("events", "list", "--json").documents[0]["entry_id"]
    again = program.ok("events", "void", "--entry", str(entry), *who)

    assert first.out.startswith("1 voided, by entry ")
    assert again.out == "void already, nothing changed\n"
    listed = program.ok("events", "list", "--limit", "1", "--json").documents[0]
    assert listed["void_since"] == 6


def test_many_are_voided_after_a_preview(program: Program) -> None:
    """
    A bulk void shows what would change, takes the number it showed, and no other.
    """
    which = ["--customer", "acme", "--type", "llm.request"]
    who = ["--actor", "ops", "--reason", "imported twice"]
    preview = program.ok("events", "void", *which, "--preview")
    assert preview.lines[0].startswith("3 events, Jan 31 2026 10:00 to Feb 28 2026")
    assert "1,427.5" in preview.out
    assert preview.lines[-1] == "nothing was changed; to void them: --confirm 3"
    seen = program.ok("events", "void", *which, "--preview", "--json").documents[0]
    assert (seen["matched_count"], seen["void_count"]) == (3, 0)

    wrong = program.run("events", "void", *which, "--confirm", "2", *who)
    assert (wrong.code, wrong.out) == (1, "")
    assert wrong.err.startswith("Error: 3 events match")

    done = program.ok("events", "void", *which, "--confirm", "3", *who)
    assert done.out == "3 voided\n"
    none = ["--customer", "nobody", "--preview"]
    assert program.ok("events", "void", *none).out == "no events match\n"


@pytest.mark.parametrize(
    "words",
    [
        ["--source", "api"],
        ["--source", "api", "--preview", "--confirm", "3"],
        ["--source", "api", "--id", "a", "--preview"],
        ["--entry", "1", "--customer", "acme", "--actor", "o", "--reason", "r"],
        ["--source", "api", "--id", "a", "--reason", "r"],
        ["--source", "api", "--confirm", "4", "--actor", "o"],
    ],
)
def test_a_void_says_what_is_missing(program: Program, words: list[str]) -> None:
    """
    A void that is not clear is wrong usage, and changes nothing.
    """
    assert program.run("events", "void", *words).code == 2
    assert len(program.ok("events", "list", "--json").documents) == 5


def test_an_event_is_amended(program: Program) -> None:
    """
    Amending moves usage from one customer to another, once, both or neither.
    """
    mend = ["--source", "api", "--id", "b", "--actor", "ops", "--reason", "not theirs"]
    line = request("b2", "2026-02-28T00:00:00Z", 7, customer="globex")
    path = program.write("mend.json", line)
    first = program.ok("events", "amend", path, *mend)
    again = program.ok("events", "amend", path, *mend)
    bad = program.run("events", "amend", "-", *mend, told="{}")
    other = request("a", "2026-02-28T00:00:00Z", 7, customer="globex")
    taken = [*mend[:3], "x", *mend[4:]]
    conflict = program.run("events", "amend", "-", *taken, told=other)

    assert first.out.startswith("amended: the replacement is entry ")
    assert again.out == "1 duplicate, nothing changed\n"
    assert (bad.code, bad.err) == (1, "refused: specversion is missing: add it.\n")
    assert (conflict.code, conflict.err[:9]) == (1, "conflict:")
    period = ["--from", "2026-02-01", "--to", "2026-03-01", "--json"]
    read = ["usage", "read", "tokens", "--all-customers", *period]
    values = {one["customer_key"]: one["value"] for one in program.ok(*read).documents}
    assert values == {"acme": "1000.5", "globex": "7"}


def test_what_was_refused_can_be_replayed(program: Program) -> None:
    """
    The quarantine keeps documents as received: listed, replayed, discarded.
    """
    late = request("late", "2026-03-11T00:00:00Z", 1, customer="acme")
    said = program.run("events", "record", "-", "--quarantine", told=f"{late}{{\n")
    assert said.code == 1
    held = program.ok("events", "quarantine", "list", "--json").documents
    assert [one["code"] for one in held] == ["in_the_future", "malformed"]
    assert json.loads(held[0]["document"])["id"] == "late"
    assert (
        "ahead of the book's clock"
        in program.ok("events", "quarantine", "list").out.lower()
    )

    program.ok("book", "clock", "--to", "2026-03-12T00:00:00Z")
    replayed = program.run("events", "quarantine", "replay", "--all")
    assert (replayed.code, replayed.out) == (
        1,
        "1 in the book now, 1 held still\n",
    )
    number = str(held[1]["quarantine_id"])
    assert program.run("events", "quarantine", "replay").code == 2
    assert program.run("events", "quarantine", "replay", "999").code == 1
    program.ok("events", "quarantine", "discard", number)
    assert program.ok("events", "quarantine", "list").out == "none\n"


def test_an_overlong_line_is_not_kept_in_part(empty: Program) -> None:
    """
    The quarantine keeps documents as received, so one that was not read to its end is
    refused only; one of just the limit is looked at.
    """
    limit = 524_288
    whole = request("1", "2026-03-01T00:00:00Z", 1, customer="acme").rstrip()
    lines = [whole.ljust(limit), "x" * (limit + 1), "y" * limit]
    told = "\r\n".join(lines)
    words = ["events", "record", "-", "--quarantine", "--json"]
    said = empty.run(*words, told=told)

    codes = [one.get("code", one["outcome"]) for one in said.documents]
    assert codes == ["recorded", "too_large", "malformed"]
    held = empty.ok("events", "quarantine", "list", "--json").documents
    assert [one["code"] for one in held] == ["malformed"]


def test_a_mark_at_the_start_is_no_content(empty: Program) -> None:
    """
    The byte order mark that some programs write is left out, on the first line only.
    """
    line = "\ufeff" + request("1", "2026-03-01T00:00:00Z", 1, customer="acme")
    said = empty.run("events", "record", "-", told=line + line)

    assert said.lines == ["1 recorded, 1 refused"]
    assert said.err.startswith("line 2: refused: The document is not a JSON object")


@pytest.mark.parametrize(
    ("version", "says"),
    [("1.0", "is the number 1.0"), ("1", "is the number 1"), ("[1]", "is an array")],
)
def test_a_version_that_is_no_text(empty: Program, version: str, says: str) -> None:
    """
    A refusal speaks of JSON, not of the types of this program.
    """
    line = document("1").replace('"1.0"', version, 1)
    said = empty.run("events", "record", "-", told=line)

    assert said.err == f'line 1: refused: specversion {says}: send "1.0".\n'


def test_what_is_recorded_is_recorded(
    empty: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If the worker fails after the events are durable, that is a warning: the exit code
    is that of the outcomes.
    """
    with closing(sqlite3.connect(empty.book)) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON meterbook_postings "
            "BEGIN SELECT RAISE(ABORT, 'no more postings'); END"
        )
    monkeypatch.chdir(empty.folder)
    line = request("1", "2026-03-01T00:00:00Z", 1, customer="acme")
    said = empty.ok("events", "record", "-", told=line)
    again = empty.ok("events", "record", "-", "--json", told=line)

    assert said.lines == ["1 recorded"]
    assert said.err.startswith("warning: the worker could not catch up: ")
    assert [one["outcome"] for one in again.documents] == ["duplicate"]


def test_a_directory_is_no_file(empty: Program) -> None:
    """
    A directory in the place of a file is called one.
    """
    said = empty.run("events", "record", empty.folder)

    assert said.code == 2
    assert "is a directory" in " ".join(said.err.split())


@pytest.mark.parametrize(
    "words",
    [
        ["events", "list", "--after"],
        ["events", "list", "--limit"],
        ["events", "quarantine", "list", "--after"],
        ["events", "quarantine", "replay"],
        ["events", "quarantine", "discard"],
        ["events", "void", "--actor", "a", "--reason", "r", "--entry"],
        ["events", "void", "--source", "s", "--actor", "a", "--confirm"],
        ["meters", "unusable", "tokens", "--after"],
        ["meters", "unusable", "tokens", "--version"],
        ["usage", "read", "tokens", "--all-customers", "--place"],
        ["usage", "read", "tokens", "--all-customers", "--period"],
        ["periods", "list", "--anchor", "2026-01-01", "--limit"],
        ["periods", "list", "--anchor", "2026-01-01", "--count"],
    ],
)
def test_a_number_that_no_book_holds(program: Program, words: list[str]) -> None:
    """
    A number beyond 64 bits is wrong usage, and the option is named.
    """
    said = program.run(*words, str(2**63))

    assert program.run(*words, str(2**63 - 1)).code in {0, 1, 2}
    assert said.code == 2
    assert "Invalid value for" in said.err
    if words[-1].startswith("--"):
        assert words[-1] in said.err
