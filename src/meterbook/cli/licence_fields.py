"""
What is said of a licence when it is issued: one option for each of its fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from meterbook.cli.errors import moment_of, refuse
from meterbook.cli.key_options import public_keys


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.licensing.licences import Licence
    from meterbook.proof.keys import VerifierKey


Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="What the licence is called.", show_default=False
    ),
]

Licensee = Annotated[
    str, typer.Option("--licensee", metavar="TEXT", help="For whom, in words.")
]

Customer = Annotated[
    str, typer.Option("--customer", metavar="KEY", help="For whom, as a customer.")
]

Mode = Annotated[
    str,
    typer.Option(
        "--mode",
        metavar="MODE",
        help="capped: no more than --seats; usage-based: what is above is billed.",
    ),
]

Seats = Annotated[
    str,
    typer.Option("--seats", metavar="N", help="How many were bought; or unlimited."),
]

Start = Annotated[
    str | None,
    typer.Option("--start", metavar="DATE|MOMENT", help="When the term begins."),
]

End = Annotated[
    str | None,
    typer.Option(
        "--end", metavar="DATE|MOMENT", help="The first moment after; none: open."
    ),
]

Anchor = Annotated[
    str | None,
    typer.Option(
        "--anchor",
        metavar="DATE|MOMENT",
        help="Where months are counted from; the start if absent.",
    ),
]

Meter = Annotated[
    str, typer.Option("--meter", metavar="METER", help="Which meter counts seats.")
]

Total = Annotated[
    list[str] | None,
    typer.Option(
        "--total", metavar="METER", help="Report this meter too; can be repeated."
    ),
]

Feature = Annotated[
    list[str] | None,
    typer.Option("--feature", metavar="NAME", help="What it opens; can be repeated."),
]

GraceDays = Annotated[
    int,
    typer.Option(
        "--grace-days", metavar="DAYS", help="For how long it is good after the end."
    ),
]

ReportTo = Annotated[
    str | None, typer.Option("--report-to", metavar="WHERE", help="Where reports go.")
]

ReportDays = Annotated[
    int | None,
    typer.Option(
        "--report-within-days", metavar="DAYS", help="By when, after a month ends."
    ),
]

Instance = Annotated[
    str | None,
    typer.Option("--instance", metavar="ID", help="Only for this installation."),
]

InstanceKey = Annotated[
    str | None,
    typer.Option(
        "--instance-key", metavar="KEY|FILE", help="By which key that one signs."
    ),
]


class Whom(NamedTuple):
    """
    For whom a licence is, and what it is called.
    """

    licence_id: str
    licensee: str
    customer: str
    instance: str | None
    instance_key: str | None


class What(NamedTuple):
    """
    What it opens, and how many seats.
    """

    mode: str
    seats: str
    meter: str
    totals: list[str] | None
    features: list[str] | None


class When(NamedTuple):
    """
    When it is good, and from where its months are counted.
    """

    start: str | None
    end: str | None
    anchor: str | None
    zone: str
    interval: str
    grace_days: int

    def moment(self, name: str) -> dt.datetime | None:
        """
        Return the moment of a field, whose option has its name.
        """
        text = getattr(self, name)
        return None if text is None else moment_of(f"--{name}", text, zone=self.zone)


class Where(NamedTuple):
    """
    Where its reports go, and by when.
    """

    report_to: str | None
    report_days: int | None


class Said(NamedTuple):
    """
    A licence as it was typed.
    """

    whom: Whom
    what: What
    when: When
    where: Where

    def licence(self, *, issued_at: dt.datetime) -> Licence:
        """
        Return what is meant.

        Raises:
            BadParameter: If a moment or a key cannot be read.

            InvalidPeriodError: If there is no such interval.

            InvalidLicenceError: If another field cannot be used.
        """
        from meterbook.foundation.periods import (  # noqa: PLC0415 - help is quick
            interval_named,
        )
        from meterbook.licensing.licences import (  # noqa: PLC0415 - likewise
            Licence,
            mode_named,
            seats_from,
        )

        whom, what, when, where = self
        return Licence(
            licence_id=whom.licence_id,
            licensee=whom.licensee,
            customer=whom.customer,
            instance=whom.instance,
            instance_key=_one_key(whom.instance_key),
            mode=mode_named(what.mode),
            seats=seats_from(what.seats),
            meter=what.meter,
            totals=tuple(what.totals or ()),
            features=tuple(what.features or ()),
            issued_at=issued_at,
            start=when.moment("start"),
            end=when.moment("end"),
            anchor=when.moment("anchor"),
            zone=when.zone,
            interval=interval_named(when.interval),
            grace_days=when.grace_days,
            report_to=where.report_to,
            report_days=where.report_days,
        )


def _one_key(text: str | None) -> VerifierKey | None:
    if text is None:
        return None

    found = public_keys([text])
    if len(found) != 1:
        refuse("--instance-key", "give one key.")
    return found[0]
