"""
What SQLite does in its own way: REPLACE, types that are only suggestions, one writer.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import time

from typing import TYPE_CHECKING

import pytest

from captures.applications import DECLARATION
from meterbook import Book
from meterbook.foundation.errors import InvalidCaptureError


if TYPE_CHECKING:
    from pathlib import Path

    from captures.applications import Application


TWO = "INSERT INTO membership (id, org_id, user_id) VALUES (1, 1, 'ann'), (2, 1, 'bob')"
REPLACED = (
    "INSERT OR REPLACE INTO membership (id, org_id, user_id) VALUES (1, 1, 'cid')"
)


def test_replace_with_recursive_triggers(sqlite_application: Application) -> None:
    """
    With recursive triggers on, the row that a REPLACE pushes out is told of.
    """
    sqlite_application.connection.execute("PRAGMA recursive_triggers = ON")
    sqlite_application.run(TWO)
    assert sorted(sqlite_application.heard(REPLACED)) == [
        ("1", "join", "cid"),
        ("1", "leave", "ann"),
    ]
    sqlite_application.run("UPDATE OR REPLACE membership SET id = 2 WHERE id = 1")
    assert sqlite_application.seats() == {"1": {"cid"}}
    assert sqlite_application.check().clean


def test_replace_without_recursive_triggers(sqlite_application: Application) -> None:
    """
    Without them it is hidden, which the check says can be, and finds.
    """
    sqlite_application.run(TWO, REPLACED)
    assert sqlite_application.seats() == {"1": {"ann", "bob", "cid"}}
    found = sqlite_application.check()
    assert [drift[:4] for drift in found.drift] == [("1", "ann", "", "extra")]
    assert any("recursive_triggers" in limit for limit in found.limits)
    sqlite_application.book.captures.repair(actor="ops", reason="REPLACE")
    assert sqlite_application.seats() == {"1": {"bob", "cid"}}


@pytest.mark.parametrize("way", ["IGNORE", "REPLACE", "ROLLBACK", "FAIL", "ABORT"])
def test_what_to_do_on_a_conflict(sqlite_application: Application, way: str) -> None:
    """
    The conflict clause of a statement does not reach into what is told of it.
    """
    sqlite_application.connection.execute("PRAGMA recursive_triggers = ON")
    sqlite_application.run(TWO)
    for statement in (
        "INSERT OR {} INTO membership (org_id, user_id) VALUES (1, 'cid'), (2, 'ann')",
        "INSERT OR {} INTO membership (org_id, user_id) VALUES (3, 'dan'), (1, 'ann')",
        "UPDATE OR {} membership SET user_id = 'ann' WHERE org_id = 1",
    ):
        sqlite_application.tick()
        try:
            sqlite_application.connection.execute(statement.format(way))
        except sqlite3.IntegrityError:
            assert way in {"ROLLBACK", "FAIL", "ABORT"}
        assert sqlite_application.seats() == sqlite_application.live()
    assert sqlite_application.check().clean


def test_without_rowid_and_letters_of_any_case(sqlite_application: Application) -> None:
    """
    A table without row ids, whose names are the same in any case, tells a change of
    case as what it is to the book: another name.
    """
    sqlite_application.run("DROP TABLE membership")
    sqlite_application.connection.execute(
        "CREATE TABLE membership (org_id TEXT COLLATE NOCASE,"
        " user_id TEXT COLLATE NOCASE,"
        " active INTEGER NOT NULL DEFAULT 1, suspended_at TEXT,"
        " PRIMARY KEY (org_id, user_id)) STRICT, WITHOUT ROWID"
    )
    sqlite_application.install()
    sqlite_application.run(
        "INSERT INTO membership (org_id, user_id) VALUES ('a', 'Ann')"
    )
    sqlite_application.run("UPDATE membership SET user_id = 'ANN'")
    assert sqlite_application.seats() == {"a": {"ANN"}}
    sqlite_application.run("DELETE FROM membership WHERE user_id = 'ann'")
    assert sqlite_application.seats() == {}
    assert sqlite_application.check().clean


def test_ids_that_are_bytes(sqlite_application: Application) -> None:
    """
    A UUID that is kept as bytes is told in its digits.
    """
    sqlite_application.connection.execute("CREATE TABLE staff (org BLOB, who BLOB)")
    sqlite_application.install(
        '[captures.staff]\ntable = "staff"\ncustomer = "org"\nmember = "who"\n'
        'event_type = "staff.changed"\n'
    )
    sqlite_application.run("INSERT INTO staff VALUES (x'00ff', x'C0FFEE')")
    [found] = sqlite_application.rows(
        "SELECT customer, member FROM meterbook_seat_changes WHERE change = 'join'"
    )
    assert found == ("00ff", "c0ffee")
    checked = {one.capture_key: one for one in sqlite_application.book.captures.check()}
    assert (checked["staff"].live_units, checked["staff"].clean) == (1, True)


def test_a_generated_column(sqlite_application: Application) -> None:
    """
    A condition on a generated column notices when what it is generated from changes.
    """
    sqlite_application.connection.execute(
        "CREATE TABLE staff (org TEXT, who TEXT PRIMARY KEY, level INTEGER,"
        " is_paid INTEGER GENERATED ALWAYS AS (level > 1))"
    )
    sqlite_application.install(
        '[captures.staff]\ntable = "staff"\ncustomer = "org"\nmember = "who"\n'
        'event_type = "staff.changed"\nwhen = "is_paid"\n'
    )
    sqlite_application.run(
        "INSERT INTO staff VALUES ('a', 'ann', 1)",
        "UPDATE staff SET level = 2",
        "UPDATE staff SET level = 3",
        "UPDATE staff SET level = 0",
    )
    found = sqlite_application.rows(
        "SELECT change FROM meterbook_seat_changes WHERE type = 'staff.changed'"
    )
    assert found == [("join",), ("leave",)]


def test_another_trigger_has_the_last_word(sqlite_application: Application) -> None:
    """
    Where another trigger changes the row that was just inserted, before ours or behind
    it, the book says what became of it.
    """
    sqlite_application.connection.execute(
        "CREATE TRIGGER hold AFTER INSERT ON membership WHEN NEW.role = 'guest'"
        " BEGIN UPDATE membership SET active = false WHERE id = NEW.id; END"
    )
    guest = "INSERT INTO membership (org_id, user_id, role) VALUES (1, 'ann', 'guest')"
    sqlite_application.run(guest)
    assert sqlite_application.seats() == {}
    sqlite_application.book.captures.remove("members")
    sqlite_application.run("DELETE FROM membership")
    sqlite_application.install()
    sqlite_application.run(guest)
    assert sqlite_application.seats() == {}
    assert sqlite_application.check().clean


def test_types_are_suggestions(sqlite_application: Application) -> None:
    """
    A condition that compares a column with a constant of another type means one thing
    to the table and another to a trigger: it is refused where rows show it, and found
    by the check where they come later.
    """
    sloppy = DECLARATION.replace("AND active", "AND active = '1'")
    sqlite_application.install(sloppy)
    assert sqlite_application.check().clean
    sqlite_application.run(TWO)
    found = sqlite_application.check()
    assert "read_otherwise" in {spot.code for spot in found.blind_spots}
    with pytest.raises(InvalidCaptureError, match="constant of another type"):
        sqlite_application.install(sloppy + "way = \"'x'\"\n")


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ('"actve" = 1', "names the column actve"),
        ("role IN person", "looks at other rows"),
        ("EXISTS (SELECT 1)", "looks at other rows"),
        ("suspended_at > datetime('now')", "depends on the clock"),
        ("random() > 0", "depends on the clock"),
        ("rowid > 1", "names the column rowid"),
        ("surely(active)", "does not compile: no such function: surely"),
    ],
)
def test_conditions_that_sqlite_would_take(
    sqlite_application: Application, condition: str, sentence: str
) -> None:
    """
    What SQLite takes without a word, and a trigger could not watch, is refused.
    """
    declaration = DECLARATION.replace("suspended_at IS NULL AND active", condition)
    declaration = declaration.replace('when = "', "when = '''").replace(
        condition + '"', condition + "'''"
    )
    with pytest.raises(InvalidCaptureError, match="when ") as raised:
        sqlite_application.install(declaration)
    assert sentence in str(raised.value)
    assert sqlite_application.book.captures.installed()[0].version == 1


def test_a_table_that_is_built_anew(sqlite_application: Application) -> None:
    """
    A migration that copies the table, drops it and renames the copy takes the triggers
    with it: the check names them.
    """
    sqlite_application.run(
        TWO,
        "CREATE TABLE fresh AS SELECT * FROM membership",
        "DROP TABLE membership",
        "ALTER TABLE fresh RENAME TO membership",
    )
    spots = sqlite_application.check().blind_spots
    assert [spot.code for spot in spots] == ["trigger_missing"] * 3 + ["not_unique"]
    sqlite_application.install()
    assert sqlite_application.check().clean


def test_a_column_that_is_renamed(sqlite_application: Application) -> None:
    """
    SQLite rewrites triggers when a column is renamed: what is told goes on, and the
    check says that the declaration no longer fits.
    """
    sqlite_application.run(TWO, "ALTER TABLE membership RENAME COLUMN user_id TO who")
    codes = {spot.code for spot in sqlite_application.check().blind_spots}
    assert codes >= {"unreadable"}
    sqlite_application.install(DECLARATION.replace("user_id", "who"))
    assert sqlite_application.check().clean
    assert sqlite_application.book.captures.installed()[0].version == 2


def test_by_the_machine_s_clock(tmp_path: Path) -> None:
    """
    Without a test clock a raw statement is told at its millisecond, all its rows at the
    same, and never before what was told earlier.
    """
    path = tmp_path / "application.db"
    with Book.create(path) as book:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(
            "CREATE TABLE membership (org_id, user_id, active DEFAULT 1, suspended_at,"
            " UNIQUE (org_id, user_id))"
        )
        book.captures.install(DECLARATION.replace('"SELECT id FROM org"', '"SELECT 1"'))
        before = time.time_ns() // 1_000_000 * 1_000
        connection.execute(
            "INSERT INTO membership (org_id, user_id) VALUES (1, 'ann'), (1, 'bob')"
        )
        connection.execute("DELETE FROM membership WHERE user_id = 'ann'")
        after = time.time_ns() // 1_000
        told = connection.execute(
            "SELECT change, occurred_at FROM meterbook_seat_changes ORDER BY change_id"
        ).fetchall()
        connection.close()
        moment = book.now()

    moments = [at for _, at in told]
    assert moments == sorted(moments)
    joins = [at for change, at in told if change == "join"]
    assert len(set(joins)) == 1
    assert all(before <= at <= after + 1_000 for at in moments[1:])
    assert abs(moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_statements_outside_of_within_are_told_apart(
    sqlite_application: Application,
) -> None:
    """
    Statements of one transaction that the book is not told of count one by one, which
    is said as a limit; inside `within` only what is committed counts.
    """
    connection = sqlite_application.connection
    later = "UPDATE meterbook_book SET value = 'test:' || (substr(value, 6) + 1000000)"
    sqlite_application.tick()
    connection.execute("BEGIN")
    connection.execute(TWO)
    connection.execute(f"{later} WHERE name = 'clock'")
    connection.execute("DELETE FROM membership")
    connection.execute("COMMIT")
    assert sqlite_application.seats() == {}
    assert sqlite_application.peak("1") == 2
    assert any("within" in limit for limit in sqlite_application.check().limits)
