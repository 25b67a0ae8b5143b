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

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Self, TypeAlias

from meterbook.foundation.instants import DAY, HOUR, day_of, hour_of, month_of
from meterbook.metering import levels
from meterbook.ports import Bucket
from meterbook.services.meters.compiling import read_state, write_state
from meterbook.services.worker.sampling import observe_effects


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meterbook.metering.tallies import State
    from meterbook.ports import Follower, Posting, Sighting
    from meterbook.services.meters.compiling import ActiveMeter
    from meterbook.services.worker.observing import Additions
    from meterbook.services.worker.sampling import Observed

# The key of a rollup row: meter_id, customer, grouped, hours, bucket, group.
Key: TypeAlias = tuple[int, str, int, int, int, str]

# A customer's hour, day or month, of all groups: customer, start.
Stretch: TypeAlias = tuple[str, int]


def roll(
    follower: Follower,
    additions: Iterable[Additions],
    *,
    corrections: Iterable[Posting],
    upto: int,
) -> None:
    """
    Bring the rollups of the meters in *additions* from where they are to *upto*.

    Args:
        follower: The worker's transaction.

        additions: What the events placed since then add for each meter. All meters are
            rolled up to the same place.

        corrections: What voids and attributions did since then.

        upto: The place to roll to. Effects up to it are posted.
    """
    corrected: dict[str, list[Posting]] = {}
    for posting in corrections:
        corrected.setdefault(posting.type, []).append(posting)
    runs = [
        _Run(follower=follower, meter=of_meter.meter, upto=upto, additions=of_meter)
        for of_meter in additions
    ]
    for run in runs:
        run.mark_corrected(corrected.get(run.meter.meter.event_type, ()))
    # The database writes the rows of one meter while those of the next are made ready.
    with ThreadPoolExecutor(max_workers=1) as beside:
        for _ in beside.map(_Run.write, map(_Run.prepared, runs)):
            pass


@dataclass(slots=True, kw_only=True)
class _Run:
    """
    One run of the worker over one meter, and what it must fold anew.

    Attributes:
        additions: What new events add.

        fresh: The same for each row: hours, and days merged from them.

        buckets: The rows to write, if there are none yet; likewise *sightings*.

        stale_hours: Hours to fold from effects.

        stale_days: Days to merge from their hours.

        stale_months: Months of a unique meter to look through anew.
    """

    follower: Follower
    meter: ActiveMeter
    upto: int
    additions: Additions
    fresh: dict[Key, State] = field(default_factory=dict)
    buckets: list[Bucket] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
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

    def prepared(self) -> Self:
        """
        Make the rows ready where additions are all that must be known.
        """
        meter_id = self.meter.meter_id
        self.fresh = {
            (meter_id, customer, grouped, 1, hour, grp): state
            for (customer, grouped, hour, grp), state in self.additions.hours()
            if (customer, hour) not in self.stale_hours
        }
        self.fresh |= self._by_day(self.fresh)
        self.buckets = [
            Bucket(*key, write_state(self.fresh[key])) for key in sorted(self.fresh)
        ]
        self.sightings = [
            sighting
            for sighting in self.additions.sightings()
            if (sighting.customer, sighting.month) not in self.stale_months
        ]
        return self

    def write(self) -> None:
        """
        Write what is ready, merged with the rows there are; fold anew what is stale.
        """
        meter_id = self.meter.meter_id
        known = self.follower.add_buckets(self.buckets)
        merged = map(self._merged, known)
        self.follower.put_buckets([bucket for bucket in merged if bucket is not None])
        self.follower.widen_sightings(self.sightings)
        self.follower.add_unusable(
            (meter_id, place, reason) for place, reason in self.additions.unusable
        )
        self.refold()

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

    def _merged(self, stored: Bucket) -> Bucket | None:
        """
        Return a row that was there, with what is fresh of it.

        None if levels in it are not later than the stored ones: its stretch is stale.
        """
        fresh, known = self.fresh[stored[:6]], read_state(stored.state)
        if self.meter.is_level and not levels.follows(known, fresh):
            stale = self.stale_hours if stored.hours == 1 else self.stale_days
            stale.add((stored.customer, stored.bucket))
            return None
        state = self.meter.merge(known, fresh)
        assert state is not None
        return stored._replace(state=write_state(state))

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
