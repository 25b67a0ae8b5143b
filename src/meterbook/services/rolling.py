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

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from meterbook.foundation.instants import DAY, HOUR, day_of, month_of
from meterbook.metering import levels
from meterbook.metering.uniques import sight
from meterbook.ports import Bucket, Sighting
from meterbook.services.compiling import read_state, write_state
from meterbook.services.sampling import Observed, observe_effects, observe_events


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meterbook.metering.tallies import State
    from meterbook.ports import Follower, Posting, StoredEntry
    from meterbook.services.compiling import ActiveMeter

# (meter_id, customer, grouped, hours, bucket, grp): the key of a rollup row
Key: TypeAlias = tuple[int, str, int, int, int, str]

# (meter_id, customer, bucket): an hour, a day or a month of all groups
Stretch: TypeAlias = tuple[int, str, int]


def roll(
    follower: Follower,
    meters: Mapping[str, Sequence[ActiveMeter]],
    *,
    events: Iterable[tuple[StoredEntry, str]],
    corrections: Iterable[Posting],
    upto: int,
) -> None:
    """
    Bring the rollups of *meters* from the place they are at to *upto*.

    Args:
        follower: The worker's transaction.

        meters: By event type. All are rolled up to the same place.

        events: (entry, payer) of the events placed since then.

        corrections: What voids and attributions did since then.

        upto: The place to roll to. Effects up to it are posted.
    """
    run = _Run(follower=follower, meters=meters, upto=upto)
    observed = observe_events(meters, events)
    follower.add_unusable(observed.unusable)
    run.mark_corrected(corrections)
    run.add_hours(observed)
    run.add_sightings(observed)
    run.refold()


@dataclass(slots=True, kw_only=True)
class _Run:
    """
    One run of the worker over some meters, and what it must fold anew.

    Attributes:
        stale_hours: Hours to fold from effects.

        stale_days: Days to merge from their hours.

        stale_months: Months of unique meters to look through anew.
    """

    follower: Follower
    meters: Mapping[str, Sequence[ActiveMeter]]
    upto: int
    stale_hours: set[Stretch] = field(default_factory=set)
    stale_days: set[Stretch] = field(default_factory=set)
    stale_months: set[Stretch] = field(default_factory=set)

    def mark_corrected(self, corrections: Iterable[Posting]) -> None:
        """
        Mark what a void or an attribution touched: additions cannot mend it.
        """
        for posting in corrections:
            hour = posting.occurred_at - posting.occurred_at % HOUR
            for meter in self.meters.get(posting.type, ()):
                self.stale_hours.add((meter.meter_id, posting.customer, hour))
                if meter.is_unique:
                    month, _ = month_of(posting.occurred_at)
                    self.stale_months.add((meter.meter_id, posting.customer, month))

    def add_hours(self, observed: Observed) -> None:
        """
        Merge the samples of each hour into its row and its day's, where order allows.
        """
        fresh: dict[Key, State] = {}
        for (meter, customer, grouped, hour, grp), samples in observed.samples.items():
            if (meter.meter_id, customer, hour) in self.stale_hours:
                continue
            samples.sort()
            state = meter.fold(samples)
            assert state is not None
            fresh[meter.meter_id, customer, grouped, 1, hour, grp] = state

        folds = {meter.meter_id: meter for meter, *_ in observed.samples}
        merged = self._merge(fresh, folds, self.stale_hours)
        days = self._by_day(fresh, folds)
        merged |= self._merge(days, folds, self.stale_days)
        self._put(merged)

    def _by_day(
        self, hours: Mapping[Key, State], folds: Mapping[int, ActiveMeter]
    ) -> dict[Key, State]:
        """
        Return what the fresh *hours* add to each day, but for days to merge anew.
        """
        for meter_id, customer, hour in self.stale_hours:
            self.stale_days.add((meter_id, customer, day_of(hour)))
        days: dict[Key, State] = {}
        for key in sorted(hours):
            meter_id, customer, grouped, _, hour, grp = key
            day = day_of(hour)
            if (meter_id, customer, day) in self.stale_days:
                continue
            of_day = (meter_id, customer, grouped, 24, day, grp)
            state = folds[meter_id].merge(days.get(of_day), hours[key])
            assert state is not None
            days[of_day] = state
        return days

    def _merge(
        self,
        fresh: Mapping[Key, State],
        folds: Mapping[int, ActiveMeter],
        stale: set[Stretch],
    ) -> dict[Key, State]:
        """
        Return the rows of *fresh*, each merged with the one that is stored.

        A level that is not later than the stored ones makes its stretch *stale*.
        """
        stored = self.follower.states(fresh.keys())
        merged: dict[Key, State] = {}
        for key, state in fresh.items():
            meter = folds[key[0]]
            before = stored.get(key)
            if before is None:
                merged[key] = state
                continue
            known = read_state(before)
            if meter.is_level and not levels.follows(known, state):
                stale.add((key[0], key[1], key[4]))
                continue
            both = meter.merge(known, state)
            assert both is not None
            merged[key] = both
        return merged

    def _put(self, states: Mapping[Key, State]) -> None:
        self.follower.put_buckets(
            [Bucket(*key, write_state(states[key])) for key in sorted(states)]
        )

    def add_sightings(self, observed: Observed) -> None:
        """
        Widen the sightings of keys, but of months that are looked through anew.
        """
        self.follower.widen_sightings(
            [
                sighting
                for sighting in sightings_of(observed)
                if (sighting.meter_id, sighting.customer, sighting.month)
                not in self.stale_months
            ]
        )

    def refold(self) -> None:
        """
        Fold stale hours from effects, stale days from hours, stale months from effects.
        """
        by_id = {m.meter_id: m for meters in self.meters.values() for m in meters}
        for stretch in sorted(self.stale_hours):
            self._refold_hour(by_id[stretch[0]], stretch)
            self.stale_days.add((stretch[0], stretch[1], day_of(stretch[2])))
        for stretch in sorted(self.stale_days):
            self._remerge_day(by_id[stretch[0]], stretch)
        for stretch in sorted(self.stale_months):
            self._relook_month(by_id[stretch[0]], stretch)

    def _effects(
        self, meter: ActiveMeter, customer: str, start: int, end: int
    ) -> Observed:
        effects = self.follower.effects(
            customer=customer,
            type_=meter.meter.event_type,
            start=start,
            end=end,
            upto=self.upto,
        )
        return observe_effects(meter, customer, effects, origin=0)

    def _refold_hour(self, meter: ActiveMeter, stretch: Stretch) -> None:
        _, customer, hour = stretch
        observed = self._effects(meter, customer, hour, hour + HOUR)
        self.follower.drop_buckets(
            meter_id=meter.meter_id, customer=customer, hours=1, bucket=hour
        )
        states: dict[Key, State] = {}
        for (_, _, grouped, _, grp), samples in observed.samples.items():
            samples.sort()
            state = meter.fold(samples)
            assert state is not None
            states[meter.meter_id, customer, grouped, 1, hour, grp] = state
        self._put(states)

    def _remerge_day(self, meter: ActiveMeter, stretch: Stretch) -> None:
        _, customer, day = stretch
        self.follower.drop_buckets(
            meter_id=meter.meter_id, customer=customer, hours=24, bucket=day
        )
        states: dict[Key, State] = {}
        for grouped in (0, 1):
            for row in self.follower.buckets(
                meter_id=meter.meter_id,
                customer=customer,
                grouped=grouped,
                hours=1,
                start=day,
                end=day + DAY,
            ):
                key = (meter.meter_id, customer, grouped, 24, day, row.grp)
                state = meter.merge(states.get(key), read_state(row.state))
                assert state is not None
                states[key] = state
        self._put(states)

    def _relook_month(self, meter: ActiveMeter, stretch: Stretch) -> None:
        _, customer, month = stretch
        observed = self._effects(meter, customer, *month_of(month))
        self.follower.drop_sightings(
            meter_id=meter.meter_id, customer=customer, month=month
        )
        self.follower.widen_sightings(list(sightings_of(observed)))


def sightings_of(observed: Observed) -> Iterable[Sighting]:
    """
    Yield what *observed* saw of each key in each month, in order of the rows' key.
    """
    seen: dict[tuple[int, str, int, int, str, str], tuple[int, int]] = {}
    months: dict[int, int] = defaultdict()
    for (meter, customer, grouped, grp, key), moments in observed.keys.items():
        for at in moments:
            day = at - at % DAY
            month = months.get(day)
            if month is None:
                month = months[day] = month_of(day)[0]
            of_key = (meter.meter_id, customer, grouped, month, grp, key)
            seen[of_key] = sight(seen.get(of_key), at)
    for of_key in sorted(seen):
        yield Sighting(*of_key, *seen[of_key])
