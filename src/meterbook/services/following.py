"""
The worker: numbers entries, posts their effects, and keeps the rollups.

::

    entries  --number-->  places  --post-->  postings  --roll-->  rollups
                            |                  |                    |
                         numbered            posted            rolled, by meter

Each step is one transaction that moves a mark with what it wrote, so the worker can be
stopped anywhere, also by `kill -9`, and goes on where its last commit left it. There is
one worker for a book at a time; another one that tries finds it busy and answers so.

A meter that is defined later starts at place 0 and catches up in steps of its own,
while the others go on.
"""

from __future__ import annotations

import contextlib
import gc

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.ports import EVENT
from meterbook.services.compiling import by_type
from meterbook.services.posting import post
from meterbook.services.rolling import observe_all, roll


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meterbook.ports import Follower, MeterRow, Store, StoredEntry

# Large enough that a bucket which a thousand events touch is written once, small enough
# that a step takes about a second and its rows fit in memory.
BATCH_ENTRIES_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    What one step of the worker did.

    Attributes:
        numbered: How many entries got a place.

        posted: How many entries were posted and rolled up.

        rolled: How many entries were rolled up for meters that lag behind.

        busy: Another worker has the book; nothing was done.
    """

    numbered: int = 0
    posted: int = 0
    rolled: int = 0
    busy: bool = False

    @property
    def idle(self) -> bool:
        """
        Tell whether there was nothing left to do.
        """
        return not (self.posted or self.rolled or self.busy)


def work_once(store: Store, *, entries_max: int = BATCH_ENTRIES_MAX) -> Step:
    """
    Do one step in one transaction and say what was done.

    Args:
        store: The book's store.

        entries_max: How many entries to post, and to roll up for meters that lag
            behind, at the most.
    """
    with store.following() as follower, _collector_paused():
        if follower is None:
            return Step(busy=True)

        numbered = follower.number()
        posted = _post(follower, entries_max)
        # Also where something new comes before every step, meters behind must catch up.
        room = entries_max - posted
        rolled = _roll_lagging(follower, room) if room else 0
        return Step(numbered=numbered, posted=posted, rolled=rolled)


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
            numbered=total.numbered + step.numbered,
            posted=total.posted + step.posted,
            rolled=total.rolled + step.rolled,
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
    if marks.posted == marks.numbered:
        return 0

    entries = follower.batch(after=marks.posted, limit=entries_max)
    upto = _last_place(entries)
    done = post(follower, entries)
    rows = [row for row in follower.meters() if row.rolled == marks.posted]
    follower.add_voids(done.voids)
    # The database writes postings while meters look at events: two cores, one step.
    with ThreadPoolExecutor(max_workers=1) as beside:
        stated = beside.submit(follower.post_stated, after=marks.posted, upto=upto)
        observed = observe_all(by_type(rows), done.events)
        stated.result()
    follower.post(done.unstated())
    follower.count_types(_types(entries))
    roll(follower, observed, corrections=done.corrections, upto=upto)
    _set_rolled(follower, rows, upto)
    follower.set_posted(upto)
    return len(entries)


def _roll_lagging(follower: Follower, entries_max: int) -> int:
    """
    Roll up the next entries for the meters that are furthest behind.
    """
    posted = follower.marks().posted
    meters = [row for row in follower.meters() if row.rolled < posted]
    if not meters:
        return 0

    after = min(row.rolled for row in meters)
    entries = follower.batch(after=after, limit=entries_max)
    entries = [entry for entry in entries if (entry.seq or 0) <= posted]
    upto = _last_place(entries)
    ahead = [row.rolled for row in meters if row.rolled > after]
    if ahead and min(ahead) < upto:
        upto = min(ahead)
        entries = [entry for entry in entries if (entry.seq or 0) <= upto]
    done = post(follower, entries)
    lagging = [row for row in meters if row.rolled == after]
    roll(
        follower,
        observe_all(by_type(lagging), done.events),
        # Posted before: what corrections did is read back, not worked out again.
        corrections=follower.corrections(after=after, upto=upto),
        upto=upto,
    )
    _set_rolled(follower, lagging, upto)
    return len(entries)


def _set_rolled(follower: Follower, rows: Sequence[MeterRow], upto: int) -> None:
    for row in rows:
        follower.set_rolled(meter_id=row.meter_id, seq=upto)


def _last_place(entries: Sequence[StoredEntry]) -> int:
    seq = entries[-1].seq
    assert seq is not None
    return seq


def _types(entries: Sequence[StoredEntry]) -> Counter[str]:
    return Counter(entry.type for entry in entries if entry.kind == EVENT)
