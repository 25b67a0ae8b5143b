"""
The report card as a page and as PDF: the same words, and nothing but words.
"""

from __future__ import annotations

import datetime as dt
import re

import pypdfium2
import pytest

from meterbook.cards.chart import vega_lite
from meterbook.cards.page import card_html
from meterbook.cards.paper import card_pdf
from meterbook.cards.wording import card_words
from meterbook.foundation.errors import MissingExtraError
from meterbook.foundation.periods import Calendar, Interval, Period
from meterbook.licensing.cards import Card, CardMonth


ANCHOR = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
NAUGHTY = "Acme <script>alert(1)</script> {{ 7 * 7 }} #strong[x] & Söhne"


def month(
    number: int, *, peak: int | None, bought: int | None = 100, complete: bool = True
) -> CardMonth:
    period = Calendar(anchor=ANCHOR, interval=Interval.MONTH).period(number - 1)
    assert period is not None
    return CardMonth(
        number=number,
        licence="L-7" if number > 1 else "L-6",
        period=period,
        peak_units=peak,
        peak_at=None if peak is None else period.start + dt.timedelta(hours=30),
        end_units=90,
        purchased_units=bought,
        complete=complete,
        known_since=period.start + dt.timedelta(days=9) if peak is None else None,
    )


def card(*months: CardMonth, zone: str = "UTC", message: str = "") -> Card:
    return Card(
        licensee=NAUGHTY,
        customer="acme",
        meter="seats",
        instance="i-1",
        licence="L-7",
        licence_state="Valid",
        licence_detail="until Jan 30, 2027",
        zone=zone,
        made_at=dt.datetime(2026, 5, 2, 9, tzinfo=dt.UTC),
        last_report_at=None,
        next_report_due=dt.datetime(2026, 5, 2, 8, tzinfo=dt.UTC),
        months=months,
        message=message,
    )


MONTHS = (
    month(4, peak=97, complete=False),
    month(3, peak=1_121),
    month(2, peak=98, bought=None),
    month(1, peak=None),
)


def pdf_text(document: bytes) -> str:
    pages = pypdfium2.PdfDocument(document)
    text = "\n".join(page.get_textpage().get_text_range() for page in pages)
    pages.close()
    return re.sub(r"\s+", " ", text)


def test_the_last_day_is_inclusive_for_people() -> None:
    """
    [Feb 28, Mar 31) reads Feb 28 - Mar 30: the last day is the last one inside.
    """
    words = card_words(card(month(2, peak=5)))

    assert words["months"][0]["range"] == "Feb 28, 2026 - Mar 30, 2026"  # type: ignore[index]  # the template's own words


def test_days_are_those_of_the_cards_zone() -> None:
    """
    A month that begins at midnight in Auckland begins on that day there.
    """
    start = dt.datetime(2026, 1, 14, 11, tzinfo=dt.UTC)
    period = Period(start, dt.datetime(2026, 2, 14, 11, tzinfo=dt.UTC))
    kiwi = CardMonth(
        number=1,
        licence="L-7",
        period=period,
        peak_units=1,
        peak_at=start,
        end_units=1,
        purchased_units=1,
        complete=True,
    )

    words = card_words(card(kiwi, zone="Pacific/Auckland"))["months"][0]  # type: ignore[index]  # the template's own words

    assert words["range"] == "Jan 15, 2026 - Feb 14, 2026"
    assert words["reached"] == "Jan 15, 2026, 00:00"


def test_a_page_says_every_number() -> None:
    """
    Peaks, what is above, what is not known and what is in progress are on the page.
    """
    page = card_html(card(*MONTHS))

    for said in (
        "1,121",
        "+1,021",
        "not known",
        "as used",
        "of L-6",
        "in progress",
        "overdue",
    ):
        assert said in page, said
    assert page.index("Apr 30, 2026") < page.index("Jan 31, 2026 - Feb 27, 2026")


def test_a_name_is_text_on_the_page() -> None:
    """
    Whatever a licensee is called, nothing of it is markup, and nothing is executed.
    """
    page = card_html(card(*MONTHS))

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "http://" not in page.replace("http-equiv", "")
    assert "https://" not in page


def test_a_pdf_says_the_same() -> None:
    """
    The PDF has the page's numbers, and a name's markup is text there, too.
    """
    text = pdf_text(card_pdf(card(*MONTHS)))

    for said in (
        "1,121",
        "+1,021",
        "not known",
        "of L-6",
        "in progress",
        "Feb 28, 2026 - Mar 30, 2026",
        "#strong[x]",
        "Söhne",
    ):
        assert said in text, said


def test_without_months_a_card_says_what_to_do() -> None:
    """
    With no month to show there is no chart and no table, but a sentence.
    """
    empty = card(message="The licence names no anchor: ask for one that does.")

    assert "ask for one that does" in card_html(empty)
    assert "ask for one that does" in pdf_text(card_pdf(empty))
    assert "<table" not in card_html(empty)
    assert "<img" not in card_html(empty)


def test_the_chart_shows_what_was_bought() -> None:
    """
    Each month is a bar by its kind, oldest first, and the purchased seats are a line.
    """
    rows = vega_lite(card(*MONTHS))["datasets"]
    [shown] = rows.values()

    assert [row["peak"] for row in shown] == [None, 98, 1_121, 97]
    assert [row["purchased"] for row in shown] == [100, None, 100, 100]
    assert [row["kind"].split()[0] for row in shown] == [
        "within",
        "within",
        "above",
        "in",
    ]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without the packages that draw a card the error says what to install.
    """
    monkeypatch.setitem(__import__("sys").modules, "typst", None)

    with pytest.raises(MissingExtraError, match=r"meterbook\[cards\]"):
        card_pdf(card())
