"""
The lines of a CSV file, as its reader asks for them, remembered a row at a time.
"""

from __future__ import annotations

import csv

from typing import TYPE_CHECKING, Final

from meterbook.metering.cloudevents import DOCUMENT_BYTES_MAX


if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self


# As much as a document may have: what is longer is no row of usage.
ROW_CHARS_MAX: Final = DOCUMENT_BYTES_MAX


class RowLines:
    """
    Lines for a CSV reader, and what the row that it reads looks like in the file.

    Attributes:
        first: The line on which the row begins, from 1.

        number: The line that was read last.

        too_large: Whether the row has more than ROW_CHARS_MAX characters.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.number = 0
        self._lines = iter(lines)
        self.begin_row()

    def begin_row(self) -> None:
        """
        Forget the last row: the next line begins another.
        """
        self.first = self.number + 1
        self.too_large = False
        self._chars = 0
        self._quotes = 0
        self._kept: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._chars += len(line)
        self._quotes += line.count('"')
        self._kept.append(line)
        if self._chars > ROW_CHARS_MAX:
            self.too_large = True
            self._kept.clear()
        return line

    @property
    def text(self) -> str:
        """
        The row as it stands in the file; empty if it is too large.
        """
        return "".join(self._kept)

    def skip_row(self) -> None:
        """
        Go on to the line on which the row ends: where every quote has its other half.

        Raises:
            csv.Error: If the file ends before.
        """
        while self._quotes % 2:
            if next(self, None) is None:
                message = "a quote is never closed"
                raise csv.Error(message)
