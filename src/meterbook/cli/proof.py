"""
`meterbook proof`: sign the head of a book, and prove what is in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from meterbook.cli import options
from meterbook.cli.errors import refuse
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
    from meterbook.proof.checkpoints import Checkpoint
    from meterbook.services.proofs.evidence import EntryText, ProofFile, Verified
    from meterbook.services.proofs.proving import Signed


commands = options.noun("proof", "Sign the head of a book, and prove what is in it.")

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
    "checkpoint",
    **options.with_example("meterbook proof checkpoint --key acme.example/book"),
)
def checkpoint(
    key: KeyName = None,
    keys: Folder = FOLDER,
    out: Out = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Sign how many entries there are and the root over them; keep it and print it.

    Whoever gets it can tell later whether anything before it was changed. A book that
    is not the one that was signed last is not signed.
    """
    signer = signer_in(keys, key)
    with opened(book, schema) as found:
        signed = found.proofs.checkpoint(signer)
    if signed.waiting_count:
        waiting = counted(signed.waiting_count, "entry", "entries")
        typer.echo(
            f"{waiting} not covered yet: the worker is behind, or something is wrong"
            " with the tree (meterbook book verify tells)",
            err=True,
        )
    if out is not None:
        out.write_bytes(signed.note.encode())
    if json:
        print_json(_signed(signed, signer.name))
    elif out is None:
        typer.echo(signed.note, nl=False)


@commands.command(
    "inclusion", **options.with_example("meterbook proof inclusion --place 7")
)
def inclusion(
    entry: Annotated[
        int | None,
        typer.Option(
            "--entry",
            min=1,
            max=options.INTEGER_MAX,
            metavar="ID",
            help="Of the entry with this id.",
            show_default=False,
        ),
    ] = None,
    place: Annotated[
        int | None,
        typer.Option(
            "--place",
            min=1,
            max=options.INTEGER_MAX,
            metavar="N",
            help="Of the entry at this place.",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Prove that an entry is in the book that was signed last.

    The proof holds the entry, without names of people, and the signed checkpoint.
    """
    if (entry is None) == (place is None):
        refuse("--entry", "say which entry: either --entry or --place.")

    with opened_to_read(book, schema) as found:
        file = found.proofs.inclusion(place=place, entry_id=entry)
    _write(file, out, as_json=json)


@commands.command(
    "consistency", **options.with_example("meterbook proof consistency --from 40")
)
def consistency(
    size: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=0,
            max=options.INTEGER_MAX,
            metavar="SIZE",
            help="From the checkpoint that was signed over so many entries.",
            show_default=False,
        ),
    ] = None,
    old: Annotated[
        Path | None,
        typer.Option(
            "--old",
            metavar="FILE",
            help="From the checkpoint in this file, which somebody has kept.",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Prove that an earlier checkpoint is the beginning of the one that was signed last.
    """
    if (size is None) == (old is None):
        refuse("--from", "say which checkpoint: either --from or --old.")

    note = None if old is None else _content(old)
    with opened_to_read(book, schema) as found:
        file = found.proofs.consistency(size=size, old_note=note)
    _write(file, out, as_json=json)


@commands.command(
    "verify",
    **options.with_example("meterbook proof verify proof.json --key acme.pub"),
)
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A proof, or any signed note.", show_default=False
        ),
    ],
    key: PublicKeys,
    json: options.Json = False,
) -> None:
    """
    Verify a proof or a signed note with the public key alone; exit with 1 if it is not.

    No book is needed. What is printed is what was verified.
    """
    # Loaded when something is to be verified: help does without.
    from meterbook.services.proofs.evidence import verify_file  # noqa: PLC0415 - see above

    verified = verify_file(_content(file), public_keys(key))
    if json:
        print_json(_document(verified))
    else:
        _print_verified(verified)


def _content(path: Path) -> bytes:
    with reading(path) as file:
        return file.raw.read()


def _write(file: ProofFile, out: Path | None, *, as_json: bool) -> None:
    from meterbook.services.proofs.evidence import file_text  # noqa: PLC0415 - as above

    if out is not None:
        out.write_text(file_text(file), encoding="utf-8", newline="\n")
    if as_json:
        print_json(file)
    elif out is None:
        typer.echo(file_text(file), nl=False)


def _signed(signed: Signed, key_name: str) -> dict[str, object]:
    return {
        **_head(signed.checkpoint),
        "signed_by": [key_name],
        "waiting_count": signed.waiting_count,
        "note": signed.note,
    }


def _head(checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
    }


def _document(verified: Verified) -> dict[str, object]:
    from meterbook.services.proofs import evidence  # noqa: PLC0415 - as above

    signed_by = {"signed_by": list(verified.signed_by)}
    match verified:
        case evidence.VerifiedNote():
            return {"verified": "note", **signed_by, "text": verified.text}
        case evidence.VerifiedCheckpoint():
            return {
                "verified": "checkpoint",
                **signed_by,
                **_head(verified.checkpoint),
            }
        case evidence.VerifiedInclusion():
            return {
                "verified": "inclusion",
                **signed_by,
                **_head(verified.checkpoint),
                "place": verified.place,
                "entry": verified.entry,
            }
        case evidence.VerifiedConsistency():
            return {
                "verified": "consistency",
                **signed_by,
                **_head(verified.checkpoint),
                "old_size": verified.old.size,
                "old_root": verified.old.root.hex(),
            }


def _print_verified(verified: Verified) -> None:
    from meterbook.services.proofs import evidence  # noqa: PLC0415 - as above

    typer.echo(f"verified: signed by {', '.join(map(printable, verified.signed_by))}")
    match verified:
        case evidence.VerifiedNote():
            for line in verified.text.removesuffix("\n").split("\n"):
                typer.echo(f"  {printable(line)}")
        case evidence.VerifiedCheckpoint():
            typer.echo(_sentence(verified.checkpoint))
        case evidence.VerifiedInclusion():
            typer.echo(_sentence(verified.checkpoint))
            typer.echo(f"at place {verified.place} it has this entry:")
            _print_entry(verified.entry)
        case evidence.VerifiedConsistency():
            typer.echo(_sentence(verified.checkpoint))
            before = counted(verified.old.size, "entry", "entries")
            typer.echo(
                f"it begins with the {before} that were signed before, unchanged"
            )


def _sentence(checkpoint: Checkpoint) -> str:
    entries = counted(checkpoint.size, "entry", "entries")
    return f"the book {printable(checkpoint.origin)} with {entries}"


def _print_entry(entry: EntryText) -> None:
    shown = msgspec.to_builtins(entry)
    print_table(
        ["field", "value"],
        [
            (name, str(value).lower() if isinstance(value, bool) else value)
            for name, value in shown.items()
            if value is not None
        ],
    )
