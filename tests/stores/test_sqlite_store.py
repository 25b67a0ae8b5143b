"""
What a SQLite book keeps of what it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meterbook.ports import (
    ATTRIBUTION,
    VOID,
    AttributionRow,
    EntryQuery,
    Known,
    Marks,
    MeterRow,
    QuarantineRow,
    StoredEntry,
)
from meterbook.stores.sqlite import SqliteStore
from meterbook.stores.statements import statements
from stores.sqlite_books import NOON, count, ids, row, rows


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.create(tmp_path / "book.db")
    yield store
    store.close()


def test_new_entries_get_ids_in_a_row(store: SqliteStore) -> None:
    """
    The ids of a batch follow each other, and those of the batch before.
    """
    assert store.append(rows("a", "b")) == (range(1, 3), {})
    assert ids(store.append(rows("c", "d", "e"))) == [3, 4, 5]


def test_a_known_identity_is_not_appended(store: SqliteStore) -> None:
    """
    A row whose identity is there is answered with the entry that has it.
    """
    store.append([row("a", subject_id=7, actor_id=8, fingerprint=b"first")])

    appended = store.append([row("b"), row("a", fingerprint=b"second"), row("c")])

    assert ids(appended) == [2, 1, 3]
    assert appended.known == {1: Known(1, b"first", 7, 8)}
    assert count(store) == 3


def test_an_identity_twice_in_a_batch_is_appended_once(store: SqliteStore) -> None:
    """
    The first of two rows with one identity makes the entry; the second is known.
    """
    appended = store.append(
        [row("a", fingerprint=b"1"), row("b"), row("a", fingerprint=b"2"), row("c")]
    )

    assert ids(appended) == [1, 2, 1, 3]
    assert appended.known == {2: Known(1, b"1", None, None)}


def test_a_batch_of_known_identities_appends_nothing(store: SqliteStore) -> None:
    """
    When all are known, all are said to be, whatever was inserted last.
    """
    store.append(rows("a", "b"))
    with store.writing() as writer:
        writer.name_people(["ada"])

        appended = writer.append(rows("b", "a"))

    assert ids(appended) == [2, 1]
    assert sorted(appended.known) == [0, 1]
    assert count(store) == 2


def test_an_empty_batch_appends_nothing(store: SqliteStore) -> None:
    """
    Nothing offered is nothing appended, with or without a transaction of one's own.
    """
    with store.writing() as writer:
        assert ids(writer.append([])) == []

    assert store.append([]) == ((), {})


def test_an_id_is_of_one_source(store: SqliteStore) -> None:
    """
    Two sources may use the same id.
    """
    appended = store.append([row("a", source="app"), row("a", source="web")])

    assert ids(appended) == [1, 2]


def test_an_entry_is_found_by_identity_and_by_id(store: SqliteStore) -> None:
    """
    An entry comes back as it was appended; its place is its id.
    """
    store.append(rows("a"))
    expected = StoredEntry(1, 1, *row("a"))

    with store.reading() as reader:
        assert reader.entry(source="app", event_id="a") == expected
        assert reader.entry_by_id(1) == expected
        assert reader.entry(source="app", event_id="b") is None
        assert reader.entry_by_id(2) is None


def test_text_of_any_script_comes_back(store: SqliteStore) -> None:
    """
    Emoji, quotes and long keys are kept as they are.
    """
    odd = [
        "\N{SNOWMAN}",
        "'; DROP TABLE meterbook_entries --",
        'a"b\\c',
        "x" * 1000,
        "\U0001f600",
    ]
    with store.writing() as writer:
        people = writer.name_people(odd)
        writer.append([row(name) for name in odd])

    with store.reading() as reader:
        assert reader.people(odd) == people
        assert reader.names(people.values()) == {
            person: name for name, person in people.items()
        }
        assert [entry.event_id for entry in reader.tail(after=0, limit=9)] == odd


def test_people_keep_the_id_they_were_given(store: SqliteStore) -> None:
    """
    A name has one id for the life of the book; an unknown one has none.
    """
    with store.writing() as writer:
        first = writer.name_people(["ada", "bob"])
        second = writer.name_people(["bob", "cy", "ada"])
        assert writer.name_people(["ada"]) == {"ada": first["ada"]}

    assert second == first | {"cy": second["cy"]}
    assert len(set(second.values())) == 3
    with store.reading() as reader:
        assert reader.people(["ada", "nobody"]) == {"ada": first["ada"]}
        assert reader.people([]) == {}
        assert reader.names([first["bob"], 99]) == {first["bob"]: "bob"}


def test_an_erasure_since_keeps_entries_out(
    store: SqliteStore,
) -> None:
    """
    Told how many were erased when ids were looked up, nothing is appended once there
    are more.
    """
    for size in (1, 20):
        told = [row(f"{size}-{index}") for index in range(size)]
        with store.writing() as writer:
            writer.set_setting(name="erasures", value=str(size))
        assert store.append_unless_erased(told, erasures="0") is None

        found = store.append_unless_erased(told, erasures=str(size))

        assert found is not None
        assert found.known == {}
        again = store.append_unless_erased(told, erasures=str(size))
        assert again is not None
        assert len(again.known) == size


def test_a_name_given_in_vain_is_taken_back(
    store: SqliteStore,
) -> None:
    """
    Only the transaction that gave a name can take it back; its id is not given again.
    """
    with store.writing() as writer:
        before = writer.name_people(["ada"])
    with store.writing() as writer:
        ids = writer.name_people(["ada", "bob", "cyd"])
        assert writer.unname_people([None, ids["ada"], ids["bob"]]) == {ids["bob"]}
        assert writer.people(ids) == before | {"cyd": ids["cyd"]}

    with store.writing() as writer:
        assert writer.unname_people(ids.values()) == set()
        assert writer.name_people(["bob"])["bob"] not in ids.values()


def test_many_names_are_one_question(store: SqliteStore) -> None:
    """
    Any number of names can be asked for at once.
    """
    names = [f"user-{number}" for number in range(40_000)]
    with store.writing() as writer:
        people = writer.name_people(names)

    assert len(set(people.values())) == len(names)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(EntryQuery(), [1, 2, 3, 4, 5], id="everything"),
        pytest.param(EntryQuery(customer="acme"), [1, 4, 5], id="of a customer"),
        pytest.param(EntryQuery(type="pages"), [2], id="of a type"),
        pytest.param(EntryQuery(source="web"), [3], id="of a source"),
        pytest.param(EntryQuery(event_id="a"), [1, 3], id="of an id"),
        pytest.param(
            EntryQuery(source="app", event_id="a"), [1], id="of an identity"
        ),
        pytest.param(
            EntryQuery(source="app", event_id="a", type="pages"), [], id="of neither"
        ),
        pytest.param(EntryQuery(subject_id=7), [2, 4], id="by or for somebody"),
        pytest.param(EntryQuery(start=NOON + 1), [3, 4], id="from a moment on"),
        pytest.param(EntryQuery(end=NOON + 1), [1, 2, 5], id="before a moment"),
        pytest.param(
            EntryQuery(start=NOON + 1, end=NOON + 2), [3], id="half-open"
        ),
        pytest.param(EntryQuery(kind=VOID), [5], id="of a kind"),
        pytest.param(
            EntryQuery(customer="acme", subject_id=7), [4], id="of both"
        ),
    ],
)  # fmt: skip
def test_entries_are_listed_by_what_they_say(
    store: SqliteStore, query: EntryQuery, expected: list[int]
) -> None:
    """
    Every part of a query narrows the list.
    """
    store.append(
        [
            row("a"),
            row("b", type_="pages", subject_id=7, customer="other"),
            row("a", source="web", occurred_at=NOON + 1, customer=None),
            row("c", actor_id=7, occurred_at=NOON + 2),
            row("1", kind=VOID, source="meterbook:void"),
        ]
    )

    with store.reading() as reader:
        assert [e.seq for e in reader.entries(query, after=0, limit=9)] == expected


def test_entries_are_listed_in_pages(store: SqliteStore) -> None:
    """
    A list goes on after the last place that was seen, in the order of the book.
    """
    store.append(rows("c", "b", "a", "d"))

    with store.reading() as reader:
        page = reader.entries(EntryQuery(customer="acme"), after=1, limit=2)
        assert [entry.event_id for entry in page] == ["b", "a"]
        assert [entry.seq for entry in reader.tail(after=2, limit=1)] == [3]
        assert [entry.seq for entry in reader.entries_at([4, 1, 9])] == [1, 4]


def test_the_tail_of_a_customer_leaves_out_the_events_of_others(
    store: SqliteStore,
) -> None:
    """
    What may concern a customer is in its tail: also what names no customer.
    """
    store.append(
        [
            row("a"),
            row("b", customer="other"),
            row("c", customer=None),
            row("d", customer="other", kind=VOID),
            row("e", customer="other", kind=ATTRIBUTION),
        ]
    )

    with store.reading() as reader:
        found = reader.tail(after=0, limit=9, customer="acme")
        assert [entry.seq for entry in found] == [1, 3, 4, 5]


def test_attributions_are_found_by_subject(store: SqliteStore) -> None:
    """
    The attributions of subjects come in the order of the book, with their places.
    """
    with store.writing() as writer:
        for name, subject, customer in [
            ("1", 7, "acme"),
            ("2", 8, "x"),
            ("3", 7, None),
        ]:
            (entry_id,) = writer.append([row(name, kind=ATTRIBUTION)]).entry_ids
            added = AttributionRow(subject, NOON, customer, entry_id, None)
            writer.add_attribution(added)

    with store.reading() as reader:
        assert reader.attributions([7]) == [
            AttributionRow(7, NOON, "acme", 1, 1),
            AttributionRow(7, NOON, None, 3, 3),
        ]
        assert [found.seq for found in reader.attributions([8, 7])] == [1, 2, 3]


def test_settings_are_kept(store: SqliteStore) -> None:
    """
    The last value that was set is the setting.
    """
    with store.writing() as writer:
        writer.set_setting(name="clock", value="1")
        writer.set_setting(name="clock", value="2")

    with store.reading() as reader:
        assert reader.setting("clock") == "2"
        assert reader.setting("other") is None


def test_meters_have_versions(store: SqliteStore) -> None:
    """
    A version of a meter is added beside the others, and starts with nothing rolled up.
    """
    with store.writing() as writer:
        first = writer.add_meter(meter_key="t", version=1, definition="{}", at=NOON)
        second = writer.add_meter(meter_key="t", version=2, definition="[]", at=NOON)
        other = writer.add_meter(meter_key="a", version=1, definition="{}", at=NOON)
    with store.following() as follower:
        follower.set_rolled(meter_id=second, seq=5)
        follower.set_rolled(meter_id=second, seq=6)

    with store.reading() as reader:
        assert reader.meters() == [
            MeterRow(other, "a", 1, "{}", NOON, 0),
            MeterRow(first, "t", 1, "{}", NOON, 0),
            MeterRow(second, "t", 2, "[]", NOON, 6),
        ]


def test_a_refused_document_is_held_until_it_is_resolved(store: SqliteStore) -> None:
    """
    The quarantine lists what is held, as received, oldest first.
    """
    held = QuarantineRow(0, NOON, "invalid", "id", "empty", b"\xff\x00", "held", None)
    with store.writing() as writer:
        first, second, third = (writer.quarantine(held) for _ in range(3))
        writer.resolve_quarantined(quarantine_id=second, state="replayed", at=NOON)

    with store.reading() as reader:
        assert reader.quarantined(after=0, limit=9) == [
            held._replace(quarantine_id=first),
            held._replace(quarantine_id=third),
        ]
        assert reader.quarantined(after=first, limit=1) == [
            held._replace(quarantine_id=third)
        ]


def test_an_empty_book_answers(store: SqliteStore) -> None:
    """
    Of a book without entries every question has an answer.
    """
    with store.reading() as reader:
        assert reader.marks() == Marks(0, 0)
        assert reader.unposted_count(limit=5) == 0
        assert reader.meters() == []
        assert reader.types() == {}
        assert reader.customers() == []
        assert reader.tail(after=0, limit=5) == []


def test_a_book_can_be_in_memory() -> None:
    """
    A book without a file does what others do.
    """
    store = SqliteStore.create(":memory:")
    store.append(rows("a"))
    with store.writing() as writer:
        writer.erase_person(1)

    assert count(store) == 1
    store.close()
    store.close()


@pytest.mark.parametrize("topic", ["reading", "writing", "following"])
def test_every_statement_has_a_text(topic: str) -> None:
    """
    No comment inside a statement is taken for the head of another.
    """
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "--")

    found = statements("sqlite", topic)

    assert [name for name, sql in found.items() if not sql.startswith(verbs)] == []
    assert all(sql.rpartition("\n")[2][:2] != "--" for sql in found.values())
