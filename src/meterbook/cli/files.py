"""
Files that a command is given: by path, or `-` for standard input.
"""

from __future__ import annotations

import io
import sys

from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from meterbook.cli.errors import refuse


if TYPE_CHECKING:
    from collections.abc import Iterator


STANDARD = Path("-")


class Input(NamedTuple):
    """
    A file that is open for reading.

    Attributes:
        raw: Its bytes.

        size: How many there are; None if that is not known before the end.
    """

    raw: IO[bytes]
    size: int | None


@contextmanager
def reading(path: Path) -> Iterator[Input]:
    """
    Open the file at *path*, or standard input.

    Raises:
        BadParameter: If there is no such file, or it is a directory.
    """
    if path == STANDARD:
        yield Input(sys.stdin.buffer, None)
        return

    try:
        raw = path.open("rb")
    except IsADirectoryError:
        refuse("FILE", f"{str(path)!r} is a directory: name a file in it.")
    except FileNotFoundError:
        sentence = f"there is no file {str(path)!r}."
        refuse("FILE", sentence)
    with raw:
        seekable = raw.seekable()
        yield Input(raw, path.stat().st_size if seekable else None)


def text_of(path: Path) -> str:
    """
    Return the text of the file at *path*, or of standard input.

    Raises:
        BadParameter: If there is no such file, or it is not UTF-8.
    """
    with reading(path) as file:
        try:
            return file.raw.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            refuse("FILE", f"{path} is not UTF-8: {error}.")


def lines_of(raw: IO[bytes]) -> io.TextIOWrapper:
    """
    Return the text lines of a CSV file, with their ends as they are.
    """
    return io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
