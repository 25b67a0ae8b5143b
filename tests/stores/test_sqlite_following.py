"""
What the worker derives in a SQLite book, and what is read of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meterbook.foundation.instants import DAY, HOUR, month_of
from meterbook.ports import (
    NOBODY,
    Bucket,
    Effect,
    Marks,
    Posting,
    Sighting,
    StoredEntry,
)
from meterbook.stores.sqlite import SqliteStore
from stores.sqlite_books import NOON, row, rows


if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterbook.stores.sqlite.following import SqliteFollower

MONTH, NEXT_MONTH = month_of(NOON)
MONTH_AFTER = month_of(NEXT_MONTH)[1]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    store = SqliteStore.create(":memory:")
    yield store
    store.close()


def bucket(at: int, *, hours: int = 1, grp: str = "", state: str = "[1]") -> Bucket:
    return Bucket(1, "acme", 1 if grp else 0, hours, at, grp, state)


def stored(follower: SqliteFollower, *, meter_id: int = 1) -> list[Bucket]:
    """
    Return the rollups of acme: hours first, then days; all groups together first.
    """
    return [
        row
        for hours in (1, 24)
        for grouped in (0, 1)
        for row in follower.buckets(
            meter_id=meter_id,
            customer="acme",
            grouped=grouped,
            hours=hours,
            start=0,
            end=NEXT_MONTH,
        )
    ]


def sighting(key: str, *, month: int = MONTH, first: int, last: int) -> Sighting:
    return Sighting(1, "acme", 0, month, "", key, first, last)


def test_every_entry_has_its_place_at_once(store: SqliteStore) -> None:
    """
    Entries are numbered when they are appended; what waits is to be posted.
    """
    store.append(rows("a", "b", "c"))

    with store.following() as follower:
        assert follower.number() == 3
        assert follower.marks() == Marks(3, 0)
        assert [event[0] for event in follower.stated(after=1, upto=2).events] == [2]
        follower.set_posted(2)
        assert follower.number() == 1

    with store.reading() as reader:
        assert reader.marks() == Marks(3, 2)
        assert reader.unposted_count(limit=5) == 1
        assert reader.unposted_count(limit=0) == 0


def test_effects_are_postings_with_what_their_events_say(store: SqliteStore) -> None:
    """
    Postings are read by customer, type and stretch, as of a place, in order.
    """
    store.append([row("a", subject_id=7, data='{"n":1}'), row("b", actor_id=8)])
    late, early = Posting("acme", "t", 20, 1, 1, 1), Posting("acme", "t", 10, 2, 2, 1)
    with store.following() as follower:
        follower.post(
            [
                late,
                early,
                early._replace(seq=3, sign=-1),
                early._replace(customer="other"),
                early._replace(type="pages"),
            ]
        )

    with store.reading() as reader:
        ask: dict[str, Any] = {"customer": "acme", "type_": "t"}
        assert reader.effects(**ask, start=10, end=21, upto=3) == [
            Effect(2, 2, 1, 10, "app", None, 8, '{"tokens":1}'),
            Effect(2, 3, -1, 10, "app", None, 8, '{"tokens":1}'),
            Effect(1, 1, 1, 20, "app", 7, None, '{"n":1}'),
        ]
        assert [e.seq for e in reader.effects(**ask, start=10, end=20, upto=2)] == [2]
        assert reader.first_effect_at(**ask) == 10
        assert reader.first_effect_at(customer="acme", type_="none") is None


def test_effects_can_be_read_in_part(store: SqliteStore) -> None:
    """
    With a limit, the first effects in order are read.
    """
    store.append(rows("a", "b"))
    with store.following() as follower:
        follower.post(
            Posting("acme", "t", 9 - place, place, place, 1) for place in (1, 2)
        )
        ask: dict[str, Any] = {"customer": "acme", "type_": "t", "upto": 9}

        found = follower.effects(**ask, start=0, end=99, limit=1)
        assert [effect.place for effect in found] == [2]
        assert follower.effects(**ask, start=0, end=99, limit=0) == []


def test_corrections_are_what_voids_and_attributions_did(store: SqliteStore) -> None:
    """
    Corrections are found by the places that made them, without the events' own.
    """
    store.append(rows("a", "b"))
    moved = [Posting(NOBODY, "t", 9, 1, 3, -1), Posting("acme", "t", 9, 1, 3, 1)]
    void = Posting("acme", "t", 9, 2, 4, -1)
    with store.following() as follower:
        follower.post([Posting(NOBODY, "t", 9, 1, 1, 1), void, *moved])

        assert follower.corrections(after=0, upto=9) == [*moved, void]
        assert follower.corrections(after=3, upto=4) == [void]
        assert follower.corrections(after=2, upto=3) == moved


def test_customers_are_those_with_postings(store: SqliteStore) -> None:
    """
    Customers are listed once, in order, of one type or of all; nobody is none.
    """
    store.append(rows("a"))
    one = Posting("b", "t", 10, 1, 1, 1)
    with store.following() as follower:
        follower.post(
            one._replace(customer=customer, type=type_)
            for customer, type_ in [
                ("b", "t"),
                ("b", "u"),
                (NOBODY, "t"),
                ("a", "u"),
                ("é", "t"),
            ]
        )

    with store.reading() as reader:
        assert reader.customers() == ["a", "b", "é"]
        assert reader.customers(type_="t") == ["b", "é"]
        assert reader.customers(type_="none") == []


def test_posting_again_changes_nothing(store: SqliteStore) -> None:
    """
    A posting that is there already is there once.
    """
    store.append(rows("a"))
    with store.following() as follower:
        follower.post([Posting("acme", "t", 10, 1, 1, 1)] * 2)
        found = follower.effects(customer="acme", type_="t", start=0, end=99, upto=9)

    assert len(found) == 1


def test_what_nobody_pays_for_is_found_by_subject(store: SqliteStore) -> None:
    """
    Events under nobody are found until they are attributed or void.
    """
    store.append([row(str(n), subject_id=n % 2, customer=None) for n in range(1, 7)])
    with store.following() as follower:
        follower.post(Posting(NOBODY, "t", 10, n, n, 1) for n in range(1, 7))
        follower.post([Posting(NOBODY, "t", 10, 1, 7, -1)])

        assert [entry.seq for entry in follower.unattributed([1])] == [3, 5]
        follower.add_voids([(5, 8)])
        assert [entry.seq for entry in follower.unattributed([1])] == [3]
        assert [entry.seq for entry in follower.unattributed([0, 1])] == [2, 3, 4, 6]
        assert follower.unattributed([9]) == []


def test_the_first_void_holds(store: SqliteStore) -> None:
    """
    An entry is void since the place of its first void.
    """
    with store.following() as follower:
        follower.add_voids([(1, 5), (2, 6), (1, 7)])

    with store.reading() as reader:
        assert reader.voided([1, 2, 3]) == {1: 5, 2: 6}


def test_events_are_counted_by_type(store: SqliteStore) -> None:
    """
    Counts add up.
    """
    with store.following() as follower:
        follower.count_types({"t": 2, "u": 1})
        follower.count_types({"t": 3})

    with store.reading() as reader:
        assert reader.types() == {"t": 5, "u": 1}


def test_a_rollup_is_replaced(store: SqliteStore) -> None:
    """
    The state that was put last is the state.
    """
    with store.following() as follower:
        follower.put_buckets([bucket(0), bucket(HOUR)])
        follower.put_buckets([bucket(0, state="[2]")])

        assert stored(follower) == [bucket(0, state="[2]"), bucket(HOUR)]


def test_a_rollup_is_added_where_there_is_none(store: SqliteStore) -> None:
    """
    What is there stays, and is answered; the rest is written.
    """
    with store.following() as follower:
        follower.put_buckets([bucket(0)])
        added = [bucket(at, state="[2]") for at in (0, HOUR, 30 * DAY)]

        assert follower.add_buckets(added) == [bucket(0)]
        assert stored(follower) == [bucket(0), *added[1:]]


def test_rollups_are_read_by_stretch(store: SqliteStore) -> None:
    """
    A stretch of rollups is half-open; groups and days are rows of their own.
    """
    hours = [bucket(at) for at in (0, HOUR, 2 * HOUR)]
    with store.following() as follower:
        follower.put_buckets([*hours, bucket(HOUR, grp="g"), bucket(0, hours=24)])

    ask: dict[str, Any] = {
        "meter_id": 1,
        "customer": "acme",
        "start": 0,
        "end": 2 * HOUR,
    }
    with store.reading() as reader:
        assert reader.buckets(**ask, grouped=0, hours=1) == hours[:2]
        assert reader.buckets(**ask, grouped=1, hours=1) == [bucket(HOUR, grp="g")]
        assert reader.buckets(**ask, grouped=0, hours=24) == [bucket(0, hours=24)]


def test_the_last_and_the_first_hour_of_each_group_are_found(
    store: SqliteStore,
) -> None:
    """
    What a level carries in is its latest hour before a moment, for each group.
    """
    a = [bucket(at, grp="a", state=f"[{at}]") for at in (0, HOUR, 2 * HOUR)]
    b = [bucket(at, grp="b", state=f"[{at}]") for at in (HOUR, 3 * HOUR)]
    whole = [bucket(at) for at in (0, HOUR)]
    with store.following() as follower:
        follower.put_buckets([*a, *b, *whole, bucket(0, hours=24)])

    ask: dict[str, Any] = {"meter_id": 1, "customer": "acme"}
    with store.reading() as reader:
        assert reader.last_buckets(**ask, grouped=1, before=2 * HOUR) == [a[1], b[0]]
        assert reader.last_buckets(**ask, grouped=0, before=DAY) == [whole[1]]
        assert reader.last_buckets(**ask, grouped=0, before=0) == []
        assert reader.first_buckets(**ask, grouped=1) == [a[0], b[0]]
        assert reader.first_buckets(**ask, grouped=0) == [whole[0]]


def test_owners_have_rollups_or_sightings(store: SqliteStore) -> None:
    """
    The owners of a meter version's rollups are listed once, nobody included.
    """
    seen = sighting("k", first=MONTH, last=MONTH)
    with store.following() as follower:
        follower.put_buckets(
            [
                bucket(0),
                bucket(HOUR),
                bucket(0)._replace(customer=NOBODY),
                bucket(0)._replace(customer="other", meter_id=2),
            ]
        )
        follower.widen_sightings([seen, seen._replace(customer="sighted")])

        assert follower.bucket_owners(meter_id=1) == [NOBODY, "acme", "sighted"]
        assert follower.bucket_owners(meter_id=2) == ["other"]
        assert follower.bucket_owners(meter_id=3) == []


def test_an_hour_is_dropped_with_its_groups(store: SqliteStore) -> None:
    """
    Dropping an hour takes the row of all together and the rows of its groups.
    """
    stays = [bucket(HOUR), bucket(0, hours=24)]
    with store.following() as follower:
        follower.put_buckets([bucket(0), bucket(0, grp="g"), *stays])
        follower.drop_buckets(meter_id=1, customer="acme", hours=1, bucket=0)

        assert stored(follower) == stays


def test_a_sighting_only_widens(store: SqliteStore) -> None:
    """
    Of a sighting that exists, the earlier first and the later last stay.
    """
    with store.following() as follower:
        for first, last in [(5, 6), (3, 4), (7, 9), (5, 5)]:
            follower.widen_sightings(
                [sighting("k", first=MONTH + first, last=MONTH + last)]
            )
        ask: dict[str, Any] = {"meter_id": 1, "customer": "acme", "grouped": 0}

        found = list(follower.sightings(**ask, start=MONTH, end=NEXT_MONTH))
        assert found == [sighting("k", first=MONTH + 3, last=MONTH + 9)]

        follower.drop_sightings(meter_id=1, customer="acme", month=MONTH)
        assert list(follower.sightings(**ask, start=MONTH, end=NEXT_MONTH)) == []


def test_sightings_that_meet_a_stretch_are_read(store: SqliteStore) -> None:
    """
    A sighting meets a stretch if it was not over at its start, nor begins at its end.
    """
    kept = [
        sighting("over", first=MONTH, last=MONTH + 9),
        sighting("meets", first=MONTH, last=MONTH + 10),
        sighting("spans", first=MONTH, last=MONTH + 99),
        sighting("begins", first=MONTH + 20, last=MONTH + 20),
    ]
    with store.following() as follower:
        follower.widen_sightings(kept)
        ask: dict[str, Any] = {"meter_id": 1, "customer": "acme", "grouped": 0}

        found = follower.sightings(**ask, start=MONTH + 10, end=MONTH + 20)

        assert [each.key for each in found] == ["meets", "spans"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(MONTH, NEXT_MONTH, (2, 0), id="a month"),
        pytest.param(MONTH, MONTH_AFTER, (2, 0), id="two months, each key once"),
        pytest.param(MONTH + 2, MONTH + 4, (1, 1), id="inside: one cannot tell"),
        pytest.param(MONTH + 1, MONTH + 3, (1, 1), id="a first at the start counts"),
        pytest.param(MONTH + 3, MONTH + 8, (0, 1), id="a last at the end does not"),
        pytest.param(MONTH + 9, NEXT_MONTH + 1, (1, 0), id="over the month's end"),
        pytest.param(NEXT_MONTH, MONTH_AFTER, (1, 0), id="the next month"),
        pytest.param(MONTH_AFTER, MONTH_AFTER + 1, (0, 0), id="nothing"),
    ],
)
def test_keys_are_counted_where_they_were_surely_seen(
    store: SqliteStore, start: int, end: int, expected: tuple[int, int]
) -> None:
    """
    A key counts once if a first or last sighting is inside; a row around cannot tell.
    """
    with store.following() as follower:
        follower.widen_sightings(
            [
                sighting("k", first=MONTH, last=MONTH + 9 - 1),
                sighting("m", first=MONTH + 1, last=MONTH + 2),
                sighting("k", month=NEXT_MONTH, first=NEXT_MONTH, last=NEXT_MONTH + 5),
            ]
        )

        assert (
            follower.count_sightings(
                meter_id=1, customer="acme", start=start, end=end
            )
            == expected
        )  # fmt: skip


def test_unusable_events_are_listed_until_they_are_void(store: SqliteStore) -> None:
    """
    What a meter could not take is listed with its first reason, without the voided.
    """
    store.append(rows("a", "b", "c"))
    with store.following() as follower:
        follower.add_unusable([(1, 3, "late"), (1, 1, "no"), (1, 2, "x"), (2, 1, "y")])
        follower.add_unusable([(1, 1, "again")])
        follower.add_voids([(2, 9)])

    with store.reading() as reader:
        a, c = StoredEntry(1, 1, *row("a")), StoredEntry(3, 3, *row("c"))
        assert reader.unusable(meter_id=1, after=0, limit=9) == [
            (1, "no", a),
            (3, "late", c),
        ]
        assert reader.unusable(meter_id=1, after=1, limit=9) == [(3, "late", c)]


@pytest.mark.parametrize("meter_id", [1, None])
def test_rollups_are_forgotten(store: SqliteStore, meter_id: int | None) -> None:
    """
    What is forgotten is gone with its mark; other meters keep theirs.
    """
    store.append(rows("a"))
    other = bucket(0)._replace(meter_id=2)
    with store.following() as follower:
        follower.put_buckets([bucket(0), other])
        follower.widen_sightings([sighting("k", first=MONTH, last=MONTH)])
        follower.add_unusable([(1, 1, "no")])
        follower.forget_rollups(meter_id)

        assert stored(follower, meter_id=1) == []
        assert stored(follower, meter_id=2) == ([other] if meter_id else [])
        assert follower.unusable(meter_id=1, after=0, limit=9) == []
        assert follower.count_sightings(
            meter_id=1, customer="acme", start=MONTH, end=NEXT_MONTH
        ) == (0, 0)
