"""
Explaining: the entries behind a number, page by page, add up to it.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterbook import Book, Period, errors
from meterbook.services.readings import walking
from meterbook.services.readings.explaining import PAGE_ENTRIES_MAX
from services.books import (
    DAY,
    HOUR,
    NOW,
    PERIODS,
    START,
    define,
    event,
    on_postgres,
    tell,
)


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.services.readings.explaining import ExplainedEntry


MICROSECOND = dt.timedelta(microseconds=1)
PERIOD = PERIODS[0]


@pytest.fixture
def postgres_book(postgres_dsn: str) -> Iterator[Book]:
    """
    Give an empty book in PostgreSQL, in which it is NOW.
    """
    with on_postgres(postgres_dsn) as book:
        yield book


def pages(  # noqa: PLR0913 - what can be asked, and in which pages
    book: Book,
    key: str,
    *,
    customer: str = "acme",
    period: Period = PERIOD,
    limit: int = 100,
    place: int | None = None,
) -> list[list[ExplainedEntry]]:
    """
    Return every page of an explanation.
    """
    found, after = [], None
    while True:
        page = book.explain(
            key,
            customer=customer,
            period=period,
            after=after,
            limit=limit,
            place=place,
        )
        found.append(page.entries)
        if page.next is None:
            return found
        after = page.next


def ids(entries: list[ExplainedEntry]) -> list[str]:
    return [entry.event_id for entry in entries]


def void(book: Book, id_: str) -> None:
    book.void(source="api", id=id_, actor="ops", reason="test")


MOMENTS = [
    START + HOUR,
    START + HOUR,
    START + HOUR,
    START,
    START + HOUR - MICROSECOND,
    START + DAY,
    START - 40 * DAY,
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_entries_add_up_to_the_reading(data: st.DataObject) -> None:
    """
    At every place, in pages of any size, over index rows fetched in pieces of any size:
    each entry is shown once, in order, and their units are the reading's.
    """
    drawn = data.draw(
        st.lists(
            st.builds(
                event,
                st.uuids().map(str),
                n=st.sampled_from([0, 1, 1, 7, "3", None]),
                time=st.sampled_from(MOMENTS),
                customer=st.sampled_from(["acme", "acme", "globex", None]),
                subject=st.just("ann"),
            ),
            min_size=1,
            max_size=14,
        )
    )
    owned = data.draw(st.booleans())
    voids = data.draw(st.lists(st.sampled_from([told.id for told in drawn])))
    period = Period(START, data.draw(st.sampled_from([START + DAY, NOW])))
    rows = data.draw(st.sampled_from([1, 2, 3, 2_048]))
    with pytest.MonkeyPatch.context() as patch, new_book() as book:
        patch.setattr(walking, "FETCH_ROWS", rows)
        define(book, "tokens")
        book.record(drawn)
        if owned:
            book.attribute("ann", "acme", effective_at=START - DAY)
        for id_ in dict.fromkeys(voids):
            void(book, id_)
        last = book.status().numbered_place
        for place in (None, data.draw(st.integers(0, last))):
            limit = data.draw(st.integers(1, 5))
            check_explained(book, period, place=place, limit=limit)


def new_book() -> Book:
    return Book.create(":memory:", test_clock=NOW)


def check_explained(
    book: Book, period: Period, *, place: int | None, limit: int
) -> None:
    """
    Check what is explained against the reading, and against one page of everything.
    """
    reading = book.read("tokens", customer="acme", period=period, place=place)
    cut = pages(book, "tokens", period=period, place=place, limit=limit)
    [whole] = pages(book, "tokens", period=period, place=place, limit=1_000)
    entries = [entry for page in cut for entry in page]
    counted = [entry for entry in entries if entry.role == "counted"]

    assert sum(entry.units or 0 for entry in counted) == reading.units
    assert len(counted) == reading.provenance.entries
    assert entries == whole
    assert all(len(page) == limit for page in cut[:-1])
    order = [(entry.occurred_at, entry.place or 0) for entry in entries]
    assert order == sorted(set(order))
    assert all(moment in period for moment, _ in order)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 2_048])
@pytest.mark.parametrize("limit", [1, 2, 3, 9, 10, 11])
def test_many_entries_of_one_instant_are_paged(
    monkeypatch: pytest.MonkeyPatch, book: Book, limit: int, rows: int
) -> None:
    """
    More entries of one moment than are fetched at a time are shown like any others.
    """
    monkeypatch.setattr(walking, "FETCH_ROWS", rows)
    define(book, "tokens")
    times = [START] + [START + HOUR] * 8 + [START + DAY]
    book.record([event(str(i), time=time) for i, time in enumerate(times)])

    found = pages(book, "tokens", limit=limit)

    assert [one for page in found for one in ids(page)] == [str(i) for i in range(10)]


def test_the_level_carried_in_is_shown_first(book: Book) -> None:
    """
    A level's explanation begins with the entry that the period begins with; one that
    was replaced before, or that is void, is not shown.
    """
    define(book, "peak")
    period = Period(START + HOUR, START + DAY)
    book.record(
        [
            event("replaced", n=40, time=START),
            event("carried", n=20, time=START),
            event("inside", n=5, time=START + 2 * HOUR),
            event("after", n=50, time=START + DAY),
        ]
    )

    [found] = pages(book, "peak", period=period)
    assert [(one.event_id, one.role, one.units) for one in found] == [
        ("carried", "carried in", 20),
        ("inside", "counted", 5),
    ]
    first, second = pages(book, "peak", period=Period(START, NOW), limit=2)
    assert ids(first + second) == ["replaced", "carried", "inside", "after"]
    void(book, "carried")
    [found] = pages(book, "peak", period=period)
    assert [(one.event_id, one.role) for one in found] == [
        ("replaced", "carried in"),
        ("inside", "counted"),
    ]


def test_every_group_has_a_level_carried_in(book: Book) -> None:
    """
    Where levels are told apart by group, each of them is explained.
    """
    define(book, "latest")
    book.record(
        [
            event("xl", n=4, model="xl"),
            event("xs", n=2, model="xs", time=START - DAY),
            event("xs again", n=3, model="xs"),
        ]
    )

    [found] = pages(book, "latest", period=Period(START + HOUR, NOW))

    roles = {(one.event_id, one.role, one.group) for one in found}
    assert roles == {
        ("xl", "carried in", '["xl"]'),
        ("xs again", "carried in", '["xs"]'),
    }
    reading = book.read("latest", customer="acme", period=Period(START + HOUR, NOW))
    assert reading.units == sum(one.units or 0 for one in found) == 7


def test_what_is_unusable_is_shown_with_its_reason(book: Book) -> None:
    """
    An entry that the meter should read and cannot take says why, and one that is void
    is not shown at all.
    """
    define(book, "tokens", "models")
    book.record(
        [event("1", n=None), event("2", n=2), event("3", n=3), event("4", n="x")]
    )
    void(book, "3")
    void(book, "4")

    [found] = pages(book, "tokens")
    [keys] = pages(book, "models")

    assert [(one.event_id, one.role, one.units) for one in found] == [
        ("1", "unusable", None),
        ("2", "counted", 2),
    ]
    assert found[0].reason
    assert found[1].reason is None
    assert [(one.event_id, one.key) for one in keys if one.role == "counted"] == [
        ("2", '["xl",2]')
    ]


def test_a_page_at_a_place_is_what_was_known_there(book: Book) -> None:
    """
    As of an older place a void since then is not known, and its entry is shown.
    """
    define(book, "tokens")
    book.record([event("1"), event("2", customer=None, subject="ann")])
    void(book, "1")
    book.attribute("ann", "acme", effective_at=START)

    found = [
        [one for page in pages(book, "tokens", place=place) for one in ids(page)]
        for place in range(5)
    ]

    assert found == [[], ["1"], ["1"], [], ["2"]]


def test_the_tail_without_places_is_explained(postgres_book: Book) -> None:
    """
    What has no place yet is explained with the rest, in order, in pages of any size.
    """
    define(postgres_book, "tokens")
    tell(postgres_book, range(12))
    postgres_book.work()
    tell(postgres_book, range(12, 30))

    for customer in ("acme", "globex"):
        reading = postgres_book.read("tokens", customer=customer, period=PERIOD)
        assert reading.provisional
        [whole] = pages(postgres_book, "tokens", customer=customer, limit=1_000)
        assert any(one.place is None for one in whole)
        assert sum(one.units or 0 for one in whole) == reading.units
        for limit in (1, 2, 5):
            cut = pages(postgres_book, "tokens", customer=customer, limit=limit)
            assert [one for page in cut for one in page] == whole

        postgres_book.work()
        [after] = pages(postgres_book, "tokens", customer=customer, limit=1_000)
        assert [(one.occurred_at, one.units) for one in after] == [
            (one.occurred_at, one.units) for one in whole
        ]
        assert all(one.place for one in after)
        tell(postgres_book, range(30, 36))


@pytest.mark.parametrize(
    "after", ["", ":", "1", "1:", ":1", "x:1", "1:2:3", "1.5:1", "null"]
)
def test_a_cursor_of_nobody_is_refused(book: Book, after: str) -> None:
    """
    A cursor that no page gave is an error that repeats it.
    """
    define(book, "tokens")
    book.record([event("1")])

    with pytest.raises(errors.InvalidQueryError, match="cursor"):
        book.explain("tokens", customer="acme", period=PERIOD, after=after)


@pytest.mark.parametrize(
    "after", ["0:0", f"{-(2**80)}:1", f"1:{2**80}", f"{2**80}:-1", "-1:-1"]
)
def test_a_cursor_far_away_does_no_harm(book: Book, after: str) -> None:
    """
    A cursor that could be one, but is far outside, shows what is in the period after
    it, or is refused.
    """
    define(book, "tokens")
    book.record([event("1"), event("before", time=START - 40 * DAY)])

    try:
        page = book.explain("tokens", customer="acme", period=PERIOD, after=after)
    except errors.InvalidQueryError:
        return
    assert ids(page.entries) in (["1"], [])


@pytest.mark.parametrize("limit", [0, -1, PAGE_ENTRIES_MAX + 1])
def test_a_limit_of_no_page_is_refused(book: Book, limit: int) -> None:
    """
    A page has at least one entry, and not more than a page.
    """
    define(book, "tokens")

    with pytest.raises(errors.InvalidQueryError, match="limit"):
        book.explain("tokens", customer="acme", period=PERIOD, limit=limit)
