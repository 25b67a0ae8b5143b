"""
`meterbook terms`: what was agreed for a time; a renewal is another term.
"""

from __future__ import annotations

from typing import Annotated

import typer

from meterbook.cli import options
from meterbook.cli.agreed_documents import term_document
from meterbook.cli.agreed_lines import terms_table
from meterbook.cli.agreed_options import Customer, Id, MaybeActor, Subscription
from meterbook.cli.errors import moment_of, refuse
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.outcomes import print_outcome
from meterbook.cli.rendering import print_json


commands = options.noun("terms", "Agree on terms, renew them, and correct their dates.")

Term = Annotated[
    str, typer.Argument(metavar="TERM", help="By its key.", show_default=False)
]

Start = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="DATE|MOMENT",
        help="Its first moment; a date is midnight in the subscription's zone.",
        show_default=False,
    ),
]

MaybeStart = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DATE|MOMENT",
        help="What its first moment was.",
        show_default=False,
    ),
]

End = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="DATE|MOMENT",
        help="The first moment after it; open if absent.",
        show_default=False,
    ),
]

MaybeEnd = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="DATE|MOMENT",
        help="What the first moment after it was.",
        show_default=False,
    ),
]

Kind = Annotated[
    str,
    typer.Option(
        "--kind", metavar="KIND", help="paid, free or trial.", show_default=False
    ),
]

Seats = Annotated[
    int | None,
    typer.Option(
        "--seats",
        metavar="N",
        help="How many are bought from the start on; no limit if absent.",
        show_default=False,
    ),
]

Anchor = Annotated[
    str | None,
    typer.Option(
        "--anchor",
        metavar="DATE|MOMENT",
        help="Where its months are counted from; as before if absent.",
        show_default=False,
    ),
]


@commands.command(
    "add",
    **options.with_example(
        "meterbook terms add acme main 2027 --from 2027-01-31 --kind paid --seats 80"
    ),
)
def add(
    customer: Customer,
    subscription: Subscription,
    term: Term,
    start: Start,
    kind: Kind,
    end: End = None,
    seats: Seats = None,
    anchor: Anchor = None,
    actor: MaybeActor = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Add a term to a subscription: the first one, or a renewal.

    It holds from its start: a term that holds then ends there, and keeps its own
    high-water mark.
    """
    _check_moments(("--from", start), ("--to", end), ("--anchor", anchor))
    with opened(book, schema) as found:
        outcome = found.terms.add(
            customer,
            subscription,
            term,
            start=start,
            end=end,
            seats=seats,
            kind=kind,
            anchor=anchor,
            actor=actor,
        )
    print_outcome(outcome, as_json=json)


@commands.command(
    "correct",
    **options.with_example(
        "meterbook terms correct acme main 2026 --to 2027-02-28 --actor ops "
        '--reason "two months were promised"'
    ),
)
def correct(
    customer: Customer,
    subscription: Subscription,
    term: Term,
    actor: options.Actor,
    reason: options.Reason,
    start: MaybeStart = None,
    end: MaybeEnd = None,
    open_end: Annotated[bool, typer.Option("--open", help="It has no end.")] = False,
    called: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Correct the dates of a term that were stated wrongly; a renewal is another term.
    """
    _check_moments(("--from", start), ("--to", end))
    if start is None and end is None and not open_end:
        refuse("--from", "say what is corrected: --from, and --to or --open.")
    if end is not None and open_end:
        refuse("--open", "say either --to or --open.")
    with opened(book, schema) as found:
        outcome = found.terms.correct(
            customer,
            subscription,
            term,
            start=start,
            end=end,
            open_end=open_end,
            actor=actor,
            reason=reason,
            id=called,
        )
    print_outcome(outcome, as_json=json)


@commands.command(
    "end",
    **options.with_example(
        "meterbook terms end acme main 2026 --at 2026-10-01 --actor ops "
        '--reason "they cancelled"'
    ),
)
def end_(
    customer: Customer,
    subscription: Subscription,
    term: Term,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="DATE|MOMENT",
            help="The first moment after it.",
            show_default=False,
        ),
    ],
    actor: options.Actor,
    reason: options.Reason,
    called: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    End a term at a moment: an open one, or before its time.
    """
    _check_moments(("--at", at))
    with opened(book, schema) as found:
        outcome = found.terms.end(
            customer, subscription, term, at=at, actor=actor, reason=reason, id=called
        )
    print_outcome(outcome, as_json=json)


@commands.command("list", **options.with_example("meterbook terms list acme main"))
def list_(
    customer: Customer,
    subscription: Subscription,
    place: options.Place = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the terms of a subscription, in order of their start.
    """
    with opened_to_read(book, schema) as found:
        one = found.subscriptions.show(customer, subscription, place=place)
        moment = found.now()
    if json:
        for term in one.terms:
            print_json(term_document(term, moment=moment))
        return
    if not one.terms:
        typer.echo("no terms: meterbook terms add")
    terms_table(one, moment=moment)


def _check_moments(*given: tuple[str, str | None]) -> None:
    """
    Check that what was typed are moments, before a book is opened.

    Raises:
        BadParameter: If one is none; naming the option.
    """
    for option, text in given:
        if text is not None:
            moment_of(option, text)
