"""
Recording: each event once, one answer for each, and what is odd about it.
"""

from __future__ import annotations

import datetime as dt

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
from meterbook.services.entries import recording
from meterbook.services.entries.recording import BATCH_EVENTS_MAX


if TYPE_CHECKING:
    from meterbook import Recording


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
TOKENS = {"event_type": "llm.request", "aggregation": "sum", "value": "tokens"}

events = st.builds(
    Event,
    source=st.sampled_from(["api", "agent", ""]),
    id=st.sampled_from(["1", "2", "3"]),
    type=st.just("llm.request"),
    time=st.sampled_from([NOON, None, NOON + dt.timedelta(hours=1)]),
    customer=st.sampled_from(["acme", None]),
    subject=st.sampled_from(["ann", "bob", None]),
    data=st.fixed_dictionaries({"tokens": st.integers(0, 1)}),
)


def event(id_: str = "r-1", **fields: object) -> Event:
    stated: dict[str, object] = {
        "source": "api",
        "type": "llm.request",
        "time": NOON,
        "customer": "acme",
        "subject": "ann",
        "data": {"tokens": 420},
    }
    return Event(id=id_, **(stated | fields))  # type: ignore[arg-type]  # by each test


def codes(outcome: Recording) -> list[str]:
    assert isinstance(outcome, Recorded)
    return [warning.code for warning in outcome.warnings]


def test_twice_is_once(book: Book) -> None:
    """
    Telling the book the same event again is answered with the entry that it has.
    """
    [first] = book.record([event()])
    assert isinstance(first, Recorded)

    assert book.record([event()]) == [Duplicate(first.entry_id)]
    assert len(book.entries()) == 1


def test_another_content_is_a_conflict(book: Book) -> None:
    """
    An identity that comes back with other content is a conflict, and is not kept.
    """
    [first] = book.record([event()])
    assert isinstance(first, Recorded)

    assert book.record([event(data={"tokens": 421})]) == [Conflict(first.entry_id)]
    [entry] = book.entries()
    assert entry.data == {"tokens": 420}


def test_one_bad_event_does_not_sink_its_batch(book: Book) -> None:
    """
    Answers come in order, one for each event, and the good ones are recorded.
    """
    answers = book.record([event("1"), event(""), event("1"), event("2"), event("2")])

    kinds = [type(answer) for answer in answers]
    assert kinds == [Recorded, Refused, Duplicate, Recorded, Duplicate]
    assert [entry.id for entry in book.entries()] == ["1", "2"]


def test_what_is_no_event_is_refused(book: Book) -> None:
    """
    Something else than an event in a batch is refused, and does not raise.
    """
    [answer] = book.record([{"source": "api"}])  # type: ignore[list-item]  # on purpose

    assert isinstance(answer, Refused)
    assert answer.code == "wrong_type"


def test_an_absent_time_stays_absent(book: Book) -> None:
    """
    A retry without a time is a duplicate however late it comes: the first receipt
    stands. With a time it says something else.
    """
    book.record([event(time=None)])
    book.move_clock(NOON + dt.timedelta(days=3))

    [again, timed] = book.record([event(time=None), event(time=NOON)])

    assert isinstance(again, Duplicate)
    assert isinstance(timed, Conflict)
    [entry] = book.entries()
    assert entry.time == NOON
    assert not entry.time_given


def test_extensions_do_not_make_another_event(book: Book) -> None:
    """
    A trace id that differs from try to try is kept from the first, and does not count.
    """
    book.record([event(extensions={"traceparent": "00-1"})])

    [again] = book.record([event(extensions={"traceparent": "00-2"})])

    assert isinstance(again, Duplicate)
    assert book.entries()[0].extensions == {"traceparent": "00-1"}


def test_a_batch_over_the_limit_is_refused_whole(book: Book) -> None:
    """
    More events than one call takes raise an error, and nothing is recorded.
    """
    with pytest.raises(errors.BatchTooLargeError, match="10,001 events"):
        book.record([event()] * (BATCH_EVENTS_MAX + 1))

    assert book.entries() == []


def test_a_stream_has_no_limit(book: Book) -> None:
    """
    A stream is recorded batch by batch, and answered in order.
    """
    told = (event(str(number % 25)) for number in range(50))

    answers = list(book.record_stream(told, batch=7))

    assert [type(answer) for answer in answers] == [Recorded] * 25 + [Duplicate] * 25


def test_nothing_is_recorded_of_nothing(book: Book) -> None:
    """
    An empty batch has no answers, and neither has a stream of blank lines.
    """
    assert book.record([]) == []
    assert book.record_json([b"", b"\n", b"  "]) == []


def test_documents_are_answered_in_order(book: Book) -> None:
    """
    A document that cannot be read is refused in its place.
    """
    good = b'{"specversion":"1.0","source":"api","id":"1","type":"llm.request"}'

    answers = book.record_json([good, b"{nothing", good])

    assert [type(answer) for answer in answers] == [Recorded, Refused, Duplicate]


def test_an_event_that_no_meter_reads_is_reported(book: Book) -> None:
    """
    An unmatched event is recorded with a warning, until a meter is defined.
    """
    [before] = book.record([event("1")])
    book.define({"tokens": TOKENS})
    [after] = book.record([event("2")])

    assert codes(before) == ["unmatched"]
    assert codes(after) == []


def test_a_meter_of_another_process_is_seen_within_a_second(book: Book) -> None:
    """
    Meters are looked up once a second, and at once when this process defines one.
    """
    now = [0]
    notices = book._recorder.notices
    notices._monotonic_ns = lambda: now[0]
    notices.expire()
    other = Book(book._store, book._clock)
    book.record([event("1")])
    other.define({"tokens": TOKENS})

    [stale] = book.record([event("2")])
    now[0] = 1_000_000_000
    [fresh] = book.record([event("3")])

    assert codes(stale) == ["unmatched"]
    assert codes(fresh) == []


def test_a_value_that_a_meter_cannot_take_is_reported(book: Book) -> None:
    """
    The warning names the meter and the field, and the event is recorded all the same.
    """
    book.define({"tokens": TOKENS})

    [answer] = book.record([event(data={"tokens": "many"})])

    assert isinstance(answer, Recorded)
    [warning] = answer.warnings
    assert (warning.code, warning.meter_key) == ("unusable", "tokens")
    assert "tokens" in warning.detail


def test_usage_that_nobody_pays_for_is_reported(book: Book) -> None:
    """
    Without a customer stated, an attribution of the subject must cover the moment.
    """
    book.define({"tokens": TOKENS})
    book.attribute("ann", "acme", effective_at=NOON)
    early = NOON - dt.timedelta(microseconds=1)

    answers = book.record(
        [
            event("1", customer=None),
            event("2", customer=None, time=early),
            event("3", customer=None, subject=None),
            event("4", customer=None, subject="somebody new"),
        ]
    )

    assert [codes(answer) for answer in answers] == [[], *[["unattributed"]] * 3]


def test_only_new_events_are_warned_of(book: Book) -> None:
    """
    A duplicate or conflict is that and nothing more, also if nobody pays for it.
    """
    book.record([event(customer=None)])

    [again, other] = book.record([event(customer=None), event(customer=None, data={})])

    assert isinstance(again, Duplicate)
    assert isinstance(other, Conflict)


def test_a_retry_after_erasure_is_a_duplicate(book: Book) -> None:
    """
    The name in a retry has another number by now, and still it is the same event.
    """
    book.record([event(subject="ann", actor="bob")])
    book.people.erase("ann", actor="ops", reason="asked to")
    book.record([event("2", subject="ann")])

    [again, other_actor, other_data] = book.record(
        [
            event(subject="ann", actor="bob"),
            event(subject="ann", actor="ops"),
            event(subject="ann", actor="bob", data={}),
        ]
    )

    assert isinstance(again, Duplicate)
    assert isinstance(other_actor, Conflict)
    assert isinstance(other_data, Conflict)


def test_an_absent_subject_is_not_an_erased_one(book: Book) -> None:
    """
    A retry that leaves the subject out is a conflict, whether it was erased or not.
    """
    book.record([event(subject="ann")])
    book.people.erase("ann", actor="ops", reason="asked to")

    [answer] = book.record([event(subject=None)])

    assert isinstance(answer, Conflict)


def test_a_process_that_missed_an_erasure_knows_its_own_again(book: Book) -> None:
    """
    A retry is a duplicate also where the name's old number is still remembered.
    """
    other = Book(book._store, book._clock)
    other.record([event("1", subject="ann")])
    book.people.erase("ann", actor="ops", reason="asked to")
    book.record([event("2", subject="ann")])

    [old, new] = other.record([event("1", subject="ann"), event("2", subject="ann")])

    assert isinstance(old, Duplicate)
    assert isinstance(new, Duplicate)


def test_more_people_than_are_remembered(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A process forgets people rather than grow without end, and answers the same.
    """
    monkeypatch.setattr("meterbook.services.entries.naming.PEOPLE_CACHED_MAX", 3)
    told = [event(str(number), subject=f"s-{number}") for number in range(10)]

    first = [answer for one in told for answer in book.record([one])]
    second = book.record(told)

    assert [type(answer) for answer in first] == [Recorded] * 10
    assert [type(answer) for answer in second] == [Duplicate] * 10
    assert len(book._recorder.people.named.ids) <= 11
    assert len({entry.subject for entry in book.entries()}) == 10


def test_recording_is_found_by_what_it_said(book: Book) -> None:
    """
    Entries are listed by customer, type, source, subject and moment, in pages.
    """
    book.record([event(str(number), subject=f"s-{number % 2}") for number in range(6)])
    later = event("late", customer="globex", time=NOON + dt.timedelta(minutes=1))
    book.record([later])

    odd = book.entries(EventQuery(subject="s-1"), limit=2)
    rest = book.entries(EventQuery(subject="s-1"), after=odd[-1].place or 0)

    assert [entry.id for entry in [*odd, *rest]] == ["1", "3", "5"]
    assert [e.id for e in book.entries(EventQuery(customer="globex"))] == ["late"]
    assert [e.id for e in book.entries(EventQuery(source="api", id="4"))] == ["4"]
    assert len(book.entries(EventQuery(end=later.time))) == 6
    assert book.entries(EventQuery(subject="nobody")) == []
    with pytest.raises(errors.InvalidQueryError, match="limit"):
        book.entries(limit=0)


@pytest.mark.parametrize("number", [-1, 2**63, 10**25, True, 1.5, "1"])
def test_a_cursor_is_a_number_that_a_book_can_hold(book: Book, number: int) -> None:
    """
    Anything else for `after` or `limit` is an error that names the argument.
    """
    book.define({"m": {"event_type": "t", "aggregation": "count"}})

    for ask in (book.entries, lambda **given: book.unusable("m", **given)):
        with pytest.raises(errors.InvalidQueryError, match="after"):
            ask(after=number)
        with pytest.raises(errors.InvalidQueryError, match="limit"):
            ask(limit=number)


def test_threads_share_a_book(book: Book) -> None:
    """
    Whatever several threads tell a book at once, each event is recorded by one of them.
    """
    told = [event(str(number), subject=f"s-{number}") for number in range(40)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(book.record, [told] * 4))

    kinds = [[type(batch[index]) for batch in answers] for index in range(len(told))]
    assert all(one.count(Recorded) == 1 for one in kinds)
    assert len(book.entries()) == 40


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(told=st.lists(events, max_size=8), cuts=st.lists(st.integers(0, 8), max_size=3))
def test_how_it_is_cut_into_batches_does_not_matter(
    told: list[Event], cuts: list[int]
) -> None:
    """
    The same events in one batch and in several get the same kinds of answers.
    """
    with (
        Book.create(":memory:", test_clock=NOON) as whole,
        Book.create(":memory:", test_clock=NOON) as parts,
    ):
        expected = whole.record(told)
        ends = [*sorted(cuts), len(told)]
        found: list[Recording] = []
        for end in ends:
            found += parts.record(told[len(found) : end]) if end > len(found) else []

        assert found == expected
        assert parts.entries() == whole.entries()


def test_the_limits_are_what_the_reference_says() -> None:
    """
    A batch takes 10,000 events, a stream commits 1,000 at a time.
    """
    assert recording.BATCH_EVENTS_MAX == 10_000
    assert recording.STREAM_BATCH_EVENTS == 1_000
