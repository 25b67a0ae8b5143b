"""
Importing customers and terms from CSV: first what would change, then all or nothing.

::

    rows --read--> what each says --compare--> new | as it is | a fault
                                                |
                              any fault: nothing is stated, and every fault is named

What the book has already is left as it is, so that a file can be imported again with
more rows. A row that says otherwise of what is there is a fault: dates are corrected,
and seats are bought, by acts of their own that say who did it and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from meterbook.catalog.facts import (
    SUBSCRIPTION,
    TERM,
    TERM_DATES,
    fact_from,
    subscription_from,
)
from meterbook.catalog.importing import (
    CellError,
    CsvRow,
    RowFault,
    customer_of,
    read_rows,
    subscription_of_row,
    term_of_row,
)
from meterbook.catalog.terms import DatesFact, TermFact
from meterbook.foundation.errors import CallerError, InvalidImportError, StoreError
from meterbook.services.agreements.claims import (
    CUSTOMER,
    fact_claim,
    name_claim,
    subscription_claim,
)
from meterbook.services.agreements.subscribing import check_meter
from meterbook.services.entries.controls import check_stated
from meterbook.services.entries.naming import named_now
from meterbook.services.entries.stating import statements
from meterbook.services.entries.trying import persistently


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Iterator, Sequence

    from meterbook.catalog.subscriptions import SubscriptionFact
    from meterbook.ports import Clock, Reader, Store
    from meterbook.services.agreements.claims import Claim

    Noun: TypeAlias = Literal["customer", "subscription", "term"]
    Key: TypeAlias = tuple[str, str]


# What a message repeats of a long list of faults; all of them are in the error.
FAULTS_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedItem:
    """
    What a row says, against what is there.

    Attributes:
        line: The line of the file.

        noun: A customer's name, a subscription or a term.

        customer: Whose.

        key: What it is called: the name, the subscription, `subscription/term`.

        is_new: Whether it is not in the book yet.
    """

    line: int
    noun: Noun
    customer: str
    key: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """
    What a file changes.

    Attributes:
        items: In the order of its rows.

        done: Whether it was stated, or only looked at.
    """

    items: tuple[ImportedItem, ...]
    done: bool

    @property
    def new(self) -> tuple[ImportedItem, ...]:
        """
        What is not in the book yet.
        """
        return tuple(item for item in self.items if item.is_new)


class ImportFaultsError(InvalidImportError):
    """
    The file has rows that cannot be taken: nothing was changed.

    Attributes:
        faults: All of them, in the order of the rows.
    """

    def __init__(self, faults: Sequence[RowFault]) -> None:
        shown = " ".join(
            f"{fault.text[:1].upper()}{fault.text[1:]}"
            for fault in faults[:FAULTS_SHOWN_MAX]
        )
        rest = len(faults) - FAULTS_SHOWN_MAX
        more = f" And {rest:,} more." if rest > 0 else ""
        super().__init__(f"Nothing was changed. {shown}{more}")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """
    What is in the book, and in the rows before.

    Attributes:
        names: What customers are called, by key.

        counts: How many names were stated of each.

        subscriptions: By customer and key.

        terms: By customer, subscription and term: as agreed, and as corrected.

        meters: Those that were looked at, with what is wrong with them.
    """

    names: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    subscriptions: dict[Key, SubscriptionFact] = field(default_factory=dict)
    terms: dict[tuple[str, str, str], list[TermFact]] = field(default_factory=dict)
    meters: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, reader: Reader) -> _Known:
        """
        Look up everything that was stated of anybody.
        """
        known = cls()
        for said in statements(reader, customer=None, type_=CUSTOMER):
            known.names[said.customer] = str(said.body["name"])
            known.counts[said.customer] = known.counts.get(said.customer, 0) + 1
        for said in statements(reader, customer=None, type_=SUBSCRIPTION):
            fact = subscription_from(said.customer, said.body)
            known.subscriptions[fact.customer, fact.key] = fact
        for type_ in (TERM, TERM_DATES):
            for said in statements(reader, customer=None, type_=type_):
                key = said.customer, str(said.body["subscription"])
                if key in known.subscriptions:
                    zone = known.subscriptions[key].calendar.zone
                    known.add(key, fact_from(type_, said.body, zone=zone))
        return known

    def add(self, key: Key, fact: object) -> None:
        """
        Know a term, or its corrected dates.
        """
        if isinstance(fact, TermFact):
            self.terms[*key, fact.key] = [fact]
        elif isinstance(fact, DatesFact) and (*key, fact.term) in self.terms:
            agreed = self.terms[*key, fact.term]
            agreed.append(with_dates(agreed[0], start=fact.start, end=fact.end))


def with_dates(
    term: TermFact, *, start: dt.datetime, end: dt.datetime | None
) -> TermFact:
    """
    Return *term* with other dates; an anchor after the start is left out.
    """
    anchor = term.anchor
    return TermFact(
        key=term.key,
        start=start,
        end=end,
        seats=term.seats,
        kind=term.kind,
        anchor=None if anchor is not None and anchor > start else anchor,
    )


def import_rows(
    store: Store,
    clock: Clock,
    lines: Iterable[str],
    *,
    dry_run: bool,
    actor: str | None = None,
) -> ImportPlan:
    """
    State what a CSV file says and the book does not have, in one transaction.

    Args:
        store: The book's store.

        clock: Its clock.

        lines: The file's, the header first; see `meterbook.catalog.importing`.

        dry_run: Whether to say what would change, and change nothing.

        actor: Who says so.

    Raises:
        ImportFaultsError: If a row cannot be taken; it has all faults.
    """
    if actor is not None:
        check_stated("actor", actor)
    rows = list(read_rows(lines))

    def look() -> ImportPlan:
        with store.reading() as reader:
            items, _ = _compare(reader, rows)
        return ImportPlan(items=tuple(items), done=False)

    def do() -> ImportPlan:
        now = clock.now()
        with store.writing() as writer:
            items, claims = _compare(writer, rows)
            if claims:
                actor_id = named_now(writer, {actor})[actor]
                made = [claim.row(actor_id=actor_id, now=now) for claim in claims]
                if writer.append(made).known:
                    # Somebody stated one of them since we looked: look again.
                    message = "Something of the file was stated at the same time."
                    raise StoreError(message, retryable=True)
        return ImportPlan(items=tuple(items), done=True)

    return persistently(look if dry_run else do)


def _compare(
    reader: Reader, rows: Iterable[CsvRow | RowFault]
) -> tuple[list[ImportedItem], list[Claim]]:
    """
    Return what *rows* say, and what of it is to be stated.

    Raises:
        ImportFaultsError: If one of them cannot be taken.
    """
    known = _Known.of(reader)
    items: list[ImportedItem] = []
    claims: list[Claim] = []
    faults: list[RowFault] = []
    for row in rows:
        if isinstance(row, RowFault):
            faults.append(row)
            continue
        try:
            for item, claim in _said_by(reader, known, row):
                items.append(item)
                if claim is not None:
                    claims.append(claim)
        except CellError as error:
            faults.append(row.fault(error))
    if faults:
        raise ImportFaultsError(faults)

    return items, claims


def _said_by(
    reader: Reader, known: _Known, row: CsvRow
) -> Iterator[tuple[ImportedItem, Claim | None]]:
    """
    Yield what a row says, each with what is to be stated of it; and know it from then.

    Raises:
        CellError: If a cell cannot be what it is, given what is known.
    """
    customer = customer_of(row)
    _check_name(row, "customer")
    named = _name_of(known, row, customer)
    if named is not None:
        yield named
    key = customer, row.cells.get("subscription", "")
    before = known.subscriptions.get(key)
    fact = subscription_of_row(row, before)
    if fact is None:
        return

    _check_name(row, "subscription")
    if before is None:
        _check_meter(reader, known, fact.meter_key)
        known.subscriptions[key] = fact
    item = ImportedItem(
        line=row.line,
        noun="subscription",
        customer=customer,
        key=fact.key,
        is_new=before is None,
    )
    yield item, None if before is not None else subscription_claim(fact)
    yield from _term_said_by(known, row, fact)


def _name_of(
    known: _Known, row: CsvRow, customer: str
) -> tuple[ImportedItem, Claim | None] | None:
    """
    Return what a row says of a customer's name; None if it does not.
    """
    name = row.cells.get("name")
    if name is None:
        return None

    _check_name(row, "name")
    is_new = known.names.get(customer) != name
    claim = None
    if is_new:
        count = known.counts.get(customer, 0)
        known.names[customer], known.counts[customer] = name, count + 1
        claim = name_claim(customer, name, count=count)
    item = ImportedItem(
        line=row.line, noun="customer", customer=customer, key=name, is_new=is_new
    )
    return item, claim


def _term_said_by(
    known: _Known, row: CsvRow, subscription: SubscriptionFact
) -> Iterator[tuple[ImportedItem, Claim | None]]:
    """
    Yield what a row says of a term, if it does.

    Raises:
        CellError: If the term is there, and is another.
    """
    fact = term_of_row(row, subscription)
    if fact is None:
        return

    _check_name(row, "term")
    place = subscription.customer, subscription.key, fact.key
    there = known.terms.get(place)
    if there is None:
        known.terms[place] = [fact]
    elif fact not in (there[0], there[-1]):
        _contradict(fact, there[-1])
    item = ImportedItem(
        line=row.line,
        noun="term",
        customer=subscription.customer,
        key=f"{subscription.key}/{fact.key}",
        is_new=there is None,
    )
    yield item, None if there is not None else fact_claim(subscription, fact)


def _contradict(fact: TermFact, there: TermFact) -> None:
    """
    Refuse a row that says otherwise of a term that is there.

    Raises:
        CellError: Always; naming the cell.
    """
    hints = {
        "start": "correct its dates",
        "end": "correct its dates",
        "seats": "buy seats",
        "kind": "add another term",
        "anchor": "add another term",
    }
    column = next(name for name in hints if getattr(fact, name) != getattr(there, name))
    reason = (
        f"the term {fact.key!r} is there, and has another {column}: an import adds, "
        f"and changes nothing. If it is to change, {hints[column]}."
    )
    raise CellError(
        column="term_anchor" if column == "anchor" else column, reason=reason
    )


def _check_name(row: CsvRow, column: str) -> None:
    """
    Check that a cell can be stored as a name.

    Raises:
        CellError: If it cannot.
    """
    try:
        check_stated(column, row.cells[column])
    except CallerError as error:
        raise CellError(column=column, reason=str(error)) from error


def _check_meter(reader: Reader, known: _Known, meter_key: str) -> None:
    """
    Check that a meter counts seats; each is looked up once.

    Raises:
        CellError: If it does not, or is not there.
    """
    if meter_key not in known.meters:
        try:
            check_meter(reader, meter_key)
            known.meters[meter_key] = None
        except CallerError as error:
            known.meters[meter_key] = str(error)
    fault = known.meters[meter_key]
    if fault is not None:
        raise CellError(column="meter", reason=fault)
