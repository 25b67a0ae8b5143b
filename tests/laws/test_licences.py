"""
A licence as text: read as it was written, and refused where it cannot be meant.
"""

from __future__ import annotations

import datetime as dt

import pytest

from hypothesis import given
from hypothesis import strategies as st

from laws.documents import JAN_31, licence, licences, named
from meterbook.foundation.errors import InvalidLicenceError
from meterbook.licensing.licences import (
    GRACE_DAYS_DEFAULT,
    Licence,
    Mode,
    read_licence,
)


LEAST = """\
meterbook licence
version: 1
licence: acme-2026
licensee: Acme Works
customer: acme
mode: usage-based
issued-at: 2026-01-15T10:00:00Z
"""


@given(licences())
def test_what_was_written_is_read(one: Licence) -> None:
    """
    A licence that was written is read, and is the same; and so is its text.
    """
    text = one.to_text()

    assert read_licence(text) == one
    assert read_licence(text).to_text() == text


@given(
    licences(),
    st.dictionaries(
        st.sampled_from(["region", "x-1", "support-level"]), named, min_size=1
    ),
)
def test_fields_of_a_later_version_change_nothing(
    one: Licence, more: dict[str, str]
) -> None:
    """
    A licence of a later version is read as far as it is known; the rest is kept.
    """
    text = one.to_text()
    later = text + "".join(f"{name}: {value}\n" for name, value in more.items())

    found = read_licence(later)

    assert dict(found.unknown) == more
    assert read_licence(text).unknown == ()
    assert found.to_text() == later


def test_what_is_absent() -> None:
    """
    Seats that are absent are unlimited, days of grace are three, and no months are
    made up where there is neither anchor nor start.
    """
    found = read_licence(LEAST)

    assert found.seats is None
    assert found.grace_days == GRACE_DAYS_DEFAULT == 3
    assert found.calendar() is None
    assert (found.start, found.end, found.anchor) == (None, None, None)
    assert found.features == ()


@pytest.mark.parametrize("seats", ["0", "-1", "2.5", "25.0", "+25", "025", "1e3", ""])
def test_seats_that_say_nothing_are_refused(seats: str) -> None:
    """
    0, numbers below 0, fractions and other spellings of a number are refused by name.
    """
    with pytest.raises(InvalidLicenceError, match="seats"):
        read_licence(LEAST + f"seats: {seats}\n")


def test_unlimited_can_be_said() -> None:
    """
    `seats: unlimited` is the same as nothing, and 1 is a number of seats.
    """
    assert read_licence(LEAST + "seats: unlimited\n").seats is None
    assert read_licence(LEAST + "seats: 1\n").seats == 1


@pytest.mark.parametrize(
    ("line", "instead", "named_fault"),
    [
        pytest.param("mode: usage-based", "", "mode is missing", id="no mode"),
        pytest.param("mode: usage-based", "mode: free", "mode is 'free'", id="mode"),
        pytest.param(
            "mode: usage-based", "mode: capped", "seats is unlimited", id="no cap"
        ),
        pytest.param("customer: acme", "", "customer is missing", id="no customer"),
        pytest.param("version: 1", "version: 0", "version", id="version 0"),
        pytest.param("version: 1", "", "version is missing", id="no version"),
        pytest.param("licence: acme-2026", "licence: a b", "licence", id="a space"),
    ],
)
def test_what_must_be_said(line: str, instead: str, named_fault: str) -> None:
    """
    A field that must be said is missed by name; no other field implies it.
    """
    text = LEAST.replace(f"{line}\n", f"{instead}\n" if instead else "")

    with pytest.raises(InvalidLicenceError, match=named_fault):
        read_licence(text)


@pytest.mark.parametrize(
    ("more", "named_fault"),
    [
        pytest.param("start: 2026-02-01\nend: 2026-02-01\n", "end", id="no length"),
        pytest.param("start: 2026-02-01\nend: 2026-01-01\n", "end", id="backwards"),
        pytest.param("anchor: 2026-02-02\nstart: 2026-02-01\n", "anchor", id="late"),
        pytest.param("start: soon\n", "start", id="no moment"),
        pytest.param("zone: Mars/Base\n", "zone", id="no zone"),
        pytest.param("interval: fortnight\n", "interval", id="no interval"),
        pytest.param("grace-days: -1\n", "grace-days", id="grace below 0"),
        pytest.param("grace-days: 1.5\n", "grace-days", id="half a day"),
        pytest.param("features: a,b\n", "features", id="no space"),
        pytest.param("features: a, a\n", "features", id="twice"),
        pytest.param("instance-key: abc\n", "instance-key", id="no key"),
    ],
)
def test_what_cannot_be_meant_is_refused(more: str, named_fault: str) -> None:
    """
    What cannot be meant is refused, and the field is named.
    """
    with pytest.raises(InvalidLicenceError, match=named_fault):
        read_licence(LEAST + more)


def test_a_later_version_is_read() -> None:
    """
    A version that is not known yet does not make a licence unreadable.
    """
    found = read_licence(
        LEAST.replace("version: 1", "version: 7") + "galaxy: andromeda\n"
    )

    assert found.version == 7
    assert found.unknown == (("galaxy", "andromeda"),)


def test_another_document_is_no_licence() -> None:
    """
    A text is a licence by its first line, whatever else it says.
    """
    with pytest.raises(InvalidLicenceError, match="no licence"):
        read_licence(LEAST.replace("meterbook licence", "meterbook usage report"))


def test_a_date_is_a_midnight_in_the_zone() -> None:
    """
    A term in dates begins and ends at midnights of its zone, also where one is skipped.
    """
    sao_paulo = licence(
        zone="America/Sao_Paulo",
        start=dt.datetime(2018, 11, 4, 3, tzinfo=dt.UTC),
        end=dt.datetime(2019, 11, 4, 3, tzinfo=dt.UTC),
    )

    assert "start: 2018-11-04\n" in sao_paulo.to_text()
    calendar = read_licence(sao_paulo.to_text()).calendar()
    assert calendar is not None
    assert calendar.boundary(1) == dt.datetime(2018, 12, 4, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize("field", ["licensee", "customer", "report_to", "instance"])
@pytest.mark.parametrize("text", ["", " acme", "a\nseats: 999", "a\x1b[2J", "x" * 256])
def test_no_field_smuggles_in_another(field: str, text: str) -> None:
    """
    A name that would be two lines, or that a terminal obeys, is refused when issued.
    """
    with pytest.raises(InvalidLicenceError):
        licence(**{field: text})


def test_features_are_opened_by_name() -> None:
    """
    A feature is open if the licence names it, and unknown names open nothing.
    """
    one = licence(features=("sso", "future-feature"))

    assert [one.grants(name) for name in ("sso", "audit")] == [True, False]
    assert one.mode is Mode.USAGE_BASED
    assert one.begins == JAN_31
