"""
`meterbook licence`, `instance` and `report`, as they are typed: a story, and refusals.
"""

from __future__ import annotations

import csv
import io
import json
import shutil

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from edges.program import Program, Said
from laws.documents import JAN_31


if TYPE_CHECKING:
    from pathlib import Path


SEATS = """
[meters.seats]
event_type = "member"
aggregation = "members"
"""

TERM = ["--start", "2026-01-31", "--end", "2027-01-31"]


@dataclass
class Two:
    """
    A vendor and a customer, each with a book and keys, in one folder.
    """

    folder: Path
    vendor: Program
    acme: Program

    @property
    def keys(self) -> Path:
        return self.folder / "acme-keys"

    def public(self, whose: str) -> Path:
        [path] = (self.folder / f"{whose}-keys").glob("*.pub")
        return path

    def issue(self, name: str, *words: str) -> Path:
        """
        Issue a licence into a file.
        """
        file = self.folder / f"{name}.licence"
        usual = ["--licensee", "Acme Works", "--customer", "acme"]
        mode = ["--mode", "usage-based", "--seats", "2", "--report-within-days", "5"]
        self.vendor.ok(
            *("licence", "issue", name, *usual, *mode, *TERM, *words),
            *("--keys", self.folder / "vendor-keys", "--out", file),
        )
        return file

    def install(self, file: Path) -> Said:
        return self.acme.run(
            "licence", "install", file, "--vendor-key", self.public("vendor")
        )

    def tell(self, day: str, who: str, change: str = "join") -> None:
        """
        Record that somebody came or went, on a day that is now.
        """
        self.at(day)
        event = {
            "specversion": "1.0",
            "source": "app",
            "id": f"{who} {change}",
            "type": "member",
            "time": f"{day}T00:00:00Z",
            "customer": "acme",
            "subject": who,
            "data": {"change": change},
        }
        self.acme.ok("events", "record", "-", told=json.dumps(event))

    def at(self, day: str) -> None:
        self.acme.ok("book", "clock", "--to", f"{day}T00:00:00Z")

    def make(self, day: str, *words: str) -> Path:
        """
        Make a report on a day, into a file.
        """
        self.at(day)
        file = self.folder / f"{day}.report"
        self.acme.ok("report", "make", "--keys", self.keys, "--out", file, *words)
        return file

    def accept(self, file: Path, *words: str | Path) -> Said:
        return self.vendor.run("report", "accept", file, *words)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Give a folder with both, a licence that is installed, and two members.
    """
    tmp_path = tmp_path_factory.mktemp("two")
    vendor = Program(tmp_path, str(tmp_path / "vendor.db"))
    vendor.ok("book", "init", "--test-clock", "2026-01-15T00:00:00Z")
    vendor.ok("keys", "make", "vendor.example", "--keys", tmp_path / "vendor-keys")
    acme = Program(tmp_path, str(tmp_path / "acme.db"))
    acme.ok("book", "init", "--test-clock", JAN_31.isoformat())
    acme.ok("catalog", "apply", acme.write("seats.toml", SEATS))
    acme.ok("keys", "make", "acme.example", "--keys", tmp_path / "acme-keys")
    two = Two(tmp_path, vendor, acme)
    assert two.install(two.issue("acme-2026")).code == 0
    two.tell("2026-01-31", "ann")
    two.tell("2026-02-10", "bob")
    return tmp_path


@pytest.fixture
def two(prepared: Path, tmp_path: Path) -> Two:
    """
    Give both in a folder of their own.
    """
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    vendor = Program(tmp_path, str(tmp_path / "vendor.db"))
    return Two(tmp_path, vendor, Program(tmp_path, str(tmp_path / "acme.db")))


def test_from_the_licence_to_the_bill(two: Two) -> None:
    """
    A licence is issued and installed, a report made and accepted, and the vendor sees
    the users to bill on top, by which report and checkpoint.
    """
    two.tell("2026-02-20", "cid")
    file = two.make("2026-03-02")

    shown = two.acme.ok("report", "show", file)
    assert "1 of acme-2026" in shown.out
    assert "not verified" in shown.out
    verified = two.acme.ok("report", "verify", file, "--key", two.public("acme"))
    assert verified.out == "verified: signed by acme.example, 1 month\n"
    first = two.accept(file)
    assert first.code == 1
    assert first.out.startswith("unknown_key: ")
    accepted = two.accept(file, "--trust", two.public("acme"), "--actor", "billing")
    assert accepted.code == 0
    assert accepted.lines[0] == "accepted: report 1 of acme, epoch 1, 1 complete month"
    [month] = two.vendor.ok("report", "months", "--json").documents
    assert (month["peak"], month["purchased"], month["add_on_users"]) == (3, 2, 1)
    assert month["reports"][0]["sequence"] == 1
    [view] = two.vendor.ok("report", "overview", "--json").documents
    assert (view["owed"], view["months"]) == (1, ["1 of acme-2026"])
    assert "1 of acme-2026" in two.vendor.ok("report", "overview").out
    assert "acme-2026" in two.vendor.ok("report", "months").out


def test_accepting_says_by_name_what_became_of_it(two: Two) -> None:
    """
    A duplicate is done and changes nothing; a forgery is refused, and so is what is no
    report.
    """
    file = two.make("2026-03-02")
    assert two.accept(file, "--trust", two.public("acme")).code == 0

    again = two.accept(file, "--json")
    assert (again.code, again.documents[0]["outcome"]) == (0, "duplicate")
    text = file.read_text(encoding="utf-8").replace("peak: 2", "peak: 1")
    forged = two.accept(two.vendor.write("forged.report", text), "--json")
    assert (forged.code, forged.documents[0]["outcome"]) == (1, "forged")
    cut = two.accept(two.vendor.write("cut.report", text[:100]), "--json")
    assert (cut.code, cut.documents[0]["outcome"]) == (1, "malformed")
    assert two.acme.run(
        "report", "verify", two.folder / "forged.report", "--key", two.public("acme")
    ).out.startswith("forged: ")


def test_what_a_person_accepts_all_the_same(two: Two) -> None:
    """
    A clock that was set back can be accepted by somebody, with a reason; a forgery can
    not.
    """
    two.accept(two.make("2026-03-02"), "--trust", two.public("acme"))
    file = two.make("2026-02-15")

    assert two.accept(file).out.startswith("clock_set_back: ")
    despite = ["--despite", "clock_set_back"]
    assert two.accept(file, *despite).code == 2
    who = ["--actor", "billing", "--reason", "the customer told us"]
    said = two.accept(file, *despite, *who, "--json")
    assert said.documents[0]["notices"][0]["code"] == "excused_clock_set_back"
    assert two.accept(file, "--despite", "forged", *who).code == 2


def test_a_report_in_other_forms(two: Two) -> None:
    """
    A report can be read as JSON and as CSV; the text is what is handed over.
    """
    two.at("2026-03-02")
    make = ["report", "make", "--keys", str(two.keys)]

    [document] = two.acme.ok(*make, "--json").documents
    assert document["months"][0]["peak"] == 2
    assert document["note"].startswith("meterbook usage report\n")
    rows = list(csv.DictReader(io.StringIO(two.acme.ok(*make, "--format", "csv").out)))
    assert [row["peak"] for row in rows] == ["2"]
    file = two.make("2026-03-03", "--names")
    assert '"ann"\n"bob"\n' in file.read_text(encoding="utf-8")
    assert "peak" in two.acme.ok("report", "show", file, "--format", "csv").out


def test_nothing_to_report_says_when(two: Two) -> None:
    """
    Before a month is complete nothing is made, and it is said when the first will be.
    """
    said = two.acme.run("report", "make", "--keys", two.keys, "--json")

    assert said.code == 1
    error = json.loads(said.err)
    assert error["error"] == "nothing_to_report"
    assert "2026-02-28T00:00:00Z" in error["message"]
    current = two.acme.ok("report", "make", "--keys", two.keys, "--current")
    assert "state: in progress" in current.out


def test_a_restored_installation_says_so(two: Two) -> None:
    """
    The installation shows its id and key, and begins a new epoch with a reason.
    """
    [before] = two.acme.ok("instance", "show", "--keys", two.keys, "--json").documents
    restore = ["instance", "restored", "--actor", "ops", "--reason", "disk lost"]
    [after] = two.acme.ok(*restore, "--keys", two.keys, "--json").documents

    assert before["public_keys"] == [two.public("acme").read_text().strip()]
    assert (before["epoch"], after["epoch"]) == (1, 2)
    assert before["instance"] == after["instance"]
    assert after["reason"] == "disk lost"
    shown = two.acme.ok("instance", "show", "--keys", two.keys).out
    assert "only what was recorded since" in shown


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        pytest.param(["--seats", "0"], "seats", id="0 seats"),
        pytest.param(["--seats", "-5"], "seats", id="seats below 0"),
        pytest.param(["--seats", "2.5"], "seats", id="half a seat"),
        pytest.param(
            ["--mode", "capped", "--seats", "unlimited"], "seats", id="no cap"
        ),
        pytest.param(["--mode", "free"], "mode", id="no mode"),
        pytest.param(["--end", "2026-01-01"], "end", id="end before start"),
        pytest.param(["--anchor", "2026-02-01"], "anchor", id="anchor after start"),
        pytest.param(["--grace-days", "-1"], "grace-days", id="grace below 0"),
        pytest.param(["--licensee", "a\nseats: 9"], "licensee", id="two lines"),
    ],
)
def test_a_licence_that_cannot_be_meant_is_not_issued(
    two: Two, words: list[str], fault: str
) -> None:
    """
    What cannot be meant is refused, and the field is named.
    """
    usual = ["--licensee", "A", "--customer", "acme", "--mode", "usage-based"]
    said = two.vendor.run(
        *("licence", "issue", "x", *usual, *TERM, *words),
        *("--keys", two.folder / "vendor-keys"),
    )

    assert said.code == 1
    assert fault in said.err
    assert len(two.vendor.ok("licence", "list", "--json").documents) == 1


def test_verifying_a_licence(two: Two) -> None:
    """
    A licence is verified offline with the vendor's key, at any moment; what is not good
    ends with 1 and its name.
    """
    file = two.folder / "acme-2026.licence"
    key = ["--vendor-key", str(two.public("vendor"))]

    for day, code, answer in (
        ("2026-01-30", 1, "not_yet_valid"),
        ("2026-06-01", 0, "valid"),
        ("2027-02-01", 0, "in_grace"),
        ("2027-02-03", 1, "expired"),
    ):
        said = two.acme.run("licence", "verify", file, *key, "--at", day, "--json")
        assert (said.code, said.documents[0]["outcome"]) == (code, answer)
    text = file.read_text(encoding="utf-8").replace("seats: 2", "seats: 3")
    forged = two.acme.write("forged.licence", text)
    said = two.acme.run("licence", "verify", forged, *key, "--json")
    assert (said.code, said.documents[0]["outcome"]) == (1, "forged")
    assert two.acme.run("licence", "install", forged).code == 1
    assert "not verified" in two.acme.ok("licence", "inspect", forged).out
    assert two.acme.ok("licence", "verify", file).out.startswith("Valid acme-2026.")


def test_it_can_be_spelt_the_american_way(two: Two) -> None:
    """
    `license` is the same noun, and is not listed beside it.
    """
    there = two.acme.ok("license", "list", "--json").documents

    assert there == two.acme.ok("licence", "list", "--json").documents
    assert "license" not in two.acme.ok("--help").out.replace("licence", "")


def test_a_licence_is_listed_with_how_it_stands(two: Two) -> None:
    """
    The list says what is installed and issued, and how the licence stands now.
    """
    assert "now: Valid." in two.acme.ok("licence", "list").out
    assert "issued" in two.vendor.ok("licence", "list", "--customer", "acme").out
    assert two.vendor.ok("licence", "list", "--customer", "x", "--json").out == ""
