"""
Cataloguing: meters are defined by a file, and defined anew as another version.
"""

from __future__ import annotations

import datetime as dt

import pytest

from meterbook import Book, Event, errors


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
CATALOG = """
meters.tokens = {event_type="llm.request", aggregation="sum", value="tokens"}

[meters.slowest]
event_type = "llm.request"
aggregation = "percentile"
percentile = 99.5
hourly = "max"
rounding = "floor"
value = "seconds"
scale = 3
"""


def event(id_: str, tokens: int) -> Event:
    return Event(
        source="api",
        id=id_,
        type="llm.request",
        time=NOON,
        customer="acme",
        data={"tokens": tokens},
    )


def units(book: Book, version: int | None = None) -> object:
    return book.read(
        "tokens", customer="acme", anchor="2026-03-01", version=version
    ).units


def test_a_catalog_defines_meters(book: Book) -> None:
    """
    Each table becomes a meter in its first version; numbers keep their digits.
    """
    diff = book.apply_catalog(CATALOG)

    assert diff.applied
    assert diff.keys("added") == ["slowest", "tokens"]
    slowest, tokens = book.meters()
    assert (slowest.meter.percentile, slowest.meter.scale) == ("99.5", 3)
    assert (tokens.version, tokens.defined_at) == (1, NOON)


def test_applying_it_again_changes_nothing(book: Book) -> None:
    """
    What is the same stays, also when it is written in another way.
    """
    book.apply_catalog(CATALOG)
    again = book.apply_catalog(CATALOG + 'description = ""\n')

    assert again.keys("unchanged") == ["slowest", "tokens"]
    assert len(book.meters(all_versions=True)) == 2


def test_a_difference_is_another_version(book: Book) -> None:
    """
    The difference is shown field by field, and the old version can still be read.
    """
    book.apply_catalog(CATALOG)
    book.record([event("1", 5), event("2", 50)])

    filtered = 'filters = [{path = "tokens", gte = 10}]'
    changed = CATALOG.replace('value="tokens"', f'value="tokens", {filtered}')
    diff = book.apply_catalog(changed)

    assert diff.keys("changed") == ["tokens"]
    [tokens] = [one for one in diff.changes if one.action == "changed"]
    [field] = tokens.fields
    assert (tokens.version, field.field, field.before) == (2, "filters", [])
    assert field.after
    assert (units(book), units(book, 1)) == (50, 55)
    versions = [one.version for one in book.meters(all_versions=True)]
    assert versions == [1, 1, 2]
    assert [one.version for one in book.meters()] == [1, 2]


def test_a_meter_that_is_not_named_stays(book: Book) -> None:
    """
    Nothing is ever removed by leaving it out.
    """
    book.apply_catalog(CATALOG)
    diff = book.apply_catalog("")

    assert diff.changes == ()
    assert len(book.meters()) == 2


def test_a_dry_run_only_says(book: Book) -> None:
    """
    The difference is the same, and nothing was written.
    """
    diff = book.apply_catalog(CATALOG, dry_run=True)

    assert not diff.applied
    assert diff.keys("added") == ["slowest", "tokens"]
    assert book.meters() == []
    assert book.apply_catalog(CATALOG).changes == diff.changes


def test_all_mistakes_are_named_at_once(book: Book) -> None:
    """
    An error names each wrong meter and its field, and nothing is defined.
    """
    wrong = CATALOG + '[meters.x]\nevent_type = "t"\naggregation = "sum"\n'
    wrong += '[meters.Y]\nevent_type = "t"\naggregation = "count"\n'

    with pytest.raises(errors.InvalidCatalogError) as caught:
        book.apply_catalog(wrong)

    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "'Y'" in lines[0]
    assert "'x': value is missing" in lines[1]
    assert book.meters() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("meters.tokens = {", "not TOML", id="not TOML"),
        pytest.param("meters = 3", "table", id="no table"),
        pytest.param("[plans.free]", "plans", id="something else"),
        pytest.param("meters.tokens = 3", "tokens", id="no definition"),
        pytest.param("#" * 1_000_001, "longer", id="too long"),
    ],
)
def test_what_is_no_catalog_is_refused(book: Book, text: str, message: str) -> None:
    """
    A file that cannot be read, or holds anything else, is an error that says so.
    """
    with pytest.raises(errors.InvalidCatalogError, match=message):
        book.apply_catalog(text)


def test_there_is_a_limit_to_meters(book: Book) -> None:
    """
    A catalog of more meters than a book has is refused.
    """
    counts = {
        f"m{number}": {"event_type": "t", "aggregation": "count"}
        for number in range(1_001)
    }

    with pytest.raises(errors.InvalidCatalogError, match="1001 meters"):
        book.define(counts)


def test_a_meter_counts_what_was_recorded_before(book: Book) -> None:
    """
    Defined before or after its events, a meter answers the same.
    """
    book.record([event("1", 5)])
    book.apply_catalog(CATALOG)
    book.record([event("2", 50)])

    assert units(book) == 55


def test_what_a_meter_cannot_take_is_listed(book: Book) -> None:
    """
    Unusable events are listed at the meter, before or after it was defined, in pages;
    those that are void are not.
    """
    book.record([event("1", 5), Event(source="api", id="2", type="llm.request")])
    book.apply_catalog(CATALOG)
    book.record([Event(source="api", id=str(n), type="llm.request") for n in (3, 4)])
    book.void(source="api", id="3", actor="ops", reason="a test run")

    first, second = book.unusable("tokens")

    assert (first.entry.id, second.entry.id) == ("2", "4")
    assert "tokens is missing" in first.reason
    rest = book.unusable("tokens", after=first.entry.place or 0, limit=1)
    assert [one.entry.id for one in rest] == ["4"]
    with pytest.raises(errors.UnknownMeterError):
        book.unusable("nothing")
