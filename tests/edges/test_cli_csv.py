"""
CSV files: how rows become events, and what is said of those that do not.
"""

from __future__ import annotations

import os

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meterbook.cli.csv_mapping import mapping_from, mapping_of_options
from meterbook.cli.csv_rows import events_of
from meterbook.metering.events import Event, Refused


if TYPE_CHECKING:
    from edges.program import Program


ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo"

# Real data for trials lies beside the project, where somebody has put it.
DATA = Path(os.environ.get("METERBOOK_DATA", ROOT.parent / "shared" / "data"))

MAPPING = """
source = "crm"
id = "{id}:{row}"
type = "call"
time = { column = "at", zone = "Europe/Berlin" }
customer = "{who}"

[data]
minutes = { column = "minutes", type = "decimal" }
calls = { column = "calls", type = "int" }
note = "{who} on {at}"
live = true
share = 0.5
"""

HEADER = "id,at,who,minutes,calls\n"


def rows(text: str, mapping: str = MAPPING) -> list[tuple[int, Event | Refused]]:
    lines = text.splitlines(keepends=True)
    return [(row.line, row.what) for row in events_of(lines, mapping_from(mapping))]


def only(text: str, mapping: str = MAPPING) -> Any:  # noqa: ANN401 - one or the other
    [(_, event)] = rows(text, mapping)
    return event


def test_a_row_becomes_an_event() -> None:
    """
    Columns, constants and the row's number become fields, numbers exactly.
    """
    event = only(f"{HEADER}7,2026-01-31 10:00:00.1234567,acme,1.50,3\n")

    assert (event.source, event.id, event.type) == ("crm", "7:1", "call")
    assert event.time.isoformat() == "2026-01-31T09:00:00.123456+00:00"
    assert event.customer == "acme"
    assert event.data == {
        "minutes": Decimal("1.50"),
        "calls": 3,
        "note": "acme on 2026-01-31 10:00:00.1234567",
        "live": True,
        "share": Decimal("0.5"),
    }


def test_an_empty_cell_leaves_its_field_out() -> None:
    """
    What is empty is absent, not zero and not empty text.
    """
    event = only(f"{HEADER}7,,,,\n")

    assert (event.time, event.customer) == (None, None)
    assert event.data == {"live": True, "share": Decimal("0.5"), "note": " on "} or (
        "note" not in event.data
    )


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-29 02:30:00", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00+00:00"),
        ("2026-10-25T02:30:00Z", "2026-10-25T02:30:00+00:00"),
    ],
)
def test_whose_clock_wrote_the_time(written: str, moment: str) -> None:
    """
    A time without a zone is of the stated one: what the clock skips is the end of the
    gap, what it shows twice the first. A zone in the text itself comes first.
    """
    event = only(f"{HEADER}7,{written},,,\n")

    assert event.time.isoformat() == moment


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ("7,yesterday,a,1,1", "malformed", "time"),
        ("7,0001-01-01 00:00:00,a,1,1", "malformed", "time"),
        ("7,,a,1e3,1", "wrong_type", "data.minutes"),
        ("7,,a,NaN,1", "wrong_type", "data.minutes"),
        ("7,,a,1,1.0", "wrong_type", "data.calls"),
        ("7,,a,1,1_000", "wrong_type", "data.calls"),
        ("7,,a,1,٣", "wrong_type", "data.calls"),
        ("7,,a,1", "malformed", ""),
        ("7,,a,1,1,1", "malformed", ""),
    ],
)
def test_a_row_that_is_no_event_is_refused(row: str, code: str, field: str) -> None:
    """
    A cell that does not hold what it should refuses its row, naming the field; the
    other rows are events.
    """
    (line, refused), (_, event) = rows(f"{HEADER}{row}\n8,,a,1,1\n")

    assert line == 2
    assert isinstance(refused, Refused)
    assert (refused.code, refused.field) == (code, field)
    assert isinstance(event, Event)


def test_what_every_event_needs() -> None:
    """
    A row without what every event needs is refused.
    """
    refused = only("a,b\n,1\n", 'source="s"\nid="{a}"\ntype="t"\n')

    assert (refused.code, refused.field) == ("missing_field", "id")


def test_a_column_may_be_called_row() -> None:
    """
    A column called row is that column; a row of several lines counts once.
    """
    mapping = 'source="s"\nid="{row}"\ntype="{t}"\n'
    found = rows('row,t\nx,"1\n2"\ny,3\n', mapping)

    assert [(line, event.id) for line, event in found if isinstance(event, Event)] == [
        (3, "x"),
        (4, "y"),
    ]


def test_options_say_the_same_as_a_file() -> None:
    """
    A field is mapped by an option to a column, to a column of a type, or to text.
    """
    options = mapping_of_options(["id={a}-{b}", "data.n=n:int", "data.t=a:b", "time=t"])
    file = mapping_from(
        'id = "{a}-{b}"\ntime = { column = "t" }\n'
        '[data]\nn = { column = "n", type = "int" }\nt = { column = "a:b" }\n'
    )

    assert options == file


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("id = ", "not TOML"),
        ('ident = "x"', "'ident' is no field"),
        ("id = 3", "id must be text"),
        ('id = { column = "a", type = "int" }', "id must be a table of column"),
        ("[data]\nn = { column = 3 }", "data.n must be a table"),
        ('[data]\nn = { column = "n", type = "float" }', "use one of int, decimal"),
        ("[data]\nn = [1]", "data.n must be text"),
        ('data = "n"', "data must be a table"),
        ('time = { column = "t", zone = "Mars" }', "zone is 'Mars'"),
        ('source = "s"\nid = "{nope}"\ntype = "t"', "names the column 'nope'"),
        ('source = "s"\nid = "i"', "type is not mapped"),
    ],
)
def test_a_mapping_that_cannot_be_used(empty: Program, mapping: str, says: str) -> None:
    """
    A mapping that is wrong is wrong usage, naming the field; nothing is recorded.
    """
    path = empty.write("m.toml", mapping)
    rows_ = empty.write("r.csv", "a,b\n1,2\n")
    said = empty.run("events", "record", rows_, "--map", path)

    assert (said.code, says in " ".join(said.err.split())) == (2, True), said.err
    assert empty.ok("events", "list").out == "none\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["r.csv"], "source is not mapped"),
        (["r.csv", "--map", "none.toml"], "there is no file"),
        (["none.csv"], "is not mapped"),
        (["r.json", "--source", "s"], "this is for CSV"),
        (["r.csv", "--format", "xml"], "neither cloudevents nor csv"),
        (
            ["r.csv", "--source", "s", "--type", "t", "--map", "id=a", "--zone", "UTC"],
            "no column is mapped to time",
        ),
    ],
)
def test_options_that_do_not_fit(
    empty: Program, words: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Options that contradict the format, or files that are not there, are wrong usage.
    """
    monkeypatch.chdir(empty.folder)
    empty.write("r.csv", "a,b\n1,2\n")
    empty.write("r.json", "{}\n")
    said = empty.run("events", "record", *words)

    assert (said.code, says in " ".join(said.err.split())) == (2, True), said.err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'a,b\n1,"2\n', "is not CSV"),
        (b"a,b\n1,\xff\n", "is not UTF-8"),
    ],
)
def test_a_file_that_is_not_csv(empty: Program, content: bytes, says: str) -> None:
    """
    A file that is torn or of another encoding is refused with a sentence.
    """
    path = empty.folder / "r.csv"
    path.write_bytes(content)
    same = ["--source", "s", "--type", "t", "--map", "id=a", "--map", "data.b=b"]
    said = empty.run("events", "record", path, *same)

    assert said.code == 1
    assert says in said.err


def test_a_file_is_recorded_with_options_alone(empty: Program) -> None:
    """
    Options make a mapping without a file, replace what a file says, and the summary
    names the line of a refused row.
    """
    table = "\ufeffid,at,minutes\n1,2026-01-31 10:00:00,1.5\n2,2026-01-31 11:00:00,x\n"
    path = empty.write("calls.csv", table)
    base = empty.write("m.toml", 'source = "other"\nid = "{id}"\n')
    words: list[str | Path] = [
        "--map",
        base,
        "--source",
        "crm",
        "--type",
        "call",
        "--customer",
        "acme",
    ]
    more = ["--map", "time=at", "--zone", "Europe/Berlin"]
    last = ["--map", "data.minutes=minutes:decimal"]
    said = empty.run("events", "record", path, *words, *more, *last)

    assert (said.code, said.lines[0]) == (1, "1 recorded, 1 refused")
    assert said.err == "line 3: refused: data.minutes: 'x' is no decimal.\n"
    entry = empty.ok("events", "list", "--json").documents[0]
    assert (entry["source"], entry["time"]) == ("crm", "2026-01-31T09:00:00Z")
    assert entry["data"] == {"minutes": 1.5}


def demo_rows(name: str, sample: str) -> tuple[str, str]:
    """
    Return real rows, or a sample of their form where there are none, and which it is.
    """
    path = DATA / name
    if path.exists():
        return path.read_text(encoding="utf-8"), "real"
    return sample, f"{path} is not there: a sample of two rows was recorded instead"


def test_the_requests_to_a_language_model(
    bare: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The trace of requests is recorded as its documentation says, with the row's number
    as id; every token is counted, and a second time changes nothing.
    """
    sample = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:04.0319600,3180,8\n"
    )
    text, which = demo_rows("llm_requests.csv", sample)
    with capsys.disabled():
        if which != "real":
            print(f"\n{which}")
    path = bare.write("llm_requests.csv", text)
    bare.ok("catalog", "apply", DEMO / "llm_requests.catalog.toml")
    record: list[str | Path] = [
        "events",
        "record",
        path,
        "--map",
        DEMO / "llm_requests.map.toml",
    ]
    table = [line.split(",") for line in text.splitlines()[1:]]

    assert bare.ok(*record).lines == [f"{len(table):,} recorded"]
    assert bare.ok(*record).lines == [f"{len(table):,} duplicates, nothing changed"]

    read = [
        "--customer",
        "acme",
        "--from",
        "2023-11-16",
        "--to",
        "2023-11-17",
        "--json",
    ]
    for meter, column in (("context_tokens", 1), ("generated_tokens", 2)):
        reading = bare.ok("usage", "read", meter, *read).documents[0]
        assert reading["units"] == sum(int(row[column]) for row in table)
        assert reading["provenance"]["entries"] == len(table)
    first = bare.ok("events", "list", "--limit", "1", "--json").documents[0]
    assert (first["id"], first["time"]) == ("1", "2023-11-16T18:17:03.979960Z")


def test_the_history_of_a_project(
    bare: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The history is recorded as its documentation says, commit and area as id; its lines
    add up by area, and pairs of author and area are counted once.
    """
    sample = (
        "at,commit,author,area,lines\n2023-02-28T12:15:55Z,252123a86cc6,a,lib,5\n"
        "2023-02-28T12:26:18Z,852c4a9ff59b,a,lib,9\n"
    )
    text, which = demo_rows("commits.csv", sample)
    with capsys.disabled():
        if which != "real":
            print(f"\n{which}")
    path = bare.write("commits.csv", text)
    bare.ok("catalog", "apply", DEMO / "commits.catalog.toml")
    record: list[str | Path] = [
        "events",
        "record",
        path,
        "--map",
        DEMO / "commits.map.toml",
    ]
    table = [line.split(",") for line in text.splitlines()[1:]]

    assert bare.ok(*record).lines == [f"{len(table):,} recorded"]
    assert bare.ok(*record).lines == [f"{len(table):,} duplicates, nothing changed"]

    stretch = ["--from", "2000-01-01", "--to", "2026-03-01"]
    inside = [row for row in table if row[0] < "2026-03-01"]
    read = ["--customer", "project", *stretch, "--json"]
    lines = bare.ok("usage", "read", "lines", *read, "--by", "area").documents[0]
    series = bare.ok("usage", "read", "series", *read).documents[0]
    authors = bare.ok("usage", "read", "authors", *read).documents[0]
    commits = bare.ok("usage", "read", "commits", *read).documents[0]

    assert lines["units"] == sum(int(row[4]) for row in inside)
    assert sum(group["units"] for group in lines["groups"]) == lines["units"]
    assert series["units"] == len({(row[2], row[3]) for row in inside})
    assert authors["units"] == len({row[2] for row in inside})
    assert commits["units"] == len({row[1] for row in inside})


SAME = ["--source", "s", "--type", "t", "--map", "id=a", "--map", "data.b=b"]


def test_a_cell_of_any_length_has_an_answer(empty: Program) -> None:
    """
    A cell that is too long refuses its row, also over several lines, and the rows
    around it are recorded; one that fits a document is for the book to judge.
    """
    long = "x" * 600_000
    cells = ["1,x", f"2,{long}", "3,x", f'4,"{long}\n5,y\n"', f"6,{long[:200_000]}"]
    path = empty.write("r.csv", "\n".join(["a,b", *cells, "7,x", ""]))
    said = empty.run("events", "record", path, *SAME, "--json")

    assert said.code == 1
    found = [(one["line"], one.get("code", "recorded")) for one in said.documents]
    assert found == [
        (2, "recorded"),
        (3, "too_large"),
        (4, "recorded"),
        (7, "too_large"),
        (8, "too_large"),
        (9, "recorded"),
    ]


@pytest.mark.parametrize("length", [10, 700_000])
def test_rows_before_a_torn_one_are_recorded(empty: Program, length: int) -> None:
    """
    A quote that is never closed ends the import, naming its line; what came before it
    is recorded all the same.
    """
    path = empty.write("r.csv", 'a,b\n1,x\n2,y\n3,"' + "z\n" * length)
    said = empty.run("events", "record", path, *SAME)

    assert (said.code, said.lines[0]) == (1, "2 recorded")
    assert said.err.startswith("Error: Line 4 is not CSV: ")


def test_a_refused_row_is_kept_as_it_was_received(empty: Program) -> None:
    """
    With --quarantine a row that is no event is held with its text, line and reason;
    replaying it says that it is none, and it stays.
    """
    path = empty.write("r.csv", 'a,b\n1,"x, y"\n2,"z\nz",3\n')
    whole = ["--map", "data.b=b:int"]
    said = empty.run("events", "record", path, *SAME, *whole, "--quarantine")
    assert (said.code, said.out) == (1, "2 refused, nothing changed\n")

    first, second = empty.ok("events", "quarantine", "list", "--json").documents
    assert (first["code"], first["field"]) == ("wrong_type", "data.b")
    assert first["reason"] == "data.b: 'x, y' is no int."
    assert first["document"] == '1,"x, y"\n'
    assert (second["code"], second["document"]) == ("malformed", '2,"z\nz",3\n')
    assert "is no int" in empty.ok("events", "quarantine", "list").out

    again = empty.run("events", "quarantine", "replay", "--all")
    assert (again.code, again.out) == (1, "0 in the book now, 2 held still\n")
    [outcome, _] = empty.run(
        "events", "quarantine", "replay", "--all", "--json"
    ).documents
    assert outcome["outcome"]["outcome"] == "refused"


def test_a_cut_row_is_not_kept(empty: Program) -> None:
    """
    What is too large is refused and not held, since it would be held in part.
    """
    path = empty.write("r.csv", f"a,b\n1,{'x' * 600_000}\n")

    assert empty.run("events", "record", path, *SAME, "--quarantine").code == 1
    assert empty.ok("events", "quarantine", "list").out == "none\n"


def test_a_dot_makes_an_object() -> None:
    """
    `data.usage.tokens` is the fact that a meter finds at `usage.tokens`.
    """
    options = ["id=a", "source={a}", "type={a}", "data.usage.tokens=t:int"]
    mapping = mapping_of_options([*options, "data.usage.model=m", "data.b=t"])
    [first, second] = events_of(["a,t,m\n", "1,2,x\n", "1,,\n"], mapping)

    assert isinstance(first.what, Event)
    assert isinstance(second.what, Event)
    assert first.what.data == {"usage": {"tokens": 2, "model": "x"}, "b": "2"}
    assert second.what.data == {}


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        (["data.u=b", "data.u.t=b"], "data.u is a value, and data.u.t is inside it"),
        (["data.u..t=b"], "'data.u..t' is no field"),
        (["data.u.=b"], "'data.u.' is no field"),
    ],
)
def test_a_fact_is_a_value_or_an_object(
    empty: Program, maps: list[str], says: str
) -> None:
    """
    A field cannot be both a value and an object, and each step has a name.
    """
    path = empty.write("r.csv", "a,b\n1,2\n")
    options = [word for text in maps for word in ("--map", text)]
    said = empty.run("events", "record", path, *SAME, *options)

    assert (said.code, says in " ".join(said.err.split())) == (2, True), said.err
