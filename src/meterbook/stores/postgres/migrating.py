"""
How a book in PostgreSQL comes to its newest schema, while it is in use.

Each migration is a transaction of its own, and the number of the last one is stored in
it. A migration that needs a lock waits for it LOCK_WAIT at most, for whoever wants to
record waits behind it; then it lets them pass, and tries again. A file whose first line
is `-- online` runs outside of a transaction, statement by statement, for what
PostgreSQL does without stopping anyone (CREATE INDEX CONCURRENTLY). Such a file must
bear to be run again from its beginning.

Who migrates holds an advisory lock: two processes do not migrate one book at once.
"""

from __future__ import annotations

import contextlib
import time

from typing import TYPE_CHECKING, Final, cast

from psycopg import errors

from meterbook.foundation.errors import (
    AlreadyABookError,
    NotABookError,
    StoreError,
)
from meterbook.stores.migrating import VERSION_SETTING, pending, stored_version
from meterbook.stores.postgres.sessions import WRITE, in_schema


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterbook.stores.migrating import Migration
    from meterbook.stores.postgres.sessions import Session


# Writers wait no longer than this behind a migration that waits for a lock itself.
LOCK_WAIT: Final = b"SET LOCAL lock_timeout = '500ms'"

# Then they have this long, in seconds, before it tries again; for a minute in all.
LOCK_PAUSE_SECONDS: Final = 0.5
LOCK_ATTEMPTS_MAX: Final = 60

ONLINE: Final = "-- online\n"


def create_book(session: Session) -> None:
    """
    Make the schema, its tables, and an empty book in them.

    Raises:
        AlreadyABookError: There is a book in this schema.
    """
    with _alone(session):
        if stored_schema(session) is not None:
            raise AlreadyABookError
        if session.row("has_schema") == (False,):
            session.run("create_schema")
        run_migrations(session, pending("postgres", stored=0))
        session.run("settle_empty")


def migrate_book(session: Session) -> int:
    """
    Bring the book to the newest schema and return how many migrations that took.

    Raises:
        NotABookError: There is none.

        SchemaTooNewError: It has had migrations that are not known here.

        StoreError: A lock was not free for a minute; what was done stays done.
    """
    with _alone(session):
        stored = stored_schema(session)
        if stored is None:
            raise NotABookError
        missing = pending("postgres", stored=stored)
        run_migrations(session, missing)
        return len(missing)


def stored_schema(session: Session) -> int | None:
    """
    Return the version of the book's schema, or None where there is no book.
    """
    if session.row("has_book") == (False,):
        return None
    text = session.row("setting", {"name": VERSION_SETTING})
    return stored_version(None if text is None else cast("str", text[0]))


def run_migrations(session: Session, migrations: Sequence[Migration]) -> None:
    """
    Run *migrations*, each until it gets the locks it needs.

    Raises:
        StoreError: A lock was not free in LOCK_ATTEMPTS_MAX attempts.
    """
    for migration in migrations:
        for attempt in range(1, LOCK_ATTEMPTS_MAX + 1):
            try:
                _run(session, migration)
            except StoreError as error:
                session.roll_back()
                waited = isinstance(error.__cause__, errors.LockNotAvailable)
                if not waited or attempt == LOCK_ATTEMPTS_MAX:
                    raise
                time.sleep(LOCK_PAUSE_SECONDS)
            else:
                break


def _run(session: Session, migration: Migration) -> None:
    text = in_schema(migration.text, session.schema)
    version = {"name": VERSION_SETTING, "value": str(migration.number)}
    if text.startswith(ONLINE):
        for statement in text.removeprefix(ONLINE).split(";\n"):
            if statement.strip():
                session.run_sql(statement.encode())
        session.run("set_setting", version)
        return
    session.begin(WRITE)
    session.run_sql(LOCK_WAIT)
    session.run_sql(text.encode())
    session.run("set_setting", version)
    session.commit()


@contextlib.contextmanager
def _alone(session: Session) -> Iterator[None]:
    """
    Be the only one who migrates this book, while the block lasts.
    """
    for _ in range(LOCK_ATTEMPTS_MAX):
        with session.holding("migration") as free:
            if free:
                yield
                return
        time.sleep(LOCK_PAUSE_SECONDS)
    message = "Another process is migrating this book."
    raise StoreError(message, retryable=True)
