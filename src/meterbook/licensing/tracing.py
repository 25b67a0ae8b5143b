"""
Following a book by what its reports say of it: where histories part, what adds up.

::

    accepted    |====m====m====m----m----m 3
    the other   |====m====m====m~~~~m~~~ 4           m: a mark, a root at a place
                               ^    ^
                          the same  another: from here on they are surely two

Marks stand at places that do not depend on who makes the report: multiples of a power
of two. So two reports of one history agree on every place that both mark, and two
histories agree up to where they part and never after.

Laws (tests/laws/test_tracing.py):
    - *One history*: two reports of one book never disagree on a place.
    - *Parting*: no mark after the parting is taken for one before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.foundation.instants import to_micros
from meterbook.licensing.timelines import Resolution, peak_of
from meterbook.metering.seats import Knowledge
from meterbook.proof.merkle import verify_consistency


if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterbook.licensing.reports import Report, ReportedMonth


# Where the book has grown by fewer entries than this, every place is marked, and a
# parting is found to the entry; else to one part in half of it.
MARKS_MAX: Final = 64


class Point(NamedTuple):
    """
    A place in a book, and its root there.
    """

    size: int
    root: bytes


def marked_sizes(*, after: int, upto: int) -> list[int]:
    """
    Return the places that a report marks: the multiples of a power of two between.

    Args:
        after: The size that the report before was made at; it has its own root.

        upto: The size of this one; likewise.
    """
    step = 1
    while (upto - 1) // step - after // step > MARKS_MAX:
        step *= 2
    return list(range(after - after % step + step, upto, step))


def begins_with(report: Report, point: Point) -> bool:
    """
    Tell whether a report proves that its book begins as it was at *point*.
    """
    whole = report.checkpoint
    return any(
        verify_consistency(
            old=point.size,
            new=whole.size,
            proof=one.proof,
            old_root=point.root,
            new_root=whole.root,
        )
        for one in report.earlier
        if Point(one.size, one.root) == point
    )


def points_of(report: Report) -> list[Point]:
    """
    Return every place whose root a report tells, its own included.
    """
    return [
        *(Point(one.size, one.root) for one in report.earlier),
        *(Point(mark.size, mark.root) for mark in report.marks),
        Point(report.checkpoint.size, report.checkpoint.root),
    ]


def alive_since(
    report: Report, *, accepted: Mapping[int, bytes], size: int
) -> int | None:
    """
    Return when the first entry was recorded that is surely not in the other history.

    Args:
        report: Of a book that does not begin with the one that was accepted.

        accepted: The roots of that one, by size.

        size: Its last size. What lies beyond it in the report is surely its own.

    Returns:
        In microseconds; None if no entry is surely so.
    """
    parted = min(
        (
            point.size
            for point in points_of(report)
            if accepted.get(point.size, point.root) != point.root
        ),
        default=size,
    )
    recorded = [
        (mark.size, mark.recorded_at) for mark in report.marks if mark.size >= parted
    ]
    if report.checkpoint.size >= parted and report.recorded_to is not None:
        recorded.append((report.checkpoint.size, to_micros(report.recorded_to)))
    return min((at for _, at in recorded), default=None)


def check_report(report: Report) -> str | None:
    """
    Return what does not add up in a report whose signature is good; None if all does.

    That its months are what its levels say, and that the book it was read from begins
    with those that the reports before it were read from.
    """
    fault = contradiction(report)
    if fault is not None:
        return fault

    for one in report.earlier:
        if not begins_with(report, Point(one.size, one.root)):
            return (
                f"The book does not begin with the {one.size} entries of report "
                f"{one.sequence}."
            )
    return None


def contradiction(report: Report) -> str | None:
    """
    Return why the figures of a report cannot be what its levels say, or None.
    """
    for month in report.months:
        fault = _month_fault(month)
        if fault is not None:
            return f"Month {month.month.text} says {fault}."
    return None


def changed(before: ReportedMonth, after: ReportedMonth) -> str | None:
    """
    Return what is another in a month than it was, or None.

    How closely its levels are said is not compared, nor a month of another length: a
    renewal that was installed since may have cut it.
    """
    if before.period != after.period:
        return None

    was, is_ = _figures(before), _figures(after)
    for name, old in was.items():
        if is_.get(name) != old:
            return f"{name} {old} before and {is_.get(name, 'nothing')} now"
    return None


def _figures(month: ReportedMonth) -> dict[str, object]:
    return {
        "peak": month.peak_units,
        "reached-at": month.peak_at,
        "at-end": month.end_units,
        "knowledge": month.knowledge.value,
        **{f"total of {total.meter}": total for total in month.totals},
    }


def _month_fault(month: ReportedMonth) -> str | None:
    levels = month.levels
    if _knowledge(month) is not month.knowledge:
        return f"that it is {month.knowledge}, and its levels begin elsewhere"

    peak = peak_of(levels)
    highest = 0 if peak is None else peak.units
    if highest != month.peak_units:
        return f"a peak of {month.peak_units}, and its levels one of {highest}"
    if month.resolution is not Resolution.EVERY_CHANGE:
        return None

    peak_at = None if month.peak_at is None else to_micros(month.peak_at)
    if peak_at != (None if peak is None else peak.at):
        return "that its peak was reached at another moment than its levels do"
    last = levels[-1].units if levels else 0
    if last != month.end_units:
        return f"{month.end_units} at its end, and its levels {last}"
    return None


def _knowledge(month: ReportedMonth) -> Knowledge:
    """
    Return how much of a month its levels tell.
    """
    if not month.levels:
        return Knowledge.UNKNOWN

    whole = month.levels[0].at == month.period.start_us
    return Knowledge.KNOWN if whole else Knowledge.PARTLY
