"""
`meterbook subscriptions seats`, `true-up`, `alerts`, `dismiss`: what it comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.agreed_documents import (
    alert_document,
    term_seats_document,
    true_up_document,
)
from meterbook.cli.agreed_lines import (
    alerts_table,
    headline,
    seats_table,
    true_up_table,
)
from meterbook.cli.agreed_options import (
    Customer,
    MaybeActor,
    OfCustomer,
    OfTerm,
    Subscription,
)
from meterbook.cli.errors import moment_of
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.outcomes import print_outcome
from meterbook.cli.rendering import counted, grouped, print_json, printable
from meterbook.cli.seat_lines import month_document, months_table
from meterbook.foundation.money import amount_text


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.services.agreements.owing import SubscriptionSeats, TrueUp


Names = Annotated[
    bool, typer.Option("--names", help="Say who people are, not only their number.")
]


def add_to(commands: typer.Typer) -> None:
    """
    Add the commands that read seats to those of the noun.
    """
    commands.command(
        "seats", **options.with_example("meterbook subscriptions seats acme main")
    )(seats_)
    commands.command(
        "true-up",
        **options.with_example(
            "meterbook subscriptions true-up acme main "
            "--policy quarterly-reconciliation --price 100.00 --currency USD"
        ),
    )(true_up)
    commands.command(
        "alerts", **options.with_example("meterbook subscriptions alerts")
    )(alerts)
    commands.command(
        "dismiss", **options.with_example("meterbook subscriptions dismiss acme main")
    )(dismiss)


def seats_(
    customer: Customer,
    subscription: Subscription,
    months: Annotated[
        bool, typer.Option("--months", help="Month by month, through all terms.")
    ] = False,
    names: Names = False,
    as_of: options.AsOf = None,
    place: options.Place = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show the seats of each term: in use, at most, bought and owed.

    The most of a term is its own: a renewal begins anew, and changes no term before.
    """
    moment = None if as_of is None else moment_of("--as-of", as_of)
    with opened_to_read(book, schema) as found:
        said = found.subscriptions
        if months:
            one = said.show(customer, subscription, place=place)
            reading = said.months(
                customer, subscription, as_of=moment, place=place, names=names
            )
            if not json:
                months_table(reading, zone=one.calendar.zone)
                return
            for month in reading.months:
                print_json(month_document(reading, month))
            return
        answer = said.seats(
            customer, subscription, as_of=moment, place=place, names=names
        )
    _print_seats(answer, moment=answer.as_of.moment, as_json=json)


def true_up(
    customer: Customer,
    subscription: Subscription,
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="NAME",
            help="annual-true-up or quarterly-reconciliation.",
            show_default=False,
        ),
    ],
    price: Annotated[
        str,
        typer.Option(
            "--price",
            metavar="AMOUNT",
            help="Of a seat for a year, as in 100.00.",
            show_default=False,
        ),
    ],
    currency: Annotated[
        str,
        typer.Option(
            "--currency", metavar="CODE", help="By its code.", show_default=False
        ),
    ],
    term: OfTerm = None,
    as_of: options.AsOf = None,
    place: options.Place = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show what is asked for seats above those bought, period by period.
    """
    moment = None if as_of is None else moment_of("--as-of", as_of)
    with opened_to_read(book, schema) as found:
        answer = found.subscriptions.true_up(
            customer,
            subscription,
            policy=policy,
            price=price,
            currency=currency,
            term=term,
            as_of=moment,
            place=place,
        )
    _print_true_up(answer, as_json=json)


def alerts(
    customer: OfCustomer = None,
    dismissed: Annotated[
        bool, typer.Option("--all", help="Also those that were dismissed.")
    ] = False,
    as_of: options.AsOf = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List subscriptions whose seats are nearly used up.
    """
    moment = None if as_of is None else moment_of("--as-of", as_of)
    with opened_to_read(book, schema) as found:
        listed = found.subscriptions.alerts(
            customer=customer, as_of=moment, dismissed=dismissed
        )
    if json:
        for one in listed:
            print_json(alert_document(one))
        return
    if not listed:
        typer.echo("no alerts")
    alerts_table(listed)


def dismiss(
    customer: Customer,
    subscription: Subscription,
    actor: MaybeActor = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Dismiss an alert until another seat is used, or another number is bought.
    """
    with opened(book, schema) as found:
        outcome = found.subscriptions.dismiss_alert(customer, subscription, actor=actor)
    print_outcome(outcome, as_json=json)


def _print_seats(
    answer: SubscriptionSeats, *, moment: dt.datetime, as_json: bool
) -> None:
    """
    Print the seats of each term, and what is owed in all.
    """
    if as_json:
        for one in answer.terms:
            print_json(term_seats_document(answer, one, moment=moment))
        return
    typer.echo(printable(headline(answer.subscription)))
    if not answer.terms:
        typer.echo("no terms: meterbook terms add")
    seats_table(answer)
    typer.echo(f"owed: {counted(answer.owed, 'seat')}")
    if answer.provisional:
        typer.echo("provisional: something has no place yet, and cannot be cited")
    if answer.behind:
        typer.echo("behind: the worker has to catch up, see meterbook worker run")


def _print_true_up(answer: TrueUp, *, as_json: bool) -> None:
    """
    Print what each period asks for, and the sum.
    """
    if as_json:
        print_json(true_up_document(answer))
        return
    typer.echo(printable(f"{answer.policy.value} of term {answer.term.key}"))
    if not answer.settlements:
        typer.echo("the term has not begun")
    true_up_table(answer)
    total = grouped(amount_text(answer.total_minor, answer.currency))
    typer.echo(f"asked for: {total} {answer.currency}")
    if answer.expected_minor != answer.total_minor:
        expected = grouped(amount_text(answer.expected_minor, answer.currency))
        typer.echo(f"expected with the period in progress: {expected}")
    if answer.provisional:
        typer.echo("provisional: something has no place yet, and cannot be cited")
