"""
`meterbook licence`: issue licences, and install those that were issued to you.
"""

from __future__ import annotations

import datetime as dt

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import licence_fields as fields
from meterbook.cli import options
from meterbook.cli.errors import ExitCode, moment_of
from meterbook.cli.files import reading
from meterbook.cli.key_options import (
    FOLDER,
    Folder,
    KeyName,
    public_keys,
    signer_in,
)
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.rendering import print_json, print_table, printable


if TYPE_CHECKING:
    from meterbook.licensing.licences import Licence
    from meterbook.licensing.validity import Verification
    from meterbook.services.installations.licensing import KeptLicence


commands = options.noun("licence", "Issue licences, and install what was issued.")

# A year has many: what a shell shows of one.
_BYTES_MAX = 1_048_576

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="The licence; - is standard input.", show_default=False
    ),
]

VendorKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--vendor-key",
        envvar="METERBOOK_VENDOR_KEY",
        metavar="KEY|FILE",
        help="The vendor's public key, or a file of them; can be repeated.",
        show_default=False,
    ),
]

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where to write it; standard output if absent.",
        show_default=False,
    ),
]

OptionalActor = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="Who does this.")
]


@commands.command(
    "issue",
    **options.with_example(
        "meterbook licence issue acme-2026 --licensee 'Acme Works' --customer acme "
        "--mode usage-based --seats 100 --start 2026-01-31 --end 2027-01-31"
    ),
)
def issue(
    licence: fields.Id,
    licensee: fields.Licensee,
    customer: fields.Customer,
    mode: fields.Mode,
    seats: fields.Seats = "unlimited",
    start: fields.Start = None,
    end: fields.End = None,
    anchor: fields.Anchor = None,
    zone: options.Zone = "UTC",
    interval: options.Interval = "month",
    meter: fields.Meter = "seats",
    total: fields.Total = None,
    feature: fields.Feature = None,
    grace_days: fields.GraceDays = 3,
    report_to: fields.ReportTo = None,
    report_days: fields.ReportDays = None,
    instance: fields.Instance = None,
    instance_key: fields.InstanceKey = None,
    actor: OptionalActor = None,
    key: KeyName = None,
    keys: Folder = FOLDER,
    out: Out = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Sign a licence, keep it in the vendor's book, and print it.

    Whether seats are a cap is said by the mode alone; dates are midnights in the zone.
    """
    said = fields.Said(
        fields.Whom(licence, licensee, customer, instance, instance_key),
        fields.What(mode, seats, meter, total, feature),
        fields.When(start, end, anchor, zone, interval, grace_days),
        fields.Where(report_to, report_days),
    )
    with opened(book, schema) as found:
        asked = said.licence(issued_at=found.now())
        kept = found.licences.issue(asked, signer=signer_in(keys, key), actor=actor)
    if out is not None:
        out.write_bytes(kept.note.encode())
    if json:
        print_json({**_document(kept.licence), "note": kept.note})
    elif out is None:
        typer.echo(kept.note, nl=False)
    else:
        typer.echo(
            f"licence {kept.licence.licence_id} for {printable(licensee)}: {out}"
        )


@commands.command(
    "inspect", **options.with_example("meterbook licence inspect acme-2026.licence")
)
def inspect(file: File, json: options.Json = False) -> None:
    """
    Show what a licence says. No book and no key is needed: nothing is verified.
    """
    from meterbook.licensing.licences import read_licence  # noqa: PLC0415 - see above
    from meterbook.proof.notes import parsed  # noqa: PLC0415 - see above

    text, signatures = parsed(_bytes(file))
    licence = read_licence(text.decode())
    signers = [one.name for one in signatures]
    if json:
        print_json({**_document(licence), "says_signed_by": signers, "verified": False})
        return
    typer.echo(text.decode(), nl=False)
    typer.echo(f"\nsays it is signed by {', '.join(signers)}; not verified")


@commands.command(
    "verify",
    **options.with_example(
        "meterbook licence verify acme-2026.licence --vendor-key vendor.pub"
    ),
)
def verify(
    file: File,
    vendor_key: VendorKeys = None,
    instance: Annotated[
        str | None,
        typer.Option("--instance", metavar="ID", help="For which installation."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE|MOMENT", help="As of when; now if absent."),
    ] = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Tell whether a licence is Valid, InGrace, Expired, NotYetValid, NotForUs or Forged.

    With a book: for its installation, by its clock and the keys it knows. Without one:
    by the keys that are given alone.
    """
    from meterbook.licensing.validity import verify_licence  # noqa: PLC0415 - see above

    note, keys = _bytes(file), public_keys(vendor_key or [])
    if book is not None and at is None and instance is None:
        with opened_to_read(book, schema) as found:
            verification = found.licences.verify(note, keys=keys)
    else:
        moment = dt.datetime.now(dt.UTC) if at is None else moment_of("--at", at)
        verification = verify_licence(note, keys=keys, at=moment, instance=instance)
    _print_verification(verification, installed=None, as_json=json)
    if not verification.may_use:
        raise typer.Exit(ExitCode.REFUSED)


@commands.command(
    "install",
    **options.with_example(
        "meterbook licence install acme-2026.licence --vendor-key vendor.pub"
    ),
)
def install(
    file: File,
    vendor_key: VendorKeys = None,
    actor: OptionalActor = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Verify a licence and keep it, if it is one for this installation.

    The vendor's key is needed once: later licences are verified with it. One that has
    expired is kept, too: its months can still be reported.
    """
    keys = public_keys(vendor_key or [])
    with opened(book, schema) as found:
        done = found.licences.install(_bytes(file), keys=keys, actor=actor)
    _print_verification(done.verification, installed=done.installed, as_json=json)
    if not done.installed:
        raise typer.Exit(ExitCode.REFUSED)


@commands.command("list", **options.with_example("meterbook licence list"))
def list_(
    customer: options.Customer = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List the licences that are installed in this book, and those it has issued.
    """
    with opened_to_read(book, schema) as found:
        here = [("installed", one) for one in found.licences.installed()]
        given = [("issued", one) for one in found.licences.issued(customer=customer)]
        now = found.licences.current()
    listed = [
        (how, one)
        for how, one in [*here, *given]
        if customer in {None, one.licence.customer}
    ]
    if json:
        for how, one in listed:
            print_json({"kept": how, "kept_at": one.kept_at, **_document(one.licence)})
        return
    print_table(
        ["", "licence", "customer", "mode", "seats", "from", "to"],
        [(how, *_cells(one)) for how, one in listed],
        right=["seats"],
    )
    if now is not None:
        typer.echo(f"now: {type(now).__name__}. {now.reason}")
    elif not listed:
        typer.echo("no licence is installed, and none was issued")


def _cells(one: KeptLicence) -> tuple[object, ...]:
    licence = one.licence
    return (
        licence.licence_id,
        licence.customer,
        licence.mode.value,
        "unlimited" if licence.seats is None else licence.seats,
        "ever" if licence.begins is None else licence.begins,
        "open" if licence.end is None else licence.end,
    )


def _print_verification(
    verification: Verification, *, installed: bool | None, as_json: bool
) -> None:
    licence = getattr(verification, "licence", None)
    if as_json:
        document: dict[str, object] = {
            "outcome": verification.code,
            "reason": verification.reason,
            "may_use": verification.may_use,
            "cause": getattr(verification, "cause", None),
            "licence": None if licence is None else _document(licence),
        }
        if installed is not None:
            document["installed"] = installed
        print_json(document)
        return
    name = "" if licence is None else f" {licence.licence_id}"
    kept = {None: "", True: ", installed", False: ", not installed"}[installed]
    typer.echo(f"{type(verification).__name__}{name}{kept}. {verification.reason}")


def _document(licence: Licence) -> dict[str, object]:
    key = licence.instance_key
    return {
        "licence": licence.licence_id,
        "version": licence.version,
        "licensee": licence.licensee,
        "customer": licence.customer,
        "instance": licence.instance,
        "instance_key": None if key is None else key.to_text(),
        "features": list(licence.features),
        "mode": licence.mode.value,
        "seats": licence.seats,
        "meter": licence.meter,
        "totals": list(licence.totals),
        "start": licence.start,
        "end": licence.end,
        "anchor": licence.counted_from,
        "zone": licence.zone,
        "interval": licence.interval.value,
        "grace_days": licence.grace_days,
        "report_to": licence.report_to,
        "report_within_days": licence.report_days,
        "issued_at": licence.issued_at,
        "unknown": dict(licence.unknown),
    }


def _bytes(file: Path) -> bytes:
    with reading(file) as source:
        return source.raw.read(_BYTES_MAX)
