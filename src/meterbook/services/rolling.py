"""
Rollups: what the meters say of each UTC hour, day and month, kept for cheap reads.

For every customer and meter version there is one row for an hour and one for a day that
have events, for all groups together and for each group; and for unique meters one row
for a key and month. A rollup affects cost, never meaning: it is the fold of the effects
up to the place that the meter is rolled to, and can be dropped and built again.

::

    new events, in order     merged into the rows that are there
    a late level             its hour is folded anew from effects, its day from hours
    a void, an attribution   likewise, and the month of a unique meter

Additions are merged because that costs one look at a row for many events; what cannot
be undone by arithmetic (the peak of what is left when one level is void) is folded
anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

from meterbook.foundation.instants import DAY, HOUR, day_of, hour_of, month_of
from meterbook.metering import levels
from meterbook.ports import Bucket
from meterbook.services.compiling import read_state, write_state
from meterbook.services.sampling import Observed, facts_of, observe, observe_effects


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meterbook.metering.tallies import State
    from meterbook.ports import Follower, Posting, StoredEntry
    from meterbook.services.compiling import ActiveMeter

# The key of a rollup row: meter_id, customer, grouped, hours, bucket, group.
Key: TypeAlias = tuple[int, str, int, int, int, str]

# A customer's hour, day or month, of all groups: customer, start.
Stretch: TypeAlias = tuple[str, int]


def observe_all(
    meters: Mapping[str, Sequence[ActiveMeter]],
    events: Iterable[tuple[StoredEntry, str]],
) -> dict[ActiveMeter, Observed]:
    """
    Return what each of *meters* makes of (entry, payer) pairs.

    Needs no database, so it can be done while one is busy.
    """
    events_by_type: dict[str, list[tuple[StoredEntry, str]]] = {}
    for event in events:
        events_by_type.setdefault(event[0].type, []).append(event)
    found: dict[ActiveMeter, Observed] = {}
    for type_, readers in meters.items():
        facts = facts_of(events_by_type.get(type_, ()))
        for meter in readers:
            found[meter] = observe(meter, facts)
    return found


def roll(
    follower: Follower,
    observed: Mapping[ActiveMeter, Observed],
    *,
    corrections: Iterable[Posting],
    upto: int,
) -> None:
    """
    Bring the rollups of the meters in *observed* from the place they are at to *upto*.

    Args:
        follower: The worker's transaction.

        observed: What each meter made of the events placed since then. All meters are
            rolled up to the same place.

        corrections: What voids and attributions did since then.

        upto: The place to roll to. Effects up to it are posted.
    """
    corrected: dict[str, list[Posting]] = {}
    for posting in corrections:
        corrected.setdefault(posting.type, []).append(posting)
    for meter, of_meter in observed.items():
        run = _Run(follower=follower, meter=meter, upto=upto)
        run.mark_corrected(corrected.get(meter.meter.event_type, ()))
        run.add(of_meter)
        run.refold()


@dataclass(slots=True, kw_only=True)
class _Run:
    """
    One run of the worker over one meter, and what it must fold anew.

    Attributes:
        stale_hours: Hours to fold from effects.

        stale_days: Days to merge from their hours.

        stale_months: Months of a unique meter to look through anew.
    """

    follower: Follower
    meter: ActiveMeter
    upto: int
    stale_hours: set[Stretch] = field(default_factory=set)
    stale_days: set[Stretch] = field(default_factory=set)
    stale_months: set[Stretch] = field(default_factory=set)

    def mark_corrected(self, corrections: Iterable[Posting]) -> None:
        """
        Mark what a void or an attribution touched: additions cannot mend it.
        """
        for posting in corrections:
            at = posting.occurred_at
            self.stale_hours.add((posting.customer, hour_of(at)))
            if self.meter.is_unique:
                self.stale_months.add((posting.customer, month_of(at)[0]))

    def add(self, observed: Observed) -> None:
        """
        Merge what was observed into the rows there are, where order allows.
        """
        meter_id = self.meter.meter_id
        self.follower.add_unusable(
            (meter_id, place, reason) for place, reason in observed.unusable
        )
        hours = {
            (meter_id, customer, grouped, 1, hour, grp): state
            for customer, grouped, hour, grp, state in observed.states(self.meter)
            if (customer, hour) not in self.stale_hours
        }
        merged = self._merged(hours, self.stale_hours)
        merged |= self._merged(self._by_day(hours), self.stale_days)
        self._put(merged)
        self.follower.widen_sightings(
            [
                sighting
                for sighting in observed.sightings(meter_id)
                if (sighting.customer, sighting.month) not in self.stale_months
            ]
        )

    def _by_day(self, hours: Mapping[Key, State]) -> dict[Key, State]:
        """
        Return what the fresh *hours* add to each day, but for days to merge anew.
        """
        for customer, hour in self.stale_hours:
            self.stale_days.add((customer, day_of(hour)))

        merge = self.meter.merge
        days: dict[Key, State] = {}
        for key in sorted(hours, key=itemgetter(4)) if self.meter.is_level else hours:
            meter_id, customer, grouped, _, hour, grp = key
            day = hour - hour % DAY
            if (customer, day) not in self.stale_days:
                of_day = (meter_id, customer, grouped, 24, day, grp)
                state = merge(days.get(of_day), hours[key])
                assert state is not None
                days[of_day] = state
        return days

    def _merged(
        self, fresh: Mapping[Key, State], stale: set[Stretch]
    ) -> dict[Key, State]:
        """
        Return the rows of *fresh*, each merged with the one that is stored.

        A level that is not later than the stored ones makes its stretch *stale*.
        """
        merged = dict(fresh)
        for key, text in self.follower.states(fresh.keys()).items():
            known = read_state(text)
            if self.meter.is_level and not levels.follows(known, fresh[key]):
                stale.add((key[1], key[4]))
                continue
            state = self.meter.merge(known, fresh[key])
            assert state is not None
            merged[key] = state
        return merged

    def _put(self, states: Mapping[Key, State]) -> None:
        self.follower.put_buckets(
            [Bucket(*key, write_state(states[key])) for key in sorted(states)]
        )

    def refold(self) -> None:
        """
        Fold stale hours from effects, stale days from hours, stale months from effects.
        """
        for customer, hour in sorted(self.stale_hours):
            self._refold_hour(customer, hour)
            self.stale_days.add((customer, day_of(hour)))
        for customer, day in sorted(self.stale_days):
            self._remerge_day(customer, day)
        for customer, month in sorted(self.stale_months):
            self._relook_month(customer, month)

    def _observe(self, customer: str, start: int, end: int) -> Observed:
        effects = self.follower.effects(
            customer=customer,
            type_=self.meter.meter.event_type,
            start=start,
            end=end,
            upto=self.upto,
        )
        return observe_effects(self.meter, customer, effects, origin=0)

    def _refold_hour(self, customer: str, hour: int) -> None:
        observed = self._observe(customer, hour, hour + HOUR)
        self._drop(customer, 1, hour)
        self._put(
            {
                (self.meter.meter_id, customer, grouped, 1, hour, grp): state
                for _, grouped, _, grp, state in observed.states(self.meter)
            }
        )

    def _remerge_day(self, customer: str, day: int) -> None:
        states: dict[Key, State] = {}
        for grouped in (0, 1):
            for row in self.follower.buckets(
                meter_id=self.meter.meter_id,
                customer=customer,
                grouped=grouped,
                hours=1,
                start=day,
                end=day + DAY,
            ):
                key = (self.meter.meter_id, customer, grouped, 24, day, row.grp)
                state = self.meter.merge(states.get(key), read_state(row.state))
                assert state is not None
                states[key] = state
        self._drop(customer, 24, day)
        self._put(states)

    def _drop(self, customer: str, hours: int, bucket: int) -> None:
        self.follower.drop_buckets(
            meter_id=self.meter.meter_id,
            customer=customer,
            hours=hours,
            bucket=bucket,
        )

    def _relook_month(self, customer: str, month: int) -> None:
        meter_id = self.meter.meter_id
        observed = self._observe(customer, *month_of(month))
        self.follower.drop_sightings(meter_id=meter_id, customer=customer, month=month)
        self.follower.widen_sightings(list(observed.sightings(meter_id)))
