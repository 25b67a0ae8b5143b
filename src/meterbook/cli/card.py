"""
`meterbook report card`: the seats and the licence of this installation, to look at.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from meterbook.cli import options
from meterbook.cli.opening import opened
from meterbook.cli.rendering import print_json, print_table, printable
from meterbook.cli.report import commands


if TYPE_CHECKING:
    from meterbook.licensing.cards import Card


COUNTS: Final = ("peak", "at end", "bought", "above")
HEADINGS: Final = ("month", "peak", "reached", "at end", "bought", "above", "")

HtmlFile = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write a page that needs nothing but itself.",
        show_default=False,
    ),
]

PdfFile = Annotated[
    Path | None,
    typer.Option("--pdf", metavar="FILE", help="Write a PDF.", show_default=False),
]


@commands.command(
    "card",
    **options.with_example("meterbook report card --html card.html --pdf card.pdf"),
)
def card(
    html: HtmlFile = None,
    pdf: PdfFile = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show each subscription month's peak, what was bought, and the licence, newest first.
    """
    with opened(book, schema) as found:
        shown = found.reports.card()
    if html is not None:
        from meterbook.cards.page import card_html  # noqa: PLC0415 - an extra

        html.write_text(card_html(shown), encoding="utf-8")
    if pdf is not None:
        from meterbook.cards.paper import card_pdf  # noqa: PLC0415 - likewise

        pdf.write_bytes(card_pdf(shown))
    if json:
        print_json(_document(shown))
        return
    for path in (html, pdf):
        if path is not None:
            typer.echo(f"card of {printable(shown.licensee) or 'this book'}: {path}")
    if html is None and pdf is None:
        _print(shown)


def _print(card: Card) -> None:
    from meterbook.cards.wording import card_words  # noqa: PLC0415 - help is quick

    words = card_words(card)
    typer.echo(f"Seats of {printable(card.licensee) or 'this book'}")
    typer.echo(f"licence {printable(card.licence) or '-'}: {card.licence_state}")
    if card.licence_detail:
        typer.echo(printable(card.licence_detail))
    typer.echo(
        f"last report made: {words['last_report']}; next due: {words['next_due']}"
    )
    if card.message:
        typer.echo(printable(card.message))
    months = words["months"]
    assert isinstance(months, list)
    print_table(
        HEADINGS,
        [
            (
                month["range"],
                month["peak"],
                month["reached"],
                month["end"],
                month["purchased"],
                month["over"],
                _remark(month),
            )
            for month in months
        ],
        right=COUNTS,
    )


def _remark(month: dict[str, object]) -> str:
    known = month["known_since"]
    parts = [] if month["complete"] else ["in progress"]
    if month["earlier"]:
        parts.append(f"of {month['earlier']}")
    if known:
        parts.append(f"known since {known}")
    return ", ".join(parts)


def _document(card: Card) -> dict[str, object]:
    return {
        "licensee": card.licensee,
        "customer": card.customer,
        "meter": card.meter,
        "instance": card.instance,
        "licence": card.licence,
        "licence_state": card.licence_state,
        "licence_detail": card.licence_detail,
        "zone": card.zone,
        "made_at": card.made_at,
        "last_report_at": card.last_report_at,
        "next_report_due": card.next_report_due,
        "message": card.message,
        "months": [
            {
                "number": month.number,
                "licence": month.licence,
                "start": month.period.start,
                "end": month.period.end,
                "peak_units": month.peak_units,
                "peak_at": month.peak_at,
                "end_units": month.end_units,
                "purchased_units": month.purchased_units,
                "over_units": month.over_units,
                "complete": month.complete,
                "known_since": month.known_since,
            }
            for month in card.months
        ],
    }
