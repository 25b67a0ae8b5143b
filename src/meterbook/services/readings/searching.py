"""
Finding what a meter read: from days, hours and edges, or from the entries themselves.

::

    period      [----------------------------------------------------)
                |edge|hour|hour|      day      |  day  |hour|hour|edge|
                 raw  rows      row             row     rows      raw

Rollup rows answer for whole UTC hours and days up to the place that the meter is rolled
to; the edges, and hours that the tail adds to, are folded from entries. Where rollups
cannot answer (an older place, a meter that lags, a void in the tail) everything is
folded from entries: the same answer at the price of the period's entries. Members have
no rollups: they are folded over their whole history (`services.levelling`).

Laws (tests/stores/test_promise.py):
    - *Cost, never meaning*: with rollups dropped every answer is the same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meterbook.foundation.instants import HOUR, hour_of
from meterbook.metering.aggregations import Aggregation
from meterbook.metering.readings import Partial
from meterbook.metering.uniques import sort_out
from meterbook.services.meters.compiling import read_state
from meterbook.services.readings.stretches import (
    DAY_ROWS,
    EFFECTS,
    HOUR_ROWS,
    stretches,
)
from meterbook.services.seats.levelling import began_at, find_members
from meterbook.services.worker.sampling import Observed, observe_effects


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meterbook.metering.readings import Question
    from meterbook.metering.tallies import State
    from meterbook.ports import Bucket, Effect
    from meterbook.services.meters.compiling import ActiveMeter
    from meterbook.services.readings.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class Piece:
    """
    The state of one stretch of time: a day, an hour, or what of an hour is asked for.

    Attributes:
        at: Where the stretch begins.

        state: What the meter's fold keeps of it.

        rolled: Whether a rollup row said so.
    """

    at: int
    state: State
    rolled: bool


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a search found, by (grouped, group).

    Attributes:
        pieces: In the order they were read, not of time.

        keys: Of unique meters.

        key_counts: Of unique meters, where only their number was asked.

        carried: Of levels: (when it began, how much) just before the period.

        known_since: Of levels: when the first one was.
    """

    pieces: dict[tuple[int, str], list[Piece]] = field(
        default_factory=lambda: defaultdict(list)
    )
    keys: dict[tuple[int, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    key_counts: dict[tuple[int, str], int] = field(default_factory=dict)
    carried: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    known_since: dict[tuple[int, str], int] = field(default_factory=dict)


def find(
    snapshot: Snapshot,
    meter: ActiveMeter,
    rolled: int,
    question: Question,
    *,
    which_keys: bool = False,
) -> tuple[Partial, list[Partial]]:
    """
    Return what *meter* read of the question's period: of all, and of each group.

    Args:
        snapshot: Where to look.

        meter: The question's meter.

        rolled: The place up to which it is rolled.

        question: What is asked. Its place is the snapshot's.

        which_keys: Whether to say which keys a unique meter saw, not only how many.
    """
    if meter.is_members:
        return find_members(snapshot, meter, question)

    search = _Search(
        snapshot=snapshot, meter=meter, question=question, which_keys=which_keys
    )
    if snapshot.answers_for(rolled) and not search.tail_corrects():
        search.by_rollups()
    else:
        search.by_entries()
    return search.partials()


def find_carried(
    snapshot: Snapshot, meter: ActiveMeter, rolled: int, question: Question
) -> dict[str, int]:
    """
    Return, by group, when the level began that the period begins with.

    Args:
        snapshot: Where to look.

        meter: A meter that reads levels.

        rolled: The place up to which it is rolled.

        question: What is asked.
    """
    if meter.is_members:
        return began_at(snapshot, meter, question)

    search = _Search(snapshot=snapshot, meter=meter, question=question)
    if snapshot.answers_for(rolled) and not search.tail_corrects():
        search.carry_rolled()
    else:
        search.by_entries()
    wanted = max(search.grouped)
    return {
        grp: at
        for (grouped, grp), (at, _) in search.found.carried.items()
        if grouped == wanted
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    snapshot: Snapshot
    meter: ActiveMeter
    question: Question
    which_keys: bool = False
    found: Found = field(default_factory=Found)

    # -- what is asked ------------------------------------------------------------

    @property
    def customer(self) -> str:
        return self.question.customer_key

    @property
    def start(self) -> int:
        return self.question.period.start_us

    @property
    def until(self) -> int:
        """
        The first moment that is not read: the period's end, or just after as-of.
        """
        return max(self.start, self.question.read_until)

    @property
    def after_as_of(self) -> int:
        return self.question.as_of.moment_us + 1

    @property
    def carried_until(self) -> int:
        """
        The first moment that is not carried in: the period's start, or after as-of.

        A period may be asked for that begins only after as-of.
        """
        return min(self.start, self.after_as_of)

    @property
    def grouped(self) -> tuple[int, ...]:
        """
        Which rows to read: of all together, and of the groups where they are needed.
        """
        meter = self.question.meter
        return (0, 1) if self.question.by or meter.whole_from_groups else (0,)

    @property
    def by_hour(self) -> bool:
        return self.question.meter.aggregation is Aggregation.PERCENTILE

    # -- the tail -----------------------------------------------------------------

    def tail(self) -> list[Effect]:
        type_ = self.question.meter.event_type
        return self.snapshot.tail(self.customer).effects.get(type_, [])

    def tail_corrects(self) -> bool:
        """
        Tell whether the tail voids or moves something that may be in the rollups.

        They cannot be undone, nor do they say at which place their last level was: an
        event that an attribution brings may be earlier in the book than that one.
        """
        return any(
            effect.sign < 0 or effect.seq != effect.place for effect in self.tail()
        )

    # -- by entries ---------------------------------------------------------------

    def by_entries(self) -> None:
        """
        Fold everything from effects.
        """
        inside = self.observe(self.start, self.until)
        self.take(inside)
        if not self.meter.is_level:
            return

        first = self.first_effect_at()
        if first is None:
            return
        before = self.observe(min(first, self.start), self.carried_until)
        self.carry(before)
        self.know(before)
        self.know(inside)
        if not self.found.known_since:
            self.know(self.observe(max(self.until, first), self.after_as_of))

    def first_effect_at(self) -> int | None:
        """
        Return when the first effect is, posted or in the tail.
        """
        posted = self.snapshot.reader.first_effect_at(
            customer=self.customer, type_=self.question.meter.event_type
        )
        moments = [effect.occurred_at for effect in self.tail()]
        if posted is not None:
            moments.append(posted)
        return min(moments, default=None)

    def observe(self, start: int, end: int) -> Observed:
        """
        Observe what stands of the effects in [*start*, *end*), the tail's included.
        """
        if start >= end:
            return Observed()
        posted = self.snapshot.reader.effects(
            customer=self.customer,
            type_=self.question.meter.event_type,
            start=start,
            end=end,
            upto=self.snapshot.upto,
        )
        tail = [effect for effect in self.tail() if start <= effect.occurred_at < end]
        origin = self.start if self.by_hour else 0
        return observe_effects(
            self.meter, self.customer, [*posted, *tail], origin=origin
        )

    def take(self, observed: Observed) -> None:
        """
        Add the samples and keys of the period to what was found.
        """
        for _, grouped, hour, grp, state in observed.states(self.meter):
            self.found.pieces[grouped, grp].append(Piece(hour, state, rolled=False))
        for _, grouped, _, grp, key in observed.seen:
            self.found.keys[grouped, grp].add(key)

    # -- by rollups ---------------------------------------------------------------

    def by_rollups(self) -> None:
        """
        Read rollup rows where they answer, and effects where they do not.
        """
        fresh = {hour_of(effect.occurred_at) for effect in self.tail()}
        for hours, start, end in stretches(
            self.start,
            self.until,
            fresh=fresh,
            widest=self.widest(),
        ):
            if hours:
                self.take_rows(hours, start, end)
            else:
                self.take(self.observe(start, end))
        if self.meter.is_unique:
            self.count_keys()
        if self.meter.is_level:
            self.carry_rolled()

    def widest(self) -> int:
        """
        Return which rows may answer: a percentile needs the period's own hours.
        """
        if not self.by_hour:
            return DAY_ROWS
        return HOUR_ROWS if self.start % HOUR == 0 else EFFECTS

    def take_rows(self, hours: int, start: int, end: int) -> None:
        for grouped in self.grouped:
            for row in self.snapshot.reader.buckets(
                meter_id=self.meter.meter_id,
                customer=self.customer,
                grouped=grouped,
                hours=hours,
                start=start,
                end=end,
            ):
                piece = Piece(row.bucket, read_state(row.state), rolled=True)
                self.found.pieces[grouped, row.grp].append(piece)

    def count_keys(self) -> None:
        """
        Find the keys: by their sightings, or by effects where those cannot tell.
        """
        if self.grouped == (0,) and not self.which_keys and not self.tail():
            sure, unsure = self.snapshot.reader.count_sightings(
                meter_id=self.meter.meter_id,
                customer=self.customer,
                start=self.start,
                end=self.until,
            )
            if not unsure:
                self.found.key_counts[0, ""] = sure
                return
        self.collect_keys()

    def collect_keys(self) -> None:
        """
        Find which keys there are, of all together and of each group.
        """
        rows = defaultdict(list)
        for grouped in self.grouped:
            for seen in self.snapshot.reader.sightings(
                meter_id=self.meter.meter_id,
                customer=self.customer,
                grouped=grouped,
                start=self.start,
                end=self.until,
            ):
                row = (seen.key, seen.first_at, seen.last_at)
                rows[grouped, seen.grp].append(row)
        unsure = False
        for of, seen_rows in rows.items():
            keys, open_ = sort_out(seen_rows, start=self.start, end=self.until)
            self.found.keys[of] |= keys
            unsure = unsure or bool(open_)
        if unsure or self.tail():
            for _, grouped, _, grp, key in self.observe(self.start, self.until).seen:
                self.found.keys[grouped, grp].add(key)

    def carry_rolled(self) -> None:
        """
        Find what is carried in, and since when a level is known, by rollup rows.
        """
        hour = hour_of(self.carried_until)
        for grouped in self.grouped:
            self.carry_rows(
                self.snapshot.reader.last_buckets(
                    meter_id=self.meter.meter_id,
                    customer=self.customer,
                    grouped=grouped,
                    before=hour,
                )
            )
            for row in self.snapshot.reader.first_buckets(
                meter_id=self.meter.meter_id, customer=self.customer, grouped=grouped
            ):
                self.since((grouped, row.grp), read_state(row.state)[3])
        self.carry(self.observe(hour, self.carried_until))
        earlier = [e for e in self.tail() if e.occurred_at < hour]
        self.carry(self.observe_tail(earlier))
        self.know(self.observe_tail(self.tail()))

    def carry_rows(self, rows: Iterable[Bucket]) -> None:
        """
        Carry in the last level of each of *rows*.
        """
        for row in rows:
            state = read_state(row.state)
            self.found.carried[row.grouped, row.grp] = (state[4], state[5])

    def observe_tail(self, effects: Sequence[Effect]) -> Observed:
        return observe_effects(self.meter, self.customer, effects, origin=0)

    # -- levels -------------------------------------------------------------------

    def carry(self, observed: Observed) -> None:
        """
        Carry in the latest of *observed*, if it is later than what is carried.
        """
        for grouped, grp, samples in observed.by_group():
            at, _, units = max(samples)
            before = self.found.carried.get((grouped, grp))
            if before is None or at >= before[0]:
                self.found.carried[grouped, grp] = (at, units)

    def know(self, observed: Observed) -> None:
        for grouped, grp, samples in observed.by_group():
            self.since((grouped, grp), min(samples)[0])

    def since(self, of: tuple[int, str], at: int) -> None:
        if at < self.after_as_of:
            known = self.found.known_since.get(of, at)
            self.found.known_since[of] = min(known, at)

    # -- what was found -----------------------------------------------------------

    def partials(self) -> tuple[Partial, list[Partial]]:
        found = self.found
        groups = {
            of
            for part in (found.pieces, found.keys, found.carried, found.known_since)
            for of in part
            if of[0] == 1
        }
        return self.partial((0, "")), [self.partial(of) for of in sorted(groups)]

    def partial(self, of: tuple[int, str]) -> Partial:
        pieces = sorted(self.found.pieces.get(of, ()), key=lambda piece: piece.at)
        rolled = sum(piece.state[0] for piece in pieces if piece.rolled)
        state: State | None = None
        hours: list[tuple[int, State]] = []
        if self.by_hour:
            hours = self.merged_hours(pieces)
        else:
            for piece in pieces:
                state = self.meter.merge(state, piece.state)
        carried = self.found.carried.get(of)
        return Partial(
            group=of[1],
            state=state,
            hours=hours,
            keys=self.found.key_counts.get(of, frozenset(self.found.keys.get(of, ()))),
            carried=None if carried is None else carried[1],
            known_since=self.found.known_since.get(of),
            rolled=rolled,
        )

    def merged_hours(self, pieces: Sequence[Piece]) -> list[tuple[int, State]]:
        """
        Return one state for each hour of the period.
        """
        hours: dict[int, State] = {}
        for piece in pieces:
            at = piece.at - (piece.at - self.start) % HOUR
            state = self.meter.merge(hours.get(at), piece.state)
            assert state is not None
            hours[at] = state
        return sorted(hours.items())
