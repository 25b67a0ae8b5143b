"""
Verifying a report of twelve months, as the receiver does before it believes it.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, Outcome, Samples, at_most, timed
from laws.documents import ACME, JAN_31, licence, month, report
from meterbook.licensing.tracing import check_report
from meterbook.proof.notes import sign_note
from meterbook.services.vendor.accepting import opened


if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.places import Places
    from meterbook.licensing.reports import ReportedMonth


TITLE = "Verifying a report of 12 months: signature, text, figures against levels"

# Milliseconds.
TARGET = 100.0

MINUTE = dt.timedelta(minutes=1)


def run(places: Places) -> Outcome:
    """
    Measure a year of a small office, and one of an office in which somebody comes or
    goes every ten minutes, which is said by the hour.
    """
    rounds = places.scale.of(quick=2, full=51)
    sizes: dict[str, object] = {"months": 12, "rounds": rounds}
    outcome = Outcome(sizes=sizes)
    for name, every in (("a change a day", 24 * 60), ("a change in 10 minutes", 10)):
        note = sign_note(report(_year(every)).to_text(), [ACME]).encode()
        sizes[name] = f"{len(note)} bytes"
        seconds = [timed(_verification(note)) for _ in range(rounds)]
        outcome.figures.append(
            Figure(
                what=name,
                ours=Samples("ours", "ms", tuple(1_000 * one for one in seconds)),
                target=at_most(TARGET),
            )
        )
    return outcome


def _year(every: int) -> list[ReportedMonth]:
    """
    Return twelve months with a change every so many minutes.
    """
    calendar = licence().calendar()
    assert calendar is not None
    months = []
    for index in range(12):
        period = calendar.period(index)
        assert period is not None
        count = (period.end - period.start) // (every * MINUTE)
        levels = [
            (period.start + n * every * MINUTE, 50 + n % 13) for n in range(count)
        ]
        months.append(month(index + 1, levels))
    assert months[0].period.start == JAN_31
    return months


def _verification(note: bytes) -> Callable[[], object]:
    def verify() -> None:
        found = opened(note, [ACME.verifier])
        assert isinstance(found, tuple)
        assert check_report(found[0]) is None

    return verify
