"""
Recording live: in the transaction that makes the change, which may be the caller's.

::

    the caller's transaction
    |-- insert a membership row
    |-- join(member)            lock row -> instant; change -> queue
    |-- commit                  both, or neither

Seats that are recorded so are safe under concurrency. Whoever changes the seats of a
customer updates one lock row first and holds it to the end of the transaction, so that
the changes of one customer are serial, and their instants in the order of the commits.
A count is taken after that. A caller whose snapshot is older than the last change gets
a retryable error, never a wrong level (semantics 4.6).

Everything is looked up in the caller's transaction, and nothing of it is remembered:
what is seen there may still be rolled back.

Laws (tests/servers/test_concurrent_seats.py):
    - *True peak*: with any number of writers the recorded peak is the highest of the
      committed states.
"""

from __future__ import annotations

import contextlib

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from meterbook.foundation.errors import InvalidQueryError, UnknownMeterError
from meterbook.foundation.instants import to_moment
from meterbook.metering.admission import Admitted, admit
from meterbook.metering.aggregations import LEVELS, Aggregation
from meterbook.metering.members import ACTIVE
from meterbook.ports import BASELINE, JOIN, LEAVE, LEVEL, Told
from meterbook.services.entries.answering import answers_to, in_order, without_unused
from meterbook.services.entries.controls import REASON_CHARS_MAX, check_stated
from meterbook.services.entries.naming import People
from meterbook.services.entries.noticing import latest_versions, unattributed
from meterbook.services.entries.recording import check_size
from meterbook.services.entries.rows import rows_of
from meterbook.services.meters.compiling import by_type


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Mapping, Sequence

    from meterbook.metering.events import Event, Recording
    from meterbook.ports import Heard, LiveWriter, Reader
    from meterbook.services.meters.compiling import ActiveMeter


# What both stores hold: a signed integer of 64 bits. No level comes near.
LEVEL_UNITS_MAX: Final = 2**63 - 1

# Of the versions of what counts as a seat, likewise: one of 32.
DEFINITION_MAX: Final = 2**31 - 1

# Of a count: longer ones belong in a view.
SQL_CHARS_MAX: Final = 100_000

# What names a way in, or a state: a word or two.
WORD_CHARS_MAX: Final = 100

_MEMBERS: Final = (Aggregation.MEMBERS.value,)
_LEVELS: Final = tuple(sorted(aggregation.value for aggregation in LEVELS))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsChanged:
    """
    A change that counts as soon as the transaction is committed.

    Attributes:
        occurred_at: Its instant, in UTC: later than that of every change of the same
            customer that was committed before.

        units: The level, where it was stated or counted; None for a member.
    """

    occurred_at: dt.datetime
    units: int | None = None


class Manager(Protocol):
    """
    Who manages the transaction: the library of the caller's connection.
    """

    @property
    def ready(self) -> Callable[[], None]:
        """
        To be called before anything is recorded.
        """
        ...

    @property
    def flush(self) -> Callable[[], None]:
        """
        Writes rows that the caller has changed only in memory so far: they count.
        """
        ...


class Live:
    """
    What can be recorded in a transaction that is open.
    """

    def __init__(
        self,
        writer: LiveWriter,
        *,
        now: Callable[[Reader], int],
        actor: str | None,
        cause: str | None,
        manager: Manager,
    ) -> None:
        """
        Args:
            writer: The transaction.

            now: Tells the moment by the book's clock, in that transaction.

            actor: Who does this, unless a change says otherwise.

            cause: Why, likewise.

            manager: Who manages the transaction.
        """
        self._writer = writer
        self._now = now
        self._actor = actor
        self._cause = cause
        self._manager = manager
        self._meters: Mapping[str, Sequence[ActiveMeter]] | None = None

    def record(self, events: Sequence[Event]) -> list[Recording]:
        """
        Record *events*, and answer for each, in order.

        The answers hold once the transaction is committed.

        Raises:
            BatchTooLargeError: If there are more than one transaction takes.

            StoreError: If the storage failed. A retryable one wants the whole
                transaction again.
        """
        check_size(events)
        self._manager.ready()
        writer = self._writer
        now = self._now(writer)
        offers = [admit(event, now_us=now) for event in events]
        pairs = zip(events, offers, strict=True)
        told = [(event, said) for event, said in pairs if isinstance(said, Admitted)]
        if not told:
            return in_order(offers, [])

        taken = [said for _, said in told]
        names = {said.subject for said in taken} | {said.actor for said in taken}
        ids, fresh = People().name(writer, names)
        rows = rows_of(taken, ids, now)
        unpaid = unattributed(writer, rows)
        appended = writer.append(rows)
        if appended.known:
            without_unused(writer, fresh, rows, appended)
        answers = answers_to(
            [event for event, _ in told],
            taken,
            (rows, appended, unpaid),
            meters=self._known_meters(),
            reading=lambda: contextlib.nullcontext(writer),
        )
        return in_order(offers, answers)

    def join(  # noqa: PLR0913 - who, whose, how, and who says so
        self,
        meter: str,
        *,
        customer: str,
        member: str,
        way: str = "",
        state: str = ACTIVE,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
    ) -> SeatsChanged:
        """
        Record that *member* is in from now on by *way*, in *state*.

        One who is in by that way already has the new state from now on.

        Args:
            meter: The key of a meter of members.

            customer: Who pays for the seat.

            member: The name of the member. It can be erased.

            way: By which way, if there are several.

            state: What the member is; the meter says in which states one counts.

            actor: Who did it.

            cause: Why.

            definition: The version of what counts as a seat; the meter's by default.

        Raises:
            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If the meter is not one of members, or a name is none.

            StoreError: If the storage failed. A retryable one wants the whole
                transaction again.
        """
        _check_word("state", state)
        _check_member(member, way)
        told = self._told(JOIN, meter, customer, _MEMBERS, actor, cause, definition)
        said = None if state == ACTIVE else state
        return self._change(told._replace(member=member, way=way or None, state=said))

    def leave(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        *,
        customer: str,
        member: str,
        way: str = "",
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
    ) -> SeatsChanged:
        """
        Record that *member* is no longer in by *way*.

        One who is not in stays so. Arguments and errors are those of `join`.
        """
        _check_member(member, way)
        told = self._told(LEAVE, meter, customer, _MEMBERS, actor, cause, definition)
        return self._change(told._replace(member=member, way=way or None))

    def baseline(
        self,
        meter: str,
        *,
        customer: str,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
    ) -> SeatsChanged:
        """
        Record that from now on all members of *customer* are told of.

        What was before is unknown, not zero. Arguments and errors are those of `join`.
        """
        told = self._told(BASELINE, meter, customer, _MEMBERS, actor, cause, definition)
        return self._change(told)

    def level(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        *,
        customer: str,
        units: int,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
    ) -> SeatsChanged:
        """
        Record that *customer* has *units* from now on, because the caller says so.

        What was counted before this call may be wrong by now: see `count`.

        Args:
            meter: The key of a meter that reads levels: peak, latest, time_weighted.

            customer: Who pays.

            units: How many, in the meter's smallest unit, 0 or more.

            actor: Who did it.

            cause: Why.

            definition: The version of what counts as a seat; the meter's by default.

        Raises:
            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If the meter does not read levels, or reads them by
                group, or *units* is no level.

            StoreError: If the storage failed. A retryable one wants the whole
                transaction again.
        """
        _check_whole("units", units, least=0, most=LEVEL_UNITS_MAX)

        told = self._told(LEVEL, meter, customer, _LEVELS, actor, cause, definition)
        return self._change(told._replace(units=units))

    def count(  # noqa: PLR0913 - likewise
        self,
        meter: str,
        *,
        customer: str,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        actor: str | None = None,
        cause: str | None = None,
        definition: int | None = None,
    ) -> SeatsChanged:
        """
        Record how many *customer* has, as *sql* counts them under the lock.

        Call it after the change, in the same transaction. Nobody else's change of this
        customer can come between the count and the commit.

        Args:
            meter: The key of a meter that reads levels.

            customer: Who pays.

            sql: One SELECT that answers one row with one whole number.

            parameters: Its values, marked as the driver wants it: `%s` or `%(name)s`
                for psycopg, `?` or `:name` for sqlite3.

            actor: Who did it.

            cause: Why.

            definition: The version of what counts as a seat; the meter's by default.

        Raises:
            UnknownMeterError: If there is no such meter.

            InvalidQueryError: If the meter does not read levels, or reads them by
                group, or the count cannot be taken so.

            StoreError: If the storage failed. A retryable one wants the whole
                transaction again, as when its snapshot is too old to count.
        """
        check_stated("sql", sql, chars_max=SQL_CHARS_MAX)

        told = self._told(LEVEL, meter, customer, _LEVELS, actor, cause, definition)
        self._manager.ready()
        self._manager.flush()
        heard = self._writer.count_seats(told, sql=sql, parameters=parameters)
        return _changed(told, heard)

    def _told(  # noqa: PLR0913, PLR0917 - likewise
        self,
        change: str,
        meter: str,
        customer: str,
        aggregations: tuple[str, ...],
        actor: str | None,
        cause: str | None,
        definition: int | None,
    ) -> Told:
        check_stated("customer", customer)
        if definition is not None:
            _check_whole("definition", definition, least=1, most=DEFINITION_MAX)
        check_session(actor=actor, cause=cause)
        return Told(
            meter_key=meter,
            aggregations=aggregations,
            customer=customer,
            change=change,
            actor=self._actor if actor is None else actor,
            cause=self._cause if cause is None else cause,
            definition=definition,
        )

    def _change(self, told: Told) -> SeatsChanged:
        self._manager.ready()
        return _changed(told, self._writer.change_seats(told))

    def _known_meters(self) -> Mapping[str, Sequence[ActiveMeter]]:
        """
        Return the meters that are in the book, as the transaction sees it.
        """
        if self._meters is None:
            self._meters = by_type(latest_versions(self._writer))
        return self._meters


def check_session(*, actor: str | None, cause: str | None) -> None:
    """
    Check that it is a name that acts, and a sentence that says why.

    Raises:
        InvalidQueryError: If it is not, or cannot be stored.
    """
    if actor is not None:
        check_stated("actor", actor)
    if cause is not None:
        check_stated("cause", cause, chars_max=REASON_CHARS_MAX)


def _check_member(member: object, way: object) -> None:
    check_stated("member", member)
    if way != "":
        _check_word("way", way)


def _check_whole(field: str, number: object, *, least: int, most: int) -> None:
    if type(number) is not int or not least <= number <= most:
        message = f"{field} must be a whole number from {least} to {most}: {number!r}"
        raise InvalidQueryError(message)


def _check_word(field: str, text: object) -> None:
    check_stated(field, text, chars_max=WORD_CHARS_MAX)


def _changed(told: Told, heard: Heard | None) -> SeatsChanged:
    """
    Return what became of a change.

    Raises:
        UnknownMeterError: If there is no such meter.

        InvalidQueryError: If it is not of the kind.
    """
    if heard is None:
        message = f"There is no meter {told.meter_key!r}: define it first."
        raise UnknownMeterError(message)

    if heard.occurred_at is None:
        raise InvalidQueryError(_fault(told, heard))

    units = told.units if heard.units is None else heard.units
    return SeatsChanged(occurred_at=to_moment(heard.occurred_at), units=units)


def _fault(told: Told, heard: Heard) -> str:
    """
    Return why the meter does not take the change.
    """
    definition = msgspec.json.decode(heard.text, type=dict[str, object])
    found = definition["aggregation"]
    if found not in told.aggregations:
        wanted = " or ".join(told.aggregations)
        advice = (
            "join and leave are for members, level and count for the others"
            if found in {*_MEMBERS, *_LEVELS}
            else "record its events instead"
        )
        return f"meter {told.meter_key!r} is a {found} meter, not {wanted}: {advice}."

    return (
        f"meter {told.meter_key!r} reads levels by group, and a level that is stated"
        " here is of no group: record its events instead."
    )
