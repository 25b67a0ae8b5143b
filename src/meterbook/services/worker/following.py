"""
The worker: numbers entries, posts their effects, and keeps the rollups.

::

    entries  --number-->  places  --post-->  postings  --roll-->  rollups
                          |    |               |                    |
                    numbered  extend         posted            rolled, by meter
                               |
                          Merkle tree

Each step is one transaction that moves a mark with what it wrote, so the worker can be
stopped anywhere, also by `kill -9`, and goes on where its last commit left it. There is
one worker for a book at a time; another one that tries finds it busy and answers so.

A meter that is defined later starts at place 0 and catches up in steps of its own,
while the others go on.
"""

from __future__ import annotations

import contextlib
import functools
import gc

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from meterbook.ports import EVENT
from meterbook.services.meters.compiling import by_type
from meterbook.services.proofs.proving import extend
from meterbook.services.worker.draining import drain
from meterbook.services.worker.observing import Additions, add_all
from meterbook.services.worker.posting import own_posting, place_of, post
from meterbook.services.worker.rolling import roll


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.ports import Follower, MeterRow, PaidEvent, Posting, Store
    from meterbook.services.worker.posting import Posted

# Large enough that a bucket which a thousand events touch is written once, small enough
# that a step takes about two seconds and what meters make of it fits in memory.
BATCH_ENTRIES_MAX = 100_000

# Of a step: large enough that a part costs little by itself, small enough that there
# are several for the database and the meters to work on in turn.
PART_ENTRIES_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    What one step of the worker did.

    Attributes:
        drained: How many changes that waited became entries.

        numbered: How many entries got a place.

        posted: How many entries were posted and rolled up.

        rolled: How many entries were rolled up for meters that lag behind.

        extended: How many entries were added to the Merkle tree.

        busy: Another worker has the book; nothing was done.
    """

    drained: int = 0
    numbered: int = 0
    posted: int = 0
    rolled: int = 0
    extended: int = 0
    busy: bool = False

    @property
    def idle(self) -> bool:
        """
        Tell whether there was nothing left to do.
        """
        return not (
            self.drained or self.posted or self.rolled or self.extended or self.busy
        )


def work_once(store: Store, *, entries_max: int = BATCH_ENTRIES_MAX) -> Step:
    """
    Do one step in one transaction and say what was done.

    Args:
        store: The book's store.

        entries_max: How many entries to post, and to roll up for meters that lag
            behind, at the most.
    """
    drained = drain(store, changes_max=entries_max)
    with store.following() as follower, _collector_paused():
        if follower is None:
            return Step(drained=drained, busy=True)

        numbered = follower.number()
        posted = _post(follower, entries_max)
        # Also where something new comes before every step, meters behind must catch up.
        room = entries_max - posted
        rolled = _roll_lagging(follower, room) if room else 0
        return Step(
            drained=drained,
            numbered=numbered,
            posted=posted,
            rolled=rolled,
            extended=extend(follower, entries_max=entries_max, more_to_post=room <= 0),
        )


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """
    Let the garbage collector rest while the block lasts, if it is on.

    A step makes some hundred thousand tuples that all live until its end, and none of
    them is in a cycle. Looking through them again and again was a quarter of its time.
    """
    if not gc.isenabled():
        yield
        return

    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def catch_up(
    store: Store,
    *,
    progress: Callable[[Step], None] | None = None,
    entries_max: int = BATCH_ENTRIES_MAX,
) -> Step:
    """
    Work until nothing is left, or another worker has the book.

    Args:
        store: The book's store.

        progress: Called after each step.

        entries_max: As of `work_once`.

    Returns:
        The sum of all steps.
    """
    total = Step()
    while True:
        step = work_once(store, entries_max=entries_max)
        total = Step(
            drained=total.drained + step.drained,
            numbered=total.numbered + step.numbered,
            posted=total.posted + step.posted,
            rolled=total.rolled + step.rolled,
            extended=total.extended + step.extended,
            busy=step.busy,
        )
        if step.idle or step.busy:
            return total
        if progress is not None:
            progress(step)


def _post(follower: Follower, entries_max: int) -> int:
    """
    Post the next entries and roll up the meters that are not behind.
    """
    marks = follower.marks()
    upto = min(marks.posted + entries_max, marks.numbered)
    if upto == marks.posted:
        return 0

    rows = [row for row in follower.meters() if row.rolled == marks.posted]
    done = _taken(follower, rows, _take_and_post, after=marks.posted, upto=upto)
    follower.count_types(done.types)
    roll(follower, done.additions, corrections=done.corrections, upto=upto)
    _set_rolled(follower, rows, upto)
    follower.set_posted(upto)
    return upto - marks.posted


def _roll_lagging(follower: Follower, entries_max: int) -> int:
    """
    Roll up the next entries for the meters that are furthest behind.
    """
    posted = follower.marks().posted
    meters = [row for row in follower.meters() if row.rolled < posted]
    if not meters:
        return 0

    after = min(row.rolled for row in meters)
    ahead = [row.rolled for row in meters if row.rolled > after]
    upto = min(after + entries_max, posted, *ahead)
    lagging = [row for row in meters if row.rolled == after]
    done = _taken(follower, lagging, _take, after=after, upto=upto)
    # Posted before: what corrections did is read back, not worked out again.
    corrections = follower.corrections(after=after, upto=upto)
    roll(follower, done.additions, corrections=corrections, upto=upto)
    _set_rolled(follower, lagging, upto)
    return upto - after


class _Taken(NamedTuple):
    """
    What a part of a step is.

    Attributes:
        events: Those that count when they are placed.

        corrections: What voids and attributions do.

        types: How many events there are by type, void ones included.
    """

    events: list[PaidEvent]
    corrections: list[Posting]
    types: Counter[str]


@dataclass(frozen=True, slots=True)
class _Done:
    """
    What a step is, and what it adds for each meter.
    """

    additions: list[Additions]
    corrections: list[Posting] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)


def _taken(
    follower: Follower,
    rows: Sequence[MeterRow],
    take: Callable[[Follower, int, int], _Taken],
    *,
    after: int,
    upto: int,
) -> _Done:
    """
    Take what is at the places above *after* and up to *upto*.

    It is taken in parts. While meters look at one, the database brings the next: two
    cores, one step.
    """
    additions = {
        type_: list(map(Additions, meters)) for type_, meters in by_type(rows).items()
    }
    done = _Done(list(chain.from_iterable(additions.values())))
    starts = range(after, upto, PART_ENTRIES_MAX)
    with ThreadPoolExecutor(max_workers=1) as beside:
        parts = beside.map(
            functools.partial(take, follower), starts, (*starts[1:], upto)
        )
        for events, corrections, types in parts:
            add_all(additions, events)
            done.corrections.extend(corrections)
            done.types.update(types)
    return done


def _take_and_post(follower: Follower, after: int, upto: int) -> _Taken:
    """
    Post what is at the places above *after* and up to *upto*, and return it.
    """
    stated = follower.post_stated(after=after, upto=upto)
    others = follower.entries_at(stated.others) if stated.others else []
    posted = post(follower, others)
    follower.add_voids(posted.voids)
    follower.post(posted.unstated())
    events = stated.events
    early = {
        place_of(entry): own_posting(entry, entry.customer)
        for entry in posted.early
        if entry.customer is not None and place_of(entry) <= upto
    }
    if early:
        follower.withdraw(early.values())
        events = [event for event in events if event[0] not in early]
    types = Counter(event[1] for event in stated.events)
    types.update(entry.type for entry in others if entry.kind == EVENT)
    return _Taken(events + _paid(posted), posted.corrections, types)


def _take(follower: Follower, after: int, upto: int) -> _Taken:
    """
    Return what is at the places above *after* and up to *upto*, posted before.
    """
    stated = follower.stated(after=after, upto=upto)
    others = follower.entries_at(stated.others) if stated.others else []
    posted = post(follower, others)
    return _Taken(stated.events + _paid(posted), [], Counter())


def _paid(posted: Posted) -> list[PaidEvent]:
    return [
        (
            place_of(entry),
            entry.type,
            customer,
            entry.occurred_at,
            entry.source,
            entry.subject_id,
            entry.actor_id,
            entry.data,
        )
        for entry, customer in posted.events
    ]


def _set_rolled(follower: Follower, rows: Sequence[MeterRow], upto: int) -> None:
    for row in rows:
        follower.set_rolled(meter_id=row.meter_id, seq=upto)
