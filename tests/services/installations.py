"""
A vendor and its customers' installations, that meet in files alone.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from laws.documents import ACME, VENDOR, licence
from meterbook import Book, Event
from meterbook.licensing.verdicts import Accepted


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meterbook.licensing.verdicts import Verdict
    from meterbook.proof.keys import Signer
    from meterbook.services.installations.licensing import KeptLicence
    from meterbook.services.installations.reporting import Made


def on(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@dataclass
class Installation:
    """
    A book at a customer's, and the key that it signs with.
    """

    book: Book
    key: Signer = ACME
    told: int = 0

    def join(self, when: str, *who: str, change: str = "join", late: str = "") -> None:
        """
        Say that somebody came at a moment, which is now; or is told of *late*.
        """
        self.book.move_clock(on(late or when))
        for name in who:
            self.told += 1
            event = Event(
                source="app",
                id=f"{self.told} {when} {name}",
                type="member",
                time=on(when),
                customer="acme",
                subject=name,
                data={"change": change},
            )
            self.book.record([event])

    def leave(self, when: str, *who: str, late: str = "") -> None:
        self.join(when, *who, change="leave", late=late)

    def use(self, when: str, tokens: int) -> None:
        """
        Say that tokens were used at a moment, which is now.
        """
        self.book.move_clock(on(when))
        self.told += 1
        event = Event(
            source="app",
            id=f"{self.told} {when}",
            type="llm",
            time=on(when),
            customer="acme",
            data={"tokens": tokens},
        )
        self.book.record([event])

    def report(self, when: str, **how: bool) -> Made:
        """
        Make a report at a moment.
        """
        self.book.move_clock(on(when))
        return self.book.reports.make(signer=self.key, **how)

    def backup(self, path: Path) -> Installation:
        """
        Return what would be restored from a backup of now.
        """
        [(_, _, name)] = self._connection().execute("PRAGMA database_list").fetchall()
        with (
            contextlib.closing(sqlite3.connect(name)) as source,
            contextlib.closing(sqlite3.connect(path)) as target,
        ):
            source.backup(target)
        return Installation(Book.open(path), key=self.key, told=1_000)

    def _connection(self) -> Any:  # noqa: ANN401 - the store's own
        store: Any = self.book._store
        with store.reading() as reader:
            return reader._connection


@dataclass
class World:
    """
    One vendor, and the installations that it has licensed.
    """

    folder: Path
    vendor: Book
    stack: contextlib.ExitStack
    books: list[Book] = field(default_factory=list)

    def licence(self, **said: Any) -> KeptLicence:  # noqa: ANN401 - any field
        """
        Issue a licence.
        """
        usual: dict[str, Any] = {"report_days": 5, "seats": 2, **said}
        return self.vendor.licences.issue(licence(**usual), signer=VENDOR)

    def installation(
        self, *notes: KeptLicence, name: str = "acme", key: Signer = ACME
    ) -> Installation:
        """
        Make a book at a customer's, and install licences in it.
        """
        book = Book.create(self.folder / f"{name}.db", test_clock=on("2026-01-30"))
        self.stack.callback(book.close)
        book.define(
            {
                "seats": {"event_type": "member", "aggregation": "members"},
                "tokens": {
                    "event_type": "llm",
                    "aggregation": "sum",
                    "value": "tokens",
                },
            }
        )
        for note in notes:
            done = book.licences.install(note.note.encode(), keys=[VENDOR.verifier])
            assert done.installed, done
        return Installation(book, key=key)

    def restored(self, copy: Installation) -> Installation:
        """
        Keep a copy open to the end of the test.
        """
        self.stack.callback(copy.book.close)
        return copy

    def accept(self, made: Made | str, **how: Any) -> Verdict:  # noqa: ANN401 - any
        """
        Hand a report over, the first time with the key that its customer confirms.
        """
        note = made if isinstance(made, str) else made.note
        how.setdefault("trust", ACME.verifier)
        return self.vendor.reports.accept(note.encode(), **how)

    def accepted(self, made: Made, **how: Any) -> Accepted:  # noqa: ANN401 - any
        """
        Hand over a report that must be accepted.
        """
        verdict = self.accept(made, **how)
        assert isinstance(verdict, Accepted), verdict
        return verdict


@contextlib.contextmanager
def world_in(folder: Path) -> Iterator[World]:
    """
    Give a vendor in a folder, in the far future of all stories.
    """
    with contextlib.ExitStack() as stack:
        vendor = Book.create(folder / "vendor.db", test_clock=on("2028-01-01"))
        stack.callback(vendor.close)
        yield World(folder, vendor, stack)
