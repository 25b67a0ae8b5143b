"""
`meterbook report`: make usage reports, and accept those that come in.
"""

from __future__ import annotations

import enum

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options, report_rows
from meterbook.cli.errors import ExitCode, refuse
from meterbook.cli.files import reading
from meterbook.cli.key_options import (
    FOLDER,
    Folder,
    KeyName,
    PublicKeys,
    public_keys,
    signer_in,
)
from meterbook.cli.opening import opened, opened_to_read
from meterbook.cli.rendering import counted, print_json, print_table, printable


if TYPE_CHECKING:
    from meterbook.licensing.reports import Report
    from meterbook.licensing.verdicts import Verdict
    from meterbook.proof.keys import VerifierKey
    from meterbook.services.vendor.accepting import Excuse


commands = options.noun("report", "Make usage reports, and accept those that come in.")


class Form(enum.StrEnum):
    """
    How a report is written.
    """

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="The report; - is standard input.", show_default=False
    ),
]

FormOption = Annotated[
    Form,
    typer.Option(
        "--format", help="text is what is signed and handed over; json and csv are not."
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


@commands.command(
    "make", **options.with_example("meterbook report make --out 2026-02.report")
)
def make(
    current: Annotated[
        bool, typer.Option("--current", help="Report the month in progress, too.")
    ] = False,
    names: Annotated[
        bool, typer.Option("--names", help="Say who was there at each peak.")
    ] = False,
    form: FormOption = Form.TEXT,
    key: KeyName = None,
    keys: Folder = FOLDER,
    out: Out = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Make a report of every complete month, signed by this installation, and print it.

    It is text: read it before you send it. It says every month since the first one, so
    one that is lost on the way is no loss.
    """
    signer = signer_in(keys, key)
    with opened(book, schema) as found:
        made = found.reports.make(signer=signer, current=current, names=names)
    for warning in made.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    _write(made.report, made.note, Form.JSON if json else form, out)


@commands.command(
    "show", **options.with_example("meterbook report show 2026-02.report")
)
def show(
    file: File,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Another form than a table for people."),
    ] = None,
    json: options.Json = False,
) -> None:
    """
    Show what a report says. No book and no key is needed: nothing is verified.
    """
    from meterbook.licensing.report_reading import (  # noqa: PLC0415 - help is quick
        read_report,
    )
    from meterbook.proof.notes import parsed  # noqa: PLC0415 - likewise

    note = _bytes(file)
    text, signatures = parsed(note)
    report = read_report(text.decode())
    if json or form is not None:
        _write(report, note.decode(), Form.JSON if json else form or Form.TEXT, None)
        return
    _print_months(report)
    typer.echo(f"says it is signed by {signatures[0].name}; not verified")


@commands.command(
    "verify",
    **options.with_example("meterbook report verify 2026-02.report --key acme.pub"),
)
def verify(file: File, key: PublicKeys, json: options.Json = False) -> None:
    """
    Verify a report with the public key of its installation alone.

    Its signature; that its months are what its levels say; and that the book it was
    read from begins with those of the reports before it.
    """
    from meterbook.licensing.tracing import check_report  # noqa: PLC0415 - see show
    from meterbook.services.vendor.accepting import (  # noqa: PLC0415 - see show
        opened as open_report,
    )

    found = open_report(_bytes(file), public_keys(key))
    if not isinstance(found, tuple):
        _print_verdict(found, as_json=json)
        raise typer.Exit(ExitCode.REFUSED)

    report, signer = found
    fault = check_report(report)
    if json:
        outcome = "edited" if fault else "verified"
        print_json({"outcome": outcome, "reason": fault, "signed_by": signer.name})
    elif fault:
        typer.echo(f"edited: {fault}")
    else:
        months = counted(len(report.months), "month")
        typer.echo(f"verified: signed by {signer.name}, {months}")
    if fault:
        raise typer.Exit(ExitCode.REFUSED)


@commands.command(
    "accept", **options.with_example("meterbook report accept 2026-02.report")
)
def accept(
    file: File,
    trust: Annotated[
        str | None,
        typer.Option(
            "--trust",
            metavar="KEY|FILE",
            help="The customer confirms that this is the installation's key.",
        ),
    ] = None,
    despite: Annotated[
        list[str] | None,
        typer.Option(
            "--despite",
            metavar="OUTCOME",
            help="Accept it though it is edited, clock_set_back, far_ahead or a gap.",
        ),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Who does this.")
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Why, with --despite."),
    ] = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Take a report into the vendor's book, or say by name what is wrong with it.

    Accepting one twice changes nothing, and neither does one that is older than another
    that was accepted.
    """
    note, excuse = _bytes(file), _excuse(despite, actor, reason)
    with opened(book, schema) as found:
        verdict = found.reports.accept(
            note, trust=_trusted(trust), excuse=excuse, actor=actor
        )
    _print_verdict(verdict, as_json=json)
    if report_rows.is_refused(verdict):
        raise typer.Exit(ExitCode.REFUSED)


@commands.command("overview", **options.with_example("meterbook report overview"))
def overview(
    customer: options.Customer = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List each installation: its last report, the months it covers, peaks, what is owed.
    """
    with opened_to_read(book, schema) as found:
        views = found.reports.overview(customer=customer)
    if json:
        for view in views:
            print_json(report_rows.overview_document(view))
        return
    if not views:
        typer.echo("no licence was issued, and no report came in")
    print_table(
        report_rows.OVERVIEW_HEADINGS,
        [report_rows.overview_cells(view) for view in views],
        right=["report", "months", "peak", "highest", "bought", "owed"],
    )


@commands.command("months", **options.with_example("meterbook report months"))
def months(
    customer: options.Customer = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    List every month that was reported, installations added, and the users owed.

    Under --json each says by which reports and checkpoints it is shown.
    """
    with opened_to_read(book, schema) as found:
        listed = found.reports.months(customer=customer)
    if json:
        for month in listed:
            print_json(report_rows.month_document(month))
        return
    if not listed:
        typer.echo("no month was reported")
    print_table(
        report_rows.MONTH_HEADINGS,
        [report_rows.month_cells(month) for month in listed],
        right=["peak", "at end", "bought", "owed"],
    )


def _write(report: Report, note: str, form: Form, out: Path | None) -> None:
    """
    Write a report in a form to a file or to standard output.
    """
    from meterbook.cli.rendering import json_text  # noqa: PLC0415 - see show
    from meterbook.licensing.report_forms import (  # noqa: PLC0415 - see show
        report_csv,
        report_document,
    )

    if form is Form.TEXT:
        text = note
    elif form is Form.CSV:
        text = report_csv(report)
    else:
        text = json_text({**report_document(report), "note": note}) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_bytes(text.encode())
        typer.echo(f"report {report.sequence} of epoch {report.epoch}: {out}", err=True)


def _print_months(report: Report) -> None:
    typer.echo(
        f"report {report.sequence} of {printable(report.licensee)} "
        f"({printable(report.customer)}), installation {printable(report.instance)}, "
        f"epoch {report.epoch}"
    )
    print_table(
        report_rows.REPORTED_HEADINGS,
        [report_rows.reported_cells(month) for month in report.months],
        right=["peak", "at end", "bought", "over"],
    )


def _print_verdict(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print_json(report_rows.verdict_document(verdict))
        return
    for line in report_rows.verdict_lines(verdict):
        typer.echo(line)


def _trusted(text: str | None) -> VerifierKey | None:
    if text is None:
        return None

    found = public_keys([text])
    if len(found) != 1:
        refuse("--trust", "give one key.")
    return found[0]


def _excuse(
    despite: list[str] | None, actor: str | None, reason: str | None
) -> Excuse | None:
    """
    Return what is accepted all the same, None if nothing is.
    """
    from meterbook.licensing.verdicts import (  # noqa: PLC0415 - see show
        EXCUSABLE,
        Refusal,
    )
    from meterbook.services.vendor.accepting import Excuse  # noqa: PLC0415 - see show

    if not despite:
        return None
    if actor is None or reason is None:
        refuse("--despite", "say who accepts it, and why: --actor and --reason.")
    allowed = {refusal.value for refusal in EXCUSABLE}
    if not set(despite) <= allowed:
        refuse("--despite", f"it can be {', '.join(sorted(allowed))}.")
    refusals = frozenset(Refusal(one) for one in despite)
    return Excuse(refusals=refusals, actor=actor, reason=reason)


def _bytes(file: Path) -> bytes:
    with reading(file) as source:
        return source.raw.read()
