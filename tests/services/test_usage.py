"""
Readings: as of a place and a moment, of the tail, of many at once.
"""

from __future__ import annotations

import dataclasses

from typing import TYPE_CHECKING

import pytest

from meterbook import Book, Period, errors
from meterbook.services.readings import snapshots, usage
from meterbook.services.readings.usage import Asked
from meterbook.services.worker.following import work_once
from services.books import (
    CUSTOMERS,
    DAY,
    HOUR,
    NOW,
    PERIODS,
    START,
    define,
    event,
    everything,
    look,
    on_postgres,
    tell,
)


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meterbook import Reading


NOBODY = ""


@pytest.fixture(params=["sqlite", "postgres"])
def any_book(request: pytest.FixtureRequest) -> Iterator[Book]:
    """
    Give an empty book in either store, in which it is NOW.
    """
    if request.param == "sqlite":
        with Book.create(":memory:", test_clock=NOW) as book:
            yield book
        return
    with on_postgres(request.getfixturevalue("postgres_dsn")) as book:
        yield book


@pytest.fixture
def postgres_book(postgres_dsn: str) -> Iterator[Book]:
    """
    Give an empty book in PostgreSQL, in which it is NOW.
    """
    with on_postgres(postgres_dsn) as book:
        yield book


def void(book: Book, id_: str) -> None:
    book.void(source="api", id=id_, actor="ops", reason="test")


def test_the_same_as_of_has_the_same_answer_for_ever(any_book: Book) -> None:
    """
    What was read at a place is read there again, whatever arrived since, however far
    the worker is, and with rollups dropped.
    """
    define(any_book)
    kept = {}
    for first in range(0, 24, 6):
        tell(any_book, range(first, first + 6))
        any_book.work(until_caught_up=first % 4 == 0)
        place = any_book.status().numbered_place
        kept[place] = everything(any_book, place=place)
        assert kept[place] == everything(any_book)

    any_book.drop_rollups()
    for place, before in kept.items():
        assert everything(any_book, place=place) == before
    any_book.work()
    for place, before in kept.items():
        assert everything(any_book, place=place) == before


def test_an_answer_at_an_old_moment_stays(any_book: Book) -> None:
    """
    As of a moment, what occurs after it is not counted: whenever it is asked, if it is
    asked at the same place.
    """
    define(any_book, "tokens", "peak")
    any_book.move_clock(START + 2 * HOUR)
    any_book.record([event("1", n=5), event("2", n=3, time=START + HOUR)])
    any_book.work()

    def asked() -> list[tuple[object, ...]]:
        readings = [
            look(any_book, key, as_of=START + HOUR / 2, place=2)
            for key in ("tokens", "peak")
        ]
        return [(r.units, r.complete, r.as_of) for r in readings]

    before = asked()
    any_book.move_clock(NOW)
    any_book.record([event("3", n=9, time=START + HOUR / 4)])
    any_book.work()

    assert [answer[0] for answer in before] == [5, 5]
    assert asked() == before
    assert look(any_book, "tokens", as_of=START + HOUR / 2).units == 14
    assert look(any_book, "tokens", as_of=START + HOUR).units == 17
    assert look(any_book, "tokens", as_of=START - HOUR).units == 0


def test_the_moment_itself_is_counted(any_book: Book) -> None:
    """
    An event at as-of has occurred; at the period's end it belongs to the next one.
    """
    define(any_book, "tokens")
    end = START + 2 * HOUR
    any_book.record([event("1", time=end)])
    until, following = Period(START, end), Period(end, end + DAY)

    found = [
        look(any_book, "tokens", period=period, as_of=end).units
        for period in (until, following)
    ]

    assert found == [0, 1]
    assert look(any_book, "tokens", period=until, as_of=end).complete
    assert not look(any_book, "tokens", period=until, as_of=end - HOUR).complete


def test_what_has_no_place_yet_is_provisional(postgres_book: Book) -> None:
    """
    An event counts when it is acknowledged, and is cited when it has a place.
    """
    define(postgres_book, "tokens")
    postgres_book.record([event("1", n=3)])
    before = look(postgres_book, "tokens")
    other = look(postgres_book, "tokens", customer="globex")
    cited = look(postgres_book, "tokens", place=0)
    postgres_book.work()
    after = look(postgres_book, "tokens")

    assert (before.units, before.provisional, before.as_of.place) == (3, True, None)
    assert before.provenance.last_place is None
    assert (after.units, after.provisional, after.as_of.place) == (3, False, 1)
    assert (other.units, other.provisional, other.as_of.place) == (0, False, 0)
    assert (cited.units, cited.provisional) == (0, False)


def test_a_correction_without_a_place_is_provisional(postgres_book: Book) -> None:
    """
    A void and an attribution count at once, too, for everybody whom they touch.
    """
    define(postgres_book, "tokens")
    postgres_book.record([event("1", n=3), event("2", customer=None, subject="ann")])
    postgres_book.work()
    void(postgres_book, "1")
    postgres_book.attribute("ann", "globex", effective_at=START)

    found = [look(postgres_book, "tokens", customer=c) for c in CUSTOMERS]
    at_2 = [look(postgres_book, "tokens", customer=c, place=2) for c in CUSTOMERS]
    assert [(r.units, r.provisional) for r in found] == [(0, True), (1, True)]
    assert [(r.units, r.provisional) for r in at_2] == [(3, False), (0, False)]

    postgres_book.work()
    found = [look(postgres_book, "tokens", customer=c) for c in CUSTOMERS]
    assert [(r.units, r.provisional) for r in found] == [(0, False), (1, False)]


@pytest.mark.parametrize("place", [None, 5])
def test_too_long_a_tail_is_behind(
    any_book: Book, monkeypatch: pytest.MonkeyPatch, place: int | None
) -> None:
    """
    Beyond what a reading folds, it answers for the last posted place, which it names.
    """
    monkeypatch.setattr(snapshots, "TAIL_ENTRIES_MAX", 3)
    define(any_book, "tokens")
    any_book.record([event("1"), event("2")])
    any_book.work()
    any_book.record([event(f"new {number}") for number in range(3)])
    number_all(any_book)
    assert look(any_book, "tokens", place=place).units == 5

    any_book.record([event("one more")])
    number_all(any_book)
    behind = look(any_book, "tokens", place=place)
    at_posted = look(any_book, "tokens", place=2)

    assert (behind.units, behind.behind, behind.provisional) == (2, True, False)
    assert behind.as_of.place == 2
    assert dataclasses.replace(behind, behind=False) == at_posted
    any_book.work()
    assert look(any_book, "tokens", place=place).units == (place or 6)
    assert not look(any_book, "tokens").behind


def test_a_pool_of_which_one_is_behind_is_of_one_place(
    any_book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the tail of one customer is too long, nobody's is counted in what is pooled.
    """
    monkeypatch.setattr(snapshots, "TAIL_ENTRIES_MAX", 3)
    define(any_book, "tokens")
    any_book.record([event("1"), event("2", customer="globex")])
    any_book.work()
    any_book.record([event(f"new {number}") for number in range(4)])
    any_book.record([event("3", customer="globex")])
    number_all(any_book)

    behind = pooled(any_book, "tokens")

    assert (behind.units, behind.behind, behind.as_of.place) == (2, True, 2)
    any_book.work()
    assert pooled(any_book, "tokens").units == 7
    assert pooled(any_book, "tokens", place=2).units == 2


def number_all(book: Book) -> None:
    """
    Give places, and post nothing.
    """
    with book._store.following() as follower:
        assert follower is not None
        follower.number()


def pooled(
    book: Book, key: str, *, by: tuple[str, ...] = (), place: int | None = None
) -> Reading:
    asked = Asked(meter_key=key, version=None, by=by, moment=NOW, place=place)
    with book._store.reading() as reader:
        [reading] = usage.read_pooled(
            reader, asked, customers=[*CUSTOMERS, "acme"], periods=PERIODS[:1]
        )
    return reading


@pytest.mark.parametrize("place", [-1, 3, 2**63, 10**30, True, 1.5, "1"])
def test_an_unknown_place_is_refused(any_book: Book, place: int) -> None:
    """
    A place that no entry has yet is an error that says which is the last.
    """
    define(any_book, "tokens")
    any_book.record([event("1"), event("2")])
    any_book.work()

    for ask in (look, pooled):
        with pytest.raises(errors.UnknownPlaceError, match="is 2"):
            ask(any_book, "tokens", place=place)


def test_pooled_usage_adds_up(any_book: Book) -> None:
    """
    Sums of customers add up, by group too; one who is named twice counts once.
    """
    define(any_book, "tokens", "average", "busy")
    any_book.record(
        [
            event("1", n=3),
            event("2", n=4, customer="globex"),
            event("3", n=8, customer="globex", model="xs"),
            event("4", n=100, customer="initech"),
        ]
    )
    for _ in range(2):
        tokens = pooled(any_book, "tokens", by=("model",))
        assert (tokens.units, tokens.customer_key) == (15, usage.EVERYBODY)
        assert [(g.group, g.units) for g in tokens.groups] == [
            ((("model", "xl"),), 7),
            ((("model", "xs"),), 8),
        ]
        assert pooled(any_book, "average").units == 5
        assert tokens.provenance.entries == 3
        any_book.work()


def test_a_key_of_two_customers_is_pooled_once(any_book: Book) -> None:
    """
    What two customers used is one key in the pool, from rollups and from the tail.
    """
    define(any_book, "keys")
    any_book.record([event("1", n=1), event("2", n=2)])
    any_book.work()
    any_book.record([event("3", n=2, customer="globex"), event("4", customer="globex")])

    for _ in range(2):
        each = [look(any_book, "keys", customer=c).units for c in CUSTOMERS]
        assert each == [2, 2]
        found = pooled(any_book, "keys", by=("model",))
        assert (found.units, found.provenance.entries) == (2, 4)
        assert [group.units for group in found.groups] == [2]
        any_book.work()


@pytest.mark.parametrize("key", ["peak", "latest", "held", "high"])
def test_levels_are_not_pooled(book: Book, key: str) -> None:
    """
    Peaks on different days do not add up, so levels of several are refused.
    """
    define(book, key)

    with pytest.raises(errors.InvalidQueryError, match="do not add up"):
        book.read_pooled(key, customers=CUSTOMERS, periods=PERIODS)


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_one_call_reads_one_snapshot(
    store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """
    What is recorded and worked on while many are being read is in none of them.
    """
    if store == "sqlite":
        book = Book.create(tmp_path / "usage.db", test_clock=NOW)
        other = Book.open(tmp_path / "usage.db")
        check_one_snapshot(book, other)
        book.close()
        other.close()
        return
    dsn = request.getfixturevalue("postgres_dsn")
    with on_postgres(dsn) as book, on_postgres(dsn) as other:
        check_one_snapshot(book, other)


def check_one_snapshot(book: Book, other: Book) -> None:
    define(book, "tokens")
    both = [event("1", n=5), event("2", n=5, customer="globex")]
    book.record(both)
    book.work()
    asked = Asked(meter_key="tokens", version=None, by=(), moment=NOW, place=None)
    with book._store.reading() as reader:
        readings = usage.read(reader, asked, customers=CUSTOMERS, periods=PERIODS[:1])
        found = [next(readings)]
        other.record([event("3", customer="globex"), event("4")])
        other.work()
        found += readings

    assert [(reading.units, reading.as_of.place) for reading in found] == [(5, 2)] * 2
    again = book.read_many("tokens", customers=CUSTOMERS, periods=PERIODS[:1])
    assert [reading.units for reading in again] == [6, 6]


def test_a_level_is_carried_in_by_the_tail(any_book: Book) -> None:
    """
    The level that a period begins with may be in rollups, in the tail before the
    period's first hour, or in that hour: the latest before the start holds.
    """
    define(any_book, "peak", "peaks", "latest")
    start = START + DAY + HOUR / 2
    period = Period(start, start + DAY)
    story = [
        (event("1", n=20, time=START), 20),
        (event("2", n=7, time=START - HOUR), 20),
        (event("3", n=5, time=START + HOUR), 5),
        (event("4", n=6, time=start - HOUR / 4), 6),
        (event("5", n=9, time=START + HOUR), 6),
        (event("6", n=1, time=start - HOUR / 4), 1),
    ]

    for told, carried in story:
        known = START if told.id == "1" else START - HOUR
        any_book.record([told])
        for _ in range(2):
            for key in ("peak", "peaks", "latest"):
                found = look(any_book, key, period=period)
                assert (found.carried_units, found.units) == (carried, carried)
                assert found.known_since == known
            any_book.work()
    void(any_book, "6")
    void(any_book, "4")
    assert look(any_book, "peak", period=period).units == 9
    any_book.work()
    assert look(any_book, "peak", period=period).units == 9


def test_nothing_later_than_as_of_is_carried_in(any_book: Book) -> None:
    """
    As of a moment before the period begins, a level that began after it is unknown.
    """
    define(any_book, "peak", "latest", "held", "high")
    begun = START + HOUR
    any_book.record([event("1", n=1, time=begun - HOUR / 4)])
    period = Period(begun, begun + DAY)
    for _ in range(2):
        for key in ("peak", "latest", "held", "high"):
            before = look(any_book, key, period=period, as_of=START)
            assert (before.units, before.carried_units) == (0, None)
            assert look(any_book, key, period=period).carried_units == 1
        any_book.work()


def test_who_pays_at_every_place(any_book: Book) -> None:
    """
    Nobody's, then globex's by an attribution, then void: each place says what was so.
    """
    define(any_book, "tokens")
    any_book.record([event("1", n=4, customer=None, subject="ann")])
    any_book.attribute("ann", "globex", effective_at=START - DAY)
    any_book.attribute("ann", "acme", effective_at=START - DAY)
    void(any_book, "1")
    number_all(any_book)

    def paid() -> list[tuple[object, ...]]:
        return [
            tuple(
                look(any_book, "tokens", customer=customer, place=place).units
                for customer in (NOBODY, "globex", "acme")
            )
            for place in (0, 1, 2, 3, 4, None)
        ]

    expected = [(0, 0, 0), (4, 0, 0), (0, 4, 0), (0, 4, 0), (0, 0, 0), (0, 0, 0)]
    assert paid() == expected
    for _ in range(5):
        work_once(any_book._store, entries_max=1)
        assert paid() == expected
    any_book.drop_rollups()
    assert paid() == expected
