"""
Making reports: which months, which figures, what is proved, and what is not said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from laws.documents import ACME, VENDOR
from meterbook import Event
from meterbook.foundation.errors import (
    InvalidQueryError,
    NoLicenceError,
    NothingToReportError,
    UnknownMeterError,
)
from meterbook.licensing.report_reading import read_report
from meterbook.licensing.reports import Total
from meterbook.licensing.tracing import check_report
from meterbook.metering.seats import Knowledge
from meterbook.proof.notes import open_note
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


def test_a_report_is_what_its_note_says(world: World) -> None:
    """
    The note is signed by the installation's key, and its text is the report.
    """
    acme = world.installation(world.licence())
    acme.join("2026-02-01", "ann")

    made = acme.report("2026-03-02")

    opened = open_note(made.note.encode(), [ACME.verifier])
    assert read_report(opened.text) == made.report
    assert check_report(made.report) is None
    assert made.warnings == ()


def test_months_that_are_complete_or_also_the_current_one(world: World) -> None:
    """
    Complete months are reported; the one in progress on request, as of now.
    """
    acme = world.installation(world.licence())
    acme.join("2026-02-01", "ann")
    acme.join("2026-03-05", "bob")

    plain, current = acme.report("2026-03-20"), acme.report("2026-03-20", current=True)

    assert [m.month.number for m in plain.report.months] == [1]
    assert [
        (m.month.number, m.complete, m.peak_units) for m in current.report.months
    ] == [
        (1, True, 1),
        (2, False, 2),
    ]


def test_a_vendor_whose_clock_is_ahead(world: World) -> None:
    """
    When a licence was issued is the vendor's time, and moves nobody else's.
    """
    acme = world.installation(world.licence(issued_at=on("2027-12-31")))
    acme.join("2026-02-01", "ann")

    assert acme.report("2026-03-02").report.as_of == on("2026-03-02")


def test_before_the_first_month_ends_it_says_when(world: World) -> None:
    """
    Where nothing is complete the error says when the first month will be, also before
    the term has begun.
    """
    acme = world.installation(world.licence())

    for day in ("2026-01-30", "2026-02-27"):
        with pytest.raises(NothingToReportError, match="2026-02-28T00:00:00Z"):
            acme.report(day)
    with pytest.raises(NothingToReportError):
        acme.report("2026-01-30", current=True)


def test_without_a_licence_nothing_is_reported(world: World) -> None:
    """
    Without a licence, or with one that says nothing to count from, no months are made
    up: it is said what is missing.
    """
    with pytest.raises(NoLicenceError):
        world.installation().report("2026-03-02")
    endless = world.licence(licence_id="endless", start=None, end=None)
    with pytest.raises(NoLicenceError, match="anchor"):
        world.installation(endless, name="other").report("2026-03-02")


def test_what_is_not_known_is_not_zero(world: World) -> None:
    """
    Months before anybody was told of are unknown, and one in which it began is known in
    part. Sourcebot reported 0.
    """
    acme = world.installation(world.licence())
    acme.join("2026-03-10", "ann")

    months = acme.report("2026-05-02").report.months

    assert [(m.knowledge, m.peak_units) for m in months] == [
        (Knowledge.UNKNOWN, 0),
        (Knowledge.PARTLY, 1),
        (Knowledge.KNOWN, 1),
    ]
    assert months[0].peak_at is None
    assert (
        "reached-at" not in acme.report("2026-05-02").note.split("month: 2")[0][-200:]
    )


def test_nobody_is_named_unless_it_is_asked_for(world: World) -> None:
    """
    Names are in a report only on request, and then those who were there at the peak.
    """
    acme = world.installation(world.licence())
    acme.join("2026-02-01", "ann", "bob")
    acme.leave("2026-02-10", "ann")
    acme.join("2026-03-10", "cid")

    plain = acme.report("2026-04-02")
    named = acme.report("2026-04-02", names=True)

    assert not any(name in plain.note for name in ("ann", "bob", "cid"))
    assert [m.members for m in named.report.months] == [("ann", "bob"), ("bob", "cid")]
    acme.book.people.erase("bob", actor="dpo", reason="asked for it")
    again = acme.report("2026-04-02", names=True)
    assert [m.members for m in again.report.months] == [
        ("(erased)", "ann"),
        ("(erased)", "cid"),
    ]


def test_totals_of_other_meters_count_from_the_epoch(world: World) -> None:
    """
    Totals that the licence names are in each month: reported 100, restored, 30 more, is
    130 at the vendor's.
    """
    acme = world.installation(world.licence(totals=("tokens",)))
    acme.join("2026-02-01", "ann")
    acme.use("2026-02-02", 40)
    copy = world.restored(acme.backup(world.folder / "backup.db"))
    acme.use("2026-02-05", 60)
    made = acme.report("2026-02-06", current=True)
    assert made.report.months[0].totals == (Total("tokens", 100, 0),)
    world.accepted(made)

    copy.book.move_clock(on("2026-02-07"))
    copy.book.instance.restored(actor="ops", reason="disk lost")
    copy.use("2026-02-10", 30)
    made = copy.report("2026-03-02")
    assert made.report.months[0].totals == (Total("tokens", 30, 0),)
    world.accepted(made)

    [month] = world.vendor.reports.months()
    assert month.totals == (Total("tokens", 130, 0),)


def test_a_renewal_cuts_the_month_and_loses_nothing(world: World) -> None:
    """
    After a renewal with another anchor the months of both licences are reported, the
    cut one complete.
    """
    old = world.licence()
    new = world.licence(
        licence_id="new", start=on("2026-03-15"), end=on("2027-03-15"), seats=1
    )
    acme = world.installation(old, new)
    acme.join("2026-02-01", "ann", "bob")

    made = acme.report("2026-04-20")

    assert [
        (m.month.text, m.period.end, m.seats, m.over_units) for m in made.report.months
    ] == [
        ("1 of acme-2026", on("2026-02-28"), 2, 0),
        ("2 of acme-2026", on("2026-03-15"), 2, 0),
        ("1 of new", on("2026-04-15"), 1, 1),
    ]
    assert world.accepted(made).notices == ()


def test_a_renewal_that_is_not_installed_is_noticed(world: World) -> None:
    """
    The vendor is told that a licence has begun which the installation goes without.
    """
    acme = world.installation(world.licence(end=on("2026-03-01")))
    world.licence(licence_id="new", start=on("2026-03-01"), end=None)
    acme.join("2026-02-01", "ann")

    verdict = world.accepted(acme.report("2026-04-02"))

    assert [n.code for n in verdict.notices] == ["licence_not_installed"]


def test_months_end_with_the_licence(world: World) -> None:
    """
    After the end of its term a licence has no more months, and the older ones are still
    reported.
    """
    acme = world.installation(world.licence(end=on("2026-03-10")))
    acme.join("2026-02-01", "ann")

    months = acme.report("2026-06-01").report.months

    assert [m.period.end for m in months] == [on("2026-02-28"), on("2026-03-10")]


def test_a_licence_that_names_what_the_book_does_not_have(world: World) -> None:
    """
    A meter that is not there, or that counts something else, is named.
    """
    unknown = world.licence(licence_id="a", meter="users")
    with pytest.raises(UnknownMeterError, match="users"):
        world.installation(unknown, name="a").report("2026-03-02")
    sums = world.licence(licence_id="b", meter="tokens")
    with pytest.raises(InvalidQueryError, match="tokens"):
        world.installation(sums, name="b").report("2026-03-02")
    levels = world.licence(licence_id="c", totals=("seats",))
    with pytest.raises(InvalidQueryError, match="only sums and counts"):
        world.installation(levels, name="c").report("2026-03-02")


def test_each_report_proves_all_before_it(world: World) -> None:
    """
    A report carries the proof of every earlier one of its epoch, and their numbers
    follow.
    """
    acme = world.installation(world.licence())
    acme.join("2026-02-01", "ann")

    made = [acme.report("2026-03-02") for _ in range(4)]

    last = made[-1].report
    assert last.sequence == 4
    assert [one.sequence for one in last.earlier] == [1, 2, 3]
    assert [one.size for one in last.earlier] == [
        one.report.checkpoint.size for one in made[:-1]
    ]
    assert check_report(last) is None


def test_the_same_on_postgres(postgres_dsn: str, world: World) -> None:
    """
    A book in PostgreSQL reports the same months, and accepts reports alike.
    """
    lite = world.installation(world.licence())
    with on_postgres(postgres_dsn) as book:
        book.define({"seats": {"event_type": "member", "aggregation": "members"}})
        book.licences.install(world.licence().note.encode(), keys=[VENDOR.verifier])
        for number, (day, who, change) in enumerate(
            [
                ("2026-02-01", "ann", "join"),
                ("2026-02-03", "bob", "join"),
                ("2026-03-05", "ann", "leave"),
            ]
        ):
            lite.join(day, who, change=change)
            event = Event(
                source="app",
                id=str(number),
                type="member",
                time=on(day),
                customer="acme",
                subject=who,
                data={"change": change},
            )
            book.record([event])
        book.move_clock(on("2026-04-02"))
        made = book.reports.make(signer=ACME)
        ours = lite.report("2026-04-02").report.months
        assert made.report.months == ours
        book.licences.issue(world.licence().licence, signer=VENDOR)
        verdict = book.reports.accept(made.note.encode(), trust=ACME.verifier)
        assert str(verdict.code) == "accepted"
        assert str(book.reports.accept(made.note.encode()).code) == "duplicate"
        assert [m.peak_units for m in book.reports.months()] == [2, 2]


def test_the_card_shows_what_is_next(world: World) -> None:
    """
    The card says when the last report was made and by when the next is due.
    """
    acme = world.installation(world.licence())
    assert acme.book.reports.card().next_report_due is None
    acme.join("2026-02-01", "ann")
    acme.book.move_clock(on("2026-03-01"))
    assert acme.book.reports.card().next_report_due == on("2026-03-05")
    acme.report("2026-03-02")

    card = acme.book.reports.card()

    assert card.last_report_at == on("2026-03-02")
    assert card.next_report_due == on("2026-04-05")
    assert (card.licence, card.licence_state) == ("acme-2026", "Valid")
    assert [(m.number, m.peak_units, m.complete) for m in card.months] == [
        (2, 1, False),
        (1, 1, True),
    ]
    assert card.months[1].known_since == on("2026-02-01")


def test_the_card_says_what_to_ask_for(world: World) -> None:
    """
    Without a licence, and with one that has no start or anchor, the card says what to
    do, and makes up no months.
    """
    blank = world.installation().book.reports.card()
    assert (blank.licence_state, blank.months) == ("none", ())
    assert "licence install" in blank.message
    endless = world.licence(licence_id="endless", start=None, end=None)
    card = world.installation(endless, name="other").book.reports.card()
    assert card.months == ()
    assert "anchor" in card.message
    absent = world.licence(licence_id="absent", meter="users")
    acme = world.installation(absent, name="third")
    acme.book.move_clock(on("2026-03-01"))
    assert "users" in acme.book.reports.card().message


def test_the_overview_of_a_vendor(world: World) -> None:
    """
    Each installation is there with its last report, what it covers and owes; a licence
    of which no report came is there, too, and who is late is late.
    """
    acme = world.installation(world.licence())
    world.licence(licence_id="globex-1", customer="globex", report_days=None)
    acme.join("2026-02-01", "ann", "bob", "cid")
    world.accepted(acme.report("2026-04-02"))

    ours, theirs = world.vendor.reports.overview()

    assert ours.months == ("1 of acme-2026", "2 of acme-2026")
    assert (ours.sequence, ours.last_peak_units, ours.highest_peak_units) == (1, 3, 3)
    assert (ours.purchased_units, ours.owed_units) == (2, 1)
    assert (ours.next_month, ours.due_at) == ("3 of acme-2026", on("2026-05-05"))
    assert ours.overdue
    assert (theirs.customer, theirs.instance, theirs.months) == ("globex", None, ())
    assert (theirs.due_at, theirs.overdue) == (None, False)
    assert world.vendor.reports.overview(customer="nobody") == []
