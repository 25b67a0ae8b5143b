"""
The rows that cross the border between services and stores.

Plain tuples of named positions: a batch of a thousand is made in microseconds. Moments
are microseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# (kind, source, event_id, type, subject_id, actor_id, customer, occurred_at,
#  time_given, data, extensions, fingerprint, recorded_at)
NewEntry: TypeAlias = tuple[
    int,
    str,
    str,
    str,
    int | None,
    int | None,
    str | None,
    int,
    int,
    str,
    str,
    bytes,
    int,
]

EVENT = 0
VOID = 1
ATTRIBUTION = 2
STATEMENT = 3

# An unattributed event is posted under nobody.
NOBODY = ""

# Where a test clock stands. A book that has one has it from the first, and for good.
CLOCK_SETTING = "clock"

# Counts the people who were erased. It is looked at where entries are appended.
ERASURES_SETTING = "erasures"
NO_ERASURES = "0"


class Known(NamedTuple):
    """
    The entry that already has an identity which was offered again.
    """

    entry_id: int
    fingerprint: bytes
    subject_id: int | None
    actor_id: int | None


class Appended(NamedTuple):
    """
    What became of a batch of new entries.

    Attributes:
        entry_ids: One for each row offered, in order. For a row that was not new, the
            id of the entry that has its identity.

        known: By position in the batch, the entry that was there before. A row whose
            identity came earlier in the same batch is known, too.
    """

    entry_ids: Sequence[int]
    known: Mapping[int, Known]


class StoredEntry(NamedTuple):
    """
    An entry as the book keeps it.

    Attributes:
        seq: Its place, or None while the worker has not numbered it.
    """

    seq: int | None
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
    fingerprint: bytes
    recorded_at: int


# An event that counts for somebody: (place, type, payer, occurred_at, source,
# subject_id, actor_id, data). No names: one is made for every event of a book.
PaidEvent: TypeAlias = tuple[int, str, str, int, str, int | None, int | None, str]


class Stated(NamedTuple):
    """
    A stretch of the book as the worker takes it.

    Attributes:
        events: Those that state a customer, who pays for them; best by customer and
            time. Without those that were void before they were placed, as far as is
            known of voids.

        others: The places of all other entries, in order.
    """

    events: list[PaidEvent]
    others: list[int]


class Marks(NamedTuple):
    """
    How far the worker has come.

    Attributes:
        numbered: The last place given out; 0 when there is none.

        posted: Every entry up to this place has its postings. Never above *numbered*.
    """

    numbered: int
    posted: int


class MeterRow(NamedTuple):
    """
    One version of a meter.

    Attributes:
        rolled: Every entry up to this place is in the rollups of this version.
    """

    meter_id: int
    meter_key: str
    version: int
    definition: str
    defined_at: int
    rolled: int


class Posting(NamedTuple):
    """
    The effect of the entry at *seq* on a customer: the event at *place* counts (+1), or
    does so no longer (-1).
    """

    customer: str
    type: str
    occurred_at: int
    place: int
    seq: int
    sign: int


class Effect(NamedTuple):
    """
    A posting with what its event says, for a fold.
    """

    place: int
    seq: int
    sign: int
    occurred_at: int
    source: str
    subject_id: int | None
    actor_id: int | None
    data: str


# The same for a fold over a whole history, where there may be a million of them:
# occurred_at, place, sign, source, subject_id and data, in this order
HistoryRow: TypeAlias = tuple[int, int, int, str, int | None, str]


class Bucket(NamedTuple):
    """
    A rollup row. *hours* is 1 or 24; *bucket* is the start of that UTC hour or day.
    """

    meter_id: int
    customer: str
    grouped: int
    hours: int
    bucket: int
    grp: str
    state: str


class Sighting(NamedTuple):
    """
    When a key was first and last seen in a UTC month. *month* is the month's start.
    """

    meter_id: int
    customer: str
    grouped: int
    month: int
    grp: str
    key: str
    first_at: int
    last_at: int


class AttributionRow(NamedTuple):
    """
    From *effective_at* on, *subject_id* belongs to *customer* (None: to nobody).

    Attributes:
        seq: The place of the attribution's entry, None while it has none.
    """

    subject_id: int
    effective_at: int
    customer: str | None
    entry_id: int
    seq: int | None


class QuarantineRow(NamedTuple):
    """
    A document that was refused and kept. *state* is held, replayed or discarded.
    """

    quarantine_id: int
    received_at: int
    code: str
    field: str
    reason: str
    document: bytes
    state: str
    resolved_at: int | None


class EntryQuery(NamedTuple):
    """
    Which entries to list. Every part that is None (or empty) does not narrow.

    Attributes:
        start: The first moment inside, by occurred_at.

        end: The first moment after, by occurred_at.

        subject_id: Of the subject or of the actor.
    """

    customer: str | None = None
    type: str | None = None
    source: str | None = None
    event_id: str | None = None
    subject_id: int | None = None
    start: int | None = None
    end: int | None = None
    kind: int | None = None
