"""
What the worker derives in a book in PostgreSQL, and what is read of it.
"""

from __future__ import annotations

import random

from typing import TYPE_CHECKING

import pytest

import servers

from meterbook.ports import NOBODY, VOID, Bucket, Posting, Sighting
from stores.postgres_books import offer, offers


if TYPE_CHECKING:
    from meterbook.stores.postgres import PostgresStore


HOUR = 3_600_000_000
JANUARY = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
FEBRUARY = JANUARY + 31 * 24 * HOUR
MARCH = FEBRUARY + 28 * 24 * HOUR


def test_postings_are_the_effects_of_a_stretch(postgres_store: PostgresStore) -> None:
    """
    Effects are in order, inside the stretch, as of a place, and say what was stated.
    """
    rows = [offer(f"e{i}", subject_id=i, data=f'{{"n":{i}}}') for i in range(1, 5)]
    postgres_store.append([*rows, offer("v", kind=VOID)])
    with postgres_store.following() as follower:
        assert follower is not None
        follower.number()
        follower.post(
            [
                Posting("acme", "tokens", 30, 3, 3, 1),
                Posting("acme", "tokens", 10, 1, 1, 1),
                Posting("acme", "tokens", 10, 1, 5, -1),
                Posting("acme", "seats", 20, 2, 2, 1),
                Posting(NOBODY, "tokens", 40, 4, 4, 1),
                Posting("b\tc\\", "tokens", 40, 4, 4, 1),
            ]
        )
        follower.post([])
        follower.set_posted(5)
        assert follower.corrections(after=0, upto=5) == [
            ("acme", "tokens", 10, 1, 5, -1)
        ]
        assert follower.corrections(after=5, upto=9) == []

    with postgres_store.reading() as reader:
        everything = {"customer": "acme", "type_": "tokens", "start": 0, "end": 99}
        effects = reader.effects(**everything, upto=9)  # type: ignore[arg-type]  # a mapping
        assert [(e.place, e.seq, e.sign, e.data) for e in effects] == [
            (1, 1, 1, '{"n":1}'),
            (1, 5, -1, '{"n":1}'),
            (3, 3, 1, '{"n":3}'),
        ]
        assert (effects[2].source, effects[2].subject_id) == ("ci", 3)
        assert (
            reader.effects(
                customer="acme", type_="tokens", start=10, end=30, upto=4, limit=9
            )
            == effects[:1]
        )
        assert reader.marks() == (5, 5)
        assert reader.first_effect_at(customer="acme", type_="tokens") == 10
        assert reader.first_effect_at(customer="acme", type_="none") is None
        assert reader.customers() == ["acme", "b\tc\\"]
        assert reader.customers(type_="seats") == ["acme"]


def test_events_of_nobody_are_found_by_subject(postgres_store: PostgresStore) -> None:
    """
    An event is nobody's while its postings under nobody add up, and it is not void.
    """
    rows = [offer(f"e{i}", customer=None, subject_id=i % 2) for i in range(6)]
    ids = postgres_store.append(rows).entry_ids
    with postgres_store.following() as follower:
        assert follower is not None
        follower.number()
        follower.post(Posting(NOBODY, "tokens", 1, p, p, 1) for p in range(1, 7))
        follower.post([Posting(NOBODY, "tokens", 1, 2, 9, -1)])
        follower.add_voids([(ids[3], 8)])
        follower.add_voids([(ids[3], 9)])
        follower.add_voids([])

    with postgres_store.reading() as reader:
        found = reader.unattributed([1])
        assert reader.unattributed([]) == []
        assert reader.voided([]) == {}
        assert reader.voided(ids) == {ids[3]: 8}
    assert [entry.seq for entry in found] == [6]


def test_buckets_are_put_and_dropped(postgres_store: PostgresStore) -> None:
    """
    The last state put stays; ends are half-open; first and last hours are by group.
    """
    buckets = [
        Bucket(1, "acme", 0, 1, hour * HOUR, "", f"[{hour}]") for hour in range(5)
    ] + [
        Bucket(1, "acme", 1, 1, hour * HOUR, group, "[]")
        for group, hours in (('["a"]', (1, 3)), ('["b"]', (2,)))
        for hour in hours
    ]
    with postgres_store.following() as follower:
        assert follower is not None
        follower.put_buckets([])
        follower.put_buckets(buckets)
        follower.put_buckets([buckets[0]._replace(state="[old]"), buckets[1]])
        follower.put_buckets([buckets[0]._replace(state="[7]\t\\")])
        assert follower.add_buckets([]) == []
        fresh = Bucket(9, "acme", 0, 1, 0, "", "[1]\t\\")
        stored = [buckets[0]._replace(state="[7]\t\\"), buckets[1]]
        assert follower.add_buckets([fresh, *buckets[:2]]) == stored
        assert follower.add_buckets([fresh._replace(state="[2]")]) == [fresh]
        follower.drop_buckets(meter_id=1, customer="acme", hours=1, bucket=2 * HOUR)

    with postgres_store.reading() as reader:
        listed = reader.buckets(
            meter_id=1, customer="acme", grouped=0, hours=1, start=0, end=4 * HOUR
        )
        assert [row.bucket // HOUR for row in listed] == [0, 1, 3]
        assert reader.last_buckets(
            meter_id=1, customer="acme", grouped=0, before=4 * HOUR
        ) == [buckets[3]]
        assert reader.last_buckets(
            meter_id=1, customer="acme", grouped=1, before=4 * HOUR
        ) == [buckets[6]]
        assert reader.first_buckets(meter_id=1, customer="acme", grouped=1) == [
            buckets[5]
        ]
        first = reader.first_buckets(meter_id=1, customer="acme", grouped=0)
        assert first[0].bucket == 0


def test_sightings_widen_and_are_counted(postgres_store: PostgresStore) -> None:
    """
    For any stretch, keys surely seen and rows that cannot tell are as a plain count.
    """
    draw = random.Random(7)  # noqa: S311 - not a secret
    seen: dict[tuple[int, str], list[int]] = {}
    sightings = []
    for _ in range(400):
        month = draw.choice([JANUARY, FEBRUARY])
        at = month + draw.randrange(28 * 24) * HOUR
        key = f"k{draw.randrange(40)}"
        seen.setdefault((month, key), []).append(at)
        sightings.append(Sighting(1, "acme", 0, month, "", key, at, at))
    with postgres_store.following() as follower:
        assert follower is not None
        follower.widen_sightings([])
        follower.widen_sightings(sightings[:250])
        follower.widen_sightings(sightings[250:])

    with postgres_store.reading() as reader:
        for _ in range(60):
            start = JANUARY + draw.randrange(56 * 24) * HOUR
            end = start + draw.choice([1, 5, 100, 900]) * HOUR
            rows = [(key, min(times), max(times)) for (_, key), times in seen.items()]
            meets = [row for row in rows if row[1] < end and row[2] >= start]
            sure = {k for k, a, b in meets if start <= a < end or start <= b < end}
            cannot = sum(a < start and b >= end and k not in sure for k, a, b in meets)
            ends = {"start": start, "end": end}
            assert reader.count_sightings(meter_id=1, customer="acme", **ends) == (
                len(sure),
                cannot,
            )
            listed = list(
                reader.sightings(meter_id=1, customer="acme", grouped=0, **ends)
            )
            assert sorted(row[5:] for row in listed) == sorted(meets)
            assert listed == sorted(listed)

    with postgres_store.following() as follower:
        assert follower is not None
        follower.drop_sightings(meter_id=1, customer="acme", month=JANUARY)
    with postgres_store.reading() as reader:
        assert reader.count_sightings(
            meter_id=1, customer="acme", start=JANUARY, end=FEBRUARY
        ) == (0, 0)
        assert (
            reader.count_sightings(
                meter_id=1, customer="acme", start=JANUARY, end=MARCH
            )[0]
            > 30
        )


def test_the_unusable_are_listed_until_void(postgres_store: PostgresStore) -> None:
    """
    An event is listed once with its reason, by place, and not when it is void.
    """
    ids = postgres_store.append(offers(4)).entry_ids
    with postgres_store.following() as follower:
        assert follower is not None
        follower.number()
        follower.add_unusable([(1, 1, "no tokens"), (1, 3, "text"), (2, 2, "other")])
        follower.add_unusable([(1, 1, "said before"), (1, 2, "x")])
        follower.add_unusable([])
        follower.add_voids([(ids[1], 9)])

    with postgres_store.reading() as reader:
        listed = reader.unusable(meter_id=1, after=0, limit=9)
        assert [row[:2] for row in listed] == [(1, "no tokens"), (3, "text")]
        assert listed[0][2].entry_id == ids[0]
        assert listed[0][2].seq == 1
        assert [r[0] for r in reader.unusable(meter_id=1, after=1, limit=9)] == [3]


def test_types_are_added_up(postgres_store: PostgresStore) -> None:
    """
    The counts of each step add to those before.
    """
    for counts in ({"tokens": 2, "seats": 1}, {"tokens": 3}, {}):
        with postgres_store.following() as follower:
            assert follower is not None
            follower.count_types(counts)

    with postgres_store.reading() as reader:
        assert reader.types() == {"tokens": 5, "seats": 1}


@pytest.mark.parametrize("meter_id", [1, None])
def test_rollups_can_be_forgotten(
    postgres_store: PostgresStore, meter_id: int | None
) -> None:
    """
    What is forgotten is one meter's, or everybody's, with the mark of how far it was.
    """
    with postgres_store.writing() as writer:
        for key in "ab":
            writer.add_meter(meter_key=key, version=1, definition="{}", at=0)
    with postgres_store.following() as follower:
        assert follower is not None
        for meter in (1, 2):
            follower.set_rolled(meter_id=meter, seq=5)
            follower.put_buckets([Bucket(meter, "acme", 0, 1, 0, "", "[]")])
            follower.widen_sightings([Sighting(meter, "acme", 0, 0, "", "k", 1, 1)])
            follower.add_unusable([(meter, 1, "x")])

    with postgres_store.following() as follower:
        assert follower is not None
        follower.forget_rollups(meter_id)
        left = [row.meter_id for row in follower.meters() if row.rolled]
        kept = [
            meter
            for meter in (1, 2)
            if follower.first_buckets(meter_id=meter, customer="acme", grouped=0)
        ]

    assert left == kept == ([] if meter_id is None else [2])


def test_customers_with_rollups_are_listed(postgres_store: PostgresStore) -> None:
    """
    Who has rollups or sightings of a meter is listed once, nobody included.
    """
    with postgres_store.following() as follower:
        assert follower is not None
        follower.put_buckets(
            [Bucket(1, customer, 0, 1, 0, "", "[]") for customer in ("b", "", "b\n")]
        )
        follower.widen_sightings([Sighting(1, "a", 0, 0, "", "k", 1, 1)])
        follower.widen_sightings([Sighting(2, "z", 0, 0, "", "k", 1, 1)])

    with postgres_store.reading() as reader:
        assert reader.bucket_owners(meter_id=1) == ["", "a", "b", "b\n"]
        assert reader.bucket_owners(meter_id=3) == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("SELECT 1", []),
        (
            "DELETE FROM log WHERE seq IN (2, 3, 5)",
            [
                "places 2 to 3: nobody has them, though later ones are given out",
                "places 5 to 5: nobody has them, though later ones are given out",
                "entry 2 (ci, e000001): it has no place, and will not get one",
                "entry 3 (ci, e000002): it has no place, and will not get one",
                "entry 4 (ci, e000003): it has no place, and will not get one",
                "place 2: it is posted under 'acme', which its event denies",
                "place 3: it is posted under 'acme', which its event denies",
            ],
        ),
        (
            "UPDATE log SET xid = '1' WHERE seq = 5",
            ["place 5: its entry 4 is not there"],
        ),
        (
            "DELETE FROM postings WHERE place = 3",
            ["place 3: its event is not posted"],
        ),
        (
            "UPDATE postings SET customer = 'zeta' WHERE place = 1 AND seq = 1",
            ["place 1: it is posted under 'zeta', which its event denies"],
        ),
        (
            "UPDATE postings SET occurred_at = 5 WHERE place = 2",
            ["place 2: it is posted under 'acme', which its event denies"],
        ),
        (
            "INSERT INTO postings VALUES ('acme', 'tokens', 0, 1, 1, 1)",
            [
                "place 1: it is posted under 'acme', which its event denies",
                "place 1: its event is posted more than once",
            ],
        ),
    ],
)
def test_contradictions_are_named(
    postgres_store: PostgresStore,
    postgres_dsn: str,
    damage: str,
    found: list[str],
) -> None:
    """
    A sound book has none, with entries that wait for a place and with one that was void
    before it had one; each kind of damage is named with its place.
    """
    ids = postgres_store.append(offers(4)).entry_ids
    void = offer(str(ids[3]), kind=VOID, source="meterbook:void")
    postgres_store.append([void])
    with postgres_store.following() as follower:
        assert follower is not None
        follower.number()
        rows = follower.entries_at(range(1, 9))
        follower.post(
            Posting("acme", "tokens", row.occurred_at, row.seq or 0, row.seq or 0, 1)
            for row in rows[:3]
        )
        follower.post([Posting("acme", "tokens", rows[0].occurred_at, 1, 4, -1)])
        follower.add_voids([(ids[3], 4)])
        follower.set_posted(5)
    postgres_store.append(offers(2, prefix="waiting"))
    swap = (
        "UPDATE log SET seq = 6 WHERE seq = 4; UPDATE log SET seq = 4 WHERE seq = 5;"
        " UPDATE log SET seq = 5 WHERE seq = 6"
    )
    servers.ask(postgres_dsn, f"SET search_path = meterbook; {swap}; {damage}")

    with postgres_store.reading() as reader:
        assert reader.contradictions() == found
