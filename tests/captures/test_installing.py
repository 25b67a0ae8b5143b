"""
Installing: what is there is told at one instant; a change of what counts is a version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from captures.applications import DECLARATION
from meterbook.foundation.errors import (
    InvalidCaptureError,
    InvalidQueryError,
    UnknownCaptureError,
)


if TYPE_CHECKING:
    from captures.applications import Application


SOME = (
    "INSERT INTO membership (org_id, user_id, active) VALUES"
    " (1, 'ann', true), (1, 'bob', false), (2, 'cid', true)"
)
EVERY = DECLARATION.replace('when = "suspended_at IS NULL AND active"\n', "")


def test_the_baseline(application: Application) -> None:
    """
    Every customer of the query is known from the installation on, with 0 if nobody is
    there; every member who is there joins, all at one instant; before it nothing is
    known.
    """
    application.run(SOME)
    before = application.book.now()
    application.tick()
    [done] = application.book.captures.install(DECLARATION, actor="admin")

    told = application.told()
    assert sorted(t.said for t in told) == [
        ("1", "baseline", None),
        ("1", "join", "ann"),
        ("2", "baseline", None),
        ("2", "join", "cid"),
        ("3", "baseline", None),
    ]
    assert {(t.at, t.actor, t.cause, t.definition) for t in told} == {
        (told[0].at, "admin", "capture install", 1)
    }
    assert (done.action, done.version, done.customers_count, done.told_count) == (
        "installed",
        1,
        3,
        2,
    )
    for customer, units in (("1", 1), ("3", 0)):
        reading = application.book.read(
            "seats", customer=customer, start=before, end=application.book.now()
        )
        assert reading.units == 0
        assert reading.known_since == done.occurred_at
        application.tick()
        assert application.peak(customer) == units


def test_without_a_query_of_customers(application: Application) -> None:
    """
    Without a query the customers are those in the table, also those of rows that are
    no seats.
    """
    application.run(SOME, "INSERT INTO membership (org_id, active) VALUES (3, false)")
    declaration = DECLARATION.replace('customers = "SELECT id FROM org"\n', "")
    application.install(declaration)
    baselines = [t.customer for t in application.told() if t.change == "baseline"]
    assert sorted(baselines) == ["1", "2", "3"]


def test_installing_twice_is_installing_once(captured: Application) -> None:
    """
    What is installed as declared stays as it is: nothing is told again.
    """
    captured.run(SOME)
    told = captured.told()
    [done] = captured.book.captures.install(DECLARATION)
    assert (done.action, done.version) == ("unchanged", 1)
    assert captured.told() == told


def test_another_definition_is_another_version(captured: Application) -> None:
    """
    A changed declaration is a new version, which is in every entry from then on; who
    counts by it and did not before joins at that moment, and the other way round.
    """
    captured.run(SOME)
    captured.tick()
    [done] = captured.book.captures.install(EVERY)
    assert (done.action, done.version, done.told_count) == ("changed", 2, 1)
    assert captured.seats() == {"1": {"ann", "bob"}, "2": {"cid"}}
    assert {t.definition for t in captured.told()[-4:]} == {2}

    columns = "INSERT INTO membership (org_id, user_id, active)"
    captured.run(f"{columns} VALUES (3, 'eve', false)")
    assert captured.told()[-1].said == ("3", "join", "eve")
    assert captured.told()[-1].definition == 2

    captured.install(DECLARATION)
    assert captured.seats() == {"1": {"ann"}, "2": {"cid"}}
    kept = captured.book.captures.installed(removed=True)
    assert [(one.version, one.removed_at is None) for one in kept] == [
        (1, False),
        (2, False),
        (3, True),
    ]
    assert captured.check().clean


def test_another_way_is_another_version(captured: Application) -> None:
    """
    Who was in by the way of an earlier version leaves by it and joins by the new one,
    at one instant, also if the capture was removed in between.
    """
    captured.run(SOME)
    captured.install(DECLARATION + "way = \"'table'\"\n")
    captured.book.captures.remove("members")
    captured.install(DECLARATION + 'way = "role"\n')
    ways = [(t.member, t.change, t.way) for t in captured.told() if t.customer == "1"]
    assert ways[-3:] == [
        (None, "baseline", None),
        ("ann", "leave", "table"),
        ("ann", "join", "member"),
    ]
    assert captured.peak("1") == 1
    assert captured.check().clean


def test_a_version_that_is_expected(captured: Application) -> None:
    """
    A declaration may say which version it takes itself for; if it is another, nothing
    is changed.
    """
    with pytest.raises(InvalidCaptureError, match="version 1 is declared, and this is"):
        captured.book.captures.install(EVERY + "version = 1\n")
    assert captured.book.captures.installed()[0].version == 1
    [done] = captured.book.captures.install(EVERY + "version = 2\n")
    assert done.action == "changed"


def test_removing(captured: Application) -> None:
    """
    After a removal nothing is told any more, and the level stays what it was; the same
    declaration installed again is the same version, and tells what is there.
    """
    captured.run(SOME)
    removed = captured.book.captures.remove("members")
    assert removed.removed_at == captured.book.now()
    assert captured.heard("DELETE FROM membership WHERE user_id = 'ann'") == []
    assert captured.seats() == {"1": {"ann"}, "2": {"cid"}}
    assert captured.book.captures.check() == []

    captured.tick()
    [done] = captured.book.captures.install(DECLARATION)
    assert (done.action, done.version, done.told_count) == ("installed", 1, 1)
    assert captured.seats() == {"2": {"cid"}}


def test_removing_when_the_table_is_gone(captured: Application) -> None:
    """
    A capture whose table was dropped is found by the check, and can be removed.
    """
    captured.run(SOME, "DROP TABLE membership")
    found = captured.check()
    assert [spot.code for spot in found.blind_spots] == ["no_table"]
    assert found.customers_count is None
    assert captured.book.captures.repair(actor="ops", reason="why") == []
    captured.book.captures.remove("members")
    assert captured.book.captures.installed() == []


def test_what_is_not_installed(application: Application) -> None:
    """
    Asking for a capture that is not there is an error that says so.
    """
    for ask in (
        application.book.captures.remove,
        application.book.captures.check,
        lambda key: application.book.captures.repair(key, actor="a", reason="b"),
    ):
        with pytest.raises(UnknownCaptureError, match="No capture 'staff'"):
            ask("staff")
    with pytest.raises(InvalidQueryError, match="actor"):
        application.book.captures.repair(actor=" ", reason="b")
    with pytest.raises(InvalidQueryError, match="reason"):
        application.book.captures.repair(actor="a", reason="")


def test_all_of_a_file_or_none(application: Application) -> None:
    """
    If one of two declarations is wrong, neither is installed.
    """
    wrong = DECLARATION.replace("captures.members", "captures.others").replace(
        "seat.changed", "other.changed"
    )
    with pytest.raises(InvalidCaptureError, match="uid"):
        application.install(DECLARATION + wrong.replace("user_id", "uid"))
    application.run(SOME)
    assert application.told() == []
    application.install(DECLARATION + wrong)
    assert len(application.book.captures.installed()) == 2


def test_the_script_is_what_installing_runs(application: Application) -> None:
    """
    `script` changes nothing, and what it returns can be run by hand: the triggers it
    makes are those that installing makes.
    """
    [script] = application.book.captures.script(DECLARATION)
    assert (script.capture_key, script.version) == ("members", 1)
    assert application.book.captures.installed() == []
    assert application.heard(SOME) == []

    for statement in script.statements:
        application.connection.execute(statement)
    assert application.heard("DELETE FROM membership WHERE user_id = 'ann'") == [
        ("1", "leave", "ann")
    ]
    application.install()
    assert application.check().clean
