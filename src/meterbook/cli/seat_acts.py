"""
`meterbook seats join`, `leave`, `level`, `annotate`, `correct`: what changes something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.errors import ExitCode, moment_of, refuse
from meterbook.cli.opening import opened
from meterbook.cli.progress import Telling
from meterbook.cli.rendering import counted, print_json, printable
from meterbook.cli.seat_lines import correction_table
from meterbook.cli.stretches import Spelling, Stretch
from meterbook.foundation.periods import Period
from meterbook.metering.events import Conflict, Duplicate, Recorded, Refused


if TYPE_CHECKING:
    from meterbook.metering.events import Recording
    from meterbook.services.seats.live import SeatsChanged
    from meterbook.services.seats.seat_corrections import SeatCorrection, Wrong

Member = Annotated[
    str, typer.Argument(metavar="MEMBER", help="Who, by name.", show_default=False)
]

Units = Annotated[
    int,
    typer.Argument(
        metavar="UNITS",
        min=0,
        help="How many, in the meter's smallest unit.",
        show_default=False,
    ),
]

OneCustomer = Annotated[
    str,
    typer.Option("--customer", metavar="KEY", help="Whose seats.", show_default=False),
]

Way = Annotated[str, typer.Option("--way", metavar="NAME", help="By which way.")]

State = Annotated[
    str,
    typer.Option("--state", metavar="NAME", help="active, or another that you use."),
]

At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="DATE|MOMENT",
        help="When it happened; now if absent.",
        show_default=False,
    ),
]

When = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="DATE|MOMENT",
        help="The moment that it is about.",
        show_default=False,
    ),
]

Actor = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="Who did it.")
]

Cause = Annotated[str | None, typer.Option("--cause", metavar="TEXT", help="Why.")]

Definition = Annotated[
    int | None,
    typer.Option(
        "--definition",
        min=1,
        max=2**31 - 1,
        metavar="N",
        help="The version of what counts as a seat; the meter's if absent.",
        show_default=False,
    ),
]

Source = Annotated[
    str, typer.Option("--source", metavar="NAME", help="Who states it, with --at.")
]

Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="What they call it, so that a retry is a duplicate.",
        show_default=False,
    ),
]

Text = Annotated[
    str,
    typer.Argument(metavar="TEXT", help="What there is to know.", show_default=False),
]

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="DATE|MOMENT",
        help="The first moment of what is wrong.",
        show_default=False,
    ),
]

To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="DATE|MOMENT",
        help="The first moment after it.",
        show_default=False,
    ),
]

OfSource = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="NAME", help="Only of this source.", show_default=False
    ),
]

OfCause = Annotated[
    str | None,
    typer.Option(
        "--cause", metavar="TEXT", help="Only of this cause.", show_default=False
    ),
]

PreviewOnly = Annotated[
    bool, typer.Option("--preview", help="Only show what this would change.")
]

Confirm = Annotated[
    int | None,
    typer.Option(
        "--confirm",
        min=0,
        max=options.INTEGER_MAX,
        metavar="N",
        help="Take these out, as many as the preview counted.",
        show_default=False,
    ),
]

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]


def add_to(commands: typer.Typer) -> None:
    """
    Add the commands that change something to the noun `seats`.
    """
    example = (
        "meterbook seats join seats ann --customer acme --way invited "
        "--at 2026-02-10T09:00:00Z --actor bob"
    )
    commands.command("join", **options.with_example(example))(join)
    example = "meterbook seats leave seats ann --customer acme --at 2026-02-20"
    commands.command("leave", **options.with_example(example))(leave)
    example = "meterbook seats baseline seats --customer acme --at 2026-01-31"
    commands.command("baseline", **options.with_example(example))(baseline)
    example = "meterbook seats level licences 12 --customer acme --at 2026-02-01"
    commands.command("level", **options.with_example(example))(level)
    example = (
        'meterbook seats annotate seats "a mis-sync of five minutes" --customer acme '
        "--at 2026-02-10T09:00:00Z --actor ops"
    )
    commands.command("annotate", **options.with_example(example))(annotate)
    example = (
        "meterbook seats correct seats --customer acme --from 2026-02-10T09:00:00Z "
        "--to 2026-02-10T09:05:00Z --anchor 2026-01-31 --preview"
    )
    commands.command("correct", **options.with_example(example))(correct)


def join(
    meter: options.Meter,
    member: Member,
    customer: OneCustomer,
    way: Way = "",
    state: State = "active",
    at: At = None,
    actor: Actor = None,
    cause: Cause = None,
    definition: Definition = None,
    source: Source = "seats",
    name: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Record that a member is in, from now on or since a moment of its own.

    One who is in by that way already has the new state from then on.
    """
    moment = None if at is None else moment_of("--at", at)
    with opened(book, schema) as found:
        outcome = found.seats.join(
            meter,
            member,
            customer=customer,
            way=way,
            state=state,
            at=moment,
            actor=actor,
            cause=cause,
            definition=definition,
            source=source,
            id=name,
        )
    _print_outcome(outcome, as_json=json)


def leave(
    meter: options.Meter,
    member: Member,
    customer: OneCustomer,
    way: Way = "",
    at: At = None,
    actor: Actor = None,
    cause: Cause = None,
    definition: Definition = None,
    source: Source = "seats",
    name: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Record that a member is no longer in by a way. One who is not in stays so.
    """
    moment = None if at is None else moment_of("--at", at)
    with opened(book, schema) as found:
        outcome = found.seats.leave(
            meter,
            member,
            customer=customer,
            way=way,
            at=moment,
            actor=actor,
            cause=cause,
            definition=definition,
            source=source,
            id=name,
        )
    _print_outcome(outcome, as_json=json)


def baseline(
    meter: options.Meter,
    customer: OneCustomer,
    at: At = None,
    actor: Actor = None,
    cause: Cause = None,
    definition: Definition = None,
    source: Source = "seats",
    name: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Record that from a moment on all members are told of: before it nothing is known.
    """
    moment = None if at is None else moment_of("--at", at)
    with opened(book, schema) as found:
        outcome = found.seats.baseline(
            meter,
            customer=customer,
            at=moment,
            actor=actor,
            cause=cause,
            definition=definition,
            source=source,
            id=name,
        )
    _print_outcome(outcome, as_json=json)


def level(
    meter: options.Meter,
    units: Units,
    customer: OneCustomer,
    at: At = None,
    actor: Actor = None,
    cause: Cause = None,
    definition: Definition = None,
    source: Source = "seats",
    name: Id = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Record how many there are, of a meter that reads levels.
    """
    moment = None if at is None else moment_of("--at", at)
    with opened(book, schema) as found:
        outcome = found.seats.level(
            meter,
            units,
            customer=customer,
            at=moment,
            actor=actor,
            cause=cause,
            definition=definition,
            source=source,
            id=name,
        )
    _print_outcome(outcome, as_json=json)


def annotate(
    meter: options.Meter,
    text: Text,
    customer: OneCustomer,
    at: When,
    actor: options.Actor,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Note something beside the seats at a moment. It changes no number.
    """
    with opened(book, schema) as found:
        outcome = found.seats.annotate(
            meter, customer, at=moment_of("--at", at), actor=actor, text=text
        )
    _print_outcome(outcome, as_json=json)


def correct(
    meter: options.Meter,
    customer: OneCustomer,
    start: From,
    end: To,
    anchor: options.Anchor = None,
    interval: options.Interval = "month",
    count: options.Count = 1,
    zone: options.Zone = "UTC",
    source: OfSource = None,
    cause: OfCause = None,
    preview: PreviewOnly = False,
    confirm: Confirm = None,
    actor: Actor = None,
    reason: Reason = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Take out the changes of a stretch, such as a spike that was a mistake.

    First with --preview, which shows each month's peak before and after; then with
    --confirm and the number that it showed. They stay in the book, and do not count.
    """
    if preview == (confirm is not None):
        refuse(
            "--confirm", "look first with --preview, then take out with --confirm N."
        )
    if anchor is None:
        refuse("--anchor", "say from where months are counted.")
    if confirm is not None and actor is None:
        refuse("--actor", "say who does this.")
    if confirm is not None and reason is None:
        refuse("--reason", "say why.")

    stretch = _months(anchor, interval, count, zone)
    with opened(book, schema) as found:
        periods = [(nth or 0, period) for nth, period in stretch.periods(found.now())]
        wrong = _wrong(customer, start, end, zone, source=source, cause=cause)
        if confirm is None:
            shown = found.seats.preview_correction(meter, wrong, periods=periods)
        else:
            with Telling() as telling:
                shown = found.seats.correct(
                    meter,
                    wrong,
                    periods=periods,
                    actor=actor or "",
                    reason=reason or "",
                    expected_count=confirm,
                    progress=lambda done: telling.tell("changes", done),
                )
    _print_correction(shown, zone=zone, done=confirm is not None, as_json=json)


def _months(anchor: str, interval: str, count: int, zone: str) -> Stretch:
    """
    Return all the months that have started.
    """
    return Stretch(
        anchor=anchor,
        start=None,
        end=None,
        interval=interval,
        count=count,
        zone=zone,
        index=None,
        current=False,
    )


def _wrong(
    customer: str,
    start: str,
    end: str,
    zone: str,
    *,
    source: str | None,
    cause: str | None,
) -> Wrong:
    # Loaded with the book, not for help.
    from meterbook.services.seats.seat_corrections import Wrong  # noqa: PLC0415 - see above

    period = Period(
        moment_of("--from", start, zone=zone), moment_of("--to", end, zone=zone)
    )
    return Wrong(customer=customer, period=period, source=source, cause=cause)


def _print_outcome(outcome: Recording | SeatsChanged, *, as_json: bool) -> None:
    """
    Print what became of what was told, and exit with 1 if it was refused.
    """
    if as_json:
        print_json(outcome)
    elif isinstance(outcome, Refused):
        typer.echo(f"refused: {printable(outcome.reason)}", err=True)
    elif isinstance(outcome, Conflict):
        typer.echo(f"conflict: entry {outcome.entry_id} has this id and says otherwise")
    elif isinstance(outcome, Duplicate):
        typer.echo("1 duplicate, nothing changed")
    elif isinstance(outcome, Recorded):
        typer.echo(f"recorded as entry {outcome.entry_id}")
        for warning in outcome.warnings:
            typer.echo(f"{warning.code}: {printable(warning.detail)}")
    else:
        typer.echo(f"recorded at {Spelling('UTC').moment(outcome.occurred_at)}")
    if isinstance(outcome, Conflict | Refused):
        raise typer.Exit(ExitCode.REFUSED)


def _print_correction(
    found: SeatCorrection, *, zone: str, done: bool, as_json: bool
) -> None:
    if as_json:
        print_json(found)
        return
    typer.echo(counted(found.matched_count, "change"))
    if found.waiting_count:
        typer.echo(
            f"{found.waiting_count:,} more have no place yet: let the worker run"
        )
    if found.months:
        correction_table(found, zone=zone)
    else:
        typer.echo("no month is another")
    if done:
        typer.echo(f"{found.voided_count:,} voided")
    else:
        again = f"--confirm {found.matched_count}"
        typer.echo(f"nothing was changed; to take them out: {again}")
