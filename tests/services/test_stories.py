"""
The stories of `tests/scenarios`, told to a book: it answers what the definition does.

Where a story is of seats, a subscription month is asked for beside each reading.
"""

from __future__ import annotations

import datetime as dt

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Event, Recorded
from meterbook.foundation.errors import InvalidQueryError
from meterbook.metering.seats import Knowledge
from scenarios.test_scenarios import STORIES, Story
from scenarios.words import number, pairs


if TYPE_CHECKING:
    from pathlib import Path

    from meterbook import Period, Reading


AFTER_ALL = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)


@dataclass
class BookStory(Story):
    """
    What has been told to a book so far, line by line.
    """

    book: Book = field(
        default_factory=lambda: Book.create(":memory:", test_clock=AFTER_ALL)
    )

    def tell(self, words: list[str]) -> None:  # type: ignore[explicit-override]  # typing has it from 3.12
        super().tell(words)
        if words[0] == "meter":
            key = words[1]
            self.book.define({key: self.meters[key].definition()})

    def record(  # type: ignore[explicit-override]  # likewise
        self, at: dt.datetime, customer: str, event_type: str, words: list[str]
    ) -> None:
        said = dict(pairs(words))
        self.told += 1
        [outcome] = self.book.record(
            [
                Event(
                    source="story",
                    id=str(self.told),
                    type=event_type,
                    time=at,
                    customer=customer,
                    subject=said.pop("subject", None),
                    data={name: number(word) for name, word in said.items()},
                )
            ]
        )
        assert isinstance(outcome, Recorded)

    def read(self, customer: str, meter: str, index: int) -> Reading:  # type: ignore[explicit-override]  # likewise
        period = self.calendars[customer].period(index)
        assert period is not None
        reading = self.book.read(
            meter,
            customer=customer,
            period=period,
            as_of=self.as_of,
            place=self.upto,
        )
        self.check_month(reading, customer, meter, (index, period))
        return reading

    def check_month(
        self, reading: Reading, customer: str, meter: str, period: tuple[int, Period]
    ) -> None:
        """
        Check that the month says what the reading does, if the meter counts seats.
        """
        try:
            found = self.book.seats.periods(
                meter, customer, periods=[period], as_of=self.as_of, place=self.upto
            )
        except InvalidQueryError:
            return
        seats = found.months[0].seats
        last = None if seats.knowledge is Knowledge.UNKNOWN else seats.end_units
        assert last == reading.last_units
        assert seats.carried_units == reading.carried_units
        assert seats.known_since == reading.known_since
        assert seats.complete is reading.complete
        if reading.peak_at is not None:
            assert (seats.peak_units, seats.peak_at) == (reading.units, reading.peak_at)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_book_tells_the_same_story(path: Path) -> None:
    """
    Every line of the story is true of a book to which it is told.
    """
    story = BookStory()
    with story.book:
        for text in path.read_text(encoding="utf-8").splitlines():
            words = text.partition("#")[0].split()
            if words:
                story.tell(words)
