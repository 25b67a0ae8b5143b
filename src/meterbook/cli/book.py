"""
`meterbook book`: make a book, look at it, check it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.errors import ExitCode, moment_of
from meterbook.cli.opening import created, migrated, opened, opened_to_read
from meterbook.cli.progress import Telling
from meterbook.cli.rendering import counted, print_json, print_table, printable
from meterbook.cli.stretches import Spelling


if TYPE_CHECKING:
    from meterbook.services.checks.status import Status


commands = options.noun("book", "Make a book, look at it, check it.")


@commands.command("init", **options.with_example("meterbook book init --book usage.db"))
def init(
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    test_clock: Annotated[
        str | None,
        typer.Option(
            "--test-clock",
            metavar="MOMENT",
            help="Make a test book, whose clock stands there until it is moved.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """
    Make a new, empty book.
    """
    clock = None if test_clock is None else moment_of("--test-clock", test_clock)
    with created(book, schema, test_clock=clock) as made:
        status = made.status()
    if json:
        print_json({"created": True, "test_clock": status.test_clock})
        return
    kind = "test book" if status.test_clock else "book"
    typer.echo(f"a new {kind}: {_where(book, schema)}")


@commands.command(
    "migrate", **options.with_example("meterbook book migrate --book usage.db")
)
def migrate(
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Bring a book to the schema of this version; one that has it stays as it is.
    """
    with migrated(book, schema):
        pass
    if json:
        print_json({"migrated": True})
    else:
        typer.echo("the book has the schema of this version")


@commands.command(
    "status", **options.with_example("meterbook book status --book usage.db")
)
def status(
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show how much a book holds, and how far the worker has come.
    """
    with opened_to_read(book, schema) as found:
        shown = found.status()
    if json:
        print_json(shown)
    else:
        _print_status(shown)


def _print_status(status: Status) -> None:
    if status.test_clock:
        moment = Spelling("UTC").moment(status.now)
        typer.echo(f"TEST CLOCK: it stands at {moment} until it is moved")
    typer.echo(f"places     {status.numbered_place:,}")
    typer.echo(f"posted     up to place {status.posted_place:,}")
    waiting = counted(status.waiting_count, "entry", "entries")
    behind = ", behind: see to the worker" if status.behind else ""
    typer.echo(f"waiting    {waiting}{behind}")
    held = counted(status.quarantined_count, "document")
    typer.echo(f"quarantine {held}")
    if status.unmatched_types:
        types = ", ".join(map(printable, status.unmatched_types))
        typer.echo(f"unmatched  {types}")
    print_table(
        ["meter", "version", "rolled up to"],
        [(m.meter_key, m.version, f"{m.rolled_place:,}") for m in status.meters],
        right=["version", "rolled up to"],
    )
    print_table(
        ["event type", "events"],
        [(name, f"{n:,}") for name, n in sorted(status.events_by_type.items())],
        right=["events"],
    )


@commands.command(
    "verify", **options.with_example("meterbook book verify --book usage.db")
)
def verify(
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Check that a book agrees with itself; exit with 1 if it does not.
    """
    with opened_to_read(book, schema) as found, Telling() as telling:
        result = found.verify(progress=telling.tell)
    if json:
        print_json(
            {
                "sound": result.sound,
                "entries": result.entries,
                "rollups": result.rollups,
                "problems_count": result.problems_count,
                "problems": result.problems,
            }
        )
    else:
        entries = counted(result.entries, "entry", "entries")
        rollups = counted(result.rollups, "rollup row")
        verdict = "sound" if result.sound else counted(result.problems_count, "problem")
        typer.echo(f"{verdict}: {entries} and {rollups} checked")
        for problem in result.problems:
            typer.echo(f"  {printable(problem)}")
    if not result.sound:
        raise typer.Exit(ExitCode.REFUSED)


@commands.command(
    "clock",
    **options.with_example("meterbook book clock --to 2026-03-01T00:00:00Z"),
)
def clock(
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="MOMENT", help="Where to set it.", show_default=False
        ),
    ],
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Move the clock of a test book; any other book refuses.
    """
    moment = moment_of("--to", to)
    with opened(book, schema) as found:
        found.move_clock(moment)
    if json:
        print_json({"now": moment})
    else:
        typer.echo(f"the test clock stands at {Spelling('UTC').moment(moment)}")


def _where(book: str | None, schema: str) -> str:
    """
    Return where a book is, without the password that an address may have.
    """
    if book is not None and "://" not in book:
        return book

    return f"schema {schema}"
