"""
What can go wrong between a store and PostgreSQL, and what the caller is told.
"""

from __future__ import annotations

import threading

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from psycopg.conninfo import make_conninfo

import servers

from meterbook.foundation.errors import (
    AlreadyABookError,
    CallerError,
    CorruptBook,
    NotABookError,
    ReadOnlyBookError,
    SchemaTooNewError,
    SchemaTooOldError,
    StoreError,
)
from meterbook.stores.postgres import PostgresStore, connections
from meterbook.stores.postgres.sessions import Session
from meterbook.stores.postgres.writing import PostgresWriter
from stores.postgres_books import (
    end_connections,
    number,
    offer,
    offers,
    order,
    transaction,
)


if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_database_without_a_book_is_not_opened(empty_postgres_dsn: str) -> None:
    """
    Opening or migrating what is not there says so, and makes nothing.
    """
    with pytest.raises(NotABookError):
        PostgresStore.open(empty_postgres_dsn)
    with pytest.raises(NotABookError):
        PostgresStore.migrate(empty_postgres_dsn)

    found = servers.ask(empty_postgres_dsn, "SELECT to_regnamespace('meterbook')")
    assert found == [(None,)]


def test_a_book_is_not_created_over_another(postgres_dsn: str) -> None:
    """
    Creating twice in one schema is refused; in another schema is another book.
    """
    with pytest.raises(AlreadyABookError):
        PostgresStore.create(postgres_dsn)

    other = PostgresStore.create(postgres_dsn, schema="Other-book")
    other.append(offers(20))
    assert number(other) == 20
    other.close()
    assert servers.ask(postgres_dsn, "SELECT count(*) FROM meterbook.entries") == [(0,)]


@pytest.mark.parametrize(
    ("version", "error"),
    [("1", SchemaTooOldError), ("99", SchemaTooNewError), ("x", CorruptBook)],
)
def test_a_book_of_another_version_is_not_opened(
    postgres_dsn: str, version: str, error: type[Exception]
) -> None:
    """
    An older schema must be migrated, a newer one needs a newer program.
    """
    servers.ask(postgres_dsn, "UPDATE meterbook.book SET value = %s", version)

    with pytest.raises(error):
        PostgresStore.open(postgres_dsn)


@pytest.mark.parametrize("schema", ["", "a.b", 'a"b', "a b", "1a", "%s", "x" * 64])
def test_a_schema_has_a_plain_name(postgres_dsn: str, schema: str) -> None:
    """
    A name that would have to be escaped somewhere is refused.
    """
    with pytest.raises(CallerError):
        PostgresStore.create(postgres_dsn, schema=schema)


def test_an_old_server_is_refused(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A server that lacks what numbers the entries is named with its version.
    """
    monkeypatch.setattr(connections, "SERVER_VERSION_MIN", 990_000)

    with pytest.raises(StoreError, match="13 or newer") as raised:
        PostgresStore.open(postgres_dsn)

    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        pytest.param({"dbname": "nope"}, "database", id="database"),
        pytest.param({"user": "nobody-9"}, "role", id="role"),
        pytest.param({"host": "no-such-host.invalid"}, "host", id="host"),
        pytest.param({"sslmode": "bogus"}, "sslmode", id="option's value"),
    ],
)
def test_an_address_that_is_wrong_stays_wrong(
    postgres_server: str, parts: dict[str, str], said: str
) -> None:
    """
    What the server or the driver does not know is not worth trying again.
    """
    with pytest.raises(StoreError, match=said) as raised:
        PostgresStore.open(make_conninfo(postgres_server, **parts))

    assert not raised.value.retryable
    assert "Check" in str(raised.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://x/y?foo=1",
        "postgresql://u:secret@[::1/x",
        "host=x foo=1",
        "nothing at all",
    ],
)
def test_an_address_that_is_none_is_the_callers(dsn: str) -> None:
    """
    An address that cannot be read is a mistake of the caller, who is told where.
    """
    with pytest.raises(CallerError, match="address") as raised:
        PostgresStore.open(dsn)

    assert "secret" not in str(raised.value)


def test_a_server_that_is_not_there_may_be_there_later() -> None:
    """
    A refused connection is a retryable failure of the storage, with its cause.
    """
    with pytest.raises(StoreError, match="cannot be reached") as raised:
        PostgresStore.open("host=127.0.0.1 port=1 user=x dbname=x")

    assert raised.value.retryable
    assert isinstance(raised.value.__cause__, psycopg.OperationalError)


def test_a_book_open_for_reading_is_not_written(postgres_dsn: str) -> None:
    """
    Reading works; recording and following are refused.
    """
    store = PostgresStore.open(postgres_dsn, read_only=True)
    with store.reading() as reader:
        assert reader.meters() == []
    assert not store.can_follow
    with pytest.raises(ReadOnlyBookError):
        store.append(offers(1))
    with pytest.raises(ReadOnlyBookError), store.writing():
        pass
    with pytest.raises(ReadOnlyBookError), store.following():
        pass
    store.close()


def test_a_closed_store_says_so(postgres_dsn: str) -> None:
    """
    A store that was closed lends no connections, now or later.
    """
    store = PostgresStore.open(postgres_dsn)
    store.close()

    with pytest.raises(StoreError, match="closed") as raised, store.reading():
        pass

    assert not raised.value.retryable


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.append(offers(1, prefix="x")),
        lambda store: store.append(offers(50, prefix="x")),
        number,
        order,
    ],
    ids=["append one", "append many", "follow", "read"],
)
def test_connections_that_broke_while_idle_are_replaced(
    postgres_store: PostgresStore,
    postgres_dsn: str,
    act: Callable[[PostgresStore], object],
) -> None:
    """
    After a restart of the server the next call works, though all connections are gone.
    """
    with postgres_store.reading(), postgres_store.reading(), postgres_store.reading():
        postgres_store.append(offers(1))
    end_connections(postgres_dsn)

    act(postgres_store)


def test_a_connection_lost_in_mid_batch_leaves_nothing(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    The block fails as retryable and says what is known; doing it again does it once.
    """
    with (
        pytest.raises(StoreError, match="left nothing") as raised,
        postgres_store.writing() as writer,
    ):
        writer.append(offers(60))
        end_connections(postgres_dsn)
        writer.append(offers(30, prefix="more"))

    assert raised.value.retryable
    with postgres_store.reading() as reader:
        assert reader.tail(after=0, limit=99) == []
    assert postgres_store.append(offers(60)).known == {}


def test_an_answer_lost_on_the_way_is_not_a_duplicate(
    postgres_store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An attempt that was committed, though its answer was lost, is answered as new.
    """
    commit = Session.commit
    lost = iter([True])

    def commit_and_lose(session: Session) -> None:
        commit(session)
        if next(lost, False):
            session.connection.close()
            message = "The answer was lost."
            raise StoreError(message, retryable=True) from psycopg.OperationalError()

    monkeypatch.setattr(Session, "commit", commit_and_lose)

    appended = postgres_store.append(offers(60))

    assert appended.known == {}
    with postgres_store.reading() as reader:
        tail = reader.tail(after=0, limit=99)
    assert [entry.entry_id for entry in tail] == list(appended.entry_ids)


def test_overlapping_batches_in_opposite_order_do_not_deadlock(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    Two batches with the same rows, turned round, both end; each row is new to one.
    """
    rows = offers(2_000)
    for size in (8, 2_000):
        for turn in range(5):
            batch = [(*row[:1], f"s{size}.{turn}", *row[2:]) for row in rows[:size]]
            with ThreadPoolExecutor(max_workers=2) as threads:
                answers = list(threads.map(postgres_store.append, [batch, batch[::-1]]))
            assert sum(len(answer.known) for answer in answers) == size

    deadlocks = servers.ask(
        postgres_dsn,
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    )
    assert deadlocks == [(0,)]


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_duplicate_that_a_snapshot_cannot_see_is_retryable(
    postgres_store: PostgresStore, postgres_dsn: str, isolation: str, count: int
) -> None:
    """
    In a caller's REPEATABLE READ a newer entry in the way fails, it is never ignored.
    """
    with transaction(postgres_dsn, isolation) as connection:
        session = Session(connection, schema="meterbook")
        session.make_temporary_tables()
        writer = PostgresWriter(session)
        assert writer.marks() == (0, 0)
        postgres_store.append(offers(count))

        with pytest.raises(StoreError) as raised:
            writer.append(offers(count))

    assert raised.value.retryable


@pytest.mark.parametrize("count", [1, 30])
def test_a_duplicate_that_a_snapshot_can_see_is_known(
    postgres_store: PostgresStore, postgres_dsn: str, count: int
) -> None:
    """
    In a caller's REPEATABLE READ an older entry is known like anywhere.
    """
    ids = postgres_store.append(offers(count)).entry_ids

    with transaction(postgres_dsn, "REPEATABLE READ") as connection:
        session = Session(connection, schema="meterbook")
        session.make_temporary_tables()
        appended = PostgresWriter(session).append(offers(count))

    assert list(appended.entry_ids) == list(ids)
    assert len(appended.known) == count


def test_a_deadlock_of_callers_is_retryable(postgres_store: PostgresStore) -> None:
    """
    Two blocks that want each other's identities: one is told to do it again.
    """
    errors: list[StoreError] = []
    both = threading.Barrier(2, timeout=30)

    def write(first: str, then: str) -> None:
        try:
            with postgres_store.writing() as writer:
                writer.append([offer(first)])
                both.wait()
                writer.append([offer(then)])
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=pair) for pair in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [error.retryable for error in errors] == [True]


def test_a_role_with_settings_of_its_own_changes_nothing(
    postgres_server: str, postgres_dsn: str
) -> None:
    """
    Dates, bytes, paths and isolation of the role do not reach the book.
    """
    role = "meterbook_odd_role"
    database = psycopg.conninfo.conninfo_to_dict(postgres_dsn)["dbname"]
    servers.ask(
        postgres_server,
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN;"
        f" ALTER ROLE {role} SET search_path = nowhere;"
        f" ALTER ROLE {role} SET bytea_output = escape;"
        f" ALTER ROLE {role} SET datestyle = 'German';"
        f" ALTER ROLE {role} SET client_encoding = latin1;"
        f" ALTER ROLE {role} SET standard_conforming_strings = on;"
        f" ALTER ROLE {role} SET default_transaction_isolation = serializable;"
        f" GRANT CREATE ON DATABASE {database} TO {role}",
    )
    dsn = psycopg.conninfo.make_conninfo(postgres_dsn, user=role)
    store = PostgresStore.create(dsn, schema="theirs")
    row = offer("\u2603", fingerprint=bytes(range(224, 256)))
    store.append([row])
    store.append([row, *offers(60)])
    assert number(store) == 61
    with store.reading() as reader:
        entry = reader.entry(source="ci", event_id="\u2603")
    store.close()

    assert entry is not None
    assert entry.fingerprint == row[11]


def test_missing_rights_are_not_retryable(
    postgres_server: str, postgres_dsn: str
) -> None:
    """
    A role that may not write is told so, and need not try again.
    """
    role = "meterbook_poor_role"
    servers.ask(
        postgres_server, f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN"
    )
    servers.ask(
        postgres_dsn,
        f"GRANT USAGE ON SCHEMA meterbook TO {role};"
        f" GRANT SELECT ON ALL TABLES IN SCHEMA meterbook TO {role}",
    )
    dsn = psycopg.conninfo.make_conninfo(postgres_dsn, user=role)
    store = PostgresStore.open(dsn)

    with pytest.raises(StoreError, match="permission denied") as raised:
        store.append(offers(1))
    store.close()
    servers.ask(postgres_dsn, f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert not raised.value.retryable


def test_where_entries_are_replicated_to_nobody_follows(
    postgres_store: PostgresStore, postgres_dsn: str
) -> None:
    """
    The target of a logical subscription has another cluster's order: no worker there.
    """
    assert postgres_store.can_follow
    servers.ask(
        postgres_dsn,
        "INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)"
        " VALUES (1, 'meterbook.entries'::regclass, 'r')",
    )

    assert not postgres_store.can_follow
    with pytest.raises(ReadOnlyBookError), postgres_store.following():
        pass
    servers.ask(postgres_dsn, "DELETE FROM pg_subscription_rel")
