"""
An installation that its vendor cannot reach: the story, and six ways to cheat in it.

A licence is handed over as a file; members come and go; a report is handed back. The
numbers are the same on both sides. Then somebody edits the report, edits the book,
restores a backup, copies the installation, leaves out a month, sets the clock back; and
each is called by its name.
"""

from __future__ import annotations

import contextlib
import sqlite3

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from laws.documents import ACME, STRANGER, VENDOR
from meterbook.foundation.errors import NothingToReportError
from meterbook.licensing.report_reading import read_report
from meterbook.licensing.verdicts import Accepted, Inert, Nothing, Refusal, Refused
from meterbook.proof.notes import sign_note
from services.installations import Installation, World, on, world_in


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meterbook.licensing.verdicts import Verdict


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """
    Give a vendor that has licensed two seats to Acme, from January 31.
    """
    with world_in(tmp_path) as world:
        yield world


@pytest.fixture
def acme(world: World) -> Installation:
    """
    Give Acme's installation, in which three months have passed.
    """
    acme = world.installation(world.licence())
    acme.join("2026-01-31", "ann")
    acme.join("2026-02-03", "bob")
    acme.join("2026-02-18T12:00", "cid")
    acme.leave("2026-02-20", "cid")
    return acme


def refused(verdict: Verdict) -> Refusal:
    assert isinstance(verdict, Refused), verdict
    return verdict.code


def test_the_numbers_are_the_same_on_both_sides(
    world: World, acme: Installation
) -> None:
    """
    What the installation's administrator sees, what the report says and what the vendor
    bills are the same numbers, month by month.
    """
    with pytest.raises(NothingToReportError, match="ends at 2026-02-28T00:00:00Z"):
        acme.report("2026-02-27")

    first = acme.report("2026-03-02")
    acme.join("2026-03-10", "dan", "eve")
    acme.leave("2026-03-11", "eve")
    second = acme.report("2026-04-02")
    acme.leave("2026-04-05", "ann", "bob", "dan")
    third = acme.report("2026-05-02")
    for made in (first, second, third):
        assert world.accepted(made).notices == ()

    billed = [
        (month.month.number, month.peak_units, month.peak_at, month.over_units)
        for month in world.vendor.reports.months()
    ]
    assert billed == [
        (1, 3, on("2026-02-18T12:00"), 1),
        (2, 4, on("2026-03-10"), 2),
        (3, 3, on("2026-03-31"), 1),
    ]
    assert billed == [
        (month.month.number, month.peak_units, month.peak_at, month.over_units)
        for month in third.report.months
    ]
    card = acme.book.reports.card()
    assert [(m.number, m.peak_units, m.peak_at, m.over_units) for m in card.months] == [
        (4, 0, on("2026-04-30"), 0),
        *reversed(billed),
    ]
    for month in third.report.months:
        reading = acme.book.read("seats", customer="acme", period=month.period)
        assert (reading.units, reading.peak_at) == (month.peak_units, month.peak_at)
        assert (reading.last_units or 0) == month.end_units
    [source] = world.vendor.reports.months()[-1].sources
    head = acme.book.proofs.head()
    assert (source.sequence, source.size) == (3, third.report.checkpoint.size)
    assert head.size == source.size + 1


def test_losing_repeating_and_mixing_up_reports_changes_nothing(
    world: World, acme: Installation
) -> None:
    """
    A report that was lost is no loss, one that comes twice is a duplicate, and one that
    comes after its successor is older; what is billed is the same.
    """
    first, lost = acme.report("2026-03-02"), acme.report("2026-03-20")
    acme.join("2026-03-25", "dan")
    last = acme.report("2026-04-02")

    verdict = world.accepted(last)
    assert [notice.code for notice in verdict.notices] == ["reports_not_received"]
    before = world.vendor.reports.months()
    for made, code in ((last, "duplicate"), (first, "older"), (lost, "older")):
        again = world.accept(made)
        assert isinstance(again, Inert)
        assert again.code == code
    assert world.vendor.reports.months() == before


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("peak: 3", "peak: 2"),
        ("customer: acme", "customer: globex"),
        ("instance-key: acme", "instance-key: evil"),
        ("made-at: 2026-03-02", "made-at: 2026-03-03"),
        ("sequence: 1", "sequence: 2"),
    ],
)
def test_who_edits_the_report_is_a_forger(
    world: World, acme: Installation, line: str, instead: str
) -> None:
    """
    A text that was changed after it was signed is forged, the first report and later.
    """
    made = acme.report("2026-03-02")
    edited = made.note.replace(line, instead, 1)
    assert edited != made.note

    assert refused(world.accept(edited, trust=None)) is Refusal.FORGED
    world.accepted(made)
    assert refused(world.accept(edited)) is Refusal.FORGED


@pytest.mark.parametrize("how", ["cut", "line ends", "another encoding"])
def test_what_a_mail_program_did_is_not_forgery(
    world: World, acme: Installation, how: str
) -> None:
    """
    A report that was cut off or saved anew is malformed: nobody is accused.
    """
    note = acme.report("2026-03-02").note.encode()
    changed = {
        "cut": note[: len(note) // 2],
        "line ends": note.replace(b"\n", b"\r\n"),
        "another encoding": note.decode().encode("utf-16"),
    }[how]

    verdict = world.vendor.reports.accept(changed)

    assert refused(verdict) is Refusal.MALFORMED


def test_who_edits_an_entry_of_the_book_is_found_out(
    world: World, acme: Installation, tmp_path: Path
) -> None:
    """
    With one entry edited, the book no longer begins as it did: the installation itself
    warns of it, and the vendor calls it edited.
    """
    world.accepted(acme.report("2026-03-02"))
    edit_entry(tmp_path / "acme.db", where="entry_id = 5")
    acme.join("2026-03-10", "dan")

    made = acme.report("2026-04-02")

    assert "no longer begins" in made.warnings[0]
    assert refused(world.accept(made)) is Refusal.EDITED


def test_an_entry_edited_in_place_is_found_out_by_the_figures(
    world: World, acme: Installation, tmp_path: Path
) -> None:
    """
    Whoever edits an entry and leaves the tree as it was changes a month that had ended,
    and nothing was recorded that says why.
    """
    world.accepted(acme.report("2026-03-02"))
    edit_entry(tmp_path / "acme.db", where="entry_id = 5", rebuilt=False)
    acme.join("2026-03-10", "dan")

    made = acme.report("2026-04-02")

    assert refused(world.accept(made)) is Refusal.EDITED


def test_figures_that_were_signed_anew_are_held_against_the_last_ones(
    world: World, acme: Installation
) -> None:
    """
    A month that had ended and reads otherwise is edited, unless something was recorded
    since that says why.
    """
    first = acme.report("2026-03-02")
    world.accepted(first)
    second = acme.report("2026-04-02")
    [month, march] = second.report.months
    lower = tuple(c._replace(units=min(c.units, 2)) for c in month.levels)
    less = replace(month, levels=lower, peak_units=2, peak_at=on("2026-02-03"))
    cheated = replace(second.report, months=(less, march))

    verdict = world.accept(sign_note(cheated.to_text(), [ACME]))

    assert refused(verdict) is Refusal.EDITED
    assert isinstance(verdict, Refused)
    assert "nothing was recorded since" in verdict.reason


def test_what_came_late_is_a_correction(world: World, acme: Installation) -> None:
    """
    A month that reads otherwise because of what was recorded since is accepted, and the
    difference is told.
    """
    world.accepted(acme.report("2026-03-02"))
    acme.join("2026-02-18T12:00", "zoe", late="2026-03-05")
    acme.leave("2026-02-19", "zoe", late="2026-03-05")

    made = acme.report("2026-04-02")
    verdict = world.accepted(made)

    assert made.report.earlier[0].late == 2
    assert [notice.code for notice in verdict.notices] == ["corrected_month"]
    assert "peak 3 before and 4 now" in verdict.notices[0].detail
    assert world.vendor.reports.months()[0].peak_units == 4


def test_who_restores_a_backup_is_told_to_begin_a_new_epoch(
    world: World, acme: Installation, tmp_path: Path
) -> None:
    """
    A book that goes on from an older place is a restored backup; with a new epoch it is
    accepted, and counts only what was recorded since.
    """
    copy = acme.backup(tmp_path / "backup.db")
    acme.join("2026-02-25", "dan", "eve")
    world.accepted(acme.report("2026-03-02"))
    restored = world.restored(copy)

    restored.join("2026-03-10", "fay")
    made = restored.report("2026-04-02")
    assert refused(world.accept(made)) is Refusal.RESTORED_BACKUP

    restored.book.instance.restored(actor="ops@acme", reason="the disk was lost")
    restored.join("2026-04-10", "gus")
    verdict = world.accepted(restored.report("2026-05-02"))
    assert "new_epoch" in {notice.code for notice in verdict.notices}
    assert [
        (m.month.number, m.period.start, m.peak_units)
        for m in world.vendor.reports.months()
    ] == [(1, on("2026-01-31"), 4), (3, on("2026-04-02"), 4)]


def test_who_copies_the_installation_is_found_out(
    world: World, acme: Installation, tmp_path: Path
) -> None:
    """
    Two histories of one installation, alive at the same time, are a clone; with an id
    of its own the copy is another installation, whose seats are added.
    """
    copy = world.restored(acme.backup(tmp_path / "copy.db"))
    acme.join("2026-02-25", "dan", "eve")
    world.accepted(acme.report("2026-03-02"))

    copy.join("2026-02-26", "fay")
    made = copy.report("2026-03-03")
    assert refused(world.accept(made)) is Refusal.CLONED

    copy.book.instance.restored(actor="ops@acme", reason="a second site", copy=True)
    copy.join("2026-03-05", "gus")
    world.accepted(copy.report("2026-04-02"))
    acme.join("2026-03-06", "hal")
    verdict = world.accepted(acme.report("2026-04-02"))
    assert {notice.code for notice in verdict.notices} == {"other_history"}
    march = world.vendor.reports.months()[1]
    assert march.peak_units == 9
    assert len(march.sources) == 2


def test_a_clone_is_told_from_a_backup_in_a_large_book(
    world: World, acme: Installation, tmp_path: Path
) -> None:
    """
    Also where only some places are marked, a restored backup is not called a clone, and
    a clone is.
    """
    acme.join("2026-02-21", *(f"m{n}" for n in range(300)))
    copy = world.restored(acme.backup(tmp_path / "copy.db"))
    backup = world.restored(acme.backup(tmp_path / "backup.db"))
    acme.join("2026-02-25", *(f"n{n}" for n in range(50)))
    world.accepted(acme.report("2026-03-02"))

    copy.join("2026-02-26", *(f"o{n}" for n in range(50)))
    assert refused(world.accept(copy.report("2026-03-03"))) is Refusal.CLONED
    backup.join("2026-03-05", *(f"p{n}" for n in range(50)))
    made = backup.report("2026-04-02")
    assert refused(world.accept(made)) is Refusal.RESTORED_BACKUP


def test_an_old_epoch_that_goes_on_is_a_clone(
    world: World, acme: Installation, tmp_path: Path
) -> None:
    """
    When the epoch before still reports after a new one began, both are alive; a report
    of it that was made before, and came late, is only older.
    """
    early = acme.report("2026-03-02")
    copy = world.restored(acme.backup(tmp_path / "copy.db"))
    late = acme.report("2026-03-03")
    copy.book.move_clock(on("2026-03-20"))
    copy.book.instance.restored(actor="ops@acme", reason="the disk was lost")
    copy.join("2026-03-21", "fay")

    world.accepted(early)
    world.accepted(copy.report("2026-04-02"))
    world.accepted(late)
    assert refused(world.accept(acme.report("2026-04-03"))) is Refusal.CLONED


def test_who_leaves_out_a_month_leaves_a_gap(world: World, acme: Installation) -> None:
    """
    A month that must be there is missed by name, also when the report is signed anew.
    """
    acme.join("2026-03-10", "dan", "eve")
    made = acme.report("2026-05-02")
    less = [month for month in made.report.months if month.month.number != 2]
    without = replace(made.report, months=tuple(less))

    verdict = world.accept(sign_note(without.to_text(), [ACME]))

    assert refused(verdict) is Refusal.GAP
    assert isinstance(verdict, Refused)
    assert "2 of acme-2026" in verdict.reason


def test_who_sets_the_clock_back_stands_still(world: World, acme: Installation) -> None:
    """
    A clock that is set back makes no month open again and no licence good again, and
    the vendor is told.
    """
    world.accepted(acme.report("2026-03-02"))
    acme.join("2026-03-10", "dan")

    made = acme.report("2026-02-10")

    assert made.report.as_of == on("2026-03-10")
    assert "clock" in made.warnings[0]
    assert refused(world.accept(made)) is Refusal.CLOCK_SET_BACK
    acme.book.move_clock(on("2027-02-10"))
    acme.join("2027-02-10", "eve")
    acme.book.move_clock(on("2026-02-10"))
    stands = acme.book.licences.current()
    assert stands is not None
    assert stands.code == "expired"


def test_who_states_other_terms_than_the_licence(
    world: World, acme: Installation
) -> None:
    """
    A report that says more seats were bought than the licence does is edited.
    """
    made = acme.report("2026-03-02")
    text = made.report.to_text()
    text = text.replace("seats: 2\n", "seats: 9\n").replace(
        "purchased: 2", "purchased: 9"
    )
    text = text.replace("over: 1", "over: 0")
    assert read_report(text).months[0].over_units == 0

    verdict = world.accept(sign_note(text, [ACME]))

    assert refused(verdict) is Refusal.EDITED


def test_whose_report_it_is(world: World, acme: Installation) -> None:
    """
    A key that nobody confirmed, a licence that was not issued here, and another
    customer's are three answers.
    """
    made = acme.report("2026-03-02")
    report = made.report

    assert refused(world.accept(made, trust=None)) is Refusal.UNKNOWN_KEY
    other = replace(report, licence_id="globex-2026")
    note = sign_note(other.to_text(), [ACME])
    assert refused(world.accept(note)) is Refusal.UNKNOWN_LICENCE
    theirs = replace(report, customer="globex")
    note = sign_note(theirs.to_text(), [ACME])
    assert refused(world.accept(note)) is Refusal.NOT_FOR_US
    world.accepted(made)
    stolen = replace(report, instance="another", key=STRANGER.verifier)
    note = sign_note(stolen.to_text(), [ACME])
    assert refused(world.accept(note, trust=None)) is Refusal.UNKNOWN_KEY


def test_a_licence_for_one_installation_brings_its_key(world: World) -> None:
    """
    Where the licence names installation and key, the first report is trusted; one of
    another installation by the same licence is not for us.
    """
    acme = world.installation()
    here = acme.book.instance.current().instance_id
    bound = world.licence(instance=here, instance_key=ACME.verifier)
    done = acme.book.licences.install(bound.note.encode(), keys=[VENDOR.verifier])
    assert done.installed
    acme.join("2026-01-31", "ann")
    made = acme.report("2026-03-02")

    assert isinstance(world.accept(made, trust=None), Accepted)
    other = replace(made.report, instance="another")
    note = sign_note(other.to_text(), [ACME])
    assert refused(world.accept(note)) is Refusal.NOT_FOR_US


def test_a_number_far_ahead_is_not_adopted(world: World, acme: Installation) -> None:
    """
    Reports that were lost are only noted; a number that cannot be is refused.
    """
    made = acme.report("2026-03-02")
    far = sign_note(replace(made.report, sequence=5_000).to_text(), [ACME])

    assert refused(world.accept(far)) is Refusal.FAR_AHEAD
    again = world.accept(
        sign_note(replace(made.report, sequence=900).to_text(), [ACME])
    )
    assert isinstance(again, Accepted)


def test_older_means_that_it_was_said_before(world: World, acme: Installation) -> None:
    """
    A report that was made of the same book and says less is older than what is known.
    """
    first = acme.report("2026-03-02")
    second = acme.report("2026-03-03")
    world.accepted(second)

    verdict = world.accept(first)

    assert isinstance(verdict, Inert)
    assert verdict.code is Nothing.OLDER


def edit_entry(path: Path, *, where: str, rebuilt: bool = True) -> None:
    """
    Change a join into a leave behind the book's back: the guards of the table go, and
    to hide it the tree over the entries is built anew.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for kind, name in connection.execute(
            "SELECT type, name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP {kind} {name}")
        changed = connection.execute(
            "UPDATE meterbook_entries SET data = replace(data, 'join', 'leave'),"
            f" fingerprint = randomblob(32) WHERE data LIKE '%join%' AND {where}"
        ).rowcount
        assert changed == 1
        if not rebuilt:
            return
        connection.execute("DELETE FROM meterbook_tree_tiles")
        connection.execute("UPDATE meterbook_tree SET size = 0")
