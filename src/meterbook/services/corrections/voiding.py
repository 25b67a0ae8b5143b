"""
Voiding by query: first what would change, then the same in bounded steps.

::

    preview(query) -> 1,200 events match, acme's tokens 9,400 -> 2,000
                                  |
    void(query, expected_count=1,200)   [batch][batch][batch]...

The count that was seen is stated again when it is done. If other events match by then,
nothing happens and somebody looks once more. Matching events that are void already
count, too: a run that was stopped half way is started again with the same count.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import INSTANT_MIN, to_micros, to_moment
from meterbook.foundation.periods import Period
from meterbook.metering.paths import Envelope
from meterbook.metering.readings import AsOf, Fact, Question, read_facts
from meterbook.ports import EVENT
from meterbook.services.corrections.correcting import void_row
from meterbook.services.corrections.payers import timelines
from meterbook.services.entries.controls import check_accountable
from meterbook.services.entries.listing import pages
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.noticing import latest_versions
from meterbook.services.entries.trying import persistently
from meterbook.services.meters.compiling import by_type
from meterbook.services.worker.sampling import decode_data, standing


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Iterator, Sequence
    from fractions import Fraction

    from meterbook.ports import (
        Appended,
        Clock,
        Effect,
        EntryQuery,
        Reader,
        Store,
        StoredEntry,
    )
    from meterbook.services.entries.listing import EventQuery
    from meterbook.services.meters.compiling import ActiveMeter


# Voids of one transaction: some 0.1 s.
VOID_BATCH_ENTRIES: Final = 1_000

# Whose places fit in memory easily. More is another kind of task: restore a backup.
VOID_ENTRIES_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsChange:
    """
    What a bulk void would do to one number.

    Attributes:
        customer: Whose.

        meter_key: Of which meter, in its latest version.

        scale: How many decimal places the natural unit has.

        units_before: Over the preview's period, in the smallest unit; None as in a
            reading.

        units_after: Likewise.
    """

    customer: str
    meter_key: str
    scale: int
    units_before: int | Fraction | None
    units_after: int | Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """
    What a bulk void would do.

    Attributes:
        matched_count: How many events match, void ones included: state it to void them.

        void_count: How many of those are void already, as far as the worker knows.

        first_at: The earliest of them, by `occurred_at`; None if there are none.

        last_at: The latest, likewise.

        period: Over which the changes are: the query's, or from the first to the last.

        changes: Every number that would not stay what it is, by customer and meter.
            Money follows from units by a plan's prices.
    """

    matched_count: int
    void_count: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    period: Period | None
    changes: tuple[UnitsChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkVoid:
    """
    What a bulk void did.

    Attributes:
        voided_count: How many events it voided.

        void_before_count: How many of the matching ones were void before.
    """

    voided_count: int
    void_before_count: int


class Voider:
    """
    The way to void many events at once.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def preview(self, query: EventQuery) -> Preview:
        """
        Return what voiding the numbered events of *query* would do. Changes nothing.

        What the worker has not posted yet is left out of the changes: work first.

        Raises:
            InvalidQueryError: If nothing is narrowed, or too many match.
        """
        _check_narrowed(query)
        now = to_moment(self._clock.now())
        with self._store.reading() as reader:
            matched = _matched(reader, query)
            if matched.count == 0:
                return Preview(
                    matched_count=0,
                    void_count=0,
                    first_at=None,
                    last_at=None,
                    period=None,
                    changes=(),
                )
            period = _period(query, matched)
            return Preview(
                matched_count=matched.count,
                void_count=matched.void_count,
                first_at=to_moment(matched.first_at),
                last_at=to_moment(matched.last_at),
                period=period,
                changes=tuple(_changes(reader, matched, period, now)),
            )

    def void_where(
        self,
        query: EventQuery,
        *,
        actor: str,
        reason: str,
        expected_count: int,
        progress: Callable[[int], None] | None = None,
    ) -> BulkVoid:
        """
        Void the numbered events of *query*, in batches of VOID_BATCH_ENTRIES.

        Stopped half way, it can be started again with the same arguments.

        Args:
            query: Which events.

            actor: Who says so, by name.

            reason: Why.

            expected_count: The *matched_count* of the preview.

            progress: Called after each batch with how many were looked at.

        Raises:
            InvalidQueryError: If another number matches; nothing was changed. Also if
                nothing is narrowed, or *actor* or *reason* is missing.
        """
        check_accountable(actor=actor, reason=reason)
        _check_narrowed(query)
        with self._store.reading() as reader:
            matched = _matched(reader, query)
            resolved = query.resolved(reader, kind=EVENT)
        if matched.count != expected_count:
            message = (
                f"{matched.count:,} events match, {expected_count:,} were expected: "
                "nothing was changed. Look at the preview again."
            )
            raise InvalidQueryError(message)

        voided = done = after = 0
        while resolved is not None and done < matched.count:
            page = self._page(resolved, after, matched)
            voided += self._void(page, actor, reason)
            done, after = done + len(page), page[-1].seq or 0
            if progress is not None:
                progress(done)
        return BulkVoid(voided_count=voided, void_before_count=done - voided)

    def void_entries(
        self,
        targets: Sequence[StoredEntry],
        *,
        actor: str,
        reason: str,
        progress: Callable[[int], None] | None = None,
    ) -> BulkVoid:
        """
        Void *targets*, events that somebody has chosen, in batches.

        Args:
            targets: Numbered events.

            actor: Who says so, by name.

            reason: Why.

            progress: Called after each batch with how many were looked at.

        Raises:
            InvalidQueryError: If *actor* or *reason* is missing.
        """
        check_accountable(actor=actor, reason=reason)
        voided = 0
        for start in range(0, len(targets), VOID_BATCH_ENTRIES):
            batch = targets[start : start + VOID_BATCH_ENTRIES]
            voided += self._void(batch, actor, reason)
            if progress is not None:
                progress(start + len(batch))
        return BulkVoid(voided_count=voided, void_before_count=len(targets) - voided)

    def _page(
        self, query: EntryQuery, after: int, matched: _Matched
    ) -> list[StoredEntry]:
        """
        Return the next matching events, none that came after they were counted.
        """
        limit = VOID_BATCH_ENTRIES
        with self._store.reading() as reader:
            page = reader.entries(query, after=after, limit=limit)
        return [entry for entry in page if (entry.seq or 0) <= matched.last_place]

    def _void(self, targets: Sequence[StoredEntry], actor: str, reason: str) -> int:
        """
        Void *targets* in one transaction; return how many were not void before.
        """
        now = self._clock.now()

        def append() -> Appended:
            with self._store.writing() as writer:
                actor_id = named_now(writer, {actor})[actor]
                rows = [
                    void_row(target, actor_id=actor_id, reason=reason, now=now)
                    for target in targets
                ]
                appended = writer.append(rows)
                if len(appended.known) == len(rows):
                    writer.unname_people([actor_id])
                return appended

        appended = persistently(append)
        return len(targets) - len(appended.known)


class _Payer(NamedTuple):
    """
    What says who pays for an event: its customer, or else its subject.
    """

    type: str
    customer: str | None
    subject_id: int | None


@dataclass(slots=True)
class _Matched:
    """
    What matches a query.

    Attributes:
        places: Of all of it.

        payers: What says who pays for them; subjects only where no customer is stated.
    """

    count: int = 0
    void_count: int = 0
    first_at: int = 0
    last_at: int = 0
    last_place: int = 0
    places: set[int] = field(default_factory=set)
    payers: set[_Payer] = field(default_factory=set)

    def add(self, entry: StoredEntry) -> None:
        """
        Count *entry* in.
        """
        assert entry.seq is not None
        at = entry.occurred_at
        self.first_at = min(self.first_at, at) if self.count else at
        self.last_at = max(self.last_at, at) if self.count else at
        self.count += 1
        self.last_place = entry.seq
        self.places.add(entry.seq)
        if entry.customer is not None:
            self.payers.add(_Payer(entry.type, entry.customer, None))
        elif entry.subject_id is not None:
            self.payers.add(_Payer(entry.type, None, entry.subject_id))


def _matched(reader: Reader, query: EventQuery) -> _Matched:
    """
    Return what matches, in one pass over it.

    Raises:
        InvalidQueryError: If it is more than VOID_ENTRIES_MAX.
    """
    matched = _Matched()
    resolved = query.resolved(reader, kind=EVENT)
    if resolved is None:
        return matched

    for page in pages(reader, resolved, size=VOID_BATCH_ENTRIES):
        for entry in page:
            matched.add(entry)
        matched.void_count += len(reader.voided([entry.entry_id for entry in page]))
        if matched.count > VOID_ENTRIES_MAX:
            message = (
                f"More than {VOID_ENTRIES_MAX:,} events match: narrow the query, and "
                "void them in parts."
            )
            raise InvalidQueryError(message)
    return matched


def _check_narrowed(query: EventQuery) -> None:
    if query.is_everything:
        message = "Say which events: voiding all of a book is not a correction."
        raise InvalidQueryError(message)


def _period(query: EventQuery, matched: _Matched) -> Period:
    """
    Return the stretch over which numbers are compared.
    """
    start = matched.first_at if query.start is None else to_micros(query.start)
    end = matched.last_at + 1 if query.end is None else to_micros(query.end)
    return Period.between(start, end)


def _changes(
    reader: Reader, matched: _Matched, period: Period, now: dt.datetime
) -> Iterator[UnitsChange]:
    """
    Yield each number of *period* that would change, by customer and meter.
    """
    meters = by_type(latest_versions(reader))
    marks = reader.marks()
    as_of = AsOf(marks.posted, now)
    affected = _customers_by_type(reader, matched)
    pairs = [
        (customer, meter.meter.key, meter)
        for type_, customers in affected.items()
        for meter in meters.get(type_, ())
        for customer in customers
    ]
    for customer, _, meter in sorted(pairs, key=lambda pair: pair[:2]):
        question = Question(
            customer_key=customer,
            meter=meter.meter,
            meter_version=meter.version,
            period=period,
            as_of=as_of,
        )
        change = _change(reader, matched, meter, question)
        if change.units_before != change.units_after:
            yield change


def _customers_by_type(reader: Reader, matched: _Matched) -> dict[str, set[str]]:
    """
    Return who pays for what matches, by the type of event.
    """
    subjects = {one.subject_id for one in matched.payers if one.subject_id is not None}
    owners = timelines(reader.attributions(subjects)) if subjects else {}
    found: dict[str, set[str]] = defaultdict(set)
    for one in matched.payers:
        customer = one.customer
        if customer is None and one.subject_id is not None:
            # Whoever was given it at any time: the numbers tell whose it is.
            found[one.type] |= {
                said.customer
                for said in owners.get(one.subject_id, ())
                if said.customer is not None
            }
        elif customer is not None:
            found[one.type].add(customer)
    return found


def _change(
    reader: Reader, matched: _Matched, meter: ActiveMeter, question: Question
) -> UnitsChange:
    """
    Read a number with what matches and without it.
    """
    customer, period = question.customer_key, question.period
    effects = standing(
        reader.effects(
            customer=customer,
            type_=meter.meter.event_type,
            start=INSTANT_MIN if meter.is_level else period.start_us,
            end=period.end_us,
            upto=question.as_of.place or 0,
        )
    )
    facts = [_fact(effect, meter.meter.event_type) for effect in effects]
    left = [fact for fact in facts if fact.seq not in matched.places]
    return UnitsChange(
        customer=customer,
        meter_key=meter.meter.key,
        scale=meter.meter.scale,
        units_before=read_facts(question, facts).units,
        units_after=read_facts(question, left).units,
    )


def _fact(effect: Effect, type_: str) -> Fact:
    return Fact(
        occurred_at=effect.occurred_at,
        seq=effect.place,
        data=decode_data(effect.data),
        envelope=Envelope(effect.source, type_, effect.subject_id, effect.actor_id),
    )
