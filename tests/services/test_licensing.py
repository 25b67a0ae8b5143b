"""
Issuing and installing licences, and which installation a book is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from laws.documents import ACME, JAN_31, STRANGER, VENDOR, licence
from meterbook.foundation.errors import (
    InvalidLicenceError,
    InvalidQueryError,
    RefusedLicenceError,
)
from meterbook.licensing.clocks import TOLERANCE, effective_time
from meterbook.licensing.validity import Forged, NotForUs, NotYetValid, Valid
from meterbook.proof.notes import sign_note
from services.books import on_postgres
from services.installations import World, on, world_in


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """
    Give a vendor.
    """
    with world_in(tmp_path) as world:
        yield world


def test_issued_twice_is_one_licence(world: World) -> None:
    """
    The same licence issued again is the same note; another under its name is refused.
    """
    first, again = world.licence(), world.licence()

    assert first == again
    assert [one.licence for one in world.vendor.licences.issued()] == [first.licence]
    with pytest.raises(RefusedLicenceError, match="acme-2026"):
        world.licence(seats=99)
    assert world.vendor.licences.issued(customer="globex") == []


def test_the_vendors_key_is_needed_once(world: World) -> None:
    """
    A licence is installed with the vendor's key, and the next one by the key that is
    known; nothing that somebody else has signed is.
    """
    acme = world.installation().book
    note = world.licence().note.encode()
    later = world.licence(licence_id="acme-2027", start=on("2027-01-31"), end=None)

    assert acme.licences.current() is None
    assert isinstance(acme.licences.install(note).verification, Forged)
    assert isinstance(acme.licences.verify(note, keys=[VENDOR.verifier]), NotYetValid)
    done = acme.licences.install(note, keys=[VENDOR.verifier], actor="ops")
    assert done.installed
    assert isinstance(done.verification, NotYetValid)
    assert acme.licences.install(later.note.encode()).installed
    stranger = sign_note(licence(licence_id="x").to_text(), [STRANGER]).encode()
    assert not acme.licences.install(stranger).installed
    assert isinstance(acme.licences.verify(stranger), Forged)
    assert [one.note for one in acme.licences.installed()] == [
        note.decode(),
        later.note,
    ]


def test_installed_twice_is_installed_once(world: World) -> None:
    """
    Installing a licence again changes nothing.
    """
    kept = world.licence()
    acme = world.installation(kept, kept).book

    assert len(acme.licences.installed()) == 1


def test_a_licence_for_somebody_else_is_not_installed(world: World) -> None:
    """
    A licence for another installation or another customer is not for us.
    """
    acme = world.installation(world.licence()).book
    elsewhere = world.licence(licence_id="b", instance="somewhere else")
    theirs = world.licence(licence_id="c", customer="globex")

    for note in (elsewhere.note, theirs.note):
        done = acme.licences.install(note.encode())
        assert not done.installed
        assert isinstance(done.verification, NotForUs)


def test_an_expired_licence_is_installed_for_its_months(world: World) -> None:
    """
    A licence that has expired opens nothing, and is kept: its months can be reported.
    """
    acme = world.installation().book
    acme.move_clock(on("2029-01-01"))

    done = acme.licences.install(world.licence().note.encode(), keys=[VENDOR.verifier])

    assert done.installed
    assert done.verification.code == "expired"


def test_an_unusable_licence_is_an_error(world: World) -> None:
    """
    What the vendor has signed and nobody can use is refused by the field.
    """
    text = licence().to_text().replace("seats: 10", "seats: 0")
    note = sign_note(text, [VENDOR]).encode()

    with pytest.raises(InvalidLicenceError, match="seats is '0'"):
        world.installation().book.licences.install(note, keys=[VENDOR.verifier])


@pytest.mark.parametrize(
    ("day", "changed", "opens"),
    [
        pytest.param("2026-06-01", None, ["sso", "later-feature"], id="valid"),
        pytest.param("2026-01-30", None, [], id="not begun"),
        pytest.param("2027-02-02", None, ["sso", "later-feature"], id="in grace"),
        pytest.param("2027-02-03", None, [], id="expired"),
        pytest.param("2026-06-01", ("features: sso", "features: x"), [], id="edited"),
        pytest.param("2026-06-01", ("meterbook licence", "bogus"), [], id="prefix"),
        pytest.param("2026-06-01", ("\n\n— ", "\n— "), [], id="malformed"),
    ],
)
def test_what_an_offline_licence_opens(
    world: World, day: str, changed: tuple[str, str] | None, opens: list[str]
) -> None:
    """
    A licence opens what it names, while it is good, and no more: at Sourcebot any valid
    offline key opened everything. What is no good licence opens nothing.
    """
    note = world.licence(features=("sso", "later-feature"), seats=50).note
    acme = world.installation().book
    acme.licences.install(
        (note.replace(*changed) if changed else note).encode(), keys=[VENDOR.verifier]
    )
    acme.move_clock(on(day))

    stands = acme.licences.current()

    asked = ["sso", "audit", "later-feature"]
    granted = [
        name
        for name in asked
        if stands is not None
        and not isinstance(stands, Forged)
        and stands.may_use
        and stands.licence.grants(name)
    ]
    assert granted == opens


def test_the_licence_that_holds_now(world: World) -> None:
    """
    Of several licences the one that holds is shown; between terms the last one, with
    its grace.
    """
    old = world.licence(end=on("2026-06-01"), grace_days=5)
    new = world.licence(licence_id="next", start=on("2026-07-01"), end=None)
    acme = world.installation(old, new).book

    stood = []
    for day in ("01-31", "06-03", "06-20", "07-01"):
        acme.move_clock(on(f"2026-{day}"))
        stands = acme.licences.current()
        assert stands is not None
        assert not isinstance(stands, Forged)
        stood.append((stands.code, stands.licence.licence_id))
    assert stood == [
        ("valid", "acme-2026"),
        ("in_grace", "acme-2026"),
        ("expired", "acme-2026"),
        ("valid", "next"),
    ]


def test_an_installation_has_one_id_for_ever(world: World) -> None:
    """
    The id is made once; an epoch keeps it, and a copy gets another.
    """
    acme = world.installation().book
    first = acme.instance.current()

    assert acme.instance.current() == first
    assert (first.epoch, first.since_epoch) == (1, False)
    second = acme.instance.restored(actor="ops", reason="disk lost")
    assert (second.instance_id, second.epoch) == (first.instance_id, 2)
    assert second.reason == "disk lost"
    copy = acme.instance.restored(actor="ops", reason="second site", copy=True)
    assert copy.instance_id != first.instance_id
    assert (copy.epoch, copy.since_epoch) == (1, True)
    with pytest.raises(InvalidQueryError, match="reason"):
        acme.instance.restored(actor="ops", reason=" ")


def test_two_who_ask_at_once_get_one_id(postgres_dsn: str) -> None:
    """
    On every store the first answer to which installation this is holds for all.
    """
    with on_postgres(postgres_dsn) as one, on_postgres(postgres_dsn) as two:
        assert one.instance.current() == two.instance.current()
        kept = one.licences.issue(licence(), signer=VENDOR)
        done = two.licences.install(kept.note.encode(), keys=[VENDOR.verifier])
        assert done.installed
        assert isinstance(
            done.verification, Valid | NotYetValid | type(done.verification)
        )
        assert [k.licence for k in one.licences.installed()] == [kept.licence]


def test_the_time_of_an_installation() -> None:
    """
    The effective time is the later of the clock and the newest entry; a clock that is
    some minutes behind is not called set back.
    """
    assert effective_time(clock=10, newest=None).at == 10
    behind = effective_time(clock=0, newest=TOLERANCE)
    assert (behind.at, behind.set_back) == (TOLERANCE, False)
    assert effective_time(clock=0, newest=TOLERANCE + 1).set_back


def test_a_key_that_comes_with_the_licence(world: World) -> None:
    """
    A licence keeps the installation and the key that it names.
    """
    kept = world.licence(instance="A", instance_key=ACME.verifier, start=JAN_31)

    assert kept.licence.instance_key == ACME.verifier
    assert f"instance-key: {ACME.verifier.to_text()}\n" in kept.note
