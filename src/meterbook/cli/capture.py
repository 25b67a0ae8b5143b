"""
`meterbook capture`: have the application's own membership table say who is in.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.errors import ExitCode
from meterbook.cli.files import text_of
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.rendering import counted, print_json, print_table, printable


if TYPE_CHECKING:
    from meterbook.services.captures.capture_checking import Checked
    from meterbook.services.captures.capturing import Installed
    from meterbook.services.captures.drifting import Drift
    from meterbook.services.captures.kept_captures import KeptCapture


commands = options.noun(
    "capture", "Have the application's own membership table say who is in."
)

# Enough to see what kind of trouble it is; --json lists all.
DRIFT_SHOWN_MAX = 50
UNKNOWN_SHOWN_MAX = 5

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A TOML file of captures; - reads standard input.",
        show_default=False,
    ),
]

Key = Annotated[
    str, typer.Argument(metavar="KEY", help="The capture's key.", show_default=False)
]

SomeKey = Annotated[
    str | None,
    typer.Argument(
        metavar="[KEY]", help="Only this capture; all if absent.", show_default=False
    ),
]

Actor = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Who does this.", show_default=False),
]


@commands.command("list", **options.with_example("meterbook capture list"))
def list_(
    every: Annotated[
        bool,
        typer.Option("--all", help="Also older versions, and those removed."),
    ] = False,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the captures that are installed.
    """
    with opened_to_read(book, schema) as found:
        kept = found.captures.installed(removed=every)
    if json:
        for one in kept:
            print_json(_document(one))
        return
    print_table(
        ["capture", "version", "table", "event type", "installed", "removed"],
        [
            (
                one.capture.key,
                one.version,
                ".".join(one.understood.table),
                one.capture.event_type,
                one.installed_at,
                one.removed_at,
            )
            for one in kept
        ],
        right=["version"],
    )


@commands.command("sql", **options.with_example("meterbook capture sql captures.toml"))
def sql(
    file: File,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Print the statements that installing would run, and run none.

    A baseline for every customer and a join for every member follow in the same
    transaction.
    """
    text = text_of(file)
    with opened(book, schema) as found:
        scripts = found.captures.script(text)
    for script in scripts:
        if json:
            print_json(script)
            continue
        typer.echo(f"-- {script.capture_key}, version {script.version}")
        for statement in script.statements:
            typer.echo(f"{statement};\n")


@commands.command(
    "install", **options.with_example("meterbook capture install captures.toml")
)
def install(
    file: File,
    actor: Actor = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Put triggers on the tables that a file declares, all of them or none.

    Every customer gets a baseline and every member a join, in the same transaction.
    What is installed as declared stays as it is; a changed declaration becomes a new
    version.
    """
    text = text_of(file)
    with opened(book, schema) as found:
        done = found.captures.install(text, actor=actor)
    for one in done:
        if json:
            print_json(one)
        else:
            _print_installed(one)


@commands.command("check", **options.with_example("meterbook capture check"))
def check(
    key: SomeKey = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Compare the tables with the book, and list drift and blind spots.

    It exits with 1 if it finds any. It changes nothing: see `capture repair`.
    """
    with opened_to_read(book, schema) as found:
        checked = found.captures.check(key)
    for one in checked:
        if json:
            print_json({**_plain(one), "clean": one.clean})
        else:
            _print_checked(one)
    if not checked and not json:
        typer.echo("no captures")
    if not all(one.clean for one in checked):
        raise typer.Exit(ExitCode.REFUSED)


@commands.command(
    "repair",
    **options.with_example(
        "meterbook capture repair --actor ops --reason 'rows loaded without triggers'"
    ),
)
def repair(
    actor: options.Actor,
    reason: options.Reason,
    key: SomeKey = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Tell the book what the tables say, where it says otherwise, from now on.

    It tells joins and leaves, with who says so and why. It does not know when they
    were; blind spots stay until they are mended.
    """
    with opened(book, schema) as found:
        repaired = found.captures.repair(key, actor=actor, reason=reason)
    for one in repaired:
        if json:
            print_json(one)
            continue
        mended = one.mended
        told = (
            counted(mended.joins, "join"),
            counted(mended.leaves, "leave"),
            counted(mended.baselines, "baseline"),
        )
        typer.echo(f"{one.capture_key}: {', '.join(told)}")
    if not repaired and not json:
        typer.echo("nothing to repair")


@commands.command("remove", **options.with_example("meterbook capture remove members"))
def remove(
    key: Key,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Take the triggers of a capture away; the book keeps what it was told.
    """
    with opened(book, schema) as found:
        removed = found.captures.remove(key)
    if json:
        print_json(_document(removed))
    else:
        typer.echo(
            f"{key}: removed, version {removed.version}; levels stay as they are"
        )


def _print_installed(one: Installed) -> None:
    head = f"{one.capture_key}: {one.action}, version {one.version}"
    if one.action == "unchanged":
        typer.echo(head)
        return
    typer.echo(
        f"{head}; {counted(one.customers_count, 'baseline')},"
        f" {counted(one.told_count, 'join or leave', 'joins and leaves')}"
    )
    if not one.unique:
        typer.echo(
            "  no unique index of customer and member: each change looks for other rows"
            " of the same member"
        )


def _print_checked(one: Checked) -> None:
    head = f"{one.capture_key}, version {one.version}, of {printable(one.table)}:"
    if one.customers_count is None:
        typer.echo(f"{head} it could not be compared")
    else:
        customers = counted(one.customers_count, "customer")
        typer.echo(
            f"{head} {one.live_units:,} active in the table, {one.book_units:,} in the"
            f" book, {customers}; {counted(len(one.drift), 'difference')}"
        )
    shown = one.drift[:DRIFT_SHOWN_MAX]
    print_table(
        ["customer", "member", "way", "fault", "in the table", "in the book"],
        [_drift_row(drift) for drift in shown],
    )
    if len(one.drift) > len(shown):
        typer.echo(f"... and {len(one.drift) - len(shown):,} more: --json lists all")
    unknown = one.unknown_customers
    if unknown:
        names = ", ".join(map(printable, unknown[:UNKNOWN_SHOWN_MAX]))
        more = ", ..." if len(unknown) > UNKNOWN_SHOWN_MAX else ""
        typer.echo(
            f"no baseline yet: {counted(len(unknown), 'customer')} without members"
            f" ({names}{more}); capture repair tells one"
        )
    for spot in one.blind_spots:
        typer.echo(f"blind spot: {printable(spot.sentence)}")
    for limit in one.limits:
        typer.echo(f"note: {limit}")


def _drift_row(drift: Drift) -> tuple[object, ...]:
    member = drift.member
    return (
        drift.customer,
        member if isinstance(member, str) else f"(erased, number {member})",
        drift.way,
        drift.fault,
        drift.live_state,
        drift.book_state,
    )


def _document(kept: KeptCapture) -> dict[str, object]:
    return {
        "capture_key": kept.capture.key,
        "version": kept.version,
        "definition": kept.capture.definition(),
        "table": list(kept.understood.table),
        "unique": kept.understood.unique,
        "installed_at": kept.installed_at,
        "removed_at": kept.removed_at,
    }


def _plain(one: Checked) -> dict[str, object]:
    return {
        "capture_key": one.capture_key,
        "version": one.version,
        "table": one.table,
        "customers_count": one.customers_count,
        "live_units": one.live_units,
        "book_units": one.book_units,
        "drift": [drift._asdict() for drift in one.drift],
        "unknown_customers": one.unknown_customers,
        "blind_spots": [spot._asdict() for spot in one.blind_spots],
        "limits": list(one.limits),
    }
