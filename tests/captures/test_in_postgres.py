"""
What PostgreSQL does in its own way: COPY, MERGE, TRUNCATE, roles, partitions.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING

import psycopg
import pytest

from captures.applications import DECLARATION
from meterbook import Book
from meterbook.app.clocks import clock_of
from meterbook.foundation.errors import InvalidCaptureError
from meterbook.stores.postgres import PostgresStore


if TYPE_CHECKING:
    from collections.abc import Iterator

    from captures.applications import Application
    from meterbook.stores.postgres.sessions import Row

EVERYBODY = (
    "INSERT INTO membership (org_id, user_id) VALUES"
    " (1, 'ann'), (1, 'bob'), (2, 'cid'), (3, 'eve')"
)

LOOSEN = "ALTER TABLE membership DROP CONSTRAINT membership_org_id_user_id_key"


@pytest.fixture
def application(postgres_application: Application) -> Application:
    """
    Give an application in PostgreSQL with four members, captured.
    """
    postgres_application.run(EVERYBODY)
    return postgres_application


def agrees(application: Application) -> bool:
    return application.seats() == application.live() and application.check().clean


def test_copy(application: Application) -> None:
    """
    COPY is an insert like any other.
    """
    with application.connection.cursor().copy(
        "COPY membership (org_id, user_id) FROM STDIN"
    ) as copy:
        copy.write("2\tann\n3\tbob\n")
    assert application.seats()["3"] == {"bob", "eve"}
    assert agrees(application)


def test_merge(application: Application) -> None:
    """
    MERGE tells of what it inserted, updated and deleted, also where it deletes the row
    of a member and inserts another one for them.
    """
    application.run(
        "MERGE INTO membership m USING (VALUES (1, 'ann'), (1, 'dan'), (2, 'cid'))"
        " AS s (org, who) ON m.org_id = s.org AND m.user_id = s.who"
        " WHEN MATCHED AND m.org_id = 1 THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET org_id = 3"
        " WHEN NOT MATCHED THEN INSERT (org_id, user_id) VALUES (s.org, s.who)"
    )
    assert application.seats() == {"1": {"bob", "dan"}, "3": {"cid", "eve"}}
    assert agrees(application)

    application.run(
        "ALTER TABLE membership DROP CONSTRAINT membership_org_id_user_id_key"
    )
    application.install(DECLARATION + "way = \"'loose'\"\n")
    application.run(
        "MERGE INTO membership m USING (VALUES (1, 'bob'), (1, 'x')) AS s (org, who)"
        " ON m.user_id = s.who WHEN MATCHED THEN DELETE"
        " WHEN NOT MATCHED THEN INSERT (org_id, user_id) VALUES (1, 'bob')"
    )
    assert application.seats() == {"1": {"bob", "dan"}, "3": {"cid", "eve"}}
    assert agrees(application)


def test_statements_in_a_statement(application: Application) -> None:
    """
    A query that deletes and inserts again in one statement changes nobody.
    """
    application.run(
        "WITH gone AS (DELETE FROM membership WHERE org_id = 1 RETURNING *)"
        " INSERT INTO membership (org_id, user_id) SELECT org_id, user_id FROM gone"
    )
    assert application.seats()["1"] == {"ann", "bob"}
    assert agrees(application)


def test_truncate(application: Application) -> None:
    """
    TRUNCATE is everybody's leave, also where it only cascades to the table; and what is
    rolled back was not.
    """
    told = len(application.told())
    application.run("BEGIN", "TRUNCATE membership", "ROLLBACK")
    assert len(application.told()) == told
    application.run("TRUNCATE org CASCADE")
    assert application.seats() == {}
    assert {t.change for t in application.told()[told:]} == {"leave"}
    assert agrees(application)


def test_truncate_needs_a_fresh_snapshot(application: Application) -> None:
    """
    Under REPEATABLE READ a TRUNCATE could remove who was added since, unseen: it is
    refused, with what to do.
    """
    with pytest.raises(psycopg.Error, match="under READ COMMITTED only"):
        application.run("BEGIN ISOLATION LEVEL REPEATABLE READ", "TRUNCATE membership")
    application.run("ROLLBACK")
    assert agrees(application)


def test_a_session_says_who_and_why(application: Application) -> None:
    """
    Raw SQL says who acts and why by settings of its transaction; what is too long for a
    name is cut, so that the application's statement never fails of it.
    """
    application.run(
        "BEGIN",
        "SET LOCAL meterbook.actor = 'dba'",
        "SET LOCAL meterbook.cause = 'clean-up'",
        "DELETE FROM membership WHERE user_id = 'ann'",
        "COMMIT",
        "DELETE FROM membership WHERE user_id = 'bob'",
        f"BEGIN; SET LOCAL meterbook.actor = '{'x' * 300}';"
        " DELETE FROM membership WHERE user_id = 'cid'; COMMIT",
    )
    said = [(t.member, t.actor, t.cause) for t in application.told()[-3:]]
    assert said == [
        ("ann", "dba", "clean-up"),
        ("bob", None, None),
        ("cid", "x" * 255, None),
    ]


def test_another_trigger_has_the_last_word(application: Application) -> None:
    """
    Where another trigger changes a row that was just inserted, the book says what
    became of it.
    """
    application.run(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE membership SET active = false WHERE id = NEW.id; RETURN NULL; END $$",
        "CREATE TRIGGER a_hold AFTER INSERT ON membership FOR EACH ROW"
        " WHEN (NEW.role = 'guest') EXECUTE FUNCTION hold()",
        "INSERT INTO membership (org_id, user_id, role) VALUES (2, 'ann', 'guest'),"
        " (2, 'bob', 'member')",
    )
    assert application.seats()["2"] == {"bob", "cid"}
    assert agrees(application)


# What a role may do to steer a function that finds things by the search_path.
STOLEN = """CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'stolen'; END $$;
CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
CREATE TEMPORARY TABLE membership (org_id integer, user_id text, role text);
SET search_path = pg_temp, public, pg_catalog;
INSERT INTO public.membership (id, org_id, user_id) VALUES (90, 2, 'ann');
DELETE FROM public.membership WHERE org_id < 2"""


def as_role(application: Application, role: str) -> str:
    info = application.connection.info
    return psycopg.conninfo.make_conninfo(
        host=info.host, port=info.port, dbname=info.dbname, user=role
    )


@pytest.fixture
def clerk(application: Application) -> Iterator[psycopg.Connection[Row]]:
    """
    Give a connection of a role that may change the table, and nothing of the book.
    """
    for statement in (
        "DROP ROLE IF EXISTS clerk",
        "CREATE ROLE clerk LOGIN",
        "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON membership TO clerk",
        "GRANT CREATE ON SCHEMA public TO clerk",
    ):
        application.connection.execute(statement)
    info = application.connection.info
    with psycopg.connect(
        host=info.host,
        port=info.port,
        dbname=info.dbname,
        user="clerk",
        autocommit=True,
    ) as connection:
        yield connection
    application.connection.execute("DROP OWNED BY clerk CASCADE")
    application.connection.execute("DROP ROLE clerk")


def test_a_role_without_rights_on_the_book(
    application: Application, clerk: psycopg.Connection[Row]
) -> None:
    """
    The application's role needs no rights on the book: the function has its owner's.
    It cannot read the book, and cannot hang the function on a table of its own.
    """
    clerk.execute("INSERT INTO membership (id, org_id, user_id) VALUES (90, 2, 'ann')")
    clerk.execute("UPDATE membership SET org_id = 3 WHERE id = 90")
    clerk.execute("DELETE FROM membership WHERE user_id = 'eve'")
    assert application.seats()["3"] == {"ann"}
    clerk.execute("TRUNCATE membership")
    assert application.seats() == {}
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        clerk.execute("SELECT * FROM meterbook.seat_changes")

    clerk.execute("CREATE TABLE fake (org_id integer, user_id text)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        clerk.execute(
            "CREATE TRIGGER t AFTER INSERT ON fake REFERENCING NEW TABLE AS"
            " meterbook_new FOR EACH STATEMENT EXECUTE FUNCTION"
            " meterbook.capture_members()"
        )


def test_a_search_path_of_somebody_else(
    application: Application, clerk: psycopg.Connection[Row]
) -> None:
    """
    Functions and operators that a role puts before PostgreSQL's own change nothing of
    what the declaration means, and do not run with the owner's rights.
    """
    application.install(DECLARATION.replace("AND active", "AND lower(role) = 'member'"))
    for statement in STOLEN.split(";\n"):
        clerk.execute(statement)
    assert application.seats() == {"2": {"ann", "cid"}, "3": {"eve"}}
    assert application.check().clean


def test_a_table_of_somebody_else(application: Application) -> None:
    """
    A role that does not own the table is told which rights it lacks; with those it can
    install, and take away what it installed.
    """
    connection = application.connection
    connection.execute("DROP ROLE IF EXISTS keeper")
    connection.execute("CREATE ROLE keeper LOGIN")
    database = connection.info.dbname
    connection.execute(f'GRANT CREATE ON DATABASE "{database}" TO keeper')
    dsn = as_role(application, "keeper")
    try:
        with contextlib.closing(PostgresStore.create(dsn, schema="kept")) as store:
            book = Book(store, clock_of(store))
            declaration = DECLARATION.replace('customers = "SELECT id FROM org"\n', "")
            with pytest.raises(InvalidCaptureError, match="GRANT SELECT, TRIGGER ON"):
                book.captures.install(declaration)
            connection.execute("GRANT SELECT, TRIGGER ON membership TO keeper")
            connection.execute("ALTER TABLE membership ENABLE ROW LEVEL SECURITY")
            with pytest.raises(InvalidCaptureError, match="BYPASSRLS"):
                book.captures.install(declaration)
            connection.execute("ALTER TABLE membership DISABLE ROW LEVEL SECURITY")
            book.captures.install(declaration)
            application.run("DELETE FROM membership WHERE user_id = 'ann'")
            [found] = book.captures.check()
            assert (found.clean, found.live_units) == (True, 3)
            connection.execute("ALTER TABLE membership ENABLE ROW LEVEL SECURITY")
            [found] = book.captures.check()
            assert "row_security" in {spot.code for spot in found.blind_spots}
            book.captures.remove("members")
        assert agrees(application)
    finally:
        connection.execute("DROP OWNED BY keeper CASCADE")
        connection.execute("DROP ROLE keeper")


def test_a_schema_and_types_of_its_own(application: Application) -> None:
    """
    A table in another schema, with keys that are UUIDs and a state that is an enum, is
    captured under its full name; the names that an expression uses are looked up once.
    """
    application.run(
        'CREATE SCHEMA "App"',
        'SET search_path = "App"',
        "CREATE TYPE standing AS ENUM ('active', 'pending', 'gone')",
        "CREATE FUNCTION counts(s standing) RETURNS boolean IMMUTABLE LANGUAGE sql"
        " RETURN s <> 'gone'",
        'CREATE TABLE "UserToOrg" ("orgId" uuid, "userId" uuid, "is" standing,'
        ' PRIMARY KEY ("userId", "orgId"))',
        "RESET search_path",
    )
    declaration = """
[captures.users]
table = "App.UserToOrg"
customer = "orgId"
member = "userId"
state = "is"
when = '''"App".counts("is") AND "is" <> 'gone'::"App".standing'''
event_type = "user.changed"
"""
    application.install(declaration)
    first = "00000000-0000-0000-0000-00000000000"
    application.run(
        f"""INSERT INTO "App"."UserToOrg" VALUES
        ('{first}1', '{first}a', 'active'), ('{first}1', '{first}b', 'pending'),
        ('{first}2', '{first}a', 'gone')""",
        'UPDATE "App"."UserToOrg" SET "is" = \'active\' WHERE "is" = \'pending\'',
    )
    told = application.rows(
        "SELECT customer, change, member, state FROM meterbook.seat_changes"
        " WHERE type = 'user.changed' AND change <> 'baseline' ORDER BY change_id"
    )
    assert sorted(told[:2]) == [
        (f"{first}1", "join", f"{first}a", None),
        (f"{first}1", "join", f"{first}b", "pending"),
    ]
    assert told[2:] == [(f"{first}1", "join", f"{first}b", None)]
    checked = {one.capture_key: one for one in application.book.captures.check()}
    assert (checked["users"].table, checked["users"].live_units) == ("App.UserToOrg", 2)
    assert checked["users"].clean


UNSTEADY = {
    "now() > suspended_at": "when calls now(), whose answer can change",
    "CURRENT_USER = user_id": "when depends on the clock or on who",
    "random() > 0.5": "when calls random(), whose answer can change",
    "busy(user_id)": "when calls public.busy(text), whose answer can change",
    "role = ANY (SELECT id FROM person)": "when does not compile: cannot use sub",
    "role": "when does not compile: argument of CHECK must be type boolean",
    "$1": "when holds a $",
}


def test_conditions_that_no_trigger_could_watch(application: Application) -> None:
    """
    What can change while its row does not is refused, by name.
    """
    application.connection.execute(
        "CREATE FUNCTION busy(text) RETURNS boolean STABLE LANGUAGE sql RETURN true"
    )
    for condition, sentence in UNSTEADY.items():
        declaration = DECLARATION.replace("suspended_at IS NULL AND active", condition)
        with pytest.raises(InvalidCaptureError) as raised:
            application.install(declaration)
        assert str(raised.value).startswith(f"capture 'members': {sentence}")
    assert agrees(application)


def test_what_passes_unseen(application: Application) -> None:
    """
    Whatever hides changes is named: a trigger that is off, a role in replica mode, a
    table without a log, an index that is gone.
    """
    application.run(
        "ALTER TABLE membership DISABLE TRIGGER meterbook_members_update",
        "ALTER TABLE membership ENABLE REPLICA TRIGGER meterbook_members_insert",
        "ALTER ROLE postgres SET session_replication_role = replica",
        "ALTER TABLE membership SET UNLOGGED",
        LOOSEN,
    )
    try:
        codes = [spot.code for spot in application.check().blind_spots]
    finally:
        application.run("ALTER ROLE postgres RESET session_replication_role")
    assert sorted(codes) == [
        "not_unique",
        "replica_role",
        "trigger_disabled",
        "trigger_disabled",
        "unlogged",
    ]


def test_a_trigger_with_a_condition(application: Application) -> None:
    """
    A trigger of the same name that fires more rarely is found.
    """
    application.run(
        "DROP TRIGGER meterbook_members_delete ON membership",
        "CREATE TRIGGER meterbook_members_delete AFTER DELETE ON membership"
        " REFERENCING OLD TABLE AS meterbook_old FOR EACH STATEMENT WHEN (false)"
        " EXECUTE FUNCTION meterbook.capture_members()",
    )
    [spot] = application.check().blind_spots
    assert spot.code == "trigger_altered"


def test_partitions(application: Application) -> None:
    """
    A partitioned table is captured with its partitions: through the table, beside it,
    from one to another, and each that is truncated; one that is attached later is
    named until it is captured, too.
    """
    application.run(
        "DROP TABLE membership",
        "CREATE TABLE membership (org_id integer, user_id text, active boolean DEFAULT"
        " true, suspended_at text, PRIMARY KEY (org_id, user_id))"
        " PARTITION BY RANGE (org_id)",
        "CREATE TABLE low PARTITION OF membership FOR VALUES FROM (0) TO (2)",
        "CREATE TABLE high PARTITION OF membership FOR VALUES FROM (2) TO (9)",
    )
    application.install()
    application.run(
        EVERYBODY,
        "INSERT INTO low (org_id, user_id) VALUES (1, 'dan')",
        "UPDATE membership SET org_id = 2 WHERE user_id = 'ann'",
        "DELETE FROM high WHERE user_id = 'eve'",
        "TRUNCATE low",
    )
    assert application.seats() == {"2": {"ann", "cid"}}
    assert agrees(application)

    application.run(
        "CREATE TABLE top (LIKE membership INCLUDING ALL)",
        "INSERT INTO top VALUES (10, 'zoe', true)",
        "ALTER TABLE membership ATTACH PARTITION top FOR VALUES FROM (9) TO (20)",
    )
    found = application.check()
    assert [spot.code for spot in found.blind_spots] == ["trigger_missing"] * 4
    assert [drift[:4] for drift in found.drift] == [("10", "zoe", "", "missing")]
    application.install()
    application.run("DELETE FROM top")
    assert agrees(application)
    application.run("TRUNCATE membership")
    assert application.seats() == {}


def test_tables_that_inherit(application: Application) -> None:
    """
    Rows of a table that inherits are the table's rows, and are told once.
    """
    application.run("CREATE TABLE guests () INHERITS (membership)")
    assert "trigger_missing" in {s.code for s in application.check().blind_spots}
    application.install()
    application.run(
        "INSERT INTO guests (id, org_id, user_id) VALUES (90, 1, 'dan')",
        "INSERT INTO guests (id, org_id, user_id) VALUES (91, 1, 'ann')",
        "UPDATE membership SET org_id = 2 WHERE user_id = 'dan'",
        "DELETE FROM ONLY membership WHERE user_id = 'ann'",
    )
    assert application.seats() == {
        "1": {"ann", "bob"},
        "2": {"cid", "dan"},
        "3": {"eve"},
    }
    assert agrees(application)


def test_two_books_watch_one_table(application: Application, postgres_dsn: str) -> None:
    """
    Two books in two schemas can capture the same table.
    """
    with contextlib.closing(
        PostgresStore.create(postgres_dsn, schema="second")
    ) as store:
        from meterbook import Book  # noqa: PLC0415 - beside its store
        from meterbook.app.clocks import clock_of  # noqa: PLC0415 - likewise

        second = Book(store, clock_of(store))
        second.captures.install(DECLARATION)
        application.run("DELETE FROM membership WHERE user_id = 'ann'")
        assert [one.clean for one in second.captures.check()] == [True]
        assert agrees(application)
        second.captures.remove("members")
        assert agrees(application)
