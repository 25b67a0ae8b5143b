"""
How a book in PostgreSQL comes to its schema, and that the schema is what is written.
"""

from __future__ import annotations

import threading
import time

from typing import TYPE_CHECKING

import psycopg
import pytest

import servers

from meterbook.foundation.errors import AlreadyABookError, StoreError
from meterbook.stores import statements
from meterbook.stores.migrating import Migration, newest_version, pending
from meterbook.stores.postgres import PostgresStore, migrating
from meterbook.stores.postgres.connections import connect
from meterbook.stores.postgres.migrating import run_migrations
from meterbook.stores.postgres.sessions import Session, in_schema
from stores.postgres_books import number, offer, offers, order, transaction


if TYPE_CHECKING:
    from meterbook.stores.postgres.sessions import Row


# What makes a schema what it is, as the catalogs tell it, apart from its name.
CATALOG = """
SELECT 'table', c.relname, c.relkind::text, c.relpersistence::text,
    coalesce(c.reloptions::text, '')
FROM pg_class c WHERE c.relnamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'column', c.relname || '.' || a.attname, a.attnum::text,
    format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text
        || a.attidentity::text || coalesce(l.collname, ''),
    coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relnamespace = %(schema)s::regnamespace AND a.attnum > 0
UNION ALL
SELECT 'index', x.relname, i.indisunique::text, i.indisvalid::text,
    pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
WHERE x.relnamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'constraint', conname, contype::text, '', pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'trigger', t.tgname, t.tgenabled::text, '', pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'function', proname, provolatile::text, '', pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'sequence', sequencename, data_type::text, increment_by::text, start_value::text
FROM pg_sequences WHERE schemaname = %(schema)s::text
ORDER BY 1, 2, 3
"""


# The number of the migration after the last.
NEXT = newest_version("postgres") + 1


def catalog(dsn: str, schema: str) -> list[tuple[str, ...]]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(CATALOG.encode(), {"schema": schema}).fetchall()
    return [tuple(str(cell).replace(schema, "*") for cell in row) for row in rows]


def book_at(dsn: str, *, version: int) -> None:
    """
    Make a book as an older release of meterbook left it.
    """
    servers.ask(dsn, "CREATE SCHEMA meterbook")
    older = pending("postgres", stored=0)[:version]
    connection = connect(dsn)
    run_migrations(Session(connection, schema="meterbook"), older)
    connection.close()


def record_as_of_old(connection: psycopg.Connection[Row], event_id: str) -> None:
    """
    Record as a release did that knew version 1 alone.
    """
    connection.execute(
        b"INSERT INTO meterbook.entries (entry_id, kind, source, event_id, type,"
        b" occurred_at, time_given, data, extensions, fingerprint, recorded_at)"
        b" VALUES (nextval('meterbook.entry_ids'), 0, 'old', %s, 't', 0, 1, '{}', '',"
        b" '', 0)",
        (event_id,),
    )


def test_the_written_schema_is_the_sum_of_all_migrations(
    empty_postgres_dsn: str,
) -> None:
    """
    A database made by schema.sql and one made by the migrations have equal catalogs.
    """
    PostgresStore.create(empty_postgres_dsn, schema="by_migrations").close()
    text = statements._root().joinpath("postgres", "schema.sql").read_text()
    servers.ask(empty_postgres_dsn, "CREATE SCHEMA by_sum")
    servers.ask(empty_postgres_dsn, in_schema(text, "by_sum"))

    written = catalog(empty_postgres_dsn, "by_sum")

    assert written == catalog(empty_postgres_dsn, "by_migrations")
    assert len(written) > 80


def test_a_new_book_has_the_newest_version(postgres_store: PostgresStore) -> None:
    """
    The version is stored in the book, and migrating what is newest changes nothing.
    """
    with postgres_store.reading() as reader:
        assert reader.setting("schema_version") == str(postgres_store.schema_version)
    assert postgres_store.schema_version == len(pending("postgres", stored=0))


def test_entries_from_before_the_worker_are_numbered_after_it(
    empty_postgres_dsn: str,
) -> None:
    """
    What an older release recorded, or was recording during the migration, gets a place
    once, and so does what comes later.
    """
    book_at(empty_postgres_dsn, version=1)
    with transaction(empty_postgres_dsn) as earlier:
        record_as_of_old(earlier, "b")
        with transaction(empty_postgres_dsn) as committed:
            record_as_of_old(committed, "a")
            committed.execute(b"COMMIT")
        PostgresStore.migrate(empty_postgres_dsn).close()
        PostgresStore.migrate(empty_postgres_dsn).close()
        store = PostgresStore.open(empty_postgres_dsn)
        with store.reading() as reader:
            assert [e.event_id for e in reader.tail(after=0, limit=9)] == ["a"]
            assert reader.unposted_count(limit=9) == 1
        # The worker waits for those who record, but not for ever.
        with pytest.raises(StoreError) as raised:
            number(store)
        assert raised.value.retryable
        earlier.execute(b"COMMIT")
    store.append([offer("c")])

    assert number(store) == 3
    store.append([offer("d")])
    assert number(store) == 1
    assert sorted(event_id for _, event_id in order(store)) == ["a", "b", "c", "d"]
    assert [seq for seq, _ in order(store)] == [1, 2, 3, 4]
    store.close()


def test_a_migration_does_not_keep_writers_waiting(
    postgres_store: PostgresStore,
    postgres_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    While a long transaction stands in its way, a migration waits in short turns, and
    whoever records passes between them; at the end of the transaction it is done.
    """
    monkeypatch.setattr(migrating, "LOCK_PAUSE_SECONDS", 0.1)
    change = Migration(NEXT, "x", "ALTER TABLE {schema}.entries ADD COLUMN x int;\n")
    connection = connect(postgres_dsn)
    session = Session(connection, schema="meterbook")
    waits = []
    with transaction(postgres_dsn) as reader:
        reader.execute(b"SELECT count(*) FROM meterbook.entries")
        thread = threading.Thread(target=run_migrations, args=(session, [change]))
        thread.start()
        for index in range(12):
            begun = time.monotonic()
            postgres_store.append([offer(f"w{index}")])
            waits.append(time.monotonic() - begun)
            time.sleep(0.05)
        assert thread.is_alive()
    thread.join(timeout=30)

    assert max(waits) < 1
    assert postgres_store.schema_version == NEXT
    connection.close()


def test_a_migration_that_never_gets_its_lock_gives_up(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After so many attempts it is a retryable failure, and the book is as it was.
    """
    monkeypatch.setattr(migrating, "LOCK_ATTEMPTS_MAX", 2)
    monkeypatch.setattr(migrating, "LOCK_PAUSE_SECONDS", 0)
    change = Migration(NEXT, "x", "ALTER TABLE {schema}.entries ADD COLUMN x int;\n")
    connection = connect(postgres_dsn)
    with transaction(postgres_dsn) as reader, pytest.raises(StoreError) as raised:
        reader.execute(b"SELECT count(*) FROM meterbook.entries")
        run_migrations(Session(connection, schema="meterbook"), [change])
    connection.close()

    assert raised.value.retryable
    store = PostgresStore.open(postgres_dsn)
    assert store.schema_version == newest_version("postgres")
    store.close()


def test_an_online_migration_runs_outside_of_a_transaction(
    postgres_dsn: str,
) -> None:
    """
    Its statements run one by one, as CREATE INDEX CONCURRENTLY wants it.
    """
    text = (
        "-- online\n"
        "DROP INDEX CONCURRENTLY IF EXISTS {schema}.entries_type;\n"
        "CREATE INDEX CONCURRENTLY entries_type ON {schema}.entries (type);\n"
    )
    connection = connect(postgres_dsn)
    session = Session(connection, schema="meterbook")
    run_migrations(
        session, [Migration(NEXT, "x", text), Migration(NEXT + 1, "y", text)]
    )
    connection.close()

    assert servers.ask(
        postgres_dsn,
        "SELECT i.indisvalid, b.value FROM pg_index i, meterbook.book b"
        " WHERE i.indexrelid = 'meterbook.entries_type'::regclass"
        " AND b.name = 'schema_version'",
    ) == [(True, str(NEXT + 1))]


def test_a_failing_migration_leaves_the_book_as_it_was(postgres_dsn: str) -> None:
    """
    A migration is done with its version, or not at all.
    """
    text = "CREATE TABLE {schema}.half (x int);\nSELECT 1 / 0;\n"
    connection = connect(postgres_dsn)
    with pytest.raises(StoreError, match="division by zero"):
        run_migrations(
            Session(connection, schema="meterbook"), [Migration(NEXT, "x", text)]
        )
    connection.close()

    assert servers.ask(
        postgres_dsn,
        "SELECT to_regclass('meterbook.half'), value FROM meterbook.book"
        " WHERE name = 'schema_version'",
    ) == [(None, str(newest_version("postgres")))]


def test_one_of_several_creators_makes_the_book(empty_postgres_dsn: str) -> None:
    """
    Of processes that create one book at once, one does, and the others are told.
    """
    made: list[PostgresStore] = []
    refused: list[AlreadyABookError] = []

    def create() -> None:
        try:
            made.append(PostgresStore.create(empty_postgres_dsn))
        except AlreadyABookError as error:
            refused.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(made), len(refused)) == (1, 3)
    made[0].append(offers(3))
    assert number(made[0]) == 3
    made[0].close()
