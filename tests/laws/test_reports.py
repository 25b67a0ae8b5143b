"""
A usage report as text: read as it was written, refused where it cannot be.
"""

from __future__ import annotations

import csv
import io

from dataclasses import replace

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from laws.documents import ACME, DAY, JAN_31, month, report, reports
from meterbook.foundation.errors import InvalidReportError
from meterbook.foundation.units import SCALE_MAX
from meterbook.licensing.report_forms import report_csv, report_document
from meterbook.licensing.report_reading import read_report
from meterbook.licensing.reports import Report, Total
from meterbook.licensing.tracing import contradiction
from meterbook.proof.notes import open_note, sign_note


FEBRUARY = month(1, [(JAN_31, 10), (JAN_31 + 18 * DAY, 15), (JAN_31 + 20 * DAY, 9)])
MARCH = month(2, [(JAN_31, 9)])
TEXT = report([FEBRUARY, MARCH]).to_text()


@settings(max_examples=40)
@given(reports())
def test_what_was_written_is_read(one: Report) -> None:
    """
    A report that was written is read, and is the same; signed and opened, too.
    """
    text = one.to_text()

    assert read_report(text) == one
    note = sign_note(text, [ACME]).encode()
    assert open_note(note, [ACME.verifier]).text == text


@settings(max_examples=40)
@given(reports())
def test_what_is_made_does_not_contradict_itself(one: Report) -> None:
    """
    The figures of a month are what its levels say.
    """
    assert contradiction(one) is None


@given(st.integers(-(10**20), 10**20), st.integers(0, SCALE_MAX))
def test_a_total_keeps_its_decimal_places(units: int, scale: int) -> None:
    """
    A total is read with the units and the scale that it was written with.
    """
    one = report([month(1, [(JAN_31, 1)], totals=(Total("tokens", units, scale),))])

    [found] = read_report(one.to_text()).months

    assert found.totals == (Total("tokens", units, scale),)


def test_it_can_be_read_by_a_person() -> None:
    """
    A month says its range, its peak and when it was reached, in words.
    """
    assert (
        "month: 1 of acme-2026\n"
        "meter: seats\n"
        "from: 2026-01-31T00:00:00Z\n"
        "to: 2026-02-28T00:00:00Z\n"
        "state: complete\n"
        "knowledge: known\n"
        "peak: 15\n"
        "reached-at: 2026-02-18T00:00:00Z\n"
        "at-end: 9\n"
        "purchased: 10\n"
        "over: 5\n"
        "levels: every change\n"
        "2026-01-31T00:00:00Z 10\n"
        "2026-02-18T00:00:00Z 15\n"
        "2026-02-20T00:00:00Z 9\n"
    ) in TEXT


def test_sections_and_fields_of_a_later_version_are_passed_over() -> None:
    """
    A later version may say more, in a section or beside it.
    """
    later = TEXT.replace("version: 1\n", "version: 2\nmood: fine\n")
    later = later.replace("peak: 15\n", "peak: 15\nmedian: 10\n")
    later += "\nweather: 1 of acme-2026\nsunny: yes\n"

    found = read_report(later)

    assert found.version == 2
    assert found.unknown == (("mood", "fine"),)
    assert found.months == (FEBRUARY, MARCH)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        pytest.param("meterbook usage report", "meterbook licence", id="another kind"),
        pytest.param("peak: 15", "peak: 15.0", id="a fraction"),
        pytest.param("peak: 15", "peak: -1", id="below 0"),
        pytest.param("state: complete", "state: fine", id="no state"),
        pytest.param("state: complete", "state: in progress", id="not so complete"),
        pytest.param("purchased: 10", "purchased: 0", id="0 seats"),
        pytest.param("month: 1 of", "month: 0 of", id="month 0"),
        pytest.param("month: 1 of acme-2026", "month: one", id="no number"),
        pytest.param("2026-02-20T00:00:00Z 9", "2026-02-17T00:00:00Z 9", id="order"),
        pytest.param("2026-02-20T00:00:00Z 9", "2026-03-20T00:00:00Z 9", id="outside"),
        pytest.param("2026-02-20T00:00:00Z 9", "2026-02-20T00:00:00Z x", id="level"),
        pytest.param("2026-02-20T00:00:00Z 9", "2026-02-30T00:00:00Z 9", id="moment"),
        pytest.param("to: 2026-02-28T00", "to: 2026-03-01T00", id="two in one day"),
        pytest.param("to: 2026-02-28T00", "to: 2026-01-01T00", id="backwards"),
        pytest.param("sequence: 1", "sequence: 0", id="sequence 0"),
        pytest.param("epoch: 1", "epoch: x", id="no epoch"),
        pytest.param("checkpoint: meterbook/1 10", "checkpoint: 10", id="checkpoint"),
        pytest.param("instance-key: acme", "instance-key: bcme", id="another key"),
        pytest.param("counts: everything", "counts: something", id="counts"),
        pytest.param("levels: every change", "levels: some", id="resolution"),
        pytest.param("made-at: 20", "made-at: 3", id="made at"),
    ],
)
def test_what_cannot_be_is_refused(line: str, instead: str) -> None:
    """
    A report that cannot be is refused, and not half understood.
    """
    assert line in TEXT

    with pytest.raises(InvalidReportError):
        read_report(TEXT.replace(line, instead, 1))


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        pytest.param("peak: 15", "peak: 14", id="a lower peak"),
        pytest.param("2026-02-18T00:00:00Z 15", "2026-02-18T00:00:00Z 14", id="level"),
        pytest.param("reached-at: 2026-02-18", "reached-at: 2026-02-19", id="reached"),
        pytest.param("at-end: 9", "at-end: 8", id="the end"),
        pytest.param("knowledge: known", "knowledge: partly", id="knowledge"),
        pytest.param("2026-01-31T00:00:00Z 10\n", "", id="the first level"),
    ],
)
def test_figures_that_are_not_what_the_levels_say(line: str, instead: str) -> None:
    """
    Whoever changes a figure and signs anew is contradicted by the levels.
    """
    found = read_report(TEXT.replace(line, instead, 1))

    assert contradiction(found) is not None


def test_names_of_people_are_in_it_only_if_asked_for() -> None:
    """
    Names are lines of their own, whatever is in them, and absent unless asked for.
    """
    odd = ("ann@example.com", "a\nb", '"', "2026-01-31T00:00:00Z 5")
    named = report([replace(FEBRUARY, members=odd)])

    assert read_report(named.to_text()).months[0].members == odd
    assert read_report(TEXT).months[0].members is None
    assert "ann" not in TEXT


def test_as_json_and_as_csv() -> None:
    """
    Both forms say the same figures; in a table no cell is taken for a formula.
    """
    evil = month(1, [(JAN_31, 3)], totals=(Total("tokens", 15, 1),))
    one = report([FEBRUARY, MARCH])
    document = report_document(one)
    rows = list(csv.DictReader(io.StringIO(report_csv(one))))

    assert document["customer"] == "acme"
    months = document["months"]
    assert isinstance(months, list)
    assert [m["peak"] for m in months] == [15, 9]
    assert [(row["peak"], row["over"], row["state"]) for row in rows] == [
        ("15", "5", "complete"),
        ("9", "0", "complete"),
    ]
    table = report_csv(report([replace(evil, meter="-2+3")]))
    assert "'-2+3" in table
    assert "total_tokens" in table
    assert ",1.5\n" in table
