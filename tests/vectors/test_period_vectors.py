"""
Dates and periods of five other systems, against our calendar.

A case whose days end at 23:59:59 means the same moment as our end, a second later: it
is converted, not rejected. One that states another policy than ours is in NOT_OURS
with the reason. Nothing is left out in silence.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.instants import parse_moment
from meterbook.foundation.periods import Calendar, Interval, Period
from meterbook.foundation.zones import wall_at, zone_named
from vectors.cases import Case, all_cases, require_vectors


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


require_vectors()

# What is about dates and periods, by the beginning of its kind.
OURS = re.compile(
    r"(anchor|date|period)\.|(advance|recede|item)_periods$|next_period_end$|align_"
    r"|bcd_|billing_(interval|cycles)$|usage_boundaries$|whole_periods_|days_between_"
)

LATER_KINDS = {
    "billing_cycles": "shares of a period as amounts: proration, which is pricing's",
}

NOT_OURS = {
    "FP-102": "a boundary before the anchor; ours: nothing precedes the anchor",
    "FP-117": "a bucket that starts before the anchor; likewise",
    "OM-129": "minus three months from the anchor; likewise",
    "OM-131": "a duration of six units; ours: an interval is one unit, times a count",
    "KB-036": "greedy arrears ask before a period ends; ours: when it is complete",
    "KB-110": "every month has 30 days; ours: as many as it has, here 31",
    "KB-112": "every month has 30 days; ours: as many as it has, here 28",
    **dict.fromkeys(
        [
            "KB-071",
            "KB-077",
            "KB-080",
            "KB-082",
            "KB-087",
            "KB-089",
            "KB-090",
            "KB-091",
        ],
        "steps back from the anchor; ours: nothing precedes the anchor",
    ),
}

US = dt.timedelta(microseconds=1)
SECOND = dt.timedelta(seconds=1)

INTERVALS = {
    "DAILY": (Interval.DAY, 1),
    "WEEKLY": (Interval.WEEK, 1),
    "MONTHLY": (Interval.MONTH, 1),
    "QUARTERLY": (Interval.QUARTER, 1),
    "YEARLY": (Interval.YEAR, 1),
    "ANNUAL": (Interval.YEAR, 1),
    "THIRTY_DAYS": (Interval.DAY, 30),
    "P1W": (Interval.WEEK, 1),
    "P1M": (Interval.MONTH, 1),
}

CASES = [case for case in all_cases() if OURS.match(case.kind)]


def at(text: str, zone: str = "UTC") -> dt.datetime:
    """
    Return the moment that a case writes: a date, or a time with or without a zone.
    """
    if re.fullmatch(r".*T\d\d:\d\d", text):
        text += ":00"
    if re.fullmatch(r".*T\d\d:\d\d:\d\d", text):
        text += "Z"
    text = re.sub(r"(T\d\d:\d\d)Z$", r"\1:00Z", text)
    return parse_moment(re.sub(r"^(\d{4}-\d\d-\d\d)Z$", r"\1", text), zone=zone)


def after(text: str) -> dt.datetime:
    """
    Return our end of a stretch whose last second a case names.
    """
    return at(text) + SECOND


def counted(anchor: dt.datetime, period: str, *, count: int = 1) -> Calendar:
    interval, times = INTERVALS[period.upper()]
    return Calendar(anchor, interval, times * count)


def period_at(cal: Calendar, moment: dt.datetime) -> Period:
    period = cal.period_at(moment)
    assert period is not None
    return period


def before(cal: Calendar, period: Period) -> Period:
    return period_at(cal, period.start - US)


# --- Anchors -------------------------------------------------------------------------


def boundaries(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    cal = counted(
        at(inputs["anchor"]),
        {"month": "MONTHLY", "week": "WEEKLY"}[inputs["interval"]],
        count=inputs.get("interval_count", 1),
    )
    starts = [at(text) for text in expected["boundaries"]]

    assert [cal.boundary(index) for index in range(inputs["count"])] == starts
    if "weekday" in expected:
        assert {f"{start:%A}" for start in starts} == {expected["weekday"]}


def change_at_period_end(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    yearly = counted(at(inputs["anchor"]), "YEARLY")
    end = period_at(yearly, at(inputs["switch_requested"])).end

    assert end == at(expected["first_new_charge"])
    assert end - dt.timedelta(days=1) == at(expected["last_day_on_old_plan"])
    assert counted(end, "MONTHLY").boundary(1) == at(expected["next"])


def anchor_in_zone(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    zone = inputs["zone"]
    walls = [dt.datetime.fromisoformat(text) for text in inputs["local_boundaries"]]
    cal = Calendar(walls[0].replace(tzinfo=zone_named(zone)), Interval.MONTH, 1, zone)
    steps = [wall.month - walls[0].month for wall in walls]
    hours = {
        f"hours_in_{wall:%B}_period".lower(): cal.period(step)
        for wall, step in zip(walls, steps, strict=True)
    }

    assert [cal.boundary(step) for step in steps] == [
        at(text) for text in expected["utc"]
    ]
    for name in expected.keys() - {"utc"}:
        period = hours[name]
        assert period is not None
        assert period.end - period.start == dt.timedelta(hours=expected[name])


# --- Dates ---------------------------------------------------------------------------


def duration_added(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    cal = counted(at(inputs["start"]), inputs["duration"])

    assert cal.boundary(1) == at(expected["result"])


def on_day(day: int, date: dt.datetime) -> Calendar:
    """
    Return months on that day, from the January before *date*, which has 31 days.
    """
    return Calendar(dt.datetime(date.year - 1, 1, day, tzinfo=dt.UTC), Interval.MONTH)


def month_clamped(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    start = at(inputs["from"])

    period = period_at(on_day(inputs["anchor_day"], start), start)

    assert period.end == at(expected["next"])


def days_begun(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    zone = inputs["timezone"]
    days = Calendar(at(inputs["start"]), Interval.DAY, 1, zone)

    assert len(list(days.periods(at(inputs["end"]) - US))) == expected["days"]


def event_in_period(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    cal = counted(at(inputs["anchor"]), inputs["period"])

    period = period_at(cal, at(inputs["event_at"]))

    assert period.start == at(expected["period_start"])


def month_buckets(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    cal = counted(at(inputs["anchor"]), "MONTHLY")
    buckets = cal.periods(at(inputs["end_exclusive"]) - US)
    starts = [period.start for _, period in buckets if period.end > at(inputs["start"])]

    assert starts == [at(text) for text in expected["bucket_starts"]]


def period_of_moment(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    period = period_at(
        counted(at(inputs["anchor"]), inputs["interval"]), at(inputs["at"])
    )

    assert period == Period(
        at(expected["period_from"]), at(expected["period_to_exclusive"])
    )


def next_billing(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    current = at(inputs["current_period_start"])
    anchor = inputs["anchor"]
    # `calendar` counts from the first of the month.
    start = current.replace(day=1) if anchor == "calendar" else at(anchor)

    cal = counted(start, inputs["period"], count=inputs["unit"])

    assert period_at(cal, current).end == at(expected["next"])


def thirty_day_months(inputs: dict[str, Any], expected: int) -> None:
    # Where the months have 30 days, days are days; the others are not ours.
    assert at(inputs["end"]) - at(inputs["start"]) == dt.timedelta(days=expected)


# --- Billing periods -----------------------------------------------------------------


def lago_calendar(inputs: dict[str, Any]) -> Calendar:
    """
    Return periods from the subscription on, or those of the calendar on the wall.
    """
    zone = inputs.get("timezone", "UTC")
    # A Monday and the first of a year are two days apart in 2000.
    first = "2000-01-03" if inputs["interval"] == "weekly" else "2000-01-01"
    interval, count = INTERVALS[inputs["interval"].upper()]
    anchor = parse_moment(inputs.get("subscription_at", first), zone=zone)
    return Calendar(anchor, interval, count, zone)


def billed_period(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    cal = lago_calendar(inputs)
    period = period_at(cal, at(inputs["billing_at"]))
    if "terminated_at" in inputs:
        end = at(inputs["terminated_at"])
        period = Period(period_at(cal, end - US).start, end)
    elif inputs.get("pay", "arrears") == "arrears" and "current_usage" not in inputs:
        period = before(cal, period)

    if "from" in expected:
        assert period.start == at(expected["from"])
    if "to" in expected:
        # The end of a terminated one is the moment of its termination.
        to = at if "terminated_at" in inputs else after
        assert period.end == to(expected["to"])


def current_period(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    billed_period(inputs | {"current_usage": True}, expected)


def day_price(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    cal = lago_calendar(inputs)
    period = before(cal, period_at(cal, at(inputs["billing_at"])))
    amount, days = expected["single_day_price"].split("/")

    assert inputs["plan_amount_cents"] == amount
    assert Fraction(period.microseconds, 86_400 * 10**6) == int(days)


def next_end(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    period = period_at(lago_calendar(inputs), at(inputs["billing_at"]))

    assert period.end == after(expected["next_end"])


def periods_advanced(inputs: dict[str, Any], expected: str) -> None:
    cal = counted(at(inputs["date"]), inputs["period"])

    assert cal.boundary(inputs["n"]) == at(expected)


def whole_periods(inputs: dict[str, Any], expected: int) -> None:
    cal = counted(at(inputs["start"]), inputs["period"])

    assert cal.index_at(at(inputs["end"])) == expected


def next_period_end(inputs: dict[str, Any], expected: str) -> None:
    date = at(inputs["date"])
    cal = on_day(inputs["anchor_day"], date)
    index = cal.index_at(date)

    assert inputs["interval"] == "month"
    assert index is not None
    assert cal.boundary(index + inputs["count"]) == at(expected)


# --- The day of the month on which a customer is billed ------------------------------


def cycles(inputs: dict[str, Any]) -> Iterator[dt.datetime]:
    """
    List the boundaries from the first at or after the start: on the day asked for.

    Periods of days have no day of the month: they are counted from the start.
    """
    start = at(inputs.get("start") or inputs["date"])
    interval, count = INTERVALS[inputs["period"]]
    if interval is Interval.DAY:
        cal, months = Calendar(start, interval, count), 1
        first = 0
    else:
        cal, months = (
            on_day(inputs["bcd"], start),
            12 if interval is Interval.YEAR else 1,
        )
        first = 12 + start.month - 1
    for index in itertools.count(first, months):
        if cal.boundary(index) >= start:
            yield cal.boundary(index)


def aligned(inputs: dict[str, Any], expected: str) -> None:
    assert next(cycles(inputs)) == at(expected)


def day_in_zone(inputs: dict[str, Any], expected: int) -> None:
    assert wall_at(at(inputs["instant"]), zone_named(inputs["tz"])).day == expected


def cut_periods(inputs: dict[str, Any]) -> Iterator[Period]:
    """
    List the periods from the start to the end, those at either end cut short.
    """
    start = at(inputs["start"])
    end = at(inputs["end"]) if inputs.get("end") else None
    for boundary in cycles(inputs):
        stop = boundary if end is None else min(boundary, end)
        if start < stop:
            yield Period(start, stop)
        if end is not None and stop >= end:
            return
        start = stop


def due(inputs: dict[str, Any]) -> list[Period]:
    """
    Return the periods to ask for at the target: complete, or begun if in advance.
    """
    target = at(inputs["target"])
    if inputs["mode"] == "IN_ADVANCE":
        return list(
            itertools.takewhile(
                lambda period: period.start <= target, cut_periods(inputs)
            )
        )

    return list(
        itertools.takewhile(lambda period: period.end <= target, cut_periods(inputs))
    )


def periods_due(inputs: dict[str, Any], expected: list[list[str]]) -> None:
    assert due(inputs) == [Period(at(start), at(end)) for start, end in expected]


def billing_interval(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    if "firstBillingCycleDate" in expected:
        assert next(cycles(inputs)) == at(expected["firstBillingCycleDate"])
    # Where the target may be any date, nothing else is said.
    asked = [] if inputs["target"] == "TODAY" else due(inputs)
    until = asked[-1].end if asked else at(inputs["start"])
    following = (boundary for boundary in cycles(inputs) if boundary > until)

    if "hasSomethingToBill" in expected:
        assert bool(asked) is expected["hasSomethingToBill"]
    if "effectiveEndDate" in expected:
        end = expected["effectiveEndDate"]
        assert (until if asked else None) == (end and at(end))
    if "nextBillingCycleDate" in expected:
        assert next(following) == at(expected["nextBillingCycleDate"])


def usage_boundaries(inputs: dict[str, Any], expected: list[str]) -> None:
    start, target = at(inputs["start"]), at(inputs["target"])
    reached = itertools.takewhile(lambda boundary: boundary <= target, cycles(inputs))

    assert sorted({start, *reached}) == [at(text) for text in expected]


CHECKS: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "anchor.monthly": boundaries,
    "anchor.quarterly": boundaries,
    "anchor.weekly": boundaries,
    "anchor.period_end_change": change_at_period_end,
    "anchor.timezone": anchor_in_zone,
    "date.add_duration": duration_added,
    "date.add_month_clamped": month_clamped,
    "date.days_between_dst": days_begun,
    "date.event_to_period": event_in_period,
    "date.month_buckets": month_buckets,
    "date.monthly_period_from_anchor": period_of_moment,
    "date.next_billing": next_billing,
    "days_between_fixed_month": thirty_day_months,
    "period.anniversary": billed_period,
    "period.anniversary.current_usage": current_period,
    "period.anniversary.leap_day": billed_period,
    "period.anniversary.month_end": billed_period,
    "period.anniversary.terminated": billed_period,
    "period.calendar": billed_period,
    "period.calendar.terminated": billed_period,
    "period.day_price": day_price,
    "period.next_end": next_end,
    "advance_periods": periods_advanced,
    "recede_periods": periods_advanced,
    "whole_periods_between": whole_periods,
    "next_period_end": next_period_end,
    "align_bcd": aligned,
    "align_next_bcd": aligned,
    "bcd_from_instant": day_in_zone,
    "item_periods": periods_due,
    "billing_interval": billing_interval,
    "usage_boundaries": usage_boundaries,
}

RUN = [
    case for case in CASES if case.id not in NOT_OURS and case.kind not in LATER_KINDS
]


@pytest.mark.parametrize("case", RUN, ids=lambda case: f"{case.kind}-{case.id}")
def test_a_case(case: Case) -> None:
    """
    What another system says of dates and periods, our calendar says, too.
    """
    CHECKS[case.kind](case.inputs, case.expected)


def test_no_case_is_left_out_in_silence() -> None:
    """
    Every case about dates and periods is run, or listed with the reason why not.
    """
    assert len(RUN) > 100
    assert {case.kind for case in CASES} == CHECKS.keys() | LATER_KINDS.keys()
    assert {case.id for case in CASES} >= NOT_OURS.keys()
    assert {case.kind for case in RUN} == CHECKS.keys()


@pytest.mark.parametrize("id_", sorted(NOT_OURS))
def test_what_is_not_ours_differs(id_: str) -> None:
    """
    A case is listed as not ours only if our calendar says something else.
    """
    [case] = [case for case in CASES if case.id == id_]

    with pytest.raises((AssertionError, InvalidPeriodError, KeyError)):
        CHECKS[case.kind](case.inputs, case.expected)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.kind == "recede_periods"],
    ids=lambda c: c.id,
)
def test_a_step_back_is_a_step_on_from_there(case: Case) -> None:
    """
    What a system reaches by stepping back, ours reaches from there by stepping on.
    """
    cal = counted(at(case.expected), case.inputs["period"])

    assert cal.boundary(case.inputs["n"]) == at(case.inputs["date"])
