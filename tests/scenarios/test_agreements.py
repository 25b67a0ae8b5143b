"""
Stories of what was agreed, told in the words of the field and checked line by line.

Each line is told in the order it stands, so what is told later has a later place in the
book, whenever it happened. There is one customer, one subscription, and a level of
seats::

    subscription  monthly from DAY
    term KEY  KIND  N seats | no limit  from DAY [to DAY]  [months from DAY]
    DAY TIME  N seats
    bought N from DAY
    correct KEY  from DAY
    end KEY at DAY
    as of DAY
    expect term KEY  [at most N | at DAY TIME | in use N | bought N | owed N]...
    expect N owed
    expect POLICY at PRICE  AMOUNT...
    expect months  MONTH-DAY...
"""

from __future__ import annotations

import datetime as dt

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meterbook import Book, Event
from meterbook.foundation.money import amount_text
from scenarios.words import moment


if TYPE_CHECKING:
    from meterbook.services.agreements.owing import SubscriptionSeats


STORIES = sorted((Path(__file__).parent / "agreements").glob("*.txt"))
MAIN = ("acme", "main")
LATER = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
WHO: dict[str, Any] = {"actor": "the vendor", "reason": "the story says so"}


@dataclass
class Story:
    """
    What has been told so far.
    """

    book: Book
    as_of: dt.datetime | None = None
    told: int = 0

    def tell(self, words: list[str]) -> None:
        """
        Take one line of the story.
        """
        say = self.book.subscriptions
        match words:
            case ["subscription", "monthly", "from", day]:
                meter = {"event_type": "told", "aggregation": "peak", "value": "n"}
                self.book.define({"seats": meter})
                say.create(*MAIN, meter="seats", anchor=day)
            case ["term", key, kind, "no", "limit", *rest]:
                self.agree(key, kind, None, rest)
            case ["term", key, kind, seats, "seats", *rest]:
                self.agree(key, kind, int(seats), rest)
            case [day, time, units, "seats"]:
                self.count(moment([day, time]), int(units))
            case ["bought", seats, "from", day]:
                say.buy(*MAIN, seats=int(seats), at=day)
            case ["correct", key, "from", day]:
                self.book.terms.correct(*MAIN, key, start=day, **WHO)
            case ["end", key, "at", day]:
                self.book.terms.end(*MAIN, key, at=day, **WHO)
            case ["as", "of", day]:
                self.as_of = moment([day])
            case ["expect", *rest]:
                self.expect(rest)
            case _:
                pytest.fail(f"nobody knows how to {words}")

    def agree(self, key: str, kind: str, seats: int | None, words: list[str]) -> None:
        """
        State a term.
        """
        said: dict[str, Any] = {}
        while words:
            match words:
                case ["from", day, *words]:
                    said["start"] = day
                case ["to", day, *words]:
                    said["end"] = day
                case ["months", "from", day, *words]:
                    said["anchor"] = day
                case _:
                    pytest.fail(f"nobody knows how to agree {words}")
        self.book.terms.add(*MAIN, key, kind=kind, seats=seats, **said)

    def count(self, at: dt.datetime, units: int) -> None:
        """
        Give the level the next place in the book.
        """
        self.told += 1
        told = Event(
            source="story",
            id=str(self.told),
            type="told",
            time=at,
            customer="acme",
            data={"n": units},
        )
        self.book.record([told])

    def expect(self, words: list[str]) -> None:
        """
        Hold what is read against what the story expects.
        """
        assert self.as_of is not None, "say `as of` first"
        say = self.book.subscriptions
        match words:
            case ["term", key, *rest]:
                self.check(say.seats(*MAIN, as_of=self.as_of), key, rest)
            case [owed, "owed"]:
                assert say.seats(*MAIN, as_of=self.as_of).owed == int(owed)
            case ["months", *days]:
                months = say.months(*MAIN, as_of=self.as_of).months
                starts = [one.seats.period.start for one in months]
                assert [f"{start:%m-%d}" for start in starts] == days
            case [policy, "at", price, *amounts]:
                term = say.show(*MAIN).terms[-1].key
                asked: dict[str, Any] = {"policy": policy, "price": price, "term": term}
                found = say.true_up(*MAIN, **asked, currency="USD", as_of=self.as_of)
                asked_for = [one.amount_minor for one in found.settlements]
                assert [amount_text(one, "USD") for one in asked_for] == amounts
            case _:
                pytest.fail(f"nobody knows how to expect {words}")

    def check(self, found: SubscriptionSeats, key: str, words: list[str]) -> None:
        """
        Hold the seats of a term against what the story expects of it.
        """
        [one] = [term for term in found.terms if term.term.key == key]
        while words:
            match words:
                case ["at", "most", units, *words]:
                    assert one.high_water == int(units)
                case ["at", day, time, *words]:
                    assert one.reading is not None
                    assert one.reading.seats.peak_at == moment([day, time])
                case ["in", "use", units, *words]:
                    assert one.in_use == int(units)
                case ["bought", units, *words]:
                    assert one.purchased == int(units)
                case ["owed", units, *words]:
                    assert one.owed == int(units)
                case _:
                    pytest.fail(f"nobody knows how to expect {words}")


def run(lines: list[str]) -> None:
    """
    Tell a story; a line that is not true fails, and says which it is.
    """
    with Book.create(":memory:", test_clock=LATER) as book:
        story = Story(book)
        for number, text in enumerate(lines, start=1):
            words = text.partition("#")[0].split()
            try:
                if words:
                    story.tell(words)
            except AssertionError as error:
                pytest.fail(f"line {number}: {text.strip()}\n{error}")


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_an_agreement_is_as_told(path: Path) -> None:
    """
    Every line of the story is true.
    """
    run(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    "line",
    [
        "expect term 1  at most 8",
        "expect term 1  owed 3",
        "expect 3 owed",
        "expect annual-true-up at 1.00  3.00",
        "expect months  01-01",
    ],
)
def test_an_agreement_that_is_not_as_told_fails(line: str) -> None:
    """
    The checker does not nod at everything.
    """
    told = [
        "subscription monthly from 2026-01-01",
        "term 1 paid 5 seats from 2026-01-01 to 2027-01-01",
        "2026-01-01 00:00 7 seats",
        "as of 2026-02-02",
        "expect term 1  at most 7  owed 2",
        "expect 2 owed",
        "expect months  01-01 02-01",
        "expect annual-true-up at 1.00  2.00",
    ]
    run(told)
    with pytest.raises(pytest.fail.Exception, match="line 9"):
        run([*told, line])
