"""
Worked cases of other systems, read by our meters.

A case is run, or it is in NOT_OURS with the reason; a test proves that there is no
third way. What a case says in words (a filter, a rounding) is said here in a meter.
"""

from __future__ import annotations

import datetime as dt
import math

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from meterbook.foundation.instants import HOUR, parse_moment, to_moment
from meterbook.foundation.periods import Calendar, Interval, Period
from meterbook.metering.admission import Admitted, admit
from meterbook.metering.events import Event
from vectors.cases import Case, all_cases, require_vectors
from vectors.reading import micros_of, numbers, read


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


require_vectors()

KINDS = {
    "price.bucketed_max",
    "rollup",
    "seat.activity_window",
    "seat.high_water",
    "seat.max_quantity",
    "seat.role_filter",
}
PREFIXES = ("aggregate.", "aggregation.", "allotment.", "client_count.", "ingest.")

NO_WALL = "the past has no wall: an event is counted however late it comes (1.7)"
ALLOWANCE = "an allowance: not what was used, but what of it is charged; for rating"
NOT_OURS = {
    "KB-300": "what occurs exactly at the end belongs to the next period (2.4)",
    "dd-allot-5-hosts": ALLOWANCE,
    "dd-included-60": ALLOWANCE,
    "dd-unpooled": ALLOWANCE,
    "ingest-chargebee-window": NO_WALL,
    "ingest-metronome-window": NO_WALL,
    "ingest-orb-conflict-batch": "one bad event does not sink its batch (1.5)",
}

JUNE = Period(
    dt.datetime(2025, 6, 1, tzinfo=dt.UTC), dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
)


def hourly(values: Iterable[object]) -> list[tuple[int, dict[str, Any]]]:
    start = JUNE.start_us
    return [(start + index * HOUR, {"n": n}) for index, n in enumerate(values)]


def hours(count: int) -> Period:
    return Period.between(JUNE.start_us, JUNE.start_us + count * HOUR)


def keys(names: Iterable[str], **data: object) -> list[tuple[int, dict[str, Any]]]:
    return [(JUNE.start_us, {"key": name, **data}) for name in names]


# --- by kind --------------------------------------------------------------------------


def count(case: Case) -> None:
    reading = read(numbers(case.inputs["events"]), JUNE, aggregation="count")
    assert reading.units == case.expected["value"]


def add_up(case: Case) -> None:
    said = numbers(case.inputs["events"])
    reading = read(said, JUNE, aggregation="sum", value="n")
    assert reading.units == case.expected["value"]


def last_by_event_time(case: Case) -> None:
    said = numbers(case.inputs["events_in_arrival_order"])
    reading = read(said, JUNE, aggregation="latest", value="n")
    assert reading.units == case.expected["value"]


def high_water_99(case: Case) -> None:
    """
    Read the case in each of the field's wordings that it states.
    """
    inputs, expected = case.inputs, case.expected
    length = inputs["hours"]
    if "hourly" in inputs:
        assert inputs["hourly"] == "1..672 (one value per hour)"
        values = list(range(1, length + 1))
    else:
        values = [value for value, run in inputs["hourly_runs"] for _ in range(run)]
    wordings: dict[str, dict[str, Any]] = {
        "eighth_highest": {"drop_hours": 7},
        "ninth_highest": {"drop_hours": 8},
        "drop_floor_1pct": {"rounding": "floor"},
        "drop_ceil_1pct": {"rounding": "ceil"},
    }
    if "billable" in expected:
        expected = {inputs["rule"]: expected["billable"]}

    for wording, units in expected.items():
        reading = read(
            hourly(values),
            hours(length),
            aggregation="percentile",
            value="n",
            percentile="99",
            hourly="max",
            **wordings[wording],
        )
        assert reading.units == units, wording


def weighted_sum(case: Case) -> None:
    """
    The case states changes, a level meter levels: say the level after each change.
    """
    start, last = (micros_of(at) for at in case.inputs["period"].split("/"))
    period = Period.between(start, last + 1_000)  # its last millisecond is inside
    level = Decimal(case.inputs["initial"])
    levels = []
    for at, delta in case.inputs["deltas"]:
        level += Decimal(delta)
        levels.append((at, level))

    reading = read(numbers(levels), period, aggregation="time_weighted", value="n")

    assert isinstance(reading.units, Fraction)
    assert round(reading.units, 5) == Fraction(case.expected["value"])


def seats_by_day(case: Case) -> None:
    """
    Seats added or removed at midnight, weighted by time; rounded up, as the note says.
    """
    inputs = case.inputs
    start, end = (micros_of(at) for at in inputs["period"].split("/"))
    period = Period.between(start, end + 1_000_000)  # its last second is inside
    assert period.end_us - period.start_us == inputs["period_days"] * 24 * HOUR
    day = 24 * HOUR
    levels = {
        "1 carried over": [(-day, 1)],
        "1 carried over, 1 added at period_start+10d": [(-day, 1), (10 * day, 2)],
        "1 added at period_start+15d": [(15 * day, 1)],
    }[inputs["seats"]]
    if "period_end" in inputs:
        left = micros_of(inputs["period_end"]) + 1_000_000 - start
        levels.append((left, 0))

    reading = read(
        [(start + at, {"n": n}) for at, n in levels],
        period,
        aggregation="time_weighted",
        value="n",
    )

    assert isinstance(reading.units, Fraction)
    rounded_up = Fraction(math.ceil(reading.units * 10**5), 10**5)
    assert rounded_up == Fraction(case.expected["units"])


def average_of_hours(case: Case) -> None:
    inputs, expected = case.inputs, case.expected
    reading = read(hourly(inputs["hourly"]), JUNE, aggregation="average", value="n")
    included = inputs["commit"] + inputs["hosts"] * inputs["per_host"]
    assert reading.units == expected["billable_average"]
    assert max(Fraction(0), reading.units - included) == expected["on_demand"]


def identity(case: Case) -> None:
    """
    A client is who logged in where; where it was used, and root tokens, do not count.
    """
    inputs, expected = case.inputs, case.expected
    if "user" in inputs:
        [key] = [f"{inputs['auth_mounted_in']}/{inputs['user']}"]
        said = [use for at in inputs["used_in"] for use in keys([key], used_in=at)]
        assert (
            read(said, JUNE, aggregation="unique", value="key").units
            == (expected["clients"])
        )
        return

    reading = read(
        keys(inputs["tokens"]),
        JUNE,
        aggregation="unique",
        value="key",
        filters=[{"path": "key", "ne": "root"}],
    )
    assert reading.units == expected["non_entity_clients"]


def namespaces(case: Case) -> None:
    said = [
        (JUNE.start_us, {"namespace": name, "kind": kind, "n": n})
        for name, *clients in case.inputs["rows"]
        for kind, n in zip(("entity", "non_entity"), clients, strict=True)
    ]
    reading = read(said, JUNE, aggregation="sum", value="n", group_by=["kind"])

    found = {str(g.group[0][1]): g.units for g in reading.groups if g.group}
    assert found | {"clients": reading.units} == case.expected


def clients_of_a_year(case: Case) -> None:
    """
    Clients of a month, of the year so far, and how many of them are new.
    """
    months = case.inputs["months"]
    calendar = Calendar(JUNE.start, Interval.MONTH)
    periods = [calendar.period(index) for index in range(len(months))]
    said = [
        (period.start_us, {"key": name})
        for period, names in zip(periods, months.values(), strict=True)
        if period
        for name in names
    ]

    def seen(first: int, last: int) -> int:
        begin, end = periods[first], periods[last]
        assert begin
        assert end
        whole = Period(begin.start, end.end)
        units = read(said, whole, aggregation="unique", value="key").units
        assert isinstance(units, int)
        return units

    active = [seen(month, month) for month in range(len(months))]
    so_far = [0, *(seen(0, month) for month in range(len(months)))]
    assert {
        "monthly_active": active,
        "monthly_new": [after - before for before, after in pairwise(so_far)],
        "period_total": so_far[-1],
        "naive_sum": sum(active),
    } == case.expected


def clients_of_all_types(case: Case) -> None:
    said = [(JUNE.start_us, {"kind": k, "n": n}) for k, n in case.inputs.items()]
    reading = read(said, JUNE, aggregation="sum", value="n")
    assert reading.units == case.expected["clients"]


def composite_identity(case: Case) -> None:
    """
    An event is known by source and id; what else is to tell events apart is in the id.
    """
    assert case.inputs["key"][1:] == ["usage_timestamp", "deduplication_id"]
    admitted = []
    for subscription, millis, key in case.inputs["events"]:
        offered = Event(
            source=subscription,
            id=f"{millis}:{key}",
            type="use",
            time=to_moment(millis * 1_000),
            customer="acme",
            data={},
        )
        taken = admit(offered, now_us=millis * 1_000)
        assert isinstance(taken, Admitted)
        admitted.append(taken)

    identities = {(one.source, one.event_id) for one in admitted}
    assert len(identities) == case.expected["distinct"]


def active_in_the_last_days(case: Case) -> None:
    """
    Active is who was seen in the days before as-of: the first day inside, as-of not.
    """
    inputs = case.inputs
    end = parse_moment(inputs["as_of"])
    window = Period(end - dt.timedelta(days=inputs["window_days"]), end)
    found = []
    for day in inputs["last_action"]:
        said = [(micros_of(f"{day}T00:00:00Z"), {"key": "ann"})]
        found.append(read(said, window, aggregation="unique", value="key").units == 1)
    assert found == case.expected["active"]


def seats_over_licence(case: Case) -> None:
    inputs = case.inputs
    said = hourly([inputs["max_ever"], inputs["current"]])
    peak = read(said, JUNE, aggregation="peak", value="n")
    assert isinstance(peak.units, int)
    assert peak.last_units is not None
    assert {
        "remaining": inputs["licensed"] - peak.last_units,
        "over_licence": inputs["licensed"] - peak.units < 0,
    } == case.expected


def maximum_quantity(case: Case) -> None:
    """
    The invoice is for what is carried in, the next for the peak and the part held.
    """
    inputs, expected = case.inputs, case.expected
    price, at = Fraction(inputs["price"]), Fraction(inputs["at_fraction"])
    added_at = JUNE.start_us + int(at * JUNE.microseconds)
    before, after = inputs["start_seats"], inputs["start_seats"] + inputs["added"]
    said = [(JUNE.start_us - HOUR, {"n": before}), (added_at, {"n": after})]

    peak = read(said, JUNE, aggregation="peak", value="n")
    held = read(said, JUNE, aggregation="time_weighted", value="n")

    assert peak.carried_units is not None
    assert peak.units is not None
    assert held.units is not None
    prorated = (held.units - peak.carried_units) * price
    assert peak.carried_units * price == Fraction(expected["this_invoice"])
    assert peak.units == expected["next_quantity"]
    assert prorated == Fraction(expected["prorated_next"])
    assert peak.units * price + prorated == Fraction(expected["next_invoice"])


def billed_roles(case: Case) -> None:
    said = [
        member
        for role, number in case.inputs["members"].items()
        for member in keys((f"{role}-{n}" for n in range(number)), role=role)
    ]
    free = ["single_channel_guest", "bot"]
    reading = read(
        said,
        JUNE,
        aggregation="unique",
        value="key",
        filters=[{"path": "role", "not_in": free}],
    )
    assert reading.units == case.expected["billed"]


def maxima_of_hours(case: Case) -> None:
    """
    The highest value of each hour; what it costs is summed as the case says.
    """
    prices: dict[str, Callable[[Decimal], Decimal]] = {
        "flat 0.10": lambda units: units * Decimal("0.10"),
        "volume .10/.05/.02 (10/20)": lambda units: (
            units
            * Decimal("0.10" if units <= 10 else "0.05" if units <= 20 else "0.02")
        ),
    }
    price = prices[case.inputs["model"]]
    amount = Decimal(0)
    for index, highest in enumerate(case.inputs["bucket_maxima"]):
        start = JUNE.start_us + index * HOUR
        hour = Period.between(start, start + HOUR)
        said = [
            (start, {"n": 1}),
            (start + HOUR - 1, {"n": highest}),
            (start + HOUR, {"n": 99}),
        ]
        value = read(said, hour, aggregation="max", value="n").value
        assert value == Decimal(highest)
        amount += price(Decimal(highest))
    assert amount == Decimal(case.expected["amount"])


RUN: dict[str, Callable[[Case], None]] = {
    "aggregate.count": count,
    "aggregate.high_water_99": high_water_99,
    "aggregate.last": last_by_event_time,
    "aggregate.sum": add_up,
    "aggregation.unique_count_prorated": seats_by_day,
    "aggregation.weighted_sum": weighted_sum,
    "allotment.monthly_average": average_of_hours,
    "client_count.identity": identity,
    "client_count.namespaces": namespaces,
    "client_count.period": clients_of_a_year,
    "client_count.types": clients_of_all_types,
    "ingest.dedup": composite_identity,
    "price.bucketed_max": maxima_of_hours,
    "seat.activity_window": active_in_the_last_days,
    "seat.high_water": seats_over_licence,
    "seat.max_quantity": maximum_quantity,
    "seat.role_filter": billed_roles,
}


# --- the tests ------------------------------------------------------------------------

OF_OUR_KINDS = [
    case for case in all_cases() if case.kind in KINDS or case.kind.startswith(PREFIXES)
]


@pytest.mark.parametrize(
    "case",
    [case for case in OF_OUR_KINDS if case.id not in NOT_OURS],
    ids=lambda case: case.id,
)
def test_a_case_reads_as_its_source_says(case: Case) -> None:
    """
    Our meters say of the case's inputs what its source says.
    """
    RUN[case.kind](case)


def test_no_case_is_left_out_in_silence() -> None:
    """
    Every case of these kinds is run, or listed with the reason why it is not ours.
    """
    ids = {case.id for case in OF_OUR_KINDS}
    not_run = {case.id for case in OF_OUR_KINDS if case.kind not in RUN}

    assert not_run <= NOT_OURS.keys() <= ids
    assert {case.kind for case in OF_OUR_KINDS} >= KINDS


def test_what_occurs_at_the_end_is_counted_in_the_next_period() -> None:
    """
    KB-300 by our rule: the record at the last boundary is in no period before it.
    """
    [case] = [case for case in OF_OUR_KINDS if case.id == "KB-300"]
    start, end = map(micros_of, case.inputs["boundaries"])
    said = numbers((at, n) for at, _, n in case.inputs["records"])

    reading = read(said, Period.between(start, end), aggregation="sum", value="n")

    assert reading.units == 12


@pytest.mark.parametrize("name", ["ingest-chargebee-window", "ingest-metronome-window"])
def test_the_past_has_no_wall(name: str) -> None:
    """
    What these sources refuse as too old is taken and counted.
    """
    [case] = [case for case in OF_OUR_KINDS if case.id == name]
    now = micros_of(case.inputs["now"])
    for index, at in enumerate(case.inputs["events"]):
        offered = Event(
            source="api",
            id=str(index),
            type="use",
            time=parse_moment(at),
            customer="acme",
            data={},
        )
        assert isinstance(admit(offered, now_us=now), Admitted)
