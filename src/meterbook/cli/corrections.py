"""
`meterbook events void` and `amend`: what was wrong, corrected by another entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.asking import Sought
from meterbook.cli.errors import ExitCode, refuse
from meterbook.cli.files import text_of
from meterbook.cli.opening import opened
from meterbook.cli.progress import Telling
from meterbook.cli.rendering import (
    counted,
    grouped,
    print_json,
    print_table,
    printable,
)
from meterbook.cli.stretches import Spelling
from meterbook.foundation.units import format_units
from meterbook.metering.cloudevents import decode
from meterbook.metering.events import Duplicate, Recorded, Refused


if TYPE_CHECKING:
    from fractions import Fraction

    from meterbook.app import Book
    from meterbook.services.corrections.voiding import Preview

Source = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="NAME", help="Of this source.", show_default=False
    ),
]

Id = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="ID", help="One event, by source and id.", show_default=False
    ),
]

Entry = Annotated[
    int | None,
    typer.Option(
        "--entry",
        min=1,
        max=options.INTEGER_MAX,
        metavar="N",
        help="One event, by entry id.",
        show_default=False,
    ),
]

Type = Annotated[
    str | None, typer.Option("--type", help="Of this type.", show_default=False)
]

Subject = Annotated[
    str | None,
    typer.Option("--subject", help="Of this subject or actor.", show_default=False),
]

PreviewOnly = Annotated[
    bool,
    typer.Option("--preview", help="Only show what voiding these would change."),
]

Confirm = Annotated[
    int | None,
    typer.Option(
        "--confirm",
        min=0,
        max=options.INTEGER_MAX,
        metavar="N",
        help="Void these, as many as the preview counted.",
        show_default=False,
    ),
]

Actor = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Who does this."),
]

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]


def add_to(commands: typer.Typer) -> None:
    """
    Add the commands that correct to the noun `events`.
    """
    example = (
        'meterbook events void --source api --id r-1 --actor ops --reason "sent twice"'
    )
    commands.command("void", **options.with_example(example))(void)
    example = (
        "meterbook events amend replacement.json --source api --id r-1 --actor ops "
        '--reason "wrong customer"'
    )
    commands.command("amend", **options.with_example(example))(amend)


def void(
    source: Source = None,
    name: Id = None,
    entry: Entry = None,
    customer: options.Customer = None,
    type_: Type = None,
    subject: Subject = None,
    start: options.From = None,
    end: options.To = None,
    preview: PreviewOnly = False,
    confirm: Confirm = None,
    actor: Actor = None,
    reason: Reason = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Take events out: they stay in the book, and do not count any more.

    One event is named by --source and --id, or by --entry. Many are chosen by any of
    --source, --customer, --type, --subject, --from and --to: first with --preview, then
    with --confirm and the number that it showed.
    """
    sought = Sought(
        customer=customer,
        type=type_,
        source=source,
        subject=subject,
        start=start,
        end=end,
    )
    one = name is not None or entry is not None
    if one and (preview or confirm is not None):
        refuse("--preview", "this is for many events: leave out --id.")
    if not one and preview == (confirm is not None):
        sentence = "look first with --preview, then void them with --confirm N."
        refuse("--confirm", sentence)
    if one and sought != Sought(source=source):
        sentence = "name one event by --source and --id or by --entry, and no more."
        refuse("--id", sentence)

    with opened(book, schema) as found:
        if one:
            who = _accountable(actor, reason)
            outcome = found.void(
                entry_id=entry, source=source, id=name, actor=who[0], reason=who[1]
            )
            _print_void(outcome, as_json=json)
        elif preview:
            _print_preview(found.void_preview(sought.query()), as_json=json)
        else:
            assert confirm is not None
            _void_many(found, sought, confirm, _accountable(actor, reason), json)


def _accountable(actor: str | None, reason: str | None) -> tuple[str, str]:
    """
    Return who does it and why.

    Raises:
        BadParameter: If either is not said.
    """
    if actor is None:
        refuse("--actor", "say who does this.")
    if reason is None:
        refuse("--reason", "say why.")

    return actor, reason


def _print_void(outcome: Recorded | Duplicate, *, as_json: bool) -> None:
    if as_json:
        print_json(outcome)
    elif isinstance(outcome, Duplicate):
        typer.echo("void already, nothing changed")
    else:
        typer.echo(f"1 voided, by entry {outcome.entry_id}")


def _void_many(
    book: Book, sought: Sought, confirm: int, who: tuple[str, str], as_json: bool
) -> None:
    actor, reason = who
    with Telling() as telling:
        done = book.void_where(
            sought.query(),
            actor=actor,
            reason=reason,
            expected_count=confirm,
            progress=lambda count: telling.tell("events", count),
        )
    if as_json:
        print_json(done)
        return
    before = f", {done.void_before_count:,} were so" if done.void_before_count else ""
    typer.echo(f"{done.voided_count:,} voided{before}")


def _print_preview(preview: Preview, *, as_json: bool) -> None:
    if as_json:
        print_json(preview)
        return
    if not preview.matched_count:
        typer.echo("no events match")
        return

    assert preview.first_at is not None
    assert preview.last_at is not None
    spelling = Spelling("UTC")
    stretch = (
        f"{spelling.moment(preview.first_at)} to {spelling.moment(preview.last_at)}"
    )
    already = f" ({preview.void_count:,} void already)" if preview.void_count else ""
    typer.echo(f"{counted(preview.matched_count, 'event')}{already}, {stretch}")
    print_table(
        ["customer", "meter", "before", "after"],
        [
            (
                change.customer,
                change.meter_key,
                _shown(change.units_before, change.scale),
                _shown(change.units_after, change.scale),
            )
            for change in preview.changes
        ],
        right=["before", "after"],
    )
    typer.echo(f"nothing was changed; to void them: --confirm {preview.matched_count}")


def _shown(units: int | Fraction | None, scale: int) -> str:
    return "-" if units is None else grouped(format_units(units, scale))


def amend(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The replacement, one CloudEvent; - reads standard input.",
            show_default=False,
        ),
    ],
    actor: options.Actor,
    reason: options.Reason,
    source: Source = None,
    name: Id = None,
    entry: Entry = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Void an event and record another in its stead, both or neither.

    The replacement has an id of its own; it may have another customer or time.
    """
    replacement = decode(text_of(file).encode())
    with opened(book, schema) as found:
        outcome = (
            replacement
            if isinstance(replacement, Refused)
            else found.amend(
                replacement=replacement,
                entry_id=entry,
                source=source,
                id=name,
                actor=actor,
                reason=reason,
            )
        )
    if json:
        print_json(outcome)
    elif isinstance(outcome, Recorded):
        typer.echo(f"amended: the replacement is entry {outcome.entry_id}")
    elif isinstance(outcome, Duplicate):
        typer.echo("1 duplicate, nothing changed")
    elif isinstance(outcome, Refused):
        typer.echo(f"refused: {printable(outcome.reason)}", err=True)
    else:
        sentence = "another event has the replacement's source and id: nothing changed"
        typer.echo(f"conflict: {sentence}", err=True)
    if not isinstance(outcome, Recorded | Duplicate):
        raise typer.Exit(ExitCode.REFUSED)
