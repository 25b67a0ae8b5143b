"""
Merging what reports say: any order, any repetition, any loss; and adding it up.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools

from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from laws.documents import DAY, JAN_31, month, report
from meterbook.foundation.instants import to_micros
from meterbook.foundation.periods import Period
from meterbook.licensing.merging import (
    MonthKey,
    Said,
    combined,
    highest_in,
    levels_of,
    merge,
    said_by,
    standing,
)
from meterbook.licensing.reports import Total
from meterbook.metering.seats import Knowledge


if TYPE_CHECKING:
    from meterbook.licensing.reports import Report, ReportedMonth


HOUR = dt.timedelta(hours=1)
FEB_28 = dt.datetime(2026, 2, 28, tzinfo=dt.UTC)
FEBRUARY = Period(JAN_31, FEB_28)


def on(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@st.composite
def said(draw: st.DrawFn) -> Report:
    """
    Draw a report of one of two installations, in one of two epochs.
    """
    instance, epoch = draw(st.sampled_from("AB")), draw(st.integers(1, 2))
    size = draw(st.integers(1, 5))
    begins = JAN_31 if epoch == 1 else JAN_31 + 10 * DAY
    period = Period(begins, FEB_28)
    told = draw(st.dictionaries(st.integers(0, 15), st.integers(0, 9), max_size=4))
    months = [
        month(
            1,
            [(begins + at * DAY, told[at]) for at in sorted(told)],
            period=period,
            totals=(Total("tokens", draw(st.integers(0, 9)), 0),),
        )
    ]
    return report(
        months if draw(st.booleans()) or size == 5 else [],
        size=size,
        sequence=size,
        instance=instance,
        epoch=epoch,
        epoch_began_at=begins,
        since_epoch=epoch > 1,
    )


def state_of(*reports: Report) -> dict[MonthKey, Said]:
    said_apart = (said_by(one, digest=one.to_text()) for one in reports)
    return functools.reduce(merge, said_apart, {})


states = st.lists(said(), max_size=4).map(lambda reports: state_of(*reports))


@settings(max_examples=40)
@given(states, states, states)
def test_merging_is_associative(
    a: dict[MonthKey, Said], b: dict[MonthKey, Said], c: dict[MonthKey, Said]
) -> None:
    """
    Which two are merged first does not matter.
    """
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@settings(max_examples=40)
@given(states, states)
def test_merging_is_commutative_and_idempotent(
    a: dict[MonthKey, Said], b: dict[MonthKey, Said]
) -> None:
    """
    Order does not matter, and neither does receiving a report twice.
    """
    assert merge(a, b) == merge(b, a)
    assert merge(a, a) == a
    assert merge(merge(a, b), b) == merge(a, b)


@settings(max_examples=40)
@given(st.lists(said(), max_size=5).flatmap(st.permutations))
def test_reports_in_any_order_say_the_same(reports: list[Report]) -> None:
    """
    What is combined is the same in whichever order reports came in.
    """
    assert combined(state_of(*reports)) == combined(
        state_of(*sorted(reports, key=repr))
    )


@given(st.lists(st.integers(0, 9), min_size=3, max_size=3), st.integers(0, 2))
def test_the_last_report_alone_says_it_all(levels: list[int], lost: int) -> None:
    """
    Reports are cumulative: whichever of the earlier ones is lost, nothing is.
    """
    months = [month(n, [(JAN_31, levels[n - 1])]) for n in (1, 2, 3)]
    every = [
        report(months[:count], size=10 * count, sequence=count) for count in (1, 2, 3)
    ]
    received = [one for n, one in enumerate(every) if n != lost or n == 2]

    assert combined(state_of(*received)) == combined(state_of(every[-1]))


@settings(max_examples=40)
@given(st.lists(said(), min_size=1, max_size=4))
@example(
    [
        report([month(1, [(JAN_31, 9)])], size=1),
        report(
            [month(1, [(FEB_28 - DAY, 1)], period=Period(FEB_28 - DAY, FEB_28))],
            epoch=2,
            epoch_began_at=FEB_28 - DAY,
            since_epoch=True,
        ),
    ]
)
def test_a_peak_is_the_highest_sum_of_any_moment(reports: list[Report]) -> None:
    """
    The peak of all installations is what looking at every day finds; so are its moment
    and the sums of other meters.
    """
    state = state_of(*reports)
    found = combined(state)

    sums = {day: _level_by_hand(state, JAN_31 + day * DAY) for day in range(28)}
    if not state:
        assert found == []
        return
    [one] = found
    known = {day: units for day, units in sums.items() if units is not None}
    highest = max(known.values(), default=0)
    assert one.peak_units == highest
    if known:
        first = min(day for day, units in known.items() if units == highest)
        assert one.peak_at == JAN_31 + first * DAY
    totals = [t.units for value in state.values() for t in value.month.totals]
    assert [t.units for t in one.totals] == ([sum(totals)] if totals else [])
    assert one.over_units == max(0, highest - 10)


def _level_by_hand(state: dict[MonthKey, Said], moment: dt.datetime) -> int | None:
    """
    Return the sum over installations of what the newest epoch that had begun says.
    """
    held: list[int] = []
    for _, group in itertools.groupby(sorted(state), key=lambda key: key.instance):
        epochs = [
            state[key] for key in group if state[key].month.period.start <= moment
        ]
        told = [
            change.units
            for one in epochs[-1:]
            for change in one.month.levels
            if change.at <= to_micros(moment)
        ]
        earlier = [
            change.units
            for one in epochs[:-1]
            for change in one.month.levels
            if change.at < epochs[-1].month.period.start_us
        ]
        held += (told or earlier)[-1:]
    return sum(held) if held else None


def test_peaks_do_not_add_up() -> None:
    """
    40 on January 3 and 60 on January 20 are not 100, and neither are two instances.
    """
    january = Period(on("2026-01-01"), on("2026-02-01"))
    one = month(
        1,
        [(on("2026-01-01"), 5), (on("2026-01-03"), 40), (on("2026-01-04"), 5)],
        period=january,
    )
    other = month(
        1,
        [(on("2026-01-01"), 7), (on("2026-01-20"), 60), (on("2026-01-21"), 7)],
        period=january,
    )

    [found] = combined(state_of(report([one]), report([other], instance="B")))

    assert (found.peak_units, found.peak_at) == (65, on("2026-01-20"))
    assert found.end_units == 12
    assert [source.instance for source in found.sources] == ["A", "B"]


def test_reported_100_restored_at_40_and_30_more_is_130() -> None:
    """
    A new epoch says only what was recorded since it began, and it adds.
    """
    first = month(1, [(JAN_31, 1)], totals=(Total("tokens", 100, 0),))
    second = month(
        1,
        [(JAN_31 + 10 * DAY, 1)],
        period=Period(JAN_31 + 10 * DAY, FEB_28),
        totals=(Total("tokens", 30, 0),),
    )

    [found] = combined(
        state_of(
            report([first]),
            report(
                [second],
                epoch=2,
                epoch_began_at=JAN_31 + 10 * DAY,
                since_epoch=True,
            ),
        )
    )

    assert found.totals == (Total("tokens", 130, 0),)
    assert found.period == FEBRUARY


def test_totals_of_two_scales_are_added_exactly() -> None:
    """
    1.5 and 0.25 are 1.75: the finer scale holds both.
    """
    state = state_of(
        report([month(1, [], totals=(Total("tokens", 15, 1),))]),
        report([month(1, [], totals=(Total("tokens", 25, 2),))], instance="B"),
    )

    assert combined(state)[0].totals == (Total("tokens", 175, 2),)


def test_no_day_is_billed_under_two_licences() -> None:
    """
    A month that a newer report gives to another licence no longer counts.
    """
    old, new = month(1, [(JAN_31, 9)]), month(1, [(JAN_31, 9)], licence_id="acme-2")
    state = state_of(report([old], size=1), report([new], size=2, sequence=2))

    assert [key.month.text for key in standing(state)] == ["1 of acme-2"]


def test_levels_of_a_customer_over_any_period() -> None:
    """
    Over any stretch the level is the sum; before anything is said, and after, nothing.
    """
    state = state_of(
        report([month(1, [(JAN_31, 4)])]),
        report([month(1, [(JAN_31 + DAY, 3)])], instance="B"),
    )

    levels = levels_of(state, customer="acme", meter="seats")

    assert highest_in(levels, Period(JAN_31, JAN_31 + DAY))[0] == 4
    assert highest_in(levels, FEBRUARY)[0] == 7
    assert highest_in(levels, Period(FEB_28, FEB_28 + DAY))[0] == 0
    assert levels_of(state, customer="globex", meter="seats") == []


def test_what_nobody_knows_is_not_zero() -> None:
    """
    A month of which one installation knows nothing is known in part; of which none
    does, not at all.
    """
    empty: list[ReportedMonth] = [month(1, [])]
    one = state_of(report(empty), report([month(1, [(JAN_31, 3)])], instance="B"))

    assert combined(one)[0].knowledge is Knowledge.PARTLY
    assert combined(state_of(report(empty)))[0].knowledge is Knowledge.UNKNOWN
