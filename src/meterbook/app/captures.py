"""
Captures, as a program asks for them: ``book.captures``.

::

    book.captures.install(Path("captures.toml").read_text())
    for found in book.captures.check():
        assert found.clean, found.drift

The application's tables and the book are in one database: a file of SQLite, or a
database of PostgreSQL in which the book has a schema of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from meterbook.services.captures.capture_checking import Checker
from meterbook.services.captures.capturing import Capturing


if TYPE_CHECKING:
    from collections.abc import Callable

    from meterbook.ports import Clock, Store
    from meterbook.ports.capturing import CapturingStore


class Captures:
    """
    The captures of one book.

    Attributes:
        script: Says what installing would run; see `Capturing.script`.

        install: Makes the triggers; see `Capturing.install`.

        installed: Lists the captures; see `Capturing.kept`.

        remove: Takes the triggers away; see `Capturing.remove`.

        check: Compares the tables with the book; see `Checker.check`.

        repair: Tells the book what the tables say; see `Checker.repair`.
    """

    def __init__(self, store: Store, clock: Clock, work: Callable[[], object]) -> None:
        """
        Begin with the store and the clock of a book.

        Args:
            store: Of SQLite or PostgreSQL.

            clock: By which it goes.

            work: Does the worker's steps.
        """
        # Both kinds of store that a book is opened with can do this.
        database = cast("CapturingStore", store)
        capturing = Capturing(database, clock, work)
        self.script = capturing.script
        self.install = capturing.install
        self.installed = capturing.kept
        self.remove = capturing.remove

        checker = Checker(database, capturing.let_worker_catch_up)
        self.check = checker.check
        self.repair = checker.repair
