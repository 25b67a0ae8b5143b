"""
Explaining a number: the entries behind it, one by one, in the order they occurred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import to_moment
from meterbook.metering.members import MemberChange, index_of
from meterbook.metering.observing import Unusable
from meterbook.metering.paths import Envelope
from meterbook.metering.readings import UNNUMBERED, AsOf, Question, Reading, finish
from meterbook.services.entries.naming import shown_name
from meterbook.services.meters.compiling import compiled
from meterbook.services.readings.searching import find, find_carried
from meterbook.services.readings.snapshots import Snapshot
from meterbook.services.readings.usage import find_meter
from meterbook.services.readings.walking import Cursor, Walk
from meterbook.services.seats.levelling import running_of
from meterbook.services.worker.posting import place_of
from meterbook.services.worker.sampling import decode_data


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.foundation.periods import Period
    from meterbook.ports import Effect, Reader
    from meterbook.services.meters.compiling import ActiveMeter
    from meterbook.services.readings.snapshots import Tail
    from meterbook.services.readings.usage import Asked

# A page is for reading; an export takes many.
PAGE_ENTRIES_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedEntry:
    """
    An entry and what it did to the number.

    Attributes:
        role: `counted`; `carried in` for the level that the period began with;
            `unusable` for one that the meter could not take.

        place: Its place in the book; None while it has none.

        units: In the meter's smallest unit; for members how many were present after it;
            None for keys, and what is unusable.

        key: The key of a unique meter, as a JSON array.

        group: As a JSON array of the meter's group values; empty without groups.

        reason: Why it is unusable.

        subject: Who used it; a pseudonym if the name was erased.
    """

    role: str
    place: int | None
    source: str
    event_id: str
    type: str
    occurred_at: dt.datetime
    recorded_at: dt.datetime
    subject: str | None
    actor: str | None
    units: int | None
    key: str | None
    group: str
    reason: str | None
    data: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainPage:
    """
    A reading and a page of the entries behind it.

    Attributes:
        next: The cursor of the next page; None if this is the last.
    """

    reading: Reading
    entries: list[ExplainedEntry]
    next: str | None


class _Found(NamedTuple):
    """
    An effect that the meter read, and what it made of it.
    """

    effect: Effect
    role: str
    units: int | None
    key: str | None
    group: str
    reason: str | None


def explain(  # noqa: PLR0913 - what is asked, and which page of it
    reader: Reader,
    asked: Asked,
    *,
    customer: str,
    period: Period,
    after: str | None,
    limit: int,
) -> ExplainPage:
    """
    Return the reading of *customer* over *period* and the entries behind it.

    Args:
        reader: One snapshot.

        asked: What is asked. A page belongs to the as-of it was asked for: hand the
            same place and moment back with the cursor, and nothing is shown twice.

        customer: Whose usage.

        period: Over which period.

        after: The cursor of the page before, None for the first.

        limit: The most entries of a page, 1 to PAGE_ENTRIES_MAX.

    Raises:
        UnknownMeterError: If there is no such meter or version.

        InvalidQueryError: If the cursor or the limit is not usable.
    """
    if not 1 <= limit <= PAGE_ENTRIES_MAX:
        message = f"limit is 1 to {PAGE_ENTRIES_MAX}, not {limit}"
        raise InvalidQueryError(message)

    row = find_meter(reader, asked.meter_key, asked.version)
    snapshot = Snapshot.of(reader, place=asked.place)
    tail = snapshot.tail(customer)
    meter = compiled(row)
    question = Question(
        customer_key=customer,
        meter=meter.meter,
        meter_version=row.version,
        period=period,
        as_of=AsOf(snapshot.cited([tail]), asked.moment),
        by=asked.by,
    )
    page = _Page(snapshot, meter, row.rolled, question)
    whole, groups = find(snapshot, meter, row.rolled, question)
    cursor = None if after is None else Cursor.parse(after)
    found, following = page.fill(cursor, limit)
    return ExplainPage(
        reading=finish(
            question, whole, groups, provisional=tail.unnumbered, behind=tail.too_long
        ),
        entries=_shown(snapshot, question, tail, found),
        next=None if following is None else following.text(),
    )


@dataclass(frozen=True, slots=True)
class _Page:
    snapshot: Snapshot
    meter: ActiveMeter
    rolled: int
    question: Question

    def fill(
        self, cursor: Cursor | None, limit: int
    ) -> tuple[list[_Found], Cursor | None]:
        """
        Return the entries after *cursor*, and where to go on if there are more.
        """
        carried = self.carried() if cursor is None else []
        found: list[_Found] = []
        first = Cursor(self.question.period.start_us, -1)
        until = self.question.read_until
        for effect in self.walk.after(max(first, cursor or first), until=until):
            seen = self.look(effect)
            if seen is None:
                continue
            if len(found) == limit:
                last = found[-1].effect
                return carried + found, Cursor(last.occurred_at, last.place)
            found.append(seen)
        return carried + found, None

    @property
    def walk(self) -> Walk:
        """
        The events that the meter may read.
        """
        return Walk(
            snapshot=self.snapshot,
            customer=self.question.customer_key,
            type_=self.question.meter.event_type,
        )

    def look(self, effect: Effect) -> _Found | None:
        """
        Return what the meter made of *effect*; None if it does not read it.
        """
        envelope = Envelope(
            effect.source,
            self.question.meter.event_type,
            effect.subject_id,
            effect.actor_id,
        )
        seen = self.meter.observe(decode_data(effect.data), envelope)
        if seen is None:
            return None
        if isinstance(seen, Unusable):
            return _Found(effect, "unusable", None, None, "", seen.reason)
        value, group = seen
        if isinstance(value, str):
            return _Found(effect, "counted", None, value, group, None)
        if isinstance(value, MemberChange):
            value = self.level_after(effect)
        return _Found(effect, "counted", value, None, group, None)

    def level_after(self, effect: Effect) -> int:
        """
        Return how many members were present after the change that *effect* is.
        """
        customer = self.question.customer_key
        until = self.question.as_of.moment_us + 1
        running = running_of(self.snapshot, self.meter, customer, until=until)
        return running.units[index_of(running, effect.occurred_at, effect.place)]

    def carried(self) -> list[_Found]:
        """
        Return the entries whose levels the period begins with.
        """
        if not self.meter.is_level:
            return []
        found: dict[str, _Found] = {}
        carried = find_carried(self.snapshot, self.meter, self.rolled, self.question)
        for group, at in sorted(carried.items()):
            for effect in self.walk.at(at):
                seen = self.look(effect)
                if (
                    seen is not None
                    and seen.units is not None
                    and (not group or seen.group == group)
                ):
                    found[group] = seen._replace(role="carried in")
        return list(found.values())


def _shown(
    snapshot: Snapshot, question: Question, tail: Tail, found: list[_Found]
) -> list[ExplainedEntry]:
    """
    Return *found* as people read it: with names, ids and times.
    """
    names = snapshot.names(
        {each.effect.subject_id for each in found}
        | {each.effect.actor_id for each in found},
    )
    placed = [each.effect.place for each in found if each.effect.place < UNNUMBERED]
    stored = {place_of(entry): entry for entry in snapshot.reader.entries_at(placed)}
    shown = []
    for each in found:
        effect = each.effect
        # One without a place is known to the tail alone.
        entry = stored.get(effect.place) or tail.entries[effect.place]
        shown.append(
            ExplainedEntry(
                role=each.role,
                place=effect.place if effect.place < UNNUMBERED else None,
                source=effect.source,
                event_id=entry.event_id,
                type=question.meter.event_type,
                occurred_at=to_moment(effect.occurred_at),
                recorded_at=to_moment(entry.recorded_at),
                subject=shown_name(names, effect.subject_id),
                actor=shown_name(names, effect.actor_id),
                units=each.units,
                key=each.key,
                group=each.group,
                reason=each.reason,
                data=decode_data(effect.data),
            )
        )
    return shown
