"""
The months of several licences: each day in one at the most, whatever was renewed when.
"""

from __future__ import annotations

import datetime as dt

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from laws.documents import DAY, JAN_31, licence
from meterbook.foundation.periods import Period
from meterbook.licensing.months import (
    MonthId,
    Term,
    due_at,
    expected_months,
    months,
    next_to_report,
    terms,
)


if TYPE_CHECKING:
    from meterbook.licensing.licences import Licence

UTC = dt.UTC
YEARS = 3 * 366


def on(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


@st.composite
def histories(draw: st.DrawFn) -> list[Licence]:
    """
    Draw licences that follow, overlap, replace or leave a gap.
    """
    count = draw(st.integers(1, 4))
    starts = draw(st.lists(st.integers(0, 500), min_size=count, max_size=count))
    return [
        licence(
            licence_id=f"acme-{index}",
            start=JAN_31 + start * DAY,
            end=JAN_31 + (start + draw(st.integers(1, 400))) * DAY,
            anchor=JAN_31 + draw(st.integers(0, start)) * DAY,
            issued_at=JAN_31 + index * DAY,
        )
        for index, start in enumerate(starts)
    ]


@given(histories(), st.integers(0, YEARS))
def test_a_moment_is_in_one_month_of_the_licence_that_holds(
    history: list[Licence], day: int
) -> None:
    """
    Every moment of a term is in exactly one month, which is of the licence that began
    last; no other moment is in one.
    """
    moment = JAN_31 + day * DAY
    begun = [
        (one.begins, one.issued_at, one.licence_id)
        for one in history
        if one.begins is not None and one.begins <= moment
    ]
    newest = max(begun)[2] if begun else None
    expected = [
        one.licence_id
        for one in history
        if one.licence_id == newest and one.end is not None and moment < one.end
    ]

    listed = months(terms(history), until=JAN_31 + 2 * YEARS * DAY)

    inside = [m for m in listed if m.period.start <= moment < m.period.end]
    assert [m.month.licence_id for m in inside] == expected


@given(histories().flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_the_order_of_installation_does_not_matter(
    both: tuple[list[Licence], list[Licence]],
) -> None:
    """
    Terms follow from what was issued, not from when it was installed.
    """
    history, another = both

    assert terms(history) == terms(another)


@given(histories())
def test_months_of_a_licence_are_numbered_by_its_anchor(history: list[Licence]) -> None:
    """
    Month n of a licence lies in period n - 1 of its calendar, and months follow.
    """
    listed = months(terms(history), until=JAN_31 + 2 * YEARS * DAY)

    by_id = {one.licence_id: one for one in history}
    for month in listed:
        calendar = by_id[month.month.licence_id].calendar()
        assert calendar is not None
        whole = calendar.period(month.month.number - 1)
        assert whole is not None
        assert whole.start <= month.period.start < month.period.end <= whole.end
        assert month.cut == (month.period.end < whole.end)
    assert all(a.period.end <= b.period.start for a, b in pairwise(listed))


def test_a_renewal_with_another_anchor_cuts_the_month() -> None:
    """
    A month under the old anchor is complete at the cut, and is not lost. Sourcebot
    renumbered, and the month that had begun was never exported.
    """
    old = licence(licence_id="old", start=on("2026-01-15"), end=on("2027-01-15"))
    new = licence(licence_id="new", start=on("2026-03-01"), end=None)

    listed = months(terms([new, old]), until=on("2026-04-02"))

    assert [(m.month.text, m.period, m.cut) for m in listed] == [
        ("1 of old", Period(on("2026-01-15"), on("2026-02-15")), False),
        ("2 of old", Period(on("2026-02-15"), on("2026-03-01")), True),
        ("1 of new", Period(on("2026-03-01"), on("2026-04-01")), False),
        ("2 of new", Period(on("2026-04-01"), on("2026-05-01")), False),
    ]


def test_months_end_with_the_term() -> None:
    """
    No month goes on after its licence, as Sourcebot's did after the expiry.
    """
    short = licence(start=on("2026-01-31"), end=on("2026-03-10"))

    listed = months(terms([short]), until=on("2026-12-01"))

    assert [m.period.end for m in listed] == [on("2026-02-28"), on("2026-03-10")]


def test_a_licence_that_was_replaced_before_it_began_has_no_months() -> None:
    """
    Of two that begin at once the one that was issued later holds.
    """
    wrong = licence(licence_id="wrong", seats=5)
    right = licence(licence_id="right", seats=50, issued_at=JAN_31 - DAY)

    listed = months(terms([right, wrong]), until=JAN_31 + DAY)

    assert [(m.month.text, m.seats) for m in listed] == [("1 of right", 50)]


def test_no_months_are_made_up() -> None:
    """
    Without a start and an anchor there are no months, nor without a meter.
    """
    for one in (licence(start=None, anchor=None), licence(meter=None)):
        assert months(terms([one]), until=JAN_31 + 100 * DAY) == []
        assert [type(term) for term in terms([one])] == [Term]


def test_an_epoch_begins_in_the_middle_of_a_month() -> None:
    """
    An epoch that counts from its start has the rest of that month and what follows.
    """
    held = terms([licence()])

    listed = expected_months(held, since=on("2026-03-05"), until=on("2026-04-05"))

    assert [(m.month.number, m.period.start) for m in listed] == [
        (2, on("2026-03-05")),
        (3, on("2026-03-31")),
    ]


def test_what_is_reported_next_and_by_when() -> None:
    """
    The first month that was not reported is next; it is due days after its end.
    """
    held = terms([licence(report_days=5)])
    first = MonthId("acme-2026", 1)

    before = next_to_report(held, reported=[], at=on("2026-03-20"))
    after = next_to_report(held, reported=[first], at=on("2026-03-20"))
    assert before is not None
    assert (before[0].month, before[1]) == (first, on("2026-03-05"))
    assert after is not None
    assert after[1] == on("2026-04-05")
    assert due_at(licence(), Period(JAN_31, on("2026-02-28"))) is None
    assert next_to_report(held, reported=[], at=on("2026-01-01")) is None
