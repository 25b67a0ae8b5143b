"""
The level of a customer after every change of it, folded in one pass.

Who is present follows from everybody who ever came and went, so a meter of members is
read from the beginning of its history, not from hours and days. One pass serves every
period, the peak of a term, and who was there: what is kept of an event is four numbers
(`meterbook.metering.members.Running`), and a million of them take a few seconds.

::

    postings + tail --in order--> what stands --observe--> changes --fold--> Running

Levels that are stated as numbers are brought to the same form here, so that whoever
reads seats need not know who counted them.

Laws (tests/stores/test_promise.py, tests/services/test_levelling.py):
    - *Definition*: a reading of members is that of `read_facts`.
    - *As it comes*: what the worker has posted, and what it has not, make one history.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from meterbook.metering import levels
from meterbook.metering.members import (
    level_before,
    run_levels,
    run_members,
    samples_between,
)
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope
from meterbook.metering.readings import Partial
from meterbook.services.worker.sampling import decode_data


if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from meterbook.metering.levels import Sample
    from meterbook.metering.members import MemberChange, Running, Told
    from meterbook.metering.observing import Value
    from meterbook.metering.readings import Question
    from meterbook.ports import Effect, HistoryRow
    from meterbook.services.meters.compiling import ActiveMeter
    from meterbook.services.readings.snapshots import Snapshot

# How many texts of data are remembered with what they say: most changes say "join" or
# "leave" and no more, and reading the same text again is half of a fold's time.
TEXTS_KEPT_MAX: Final = 10_000

NO_PLACES: Final = frozenset[int]()


@dataclass(frozen=True, slots=True)
class Definitions:
    """
    When each version of what counts as a seat was used, by the source's number for it.

    Attributes:
        seen_at: By version, the moments of the changes that name it, in order.
    """

    seen_at: dict[int, array[int]] = field(default_factory=dict)

    def note(self, definition: int, at: int) -> None:
        """
        Note that a change at *at* names *definition*.
        """
        moments = self.seen_at.get(definition)
        if moments is None:
            moments = self.seen_at[definition] = array("q")
        moments.append(at)


# What a text of data says, whoever it is about, and which version of what counts it
# names. Nothing if the meter does not read it, or cannot take it.
_Said: TypeAlias = "tuple[Value | None, int | None]"

# Of (occurred_at, source, subject_id, data).
Look: TypeAlias = "Callable[[int, str, int | None, str], Value | None]"


def running_of(
    snapshot: Snapshot, meter: ActiveMeter, customer: str, *, until: int
) -> Running:
    """
    Return the level of *customer* after each change before *until*.

    It is remembered by the snapshot until another customer's is asked for: the periods
    of one customer are read from one pass.
    """
    key = (meter.meter_id, customer, until)
    known = snapshot.runnings.get(key)
    if known is None:
        snapshot.runnings.clear()
        known = fold_history(snapshot, meter, customer, until=until)
        snapshot.runnings[key] = known
    return known


def fold_history(  # noqa: PLR0913 - what is folded, and two ways to look at it
    snapshot: Snapshot,
    meter: ActiveMeter,
    customer: str,
    *,
    until: int,
    without: Collection[int] = NO_PLACES,
    definitions: Definitions | None = None,
) -> Running:
    """
    Return the level of *customer* after each change before *until*.

    Args:
        snapshot: Where to read.

        meter: A meter of members, or one whose events state levels, without groups.

        customer: Whose level.

        until: The first moment that is not read.

        without: Places of events to leave out, as if they were void.

        definitions: Where to note which versions of what counts are seen.
    """
    rows = standing_rows(snapshot, meter.meter.event_type, customer, until=until)
    look = _remembering(meter, definitions)
    if meter.is_members:
        return run_members(_members_told(rows, look, without), meter.meter.states)
    return run_levels(_levels_told(rows, look, without))


def members_told(
    snapshot: Snapshot, meter: ActiveMeter, customer: str, *, until: int
) -> Iterator[Told]:
    """
    Yield what each event before *until* says of a member, in order of time.
    """
    rows = standing_rows(snapshot, meter.meter.event_type, customer, until=until)
    return _members_told(rows, _remembering(meter, None), NO_PLACES)


def find_members(
    snapshot: Snapshot, meter: ActiveMeter, question: Question
) -> tuple[Partial, list[Partial]]:
    """
    Return what a meter of members read of the question's period. It has no groups.
    """
    until = question.as_of.moment_us + 1
    running = running_of(snapshot, meter, question.customer_key, until=until)
    start = question.period.start_us
    before = level_before(running, start)
    inside = samples_between(running, start, question.read_until)
    found = Partial(
        state=levels.fold(inside),
        carried=None if before is None else before[1],
        known_since=running.ats[0] if running.ats else None,
    )
    return found, []


def began_at(
    snapshot: Snapshot, meter: ActiveMeter, question: Question
) -> dict[str, int]:
    """
    Return, under the one group there is, when the level began that is carried in.
    """
    until = question.as_of.moment_us + 1
    running = running_of(snapshot, meter, question.customer_key, until=until)
    before = level_before(running, question.period.start_us)
    return {} if before is None else {"": before[0]}


def standing_rows(
    snapshot: Snapshot, type_: str, customer: str, *, until: int
) -> Iterator[HistoryRow]:
    """
    Yield the events of a type that count for *customer*, in order of (time, place).

    Ask nothing else of the snapshot before the last one.

    Args:
        snapshot: Where to read: what is posted, and the tail.

        type_: Which events.

        customer: Whose.

        until: The first moment that is not read.
    """
    tail = [
        effect
        for effect in snapshot.tail(customer).effects.get(type_, ())
        if effect.occurred_at < until
    ]
    posted = snapshot.reader.history(
        customer=customer, type_=type_, end=until, upto=snapshot.upto
    )
    if not tail:
        return _standing(posted)
    tail.sort(key=_in_order)
    return _standing(_merged(posted, tail))


def _merged(posted: Iterator[HistoryRow], tail: list[Effect]) -> Iterator[HistoryRow]:
    """
    Yield *posted* and *tail* in order of (occurred_at, place, seq).

    What the tail does to an event comes after what was posted of it.
    """
    left = iter(tail)
    effect = next(left, None)
    for row in posted:
        while effect is not None and (effect.occurred_at, effect.place) < row[:2]:
            yield _row(effect)
            effect = next(left, None)
        yield row
    while effect is not None:
        yield _row(effect)
        effect = next(left, None)


def _members_told(
    rows: Iterable[HistoryRow], look: Look, leaving_out: Collection[int]
) -> Iterator[Told]:
    """
    Yield what each event that stands, and can be taken, says of a member.
    """
    for at, place, _, source, subject, text in rows:
        said = look(at, source, subject, text)
        if said is not None and place not in leaving_out:
            _, way, state = cast("MemberChange", said)
            yield at, place, (subject, way, state)


def _levels_told(
    rows: Iterable[HistoryRow], look: Look, leaving_out: Collection[int]
) -> Iterator[Sample]:
    """
    Yield the level that each event that stands, and can be taken, states.
    """
    for at, place, _, source, subject, text in rows:
        said = look(at, source, subject, text)
        if said is not None and place not in leaving_out:
            yield at, place, cast("int", said)


def _standing(rows: Iterable[HistoryRow]) -> Iterator[HistoryRow]:
    """
    Yield what was placed and not taken back: of each event its last effect decides.
    """
    last: HistoryRow | None = None
    for row in rows:
        if last is not None and last[1] != row[1] and last[2] > 0:
            yield last
        last = row
    if last is not None and last[2] > 0:
        yield last


def _remembering(meter: ActiveMeter, definitions: Definitions | None) -> Look:
    """
    Return a function that says what an event says, and remembers texts of data.

    It says of any person what it says of one: a meter cannot tell people apart.
    """
    type_ = meter.meter.event_type
    by_source = any(one.path == "$source" for one in meter.meter.filters)
    of_somebody: dict[str, _Said] = {}
    of_nobody: dict[str, _Said] = {}

    def look_anew(source: str, subject: int | None, text: str) -> _Said:
        data = decode_data(text)
        seen = meter.observe(data, Envelope(source, type_, subject, None))
        if seen is None or isinstance(seen, Unusable):
            return None, None
        definition = data.get("definition")
        return seen[0], definition if type(definition) is int else None

    def look(at: int, source: str, subject: int | None, text: str) -> Value | None:
        texts = of_nobody if subject is None else of_somebody
        said = texts.get(text)
        if said is None:
            said = look_anew(source, subject, text)
            if len(texts) < TEXTS_KEPT_MAX and not by_source:
                texts[text] = said
        if definitions is not None and said[1] is not None:
            definitions.note(said[1], at)
        return said[0]

    return look


def _in_order(effect: Effect) -> tuple[int, int, int]:
    return effect.occurred_at, effect.place, effect.seq


def _row(effect: Effect) -> HistoryRow:
    return (
        effect.occurred_at,
        effect.place,
        effect.sign,
        effect.source,
        effect.subject_id,
        effect.data,
    )
