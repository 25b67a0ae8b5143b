"""
Rows of a CSV file in the quarantine: refused before they were events, and kept as text.

The quarantine keeps documents. A row is none until a mapping has made an event of it,
so its text is kept in one that no book ever takes: to look at, to mend in the file,
and to discard.
"""

from __future__ import annotations

import msgspec

from meterbook.metering.events import Refused


class HeldRow(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="held",
    tag="csv_row",
):
    """
    A row that is held, and why.

    Attributes:
        line: The line of its file on which it ends.

        code: What was wrong, for programs.

        field: Where.

        reason: What was wrong, for people.

        row: Its text, as it was received.
    """

    line: int
    code: str
    field: str
    reason: str
    row: str


def document_of_row(line: int, refused: Refused, text: str) -> bytes:
    """
    Return the document that keeps a *refused* row.
    """
    held = HeldRow(
        line=line,
        code=refused.code,
        field=refused.field,
        reason=refused.reason,
        row=text,
    )
    return msgspec.json.encode(held)


def row_in(document: bytes) -> HeldRow | None:
    """
    Return the row that *document* keeps, or None if it is another document.
    """
    try:
        return msgspec.json.decode(document, type=HeldRow)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
