"""
`meterbook subjects`: to which customer a subject belongs, and since when.
"""

from __future__ import annotations

from typing import Annotated

import typer

from meterbook.cli import options
from meterbook.cli.errors import ExitCode, moment_of, refuse
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.rendering import print_json, print_table
from meterbook.metering.events import Conflict, Duplicate


commands = options.noun("subjects", "Say to which customer a subject belongs.")

Subject = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT", help="As events call the subject.", show_default=False
    ),
]

Since = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="DATE|MOMENT",
        help="From when on; a date is midnight in UTC.",
        show_default=False,
    ),
]

Nobody = Annotated[
    bool, typer.Option("--nobody", help="The subject belongs to nobody.")
]

Actor = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Who does this."),
]

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]

Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="What you call this, so that a retry is a duplicate.",
    ),
]


@commands.command(
    "attribute",
    **options.with_example(
        "meterbook subjects attribute ann --customer acme --from 2026-01-01"
    ),
)
def attribute(
    subject: Subject,
    start: Since,
    customer: options.Customer = None,
    nobody: Nobody = False,
    actor: Actor = None,
    reason: Reason = None,
    name: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Record that a subject belongs to a customer, from a moment on.

    It settles who pays for later events that state no customer, and for earlier ones
    that nobody pays for yet.
    """
    if (customer is None) != nobody:
        refuse("--customer", "say either --customer or --nobody.")

    moment = moment_of("--from", start)
    with opened(book, schema) as found:
        outcome = found.attribute(
            subject,
            customer,
            effective_at=moment,
            actor=actor,
            reason=reason,
            id=name,
        )
    if json:
        print_json(outcome)
    elif isinstance(outcome, Conflict):
        typer.echo(f"conflict: entry {outcome.entry_id} has this id and says otherwise")
    elif isinstance(outcome, Duplicate):
        typer.echo("1 duplicate, nothing changed")
    else:
        typer.echo(f"recorded as entry {outcome.entry_id}")
    if isinstance(outcome, Conflict):
        raise typer.Exit(ExitCode.REFUSED)


@commands.command("show", **options.with_example("meterbook subjects show ann"))
def show(
    subject: Subject,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List to whom a subject was said to belong, in the order it was said.
    """
    with opened_to_read(book, schema) as found:
        said = found.attributions(subject)
    if json:
        for one in said:
            print_json(one)
        return
    if not said:
        typer.echo("nothing was said: it belongs to nobody")
    print_table(
        ["place", "from", "customer", "actor", "reason"],
        [
            (
                one.place,
                one.effective_at,
                one.customer or "(nobody)",
                one.actor,
                one.reason,
            )
            for one in said
        ],
        right=["place"],
    )
