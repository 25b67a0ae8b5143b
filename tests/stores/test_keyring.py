"""
The folder of keys: made once, private from the first moment, old ones kept.
"""

from __future__ import annotations

import os
import stat

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from meterbook.foundation.errors import (
    AlreadyAKeyError,
    InsecureKeyError,
    InvalidKeyError,
    StoreError,
    UnknownKeyError,
)
from meterbook.proof.notes import open_note, sign_note
from meterbook.stores.keyring import Keyring


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


NAME = "acme.example/book"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "keys"


@pytest.fixture
def keyring(folder: Path) -> Keyring:
    return Keyring(folder)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def private_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if b"PRIVATE" in path.read_bytes()]


def test_a_key_is_made_and_signs(keyring: Keyring) -> None:
    """
    A note signed by the private half is opened by the public one.
    """
    made = keyring.make(NAME)

    note = sign_note("seats 7\n", [keyring.signer(NAME)])
    assert open_note(note.encode(), [made]).signed_by == (NAME,)
    assert keyring.verifier(NAME) == made
    assert keyring.names() == [NAME]


@pytest.mark.usefixtures("any_umask")
def test_private_keys_are_private(keyring: Keyring, folder: Path) -> None:
    """
    Whatever the umask, made or rotated: one private file, and its mode is 0600.
    """
    keyring.make(NAME)
    assert [mode(path) for path in private_files(folder)] == [0o600]
    assert mode(folder) == 0o700

    keyring.rotate(NAME)
    assert [mode(path) for path in private_files(folder)] == [0o600]
    assert len(list(folder.iterdir())) == 2


def test_old_notes_are_opened_after_rotating(keyring: Keyring) -> None:
    """
    After each rotation every note that was ever signed under the name is opened.
    """
    keyring.make(NAME)
    notes = []
    for _ in range(4):
        notes.append(sign_note("seats 7\n", [keyring.signer(NAME)]).encode())
        keyring.rotate(NAME)

    keys = keyring.verifiers(NAME)
    assert len({key.key_id for key in keys}) == 5
    assert keys[0] == keyring.signer(NAME).verifier
    for note in notes:
        assert open_note(note, keys).signed_by == (NAME,)


def test_a_key_is_made_once(keyring: Keyring) -> None:
    """
    Of eight that make one key at the same time, one does, and it is the one that stays.
    """

    def make() -> str | None:
        try:
            return keyring.make(NAME).to_text()
        except AlreadyAKeyError:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [key for key in pool.map(lambda _: make(), range(8)) if key]

    assert made == [keyring.verifier(NAME).to_text()]


def test_a_key_that_is_there_is_not_replaced(keyring: Keyring) -> None:
    """
    Making it again says so, and leaves it, also where only its public half is left.
    """
    first = keyring.make(NAME)
    with pytest.raises(AlreadyAKeyError, match=f"keys rotate {NAME}"):
        keyring.make(NAME)
    next(keyring.folder.glob("*.key")).unlink()
    with pytest.raises(AlreadyAKeyError):
        keyring.make(NAME)

    assert keyring.verifier(NAME) == first


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o610])
def test_a_private_key_that_others_may_read_is_refused(
    keyring: Keyring, bits: int
) -> None:
    """
    A looser mode is refused for signing, rotating and showing; the advice mends it.
    """
    keyring.make(NAME)
    path = next(keyring.folder.glob("*.key"))
    path.chmod(bits)

    for use in (keyring.signer, keyring.rotate, keyring.verifier):
        with pytest.raises(InsecureKeyError, match="chmod 600"):
            use(NAME)

    path.chmod(0o600)
    assert keyring.signer(NAME).name == NAME


def test_a_folder_in_which_others_may_write_is_refused(keyring: Keyring) -> None:
    """
    Others could put their key in the place of ours; a sticky folder is safe from that.
    """
    keyring.make(NAME)
    keyring.folder.chmod(0o777)
    for use in (keyring.make, keyring.rotate):
        with pytest.raises(InsecureKeyError, match="chmod go-w"):
            use(NAME)

    keyring.folder.chmod(0o1777)
    keyring.rotate(NAME)


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "../a", "/a", ".a", "-a", "ä", "a\n", "a" * 101]
)
def test_a_name_that_is_none_is_refused(keyring: Keyring, name: str) -> None:
    """
    What is unsafe as a file, on a command line or in a note is no name.
    """
    with pytest.raises(InvalidKeyError, match="cannot be called"):
        keyring.make(name)
    assert not keyring.folder.exists()


def test_no_such_key(keyring: Keyring) -> None:
    """
    A key that is not there is named, with what to do, and the folder need not be there.
    """
    for use in (keyring.signer, keyring.verifier, keyring.rotate):
        with pytest.raises(UnknownKeyError, match="keys make bea"):
            use("bea")
    assert keyring.names() == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "begins with PRIVATE", id="empty"),
        pytest.param(b"PRIVATE+KEY+acme", "NAME[+]ID", id="cut off"),
        pytest.param(b"\xff" * 10, "no file of keys", id="not text"),
        pytest.param(b"a" * 70_000, "no file of keys", id="too large"),
    ],
)
def test_a_file_that_holds_no_key_is_named(
    keyring: Keyring, content: bytes, sentence: str
) -> None:
    """
    A key file that was spoilt is refused by its name.
    """
    keyring.make(NAME)
    path = next(keyring.folder.glob("*.key"))
    path.write_bytes(content)

    with pytest.raises(InvalidKeyError, match=rf"book\.key.*{sentence}"):
        keyring.signer(NAME)


def test_a_key_under_another_name_is_refused(keyring: Keyring) -> None:
    """
    A key file that was renamed signs in nobody's name.
    """
    keyring.make("ann")
    (keyring.folder / "ann.key").rename(keyring.folder / "bea.key")

    with pytest.raises(InvalidKeyError, match="key of ann, not of bea"):
        keyring.signer("bea")


def test_a_public_key_of_somebody_else_is_known(
    keyring: Keyring, tmp_path: Path
) -> None:
    """
    The public file of another ring can be put beside ours; it verifies and cannot sign.
    """
    theirs = Keyring(tmp_path / "theirs")
    made = theirs.make("bea")
    keyring.make("ann")
    (keyring.folder / "bea.pub").write_bytes((theirs.folder / "bea.pub").read_bytes())

    assert keyring.names() == ["ann", "bea"]
    assert keyring.verifier("bea") == made
    with pytest.raises(UnknownKeyError):
        keyring.signer("bea")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """
    Where a file is in the way the error names it.
    """
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    with pytest.raises(StoreError, match="file: "):
        Keyring(tmp_path / "file").make(NAME)
    with pytest.raises(StoreError, match="file"):
        Keyring(tmp_path / "file" / "below").make(NAME)


def test_a_spoilt_public_file_is_named(keyring: Keyring) -> None:
    """
    A public file that holds something else is refused by its name.
    """
    keyring.make("ann")
    (keyring.folder / "ann.pub").write_text("ann\n", encoding="utf-8")

    with pytest.raises(InvalidKeyError, match=r"ann\.pub"):
        keyring.verifiers("ann")


@pytest.mark.parametrize("name", ["ann", "bea"])
def test_a_full_disk_leaves_the_old_key(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """
    A key that cannot be written leaves nothing behind, and one that is there as it was.
    """
    made = keyring.make("ann")
    before = {path.name: path.read_bytes() for path in keyring.folder.iterdir()}

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        act = keyring.rotate if name == "ann" else keyring.make
        with pytest.raises(StoreError, match="No space left"):
            act(name)

    assert {p.name: p.read_bytes() for p in keyring.folder.iterdir()} == before
    assert keyring.verifier("ann") == made


def test_a_key_that_cannot_be_replaced_stays(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the new file cannot take its place, the old one signs on and nothing is left.
    """
    made = keyring.make("ann")

    def refused(_path: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", refused)
        with pytest.raises(StoreError, match="Permission denied"):
            keyring.rotate("ann")

    assert keyring.verifier("ann") == made
    assert len(list(keyring.folder.iterdir())) == 2
