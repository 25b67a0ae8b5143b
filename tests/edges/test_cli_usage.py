"""
`meterbook usage` and `periods`: numbers, and where they come from.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

import pytest

from edges.conftest import document, request
from meterbook import Period
from meterbook.cli.stretches import Spelling


if TYPE_CHECKING:
    from pathlib import Path

    from edges.program import Program


ANCHORED = ["--customer", "acme", "--anchor", "2026-01-31"]


def test_a_line_for_each_period(program: Program) -> None:
    """
    Every period that has begun has a line, under its year; an event at the end of one
    belongs to the next, and the last one is in progress.
    """
    said = program.ok("usage", "read", "tokens", *ANCHORED)

    assert said.lines == [
        "2026",
        "[Jan 31, Feb 28)  1,420.5  from 2 entries",
        "[Feb 28, Mar 31)        7  from 1 entry, in progress",
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--period", "0"], "[Jan 31, Feb 28)  1,420.5  from 2 entries"),
        (["--current"], "[Feb 28, Mar 31)  7  from 1 entry, in progress"),
        (
            ["--period", "0", "--as-of", "2026-02-01"],
            "[Jan 31, Feb 28)  420  from 1 entry, in progress",
        ),
        (["--period", "0", "--place", "1"], "[Jan 31, Feb 28)  420  from 1 entry"),
        (
            ["--interval", "year"],
            "[Jan 31 2026, Jan 31 2027)  1,427.5  from 3 entries, in progress",
        ),
        (
            ["--interval", "day", "--count", "2", "--period", "1"],
            "[Feb 2, Feb 4)  0  from no entries",
        ),
    ],
)
def test_one_period(program: Program, words: list[str], line: str) -> None:
    """
    One period is asked for by number, by being current, and as of a place or moment.
    """
    said = program.ok("usage", "read", "tokens", *ANCHORED, *words)

    assert said.lines[-1] == line


def test_any_stretch_in_any_zone(program: Program) -> None:
    """
    A stretch need not be a period; its dates are midnights of the zone.
    """
    words = ["--customer", "acme", "--from", "2026-02-01", "--to", "2026-02-28"]
    said = program.ok("usage", "read", "tokens", *words, "--zone", "America/New_York")

    assert said.lines[-1] == "[Feb 1, Feb 28)  1,007.5  from 2 entries"


def test_groups_and_customers(program: Program) -> None:
    """
    Groups stand below their number, and customers above theirs.
    """
    words = ["--all-customers", "--from", "2026-01-01", "--to", "2026-03-01"]
    said = program.ok("usage", "read", "tokens", *words, "--by", "model")

    assert said.lines == [
        "acme",
        "2026",
        "[Jan 1, Mar 1)  1,427.5  from 3 entries",
        "  model=s  427",
        "  model=xl  1,000.5",
        "globex",
        "2026",
        "[Jan 1, Mar 1)  0  from no entries",
    ]


def test_a_level_says_what_it_began_with(program: Program) -> None:
    """
    A level shows what was carried in, when its peak was reached, and since when it is
    known.
    """
    words = ["--customer", "acme", "--from", "2026-01-01", "--to", "2026-02-01"]
    first = program.ok("usage", "read", "seats", *words)
    later = program.ok("usage", "read", "seats", *ANCHORED, "--period", "0")

    assert first.lines[-1] == (
        "[Jan 1, Feb 1)  5  from 1 entry, reached Jan 15 2026, known since Jan 15 2026"
    )
    assert later.lines[-1] == (
        "[Jan 31, Feb 28)  5  from no entries, 5 carried in, reached Jan 31 2026"
    )


def test_a_reading_under_json(program: Program) -> None:
    """
    A reading is one document: the number as text, its units exact, as of when, and
    what it was read from.
    """
    said = program.ok("usage", "read", "tokens", *ANCHORED, "--json", "--by", "model")
    first, second = said.documents

    assert (first["index"], first["start"]) == (0, "2026-01-31T00:00:00Z")
    assert (first["value"], first["units"], first["scale"]) == ("1420.5", 14205, 1)
    assert first["as_of"] == {"place": 5, "moment": "2026-03-10T00:00:00Z"}
    assert first["provenance"]["entries"] == 2
    assert [one["group"] for one in first["groups"]] == [
        {"model": "s"},
        {"model": "xl"},
    ]
    assert (second["index"], second["complete"]) == (1, False)


def test_every_entry_behind_a_number(program: Program) -> None:
    """
    Explain lists the entries of a period in the order they occurred, with their units;
    the last line says how many and how much.
    """
    said = program.ok("usage", "explain", "tokens", *ANCHORED, "--period", "0")

    assert said.lines[1] == "[Jan 31, Feb 28)  1,420.5  from 2 entries"
    assert said.lines[3].split() == [
        *["1", "2026-01-31T10:00:00Z", "api", "a", "ann", '["s"]', "420"],
    ]
    assert said.lines[-1] == "2 entries, 1,420.5 in all"


def test_explain_leaves_out_empty_periods(program: Program) -> None:
    """
    Without --period every period with entries is explained, and no other.
    """
    words = ["--customer", "acme", "--anchor", "2026-01-01", "--interval", "week"]
    said = program.ok("usage", "explain", "tokens", *words)
    nobody = program.ok("usage", "explain", "tokens", *words[2:], "--customer", "x")

    brackets = [line[:16] for line in said.lines if line.startswith("[")]
    assert brackets == ["[Jan 29, Feb 5) ", "[Feb 26, Mar 5) "]
    assert nobody.out == "no entries\n"


def test_pages_of_explain_make_up_the_whole(program: Program) -> None:
    """
    Each page says how to ask for the next one as of the same place and moment, also
    where the next page begins in another period.
    """
    words = ["usage", "explain", "tokens", *ANCHORED, "--limit", "1", "--json"]
    ids: list[str] = []
    more: list[str] = []
    for _ in range(3):
        documents = program.ok(*words, *more).documents
        ids += [one["entry"]["event_id"] for one in documents if "entry" in one]
        following = [one for one in documents if "next" in one]
        if not following:
            break
        more = ["--after", following[0]["next"]]

    assert ids == ["a", "x", "b"]
    shown = program.ok("usage", "explain", "tokens", *ANCHORED, "--limit", "1")
    assert shown.lines[-1].startswith("more: --after ")
    assert shown.lines[-1].endswith("--as-of 2026-03-10T00:00:00Z --place 5")
    wrong = program.run("usage", "explain", "tokens", *ANCHORED, "--after", "x")
    assert wrong.code == 2


def test_explain_shows_what_was_not_counted(program: Program) -> None:
    """
    What the meter could not take is listed as unusable, what a level began with as
    carried in, and the keys of a unique meter as they are.
    """
    stretch = ["--from", "2026-02-01", "--to", "2026-03-01"]
    bad = program.ok("usage", "explain", "tokens", "--customer", "globex", *stretch)
    level = program.ok("usage", "explain", "seats", "--customer", "acme", *stretch)
    keys = program.ok("usage", "explain", "models", "--customer", "acme", *stretch)

    assert "unusable: " in bad.out
    assert bad.lines[-1].endswith(", 0 in all")
    assert "carried in" in level.out
    assert '["xl"]' in keys.out
    listed = program.ok("meters", "unusable", "tokens", "--json").documents
    assert [one["entry"]["id"] for one in listed] == ["c"]


def test_what_is_not_numbered_is_marked(empty: Program) -> None:
    """
    A book that only reads (the worker could not run) says that a number is provisional;
    otherwise SQLite needs no worker: reading does its step.
    """
    line = request("1", "2026-03-01T00:00:00Z", 1, customer="acme")
    empty.ok("events", "record", "-", "--no-work", told=line)

    said = empty.ok("usage", "read", "tokens", *ANCHORED, "--current", "--json")

    assert said.documents[0]["provisional"] is False
    assert said.documents[0]["as_of"]["place"] == 1


def test_a_chart_in_the_terminal(program: Program) -> None:
    """
    A chart has a line for each window that has begun: its beginning, its number, a bar.
    """
    words = ["--from", "2026-01-31", "--to", "2026-02-03"]
    said = program.ok("usage", "chart", "tokens", "--customer", "acme", *words)

    assert said.lines == [
        "tokens of acme by day",
        "2026",
        f"Jan 31      420  {'█' * 16}▊",
        f"Feb 1   1,000.5  {'█' * 40}",
        "Feb 2         0",
    ]
    months = ["--from", "2026-01-01", "--to", "2027-01-01", "--window", "month"]
    said = program.ok("usage", "chart", "tokens", "--customer", "acme", *months)
    assert [line.split()[0] for line in said.lines[2:]] == ["Jan", "Feb", "Mar"]
    said = program.ok("usage", "chart", "tokens", *ANCHORED, "--json")
    assert len(said.documents) == 39
    future = ["--from", "2027-01-01", "--to", "2028-01-01"]
    said = program.ok("usage", "chart", "tokens", "--customer", "acme", *future)
    assert said.lines == ["tokens of acme by day"]


def test_a_chart_in_a_file(program: Program, tmp_path: Path) -> None:
    """
    The same chart is drawn as SVG and as PNG.
    """
    svg, png = tmp_path / "chart.svg", tmp_path / "chart.png"
    for path in (svg, png):
        said = program.ok("usage", "chart", "tokens", *ANCHORED, "--out", path)
        assert said.out == f"{path}: 39 bars\n"

    assert svg.read_text(encoding="utf-8").startswith("<svg")
    assert "tokens of acme by day" in svg.read_text(encoding="utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "chart.pdf"], "must end in .svg or .png"),
        (["--window", "hour", "--anchor", "2020-01-01"], "more than 2,500 bars"),
        (["--window", "week"], "a window is an hour"),
        (["--window", "fortnight"], "interval is 'fortnight'"),
    ],
)
def test_a_chart_that_cannot_be_drawn(
    program: Program, words: list[str], says: str
) -> None:
    """
    A chart of too many bars, of other windows or into another kind of file is refused.
    """
    said = program.run("usage", "chart", "tokens", *ANCHORED, *words)

    assert said.code in {1, 2}
    assert says in " ".join(said.err.split())


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--from", "2026-01-01"],
        ["--anchor", "2026-01-31", "--from", "2026-01-01", "--to", "2026-02-01"],
        ["--from", "2026-01-01", "--to", "2026-02-01", "--period", "1"],
        ["--from", "2026-01-01", "--to", "2026-02-01", "--current"],
        ["--anchor", "2026-01-31", "--period", "0", "--current"],
        ["--anchor", "yesterday"],
        ["--anchor", "2026-01-31", "--zone", "Mars/North"],
        ["--anchor", "2026-01-31", "--as-of", "noon"],
    ],
)
def test_a_stretch_is_said_in_one_way(program: Program, words: list[str]) -> None:
    """
    A stretch that is not said, or in two ways, is wrong usage.
    """
    said = program.run("usage", "read", "tokens", "--customer", "acme", *words)

    assert (said.code, said.out) == (2, "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--anchor", "2026-01-31", "--interval", "eon"], "interval is 'eon'"),
        (["--anchor", "2027-01-31", "--current"], "There is no such period"),
        (["--anchor", "0001-01-01", "--interval", "hour"], "more than 10,000 periods"),
        (["--from", "2026-02-01", "--to", "2026-01-01"], "must start before it ends"),
        (["--anchor", "2026-01-31", "--place", "99"], "place"),
        (["--anchor", "2026-01-31", "--version", "7"], "has no version 7"),
        (["--anchor", "2026-01-31", "--by", "colour"], "has no group 'colour'"),
    ],
)
def test_what_cannot_be_read_is_refused(
    program: Program, words: list[str], says: str
) -> None:
    """
    A question without an answer gets one sentence that names what is wrong, and 1.
    """
    said = program.run("usage", "read", "tokens", "--customer", "acme", *words)

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: ")
    assert says in said.err


def test_whose_usage_must_be_said(program: Program) -> None:
    """
    A reading is of customers that are named, or of all.
    """
    assert program.run("usage", "read", "tokens", "--anchor", "2026-01-31").code == 2
    future = ["--all-customers", "--anchor", "2027-01-31"]
    said = program.ok("usage", "read", "tokens", *future)
    assert said.out.startswith("nothing to read")


def test_periods_without_a_book(program: Program) -> None:
    """
    Periods are listed with their numbers, and need no book.
    """
    words = ["periods", "list", "--anchor", "2026-01-31", "--until", "2026-04-30"]
    said = program.ok(*words)

    assert said.lines == [
        "2026",
        "    0  [Jan 31, Feb 28)",
        "    1  [Feb 28, Mar 31)",
        "    2  [Mar 31, Apr 30)",
        "    3  [Apr 30, May 31)",
    ]
    page = program.ok(*words, "--limit", "1")
    assert page.lines[-1] == "more: a higher --limit"
    third = program.ok(*words, "--json").documents[2]
    assert third == {
        "index": 2,
        "start": "2026-03-31T00:00:00Z",
        "end": "2026-04-30T00:00:00Z",
    }
    none = program.ok("periods", "list", "--anchor", "9000-01-01")
    assert none.out.startswith("none")


@pytest.mark.parametrize(
    ("start", "end", "zone", "text"),
    [
        ("2026-12-31", "2027-01-31", "UTC", "[Dec 31, Jan 31)"),
        ("2026-01-31", "2027-01-31", "UTC", "[Jan 31 2026, Jan 31 2027)"),
        ("2026-01-31T09:30", "2026-02-28T09:30", "UTC", "[Jan 31 09:30, Feb 28 09:30)"),
        (
            "2026-01-31T00:00:01",
            "2026-02-01T00:00:00",
            "UTC",
            "[Jan 31 00:00:01, Feb 1 00:00)",
        ),
        ("2026-01-01T05:00", "2026-02-01T05:00", "America/New_York", "[Jan 1, Feb 1)"),
    ],
)
def test_how_periods_are_written(start: str, end: str, zone: str, text: str) -> None:
    """
    A period says its years if it is as long as one, and its times if they are not
    midnight on the clock of its zone.
    """
    moments = [
        dt.datetime.fromisoformat(f"{at}").replace(tzinfo=dt.UTC) for at in (start, end)
    ]

    assert Spelling(zone).period(Period(*moments)) == text


def test_an_average_and_nothing(program: Program) -> None:
    """
    An average is rounded for people and exact under --json; of nothing it is a dash.
    """
    catalog = '[meters.mean]\nevent_type="llm.request"\naggregation="average"\n'
    program.ok("catalog", "apply", "-", told=f'{catalog}value="size"\n')
    lines = [
        document(f"m{n}", "2026-03-01T00:00:00Z", customer="acme", data={"size": n})
        for n in (1, 1, 5)
    ]
    lines[1] = lines[1].replace("m1", "m2")
    program.ok("events", "record", "-", told="".join(lines))
    words = ["--from", "2026-03-01", "--to", "2026-03-02", "--customer", "acme"]

    shown = program.ok("usage", "read", "mean", *words)
    exact = program.ok("usage", "read", "mean", *words, "--json").documents[0]
    nothing = program.ok("usage", "read", "mean", *words, "--place", "0")

    assert shown.lines[-1] == "[Mar 1, Mar 2)  2.33  from 3 entries"
    assert (exact["value"], exact["units"]) == ("2.33", "7/3")
    assert nothing.lines[-1] == "[Mar 1, Mar 2)  -  from no entries"
