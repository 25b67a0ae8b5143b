"""
What a book in PostgreSQL is told, and asked, on a real server.
"""

from __future__ import annotations

import random

from typing import TYPE_CHECKING

import pytest

import servers

from meterbook.ports import (
    ATTRIBUTION,
    VOID,
    AttributionRow,
    EntryQuery,
    QuarantineRow,
)
from stores.postgres_books import NOON, number, offer, offers


if TYPE_CHECKING:
    from meterbook.stores.postgres import PostgresStore


AWKWARD = "a\tb\nc\rd\\e\\N\"'{}%s\u00e9\U0001f4c8"


@pytest.mark.parametrize("count", [1, 2, 10, 11, 2_500])
def test_new_entries_get_ascending_ids(
    postgres_store: PostgresStore, count: int
) -> None:
    """
    Whichever way a batch takes, all are new, and the ids ascend in the batch's order.
    """
    rows = offers(count)
    random.Random(count).shuffle(rows)  # noqa: S311 - not a secret

    appended = postgres_store.append(rows)

    assert appended.known == {}
    assert list(appended.entry_ids) == sorted(set(appended.entry_ids))
    assert len(appended.entry_ids) == count


@pytest.mark.parametrize("count", [3, 10, 40])
def test_a_known_identity_is_answered_with_its_entry(
    postgres_store: PostgresStore, count: int
) -> None:
    """
    What was there before is known by its id, fingerprint and people; the rest is new.
    """
    first = offer("e000001", subject_id=7, actor_id=8, fingerprint=b"\x00\xff" * 16)
    known_id = postgres_store.append([first]).entry_ids[0]

    appended = postgres_store.append(offers(count))

    assert list(appended.known) == [1]
    assert appended.known[1] == (known_id, b"\x00\xff" * 16, 7, 8)
    assert appended.entry_ids[1] == known_id
    assert len(set(appended.entry_ids)) == count


@pytest.mark.parametrize("count", [3, 40])
def test_an_identity_twice_in_a_batch_is_known_the_second_time(
    postgres_store: PostgresStore, count: int
) -> None:
    """
    Of two rows with one identity in a batch, the first is recorded.
    """
    rows = offers(count)
    again = offer("e000001", fingerprint=b"another.content!" * 2)

    appended = postgres_store.append([*rows, again])

    assert list(appended.known) == [count]
    assert appended.entry_ids[count] == appended.entry_ids[1]
    assert appended.known[count].fingerprint == rows[1][11]


def test_nothing_offered_is_nothing_appended(postgres_store: PostgresStore) -> None:
    """
    An empty batch is answered by nothing.
    """
    assert postgres_store.append([]) == ((), {})


@pytest.mark.parametrize("others", [0, 30])
def test_characters_stay_as_they_are(
    postgres_store: PostgresStore, others: int
) -> None:
    """
    Tabs, line breaks, backslashes and what COPY takes for a null are kept as given.
    """
    odd = offer(
        AWKWARD,
        source="\\.",
        type_="\\N",
        customer="\\N",
        data=AWKWARD,
        extensions=AWKWARD,
        fingerprint=bytes(range(32)),
    )

    appended = postgres_store.append([odd, *offers(others)])

    with postgres_store.reading() as reader:
        entry = reader.entry_by_id(appended.entry_ids[0])
    assert entry is not None
    assert entry == (None, appended.entry_ids[0], *odd)


def test_a_transaction_appends_often_and_sees_it(
    postgres_store: PostgresStore,
) -> None:
    """
    Several batches in one transaction, large and small, are answered each by its own.
    """
    with postgres_store.writing() as writer:
        first = writer.append(offers(60))
        second = writer.append(offers(65))
        third = writer.append(offers(2))
        found = writer.entry(source="ci", event_id="e000064")

    assert len(first.known) == 0
    assert list(second.known) == list(range(60))
    assert list(second.entry_ids[:60]) == list(first.entry_ids)
    assert list(third.known) == [0, 1]
    assert found is not None


def test_a_block_that_raises_leaves_nothing(postgres_store: PostgresStore) -> None:
    """
    What a writing block did before it raised is not in the book.
    """
    with pytest.raises(ZeroDivisionError), postgres_store.writing() as writer:
        writer.append(offers(60))
        writer.name_people(["ada"])
        raise ZeroDivisionError

    with postgres_store.reading() as reader:
        assert reader.tail(after=0, limit=100) == []
        assert reader.people(["ada"]) == {}
    assert postgres_store.append(offers(60)).known == {}


def test_a_reading_is_one_snapshot(postgres_store: PostgresStore) -> None:
    """
    What is recorded after a reading's first question is not in it.
    """
    with postgres_store.reading() as reader:
        assert reader.tail(after=0, limit=10) == []
        postgres_store.append(offers(3))
        number(postgres_store)

        assert reader.tail(after=0, limit=10) == []
        assert reader.marks() == (0, 0)


def test_people_have_ids_until_they_are_erased(
    postgres_store: PostgresStore,
) -> None:
    """
    A name has one id; an erased person's name is gone, and is new when it comes again.
    """
    with postgres_store.writing() as writer:
        first = writer.name_people(["bob", "ada"])
        again = writer.name_people(["ada", "cyd"])
    with postgres_store.reading() as reader:
        assert reader.people(["ada", "nobody"]) == {"ada": first["ada"]}
        assert reader.people([]) == {}
        assert reader.names([]) == {}
        assert reader.names(first.values()) == {v: k for k, v in first.items()}
    assert again["ada"] == first["ada"]

    with postgres_store.writing() as writer:
        writer.erase_person(first["ada"])
        assert writer.names([first["ada"], first["bob"]]) == {first["bob"]: "bob"}
        assert writer.name_people(["ada"])["ada"] != first["ada"]


def test_an_erasure_since_keeps_entries_out(
    postgres_store: PostgresStore,
) -> None:
    """
    Told how many were erased when ids were looked up, nothing is appended once there
    are more.
    """
    for count in (1, 20):
        told = [(*row[:4], 7, *row[5:]) for row in offers(count, prefix=f"{count}-")]
        with postgres_store.writing() as writer:
            writer.set_setting(name="erasures", value=str(count))
        assert postgres_store.append_unless_erased(told, erasures="0") is None

        found = postgres_store.append_unless_erased(told, erasures=str(count))

        assert found is not None
        assert found.known == {}
        again = postgres_store.append_unless_erased(told, erasures=str(count))
        assert again is not None
        assert len(again.known) == count


def test_a_name_given_in_vain_is_taken_back(
    postgres_store: PostgresStore,
) -> None:
    """
    Only the transaction that gave a name can take it back; its id is not given again.
    """
    with postgres_store.writing() as writer:
        before = writer.name_people(["ada"])
    with postgres_store.writing() as writer:
        ids = writer.name_people(["ada", "bob", "cyd"])
        assert writer.unname_people([None, ids["ada"], ids["bob"]]) == {ids["bob"]}
        assert writer.people(ids) == before | {"cyd": ids["cyd"]}

    with postgres_store.writing() as writer:
        assert writer.unname_people(ids.values()) == set()
        assert writer.name_people(["bob"])["bob"] not in ids.values()


def test_settings_are_written_over(postgres_store: PostgresStore) -> None:
    """
    A setting is what was written last; one that never was is None.
    """
    with postgres_store.writing() as writer:
        writer.set_setting(name="zone", value="UTC")
        writer.set_setting(name="zone", value="Europe/Oslo")

    with postgres_store.reading() as reader:
        assert reader.setting("zone") == "Europe/Oslo"
        assert reader.setting("currency") is None


def test_meters_are_listed_by_key_and_version(postgres_store: PostgresStore) -> None:
    """
    Each version is a row of its own, with the place up to which it is rolled.
    """
    with postgres_store.writing() as writer:
        b1 = writer.add_meter(meter_key="b", version=1, definition="{}", at=5)
        a2 = writer.add_meter(meter_key="a", version=2, definition='{"x":2}', at=6)
        a1 = writer.add_meter(meter_key="a", version=1, definition="{}", at=4)
    with postgres_store.following() as follower:
        assert follower is not None
        follower.set_rolled(meter_id=a2, seq=9)
        follower.set_rolled(meter_id=a2, seq=10)

    with postgres_store.reading() as reader:
        assert reader.meters() == [
            (a1, "a", 1, "{}", 4, 0),
            (a2, "a", 2, '{"x":2}', 6, 10),
            (b1, "b", 1, "{}", 5, 0),
        ]


def test_the_quarantine_keeps_documents(postgres_store: PostgresStore) -> None:
    """
    A held document is listed, as received, until it is resolved.
    """
    row = QuarantineRow(0, NOON, "bad", "time", "no zone", b"\x00{\xff", "held", None)
    with postgres_store.writing() as writer:
        first, second = writer.quarantine(row), writer.quarantine(row)
        held = writer.quarantined(after=0, limit=10)
        writer.resolve_quarantined(quarantine_id=first, state="replayed", at=NOON)
        left = writer.quarantined(after=0, limit=10)
        assert writer.quarantined(after=second, limit=10) == []

    assert held[0] == (first, *row[1:])
    assert [row.quarantine_id for row in left] == [second]


def test_attributions_stand_in_the_order_of_the_book(
    postgres_store: PostgresStore,
) -> None:
    """
    Attributions with a place come first, in order of place; then those without.
    """

    def attribute(event_id: str, subject_id: int, customer: str | None) -> int:
        row = offer(event_id, kind=ATTRIBUTION, source="meterbook:attribution")
        with postgres_store.writing() as writer:
            entry_id = writer.append([row]).entry_ids[0]
            writer.add_attribution(
                AttributionRow(subject_id, NOON, customer, entry_id, None)
            )
        return entry_id

    first = attribute("1", 1, "acme")
    second = attribute("2", 2, None)
    attribute("3", 3, "other")
    number(postgres_store)
    last = attribute("4", 1, "zeta")

    with postgres_store.reading() as reader:
        assert reader.attributions([]) == []
        assert reader.attributions([1, 2]) == [
            (1, NOON, "acme", first, 1),
            (2, NOON, None, second, 2),
            (1, NOON, "zeta", last, None),
        ]


def test_entries_are_found_by_what_they_say(postgres_store: PostgresStore) -> None:
    """
    Each part of a query narrows, ends are half-open, and the listing goes on by place.
    """
    rows = [
        offer("a", customer="acme", occurred_at=10, subject_id=1),
        offer("b", customer="zeta", occurred_at=20, actor_id=1, type_="seats"),
        offer("c", customer=None, occurred_at=30, subject_id=2, source="app"),
        offer("d", kind=VOID, customer=None, occurred_at=40),
    ]
    postgres_store.append(rows)
    number(postgres_store)
    postgres_store.append([offer("e")])

    def found(query: EntryQuery, after: int = 0, limit: int = 10) -> str:
        with postgres_store.reading() as reader:
            listed = reader.entries(query, after=after, limit=limit)
        return "".join(entry.event_id for entry in listed)

    assert found(EntryQuery()) == "abcd"
    assert found(EntryQuery(), after=1, limit=2) == "bc"
    assert found(EntryQuery(customer="acme")) == "a"
    assert found(EntryQuery(type="seats")) == "b"
    assert found(EntryQuery(source="app")) == "c"
    assert found(EntryQuery(source="ci", event_id="d")) == "d"
    assert found(EntryQuery(subject_id=1)) == "ab"
    assert found(EntryQuery(start=20, end=40)) == "bc"
    assert found(EntryQuery(kind=VOID)) == "d"


def test_the_tail_goes_past_the_last_place(postgres_store: PostgresStore) -> None:
    """
    The tail is what has a place above one, then what has none; another's events out.
    """
    postgres_store.append([offer("a"), offer("b", customer="zeta")])
    number(postgres_store)
    postgres_store.append([offer("c", customer="zeta"), offer("d", customer=None)])
    postgres_store.append([offer("e", kind=VOID, customer="zeta"), offer("f")])

    def tail(after: int, limit: int, customer: str | None = None) -> str:
        with postgres_store.reading() as reader:
            listed = reader.tail(after=after, limit=limit, customer=customer)
        return "".join(entry.event_id for entry in listed)

    assert tail(0, 10) == "abcdef"
    assert tail(1, 3) == "bcd"
    assert tail(1, 1) == "b"
    assert tail(2, 10, "acme") == "def"
    assert tail(0, 10, "acme") == "adef"
    with postgres_store.reading() as reader:
        assert reader.unposted_count(limit=100) == 6
        assert reader.unposted_count(limit=5) == 5
        assert reader.unposted_count(limit=2) == 2
        assert reader.entry_by_id(999_999) is None
        assert reader.entry(source="ci", event_id="x") is None
        assert reader.entries_at([]) == []
        assert [e.event_id for e in reader.entries_at([2, 1, 7])] == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE meterbook.entries SET customer = 'zeta'",
        "DELETE FROM meterbook.entries",
        "TRUNCATE meterbook.entries",
        (
            "INSERT INTO meterbook.entries SELECT * FROM meterbook.entries"
            " ON CONFLICT (source, event_id) DO UPDATE SET customer = 'zeta'"
        ),
    ],
)
def test_entries_cannot_be_changed(
    postgres_store: PostgresStore, postgres_dsn: str, change: str
) -> None:
    """
    The database itself refuses to update, delete or truncate entries.
    """
    postgres_store.append(offers(2))

    with pytest.raises(Exception, match="never updated or deleted"):
        servers.ask(postgres_dsn, change)
