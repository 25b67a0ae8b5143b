"""
Any statements, in any transactions: the book ends where the table does, and its peaks
are those of the committed states.
"""

from __future__ import annotations

import contextlib
import sqlite3

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

import psycopg
import pytest

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from captures.applications import peaks


if TYPE_CHECKING:
    from collections.abc import Iterator

    from captures.applications import Application

    # Whether it is committed, and what is in it.
    Transactions: TypeAlias = list[tuple[bool, list[str]]]

PEOPLE = "INSERT INTO person VALUES ('ann'), ('bob'), ('cid')"
INSERT = "INSERT INTO membership (org_id, user_id, role, active) VALUES "
UPSERT = (
    INSERT + "{} ON CONFLICT (org_id, user_id) DO UPDATE"
    " SET active = excluded.active, role = excluded.role"
)

ORGS = st.sampled_from(["1", "2", "3", "NULL"])
NAMES = st.sampled_from(["'ann'", "'bob'", "'cid'", "NULL"])
FLAGS = st.sampled_from(["true", "false"])
ROLES = st.sampled_from(["'member'", "'owner'"])
WHERE = st.one_of(
    st.builds("org_id = {}".format, ORGS),
    st.builds("user_id = {}".format, NAMES),
    st.builds("active = {}".format, FLAGS),
    st.builds("role = {}".format, ROLES),
    st.just("true"),
)
ROW = st.builds("({}, {}, {}, {})".format, ORGS, NAMES, ROLES, FLAGS)
ROWS = st.lists(ROW, min_size=1, max_size=4).map(", ".join)
SETS = st.one_of(
    st.builds("org_id = {}".format, ORGS),
    st.builds("user_id = {}".format, NAMES),
    st.builds("active = {}".format, FLAGS),
    st.builds("role = {}".format, ROLES),
    st.just("active = NOT active"),
    st.just("org_id = 4 - org_id"),
    st.just("suspended_at = '2026-03-01'"),
    st.just("suspended_at = NULL"),
)
STATEMENT = st.one_of(
    st.builds((INSERT + "{}").format, ROWS),
    st.builds((INSERT + "{}").format, ROWS),
    st.builds("UPDATE membership SET {} WHERE {}".format, SETS, WHERE),
    st.builds("UPDATE membership SET {} WHERE {}".format, SETS, WHERE),
    st.builds("DELETE FROM membership WHERE {}".format, WHERE),
    st.builds("DELETE FROM person WHERE id = {}".format, NAMES),
    st.just(f"{PEOPLE} ON CONFLICT DO NOTHING"),
    st.builds("UPDATE person SET id = 'zoe' WHERE id = {}".format, NAMES),
)
COMMITS = st.sampled_from([True, True, True, False])


def transactions(*statements: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    some = st.lists(st.one_of(*statements), min_size=1, max_size=4)
    return st.lists(st.tuples(COMMITS, some), max_size=8)


WAYS = """
[captures.members]
table = "membership"
customer = "org_id"
member = "user_id"
way = "role"
when = "suspended_at IS NULL"
state = "CASE WHEN active THEN 'active' ELSE 'pending' END"
event_type = "seat.changed"
"""

LOOSE = """
CREATE TABLE membership (
    id {serial} PRIMARY KEY,
    org_id integer REFERENCES org ON DELETE CASCADE,
    user_id text REFERENCES person ON DELETE CASCADE ON UPDATE CASCADE,
    role text, active boolean, suspended_at text
)
"""

ON_ONE_FIXTURE = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


KEPT_APART = given(work=transactions(STATEMENT, st.builds(UPSERT.format, ROW)))
GONE_AT_ONCE = [(True, [INSERT + "(1, 'ann', 'x', true)", "DELETE FROM membership"])]
TRADED = [
    (True, [INSERT + "(1, 'ann', 'x', true), (2, 'bob', 'x', true)"]),
    (True, ["UPDATE membership SET org_id = 4 - org_id, role = 'owner'"]),
    (False, ["DELETE FROM person"]),
]
TWICE = [
    (True, [INSERT + "(1, 'ann', 'owner', true), (1, 'ann', 'owner', false)"]),
    (True, ["DELETE FROM membership WHERE active"]),
]


@ON_ONE_FIXTURE
@KEPT_APART
@example(work=GONE_AT_ONCE)
@example(work=TRADED)
def test_one_row_for_each_seat(
    sqlite_application: Application, work: Transactions
) -> None:
    """
    Where an index keeps rows apart, the book says after any statements what the table
    says, and each peak is the highest of the committed states.
    """
    agrees_with_peaks(sqlite_application, work)


@pytest.mark.slow
@ON_ONE_FIXTURE
@KEPT_APART
@example(work=GONE_AT_ONCE)
@example(work=TRADED)
def test_one_row_for_each_seat_in_postgres(
    postgres_application: Application, work: Transactions
) -> None:
    """
    Likewise in PostgreSQL.
    """
    agrees_with_peaks(postgres_application, work)


def agrees_with_peaks(application: Application, work: Transactions) -> None:
    before = begin_again(application)
    highest = done(application, work)
    assert application.seats() == application.live()
    assert peaks(application.told()[before:]) == highest
    assert application.check().drift == []


@ON_ONE_FIXTURE
@given(work=transactions(STATEMENT))
@example(work=TWICE)
def test_several_rows_for_one_seat(
    sqlite_application: Application, work: Transactions
) -> None:
    """
    Without such an index several rows can be one seat, by several ways and in several
    states: whoever has one row that is active is in.
    """
    agrees_without_an_index(sqlite_application, work)


@pytest.mark.slow
@ON_ONE_FIXTURE
@given(work=transactions(STATEMENT))
@example(work=TWICE)
def test_several_rows_for_one_seat_in_postgres(
    postgres_application: Application, work: Transactions
) -> None:
    """
    Likewise in PostgreSQL.
    """
    agrees_without_an_index(postgres_application, work)


def agrees_without_an_index(application: Application, work: Transactions) -> None:
    """
    Check a table that takes the same membership twice; made for the first example.
    """
    if application.book.captures.installed()[0].version == 1:
        application.connection.execute("DROP TABLE membership")
        numbers = {True: "bigint GENERATED ALWAYS AS IDENTITY", False: "integer"}
        serial = numbers[application.is_postgres]
        application.connection.execute(LOOSE.format(serial=serial))
        application.install(WAYS)
    begin_again(application)
    done(application, work)
    assert application.seats() == application.live()
    assert application.check().drift == []


def begin_again(application: Application) -> int:
    """
    Leave nobody in, and return how much the book has been told by then.
    """
    application.run("DELETE FROM membership", "DELETE FROM person", PEOPLE)
    return len(application.told())


def done(application: Application, work: Transactions) -> dict[str, int]:
    """
    Do *work*, and return the highest committed number of each customer.
    """
    highest: dict[str, int] = defaultdict(int)
    for commits, statements in work:
        with contextlib.suppress(GivenUpError), application.transaction() as connection:
            for statement in statements:
                with tried(connection):
                    connection.execute(statement)
            if not commits:
                raise GivenUpError
        for customer, seats in application.live().items():
            highest[customer] = max(highest[customer], len(seats))
    return dict(highest)


class GivenUpError(Exception):
    """
    A transaction that its maker gives up.
    """


@contextlib.contextmanager
def tried(
    connection: sqlite3.Connection | psycopg.Connection[object],
) -> Iterator[None]:
    """
    Go back to before the block if the table's own rules refuse what is in it.
    """
    connection.execute("SAVEPOINT tried")
    try:
        yield
    except (sqlite3.IntegrityError, psycopg.IntegrityError):
        connection.execute("ROLLBACK TO SAVEPOINT tried")
    connection.execute("RELEASE SAVEPOINT tried")
