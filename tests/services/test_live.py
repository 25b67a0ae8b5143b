"""
Recording live, in a transaction of the book's own: what is taken, and what is not.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Any

import pytest

from meterbook import Book, Event, Recorded, errors


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from meterbook.services.seats.live import Live


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MONTH: dict[str, Any] = {"start": "2026-03-01", "end": "2026-04-01"}
MICROSECOND = dt.timedelta(microseconds=1)


@pytest.fixture
def seats() -> Iterator[Book]:
    """
    Give a book with meters of members, of levels and of others, in which it is noon.
    """
    with Book.create(":memory:", test_clock=NOON) as book:
        book.define(
            {
                "seats": {"event_type": "seat", "aggregation": "members"},
                "level": {"event_type": "lv", "aggregation": "peak", "value": "units"},
                "teams": {
                    "event_type": "lv",
                    "aggregation": "peak",
                    "value": "units",
                    "group_by": ["team"],
                },
                "tokens": {"event_type": "t", "aggregation": "sum", "value": "n"},
                "busy": {
                    "event_type": "lv",
                    "aggregation": "percentile",
                    "percentile": "90",
                    "hourly": "peak",
                    "rounding": "floor",
                    "value": "units",
                },
            }
        )
        yield book


def test_everything_in_a_block_is_recorded_or_nothing(seats: Book) -> None:
    """
    A block that raises leaves nothing: no seat, no event, no name.
    """
    with pytest.raises(KeyError), seats.live() as live:
        live.join("seats", customer="acme", member="ann")
        live.record([Event(source="api", id="1", type="t", subject="bob")])
        raise KeyError
    seats.work()
    assert seats.entries() == []
    with pytest.raises(errors.UnknownSubjectError):
        list(seats.people.export("bob"))

    with seats.live() as live:
        joined = live.join("seats", customer="acme", member="ann")
        [recorded] = live.record([Event(source="api", id="1", type="t", subject="bob")])

    assert isinstance(recorded, Recorded)
    assert joined.occurred_at == NOON
    assert seats.read("seats", customer="acme", **MONTH).units == 1


def test_each_transaction_is_later_than_the_one_before(seats: Book) -> None:
    """
    Of one customer and type: while the clock stands, or goes back, a microsecond later.
    """
    found, others = [], []
    for at in (NOON, NOON, NOON - dt.timedelta(days=1)):
        seats.move_clock(at)
        with seats.live() as live:
            found.append(live.join("seats", customer="acme", member="ann").occurred_at)
            other = live.join("seats", customer=f"other {len(found)}", member="ann")
            others.append(other.occurred_at)
    assert found == [NOON, NOON + MICROSECOND, NOON + 2 * MICROSECOND]
    assert others == [NOON, NOON, NOON - dt.timedelta(days=1)]


def test_a_spike_of_no_length_is_no_peak(seats: Book) -> None:
    """
    Who comes and goes in one transaction was never there; who is gone in the next was.
    """
    with seats.live() as live:
        live.join("seats", customer="acme", member="ann")
        live.join("seats", customer="acme", member="bob")
        live.leave("seats", customer="acme", member="ann")
        live.level("level", customer="acme", units=90)
        live.level("level", customer="acme", units=2)
    seats.move_clock(NOON + dt.timedelta(days=1))
    assert seats.read("seats", customer="acme", **MONTH).units == 1
    assert seats.read("level", customer="acme", **MONTH).units == 2
    with seats.live() as live:
        live.join("seats", customer="acme", member="eve")
    with seats.live() as live:
        live.leave("seats", customer="acme", member="eve")
    seats.move_clock(NOON + dt.timedelta(days=2))
    assert seats.read("seats", customer="acme", **MONTH).units == 2


def test_a_baseline_says_since_when_it_is_known(seats: Book) -> None:
    """
    Before it the level is unknown, from it on a true 0.
    """
    with seats.live() as live:
        live.baseline("seats", customer="acme", cause="counting starts")
        live.level("level", customer="acme", units=0)
    for meter in ("seats", "level"):
        reading = seats.read(meter, customer="acme", **MONTH)
        assert (reading.units, reading.last_units) == (0, 0)
        assert reading.known_since == NOON
        assert seats.read(meter, customer="globex", **MONTH).known_since is None


def test_the_definition_is_the_meters_version_unless_it_is_told(seats: Book) -> None:
    """
    What counts as a seat has a number of its own; the meter's version stands in for it.
    """
    wider = {
        "event_type": "seat",
        "aggregation": "members",
        "states": ["active", "pending"],
    }
    with seats.live() as live:
        live.join("seats", customer="acme", member="ann")
    seats.define({"seats": wider})
    with seats.live() as live:
        live.join("seats", customer="acme", member="bob", state="pending")
        live.join("seats", customer="acme", member="eve", definition=7)
    seats.work()
    numbers = [entry.data["definition"] for entry in seats.entries()]
    assert numbers == [1, 2, 7]


BAD: dict[str, tuple[Callable[[Live], object], str]] = {
    "no meter": (lambda w: w.join("none", customer="a", member="x"), "'none'"),
    "a level": (lambda w: w.join("level", customer="a", member="x"), "not members"),
    "members": (lambda w: w.level("seats", customer="a", units=1), "members meter"),
    "a sum": (lambda w: w.level("tokens", customer="a", units=1), "sum meter"),
    "hours": (lambda w: w.level("busy", customer="a", units=1), "percentile"),
    "groups": (lambda w: w.level("teams", customer="a", units=1), "by group"),
    "no customer": (lambda w: w.join("seats", customer="", member="x"), "customer"),
    "blank member": (lambda w: w.join("seats", customer="a", member=" "), "member"),
    "long member": (
        lambda w: w.join("seats", customer="a", member="x" * 256),
        "member",
    ),
    "no text": (lambda w: w.join("seats", customer="a", member="\0"), "member"),
    "a number": (lambda w: w.join("seats", customer="a", member=wrong(7)), "member"),
    "blank way": (lambda w: w.leave("seats", customer="a", member="x", way=" "), "way"),
    "long state": (
        lambda w: w.join("seats", customer="a", member="x", state="x" * 101),
        "state",
    ),
    "no actor": (lambda w: w.baseline("seats", customer="a", actor=""), "actor"),
    "long cause": (
        lambda w: w.baseline("seats", customer="a", cause="x" * 1001),
        "cause",
    ),
    "negative": (lambda w: w.level("level", customer="a", units=-1), "units"),
    "fraction": (lambda w: w.level("level", customer="a", units=wrong(1.5)), "units"),
    "a flag": (lambda w: w.level("level", customer="a", units=wrong(value=True)), "un"),
    "too many": (lambda w: w.level("level", customer="a", units=2**63), "units"),
    "definition": (
        lambda w: w.baseline("seats", customer="a", definition=0),
        "definition",
    ),
}


def wrong(value: object) -> Any:  # noqa: ANN401 - what a type checker would refuse
    return value


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_recorded_is_named(seats: Book, name: str) -> None:
    """
    The error names the field or the meter, and nothing else of the block is lost.
    """
    act, said = BAD[name]
    with seats.live() as live:
        live.join("seats", customer="acme", member="ann")
        with pytest.raises(errors.CallerError, match=said):
            act(live)
    seats.work()
    assert [entry.subject for entry in seats.entries()] == ["ann"]


@pytest.mark.parametrize(
    ("actor", "cause"), [("", None), (None, " "), ("x" * 256, "y")]
)
def test_who_acts_and_why_is_said_or_left_out(
    seats: Book, actor: str | None, cause: str | None
) -> None:
    """
    A blank name or reason is refused before anything is begun.
    """
    with (
        pytest.raises(errors.InvalidQueryError),
        seats.live(actor=actor, cause=cause),
    ):
        pass


def test_a_book_that_is_only_read_takes_no_seats(tmp_path: Path) -> None:
    """
    Opened for reading, it says so.
    """
    Book.create(tmp_path / "book.db").close()
    with (
        Book.open(tmp_path / "book.db", read_only=True) as book,
        pytest.raises(errors.ReadOnlyBookError),
        book.live(),
    ):
        pass


def test_a_leave_without_its_join_is_no_error(seats: Book) -> None:
    """
    Who was never told of can leave, and a customer need not be declared.
    """
    with seats.live() as live:
        live.leave("seats", customer="nobody knows", member="ann")
    reading = seats.read("seats", customer="nobody knows", **MONTH)
    assert (reading.units, reading.last_units) == (0, 0)
