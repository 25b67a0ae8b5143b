"""
`meterbook customers`: who they are, importing them, and moving seats between them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.agreed_documents import customer_document
from meterbook.cli.agreed_lines import customer_lines, headline, terms_table
from meterbook.cli.agreed_options import Id, MaybeActor
from meterbook.cli.errors import ExitCode, moment_of
from meterbook.cli.files import lines_of, reading
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.outcomes import print_outcome
from meterbook.cli.rendering import counted, print_json, print_table, printable
from meterbook.metering.events import Conflict, Duplicate


if TYPE_CHECKING:
    from meterbook.services.agreements.importing import ImportPlan
    from meterbook.services.seats.moving import Moved


commands = options.noun("customers", "Name customers, import them, and move seats.")

Customer = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="By its key.", show_default=False)
]

To = Annotated[
    str,
    typer.Option(
        "--to", metavar="KEY", help="Whose seats they are to be.", show_default=False
    ),
]

Subject = Annotated[
    str | None,
    typer.Option(
        "--member",
        metavar="NAME",
        help="Only this member's seats; all if absent.",
        show_default=False,
    ),
]

At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="DATE|MOMENT",
        help="When; now if absent, and a date is midnight in UTC.",
        show_default=False,
    ),
]


@commands.command("list", **options.with_example("meterbook customers list"))
def list_(
    place: options.Place = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List everybody who has a name, usage or a subscription.
    """
    with opened_to_read(book, schema) as found:
        everybody = found.customers.all(place=place)
        moment = found.now()
    if json:
        for one in everybody:
            print_json(customer_document(one, moment=moment))
        return
    if not everybody:
        typer.echo("no customers")
    print_table(
        ["customer", "name", "usage", "subscriptions"],
        [
            (
                one.key,
                one.name,
                "yes" if one.has_usage else "",
                ", ".join(each.key for each in one.subscriptions),
            )
            for one in everybody
        ],
    )


@commands.command("show", **options.with_example("meterbook customers show acme"))
def show(
    customer: Customer,
    place: options.Place = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show a customer with its subscriptions and their terms.
    """
    with opened_to_read(book, schema) as found:
        one = found.customers.show(customer, place=place)
        moment = found.now()
    if json:
        print_json(customer_document(one, moment=moment))
        return
    for line in customer_lines(one):
        typer.echo(printable(line))
    for each in one.subscriptions:
        typer.echo(printable(headline(each)))
        terms_table(each, moment=moment)


@commands.command(
    "name", **options.with_example('meterbook customers name acme "Acme Inc."')
)
def name(
    customer: Customer,
    text: Annotated[
        str,
        typer.Argument(metavar="NAME", help="What people call it.", show_default=False),
    ],
    actor: MaybeActor = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    State what people call a customer.
    """
    with opened(book, schema) as found:
        outcome = found.customers.name(customer, text, actor=actor)
    print_outcome(outcome, as_json=json)


@commands.command(
    "import",
    **options.with_example("meterbook customers import customers.csv --dry-run"),
)
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV with a header; - for standard input.",
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and stop.")
    ] = False,
    actor: MaybeActor = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Import customers, subscriptions and terms from CSV: all of a file, or nothing.

    What the book has already is left as it is. A row that cannot be taken is named with
    its line and column.
    """
    # Loaded with the book, not for help.
    from meterbook.services.agreements.importing import ImportFaultsError  # noqa: PLC0415 - see above

    with opened(book, schema) as found, reading(file) as given:
        lines = lines_of(given.raw)
        try:
            plan = found.customers.import_csv(lines, dry_run=dry_run, actor=actor)
        except ImportFaultsError as error:
            for fault in error.faults:
                if json:
                    print_json(fault._asdict())
                else:
                    typer.echo(printable(fault.text), err=True)
            if json:
                raise
            said = counted(len(error.faults), "fault")
            typer.echo(f"{said}: nothing was changed", err=True)
            raise typer.Exit(ExitCode.REFUSED) from error
        finally:
            lines.detach()
    _print_plan(plan, as_json=json)


@commands.command(
    "move",
    **options.with_example(
        'meterbook customers move acme --to globex --actor ops --reason "they merged"'
    ),
)
def move(
    customer: Customer,
    to: To,
    actor: options.Actor,
    reason: options.Reason,
    member: Subject = None,
    at: At = None,
    called: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Move the seats of a customer, or of one member, to another customer.

    Members move by name, levels as numbers, at one instant for both sides: each keeps
    the high-water mark that it had.
    """
    moment = None if at is None else moment_of("--at", at)
    with opened(book, schema) as found:
        if member is None:
            moved = found.customers.move(
                customer, to=to, at=moment, actor=actor, reason=reason, id=called
            )
        else:
            moved = found.customers.move_member(
                member,
                customer=customer,
                to=to,
                at=moment,
                actor=actor,
                reason=reason,
                id=called,
            )
    _print_moved(moved, as_json=json)


def _print_plan(plan: ImportPlan, *, as_json: bool) -> None:
    """
    Print what a file changes: what is new, and how much is there already.
    """
    if as_json:
        for item in plan.items:
            print_json({"done": plan.done, "item": item})
        return
    print_table(
        ["line", "new", "customer", ""],
        [(item.line, item.noun, item.customer, item.key) for item in plan.new],
        right=["line"],
    )
    verb = "added" if plan.done else "would be added"
    there = len(plan.items) - len(plan.new)
    typer.echo(f"{len(plan.new):,} {verb}, {there:,} there already")


def _print_moved(moved: Moved, *, as_json: bool) -> None:
    """
    Print what a move did; a conflict ends the program with 1.
    """
    if as_json:
        print_json(moved)
    else:
        levels = [f"{units:,} of meter {key}" for key, units in moved.units.items()]
        seats = ", ".join([counted(moved.members, "member"), *levels])
        if isinstance(moved.outcome, Conflict):
            typer.echo(f"conflict: entry {moved.outcome.entry_id} is another move")
        elif isinstance(moved.outcome, Duplicate):
            typer.echo(f"1 duplicate of entry {moved.outcome.entry_id}: {seats} moved")
        else:
            entry_id = moved.outcome.entry_id
            typer.echo(f"moved {seats}, recorded as entry {entry_id}")
    if isinstance(moved.outcome, Conflict):
        raise typer.Exit(ExitCode.REFUSED)
