"""
Licences in other systems: their cases, and those whose policy is not ours, with why.
"""

from __future__ import annotations

import datetime as dt

import pytest

from laws.documents import VENDOR, licence
from meterbook.foundation.instants import parse_moment, to_micros, to_moment
from meterbook.licensing.clocks import effective_time
from meterbook.licensing.validity import verify_licence
from meterbook.proof.notes import sign_note
from vectors.cases import Case, all_cases, require_vectors


require_vectors()

CASES = {case.id: case for case in all_cases() if case.kind.startswith("licence.")}

NOT_OURS = {
    "gitlab-renew-10pct-reject": (
        "A renewal with fewer seats than are used is refused beyond 10 %. Ours is "
        "installed: what is used above is reported as over and billed, or stopped by a "
        "cap. Refusing the licence would stop the reports that tell of it."
    ),
    "keygen-1_25x-config-invalid": (
        "A limit times 1.25 must be a whole number. Ours has no overage by a factor: a "
        "cap is a number, and what is above it is billed seat by seat."
    ),
}


def test_every_case_is_run_or_listed() -> None:
    """
    No case about licences is left out in silence.
    """
    run = {"gitlab-expiry-instant", "jetbrains-offline-3d", "unearned-clock-rollback"}

    assert set(CASES) == run | set(NOT_OURS)


@pytest.mark.parametrize("case_id", sorted(NOT_OURS))
def test_why_a_case_is_not_ours(case_id: str) -> None:
    """
    A case that states another policy is there, and has its reason.
    """
    assert case_id in CASES
    assert len(NOT_OURS[case_id]) > 40


def test_the_end_is_exclusive() -> None:
    """
    A licence that ends on a day ends as the day begins, in its zone.
    """
    case = CASES["gitlab-expiry-instant"]
    for zone in ("UTC", "Europe/Berlin"):
        term = licence(
            start=parse_moment(case.inputs["starts"], zone=zone),
            end=parse_moment(case.inputs["ends"], zone=zone),
            zone=zone,
            grace_days=0,
        )
        note = sign_note(term.to_text(), [VENDOR]).encode()
        clock = parse_moment("2024-01-01", zone=zone).tzinfo
        moments = [
            dt.datetime.fromisoformat(text).replace(tzinfo=clock)
            for text in case.inputs["checks"]
        ]

        found = [
            verify_licence(note, keys=[VENDOR.verifier], at=at, instance=None)
            for at in moments
        ]

        assert [not one.may_use for one in found] == case.expected["expired"]


def test_three_days_offline() -> None:
    """
    A lease is a licence that ends at the last contact, with days of grace after it.
    """
    case = CASES["jetbrains-offline-3d"]
    assert case.inputs["max_offline"] == "P3D"
    contact = parse_moment(case.inputs["last_contact"])
    lease = licence(
        start=contact - dt.timedelta(days=1), end=contact, grace_days=3, anchor=None
    )
    note = sign_note(lease.to_text(), [VENDOR]).encode()

    found = [
        verify_licence(
            note, keys=[VENDOR.verifier], at=parse_moment(text), instance=None
        ).may_use
        for text in case.inputs["checks"]
    ]

    assert found == case.expected["issues_licences"]


def test_a_clock_that_is_set_back_is_not_earned() -> None:
    """
    The effective time is that of the newest entry, and the clock is found set back.
    """
    case: Case = CASES["unearned-clock-rollback"]
    assert case.inputs["tolerance"] == "PT10M"

    found = effective_time(
        clock=to_micros(parse_moment(case.inputs["now"])),
        newest=to_micros(parse_moment(case.inputs["last_seen"])),
    )

    assert to_moment(found.at) == parse_moment(case.expected["use_time"])
    assert found.set_back == (case.expected["state"] == "clock_rollback_detected")
