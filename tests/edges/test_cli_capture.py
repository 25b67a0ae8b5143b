"""
`meterbook capture`, and what its reader sees of drift.
"""

from __future__ import annotations

import contextlib
import sqlite3

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from collections.abc import Callable

    from edges.program import Program


DECLARATION = """
[captures.members]
table = "membership"
customer = "org_id"
member = "user_id"
way = "role"
when = "active"
event_type = "seat.changed"
customers = "SELECT id FROM org"
"""

TABLES = """
CREATE TABLE org (id TEXT PRIMARY KEY);
CREATE TABLE membership (
    org_id TEXT, user_id TEXT, role TEXT NOT NULL DEFAULT 'member',
    active INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (org_id, user_id)
);
INSERT INTO org VALUES ('acme'), ('globex');
INSERT INTO membership (org_id, user_id) VALUES ('acme', 'ann'), ('acme', 'bob');
"""


@pytest.fixture
def sql(empty: Program) -> Callable[[str], None]:
    """
    Give a way to run SQL in the file of the book, where the application's tables are.
    """

    def run(text: str) -> None:
        with contextlib.closing(sqlite3.connect(empty.book)) as connection:
            connection.executescript(text)

    run(TABLES)
    return run


@pytest.fixture
def captured(empty: Program, sql: Callable[[str], None]) -> Program:
    """
    Give a book whose application is captured.
    """
    del sql
    empty.write("captures.toml", DECLARATION)
    empty.ok("capture", "install", empty.folder / "captures.toml", "--actor", "admin")
    return empty


def test_a_capture_s_life(empty: Program, sql: Callable[[str], None]) -> None:
    """
    A file is shown as SQL, installed, listed, checked and removed.
    """
    file = empty.write("captures.toml", DECLARATION)
    script = empty.ok("capture", "sql", file)
    assert script.lines[0] == "-- members, version 1"
    assert script.out.count("CREATE TRIGGER") == 3
    assert empty.ok("capture", "list").out == ""

    installed = empty.ok("capture", "install", file)
    assert installed.out == (
        "members: installed, version 1; 2 baselines, 2 joins and leaves\n"
    )
    assert empty.ok("capture", "install", file).out == "members: unchanged, version 1\n"
    listed = empty.ok("capture", "list")
    assert listed.lines[1].split()[:4] == ["members", "1", "membership", "seat.changed"]

    sql("DELETE FROM membership WHERE user_id = 'bob'")
    checked = empty.ok("capture", "check")
    assert checked.lines[0] == (
        "members, version 1, of membership: 1 active in the table, 1 in the book,"
        " 2 customers; no differences"
    )
    assert empty.ok("capture", "repair", "--actor", "a", "--reason", "b").out == (
        "nothing to repair\n"
    )
    removed = empty.ok("capture", "remove", "members")
    assert removed.out == "members: removed, version 1; levels stay as they are\n"
    assert empty.ok("capture", "list").out == ""
    assert len(empty.ok("capture", "list", "--all").lines) == 2
    assert empty.ok("capture", "check").out == "no captures\n"


def test_drift_is_shown_and_mended(
    captured: Program, sql: Callable[[str], None]
) -> None:
    """
    A check that finds anything says what, and exits with 1; a repair tells who did it.
    """
    sql(
        "DROP TRIGGER meterbook_capture_members_delete;"
        " DELETE FROM membership WHERE user_id = 'ann'; INSERT INTO org VALUES ('new')"
    )
    said = captured.run("capture", "check", "members")
    assert said.code == 1
    assert "1 active in the table, 2 in the book, 3 customers; 1 difference" in said.out
    assert "acme      ann     member  extra                active" in said.out
    assert "no baseline yet: 1 customer without members (new)" in said.out
    assert (
        "blind spot: The trigger meterbook_capture_members_delete is gone" in said.out
    )

    repaired = captured.ok("capture", "repair", "--actor", "ops", "--reason", "lost")
    assert repaired.out == "members: no joins, 1 leave, 1 baseline\n"
    assert captured.run("capture", "check").code == 1
    file = captured.folder / "captures.toml"
    assert captured.ok("capture", "install", file).out.startswith("members: mended")
    assert captured.run("capture", "check").code == 0


def test_as_json(captured: Program, sql: Callable[[str], None]) -> None:
    """
    With --json everything is there, one document a line.
    """
    [kept] = captured.ok("capture", "list", "--json").documents
    assert kept["definition"]["table"] == ["membership"]
    assert kept["removed_at"] is None
    sql("DROP TRIGGER meterbook_capture_members_insert")
    sql("INSERT INTO membership (org_id, user_id) VALUES ('globex', 'cid')")
    said = captured.run("capture", "check", "--json")
    [found] = said.documents
    assert (said.code, found["clean"], found["customers_count"]) == (1, False, 2)
    assert found["drift"] == [
        {
            "customer": "globex",
            "member": "cid",
            "way": "member",
            "fault": "missing",
            "live_state": "active",
            "book_state": None,
        }
    ]
    assert found["blind_spots"][0]["code"] == "trigger_missing"
    options = ["--actor", "ops", "--reason", "lost", "--json"]
    [repaired] = captured.ok("capture", "repair", *options).documents
    assert repaired["mended"]["joins"] == 1
    [removed] = captured.ok("capture", "remove", "members", "--json").documents
    assert removed["removed_at"] is not None


def test_a_table_without_a_unique_index(
    empty: Program, sql: Callable[[str], None]
) -> None:
    """
    Where two rows can be one seat, installing says what that costs.
    """
    sql("CREATE TABLE loose (org_id TEXT, user_id TEXT, role TEXT, active INTEGER)")
    file = empty.write("loose.toml", DECLARATION.replace('"membership"', '"loose"'))
    said = empty.ok("capture", "install", file)
    assert "each change looks for other rows of the same member" in said.out


def test_what_cannot_be_done(captured: Program) -> None:
    """
    A wrong declaration, an unknown capture and a missing reason are one sentence each.
    """
    file = captured.write("wrong.toml", DECLARATION.replace('"user_id"', '"uid"'))
    said = captured.run("capture", "install", file)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(
        "Error: capture 'members': member names the column uid, which is not there"
    )
    said = captured.run("capture", "remove", "staff", "--json")
    assert said.code == 1
    assert said.err.startswith('{"error":"unknown_capture"')
    assert captured.run("capture", "repair", "--actor", "ops").code == 2
    assert captured.run("capture", "sql", captured.folder / "none.toml").code == 2
