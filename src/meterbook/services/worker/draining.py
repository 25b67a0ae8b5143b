"""
Draining: changes of seats that wait in the queue become entries.

::

    seat_changes   join ann | leave bob | level 5      (names, in order)
        |  take, name people, append: one transaction
    entries        meterbook:seats/17   meterbook:seats/18   meterbook:seats/19

A change is an ordinary event from then on: it can be listed, explained and voided. Its
identity is the number that it had in the queue, so it becomes an entry once, also where
the worker is ended between two steps. People get their numbers here, not in the
transaction of whoever made the change: that would wait for others who name the same.

What waits is no less told than what is numbered: a reading makes the same events of it
(`waiting_entries`), and folds them with the tail.

=============  ====================================================================
change         data
=============  ====================================================================
join           `change`, and `way`, `state`, `cause` if there are any, `definition`
leave          likewise
baseline       likewise
level          the number at the meter's value path; `cause`, `definition`
=============  ====================================================================

Laws (tests/services/test_draining.py, tests/servers/test_crashes_draining.py):
    - *Once*: whenever the worker is ended, nothing is lost and nothing is doubled.
    - *The same*: a reading before draining says what it says after.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import CorruptBook
from meterbook.metering.admission import fingerprint
from meterbook.metering.canonical import canonical_text
from meterbook.metering.events import Refused
from meterbook.ports import BASELINE, EVENT, LEVEL, StoredEntry


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from meterbook.ports import NewEntry, Reader, SeatChange, Store, Writer


# Who states a change that was recorded live.
SEATS_SOURCE: Final = "meterbook:seats"

# Where a level stands in the data if its meter does not say.
UNITS_PATH: Final = "units"

# As many as the worker posts in a step.
BATCH_CHANGES_MAX: Final = 50_000

# Numbers that stand for people who are named in the queue and nowhere else yet. They
# end with the reading that lent them.
LENT_IDS: Final = 1 << 60


def drain(store: Store, *, changes_max: int = BATCH_CHANGES_MAX) -> int:
    """
    Make entries of the first changes that wait, and return how many it made.

    None if nothing waits, or another worker has the book.

    Raises:
        CorruptBook: If a change was an entry already that says something else.
    """
    with store.draining() as writer:
        return 0 if writer is None else _drain(writer, changes_max)


def drain_all(writer: Writer) -> int:
    """
    Make entries of all changes that wait, in the transaction of *writer*.

    It comes first in that transaction: what it appends must not seem older than what
    another one drained before it.
    """
    total = 0
    while count := _drain(writer, BATCH_CHANGES_MAX):
        total += count
    return total


def waiting_entries(
    reader: Reader, changes: Sequence[SeatChange], lent: dict[str, int]
) -> list[StoredEntry]:
    """
    Return the events that *changes* will be, without places.

    Args:
        reader: The snapshot that they wait in.

        changes: In order.

        lent: Numbers for people who have none yet, by name; more are added to it.
    """
    ids = reader.people(_names(changes))
    for name in sorted(_names(changes) - ids.keys()):
        lent.setdefault(name, LENT_IDS + len(lent))
    rows = _rows(changes, lent | ids)
    # Their ids are not drawn yet: no entry has one below 1.
    return [
        StoredEntry(None, -change.change_id, *row)
        for change, row in zip(changes, rows, strict=True)
    ]


def _drain(writer: Writer, changes_max: int) -> int:
    changes = writer.queue.take(limit=changes_max)
    if not changes:
        return 0

    ids = writer.name_people(sorted(_names(changes)))
    rows = list(_rows(changes, ids))
    appended = writer.append(rows)
    for index, known in appended.known.items():
        if known.fingerprint != rows[index][11]:
            message = (
                f"change {changes[index].change_id}: entry {known.entry_id} was made of"
                " it before, and says something else."
            )
            raise CorruptBook(message)
    return len(changes)


def _names(changes: Iterable[SeatChange]) -> set[str]:
    named = {change.member for change in changes} | {change.actor for change in changes}
    return {name for name in named if name is not None}


def _rows(changes: Iterable[SeatChange], ids: Mapping[str, int]) -> Iterator[NewEntry]:
    for change in changes:
        event_id = str(change.change_id)
        subject = None if change.member is None else ids[change.member]
        actor = None if change.actor is None else ids[change.actor]
        text = _text(_facts(change))
        content = fingerprint(
            source=SEATS_SOURCE,
            event_id=event_id,
            type=change.type,
            subject_ref=subject,
            customer=change.customer,
            actor_ref=actor,
            time_us=change.occurred_at,
            data=text,
        )
        yield (
            EVENT,
            SEATS_SOURCE,
            event_id,
            change.type,
            subject,
            actor,
            change.customer,
            change.occurred_at,
            1,
            text.decode(),
            "",
            content,
            change.occurred_at,
        )


def _facts(change: SeatChange) -> dict[str, object]:
    """
    Return the data of the event that *change* is; what is not said is left out.
    """
    facts: dict[str, object] = {"definition": change.definition}
    if change.cause:
        facts["cause"] = change.cause
    if change.change == LEVEL:
        return _with_level(facts, change)

    facts["change"] = change.change
    if change.change != BASELINE:
        if change.way:
            facts["way"] = change.way
        if change.state:
            facts["state"] = change.state
    return facts


def _with_level(facts: dict[str, object], change: SeatChange) -> dict[str, object]:
    """
    Return *facts* with the level where the meter looks for it.

    Should it look where a fact of ours is, the level stands there.
    """
    assert change.units is not None
    value: object = change.units
    if change.scale:
        value = Decimal(change.units).scaleb(-change.scale)
    *steps, last = (change.path or UNITS_PATH).split(".")
    inner: dict[str, object] = facts
    for step in steps:
        deeper: dict[str, object] = {}
        inner[step] = deeper
        inner = deeper
    inner[last] = value
    return facts


def _text(facts: dict[str, object]) -> bytes:
    """
    Return the text of *facts*, without what no store can keep.

    Nobody is there any more to be told of a NUL in a cause or a way.
    """
    text = canonical_text(facts, field="data")
    if isinstance(text, Refused):
        cleaned = {
            name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
            for name, value in facts.items()
        }
        text = canonical_text(cleaned, field="data")
    assert not isinstance(text, Refused), text
    return text
