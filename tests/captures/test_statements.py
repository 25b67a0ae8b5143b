"""
Every statement that changes who is in is told to the book, on both databases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from captures.applications import peaks


if TYPE_CHECKING:
    from captures.applications import Application


JOIN_ANN = "INSERT INTO membership (org_id, user_id) VALUES (1, 'ann')"
EVERYBODY = (
    "INSERT INTO membership (org_id, user_id) VALUES"
    " (1, 'ann'), (1, 'bob'), (2, 'cid'), (2, 'dan'), (3, 'eve')"
)


def test_one_row(captured: Application) -> None:
    """
    A row that is inserted is a join, and one that is deleted a leave.
    """
    assert captured.heard(JOIN_ANN) == [("1", "join", "ann")]
    gone = captured.heard("DELETE FROM membership WHERE user_id = 'ann'")
    assert gone == [("1", "leave", "ann")]
    assert captured.seats() == {}


def test_many_rows(captured: Application) -> None:
    """
    A statement about many rows tells of each, at one instant for each customer.
    """
    captured.run(EVERYBODY)
    assert captured.seats() == {"1": {"ann", "bob"}, "2": {"cid", "dan"}, "3": {"eve"}}
    last = captured.told()[-5:]
    assert {t.change for t in last} == {"join"}
    for customer in ("1", "2", "3"):
        assert len({t.at for t in last if t.customer == customer}) == 1

    captured.run("DELETE FROM membership WHERE org_id < 3")
    assert captured.seats() == {"3": {"eve"}}


def test_an_update_that_changes_nothing_is_not_told(captured: Application) -> None:
    """
    What the declaration does not look at is nobody's business: a last visit is silent,
    and so is writing the same once more.
    """
    captured.run(EVERYBODY)
    assert (
        captured.heard(
            "UPDATE membership SET last_seen_at = '2026-03-01 10:00:00'",
            "UPDATE membership SET active = active, org_id = org_id",
            "UPDATE membership SET role = 'owner'",
        )
        == []
    )


def test_who_moves_to_another_customer(captured: Application) -> None:
    """
    An update that moves many rows to other customers is a leave here and a join there.
    """
    captured.run(EVERYBODY)
    captured.run("UPDATE membership SET org_id = org_id + 1 WHERE org_id < 3")
    assert captured.seats() == {"2": {"ann", "bob"}, "3": {"cid", "dan", "eve"}}
    assert captured.check().clean


def test_who_trades_places(captured: Application) -> None:
    """
    An update that gives each row the member of another ends in what the table says.
    """
    captured.run(EVERYBODY)
    captured.run(
        "DELETE FROM membership WHERE user_id IN ('cid', 'dan')",
        "UPDATE membership SET user_id ="
        " CASE user_id WHEN 'bob' THEN 'cid' ELSE 'dan' END"
        " WHERE user_id IN ('bob', 'eve')",
    )
    assert captured.seats() == {"1": {"ann", "cid"}, "3": {"dan"}} == captured.live()


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("active = false", "active = true"),
        ("suspended_at = '2026-03-01'", "suspended_at = NULL"),
    ],
)
def test_the_condition(captured: Application, away: str, back: str) -> None:
    """
    Who no longer meets the condition leaves, and joins on meeting it again; one who
    never met it is never told of.
    """
    captured.run(EVERYBODY)
    where = "WHERE user_id = 'ann'"
    assert captured.heard(f"UPDATE membership SET {away} {where}") == [
        ("1", "leave", "ann")
    ]
    assert captured.heard(f"UPDATE membership SET role = 'owner' {where}") == []
    assert captured.heard(f"UPDATE membership SET {back} {where}") == [
        ("1", "join", "ann")
    ]
    outside = [
        "DELETE FROM membership WHERE user_id = 'eve'",
        "INSERT INTO membership (org_id, user_id, active) VALUES (3, 'eve', false)",
        "DELETE FROM membership WHERE user_id = 'eve'",
    ]
    assert captured.heard(*outside) == [("3", "leave", "eve")]


def test_upserts(captured: Application) -> None:
    """
    An upsert tells of what it inserted and of what it updated, in one statement.
    """
    captured.run(EVERYBODY, "UPDATE membership SET active = false WHERE org_id = 1")
    heard = captured.heard(
        "INSERT INTO membership (org_id, user_id) VALUES (1, 'ann'), (3, 'ann')"
        " ON CONFLICT (org_id, user_id) DO UPDATE SET active = true"
    )
    assert sorted(heard) == [("1", "join", "ann"), ("3", "join", "ann")]
    ignored = captured.heard(
        "INSERT INTO membership (org_id, user_id) VALUES (1, 'ann'), (1, 'bob')"
        " ON CONFLICT DO NOTHING"
    )
    assert ignored == []
    assert captured.check().clean


def test_cascades(captured: Application) -> None:
    """
    Deleting a customer or a user takes the memberships with it, and a key that changes
    changes them: all of that is told (W5: the path that everybody forgets).
    """
    captured.run(EVERYBODY)
    gone = captured.heard("DELETE FROM person WHERE id = 'ann'")
    assert gone == [("1", "leave", "ann")]
    renamed = captured.heard("UPDATE person SET id = 'bert' WHERE id = 'bob'")
    assert sorted(renamed) == [("1", "join", "bert"), ("1", "leave", "bob")]
    moved = captured.heard("UPDATE org SET id = 9 WHERE id = 2")
    assert sorted(moved) == [
        ("2", "leave", "cid"),
        ("2", "leave", "dan"),
        ("9", "join", "cid"),
        ("9", "join", "dan"),
    ]
    captured.run("DELETE FROM org WHERE id = 9", "DELETE FROM org")
    assert captured.seats() == {}
    assert captured.check().clean


def test_all_rows(captured: Application) -> None:
    """
    Deleting everything without a condition tells of everybody.
    """
    captured.run(EVERYBODY)
    assert len(captured.heard("DELETE FROM membership")) == 5
    assert captured.seats() == {}
    assert captured.peak("1") == 2


def test_what_is_rolled_back_was_never_told(captured: Application) -> None:
    """
    A transaction or a savepoint that is rolled back takes what it told with it.
    """
    connection = captured.connection
    captured.run(JOIN_ANN)
    captured.tick()
    connection.execute("BEGIN")
    connection.execute("INSERT INTO membership (org_id, user_id) VALUES (1, 'bob')")
    connection.execute("SAVEPOINT later")
    connection.execute("DELETE FROM membership")
    connection.execute("INSERT INTO membership (org_id, user_id) VALUES (2, 'cid')")
    connection.execute("ROLLBACK TO SAVEPOINT later")
    connection.execute("INSERT INTO membership (org_id, user_id) VALUES (3, 'dan')")
    connection.execute("COMMIT")
    assert captured.seats() == {"1": {"ann", "bob"}, "3": {"dan"}}

    connection.execute("BEGIN")
    connection.execute("DELETE FROM membership")
    connection.execute("ROLLBACK")
    assert captured.seats() == captured.live()
    assert captured.check().clean


def test_a_statement_that_fails_tells_nothing(captured: Application) -> None:
    """
    A statement that breaks a rule of the table leaves no word of the rows before that.
    """
    captured.run(JOIN_ANN)
    with pytest.raises(Exception, match=r"(?i)unique"):
        captured.connection.execute(
            "INSERT INTO membership (org_id, user_id) VALUES (2, 'bob'), (1, 'ann')"
        )
    assert captured.seats() == {"1": {"ann"}}
    assert captured.check().clean


def test_rows_that_name_nobody(captured: Application) -> None:
    """
    A row without a customer or a member is no seat until it has both; the check says
    how many there are.
    """
    nobody = captured.heard(
        "INSERT INTO membership (org_id, user_id) VALUES (NULL, 'ann'), (1, NULL)",
        "INSERT INTO person VALUES ('  ')",
        "INSERT INTO membership (org_id, user_id) VALUES (1, '  ')",
    )
    assert nobody == []
    [spot] = captured.check().blind_spots
    assert (spot.code, spot.sentence[:6]) == ("unnamed_rows", "3 rows")
    joined = captured.heard("UPDATE membership SET org_id = 2 WHERE user_id = 'ann'")
    assert joined == [("2", "join", "ann")]


def test_a_transaction_that_replaces_everybody_makes_no_dip(
    captured: Application,
) -> None:
    """
    Deleting all and inserting all again in one transaction is no change: nobody was
    away, and nobody was there twice.
    """
    captured.run(EVERYBODY)
    with captured.transaction() as connection:
        connection.execute("DELETE FROM membership")
        connection.execute(EVERYBODY)

    told = [t for t in captured.told() if t.customer == "1"]
    assert [t.change for t in told[-4:]] == ["leave", "leave", "join", "join"]
    assert len({t.at for t in told[-4:]}) == 1
    assert captured.seats() == captured.live()
    assert captured.peak("1") == peaks(captured.told())["1"] == 2


def test_only_what_is_committed_counts(captured: Application) -> None:
    """
    Who comes and goes inside one transaction was never there: the peak is that of the
    committed states.
    """
    captured.run(JOIN_ANN)
    with captured.transaction() as connection:
        connection.execute("INSERT INTO membership (org_id, user_id) VALUES (1, 'bob')")
        connection.execute("INSERT INTO membership (org_id, user_id) VALUES (1, 'cid')")
        connection.execute("DELETE FROM membership WHERE user_id IN ('ann', 'bob')")

    assert captured.seats() == {"1": {"cid"}}
    assert captured.peak("1") == peaks(captured.told())["1"] == 1


def test_who_and_why(captured: Application) -> None:
    """
    Inside `within` every row that a statement changes is told with actor and cause;
    outside there is none.
    """
    with captured.transaction(actor="boss", cause="ticket 7") as connection:
        connection.execute(EVERYBODY)
        connection.execute("DELETE FROM person WHERE id = 'eve'")
    captured.run("DELETE FROM membership WHERE user_id = 'ann'")

    *inside, last = captured.told()[-7:]
    assert {(t.actor, t.cause) for t in inside} == {("boss", "ticket 7")}
    assert (last.member, last.actor, last.cause) == ("ann", None, None)
