"""
Quarantining: what was refused is kept as it came, and can be offered again.
"""

from __future__ import annotations

import datetime as dt

from decimal import Decimal

import pytest

from meterbook import Book, Duplicate, Event, Recorded, Refused, errors


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
LATER = b"""\
{"specversion":"1.0", "source":"api", "id":"%d", "type":"llm.request",
 "customer":"acme", "time":"2026-03-01T13:00:00Z", "data":{"tokens":420}}"""


def held(book: Book, count: int = 1) -> list[int]:
    answers = book.record_json([LATER % n for n in range(count)], quarantine=True)
    assert all(isinstance(answer, Refused) for answer in answers)
    return [one.quarantine_id for one in book.quarantined()]


def test_a_refused_document_is_kept_when_asked(book: Book) -> None:
    """
    It is kept as received with the reason, next to good ones that are recorded.
    """
    good = b'{"specversion":"1.0","source":"api","id":"g","type":"llm.request"}'

    answers = book.record_json([b"{\xff", good, LATER % 1], quarantine=True)

    assert [type(answer) for answer in answers] == [Refused, Recorded, Refused]
    unreadable, future = book.quarantined()
    assert (unreadable.document, unreadable.code) == (b"{\xff", "malformed")
    assert (future.document, future.code) == (LATER % 1, "in_the_future")
    assert future.field == "time"
    assert future.received_at == NOON
    assert "time" in future.reason


def test_nothing_is_kept_unasked(book: Book) -> None:
    """
    Without quarantine a refused document leaves no trace.
    """
    book.record_json([b"{nothing", LATER % 1])

    assert book.quarantined() == []


def test_a_refused_event_is_kept_as_a_document(book: Book) -> None:
    """
    An event given in Python is kept as the document that says the same.
    """
    event = Event(
        source="api",
        id="1",
        type="llm.request",
        time=NOON + dt.timedelta(hours=1),
        data={"tokens": Decimal("0.50")},
    )
    book.record([event], quarantine=True)
    book.move_clock(NOON + dt.timedelta(hours=1))

    [replayed] = book.replay()

    assert isinstance(replayed.outcome, Recorded)
    assert book.entries()[0].data == {"tokens": Decimal("0.5")}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"data": {"tokens": 0.5}}, id="binary float"),
        pytest.param({"time": NOON.replace(tzinfo=None)}, id="naive time"),
        pytest.param({"source": "\ud800"}, id="lone surrogate"),
        pytest.param({"data": {"tokens": {1, 2}}}, id="a set"),
        pytest.param({"extensions": {"BAD NAME": 1}}, id="extension"),
    ],
)
def test_what_no_document_can_say_is_kept_readable(
    book: Book, fields: dict[str, object]
) -> None:
    """
    An event that has no JSON is kept as Python shows it, and refused on replay.
    """
    stated = {"source": "api", "id": "1", "type": "t", **fields}

    [answer] = book.record([Event(**stated)], quarantine=True)  # type: ignore[arg-type]  # by case
    [kept] = book.quarantined()
    [replayed] = book.replay()

    assert isinstance(answer, Refused)
    assert b"unwritable" in kept.document
    assert isinstance(replayed.outcome, Refused)
    assert len(book.quarantined()) == 1


def test_what_is_acceptable_now_is_recorded(book: Book) -> None:
    """
    Once the clock is right, a replay records the document and it leaves the quarantine.
    """
    held(book, 2)
    still = [type(one.outcome) for one in book.replay()]
    book.move_clock(NOON + dt.timedelta(hours=1))

    assert still == [Refused, Refused]
    assert [type(one.outcome) for one in book.replay()] == [Recorded, Recorded]
    assert book.quarantined() == []
    assert book.replay() == []
    assert len(book.entries()) == 2


def test_some_documents_can_be_replayed(book: Book) -> None:
    """
    Only those that are named are offered again.
    """
    first, second, third = held(book, 3)
    book.move_clock(NOON + dt.timedelta(hours=1))

    [replayed] = book.replay([second])

    assert replayed.quarantine_id == second
    assert [one.quarantine_id for one in book.quarantined()] == [first, third]
    assert [e.quarantine_id for e in book.quarantined(after=first)] == [third]
    assert len(book.quarantined(limit=1)) == 1


def test_a_replay_in_batches_offers_each_once(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    However many are held, each is answered once.
    """
    monkeypatch.setattr(
        "meterbook.services.entries.quarantining.REPLAY_BATCH_DOCUMENTS", 2
    )
    ids = held(book, 5)

    assert [one.quarantine_id for one in book.replay()] == ids
    assert [one.quarantine_id for one in book.replay(ids)] == ids


def test_what_is_in_the_book_already_leaves_the_quarantine(book: Book) -> None:
    """
    A document that was recorded in the meantime is a duplicate, and held no longer; one
    in conflict stays.
    """
    book.record_json([LATER % 1, LATER % 2], quarantine=True)
    book.move_clock(NOON + dt.timedelta(hours=1))
    book.record_json([LATER % 1, (LATER % 2).replace(b"420", b"7")])

    first, second = book.replay()

    assert isinstance(first.outcome, Duplicate)
    assert [one.quarantine_id for one in book.quarantined()] == [second.quarantine_id]


def test_a_document_can_be_given_up(book: Book) -> None:
    """
    A discarded document is not shown or replayed again.
    """
    first, second = held(book, 2)

    book.discard(first)

    assert [one.quarantine_id for one in book.quarantined()] == [second]
    assert [one.quarantine_id for one in book.replay()] == [second]


def test_only_what_is_held_can_be_resolved(book: Book) -> None:
    """
    Naming a document that is not held is an error, and nothing is done.
    """
    [first] = held(book)
    book.move_clock(NOON + dt.timedelta(hours=1))

    with pytest.raises(errors.UnknownEntryError, match="99"):
        book.replay([first, 99])
    with pytest.raises(errors.UnknownEntryError):
        book.discard(99)
    assert len(book.quarantined()) == 1
    book.discard(first)
    with pytest.raises(errors.UnknownEntryError):
        book.discard(first)


def test_a_resolved_document_keeps_nothing_of_what_it_said(book: Book) -> None:
    """
    What was replayed is in the book, what was discarded is wanted by nobody: of both
    only the fact is kept, not the bytes.
    """
    first, second = held(book, 2)
    book.discard(first)
    book.move_clock(NOON + dt.timedelta(hours=1))
    book.replay()

    with book._store.reading() as reader:
        rows = reader.quarantined(after=0, limit=9, held=False)

    assert [(row.quarantine_id, row.state, row.document) for row in rows] == [
        (first, "discarded", b""),
        (second, "replayed", b""),
    ]


@pytest.mark.parametrize("unknown", [-1, 0, 2**63, 10**30, True, 1.0])
def test_an_id_that_cannot_be_is_not_held(book: Book, unknown: int) -> None:
    """
    An id beyond what a store can hold is as unknown as any other.
    """
    held(book)
    with pytest.raises(errors.UnknownEntryError):
        book.discard(unknown)
    with pytest.raises(errors.UnknownEntryError):
        book.replay([unknown])
    if unknown != 0 and unknown is not True:
        with pytest.raises(errors.InvalidQueryError, match="after"):
            book.quarantined(after=unknown)
