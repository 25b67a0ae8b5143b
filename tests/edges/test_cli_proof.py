"""
`meterbook keys` and `meterbook proof`.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import stat

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edges.conftest import EVENTS, document
from edges.program import Program
from meterbook import Book
from meterbook.proof.notes import sign_note
from meterbook.stores.keyring import Keyring


if TYPE_CHECKING:
    from pathlib import Path


NAME = "acme.example/book"
MARCH = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Give a folder with a book of five events, and a key with its public half in a file.
    """
    folder = tmp_path_factory.mktemp("prepared")
    with Book.create(folder / "usage.db", test_clock=MARCH) as book:
        book.record_json(EVENTS.encode().splitlines())
        book.work()
    public = Keyring(folder / "keys").make(NAME).to_text()
    (folder / "acme.pub").write_text(f"{public}\n", encoding="utf-8")
    return folder


@pytest.fixture
def signing(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """
    Give a copy of it.
    """
    folder = shutil.copytree(prepared, tmp_path / "signing")
    monkeypatch.setenv("METERBOOK_KEYS", str(folder / "keys"))
    return Program(folder, str(folder / "usage.db"))


def more(program: Program, name: str) -> None:
    program.ok("events", "record", "-", told=document(name, customer="acme"))


def test_keys_are_made_listed_and_rotated(signing: Program) -> None:
    """
    A key is made once, in a private file, and is another one after rotating; its old
    public half stays.
    """
    folder = signing.folder / "keys"
    modes = {p.suffix: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
    assert modes == {".key": 0o600, ".pub": 0o644}

    again = signing.run("keys", "make", NAME)
    assert again.code == 1
    assert f"keys rotate {NAME}" in again.err

    [before] = signing.ok("keys", "show", NAME).lines
    rotated = signing.ok("keys", "rotate", NAME)
    assert signing.ok("keys", "show", NAME).lines == [rotated.lines[1], before]
    [listed] = signing.ok("keys", "list", "--json").documents
    assert (listed["name"], listed["signs"]) == (NAME, True)
    assert listed["public_keys"] == [rotated.lines[1], before]
    assert signing.ok("keys", "list").lines[1].split() == [
        *(NAME, listed["key_id"], "yes", "2")
    ]


def test_a_key_is_one_document(signing: Program) -> None:
    """
    Under --json a new key is its name, id and public half; never the private one.
    """
    for words in (("make", "bea"), ("rotate", "bea")):
        [made] = signing.ok("keys", *words, "--json").documents
        assert made.keys() == {"name", "key_id", "public_key"}
        assert made["public_key"].startswith(f"bea+{made['key_id']}+")
    shown = signing.ok("keys", "show", "bea", "--json").documents
    assert [one["name"] for one in shown] == ["bea", "bea"]


def test_no_keys(tmp_path: Path) -> None:
    """
    Before there is a key the list says so, and to sign says how to make one.
    """
    program = Program(tmp_path, str(tmp_path / "usage.db"))
    program.ok("book", "init")
    keys = ("--keys", tmp_path / "keys")

    assert program.ok("keys", "list", *keys).out.startswith("there are no keys in ")
    said = program.run("proof", "checkpoint", *keys)
    assert said.code == 2
    assert "meterbook keys make NAME" in said.err


def test_one_of_several_keys_is_named(signing: Program) -> None:
    """
    With two keys a checkpoint says which; the only one need not be named.
    """
    signing.ok("proof", "checkpoint")
    signing.ok("keys", "make", "bea")

    said = signing.run("proof", "checkpoint")
    assert said.code == 2
    assert f"{NAME}, bea" in said.err
    assert "— bea " in signing.ok("proof", "checkpoint", "--key", "bea").out


def test_a_checkpoint_is_verified_without_the_book(signing: Program) -> None:
    """
    What was printed is the note, byte for byte; it verifies with the public key alone,
    also in a folder where there is no book.
    """
    note = signing.ok("proof", "checkpoint").out
    path = signing.write("head.note", note)
    signing.ok("proof", "checkpoint", "--out", signing.folder / "other.note")
    assert (signing.folder / "other.note").read_bytes() == note.encode()

    alone = Program(signing.folder, "")
    said = alone.ok("proof", "verify", path, "--key", signing.folder / "acme.pub")
    assert said.lines[0] == f"verified: signed by {NAME}"
    assert said.lines[1].endswith(" with 5 entries")
    [key] = signing.ok("keys", "show", NAME).lines
    [shown] = alone.ok("proof", "verify", path, "--key", key, "--json").documents
    assert (shown["verified"], shown["size"]) == ("checkpoint", 5)
    assert alone.ok("proof", "verify", "-", "--key", key, told=note).code == 0


def test_an_entry_is_proved(signing: Program) -> None:
    """
    The proof of an entry is written to a file, verifies, and shows the entry.
    """
    [signed] = signing.ok("proof", "checkpoint", "--json").documents
    out = signing.folder / "p.json"
    signing.ok("proof", "inclusion", "--place", "2", "--out", out)
    printed = signing.ok("proof", "inclusion", "--entry", "2").out
    assert out.read_text(encoding="utf-8") == printed

    pub = signing.folder / "acme.pub"
    said = signing.ok("proof", "verify", out, "--key", pub)
    assert "at place 2 it has this entry:" in said.lines
    assert any(line.split()[:2] == ["id", "x"] for line in said.lines)
    assert "bob" not in said.out
    [shown] = signing.ok("proof", "verify", out, "--key", pub, "--json").documents
    assert shown["root"] == signed["root"]
    assert shown["entry"]["data"] == '{"model":"xl","tokens":1000.5}'
    [file] = signing.ok("proof", "inclusion", "--place", "2", "--json").documents
    assert file["entry"] == shown["entry"]


def test_a_beginning_is_proved(signing: Program) -> None:
    """
    From a size, or from the note that somebody has kept, to the last checkpoint.
    """
    old = signing.write("old.note", signing.ok("proof", "checkpoint").out)
    more(signing, "later")
    signing.ok("proof", "checkpoint")

    pub = signing.folder / "acme.pub"
    for words in (("--from", "5"), ("--old", old)):
        proof = signing.ok("proof", "consistency", *words).out
        said = signing.ok("proof", "verify", "-", "--key", pub, told=proof)
        assert said.lines[1].endswith(" with 6 entries")
        assert said.lines[2].startswith("it begins with the 5 entries")
        [shown] = signing.ok(
            *("proof", "verify", "-", "--key", pub, "--json"), told=proof
        ).documents
        assert (shown["verified"], shown["old_size"]) == ("consistency", 5)


def test_any_signed_note_is_verified(signing: Program) -> None:
    """
    Another note than a checkpoint is shown as the text that was signed.
    """
    signer = Keyring(signing.folder / "keys").signer(NAME)
    note = sign_note("seats 7\x7f\n\nend\n", [signer])
    pub = signing.folder / "acme.pub"

    said = signing.ok("proof", "verify", "-", "--key", pub, told=note)
    assert said.lines[1:] == ["  seats 7\\x7f", "  ", "  end"]
    [shown] = signing.ok(
        *("proof", "verify", "-", "--key", pub, "--json"), told=note
    ).documents
    assert shown == {
        "verified": "note",
        "signed_by": [NAME],
        "text": "seats 7\x7f\n\nend\n",
    }


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param(("inclusion",), 2, "either --entry or --place", id="no entry"),
        pytest.param(
            ("inclusion", "--entry", "1", "--place", "1"), 2, "either", id="two entries"
        ),
        pytest.param(
            ("inclusion", "--place", "9"), 1, "no entry at place 9", id="gone"
        ),
        pytest.param(
            ("inclusion", "--place", "1"), 1, "proof checkpoint", id="unsigned"
        ),
        pytest.param(("consistency",), 2, "either --from or --old", id="no size"),
        pytest.param(("consistency", "--from", "3"), 1, "place 3", id="not signed"),
        pytest.param(("consistency", "--old", "gone"), 2, "no file", id="no old note"),
        pytest.param(("checkpoint", "--key", "bea"), 1, "keys make bea", id="no key"),
        pytest.param(("verify", "gone", "--key", "x+y+z"), 2, "no file", id="no file"),
    ],
)
def test_what_cannot_be_done_is_said(
    signing: Program, words: tuple[str, ...], code: int, sentence: str
) -> None:
    """
    What is missing is named, with the exit code of who mends it.
    """
    said = signing.run("proof", *words)

    assert (said.code, said.out) == (code, "")
    assert sentence in " ".join(said.err.split())


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        pytest.param("nothing", "there is no file 'nofile'", id="neither"),
        pytest.param("a+b", "copy all of it", id="half a key"),
        pytest.param("empty", "there is no key in", id="an empty file"),
        pytest.param("latin", "can't decode", id="no text"),
        pytest.param("private", "This is a private key", id="the private key"),
    ],
)
def test_what_is_no_public_key_is_refused(
    signing: Program, key: str, sentence: str
) -> None:
    """
    A key that was given wrong is wrong usage, with what is wrong.
    """
    (signing.folder / "empty").write_text("\n", encoding="utf-8")
    (signing.folder / "latin").write_bytes(b"\xe4")
    known: dict[str, str | Path] = {
        "nothing": "nofile",
        "a+b": "a+b",
        "private": next((signing.folder / "keys").glob("*.key")),
    }
    given = known.get(key, signing.folder / key)
    said = signing.run("proof", "verify", "-", "--key", given, told="a note")

    assert (said.code, said.out) == (2, "")
    assert sentence in " ".join(said.err.split())


def test_a_note_that_was_touched_is_refused(signing: Program) -> None:
    """
    Changed, re-encoded or signed by others: refused with 1, and with a code each.
    """
    note = signing.ok("proof", "checkpoint").out.encode()
    pub = signing.folder / "acme.pub"
    signing.ok("keys", "make", "bea")
    other = signing.ok("keys", "show", "bea").out.strip()

    touched: list[tuple[bytes, Path | str, str]] = [
        (note.replace(b"\n5\n", b"\n4\n"), pub, "forged_note"),
        (note.replace(b"\n", b"\r\n"), pub, "malformed_note"),
        (note[:-1], pub, "malformed_note"),
        (note, other, "unknown_signer"),
        (b'{"proof":"inclusion"}', pub, "invalid_proof"),
    ]
    for content, key, code in touched:
        said = signing.run("proof", "verify", "-", "--key", key, "--json", told=content)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith(f'{{"error":"{code}"')


def test_a_changed_book_is_not_signed(signing: Program) -> None:
    """
    After an entry was changed with plain SQL and the tree made anew, verifying names
    the checkpoint, and no other is signed.
    """
    signing.ok("proof", "checkpoint")
    with closing(sqlite3.connect(signing.book)) as book, book:
        book.execute("DROP TRIGGER meterbook_entries_are_not_updated")
        book.execute("UPDATE meterbook_entries SET recorded_at = 0 WHERE entry_id = 3")
        book.execute("DELETE FROM meterbook_tree_tiles")
        book.execute("UPDATE meterbook_tree SET size = 0")

    signing.ok("worker", "run", "--once")
    found = signing.run("book", "verify")
    assert found.code == 1
    assert "the checkpoint of acme.example/book" in found.out
    said = signing.run("proof", "checkpoint")
    assert (said.code, said.out) == (1, "")
    assert "changed after it was signed" in said.err


def test_a_checkpoint_says_what_waits(signing: Program) -> None:
    """
    Where an entry is missing the tree ends before it, and the checkpoint says on stderr
    how much it leaves out.
    """
    with closing(sqlite3.connect(signing.book)) as book, book:
        book.execute("DROP TRIGGER meterbook_entries_are_not_deleted")
        book.execute("DELETE FROM meterbook_entries WHERE entry_id = 3")
        book.execute("DELETE FROM meterbook_tree_tiles")
        book.execute("UPDATE meterbook_tree SET size = 0")

    said = signing.ok("proof", "checkpoint")
    assert said.lines[1] == "2"
    assert said.err.startswith("3 entries not covered yet")
    assert signing.run("book", "verify").code == 1


def test_a_damaged_tree_is_not_signed(signing: Program) -> None:
    """
    Where a tile was cut off there is no root, and the error says what to do.
    """
    signing.ok("worker", "run", "--once")
    with closing(sqlite3.connect(signing.book)) as book, book:
        book.execute("UPDATE meterbook_tree_tiles SET hashes = zeroblob(32)")

    said = signing.run("proof", "checkpoint")
    assert (said.code, said.out) == (1, "")
    assert "drop the tree" in said.err
