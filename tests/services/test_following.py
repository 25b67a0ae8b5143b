"""
The worker: however it is cut, stopped or delayed, it comes to the same rows.
"""

from __future__ import annotations

import contextlib

from typing import TYPE_CHECKING, cast

import pytest

from meterbook import Book
from meterbook.foundation.instants import to_micros
from meterbook.ports import VOID
from meterbook.services.entries.controls import VOID_SOURCE, VOID_TYPE, control_row
from meterbook.services.worker import following
from meterbook.services.worker.following import Step, catch_up, work_once
from meterbook.stores.postgres.sessions import Session
from meterbook.stores.postgres.writing import PostgresWriter
from services.books import (
    NOW,
    TYPE,
    define,
    derived,
    event,
    everything,
    look,
    on_postgres,
    tell,
)
from stores.postgres_books import transaction
from stores.promise_runs import METERS


if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from meterbook.ports import Follower, NewEntry, Store, Writer


LATE = ["tokens", "latest", "peaks", "models", "busy"]
EARLY = [key for key in METERS if key not in LATE]


class Broken(Exception):  # noqa: N818 - no error of anybody's
    """
    What a test breaks a step of the worker with.
    """


class Breaking:
    """
    A store whose worker breaks at its call number *at*.
    """

    def __init__(self, store: Store, *, at: int) -> None:
        self._store = store
        self.calls_left = at

    def draining(self) -> AbstractContextManager[Writer | None]:
        return self._store.draining()

    @contextlib.contextmanager
    def following(self) -> Iterator[Follower | None]:
        with self._store.following() as follower:
            assert follower is not None
            yield cast("Follower", BreakingFollower(follower, self))


class BreakingFollower:
    """
    A follower that hands every call on, until the one at which it breaks.
    """

    def __init__(self, follower: Follower, breaking: Breaking) -> None:
        self._follower = follower
        self._breaking = breaking

    def __getattr__(self, name: str) -> object:
        self._breaking.calls_left -= 1
        if self._breaking.calls_left == 0:
            raise Broken
        return getattr(self._follower, name)


def void_of(entry_id: int) -> NewEntry:
    return control_row(
        VOID,
        source=VOID_SOURCE,
        event_id=str(entry_id),
        type_=VOID_TYPE,
        actor_id=None,
        occurred_at=to_micros(NOW),
        data={"reason": "test"},
        now=to_micros(NOW),
    )


def new_book() -> Book:
    return Book.create(":memory:", test_clock=NOW)


@pytest.fixture(params=["sqlite", "postgres"])
def any_book(request: pytest.FixtureRequest) -> Iterator[Book]:
    """
    Give an empty book in either store, in which it is NOW.
    """
    if request.param == "sqlite":
        with new_book() as book:
            yield book
        return
    with on_postgres(request.getfixturevalue("postgres_dsn")) as book:
        yield book


@pytest.mark.parametrize("entries_max", [1, 2, 3, 50_000])
@pytest.mark.parametrize("count", [25, 60])
def test_steps_of_any_size_come_to_the_same_rows(count: int, entries_max: int) -> None:
    """
    One entry at a time or all at once: the same readings, rows, and a sound book.
    """
    with new_book() as book, new_book() as other:
        for each in (book, other):
            define(each)
            tell(each, range(count))
        before = everything(book)
        step = catch_up(book._store, entries_max=entries_max)
        catch_up(other._store)

        assert step.posted == book.status().numbered_place
        assert everything(book) == before == everything(other)
        assert derived(book) == derived(other)
        assert book.verify().problems == []


@pytest.mark.parametrize("part", [1, 3])
def test_a_step_may_be_taken_in_any_parts(
    any_book: Book, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Taken in parts, with voids and attributions of what is in another part: the same
    rows.
    """
    with new_book() as other:
        for each in (any_book, other):
            define(each)
            tell(each, range(40))
        catch_up(other._store)
        monkeypatch.setattr(following, "PART_ENTRIES_MAX", part)
        catch_up(any_book._store)

        assert everything(any_book) == everything(other)
        assert same_rows(any_book, other)
        assert any_book.verify().problems == []


@pytest.mark.parametrize("part", [1, 9])
def test_what_was_void_before_it_was_placed_never_counts(
    postgres_dsn: str, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The transaction of a void may have begun before that of its event, and then its
    place comes first: the event is counted by type, and posted to nobody.
    """
    monkeypatch.setattr(following, "PART_ENTRIES_MAX", part)
    with on_postgres(postgres_dsn) as book:
        define(book, "tokens")
        with transaction(postgres_dsn) as early:
            early.execute(b"SELECT pg_current_xact_id()")
            book.record([event("void"), event("stands")])
            with book._store.reading() as reader:
                target = reader.entry(source="api", event_id="void")
            assert target is not None
            writer = PostgresWriter(Session(early, schema="meterbook"))
            writer.append([void_of(target.entry_id)])
            early.execute(b"COMMIT")
        step = catch_up(book._store)

        assert step.posted == 3
        rows = derived(book)
        assert [row[3:] for row in rows["postings"]] == [(3, 3, 1)]
        assert rows["types"] == [(TYPE, 2)]
        assert look(book, "tokens").units == 1
        assert book.verify().problems == []


@pytest.mark.parametrize("entries_max", [1, 4])
def test_the_worker_may_work_between_any_two_entries(entries_max: int) -> None:
    """
    Entries that come while it works have the effect that they would have had before.
    """
    with new_book() as book, new_book() as other:
        define(book)
        define(other)
        for number in range(40):
            tell(book, [number])
            tell(other, [number])
            if number % 3 == 0:
                work_once(book._store, entries_max=entries_max)
        catch_up(book._store)
        catch_up(other._store)

        assert derived(book) == derived(other)
        assert book.verify().problems == []


def test_a_step_that_fails_leaves_nothing_half_done(any_book: Book) -> None:
    """
    Broken at any call it makes, a step has done nothing; the next run does all of it.
    """
    with new_book() as other:
        for each in (any_book, other):
            define(each, "peaks", "models")
            tell(each, range(9))
            catch_up(each._store)
            define(each, "tokens", "latest")
            tell(each, range(9, 13))
        catch_up(other._store)

        assert break_everywhere(any_book) > 50
        assert same_rows(any_book, other)
        assert any_book.verify().problems == []


def break_everywhere(book: Book) -> int:
    """
    Work to the end, each step only after it broke at each of its calls; count those.
    """
    broken = 0
    while True:
        before = derived(book)
        at = 1
        while (step := step_that_breaks(book, at=at)) is None:
            assert derived(book) == before
            at += 1
            broken += 1
        if step.idle:
            return broken


def step_that_breaks(book: Book, *, at: int) -> Step | None:
    """
    Work once and return what was done; None if it broke before its end.
    """
    try:
        return work_once(cast("Store", Breaking(book._store, at=at)), entries_max=5)
    except Broken:
        return None


def same_rows(book: Book, other: Book) -> bool:
    """
    Tell whether all that was derived is the same, but for the ids of entries.
    """
    rows, others = derived(book), derived(other)
    ours = {void[1] for void in rows.pop("voids")}
    return ours == {void[1] for void in others.pop("voids")} and rows == others


def test_a_later_meter_catches_up_while_others_go_on(any_book: Book) -> None:
    """
    A meter defined later comes to what it would have been, whatever comes meanwhile:
    events, voids of what it has seen and has not, attributions; and it is right on the
    way.
    """
    define(any_book, *EARLY)
    tell(any_book, range(12))
    any_book.work()
    with new_book() as other:
        define(other, *EARLY)
        tell(other, range(12))
        for each in (any_book, other):
            define(each, *LATE)

        for number in range(12, 27):
            for each in (any_book, other):
                tell(each, [number])
            work_once(any_book._store, entries_max=3)
            if number % 5 == 0:
                assert said(any_book) == said(other)
        catch_up(any_book._store, entries_max=3)
        catch_up(other._store)

        assert everything(any_book) == everything(other)
        assert same_rows(any_book, other)
        assert any_book.verify().problems == []


def said(book: Book) -> list[tuple[object, ...]]:
    """
    Return what every reading says, without where in the book it was read.
    """
    return [
        (reading.units, reading.last_units, reading.known_since, reading.peak_at)
        for reading in everything(book)
    ]


def test_a_later_meter_is_not_kept_waiting_for_ever(any_book: Book) -> None:
    """
    Where something new comes before every step, the meters behind catch up all the
    same.
    """
    define(any_book, "tokens")
    tell(any_book, range(10))
    any_book.work()
    define(any_book, "latest")

    for number in range(20):
        any_book.record([event(f"new {number}")])
        work_once(any_book._store, entries_max=5)

    status = any_book.status()
    assert [meter.rolled_place for meter in status.meters] == [status.posted_place] * 2


def test_a_busy_worker_is_left_alone(postgres_dsn: str) -> None:
    """
    While one worker is in its step another one does nothing, and says so.
    """
    with on_postgres(postgres_dsn) as book, on_postgres(postgres_dsn) as other:
        define(book)
        tell(book, range(5))
        with book._store.following() as follower:
            assert follower is not None
            assert work_once(other._store) == Step(busy=True)
            assert other.work() == Step(busy=True)
            assert not other.drop_rollups()
            assert not Step(busy=True).idle
        assert other.work().posted == book.status().numbered_place


def test_dropped_rollups_are_built_again_row_by_row(any_book: Book) -> None:
    """
    What grew entry by entry, with late ones, voids and moves, is what is built at once.
    """
    define(any_book)
    for number in range(45):
        tell(any_book, [number])
        if number % 4 == 0:
            any_book.work(until_caught_up=False)
    any_book.work()
    before = derived(any_book)

    assert len(before["rollups"]) > 100
    for entries_max in (50_000, 7):
        assert any_book.drop_rollups()
        assert derived(any_book)["rollups"] == []
        step = catch_up(any_book._store, entries_max=entries_max)
        assert step.posted == 0
        assert derived(any_book) == before


def test_one_meter_is_rebuilt_alone(any_book: Book) -> None:
    """
    Forgetting one meter leaves the rows of the others alone, and brings its own back.
    """
    define(any_book, "tokens", "models")
    tell(any_book, range(30))
    any_book.work()
    before = derived(any_book)

    assert any_book.drop_rollups("models")
    between = derived(any_book)
    any_book.work()

    assert between["sightings"] == []
    assert set(between["rollups"]) < set(before["rollups"])
    assert derived(any_book) == before
