"""
The usage that is recorded: many customers of very different size, in order of time.

A thousand customers share the events by Zipf's law: the second has half of what the
first has, the third a third. Their users, who are the keys of the unique meter, are
shared out likewise. An event is a request to a language model.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
import uuid

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from meterbook import Event
from meterbook.app.clocks import new_id
from meterbook.foundation.instants import SECOND, to_micros
from meterbook.metering.admission import Admitted, admit
from meterbook.services.entries.rows import rows_of


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.places import Scale
    from meterbook.ports import NewEntry

Ids: TypeAlias = Literal["random", "ordered"]

SOURCE: Final = "api"
TYPE: Final = "llm.request"

# Long ago on any machine's clock: the future would be refused.
START: Final = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
START_US: Final = to_micros(START)
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# What every event of the workload is read by.
METERS: Final[dict[str, dict[str, object]]] = {
    "tokens": {"event_type": TYPE, "aggregation": "sum", "value": "tokens"},
    "slowest": {"event_type": TYPE, "aggregation": "max", "value": "duration_ms"},
    "users": {"event_type": TYPE, "aggregation": "unique", "value": "$subject"},
}

IDS: Final[tuple[Ids, ...]] = ("random", "ordered")


def ids_of(scale: Scale) -> tuple[Ids, ...]:
    """
    Return the kinds of ids to measure with: all, but to see that it runs.
    """
    return scale.of(quick=IDS[-1:], full=IDS)


class Usage:
    """
    An endless row of events, the same ones for the same arguments (but for their ids).
    """

    def __init__(
        self,
        *,
        customers: int,
        subjects: int,
        expected: int,
        seconds: int,
        ids: Ids = "ordered",
    ) -> None:
        """
        Args:
            customers: How many there are.

            subjects: How many users they have together; each at least one.

            expected: How many events fill the *seconds*.

            seconds: Of the usage, by the time at which it occurred.

            ids: Version 4 UUIDs, which are random, or version 7, which are ordered.
        """
        weights = [1 / rank for rank in range(1, customers + 1)]
        self._customers = [f"customer-{rank:04d}" for rank in range(1, customers + 1)]
        self._cumulated = list(itertools.accumulate(weights))
        whole = self._cumulated[-1]
        self._users = {
            name: [
                f"user-{name[9:]}-{number:05d}"
                for number in range(max(1, round(subjects * weight / whole)))
            ]
            for name, weight in zip(self._customers, weights, strict=True)
        }
        self._random = random.Random(20_240_501)  # noqa: S311 - no secret hangs on it
        self._ids = ids
        self._step = max(1, seconds * SECOND // expected)
        self._at = START_US
        self.description: dict[str, object] = {
            "customers": customers,
            "skew": "Zipf, exponent 1",
            "subjects": sum(map(len, self._users.values())),
            "events per second of usage": expected / seconds,
            "order": "by time",
            "ids": {"random": "UUID 4", "ordered": "UUID 7"}[ids],
            "event": 'subject, customer, time, data {"tokens", "duration_ms", "model"}',
        }

    @property
    def subjects(self) -> list[str]:
        """
        Everybody who uses anything.
        """
        return [name for users in self._users.values() for name in users]

    def events(self, count: int) -> list[Event]:
        """
        Return the next *count* events.
        """
        chosen = self._random.choices(
            self._customers, cum_weights=self._cumulated, k=count
        )
        chance = self._random.random
        users = self._users
        return [
            self._event(customer, names[int(chance() * len(names))])
            for customer in chosen
            for names in (users[customer],)
        ]

    def one_of_each(self) -> list[Event]:
        """
        Return an event of every subject.
        """
        return [
            self._event(customer, subject)
            for customer, subjects in self._users.items()
            for subject in subjects
        ]

    def _event(self, customer: str, subject: str) -> Event:
        self._at += self._step
        chance = self._random.random
        return event_at(
            self._at,
            customer,
            subject,
            id_=(
                str(uuid.UUID(int=self._random.getrandbits(128), version=4))
                if self._ids == "random"
                else new_id(self._at)
            ),
            tokens=int(chance() * 4_000),
            duration_ms=int(chance() * 30_000),
        )


# How dense the usage is that a worker keeps up with, and how thin a backlog can be.
STEADY_EVENTS_PER_SECOND: Final = 1_000
BACKLOG_DAYS: Final = 3


def usual(scale: Scale, *, expected: int, ids: Ids = "ordered") -> Usage:
    """
    Return the usage of a thousand customers with twenty thousand users, as it comes in.
    """
    seconds = max(1, expected // STEADY_EVENTS_PER_SECOND)
    return _usage(scale, expected=expected, seconds=seconds, ids=ids)


def backlog(scale: Scale, *, expected: int) -> Usage:
    """
    Return their usage of three days: thin, most events have an hour of their own.
    """
    seconds = BACKLOG_DAYS * 86_400
    return _usage(scale, expected=expected, seconds=seconds, ids="ordered")


def _usage(scale: Scale, *, expected: int, seconds: int, ids: Ids) -> Usage:
    return Usage(
        customers=scale.of(quick=10, full=1_000),
        subjects=scale.of(quick=50, full=20_000),
        expected=expected,
        seconds=seconds,
        ids=ids,
    )


def event_at(  # noqa: PLR0913 - as many as an event has parts
    at: int, customer: str, subject: str, *, id_: str, tokens: int, duration_ms: int
) -> Event:
    """
    Return an event of the workload that occurs *at* so many microseconds since 1970.
    """
    return Event(
        source=SOURCE,
        id=id_,
        type=TYPE,
        time=EPOCH + dt.timedelta(microseconds=at),
        customer=customer,
        subject=subject,
        data={"tokens": tokens, "duration_ms": duration_ms, "model": "small"},
    )


def rows_from(events: Sequence[Event], people: Mapping[str, int]) -> list[NewEntry]:
    """
    Return the very rows that the book would write of *events*.
    """
    now = to_micros(dt.datetime.now(dt.UTC))
    offers = [admit(event, now_us=now) for event in events]
    admitted = [offer for offer in offers if isinstance(offer, Admitted)]
    assert len(admitted) == len(events), "the workload is refused"
    ids: dict[str | None, int | None] = {None: None}
    ids.update(people)
    return rows_of(admitted, ids, now)
