"""
Importing: what a file would change is shown first, and then all of it is, or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook import Book, errors
from meterbook.app.clocks import clock_of
from meterbook.catalog.importing import COLUMNS, IMPORT_ROWS_MAX, RowFault, read_rows
from meterbook.services.agreements.importing import ImportFaultsError


if TYPE_CHECKING:
    from meterbook.services.agreements.importing import ImportPlan
    from meterbook.stores.postgres import PostgresStore

HEADER = "customer,name,subscription,meter,anchor,term,start,end,kind,seats\n"
FILE = (
    HEADER
    + "acme,Acme Inc.,main,seats,2025-01-31,2025,2025-01-31,2026-01-31,paid,100\n"
    + "acme,,main,,,2026,2026-01-31,,paid,80\n"
    + "globex,Globex,,,,,,,,\n"
    + "initech,,trial,seats,2026-02-10,t,2026-02-10,2026-03-12,trial,\n"
)


@pytest.fixture
def metered(book: Book) -> Book:
    book.define(
        {
            "seats": {"event_type": "counted", "aggregation": "peak", "value": "n"},
            "tokens": {"event_type": "used", "aggregation": "sum", "value": "n"},
        }
    )
    return book


def imported(book: Book, text: str, *, dry_run: bool = False) -> ImportPlan:
    return book.customers.import_csv(
        text.splitlines(keepends=True), dry_run=dry_run, actor="ops"
    )


def faults(book: Book, text: str) -> list[tuple[int, str]]:
    """
    Return where the file is wrong, having seen that nothing of it was stated.
    """
    before = len(book.entries(limit=1_000))
    with pytest.raises(ImportFaultsError) as raised:
        imported(book, text)
    assert len(book.entries(limit=1_000)) == before
    return [(fault.line, fault.column) for fault in raised.value.faults]


def test_a_file_becomes_customers_and_terms(metered: Book) -> None:
    """
    Every row is stated, with the names of customers, in one go.
    """
    plan = imported(metered, FILE)

    assert plan.done
    assert [(item.noun, item.key) for item in plan.new] == [
        ("customer", "Acme Inc."),
        ("subscription", "main"),
        ("term", "main/2025"),
        ("term", "main/2026"),
        ("customer", "Globex"),
        ("subscription", "trial"),
        ("term", "trial/t"),
    ]
    found = {one.key: one for one in metered.customers.all()}
    assert [found[key].name for key in sorted(found)] == ["Acme Inc.", "Globex", None]
    [main] = found["acme"].subscriptions
    assert [(one.key, one.purchases[0].seats) for one in main.terms] == [
        ("2025", 100),
        ("2026", 80),
    ]
    assert main.terms[1].end is None
    [trial] = found["initech"].subscriptions
    assert trial.terms[0].purchases[0].seats is None


def test_a_dry_run_changes_nothing(metered: Book) -> None:
    """
    It says what the import would do, and the import does that.
    """
    shown = imported(metered, FILE, dry_run=True)
    assert (shown.done, metered.entries(kind="statement")) == (False, [])

    assert imported(metered, FILE).items == shown.items


def test_a_file_can_be_imported_again(metered: Book) -> None:
    """
    What is there is left as it is; rows that were added are new.
    """
    imported(metered, FILE)
    again = imported(metered, FILE)
    more = imported(metered, FILE + "acme,,main,,,2027,2027-01-31,,paid,90\n")

    assert again.new == ()
    assert [item.key for item in more.new] == ["main/2027"]


def test_what_was_corrected_since_is_what_is_there(metered: Book) -> None:
    """
    A row agrees with the dates as agreed, and as corrected; others are a fault.
    """
    imported(metered, FILE)
    metered.terms.correct(
        "acme", "main", "2025", end="2026-01-15", actor="ops", reason="typo"
    )

    assert imported(metered, FILE).new == ()
    assert imported(metered, FILE.replace("2026-01-31,paid", "2026-01-15,paid")).done
    wrong = FILE.replace("2026-01-31,paid", "2026-01-20,paid")
    assert faults(metered, wrong) == [(2, "end")]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (",,main,seats,2026-01-31,1,2026-01-31,,paid,5", "customer"),
        ("hooli,,,seats,2026-01-31,1,2026-01-31,,paid,5", "subscription"),
        ("hooli,,,,,1,,,,", "subscription"),
        ("hooli,,main,,2026-01-31,1,2026-01-31,,paid,5", "meter"),
        ("hooli,,main,seats,,1,2026-01-31,,paid,5", "anchor"),
        ("hooli,,main,seats,soon,1,2026-01-31,,paid,5", "anchor"),
        ("hooli,,main,tokens,2026-01-31,1,2026-01-31,,paid,5", "meter"),
        ("hooli,,main,nothing,2026-01-31,1,2026-01-31,,paid,5", "meter"),
        ("hooli,,main,seats,2026-01-31,,2026-01-31,,paid,5", "term"),
        ("hooli,,main,seats,2026-01-31,1,,,paid,5", "start"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-30,,paid,5", "start"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,2026-01-31,paid,5", "end"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,2025-12-31,paid,5", "end"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,,,5", "kind"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,,gold,5", "kind"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,,paid,-5", "seats"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,,paid,2.5", "seats"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,,paid,0", "seats"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,,paid,many", "seats"),
        ("hooli,,main,seats,2026-01-31,1,2026-01-31,,paid", ""),
        (f"hooli,{'x' * 300},,,,,,,,", "name"),
        (f"hooli,{'x' * 3_000},,,,,,,,", "name"),
    ],
)
def test_a_cell_that_cannot_be_is_named(metered: Book, row: str, column: str) -> None:
    """
    Every fault says the line and the column; the good rows are not stated either.
    """
    assert faults(metered, f"{FILE}{row}\n") == [(6, column)]


def test_all_faults_are_named_at_once(metered: Book) -> None:
    """
    Whoever mends a file mends it once.
    """
    text = FILE + ",x,,,,,,,,\n\nacme,,main,,,3,2027-01-31,,gold,1\nacme,,,,,,,,,1\n"

    assert faults(metered, text) == [
        (6, "customer"),
        (8, "kind"),
        (9, "subscription"),
    ]


def test_a_message_names_the_first_and_counts_the_rest(metered: Book) -> None:
    """
    A long list of faults is cut in the sentence, and whole in the error.
    """
    with pytest.raises(errors.InvalidImportError) as raised:
        imported(metered, HEADER + ",x,,,,,,,,\n" * 9)

    assert "Line 2, customer: is empty" in str(raised.value)
    assert str(raised.value).endswith("And 4 more.")


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("acme,,main,seats2,,,,,,", "meter"),
        ("acme,,main,,2025-02-28,,,,,", "anchor"),
        ("acme,,main,,,2025,2025-01-31,2026-01-31,paid,101", "seats"),
        ("acme,,main,,,2025,2025-02-01,2026-01-31,paid,100", "start"),
        ("acme,,main,,,2025,2025-01-31,2026-01-31,free,100", "kind"),
    ],
)
def test_a_row_that_says_otherwise_is_a_fault(
    metered: Book, row: str, column: str
) -> None:
    """
    An import adds. What is there is changed by acts of its own, within a file as well.
    """
    assert faults(metered, f"{FILE}{row}\n") == [(6, column)]
    imported(metered, FILE)
    assert faults(metered, f"{HEADER}{row}\n") == [(2, column)]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("customer,seat\n", "seat"),
        ("customer,name,name\n", "name"),
        ("name\n", "customer"),
        ("\n", "customer"),
    ],
)
def test_a_header_that_cannot_be_is_named(
    metered: Book, header: str, column: str
) -> None:
    """
    Unknown, repeated and missing columns are named, and no row is looked at.
    """
    assert faults(metered, f"{header}a,b,c\n") == [(1, column)]


def test_what_is_no_csv_is_named(metered: Book) -> None:
    """
    A quote that is never closed is a fault with its line.
    """
    [(line, column)] = faults(metered, f'{FILE}"acme,,,,,,,,,\n')

    assert (line, column) == (6, "")


def test_zones_anchors_and_intervals_are_read(metered: Book) -> None:
    """
    Dates are midnights in the zone of the subscription, also in later rows.
    """
    imported(
        metered,
        "customer,subscription,meter,anchor,interval,interval_count,zone,"
        "term,start,end,kind,seats,term_anchor\n"
        "acme,main,seats,2026-01-31,quarter,2,America/New_York,"
        "1,2026-01-31,2026-07-31,paid,10,\n"
        "acme,main,,,,,,2,2026-07-15,,paid,10,2026-07-15\n",
    )
    found = metered.subscriptions.show("acme", "main")

    assert found.calendar.anchor.hour == 5
    assert (found.calendar.interval.value, found.calendar.interval_count) == (
        "quarter",
        2,
    )
    assert [one.start.hour for one in found.terms] == [5, 4]
    assert found.terms[1].calendar.anchor == found.terms[1].start


@pytest.mark.parametrize(
    ("column", "cell"),
    [("zone", "Mars/Olympus"), ("interval", "decade"), ("interval_count", "0")],
)
def test_months_that_cannot_be_counted_are_named(
    metered: Book, column: str, cell: str
) -> None:
    """
    A zone, an interval and a count are checked by name.
    """
    text = f"customer,subscription,meter,anchor,{column}\nacme,main,seats,2026-01-31,"

    assert faults(metered, f"{text}{cell}\n") == [(2, column)]


@given(st.lists(st.text(max_size=12), max_size=6), st.text(max_size=60))
def test_any_text_is_rows_or_faults(header: list[str], text: str) -> None:
    """
    Whatever a file holds, it is read to the end or a fault says where it went wrong.
    """
    names = [*header, *COLUMNS[:2]]
    lines = [",".join(names) + "\n", *text.splitlines(keepends=True)]

    for row in read_rows(lines):
        assert isinstance(row, RowFault) or set(row.cells) <= set(COLUMNS)


def test_a_file_has_a_limit() -> None:
    """
    A file with too many rows is refused before anything is compared.
    """
    lines = ["customer\n", *["acme\n"] * (IMPORT_ROWS_MAX + 1)]
    *_, last = read_rows(lines)

    assert isinstance(last, RowFault)
    assert "split it" in last.reason


def test_on_postgres_it_is_the_same(postgres_store: PostgresStore) -> None:
    """
    A file is imported there in one transaction, too, and again it changes nothing.
    """
    book = Book(postgres_store, clock_of(postgres_store))
    book.define({"seats": {"event_type": "n", "aggregation": "peak", "value": "n"}})
    shown = imported(book, FILE, dry_run=True)
    done = imported(book, FILE)
    book.work()

    assert shown.items == done.items
    assert imported(book, FILE).new == ()
    assert faults(book, FILE + "x,,a,,,,,,,\n") == [(6, "meter")]
    assert len(book.entries(kind="statement")) == len(done.new)
