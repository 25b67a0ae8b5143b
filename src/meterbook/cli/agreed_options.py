"""
The options and arguments that commands about agreements share.
"""

from __future__ import annotations

from typing import Annotated

import typer


Customer = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="Whose.", show_default=False)
]

Subscription = Annotated[
    str,
    typer.Argument(metavar="SUBSCRIPTION", help="By its key.", show_default=False),
]

OfCustomer = Annotated[
    str | None,
    typer.Option(
        "--customer",
        metavar="KEY",
        help="Only of this customer.",
        show_default=False,
    ),
]

MaybeActor = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Who does this.", show_default=False),
]

OfTerm = Annotated[
    str | None,
    typer.Option(
        "--term",
        metavar="KEY",
        help="Which term; the one that holds then if absent.",
        show_default=False,
    ),
]

MaybeReason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False),
]

Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="What you call this, so that a retry is a duplicate.",
    ),
]
