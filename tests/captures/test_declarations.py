"""
A declaration that is wrong is refused with a sentence that names the fault, and changes
nothing; names are names, whatever is in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from captures.applications import DECLARATION, in_postgres, in_sqlite
from meterbook import Book
from meterbook.foundation.errors import InvalidCaptureError


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from captures.applications import Application


@pytest.fixture(scope="module")
def databases(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: str,
    postgres_template: str,
) -> Iterator[dict[str, Application]]:
    """
    Give an application in each database, for all tests here: none changes anything.
    """
    import servers  # noqa: PLC0415 - so that SQLite's tests need no server

    name = "meterbook_declarations"
    dsn = servers.create_database(
        postgres_server, name=name, template=postgres_template
    )
    folder: Path = tmp_path_factory.mktemp("declarations")
    with in_sqlite(folder) as small, in_postgres(dsn) as large:
        for application in (small, large):
            application.connection.execute(
                "CREATE VIEW members AS SELECT org_id, user_id FROM membership"
            )
        yield {"sqlite": small, "postgres": large}
    servers.drop_database(postgres_server, name=name)


def declared(**said: str) -> str:
    fields = {
        "table": "membership",
        "customer": "org_id",
        "member": "user_id",
        "event_type": "seat.changed",
        **said,
    }
    lines = [f"{name} = {_quoted(text)}" for name, text in fields.items()]
    return "\n".join(["[captures.members]", *lines])


def _quoted(text: str) -> str:
    return "'''" + text + "'''"


FAULTS = [
    pytest.param({"table": "memberships"}, "table memberships is not in", id="table"),
    pytest.param({"table": "members"}, "table members is a view", id="view"),
    pytest.param({"table": "a.b.c"}, "table must be a name, or two", id="three names"),
    pytest.param(
        {"customer": "organisation"},
        "customer names the column organisation, which is not there: the table"
        " membership has id, org_id, user_id",
        id="customer",
    ),
    pytest.param({"member": "uid"}, "member names the column uid", id="member"),
    pytest.param({"when": "activ"}, "when does not compile: ", id="condition"),
    pytest.param({"when": "active AND"}, "when does not compile: ", id="syntax"),
    pytest.param({"way": "rolle"}, "way does not compile: ", id="way"),
    pytest.param({"state": "count(*)"}, "state does not compile: ", id="aggregate"),
    pytest.param({"when": "active) OR (true"}, "when closes a )", id="bracket"),
    pytest.param({"when": "active; DROP TABLE org"}, "when holds a semi", id="second"),
    pytest.param({"when": "active -- and"}, "when holds a comment", id="comment"),
    pytest.param({"state": "'active"}, "state has a quote that is not", id="quote"),
    pytest.param(
        {"when": "EXISTS (SELECT 1 FROM person WHERE id = user_id)"},
        "when ",
        id="other rows",
    ),
    pytest.param(
        {"when": "suspended_at < CURRENT_TIMESTAMP"}, "when depends on", id="clock"
    ),
    pytest.param({"customers": "DELETE FROM org"}, "customers must be", id="no query"),
    pytest.param({"customers": "SELECT 1, 2"}, "customers cannot be", id="columns"),
    pytest.param({"customers": "SELECT id FROM orgs"}, "customers cannot", id="query"),
    pytest.param({"event_type": "meterbook.x"}, "event_type begins with", id="type"),
    pytest.param({"wenn": "active"}, "'wenn' is not a field", id="field"),
    pytest.param({"version": "2"}, "version must be a whole number", id="version"),
]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(("said", "sentence"), FAULTS)
def test_a_wrong_declaration(
    databases: dict[str, Application], kind: str, said: dict[str, str], sentence: str
) -> None:
    """
    What is wrong is named, and nothing is installed.
    """
    application = databases[kind]
    with pytest.raises(InvalidCaptureError) as raised:
        application.book.captures.install(declared(**said))

    assert str(raised.value).startswith(f"capture 'members': {sentence}") or (
        sentence.startswith("customers cannot") and sentence in str(raised.value)
    )
    assert raised.value.code == "invalid_capture"
    assert application.book.captures.installed(removed=True) == []
    assert application.told() == []


FILES = [
    pytest.param("captures = 1", "The file must hold 1 to 100 tables", id="no table"),
    pytest.param("", "The file must hold 1 to 100 tables", id="empty"),
    pytest.param("[captures", "The file is not TOML", id="no TOML"),
    pytest.param(DECLARATION + "[meters.a]\n", "(it has meters)", id="meters"),
    pytest.param("[captures.A]\n", "key must be 1 to 30 lower-case", id="key"),
    pytest.param("[captures.a]\n", "customer is missing", id="bare"),
    pytest.param("[captures]\na = 1", "declaration must be a table", id="number"),
]


@pytest.mark.parametrize(("text", "sentence"), FILES)
def test_a_wrong_file(text: str, sentence: str) -> None:
    """
    A file that is no declaration of captures is refused before a table is looked at.
    """
    with Book.create(":memory:") as book, pytest.raises(InvalidCaptureError) as raised:
        book.captures.install(text)
    assert sentence in str(raised.value).replace(
        "table is missing", "customer is missing"
    )


def test_every_fault_of_a_file_is_named() -> None:
    """
    Two wrong declarations are two lines.
    """
    text = "[captures.a]\ntable = 'x'\n[captures.b]\ntable = 'y'\n"
    with Book.create(":memory:") as book, pytest.raises(InvalidCaptureError) as raised:
        book.captures.install(text)
    assert [line[:12] for line in str(raised.value).splitlines()] == [
        "capture 'a':",
        "capture 'b':",
    ]


ODD = [
    "user",
    "order by",
    'in "quotes"',
    "semi; DROP TABLE org",
    "it's {table} $1 %s %(x)s",
    "é ß 人",
]


def test_names_are_only_names(application: Application) -> None:
    """
    Whatever a table or a column is called, it is captured, and what looks like SQL in
    its name is not run.
    """
    for name in ODD:
        quoted = '"{}"'.format(name.replace('"', '""'))
        other = '"{}"'.format((name + " 2").replace('"', '""'))
        application.connection.execute(
            f"CREATE TABLE {quoted} ({quoted} integer, {other} text)"
        )
        application.install(
            declared(
                table=quoted,
                customer=name,
                member=name + " 2",
                when=f"{quoted} > 0 AND {other} <> 'it''s; $meterbook0$ 100%'",
            )
        )
        application.run(
            f"INSERT INTO {quoted} VALUES (1, 'ann'), (1, 'bob'), (0, 'cid')",
            f"UPDATE {quoted} SET {other} = 'bert' WHERE {other} = 'bob'",
            f"DELETE FROM {quoted} WHERE {other} = 'ann'",
        )
        assert application.seats() == {"1": {"bert"}}
        assert application.check().clean
        application.run(f"DELETE FROM {quoted}")
        application.book.captures.remove("members")
    assert application.rows("SELECT count(*) FROM org") == [(3,)]


def test_two_captures_of_one_type(application: Application) -> None:
    """
    Two captures whose seats the book could not tell apart are refused; with a way of
    its own for each they are taken, and each answers for its own.
    """
    application.connection.execute("CREATE TABLE invited (org text, who text)")
    invited = (
        "[captures.invited]\n"
        + declared(table="invited", customer="org", member="who").partition("\n")[2]
    )
    application.install()
    with pytest.raises(InvalidCaptureError, match="also that of the capture 'members'"):
        application.install(invited)

    application.install(invited + "\nway = \"'invited'\"")
    application.run(
        "INSERT INTO invited VALUES ('1', 'ann')",
        "INSERT INTO membership (org_id, user_id) VALUES (1, 'ann')",
        "DELETE FROM membership",
    )
    assert application.seats() == {"1": {"ann"}}
    checked = application.book.captures.check()
    assert [(one.capture_key, one.clean, one.live_units) for one in checked] == [
        ("invited", True, 1),
        ("members", True, 0),
    ]
