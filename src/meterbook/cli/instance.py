"""
`meterbook instance`: which installation a book is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.key_options import FOLDER, Folder, keyring_in
from meterbook.cli.opening import opened
from meterbook.cli.rendering import print_json


if TYPE_CHECKING:
    from pathlib import Path

    from meterbook.services.installations.instances import Instance


commands = options.noun("instance", "See which installation this is, and since when.")


@commands.command("show", **options.with_example("meterbook instance show"))
def show(
    keys: Folder = FOLDER,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Show the id of this installation, which is made when it is first asked for.

    The public keys in the folder are shown beside it: id and key are what a vendor
    needs to know whose reports these are.
    """
    with opened(book, schema) as found:
        _print(found.instance.current(), keys, as_json=json)


@commands.command(
    "restored",
    **options.with_example(
        'meterbook instance restored --actor ops@acme --reason "disk lost on May 2"'
    ),
)
def restored(
    actor: options.Actor,
    reason: options.Reason,
    copy: Annotated[
        bool,
        typer.Option(
            "--copy", help="It goes on beside the original: give it another id."
        ),
    ] = False,
    keys: Folder = FOLDER,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Begin a new epoch, after this book was restored from a backup.

    What was reported before stays reported; from here on only what is recorded from now
    on counts.
    """
    with opened(book, schema) as found:
        begun = found.instance.restored(actor=actor, reason=reason, copy=copy)
        _print(begun, keys, as_json=json)


def _print(instance: Instance, keys: Path, *, as_json: bool) -> None:
    ring = keyring_in(keys)
    public = [ring.verifier(name).to_text() for name in ring.names()]
    if as_json:
        print_json(
            {
                "instance": instance.instance_id,
                "epoch": instance.epoch,
                "began_at": instance.began_at,
                "since_epoch": instance.since_epoch,
                "reason": instance.reason,
                "public_keys": public,
            }
        )
        return
    since = instance.began_at.isoformat().replace("+00:00", "Z")
    counts = "only what was recorded since" if instance.since_epoch else "everything"
    typer.echo(f"instance {instance.instance_id}")
    typer.echo(f"epoch {instance.epoch}, begun at {since}: it counts {counts}")
    if instance.reason is not None:
        typer.echo(f"because: {instance.reason}")
    for text in public:
        typer.echo(f"key {text}")
