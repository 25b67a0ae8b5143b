"""
People: what is kept of somebody can be shown, and who they were forgotten.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from meterbook import Book, Duplicate, Event, EventQuery, errors
from meterbook.ports import QuarantineRow
from services.books import on_postgres


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SEATS = {"event_type": "seat.used", "aggregation": "unique", "value": "$subject"}


def event(id_: str, *, subject: str | None, actor: str | None = None) -> Event:
    return Event(
        source="api",
        id=id_,
        type="seat.used",
        time=NOON,
        customer="acme",
        subject=subject,
        actor=actor,
        data={"minutes": 7},
    )


@pytest.fixture
def used(book: Book) -> Book:
    book.record(
        [
            event("1", subject="ann"),
            event("2", subject="bob", actor="ann"),
            event("3", subject="bob"),
        ]
    )
    return book


def seats(book: Book) -> object:
    return book.read("seats", customer="acme", anchor="2026-03-01").units


def test_an_export_has_all_of_somebody(used: Book) -> None:
    """
    Every entry in which they are subject or actor is there, and can be written as JSON.
    """
    used.attribute("ann", "acme", effective_at=NOON, actor="ops")

    exported = list(used.people.export("ann"))

    assert [entry["id"] for entry in exported][:2] == ["1", "2"]
    assert [entry["kind"] for entry in exported] == ["event", "event", "attribution"]
    assert exported[1]["actor"] == "ann"
    assert exported[0]["time"] == "2026-03-01T12:00:00Z"
    assert b'"minutes":7' in msgspec.json.encode(exported[0])


def test_an_export_comes_in_pages(used: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    However many entries there are, each is exported once.
    """
    monkeypatch.setattr("meterbook.services.entries.people.PAGE_ENTRIES", 2)

    assert [entry["id"] for entry in used.people.export("bob")] == ["2", "3"]
    used.record([event("4", subject="bob")])
    assert [entry["id"] for entry in used.people.export("bob")] == ["2", "3", "4"]


def test_who_is_erased_has_no_name(used: Book) -> None:
    """
    The name is gone from every listing, and the usage stays.
    """
    used.define({"seats": SEATS})
    assert seats(used) == 2

    erasure = used.people.erase("ann", actor="ops", reason="a request by mail")

    assert erasure.entry_count == 2
    pseudonym = f"person-{erasure.person_id}"
    shown = [(entry.subject, entry.actor) for entry in used.entries()]
    assert shown == [(pseudonym, None), ("bob", pseudonym), ("bob", None)]
    assert seats(used) == 2
    assert used.entries(EventQuery(subject="ann")) == []
    assert used.verify().sound


def test_a_name_that_comes_back_is_somebody_new(used: Book) -> None:
    """
    Nothing connects the erased with who is called the same later.
    """
    used.define({"seats": SEATS})
    used.people.erase("ann", actor="ops", reason="a request by mail")

    used.record([event("4", subject="ann")])

    assert [entry["id"] for entry in used.people.export("ann")] == ["4"]
    assert seats(used) == 3


@pytest.mark.parametrize("name", ["eve", "", "person-1"])
def test_nobody_cannot_be_erased(used: Book, name: str) -> None:
    """
    Exporting or erasing a name that the book does not know is an error.
    """
    with pytest.raises(errors.UnknownSubjectError):
        used.people.export(name)
    with pytest.raises(errors.UnknownSubjectError):
        used.people.erase(name, actor="ops", reason="a typing mistake")


def test_erasing_twice_finds_nobody(used: Book) -> None:
    """
    The second time there is nobody of this name.
    """
    used.people.erase("ann", actor="ops", reason="a request by mail")

    with pytest.raises(errors.UnknownSubjectError):
        used.people.erase("ann", actor="ops", reason="a request by mail")


def test_an_erasure_does_not_keep_the_name(used: Book) -> None:
    """
    A reason that contains the name is refused; who erases themselves is forgotten, too.
    """
    with pytest.raises(errors.InvalidQueryError, match="reason"):
        used.people.erase("ann", actor="ops", reason="Ann asked for it")
    erasure = used.people.erase("ann", actor="ann", reason="by herself")

    with used._store.reading() as reader:
        note = reader.setting(f"erased.{erasure.person_id}")
        assert reader.people(["ann"]) == {}
    assert note is not None
    assert msgspec.json.decode(note) == {
        "at": "2026-03-01T12:00:00Z",
        "by": erasure.person_id,
        "reason": "by herself",
    }


@pytest.mark.parametrize("stated", [{"actor": "", "reason": "r"}, {"actor": "a"}])
def test_an_erasure_says_who_and_why(used: Book, stated: dict[str, str]) -> None:
    """
    Without an actor and a reason nobody is erased.
    """
    with pytest.raises(errors.InvalidQueryError):
        used.people.erase("ann", **{"reason": "", **stated})

    assert len(list(used.people.export("ann"))) == 2


def test_an_erasure_tells_of_quarantined_documents(used: Book) -> None:
    """
    A document that was refused and kept still holds the name: it is listed.
    """
    refused = b'{"specversion":"1.0","source":"api","id":"9","subject":"%s"}'
    used.record_json([refused % b"ann", refused % b"bob"], quarantine=True)
    used.record_json([refused % "Zoë".encode()], quarantine=True)
    used.record_json([refused % b"Zo\\u00eb"], quarantine=True)
    used.record([event("5", subject="Zoë")])

    assert used.people.erase("ann", actor="ops", reason="x").quarantine_ids == (1,)
    assert used.people.erase("Zoë", actor="ops", reason="x").quarantine_ids == (3, 4)


def test_usage_of_the_erased_keeps_its_payer(used: Book) -> None:
    """
    What was attributed stays with its customer after the subject was erased.
    """
    used.define({"seats": SEATS})
    used.attribute("eve", "globex", effective_at=NOON)
    stated = event("4", subject="eve")
    used.record([msgspec.structs.replace(stated, customer=None)])
    used.people.erase("eve", actor="ops", reason="a request by mail")
    used.drop_rollups()

    reading = used.read("seats", customer="globex", anchor="2026-03-01")

    assert reading.units == 1


def told_by_another(book: Book, other: Book) -> None:
    """
    Erase ann in *book*, and record of her in *other*, which has not heard of it.
    """
    other.record([event("1", subject="ann")])
    erased = book.people.erase("ann", actor="ops", reason="a request by mail")
    batch = [event(f"b-{number}", subject="ann", actor="bob") for number in range(20)]

    other.record([event("2", subject="ann", actor="eve")])
    other.record([event("3", subject="ann")])
    other.record(batch)

    book.work()
    entries = book.entries(EventQuery(subject="ann"))
    assert [entry.id for entry in entries] == ["2", "3", *(one.id for one in batch)]
    gone = f"person-{erased.person_id}"
    assert [e.id for e in book.entries() if gone in (e.subject, e.actor)] == ["1"]


def test_nothing_new_is_filed_under_the_erased(book: Book) -> None:
    """
    Who is recorded right after another process erased them is somebody new at once.
    """
    told_by_another(book, Book(book._store, book._clock))


def test_nothing_new_is_filed_under_the_erased_on_postgres(postgres_dsn: str) -> None:
    """
    So it is where other processes record at the same time.
    """
    with on_postgres(postgres_dsn) as book, on_postgres(postgres_dsn) as other:
        told_by_another(book, other)


@pytest.mark.parametrize("single", [True, False])
def test_what_was_known_does_not_bring_a_name_back(used: Book, single: bool) -> None:  # noqa: FBT001 - by case
    """
    A retry or a conflict after an erasure leaves no trace of the name.
    """
    used.people.erase("ann", actor="ops", reason="a request by mail")
    retry = event("1", subject="ann")
    conflict = msgspec.structs.replace(event("3", subject="ann"), data={"minutes": 8})

    for batch in [[retry], [conflict]] if single else [[retry, conflict]]:
        used.record(batch)

    with pytest.raises(errors.UnknownSubjectError):
        used.people.export("ann")
    used.record([conflict, event("4", subject="ann")])
    assert [entry["id"] for entry in used.people.export("ann")] == ["4"]


def test_a_retried_attribution_does_not_bring_a_name_back(used: Book) -> None:
    """
    An attribution that was made before the erasure, and is sent again, is no news.
    """
    used.attribute("ann", "acme", effective_at=NOON, id="a-1")
    used.people.erase("ann", actor="ops", reason="a request by mail")

    used.attribute("ann", "acme", effective_at=NOON, id="a-1")

    with pytest.raises(errors.UnknownSubjectError):
        used.people.export("ann")


def test_a_name_does_not_come_back_on_postgres(postgres_dsn: str) -> None:
    """
    A retry after an erasure leaves no name behind there either.
    """
    with on_postgres(postgres_dsn) as book:
        book.record([event("1", subject="ann")])
        book.people.erase("ann", actor="ops", reason="a request by mail")

        [answer] = book.record([event("1", subject="ann")])

        assert isinstance(answer, Duplicate)
        with pytest.raises(errors.UnknownSubjectError):
            book.people.export("ann")


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param("Zoë/ \U0001f600".encode(), id="as it is"),
        pytest.param(rb"Zo\u00eb/ \ud83d\ude00", id="lower case"),
        pytest.param(rb"Zo\u00EB/ \uD83D\uDE00", id="upper case"),
        pytest.param(rb"\u005a\u006F\u00eB\/ \uD83d\udE00", id="mixed"),
    ],
)
def test_a_name_is_found_however_it_is_spelled(book: Book, spelled: bytes) -> None:
    """
    JSON can write each character in several ways: a held document is listed for all.
    """
    refused = b'{"specversion":"1.0","source":"api","id":"9","subject":"%s"}'
    book.record_json([refused % spelled], quarantine=True)
    book.record([event("5", subject="Zoë/ \U0001f600")])

    erasure = book.people.erase("Zoë/ \U0001f600", actor="ops", reason="x")

    assert erasure.quarantine_ids == (1,)


def test_erasing_blanks_documents_that_an_older_version_kept(used: Book) -> None:
    """
    A document that was resolved when those still kept their bytes loses them.
    """
    row = QuarantineRow(
        quarantine_id=0,
        received_at=0,
        code="malformed",
        field="time",
        reason="x",
        document=b"ann",
        state="replayed",
        resolved_at=7,
    )
    with used._store.writing() as writer:
        writer.quarantine(row)

    assert used.people.erase("ann", actor="ops", reason="x").quarantine_ids == ()

    with used._store.reading() as reader:
        assert list(reader.quarantined(after=0, limit=9, held=False)) == [
            row._replace(quarantine_id=1, document=b"")
        ]
