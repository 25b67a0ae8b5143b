"""
Is a licence good? The six answers, the order in which they come, and one flipped byte.

The tables of Sourcebot's offline licences (bytes that are signed, who accepts what an
older or a newer version has signed) are restated here, with our answer.
"""

from __future__ import annotations

import datetime as dt

import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

from laws.documents import ACME, DAY, JAN_31, STRANGER, VENDOR, licence, licences
from meterbook.foundation.errors import InvalidLicenceError
from meterbook.licensing.licences import Licence, read_licence
from meterbook.licensing.validity import (
    Expired,
    Forged,
    InGrace,
    NotForUs,
    NotYetValid,
    Valid,
    Verification,
    verify_licence,
)
from meterbook.proof.notes import sign_note


END = dt.datetime(2027, 1, 31, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)
ORDER = [NotYetValid, Valid, InGrace, Expired]

NOTE = sign_note(licence().to_text(), [VENDOR]).encode()


def verified(
    note: bytes | str, *, at: dt.datetime = JAN_31 + DAY, instance: str | None = None
) -> Verification:
    given = note.encode() if isinstance(note, str) else note
    return verify_licence(given, keys=[VENDOR.verifier], at=at, instance=instance)


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
@example(len(NOTE) - 1, 1)
@example(0, 0x20)
def test_one_flipped_byte_anywhere_is_forged(index: int, flip: int) -> None:
    """
    A licence with any one byte changed, in its text or its signature, is forged.
    """
    changed = bytearray(NOTE)
    changed[index] ^= flip

    assert isinstance(verified(bytes(changed)), Forged)


@given(st.integers(0, len(NOTE) - 1))
@example(len(NOTE) - 1)
def test_a_licence_that_was_cut_off_is_forged(length: int) -> None:
    """
    Whatever is missing at its end, a licence is no licence any more.
    """
    assert isinstance(verified(NOTE[:length]), Forged)


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        pytest.param(NOTE.replace(b"\n", b"\r\n"), "malformed", id="Windows line ends"),
        pytest.param(b"\xef\xbb\xbf" + NOTE, "malformed", id="byte order mark"),
        pytest.param(NOTE.decode().encode("utf-16"), "malformed", id="UTF-16"),
        pytest.param(NOTE.decode().encode("latin-1", "replace"), "malformed", id="?"),
        pytest.param(NOTE.strip(), "malformed", id="last line feed"),
        pytest.param(b"", "malformed", id="empty"),
        pytest.param(b"sourcebot_ee_eyJpZCI6MX0", "malformed", id="another format"),
        pytest.param(
            NOTE.replace(b"seats: 10", b"seats: 99"), "signature", id="more seats"
        ),
        pytest.param(
            NOTE.replace(b"mode: usage-based", b"mode: capped"), "signature", id="mode"
        ),
        pytest.param(
            sign_note(licence().to_text(), [STRANGER]).encode(),
            "unknown_key",
            id="somebody else's key",
        ),
        pytest.param(
            sign_note("meterbook usage report\nversion: 1\n", [VENDOR]).encode(),
            "no_licence",
            id="another document",
        ),
    ],
)
def test_why_it_is_forged(changed: bytes, cause: str) -> None:
    """
    A forged licence says what happened to it.
    """
    found = verified(changed)

    assert isinstance(found, Forged)
    assert found.cause == cause


@settings(max_examples=40)
@given(licences(), st.lists(st.integers(-(10**9), 10**10), min_size=2, max_size=5))
def test_the_answers_come_in_order(one: Licence, seconds: list[int]) -> None:
    """
    As time goes on, a licence is not yet valid, valid, in grace, expired; never back.
    """
    note = sign_note(one.to_text(), [VENDOR])
    begins = one.begins or JAN_31

    found = [
        ORDER.index(type(verified(note, at=begins + dt.timedelta(seconds=s))))
        for s in sorted(seconds)
    ]

    assert found == sorted(found)


@pytest.mark.parametrize(
    ("at", "answer"),
    [
        pytest.param(JAN_31 - TICK, NotYetValid, id="an instant before the start"),
        pytest.param(JAN_31, Valid, id="at the start"),
        pytest.param(END - TICK, Valid, id="an instant before the end"),
        pytest.param(END, InGrace, id="at the end"),
        pytest.param(END + 14 * DAY - TICK, InGrace, id="the last instant of grace"),
        pytest.param(END + 14 * DAY, Expired, id="at the end of grace"),
    ],
)
def test_to_the_instant(at: dt.datetime, answer: type) -> None:
    """
    The start is inside the term; the end is outside, and so is the end of grace.
    """
    note = sign_note(licence(grace_days=14).to_text(), [VENDOR])

    assert type(verified(note, at=at)) is answer


def test_no_days_of_grace_means_none() -> None:
    """
    Where grace is 0, a licence has expired at the instant it ends; where it is absent,
    it is good for three days more.
    """
    none = licence(grace_days=0).to_text()
    absent = none.replace("grace-days: 0\n", "")

    assert isinstance(verified(sign_note(none, [VENDOR]), at=END), Expired)
    for days, answer in ((2.99, InGrace), (3, Expired)):
        at = END + dt.timedelta(days=days)
        assert type(verified(sign_note(absent, [VENDOR]), at=at)) is answer


def test_grace_is_counted_in_days_of_the_zone() -> None:
    """
    A day of grace with 25 hours is a day.
    """
    berlin = licence(
        zone="Europe/Berlin",
        grace_days=1,
        end=dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC),
    )
    note = sign_note(berlin.to_text(), [VENDOR])

    until = dt.datetime(2026, 10, 25, 23, tzinfo=dt.UTC)
    assert isinstance(verified(note, at=until - TICK), InGrace)
    assert isinstance(verified(note, at=until), Expired)


def test_a_licence_for_another_installation() -> None:
    """
    A licence that names an installation is good there, and not for us elsewhere; also
    where it has expired, for that is said first.
    """
    note = sign_note(
        licence(instance="A", instance_key=ACME.verifier).to_text(), [VENDOR]
    )

    assert isinstance(verified(note, instance="A"), Valid)
    assert isinstance(verified(note, instance="B"), NotForUs)
    assert isinstance(verified(note, instance="B", at=END + 30 * DAY), NotForUs)
    assert isinstance(verified(note, instance=None), Valid)


def test_a_signed_licence_that_cannot_be_used_is_an_error() -> None:
    """
    What the vendor has signed and nobody can use is neither forged nor good.
    """
    text = licence().to_text().replace("seats: 10", "seats: 0")

    with pytest.raises(InvalidLicenceError, match="seats is '0'"):
        verified(sign_note(text, [VENDOR]))


# From here: the tables of the field, restated.

LATER = licence().to_text() + "anonymous-access: true\n"


@pytest.mark.parametrize(
    ("note", "answer"),
    [
        pytest.param(NOTE.decode(), Valid, id="no new field, signed by the old"),
        pytest.param(sign_note(LATER, [VENDOR]), Valid, id="new field, signed with it"),
        pytest.param(
            NOTE.decode().replace("issued-at", "anonymous-access: true\nissued-at"),
            Forged,
            id="new field, put into an old licence",
        ),
        pytest.param(
            sign_note(LATER, [VENDOR]).replace("anonymous-access: true\n", ""),
            Forged,
            id="new field, taken out of a new licence",
        ),
    ],
)
def test_who_accepts_what_another_version_has_signed(note: str, answer: type) -> None:
    """
    An old licence is good on new software and a new one on old; what was put in or
    taken out after signing is covered by the signature. At Sourcebot a new field made
    older software reject the whole licence, and unknown fields were not covered.
    """
    assert type(verified(note)) is answer


def test_the_bytes_that_are_signed_are_those_received() -> None:
    """
    Order of lines, spelling and letters outside ASCII are the issuer's: nothing is
    written anew to verify it, as Sourcebot did: sorted keys, 25 and 25.0, escapes.
    """
    text = (
        "meterbook licence\nissued-at: 2026-01-15T10:00:00.5+01:00\nseats: 25\n"
        "mode: usage-based\ncustomer: acme\nlicensee: Ærøskøbing 株式会社\n"
        "licence: cust_1\nversion: 1\n"
    )

    found = verified(sign_note(text, [VENDOR]))

    assert isinstance(found, Valid)
    assert found.licence.seats == 25
    assert found.licence.to_text() != text
    assert read_licence(found.licence.to_text()) == found.licence


@pytest.mark.parametrize(
    ("said", "seats", "mode"),
    [
        pytest.param({"seats": 100}, 100, "usage-based", id="seats, billed above"),
        pytest.param({"seats": 100, "mode": "capped"}, 100, "capped", id="capped"),
        pytest.param({"seats": None}, None, "usage-based", id="no number of seats"),
    ],
)
def test_no_cap_is_implied(said: dict[str, object], seats: int, mode: str) -> None:
    """
    A licence without a number of seats is not thereby of another kind. At Sourcebot
    uncapped meant anonymous access, and 0 meant uncapped.
    """
    text = licence(**{**said, "mode": licence().mode}).to_text()
    text = text.replace("mode: usage-based", f"mode: {said.get('mode', 'usage-based')}")

    found = verified(sign_note(text, [VENDOR]))

    assert isinstance(found, Valid)
    assert (found.licence.seats, found.licence.mode.value) == (seats, mode)
    assert not found.licence.grants("anonymous-access")
