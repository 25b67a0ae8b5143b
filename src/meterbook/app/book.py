"""
The book: what a program talks to.

::

    with Book.open("usage.db") as book:
        book.record([Event(source="api", id="r-1", type="llm.request", ...)])
        reading = book.read("tokens", customer="acme", anchor="2026-01-31")

Each method is one use case of a service; the book only knows who does what. Threads may
share a book; processes each open their own.
"""

from __future__ import annotations

import contextlib
import functools

from typing import TYPE_CHECKING

from meterbook.app.asking import moment_from
from meterbook.app.clocks import TestClock, clock_of, new_id, set_test_clock
from meterbook.app.looking import Looking
from meterbook.app.opening import (
    DEFAULT_SCHEMA,
    create_store,
    migrate_store,
    open_store,
)
from meterbook.app.reading import MeterReader
from meterbook.app.within import Transactions
from meterbook.app.working import Working
from meterbook.foundation.errors import InvalidQueryError
from meterbook.foundation.instants import to_moment
from meterbook.services.checks import verifying
from meterbook.services.checks.status import status
from meterbook.services.corrections.attributing import Attributor
from meterbook.services.corrections.correcting import Corrector
from meterbook.services.corrections.voiding import Voider
from meterbook.services.entries.people import Registry
from meterbook.services.entries.quarantining import Quarantine
from meterbook.services.entries.recording import Recorder
from meterbook.services.meters.cataloguing import Cataloguer


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from meterbook.app.asking import Moment
    from meterbook.app.captures import Captures
    from meterbook.app.customers import Customers
    from meterbook.app.instances import Instances
    from meterbook.app.licences import Licences
    from meterbook.app.proofs import Proofs
    from meterbook.app.reports import Reports
    from meterbook.app.seats import Seats
    from meterbook.app.subscriptions import Subscriptions
    from meterbook.app.terms import Terms
    from meterbook.metering.events import (
        Conflict,
        Duplicate,
        Event,
        Recorded,
        Recording,
    )
    from meterbook.ports import Clock, Store
    from meterbook.services.checks.status import Status
    from meterbook.services.checks.verifying import Verification


class Book:
    """
    One book: an append-only record of usage, and the numbers that are read from it.

    Made by `create`, `open` or `migrate`; closed by `close` or at the end of a `with`.

    Attributes:
        record_stream: Records any number of events; see `Recorder.record_stream`.

        record_json_stream: Likewise documents; see `Recorder.record_json_stream`.

        within: Records in the caller's transaction; see `Transactions.within`.

        live: Records seats in one of the book's own; see `Transactions.live`.

        quarantined: Lists refused documents; see `Quarantine.quarantined`.

        replay: Offers them again; see `Quarantine.replay`.

        discard: Gives one up; see `Quarantine.discard`.

        void: Takes an event back; see `Corrector.void`.

        amend: Replaces one; see `Corrector.amend`.

        attributions: Lists what was said of it; see `Attributor.attributions`.

        void_preview: Shows what a bulk void would do; see `Looking.void_preview`.

        void_where: Does it; see `Looking.void_where`.

        unattributed: Lists events that nobody pays for; see `Looking.unattributed`.

        unusable: Lists what a meter cannot take; see `Looking.unusable`.

        entries: Lists entries; see `Looking.entries`.

        work: Does the worker's steps; see `Working.work`.

        drop_rollups: Has it do them again; see `Working.drop_rollups`.

        apply_catalog: Defines meters as a TOML file says; see `Cataloguer.apply`.

        define: Defines meters by key; see `Cataloguer.define`.

        meters: Lists them; see `Cataloguer.meters`.

        people: Exports and erases people; see `Registry`.

        read: Reads a meter; see `MeterReader.read`.

        read_periods: Reads every period so far; see `MeterReader.read_periods`.

        read_pooled: Reads several customers as one; see `MeterReader.read_pooled`.

        read_many: Reads many customers and periods; see `MeterReader.read_many`.

        explain: Lists the entries behind a number; see `MeterReader.explain`.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        """
        Put a book together.

        Args:
            store: Where it is kept. Closed with the book.

            clock: By which moments it goes.
        """
        self._store = store
        self._clock = clock
        recorder = self._recorder = Recorder(store, clock)
        self.record_stream = recorder.record_stream
        self.record_json_stream = recorder.record_json_stream

        transactions = Transactions(store, clock)
        self.within = transactions.within
        self.live = transactions.live

        quarantine = Quarantine(store, clock, recorder)
        self.quarantined = quarantine.quarantined
        self.replay = quarantine.replay
        self.discard = quarantine.discard

        working = self._working = Working(store)
        self.work = working.work
        self.drop_rollups = working.drop_rollups
        look_first = working.work_before_looking

        corrector = Corrector(store, clock, recorder)
        self.void = corrector.void
        self.amend = corrector.amend

        self._attributor = Attributor(store, clock, new_id)
        self.attributions = self._attributor.attributions

        looking = Looking(store, Voider(store, clock), self._attributor, look_first)
        self.void_preview = looking.void_preview
        self.void_where = looking.void_where
        self.unattributed = looking.unattributed
        self.unusable = looking.unusable
        self.entries = looking.entries

        cataloguer = Cataloguer(store, clock, recorder)
        self.apply_catalog = cataloguer.apply
        self.define = cataloguer.define
        self.meters = cataloguer.meters

        self.people = Registry(store, clock, recorder, look_first)

        meter_reader = MeterReader(store, clock, look_first)
        self.read = meter_reader.read
        self.read_periods = meter_reader.read_periods
        self.read_pooled = meter_reader.read_pooled
        self.read_many = meter_reader.read_many
        self.explain = meter_reader.explain

    @classmethod
    def create(
        cls,
        target: str | Path,
        *,
        schema: str = DEFAULT_SCHEMA,
        test_clock: dt.datetime | None = None,
    ) -> Self:
        """
        Make a new book and open it.

        Args:
            target: A path, ":memory:", or the address of a PostgreSQL database.

            schema: On PostgreSQL, the schema that is made for the book.

            test_clock: Where a clock begins that stands still until it is moved: for
                tests, trials and demonstrations. The book is marked as such for good.

        Raises:
            AlreadyABookError: If there is one.

            NotABookError: If there cannot be one.

            MissingExtraError: If the target is PostgreSQL and its driver is missing.
        """
        store = create_store(target, schema=schema)
        with _closed_on_error(store):
            if test_clock is not None:
                set_test_clock(store, test_clock)
            return cls(store, clock_of(store))

    @classmethod
    def open(
        cls,
        target: str | Path,
        *,
        schema: str = DEFAULT_SCHEMA,
        read_only: bool = False,
    ) -> Self:
        """
        Open the book at *target*.

        Args:
            target: A path, or the address of a PostgreSQL database.

            schema: On PostgreSQL, the schema of the book.

            read_only: Whether to leave it as it is: what would change it raises.

        Raises:
            NotABookError: If there is none.

            SchemaTooOldError: If it must be migrated first.

            SchemaTooNewError: If a newer version of meterbook wrote it.

            MissingExtraError: If the target is PostgreSQL and its driver is missing.
        """
        store = open_store(target, schema=schema, read_only=read_only)
        with _closed_on_error(store):
            return cls(store, clock_of(store))

    @classmethod
    def migrate(cls, target: str | Path, *, schema: str = DEFAULT_SCHEMA) -> Self:
        """
        Bring the book at *target* up to date, all of it or nothing, and open it.

        Raises:
            NotABookError: If there is none.

            SchemaTooNewError: If a newer version of meterbook wrote it.

            MissingExtraError: If the target is PostgreSQL and its driver is missing.
        """
        store = migrate_store(target, schema=schema)
        with _closed_on_error(store):
            return cls(store, clock_of(store))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """
        Give back what the book holds open.
        """
        self._store.close()

    # Recording.

    def record(
        self, events: Sequence[Event], *, quarantine: bool = False
    ) -> list[Recording]:
        """
        Record *events* in one transaction, and answer for each, in order.

        See `services.entries.recording.Recorder.record`.
        """
        return self._recorder.record(events, quarantine=quarantine)

    def record_json(
        self, lines: Iterable[bytes], *, quarantine: bool = False
    ) -> list[Recording]:
        """
        Record CloudEvents documents, one a line, and answer for each, in order.
        """
        return self._recorder.record_json(lines, quarantine=quarantine)

    def attribute(  # noqa: PLR0913 - who, whose, since when, says who, and why
        self,
        subject: str,
        customer: str | None,
        *,
        effective_at: Moment,
        actor: str | None = None,
        reason: str | None = None,
        id: str | None = None,  # noqa: A002 - as CloudEvents calls it
    ) -> Recorded | Duplicate | Conflict:
        """
        Record that *subject* belongs to *customer*, from *effective_at* on.

        That is an aware datetime or text, of which a bare date is midnight in UTC. See
        `services.corrections.attributing.Attributor.attribute`.
        """
        return self._attributor.attribute(
            subject,
            customer,
            effective_at=moment_from(effective_at),
            actor=actor,
            reason=reason,
            id=id,
        )

    # The book itself.

    def now(self) -> dt.datetime:
        """
        Return the moment it is by the book's own clock, in UTC.
        """
        return to_moment(self._clock.now())

    def status(self) -> Status:
        """
        Return how the book is doing: how far the worker is, and by which clock.
        """
        now = self._clock.now()
        with self._store.reading() as reader:
            return status(
                reader, now=now, test_clock=isinstance(self._clock, TestClock)
            )

    def verify(
        self, *, progress: Callable[[str, int], None] | None = None
    ) -> Verification:
        """
        Check that what is kept agrees with itself: every entry, every rollup row.

        Changes nothing.

        Args:
            progress: Called with what is being looked at, and how many so far.
        """
        with self._store.reading() as reader:
            return verifying.verify(reader, progress=progress)

    def move_clock(self, to: dt.datetime) -> None:
        """
        Move the test clock of this book, forward or back, for all who have it open.

        Raises:
            InvalidQueryError: If the book goes by the machine's clock.

            InvalidInstantError: If *to* has no zone.
        """
        if not isinstance(self._clock, TestClock):
            message = (
                "This book goes by the machine's clock, which it cannot move: create "
                "one with a test clock."
            )
            raise InvalidQueryError(message)

        set_test_clock(self._store, to)

    @functools.cached_property
    def customers(self) -> Customers:
        """
        Names and lists customers; see `Customers`.
        """
        from meterbook.app.customers import Customers  # noqa: PLC0415 - seldom needed

        return Customers(self._store, self._clock, self._working.work_before_looking)

    @functools.cached_property
    def subscriptions(self) -> Subscriptions:
        """
        States what was agreed, and says what it comes to; see `Subscriptions`.
        """
        from meterbook.app.subscriptions import Subscriptions  # noqa: PLC0415 - likewise

        first = self._working.work_before_looking
        return Subscriptions(self._store, self._clock, first)

    @functools.cached_property
    def terms(self) -> Terms:
        """
        Adds, corrects and ends terms of subscriptions; see `Terms`.
        """
        from meterbook.app.terms import Terms  # noqa: PLC0415 - seldom needed

        return Terms(self._store, self._clock)

    @functools.cached_property
    def captures(self) -> Captures:
        """
        Has the application's own tables say who is in; see `Captures`.
        """
        from meterbook.app.captures import Captures  # noqa: PLC0415 - seldom needed

        return Captures(self._store, self._clock, self.work)

    @functools.cached_property
    def proofs(self) -> Proofs:
        """
        Signs the head of the book, and proves what is in it; see `Proofs`.
        """
        from meterbook.app.proofs import Proofs  # noqa: PLC0415 - seldom needed

        return Proofs(self._store, self._clock)

    @functools.cached_property
    def instance(self) -> Instances:
        """
        Says which installation this is; see `Instances`.
        """
        from meterbook.app.instances import Instances  # noqa: PLC0415 - seldom needed

        return Instances(self._store, self._clock)

    @functools.cached_property
    def licences(self) -> Licences:
        """
        Issues and installs licences; see `Licences`.
        """
        from meterbook.app.licences import Licences  # noqa: PLC0415 - seldom needed

        return Licences(self._store, self._clock)

    @functools.cached_property
    def reports(self) -> Reports:
        """
        Makes and accepts usage reports; see `Reports`.
        """
        from meterbook.app.reports import Reports  # noqa: PLC0415 - seldom needed

        return Reports(self._store, self._clock)

    @functools.cached_property
    def seats(self) -> Seats:
        """
        Says who is in, and how many there were at most; see `Seats`.
        """
        from meterbook.app.seats import Seats  # noqa: PLC0415 - seldom needed

        return Seats(
            self._store,
            self._clock,
            work_first=self._working.work_before_looking,
            recorder=self._recorder,
            live=self.live,
        )


@contextlib.contextmanager
def _closed_on_error(store: Store) -> Iterator[None]:
    """
    Close *store* if the block raises: what could not be opened is not left open.
    """
    try:
        yield
    except BaseException:
        store.close()
        raise
