"""
Checking: drift and blind spots are found and named, and drift is mended in the open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from captures.applications import Application

EVERYBODY = (
    "INSERT INTO membership (org_id, user_id) VALUES"
    " (1, 'ann'), (1, 'bob'), (2, 'cid'), (3, 'eve')"
)


def switch_off(application: Application) -> None:
    """
    Let changes pass unseen.
    """
    if application.is_postgres:
        application.connection.execute("SET session_replication_role = replica")
    else:
        for (name,) in application.rows(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name ="
            " 'membership'"
        ):
            application.connection.execute(f"DROP TRIGGER {name}")


@pytest.fixture
def drifted(captured: Application) -> Application:
    """
    Give an application where three things happened unseen.
    """
    captured.run(EVERYBODY)
    switch_off(captured)
    captured.run(
        "DELETE FROM membership WHERE user_id = 'ann'",
        "INSERT INTO membership (org_id, user_id) VALUES (2, 'dan')",
        "UPDATE membership SET org_id = 2 WHERE user_id = 'eve'",
    )
    if captured.is_postgres:
        captured.connection.execute("SET session_replication_role = origin")
    return captured


def test_drift(drifted: Application) -> None:
    """
    The check lists who is missing and who is too many, by customer and member, and the
    two levels; it changes nothing.
    """
    told = drifted.told()
    found = drifted.check()
    assert [tuple(drift)[:4] for drift in found.drift] == [
        ("1", "ann", "", "extra"),
        ("2", "dan", "", "missing"),
        ("2", "eve", "", "missing"),
        ("3", "eve", "", "extra"),
    ]
    levels = {one.customer: (one.live_units, one.book_units) for one in found.differing}
    assert levels == {"1": (1, 2), "2": (3, 1), "3": (0, 1)}
    assert (found.live_units, found.book_units, found.customers_count) == (4, 4, 3)
    assert not found.clean
    assert drifted.told() == told


def test_repair(drifted: Application) -> None:
    """
    A repair tells joins and leaves now, with who says so and why; what was before stays
    as it was told.
    """
    before = drifted.told()
    drifted.tick()
    [repaired] = drifted.book.captures.repair(actor="ops", reason="ticket 9")
    told = drifted.told()
    assert told[: len(before)] == before
    fresh = told[len(before) :]
    assert {(t.actor, t.cause, t.at) for t in fresh} == {
        ("ops", "capture check: ticket 9", fresh[0].at)
    }
    mended = repaired.mended
    assert (mended.joins, mended.leaves, mended.baselines) == (2, 2, 0)
    assert drifted.seats() == drifted.live()
    assert drifted.check().drift == []
    assert drifted.book.captures.repair(actor="ops", reason="again") == []


def test_installing_again_mends_too(drifted: Application) -> None:
    """
    Where triggers are gone, installing again makes them and tells what was missed.
    """
    if drifted.is_postgres:
        drop = "DROP TRIGGER meterbook_members_update ON membership"
        drifted.connection.execute(drop)
    codes = {spot.code for spot in drifted.check().blind_spots}
    assert codes == {"trigger_missing"}
    drifted.install()
    assert drifted.check().clean
    assert drifted.seats() == drifted.live()
    assert drifted.heard("DELETE FROM membership WHERE user_id = 'bob'") == [
        ("1", "leave", "bob")
    ]


def test_a_trigger_that_was_altered(captured: Application) -> None:
    """
    A trigger, or a function of one, that is not what was made is found.
    """
    if captured.is_postgres:
        captured.connection.execute(
            "CREATE OR REPLACE FUNCTION meterbook.capture_members() RETURNS trigger"
            " LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
        )
    else:
        captured.connection.execute("DROP TRIGGER meterbook_capture_members_insert")
        captured.connection.execute(
            "CREATE TRIGGER meterbook_capture_members_insert AFTER INSERT ON membership"
            " BEGIN SELECT 1; END"
        )
    captured.run(EVERYBODY)
    found = captured.check()
    assert {spot.code for spot in found.blind_spots} == {"trigger_altered"}
    assert len(found.drift) == 4
    captured.install()
    assert captured.check().clean


def test_a_customer_who_came_later(captured: Application) -> None:
    """
    A customer without members who came after the installation is listed as not known
    yet, which is no fault; a repair gives it a baseline.
    """
    captured.run("INSERT INTO org VALUES (7)")
    found = captured.check()
    assert (found.unknown_customers, found.clean) == (["7"], True)
    captured.book.captures.repair(actor="ops", reason="new customers")
    assert captured.told()[-1].said == ("7", "baseline", None)
    assert captured.check().unknown_customers == []


def test_what_was_told_by_hand(captured: Application) -> None:
    """
    A join that somebody recorded beside the table is extra, until it is mended or its
    event voided.
    """
    captured.run(EVERYBODY)
    with captured.transaction(actor="script"):
        pass
    with captured.book.live(actor="script") as live:
        live.join("seats", customer="1", member="zoe")
    assert [d[:4] for d in captured.check().drift] == [("1", "zoe", "", "extra")]
    captured.book.work()
    [entry] = [e for e in captured.book.entries() if e.subject == "zoe"]
    captured.book.void(source=entry.source, id=entry.id, actor="ops", reason="a slip")
    assert captured.check().clean


def test_somebody_who_was_erased(captured: Application) -> None:
    """
    Whoever is erased while in stays in by the book, without a name; when the table's
    row goes, the leave names a stranger. The check finds both, and a repair lets the
    nameless one leave.
    """
    captured.run(EVERYBODY)
    captured.book.work()
    captured.book.people.erase("ann", actor="dpo", reason="asked to")
    captured.run("DELETE FROM person WHERE id = 'ann'")
    [drift] = captured.check().drift
    assert (drift.customer, drift.fault, type(drift.member)) == ("1", "extra", int)
    assert captured.peak("1") == 2

    captured.tick()
    captured.book.captures.repair(actor="ops", reason="was erased")
    assert captured.check().clean
    present = captured.book.seats.present("seats", customer="1", names=True)
    assert [member.member for member in present.members] == ["bob"]
