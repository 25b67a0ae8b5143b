"""
Correcting: what was recorded stays, and no longer counts.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Any

import pytest

from meterbook import (
    Book,
    Conflict,
    Duplicate,
    Event,
    EventQuery,
    Recorded,
    Refused,
    errors,
)


if TYPE_CHECKING:
    from collections.abc import Callable


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
TOKENS = {"event_type": "llm.request", "aggregation": "sum", "value": "tokens"}
PEAK = {"event_type": "llm.request", "aggregation": "peak", "value": "tokens"}


def event(
    id_: str = "r-1", *, tokens: int = 420, customer: str | None = "acme"
) -> Event:
    return Event(
        source="api",
        id=id_,
        type="llm.request",
        time=NOON,
        customer=customer,
        subject="ann",
        data={"tokens": tokens},
    )


def recorded(book: Book, one: Event) -> int:
    [answer] = book.record([one])
    assert isinstance(answer, Recorded)
    return answer.entry_id


def units(book: Book, customer: str = "acme") -> object:
    return book.read("tokens", customer=customer, anchor="2026-03-01").units


@pytest.fixture
def metered(book: Book) -> Book:
    book.define({"tokens": TOKENS})
    return book


def test_a_void_takes_an_event_back(metered: Book) -> None:
    """
    A voided event no longer counts, and the void says who and why.
    """
    entry_id = recorded(metered, event())
    assert units(metered) == 420

    answer = metered.void(entry_id=entry_id, actor="ops", reason="a test run")

    assert isinstance(answer, Recorded)
    assert units(metered) == 0
    [target, void] = metered.entries()
    assert target.void_since == void.place
    assert (void.kind, void.actor, void.customer) == ("void", "ops", "acme")
    assert void.data == {"entry_id": entry_id, "reason": "a test run"}
    assert void.time == target.time


def test_voiding_again_changes_nothing(metered: Book) -> None:
    """
    The second void is a duplicate of the first, whoever says it and why.
    """
    entry_id = recorded(metered, event())
    first = metered.void(entry_id=entry_id, actor="ops", reason="a test run")

    again = metered.void(source="api", id="r-1", actor="eve", reason="me, too")

    assert again == Duplicate(first.entry_id)
    assert len(metered.entries()) == 2


def test_a_retry_of_a_voided_event_stays_void(metered: Book) -> None:
    """
    Sending a voided event again is a duplicate, and it does not count.
    """
    entry_id = recorded(metered, event())
    metered.void(entry_id=entry_id, actor="ops", reason="a test run")

    assert metered.record([event()]) == [Duplicate(entry_id)]
    assert units(metered) == 0


@pytest.mark.parametrize(
    "void",
    [
        pytest.param(
            lambda book: book.void(entry_id=99, actor="a", reason="r"), id="by entry"
        ),
        pytest.param(
            lambda book: book.void(source="api", id="x", actor="a", reason="r"),
            id="by identity",
        ),
        pytest.param(
            lambda book: book.amend(
                entry_id=99, replacement=event("new"), actor="a", reason="r"
            ),
            id="amended",
        ),
    ],
)
def test_what_is_not_there_cannot_be_voided(
    book: Book, void: Callable[[Book], object]
) -> None:
    """
    Voiding an unknown entry is an error, and nothing is written.
    """
    with pytest.raises(errors.UnknownEntryError):
        void(book)

    assert book.entries() == []


def test_only_events_are_voided(metered: Book) -> None:
    """
    A void cannot be voided, and neither can an attribution.
    """
    entry_id = recorded(metered, event())
    void = metered.void(entry_id=entry_id, actor="ops", reason="a test run")
    said = metered.attribute("ann", "acme", effective_at=NOON)

    for control in (void, said):
        with pytest.raises(errors.InvalidQueryError, match="only events"):
            metered.void(entry_id=control.entry_id, actor="ops", reason="undo")


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        pytest.param({"actor": " ", "reason": "r"}, "actor", id="blank actor"),
        pytest.param({"actor": "a", "reason": ""}, "reason", id="no reason"),
        pytest.param({"actor": "a", "reason": "x" * 1_001}, "reason", id="an essay"),
        pytest.param({"actor": "a\0", "reason": "r"}, "actor", id="NUL"),
        pytest.param({"actor": "a", "reason": "\ud800"}, "reason", id="no text"),
    ],
)
def test_who_and_why_must_be_said(
    book: Book, stated: dict[str, Any], field: str
) -> None:
    """
    A correction without a usable actor and reason is refused, naming the field.
    """
    entry_id = recorded(book, event())

    with pytest.raises(errors.InvalidQueryError, match=field):
        book.void(entry_id=entry_id, **stated)


@pytest.mark.parametrize(
    "named",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"source": "api"}, id="half an identity"),
        pytest.param({"entry_id": 1, "source": "api", "id": "r-1"}, id="both"),
    ],
)
def test_one_event_must_be_named(book: Book, named: dict[str, object]) -> None:
    """
    It must be said which event is meant, in one way.
    """
    recorded(book, event())

    with pytest.raises(errors.InvalidQueryError, match="which event"):
        book.void(actor="a", reason="r", **named)  # type: ignore[arg-type]  # by case


def test_amending_moves_usage(metered: Book) -> None:
    """
    The event is void, its replacement counts, and the void names it.
    """
    recorded(metered, event())

    answer = metered.amend(
        source="api",
        id="r-1",
        replacement=event("r-1b", customer="globex"),
        actor="ops",
        reason="wrong customer",
    )

    assert isinstance(answer, Recorded)
    assert answer.warnings == ()
    assert (units(metered), units(metered, "globex")) == (0, 420)
    void = metered.entries(kind="void")[0]
    assert void.data["replacement"] == {"source": "api", "id": "r-1b"}
    assert metered.entries(EventQuery(id="r-1b"))[0].entry_id == answer.entry_id


def test_amending_warns_as_recording_does(book: Book) -> None:
    """
    A replacement that no meter reads and nobody pays for is recorded with warnings.
    """
    recorded(book, event())

    answer = book.amend(
        source="api",
        id="r-1",
        replacement=event("r-1b", customer=None),
        actor="ops",
        reason="whose?",
    )

    assert isinstance(answer, Recorded)
    assert [one.code for one in answer.warnings] == ["unmatched", "unattributed"]


def test_a_retried_amendment_is_a_duplicate(metered: Book) -> None:
    """
    Amending twice is amending once; another replacement for a void event is an error.
    """
    entry_id = recorded(metered, event())

    def amend(id_: str, tokens: int) -> object:
        return metered.amend(
            entry_id=entry_id,
            replacement=event(id_, tokens=tokens),
            actor="ops",
            reason="a slip",
        )

    first = amend("r-1b", 42)
    assert isinstance(first, Recorded)

    assert amend("r-1b", 42) == Duplicate(first.entry_id)
    assert amend("r-1b", 43) == Conflict(first.entry_id)
    with pytest.raises(errors.AlreadyVoidError):
        amend("r-1c", 42)
    assert units(metered) == 42
    assert len(metered.entries()) == 3


def test_a_replacement_must_be_new(metered: Book) -> None:
    """
    A replacement whose identity is in the book leaves the event as it was.
    """
    [first, other] = [recorded(metered, event(id_)) for id_ in ("r-1", "r-2")]

    def amend(replacement: Event) -> object:
        return metered.amend(
            entry_id=first, replacement=replacement, actor="ops", reason="a slip"
        )

    assert amend(event("r-2")) == Duplicate(other)
    assert amend(event("r-2", tokens=1)) == Conflict(other)
    assert isinstance(amend(event("r-1")), Duplicate)
    assert isinstance(amend(event("", tokens=1)), Refused)
    assert units(metered) == 840
    assert len(metered.entries()) == 2


def test_a_preview_says_what_would_change(metered: Book) -> None:
    """
    A preview counts what matches and reads each number with and without it.
    """
    metered.define({"peak": PEAK})
    for number in range(4):
        recorded(metered, event(str(number), tokens=10 + number))
    metered.record([event("g", customer="globex", tokens=5)])
    metered.void(source="api", id="0", actor="ops", reason="first")

    preview = metered.void_preview(EventQuery(customer="acme"))

    assert (preview.matched_count, preview.void_count) == (4, 1)
    assert preview.first_at == preview.last_at == NOON
    changes = [
        (change.customer, change.meter_key, change.units_before, change.units_after)
        for change in preview.changes
    ]
    assert changes == [("acme", "peak", 13, 0), ("acme", "tokens", 36, 0)]
    assert units(metered) == 36


def test_a_preview_counts_who_was_attributed(metered: Book) -> None:
    """
    Usage that an attribution gave to a customer is shown as that customer's.
    """
    metered.attribute("ann", "acme", effective_at=NOON)
    recorded(metered, event(customer=None))
    query = EventQuery(subject="ann", start=NOON, end=NOON + dt.timedelta(days=1))

    [change] = metered.void_preview(query).changes

    assert (change.customer, change.units_before, change.units_after) == (
        "acme",
        420,
        0,
    )


def test_nothing_matches_nothing(metered: Book) -> None:
    """
    A preview of no events is empty, and voiding them does nothing.
    """
    query = EventQuery(subject="nobody")

    assert metered.void_preview(query).matched_count == 0
    done = metered.void_where(query, actor="ops", reason="r", expected_count=0)
    assert (done.voided_count, done.void_before_count) == (0, 0)


def test_a_bulk_void_is_what_the_preview_said(
    metered: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    All that matched is void afterwards, in batches, and a second run changes nothing.
    """
    monkeypatch.setattr("meterbook.services.corrections.voiding.VOID_BATCH_ENTRIES", 2)
    for number in range(5):
        recorded(metered, event(str(number)))
    query = EventQuery(type="llm.request")
    seen: list[int] = []

    done = metered.void_where(
        query, actor="ops", reason="test runs", expected_count=5, progress=seen.append
    )
    again = metered.void_where(query, actor="ops", reason="test runs", expected_count=5)

    assert (done.voided_count, done.void_before_count) == (5, 0)
    assert (again.voided_count, again.void_before_count) == (0, 5)
    assert seen == [2, 4, 5]
    assert units(metered) == 0


def test_a_bulk_void_that_was_stopped_goes_on(
    metered: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Stopped after a batch, it is finished by running it again with the same count.
    """
    monkeypatch.setattr("meterbook.services.corrections.voiding.VOID_BATCH_ENTRIES", 2)
    for number in range(5):
        recorded(metered, event(str(number)))
    query = EventQuery(customer="acme")

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        metered.void_where(
            query, actor="ops", reason="test runs", expected_count=5, progress=stop
        )
    assert units(metered) == 3 * 420
    done = metered.void_where(query, actor="ops", reason="test runs", expected_count=5)

    assert (done.voided_count, done.void_before_count) == (3, 2)
    assert units(metered) == 0


def test_a_bulk_void_refuses_what_was_not_previewed(metered: Book) -> None:
    """
    If another number matches by now, nothing is voided; nor without a query.
    """
    recorded(metered, event())

    with pytest.raises(errors.InvalidQueryError, match="1 events match, 2 were"):
        metered.void_where(
            EventQuery(customer="acme"), actor="ops", reason="r", expected_count=2
        )
    with pytest.raises(errors.InvalidQueryError, match="which events"):
        metered.void_where(EventQuery(), actor="ops", reason="r", expected_count=1)
    assert units(metered) == 420


@pytest.mark.parametrize("unknown", [-1, 2**63, 10**30, True, 1.0])
def test_an_entry_id_that_cannot_be_is_unknown(book: Book, unknown: int) -> None:
    """
    An id beyond what a store can hold is as unknown as any other.
    """
    book.record([event("1")])

    with pytest.raises(errors.UnknownEntryError, match="entry"):
        book.void(entry_id=unknown, actor="ops", reason="x")
    with pytest.raises(errors.UnknownEntryError, match="entry"):
        book.amend(entry_id=unknown, replacement=event("2"), actor="a", reason="x")
