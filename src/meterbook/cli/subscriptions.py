"""
`meterbook subscriptions`: what was agreed, what is used of it, and what is owed.
"""

from __future__ import annotations

from typing import Annotated

import typer

from meterbook.cli import options, subscription_seats
from meterbook.cli.agreed_documents import subscription_document
from meterbook.cli.agreed_lines import headline, history_table, terms_table
from meterbook.cli.agreed_options import (
    Customer,
    Id,
    MaybeActor,
    MaybeReason,
    OfCustomer,
    OfTerm,
    Subscription,
)
from meterbook.cli.errors import moment_of, refuse
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.outcomes import print_outcome
from meterbook.cli.rendering import print_json, print_table, printable


commands = options.noun(
    "subscriptions", "Agree on subscriptions, and see seats used, bought and owed."
)

subscription_seats.add_to(commands)

Since = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="DATE|MOMENT",
        help="Since when; a date is midnight in the subscription's zone.",
        show_default=False,
    ),
]

Seats = Annotated[
    int | None,
    typer.Option(
        "--seats",
        metavar="N",
        help="How many are bought, in all.",
        show_default=False,
    ),
]


@commands.command(
    "create",
    **options.with_example(
        "meterbook subscriptions create acme main --meter seats --anchor 2026-01-31"
    ),
)
def create(
    customer: Customer,
    subscription: Subscription,
    meter: Annotated[
        str,
        typer.Option(
            "--meter",
            metavar="KEY",
            help="Which meter counts its seats.",
            show_default=False,
        ),
    ],
    anchor: Annotated[
        str,
        typer.Option(
            "--anchor",
            metavar="DATE|MOMENT",
            help="Where its months are counted from; a date is midnight in the zone.",
            show_default=False,
        ),
    ],
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    actor: MaybeActor = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    State that a customer subscribed: its meter, and the months of its terms.
    """
    moment = moment_of("--anchor", anchor, zone=zone)
    with opened(book, schema) as found:
        outcome = found.subscriptions.create(
            customer,
            subscription,
            meter=meter,
            anchor=moment,
            interval=interval,
            interval_count=count,
            zone=zone,
            actor=actor,
        )
    print_outcome(outcome, as_json=json)


@commands.command("list", **options.with_example("meterbook subscriptions list"))
def list_(
    customer: OfCustomer = None,
    place: options.Place = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List subscriptions, with the term that holds now.
    """
    with opened_to_read(book, schema) as found:
        listed = found.subscriptions.all(customer=customer, place=place)
        moment = found.now()
    if json:
        for one in listed:
            print_json(subscription_document(one, moment=moment))
        return
    if not listed:
        typer.echo("no subscriptions: meterbook subscriptions create")
    print_table(
        ["customer", "subscription", "meter", "terms", "now"],
        [
            (
                one.customer,
                one.key,
                one.meter_key,
                len(one.terms),
                "" if (held := one.term_at(moment)) is None else held.key,
            )
            for one in listed
        ],
        right=["terms"],
    )


@commands.command(
    "show", **options.with_example("meterbook subscriptions show acme main")
)
def show(
    customer: Customer,
    subscription: Subscription,
    history: Annotated[
        bool, typer.Option("--history", help="Also all that was stated, and by whom.")
    ] = False,
    place: options.Place = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show a subscription and its terms.
    """
    with opened_to_read(book, schema) as found:
        one = found.subscriptions.show(customer, subscription, place=place)
        said = found.subscriptions.history(customer, subscription) if history else []
        moment = found.now()
    if json:
        document = subscription_document(one, moment=moment)
        print_json(document | {"history": said} if history else document)
        return
    typer.echo(printable(headline(one)))
    terms_table(one, moment=moment)
    history_table(said)


@commands.command(
    "change",
    **options.with_example(
        "meterbook subscriptions change acme main --seats 110 --from 2026-04-01"
    ),
)
def change(
    customer: Customer,
    subscription: Subscription,
    start: Since,
    seats: Seats = None,
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="There is no limit any more.")
    ] = False,
    term: OfTerm = None,
    correct: Annotated[
        bool,
        typer.Option(
            "--correct",
            help="A purchase was stated wrongly: needs --actor and --reason.",
        ),
    ] = False,
    actor: MaybeActor = None,
    reason: MaybeReason = None,
    called: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    State that another number of seats is bought, from a moment on.

    Within a term the number rises; fewer seats are another term.
    """
    moment_of("--from", start)
    if (seats is None) != unlimited:
        refuse("--seats", "say either --seats or --unlimited.")
    with opened(book, schema) as found:
        outcome = found.subscriptions.buy(
            customer,
            subscription,
            seats=seats,
            at=start,
            term=term,
            correct=correct,
            actor=actor,
            reason=reason,
            id=called,
        )
    print_outcome(outcome, as_json=json)
