"""
How new entries get into a book: the hot path.

::

    one row       INSERT ... VALUES ... ON CONFLICT DO NOTHING RETURNING: one round
                  trip, also without a transaction around it
    a few rows    likewise, of one JSON array: one statement whatever their number
    more          COPY into a temporary table, then one INSERT ... SELECT

Both insert in the order of (source, event_id): of two batches that overlap, one waits
for the other, and never each for the other. What was known is only looked up when not
every row was new. Ids are drawn a thousand at a time, and ascend in the order of the
batch: the worker orders the entries of one transaction by them.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final, cast

import msgspec

from meterbook.foundation.errors import StoreError
from meterbook.ports import Appended, Known
from meterbook.stores.postgres.copying import copied_entries


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meterbook.ports import NewEntry
    from meterbook.stores.postgres.sessions import Row, Session


# Up to here one statement beats four round trips. A value for each column of each row
# would be a statement of its own for each number of rows: psycopg read each anew, which
# cost 100 us a row, against 5 us for JSON.
FEW_ROWS_MAX: Final = 50

# The increment of the sequence: a draw of n gives the ids n to n + 999.
BLOCK_IDS: Final = 1_000

_ENCODER: Final = msgspec.json.Encoder()
_IDENTITY: Final = itemgetter(1, 2)


def append(
    session: Session,
    rows: Sequence[NewEntry],
    *,
    earlier: Sequence[Sequence[int]] = (),
) -> Appended:
    """
    Append the rows whose identity is new, and say which were known.

    Args:
        session: With a transaction. For at most FEW_ROWS_MAX rows it needs none.

        rows: Any number.

        earlier: The ids that earlier attempts at this very batch offered. If one of
            them was committed after all, its rows are new, and not known.
    """
    appended = append_drawn(
        session, rows, draw_ids(session, len(rows)), earlier=earlier
    )
    assert appended is not None
    return appended


def append_drawn(
    session: Session,
    rows: Sequence[NewEntry],
    entry_ids: Sequence[int],
    *,
    earlier: Sequence[Sequence[int]] = (),
    erasures: str | None = None,
) -> Appended | None:
    """
    Append like `append`, with ids that were drawn before.

    Given *erasures*, nothing is appended if people were erased since there were so
    many; then the answer is None, unless every row was known.
    """
    if not rows:
        return Appended((), {})
    if len(rows) <= FEW_ROWS_MAX or not session.may_copy:
        found = _append_few(session, rows, entry_ids, erasures)
    else:
        found = _append_many(session, rows, entry_ids, erasures)
    if found is None:
        return Appended(entry_ids, {})
    if len(found) != len(rows):
        if erasures is not None and session.row("erasures") != (erasures,):
            return None
        # A snapshot older than the entry that was in the way, or a caller's rollback.
        message = "Entries that were in the way cannot be seen: try again."
        raise StoreError(message, retryable=True)
    return _outcome(found, [entry_ids, *earlier])


def draw_ids(session: Session, count: int) -> list[int]:
    """
    Return *count* entry ids in ascending order that nobody else has.

    What is left of a block is kept for the session's next batch.
    """
    drawn: list[int] = []
    spare = session.belongings.spare_ids
    while spare and len(drawn) < count:
        block = spare.pop(0)
        taken = block[: count - len(drawn)]
        drawn.extend(taken)
        if len(taken) < len(block):
            spare.insert(0, block[len(taken) :])
    missing = count - len(drawn)
    if missing > 0:
        blocks = -(-missing // BLOCK_IDS)
        for row in session.rows("draw_ids", {"blocks": blocks}):
            first = cast("int", row[0])
            spare.append(range(first, first + BLOCK_IDS))
        drawn.extend(draw_ids(session, missing))
    return drawn


def _append_few(
    session: Session,
    rows: Sequence[NewEntry],
    entry_ids: Sequence[int],
    erasures: str | None,
) -> Mapping[int, Known] | None:
    """
    Return None if all rows were new, else the entry of each row by position.
    """
    if len(rows) == 1 and (erasures is None or not _names_somebody(rows[0])):
        inserted = session.rows("append_one", (entry_ids[0], *rows[0]))
    else:
        ordered = sorted(zip(entry_ids, rows, strict=True), key=_by_identity)
        offered = [_Offered.of(entry_id, row) for entry_id, row in ordered]
        text = _ENCODER.encode(offered).decode()
        values = {"rows": text, "erasures": erasures}
        inserted = session.rows("append_few", values)
    if len(inserted) == len(rows):
        return None
    identities = {
        "sources": [row[1] for row in rows],
        "event_ids": [row[2] for row in rows],
    }
    known = session.rows("known_few", identities)
    return {cast("int", row[0]) - 1: _known(row) for row in known}


def _append_many(
    session: Session,
    rows: Sequence[NewEntry],
    entry_ids: Sequence[int],
    erasures: str | None,
) -> Mapping[int, Known] | None:
    """
    Return None if all rows were new, else the entry of each row by position.
    """
    if "empty_offered" in session.filled:
        session.run("empty_offered")
    session.filled.add("empty_offered")
    session.copy("copy_offered", copied_entries(rows, entry_ids))
    if session.run("append_offered", {"erasures": erasures}) == len(rows):
        return None
    positions = {entry_id: position for position, entry_id in enumerate(entry_ids)}
    known = session.rows("known_offered")
    return {positions[cast("int", row[0])]: _known(row) for row in known}


def _outcome(found: Mapping[int, Known], attempts: Sequence[Sequence[int]]) -> Appended:
    """
    Return what became of each row: new if its entry has an id that we offered for it.
    """
    known = {
        position: entry
        for position, entry in sorted(found.items())
        if all(entry.entry_id != ids[position] for ids in attempts)
    }
    entry_ids = [found[position].entry_id for position in range(len(found))]
    return Appended(entry_ids, known)


def _names_somebody(row: NewEntry) -> bool:
    return row[4] is not None or row[5] is not None


def _by_identity(offered: tuple[int, NewEntry]) -> tuple[str, str]:
    """
    Return what to sort by: code points order as the collation "C" orders UTF-8.
    """
    return offered[1][1], offered[1][2]


def _known(row: Row) -> Known:
    return Known._make(row[1:])


class _Offered(msgspec.Struct, frozen=True, gc=False):
    """
    A row as the statement for a few reads it: by name, the fingerprint in hex.
    """

    entry_id: int
    kind: int
    source: str
    event_id: str
    type: str
    subject_id: int | None
    actor_id: int | None
    customer: str | None
    occurred_at: int
    time_given: int
    data: str
    extensions: str
    fingerprint: str
    recorded_at: int

    @classmethod
    def of(cls, entry_id: int, row: NewEntry) -> _Offered:
        """
        Return *row* as it is offered under this id.
        """
        return cls(entry_id, *row[:11], row[11].hex(), row[12])
