"""
Stories, told in the words of the field and checked line by line.

A person who cannot read Python can read a story, check it with a calendar and a pencil,
and send us one as a bug report. Each line is told in the order it stands: what is told
later has a later place in the book, whenever it happened::

    meter   KEY  AGGREGATION of EVENT TYPE  [FIELD VALUE]...
    period  CUSTOMER  monthly from DAY
    DAY TIME  CUSTOMER  EVENT TYPE  [subject NAME] [FIELD VALUE]...
    as of DAY [TIME]
    remember the place as NAME
    at the place NAME
    expect  CUSTOMER  METER  period INDEX  NUMBER  [at DAY TIME | carried N | left N |
            known DAY TIME | from N entries | open]...
    expect  CUSTOMER  has N periods

An expectation is of a complete period unless it says that it is open.

Source:
    The idea is Beancount's, whose tests are ledgers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meterbook.foundation.instants import to_micros
from meterbook.foundation.periods import Calendar, Interval
from meterbook.metering.meters import Envelope, meter_from
from meterbook.metering.readings import AsOf, Fact, Question, read_facts
from scenarios.words import moment, number, pairs, plain


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.metering.meters import Meter
    from meterbook.metering.readings import Reading


STORIES = sorted(Path(__file__).parent.glob("*.txt"))

INTERVALS = {
    "daily": Interval.DAY,
    "monthly": Interval.MONTH,
    "quarterly": Interval.QUARTER,
}


@dataclass
class Story:
    """
    What has been told so far.
    """

    meters: dict[str, Meter] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    told: int = 0
    as_of: dt.datetime | None = None
    upto: int | None = None

    def tell(self, words: list[str]) -> None:
        """
        Take one line of the story.
        """
        match words:
            case ["meter", key, aggregation, "of", event_type, *rest]:
                fields = {name: plain(word) for name, word in pairs(rest)}
                fields |= {"aggregation": aggregation, "event_type": event_type}
                self.meters[key] = meter_from(key, fields)
            case ["period", customer, interval, "from", *day]:
                self.calendars[customer] = Calendar(moment(day), INTERVALS[interval])
            case ["as", "of", *day]:
                self.as_of, self.upto = moment(day), None
            case ["remember", "the", "place", "as", name]:
                self.places[name] = self.told
            case ["at", "the", "place", name]:
                self.upto = self.places[name]
            case ["expect", customer, "has", count, "period" | "periods"]:
                assert self.as_of is not None, "say `as of` first"
                begun = list(self.calendars[customer].periods(self.as_of))
                assert len(begun) == int(count)
            case ["expect", customer, meter, "period", index, units, *rest]:
                self.check(self.read(customer, meter, int(index)), units, rest)
            case [day, time, customer, event_type, *rest] if ":" in time:
                self.record(moment([day, time]), customer, event_type, rest)
            case _:
                pytest.fail(f"nobody knows how to {words}")

    def record(
        self, at: dt.datetime, customer: str, event_type: str, words: list[str]
    ) -> None:
        """
        Give the event the next place in the book.
        """
        self.told += 1
        said = dict(pairs(words))
        who = said.pop("subject", None)
        subject = None
        if who is not None:
            subject = self.people.setdefault(who, len(self.people) + 1)
        told = Fact(
            occurred_at=to_micros(at),
            seq=self.told,
            data={name: number(word) for name, word in said.items()},
            envelope=Envelope(source="story", type=event_type, subject=subject),
        )
        self.facts.setdefault(customer, []).append(told)

    def read(self, customer: str, meter: str, index: int) -> Reading:
        """
        Ask as of the moment and the place that the story is at.
        """
        period = self.calendars[customer].period(index)
        assert period is not None
        assert self.as_of is not None, "say `as of` first"
        upto = self.told if self.upto is None else self.upto
        question = Question(
            customer_key=customer,
            meter=self.meters[meter],
            meter_version=1,
            period=period,
            as_of=AsOf(upto, self.as_of),
        )
        told = self.facts.get(customer, [])
        return read_facts(question, [fact for fact in told if fact.seq <= upto])

    def check(self, reading: Reading, units: str, words: list[str]) -> None:
        """
        Hold a reading against what the story expects of it.
        """
        assert reading.text() == ("-" if units == "nothing" else units)
        assert reading.complete is ("open" not in words)
        while words:
            match words:
                case ["at", day, time, *words]:
                    assert reading.peak_at == moment([day, time])
                case ["carried", units, *words]:
                    assert reading.carried_units == number(units)
                case ["left", units, *words]:
                    assert reading.last_units == number(units)
                case ["known", "never", *words]:
                    assert reading.known_since is None
                case ["known", day, time, *words]:
                    assert reading.known_since == moment([day, time])
                case ["from", entries, "entry" | "entries", *words]:
                    assert reading.provenance.entries == int(entries)
                case ["open", *words]:
                    pass
                case _:
                    pytest.fail(f"nobody knows how to expect {words}")


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_is_true(path: Path) -> None:
    """
    Every line of the story is true.
    """
    story = Story()
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = text.partition("#")[0].split()
        try:
            if words:
                story.tell(words)
        except AssertionError as error:
            pytest.fail(f"{path.name}, line {line}: {text.strip()}\n{error}")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("expect acme seats period 0 8", id="a wrong number"),
        pytest.param("expect acme seats period 0 7 open", id="not open"),
        pytest.param("expect acme seats period 0 7 left 8", id="a wrong rest"),
        pytest.param("expect acme seats period 0 7 at 2026-01-03 00:00", id="moment"),
        pytest.param("expect acme has 1 period", id="how many periods"),
    ],
)
def test_a_story_that_is_not_true_fails(line: str) -> None:
    """
    The checker does not nod at everything.
    """
    story = Story()
    for told in (
        "meter seats peak of counted value n",
        "period acme monthly from 2026-01-01",
        "2026-01-02 00:00 acme counted n 7",
        "as of 2026-02-01",
        "expect acme seats period 0 7 left 7 at 2026-01-02 00:00",
    ):
        story.tell(told.split())

    with pytest.raises(AssertionError):
        story.tell(line.split())
