"""
The options that several commands share, so that they are called the same everywhere.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from meterbook.cli.errors import EXIT_CODES, JSON_ASKED, Program
from meterbook.foundation.errors import InvalidPeriodError
from meterbook.foundation.zones import zone_named


# The schema of a book in PostgreSQL, if no other is named.
SCHEMA = "meterbook"


# What a book holds: places, ids and versions have 63 bits and a sign.
INTEGER_MAX = 2**63 - 1


def _known_zone(name: str | None) -> str | None:
    if name is not None:
        try:
            zone_named(name)
        except InvalidPeriodError as error:
            raise typer.BadParameter(str(error)) from error
    return name


def _remember_json(ctx: typer.Context, value: bool) -> bool:
    ctx.meta[JSON_ASKED] = value
    return value


Book = Annotated[
    str | None,
    typer.Option(
        "--book",
        envvar="METERBOOK",
        metavar="PATH|DSN",
        help="The book: a file, or postgresql://...",
        show_default=False,
    ),
]

Schema = Annotated[
    str,
    typer.Option(
        "--schema",
        envvar="METERBOOK_SCHEMA",
        metavar="NAME",
        help="The schema of a book in PostgreSQL.",
    ),
]

Json = Annotated[
    bool,
    typer.Option(
        "--json",
        callback=_remember_json,
        help="Print JSON, one document a line.",
    ),
]

Actor = Annotated[str, typer.Option("--actor", metavar="NAME", help="Who does this.")]

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]

Customer = Annotated[
    str | None,
    typer.Option("--customer", metavar="KEY", help="Whose usage.", show_default=False),
]

Customers = Annotated[
    list[str] | None,
    typer.Option(
        "--customer",
        metavar="KEY",
        help="Whose usage; can be repeated.",
        show_default=False,
    ),
]

Meter = Annotated[
    str, typer.Argument(metavar="METER", help="The meter's key.", show_default=False)
]

Anchor = Annotated[
    str | None,
    typer.Option(
        "--anchor",
        metavar="DATE|MOMENT",
        help="Where periods are counted from; a date is midnight in the zone.",
        show_default=False,
    ),
]

Interval = Annotated[
    str,
    typer.Option(
        "--interval",
        metavar="UNIT",
        help="hour, day, week, month, quarter or year.",
    ),
]

Count = Annotated[
    int,
    typer.Option(
        "--count", min=1, max=INTEGER_MAX, help="How many intervals make a period."
    ),
]

Zone = Annotated[
    str,
    typer.Option(
        "--zone",
        metavar="NAME",
        callback=_known_zone,
        help="Whose clock, as in Europe/Berlin.",
    ),
]

PeriodIndex = Annotated[
    int | None,
    typer.Option(
        "--period",
        min=0,
        max=INTEGER_MAX,
        metavar="K",
        help="Only period K; 0 starts at the anchor.",
        show_default=False,
    ),
]

Current = Annotated[
    bool, typer.Option("--current", help="Only the period that is in progress.")
]

From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DATE|MOMENT",
        help="The first moment inside.",
        show_default=False,
    ),
]

To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="DATE|MOMENT",
        help="The first moment after.",
        show_default=False,
    ),
]

By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="GROUP",
        help="Tell these groups of the meter apart; can be repeated.",
        show_default=False,
    ),
]

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="MOMENT",
        help="Do not count what occurred after it; now if absent.",
        show_default=False,
    ),
]

Place = Annotated[
    int | None,
    typer.Option(
        "--place",
        min=0,
        max=INTEGER_MAX,
        metavar="N",
        help="Read entries up to this place; all if absent.",
        show_default=False,
    ),
]

Version = Annotated[
    int | None,
    typer.Option(
        "--version",
        min=1,
        max=INTEGER_MAX,
        metavar="N",
        help="The meter's version; the latest if absent.",
        show_default=False,
    ),
]


def noun(name: str, sentence: str) -> typer.Typer:
    """
    Return the group of commands of a noun.
    """
    return typer.Typer(
        name=name,
        help=sentence,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def program(sentence: str) -> typer.Typer:
    """
    Return the group of all nouns.
    """
    return typer.Typer(
        name="meterbook",
        help=sentence,
        epilog=EXIT_CODES,
        cls=Program,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def with_example(example: str) -> dict[str, Any]:
    """
    Return what every command's help ends with: an example and the exit codes.
    """
    return {"epilog": f"Example: {example}\n\n{EXIT_CODES}"}
