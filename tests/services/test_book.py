"""
The book: opened, asked in many ways, and with a clock that can be moved.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

from typing import TYPE_CHECKING, Any

import pytest

import meterbook

from meterbook import Book, Event, EventQuery, Period, Recorded, Refused, errors


if TYPE_CHECKING:
    from pathlib import Path

    from meterbook.services.worker.following import Step


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TOKENS = {"event_type": "llm.request", "aggregation": "sum", "value": "tokens"}


def event(id_: str, *, time: dt.datetime | None = NOON, tokens: int = 1) -> Event:
    return Event(
        source="api",
        id=id_,
        type="llm.request",
        time=time,
        customer="acme",
        data={"tokens": tokens},
    )


@pytest.fixture
def metered(book: Book) -> Book:
    book.define({"tokens": TOKENS})
    return book


def test_a_book_is_kept_in_a_file(tmp_path: Path) -> None:
    """
    What was recorded is there when the file is opened again, also for reading only.
    """
    path = tmp_path / "usage.db"
    with Book.create(path) as book:
        book.define({"tokens": TOKENS})
        book.record([event("1")])

    with Book.open(path, read_only=True) as book:
        assert book.read("tokens", customer="acme", anchor="2026-03-01").units == 1
        with pytest.raises(errors.ReadOnlyBookError):
            book.record([event("2")])
    with Book.migrate(path) as book:
        assert len(book.entries()) == 1


def test_a_book_is_made_once(tmp_path: Path) -> None:
    """
    Creating over a book is an error, and so is opening what is not there.
    """
    with pytest.raises(errors.NotABookError):
        Book.open(tmp_path / "usage.db")
    Book.create(tmp_path / "usage.db").close()
    with pytest.raises(errors.AlreadyABookError):
        Book.create(tmp_path / "usage.db")


def test_a_test_clock_is_moved_for_everybody(tmp_path: Path) -> None:
    """
    A book with a clock of its own goes by it in every process, forward and back, and
    is marked as such.
    """
    path = tmp_path / "usage.db"
    with Book.create(path, test_clock=NOON) as book, Book.open(path) as other:
        book.move_clock(NOON + 40 * DAY)
        [future] = other.record([event("1", time=None)])
        book.move_clock(NOON)
        [answer] = other.record([event("2", time=NOON + DAY)])

        assert isinstance(future, Recorded)
        assert isinstance(answer, Refused)
        assert other.entries()[0].time == NOON + 40 * DAY
        assert book.status().test_clock
        assert book.status().now == NOON


def test_the_clock_of_the_machine_is_not_moved() -> None:
    """
    A book without a test clock goes by the machine's, and says so.
    """
    before = dt.datetime.now(dt.UTC)
    with Book.create(":memory:") as book:
        book.record([event("1", time=None)])
        [entry] = book.entries()

        assert before <= entry.time <= dt.datetime.now(dt.UTC)
        assert not book.status().test_clock
        with pytest.raises(errors.InvalidQueryError, match="machine's clock"):
            book.move_clock(NOON)


def test_usage_of_the_future_is_not_counted_yet(metered: Book) -> None:
    """
    As-of is now by the book's clock: what occurs later counts when it is later.
    """
    soon = NOON + dt.timedelta(minutes=4)
    metered.record([event("1"), event("2", time=soon)])

    def units(as_of: dt.datetime | str | None = None) -> object:
        asked = metered.read(
            "tokens", customer="acme", anchor="2026-03-01", as_of=as_of
        )
        return asked.units

    assert units() == 1
    assert units(soon) == 2
    assert units("2026-03-01T12:03:59Z") == 1
    metered.move_clock(soon)
    assert units() == 2


def test_a_period_is_said_in_one_of_three_ways(metered: Book) -> None:
    """
    The same period is read by itself, by its ends, or counted from an anchor.
    """
    metered.record([event("1")])
    period = Period(NOON - 29 * DAY, NOON + DAY)
    ways: list[dict[str, Any]] = [
        {"period": period},
        {"start": period.start, "end": "2026-03-02T12:00:00Z"},
        {"anchor": period.start, "interval": "day", "interval_count": 30},
        {"anchor": "2026-01-31", "index": 1},
        {"anchor": "2026-01-31", "at": NOON},
        {"anchor": "2026-01-31", "interval": "year"},
    ]
    asked = [metered.read("tokens", customer="acme", **how) for how in ways]

    assert [reading.units for reading in asked] == [1] * 6
    assert [reading.period for reading in asked[:3]] == [period] * 3
    feb_28 = dt.datetime(2026, 2, 28, tzinfo=dt.UTC)
    assert asked[3].period == asked[4].period
    assert asked[3].period.start == feb_28


@pytest.mark.parametrize(
    ("how", "error"),
    [
        pytest.param({}, errors.InvalidQueryError, id="not said"),
        pytest.param({"start": NOON}, errors.InvalidQueryError, id="no end"),
        pytest.param({"index": 1}, errors.InvalidQueryError, id="no anchor"),
        pytest.param(
            {"anchor": NOON, "start": NOON, "end": NOON + DAY},
            errors.InvalidQueryError,
            id="twice",
        ),
        pytest.param(
            {"anchor": NOON, "index": 1, "at": NOON},
            errors.InvalidQueryError,
            id="index and moment",
        ),
        pytest.param(
            {"anchor": NOON, "at": NOON - DAY},
            errors.InvalidPeriodError,
            id="before the anchor",
        ),
        pytest.param(
            {"anchor": NOON, "interval": "fortnight"},
            errors.InvalidPeriodError,
            id="no interval",
        ),
        pytest.param(
            {"anchor": "yesterday"}, errors.InvalidInstantError, id="no moment"
        ),
        pytest.param(
            {"anchor": NOON, "place": 99}, errors.UnknownPlaceError, id="no place"
        ),
    ],
)
def test_a_period_that_is_not_said_well_is_refused(
    metered: Book, how: dict[str, Any], error: type[errors.CallerError]
) -> None:
    """
    A question that has no period, two, or none that there is, is an error.
    """
    with pytest.raises(error):
        metered.read("tokens", customer="acme", **how)


@pytest.mark.parametrize("text", ["", " ", "\ud800", "a\0b", "x" * 256])
def test_text_that_no_book_can_hold_is_refused(metered: Book, text: str) -> None:
    """
    Asking for what could never have been recorded is an error of ours, not a store's.
    """
    with pytest.raises(errors.InvalidQueryError, match="customer"):
        metered.read("tokens", customer=text, anchor="2026-03-01")
    with pytest.raises(errors.InvalidQueryError, match="customer"):
        metered.explain("tokens", customer=text, anchor="2026-03-01")
    with pytest.raises(errors.InvalidQueryError, match="subject"):
        metered.entries(EventQuery(subject=text))
    with pytest.raises(errors.InvalidQueryError, match="source"):
        metered.void(source=text, id="1", actor="ops", reason="r")
    with pytest.raises(errors.UnknownSubjectError):
        metered.people.export(text)
    with pytest.raises(errors.UnknownSubjectError):
        metered.attributions(text)
    with pytest.raises(errors.UnknownMeterError):
        metered.read(text, customer="acme", anchor="2026-03-01")


def test_periods_are_listed_up_to_as_of(metered: Book) -> None:
    """
    Every period that has started is read, and those that have ended are complete.
    """
    metered.record([event("1", time=NOON - 30 * DAY), event("2")])

    found = metered.read_periods("tokens", customer="acme", anchor="2026-01-01")

    assert [reading.units for reading in found] == [1, 0, 1]
    assert [reading.complete for reading in found] == [True, True, False]
    until = metered.read_periods(
        "tokens", customer="acme", anchor="2026-01-01", as_of="2026-02-01"
    )
    assert len(until) == 2


def test_many_customers_are_read_at_once(metered: Book) -> None:
    """
    Customers come first, then their periods; without customers, all that used it.
    """
    metered.record([event("1", tokens=5)])
    periods = [Period(NOON - DAY, NOON), Period(NOON, NOON + DAY)]

    named = metered.read_many("tokens", customers=["globex", "acme"], periods=periods)
    every = metered.read_many("tokens", customers=None, periods=periods)

    assert [reading.units for reading in named] == [0, 0, 0, 5]
    assert [reading.customer_key for reading in every] == ["acme", "acme"]


def test_a_number_is_explained(metered: Book) -> None:
    """
    The entries behind a number add up to it, page by page.
    """
    metered.record([event(str(number), tokens=number) for number in range(1, 6)])
    asked: dict[str, Any] = {"customer": "acme", "anchor": "2026-03-01"}

    first = metered.explain("tokens", **asked, limit=3)
    rest = metered.explain("tokens", **asked, after=first.next)

    assert first.reading.units == 15
    found = [entry.units or 0 for entry in [*first.entries, *rest.entries]]
    assert sum(found) == 15
    assert (len(first.entries), rest.next) == (3, None)


def test_what_is_derived_can_be_dropped(metered: Book) -> None:
    """
    Rollups forgotten are built again, and the answers are the same.
    """
    metered.record([event(str(number)) for number in range(10)])

    def reading() -> object:
        return metered.read("tokens", customer="acme", anchor="2026-03-01")

    before = reading()
    assert metered.drop_rollups("tokens")
    assert reading() == before
    assert metered.drop_rollups()
    assert reading() == before
    assert metered.verify().sound
    with pytest.raises(errors.UnknownMeterError):
        metered.drop_rollups("nothing")


def test_the_status_says_how_far_the_worker_is(metered: Book) -> None:
    """
    What waits is counted, and so are types that no meter reads.
    """
    metered.record([event("1"), Event(source="api", id="2", type="disk.used")])
    metered.record([Event(source="", id="3", type="disk.used")], quarantine=True)
    before = metered.status()
    step = metered.work()
    after = metered.status()

    assert (before.numbered_place, before.posted_place) == (2, 0)
    assert (before.waiting_count, after.waiting_count) == (2, 0)
    assert step.posted == 2
    assert after.events_by_type == {"disk.used": 1, "llm.request": 1}
    assert after.unmatched_types == ("disk.used",)
    assert after.quarantined_count == 1
    [tokens] = after.meters
    assert (tokens.meter_key, tokens.rolled_place) == ("tokens", 2)


def test_one_step_is_not_all(metered: Book) -> None:
    """
    The worker does one step when asked to, and tells of each when it goes on.
    """
    metered.record([event("1")])
    seen: list[Step] = []

    assert metered.work(until_caught_up=False).posted == 1
    metered.record([event("2")])
    metered.work(progress=seen.append)

    assert [step.posted for step in seen] == [1]


def test_importing_loads_only_what_is_asked_for() -> None:
    """
    The package loads in no time, and a book without what only others need.
    """
    program = """
import sys
import meterbook
assert not [name for name in sys.modules if name.startswith("meterbook.")]
meterbook.Book
others = {"typer", "rich", "psycopg", "cryptography", "asyncio"} & sys.modules.keys()
assert not others, others
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_public_names_are_there() -> None:
    """
    Everything that the package promises can be had, and nothing else.
    """
    assert sorted(dir(meterbook)) == sorted(meterbook.__all__)
    for name in meterbook.__all__:
        assert getattr(meterbook, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        meterbook.nothing  # noqa: B018 - looking is what raises


def test_postgres_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without its driver a book in PostgreSQL says what to install.
    """
    for name in list(sys.modules):
        if name.startswith(("psycopg", "meterbook.stores.postgres")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(errors.MissingExtraError, match=r"meterbook\[postgres\]"):
        Book.open("postgresql://nowhere/book")
