"""
Which installation is this, and since when does it count?

::

    entries   1 ... 40 ... 61        backup at 40, the disk is lost at 61
    epoch 1   |-----------------     what was reported of it stays reported
    restored  1 ... 40 | 41 ... 70
    epoch 2            |--------     counts only what was recorded from here on

An installation has an id of its own, made once: with its first licence or report. It is
an entry like any other, so a copy of the book has it, too. A book that was restored
from a backup says so, and who did it and why: a new epoch begins. A copy that is to go
on beside the original gets another id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.instants import to_moment
from meterbook.licensing.clocks import effective_time
from meterbook.services.entries.controls import check_accountable
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.stating import THE_BOOK, state, statement_id, statements
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable

    from meterbook.licensing.clocks import EffectiveTime
    from meterbook.ports import Clock, Reader, Store, Writer
    from meterbook.services.entries.stating import Statement


INSTANCE_TYPE: Final = "meterbook.instance"

# What an installation writes down itself, with its own clock, about licences.
TIMED_TYPES: Final = (
    INSTANCE_TYPE,
    "meterbook.licence.installed",
    "meterbook.report.made",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """
    An installation.

    Attributes:
        instance_id: Its id.

        epoch: Which count, from 1.

        began_at: When that count began.

        since_epoch: It counts only what was recorded since then; else all there is.

        place: The place of the entry that says so; None while it has none.

        reason: Why the epoch began; None for the first one.
    """

    instance_id: str
    epoch: int
    began_at: dt.datetime
    since_epoch: bool
    place: int | None
    reason: str | None


def current(reader: Reader) -> Instance | None:
    """
    Return which installation this is; None if that was never settled.
    """
    said = statements(reader, customer=THE_BOOK, type_=INSTANCE_TYPE)
    return _instance(said[-1]) if said else None


def settled(store: Store, clock: Clock, new_id: Callable[[int], str]) -> Instance:
    """
    Return which installation this is, and settle it if that was never done.

    Args:
        store: The book's store.

        clock: Its clock.

        new_id: Makes an id of the moment.
    """
    now = clock.now()

    def say() -> Instance:
        with store.writing() as writer:
            found = current(writer)
            if found is None:
                body: dict[str, object] = {
                    "instance": new_id(now),
                    "epoch": 1,
                    "since_epoch": False,
                    "reason": None,
                }
                _state(writer, body, number=1, actor=None, now=now)
                found = current(writer)
            assert found is not None
            return found

    return persistently(say)


def restored(  # noqa: PLR0913 - who, why, and whether it is another installation
    store: Store,
    clock: Clock,
    new_id: Callable[[int], str],
    *,
    actor: str,
    reason: str,
    copy: bool = False,
) -> Instance:
    """
    Begin a new epoch, which counts only what is recorded from now on.

    Args:
        store: The book's store.

        clock: Its clock.

        new_id: Makes an id of the moment.

        actor: Who says so.

        reason: Why.

        copy: Whether the book goes on beside the one it was copied from: then it gets
            an id of its own, and its first epoch.

    Raises:
        InvalidQueryError: If *actor* or *reason* is blank.
    """
    check_accountable(actor=actor, reason=reason)
    settled(store, clock, new_id)
    shown = clock.now()

    def say() -> Instance:
        with store.writing() as writer:
            said = statements(writer, customer=THE_BOOK, type_=INSTANCE_TYPE)
            before = _instance(said[-1])
            now = time_of(writer, clock=shown).at
            body: dict[str, object] = {
                "instance": new_id(now) if copy else before.instance_id,
                "epoch": 1 if copy else before.epoch + 1,
                "since_epoch": True,
                "reason": reason,
            }
            _state(writer, body, number=len(said) + 1, actor=actor, now=now)
            found = current(writer)
            assert found is not None
            return found

    return persistently(say)


def time_of(reader: Reader, *, clock: int) -> EffectiveTime:
    """
    Return the time of this installation, whose clock shows *clock*.

    No clock that was set back moves it.
    """
    numbered = reader.marks().numbered
    moments = [entry.recorded_at for entry in reader.entries_at([numbered])]
    for type_ in TIMED_TYPES:
        said = statements(reader, customer=THE_BOOK, type_=type_)
        moments += [one.recorded_at for one in said]
    return effective_time(clock=clock, newest=max(moments, default=None))


def _state(
    writer: Writer, body: dict[str, object], *, number: int, actor: str | None, now: int
) -> None:
    """
    State a new identity or epoch. If somebody else did at the same time, theirs holds.
    """
    state(
        writer,
        type_=INSTANCE_TYPE,
        customer=THE_BOOK,
        body=body,
        actor_id=named_now(writer, {actor})[actor],
        occurred_at=now,
        now=now,
        event_id=statement_id("instance", str(number)),
    )


def _instance(said: Statement) -> Instance:
    body = said.body
    epoch, reason = body["epoch"], body["reason"]
    assert isinstance(epoch, int)
    return Instance(
        instance_id=str(body["instance"]),
        epoch=epoch,
        began_at=to_moment(said.occurred_at),
        since_epoch=body["since_epoch"] is True,
        place=said.place,
        reason=None if reason is None else str(reason),
    )
