"""
`meterbook keys`: the keys that sign licences, reports and checkpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.key_options import FOLDER, Folder, keyring_in
from meterbook.cli.rendering import print_json, print_table


if TYPE_CHECKING:
    from meterbook.proof.keys import VerifierKey


commands = options.noun("keys", "Make, list and rotate the keys that sign.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Whose key it is, as in acme.example/book.",
        show_default=False,
    ),
]


@commands.command(
    "make", **options.with_example("meterbook keys make acme.example/book")
)
def make(name: Name, keys: Folder = FOLDER, json: options.Json = False) -> None:
    """
    Make a key, and print its public half: hand that out, and keep the private file.
    """
    _print_new(keyring_in(keys).make(name), "made", as_json=json)


@commands.command("list", **options.with_example("meterbook keys list"))
def list_(keys: Folder = FOLDER, json: options.Json = False) -> None:
    """
    List the names of which there is a key, and whether it can sign.
    """
    ring = keyring_in(keys)
    private = set(ring.private_names())
    found = [(name, ring.verifiers(name)) for name in ring.names()]
    if json:
        for name, known in found:
            print_json(
                {
                    "name": name,
                    "key_id": known[0].key_id.hex(),
                    "signs": name in private,
                    "public_keys": [key.to_text() for key in known],
                }
            )
        return
    if not found:
        typer.echo(f"there are no keys in {keys}")
    print_table(
        ["name", "key id", "signs", "keys"],
        [
            (
                name,
                known[0].key_id.hex(),
                "yes" if name in private else "no",
                len(known),
            )
            for name, known in found
        ],
        right=["keys"],
    )


@commands.command(
    "rotate", **options.with_example("meterbook keys rotate acme.example/book")
)
def rotate(name: Name, keys: Folder = FOLDER, json: options.Json = False) -> None:
    """
    Replace a key by a new one of the same name, and print its public half.

    The old private key is gone. Its public half stays, so what it signed is verified.
    """
    _print_new(keyring_in(keys).rotate(name), "rotated", as_json=json)


@commands.command(
    "show", **options.with_example("meterbook keys show acme.example/book > acme.pub")
)
def show(name: Name, keys: Folder = FOLDER, json: options.Json = False) -> None:
    """
    Print every public key there was under a name, the newest first, one a line.
    """
    known = keyring_in(keys).verifiers(name)
    for key in known:
        if json:
            print_json(_shown(key))
        else:
            typer.echo(key.to_text())


def _print_new(key: VerifierKey, act: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_shown(key))
    else:
        typer.echo(f"{act} the key {key.name}; the public half, to be handed out:")
        typer.echo(key.to_text())


def _shown(key: VerifierKey) -> dict[str, str]:
    return {
        "name": key.name,
        "key_id": key.key_id.hex(),
        "public_key": key.to_text(),
    }
