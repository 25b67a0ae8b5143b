"""
Members of a team as objects of Django, and the seats that they take.

An application of one file, so that it can be run as it is::

    python examples/with_django.py application.db
    python examples/with_django.py postgresql://user@host/database
"""

from __future__ import annotations

import contextlib
import sys

from urllib.parse import parse_qs, urlsplit

import django

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction

from meterbook import Book


def database(target: str) -> dict[str, object]:
    """
    Return how Django calls the database in which the book is.
    """
    if not target.startswith("postgresql://"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": target}

    words = urlsplit(target)
    options = {name: values[0] for name, values in parse_qs(words.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": words.path.removeprefix("/") or options.get("dbname", ""),
        "USER": words.username or options.get("user", ""),
        "HOST": words.hostname or options.get("host", ""),
        "PORT": words.port or options.get("port", ""),
    }


TARGET = sys.argv[1]
settings.configure(DATABASES={"default": database(TARGET)}, USE_TZ=True)
django.setup()

METERS = {"seats": {"event_type": "seat.change", "aggregation": "members"}}


class Member(models.Model):  # type: ignore[misc]  # Django has no annotations
    """
    Somebody in a team.
    """

    name = models.TextField(unique=True)

    class Meta:
        """
        There is no package that would say whose it is.
        """

        app_label = "teams"

    def __str__(self) -> str:  # type: ignore[explicit-override]  # likewise
        return str(self.name)


def add(book: Book, name: str) -> None:
    """
    Add a member: object and seat are committed together, or neither is.
    """
    with transaction.atomic(), book.within(connection, actor="ops") as within:
        Member.objects.create(name=name)
        within.join("seats", customer="acme", member=name)


def remove(book: Book, name: str) -> None:
    """
    Remove a member, likewise.
    """
    with transaction.atomic(), book.within(connection, actor="ann") as within:
        Member.objects.filter(name=name).delete()
        within.leave("seats", customer="acme", member=name)


def main() -> None:
    """
    Make an application and its book, and let members come and go.
    """
    with Book.create(TARGET) as book:
        book.define(METERS)
        with connection.schema_editor() as editor:
            editor.create_model(Member)
        for name in ("ann", "bob", "eve"):
            add(book, name)
        with contextlib.suppress(IntegrityError):
            add(book, "ann")
        remove(book, "bob")

        book.work()
        seats = book.read(
            "seats", customer="acme", start="2020-01-01", end="2100-01-01"
        )
        count = Member.objects.count()
        print(f"{count} members, {seats.last_units} seats, {seats.units} at the peak")
    connection.close()


if __name__ == "__main__":
    main()
