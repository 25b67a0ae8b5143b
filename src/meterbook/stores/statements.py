"""
SQL lives in SQL files, and is found by name.

A file is a row of statements, each under a line of its own::

    -- entry_by_identity: The entry that has this identity.
    SELECT ... ;

The name is how Python asks for it; the rest of the line says what it answers.
After procrastinate's ``queries.sql``.
"""

from __future__ import annotations

import re

from importlib import resources
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


HEADING = re.compile(r"^-- (?P<name>[a-z0-9_]+): .+$", re.MULTILINE)


def statements(dialect: str, topic: str) -> dict[str, str]:
    """
    Return the statements of ``sql/<dialect>/<topic>.sql`` by name.
    """
    text = _root().joinpath(dialect, f"{topic}.sql").read_text(encoding="utf-8")
    found = list(HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {
        match["name"]: text[match.end() : end].strip().removesuffix(";")
        for match, end in zip(found, ends, strict=True)
    }


def migrations(dialect: str) -> list[tuple[int, str, str]]:
    """
    Return (number, name, text) of each migration, in order. Numbers start at 1.
    """
    folder = _root().joinpath(dialect, "migrations")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    found = [
        (int(name[:4]), name, folder.joinpath(name).read_text(encoding="utf-8"))
        for name in names
    ]
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    return found


def _root() -> Traversable:
    return resources.files("meterbook.stores").joinpath("sql")
