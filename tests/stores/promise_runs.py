"""
Runs of operations for the promise suite: drawn at random, aimed at where things meet.

Few names and few ids, so that the same one comes up again; moments a microsecond before
and after the edge of an hour, day or month; few meters at a time, so that each of them
has something to read.
"""

from __future__ import annotations

import datetime as dt

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from hypothesis import strategies as st

from meterbook import Event, Period


HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR
MICROSECOND = dt.timedelta(microseconds=1)
START = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
NOW = START + 40 * DAY

CUSTOMERS = ["acme", "globex"]
IDS = [str(number) for number in range(24)]
TYPES = ["llm.request", "seat.held"]
STATED = ["meterbook.one", "meterbook.other"]

# The last three are unusable, or not, as the meter is.
VALUES = [0, 1, 1, 7, 7, 10, 10, "3", Decimal("0.5"), -1, None]

# The start of an hour, of a day and of a month: where rollups are cut.
EDGES = [START + HOUR, START + DAY, START + 29 * DAY]

# Every aggregation, with and without groups, filters and decimals.
METERS: dict[str, dict[str, object]] = {
    "tokens": {"aggregation": "sum", "value": "n", "group_by": ["model"]},
    "fine": {"aggregation": "sum", "value": "n", "scale": 2, "missing": "zero"},
    "requests": {"aggregation": "count", "filters": [{"path": "model", "eq": "xl"}]},
    "average": {"aggregation": "average", "value": "n"},
    "least": {"aggregation": "min", "value": "n", "group_by": ["model"]},
    "most": {"aggregation": "max", "value": "n"},
    "latest": {"aggregation": "latest", "value": "n", "group_by": ["model"]},
    "peak": {"aggregation": "peak", "value": "n"},
    "peaks": {"aggregation": "peak", "value": "n", "group_by": ["model"]},
    "held": {"aggregation": "time_weighted", "value": "n"},
    "models": {"aggregation": "unique", "value": ["model", "n"]},
    "keys": {"aggregation": "unique", "value": "n", "group_by": ["model"]},
    "busy": {
        "aggregation": "percentile",
        "percentile": "90",
        "hourly": "sum",
        "rounding": "floor",
        "value": "n",
    },
    "high": {
        "aggregation": "percentile",
        "percentile": "50",
        "hourly": "peak",
        "rounding": "ceil",
        "value": "n",
    },
}
# Everything but these can be read by the hour.
METERS |= {
    "seats": {"aggregation": "members"},
    "large": {
        "aggregation": "members",
        "states": ["active", "pending"],
        "filters": [{"path": "model", "ne": "xs"}],
    },
}
# Of these, changes of seats can be recorded live.
LIVE = ["seats", "large", "peak", "held"]
GROUPED = {key for key, meter in METERS.items() if "group_by" in meter}


@dataclass(frozen=True, kw_only=True)
class Record:
    events: list[Event]


@dataclass(frozen=True, kw_only=True)
class Void:
    id: str


@dataclass(frozen=True, kw_only=True)
class Amend:
    id: str
    replacement: Event


@dataclass(frozen=True, kw_only=True)
class Attribute:
    subject: str
    customer: str | None
    at: dt.datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class State:
    type: str
    customer: str
    units: int
    at: dt.datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class Seat:
    """
    One change of seats; *units* of a level, *member* of the others.
    """

    what: str
    key: str
    customer: str
    member: str
    way: str
    state: str
    units: int


@dataclass(frozen=True, kw_only=True)
class Live:
    """
    Changes of seats in one transaction, while the clock stands at a moment.
    """

    seats: list[Seat]
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Define:
    key: str
    event_type: str


@dataclass(frozen=True, kw_only=True)
class Work:
    steps: int | None


@dataclass(frozen=True, kw_only=True)
class DropRollups:
    pass


@dataclass(frozen=True, kw_only=True)
class Ask:
    """
    Read one meter; *back* places before the last numbered one, None for all there is.
    """

    key: str
    customer: str
    period: Period
    grouped: bool
    as_of: dt.datetime | None
    back: int | None


Statement: TypeAlias = Record | Void | Amend | Attribute | State | Live | Define
Operation: TypeAlias = Statement | Work | DropRollups | Ask


@dataclass(frozen=True, kw_only=True)
class Run:
    """
    What is done with a book, and the periods that are read when it is done.
    """

    operations: list[Operation]
    periods: list[Period]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """
    Draw a run around one edge, with few meters, so that things meet there.
    """
    edge = draw(st.sampled_from(EDGES))
    keys = draw(st.lists(st.sampled_from(list(METERS)), min_size=1, max_size=3))
    if not set(keys) & set(LIVE):
        keys.append(draw(st.sampled_from(LIVE)))
    defined: list[Operation] = [Define(key=key, event_type=TYPES[0]) for key in keys]
    told: list[Operation] = []
    for _ in range(draw(st.integers(2, 5))):
        told.append(draw(_records(edge)))
        told += draw(st.lists(_others(edge, keys), min_size=1, max_size=4))
    late = draw(st.booleans())
    operations = [*told, *defined] if late else [*defined, *told]
    return Run(operations=operations, periods=_periods(edge))


def _moments(edge: dt.datetime) -> list[dt.datetime]:
    close = [edge - MICROSECOND, edge, edge + MICROSECOND]
    return [*close, *close, edge - HOUR, edge + HOUR / 2, edge + 5 * HOUR, NOW + HOUR]


def _periods(edge: dt.datetime) -> list[Period]:
    return [
        Period(edge, edge + 28 * DAY),
        Period(edge - DAY, edge),
        Period(edge - HOUR / 2, edge + MICROSECOND),
        Period(edge - 30 * DAY, edge + 30 * DAY),
        Period(edge + MICROSECOND, edge + 5 * HOUR),
        Period(edge - 2 * HOUR, edge + 2 * HOUR),
    ]


def _events(edge: dt.datetime) -> st.SearchStrategy[Event]:
    """
    Half of the events state no customer; one of a dozen is refused. Half of them are of
    members, and one of a few of those cannot be taken.
    """
    models = {"model": st.sampled_from(["xl", "xl", "xs", None])}
    changes = st.sampled_from(["join", "join", "leave", "join", "baseline", "gone"])
    ways = {
        "way": st.sampled_from(["", "scim", "scim", None, 7]),
        "state": st.sampled_from(["active", "active", "pending", True]),
    }
    return st.builds(
        Event,
        source=st.just("api"),
        id=st.sampled_from([*IDS, ""]),
        type=st.sampled_from([TYPES[0], TYPES[0], TYPES[1]]),
        time=st.sampled_from([*_moments(edge), None]),
        customer=st.sampled_from(["acme", "acme", "globex", None, None, None]),
        subject=st.sampled_from(["ann", "ann", "bob", None]),
        actor=st.sampled_from([None, "ann"]),
        data=st.one_of(
            st.fixed_dictionaries({"n": st.sampled_from(VALUES)}, optional=models),
            st.fixed_dictionaries({"change": changes}, optional=ways | models),
        ),
    )


def _records(edge: dt.datetime) -> st.SearchStrategy[Record]:
    events = st.lists(_events(edge), min_size=2, max_size=12)
    return st.builds(Record, events=events)


def _others(edge: dt.datetime, keys: list[str]) -> st.SearchStrategy[Operation]:
    """
    Anything but recording: hypothesis takes one alternative as often as another.
    """
    moments, events = _moments(edge), _events(edge)
    attributions = st.builds(
        Attribute,
        subject=st.sampled_from(["ann", "ann", "bob"]),
        customer=st.sampled_from(["acme", "acme", "globex", None]),
        at=st.sampled_from(moments),
        id=st.sampled_from(["a", "b", "c", "d"]),
    )
    stated = st.builds(
        State,
        type=st.sampled_from(STATED),
        customer=st.sampled_from([*CUSTOMERS, ""]),
        units=st.sampled_from([1, 2]),
        at=st.sampled_from(moments[:2]),
        id=st.sampled_from(["s", "t", "u"]),
    )
    return st.one_of(
        stated,
        _lives(edge, keys),
        _lives(edge, keys),
        st.builds(Void, id=st.sampled_from(IDS)),
        st.builds(Amend, id=st.sampled_from(IDS), replacement=events),
        attributions,
        st.builds(Define, key=st.sampled_from(keys), event_type=st.sampled_from(TYPES)),
        st.builds(Work, steps=st.sampled_from([None, None, 1])),
        st.just(DropRollups()),
        st.builds(
            Ask,
            key=st.sampled_from(keys),
            customer=st.sampled_from(CUSTOMERS),
            period=st.sampled_from(_periods(edge)),
            grouped=st.booleans(),
            as_of=st.sampled_from([None, *moments]),
            back=st.sampled_from([None, None, 0, 1, 3]),
        ),
    )


def _lives(edge: dt.datetime, keys: list[str]) -> st.SearchStrategy[Live]:
    """
    What the meters can take, if one of them can: who joins and leaves, and levels.
    """
    taking = [key for key in keys if key in LIVE] or keys
    seats = st.one_of([_seats(key) for key in taking])
    return st.builds(
        Live,
        seats=st.lists(seats, min_size=1, max_size=4),
        at=st.sampled_from([*_moments(edge)[:6], edge - HOUR, edge + HOUR / 2]),
    )


def _seats(key: str) -> st.SearchStrategy[Seat]:
    named = METERS[key]["aggregation"] == "members"
    whats = ["join", "join", "leave", "baseline"] if named else ["level"]
    return st.builds(
        Seat,
        what=st.sampled_from(whats),
        key=st.just(key),
        customer=st.sampled_from(["acme", "acme", "globex"]),
        member=st.sampled_from(["ann", "bob", "eve"]),
        way=st.sampled_from(["", "", "scim"]),
        state=st.sampled_from(["active", "active", "pending"]),
        units=st.sampled_from([0, 1, 5, 700]),
    )
