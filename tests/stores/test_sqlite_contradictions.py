"""
What a SQLite book finds wrong with itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meterbook.ports import ATTRIBUTION, NOBODY, AttributionRow, Posting
from meterbook.stores.sqlite import SqliteStore
from stores.sqlite_books import NOON, row


if TYPE_CHECKING:
    from collections.abc import Iterator


OWN = Posting("acme", "tokens", NOON, 1, 1, 1)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """
    Yield a book of four entries, all of them posted as they should be.
    """
    store = SqliteStore.create(":memory:")
    with store.writing() as writer:
        writer.append(
            [
                row("a"),
                row("b", customer=None, subject_id=7),
                row("1", kind=ATTRIBUTION, customer="acme", subject_id=7),
                row("c", customer=None, subject_id=7),
            ]
        )
        writer.add_attribution(AttributionRow(7, NOON, "acme", 3, None))
    with store.following() as follower:
        follower.post(
            [
                OWN,
                OWN._replace(customer=NOBODY, place=2, seq=2),
                OWN._replace(customer=NOBODY, place=2, seq=3, sign=-1),
                OWN._replace(place=2, seq=3),
                OWN._replace(place=4, seq=4),
            ]
        )
        follower.set_posted(4)
    yield store
    store.close()


def test_a_sound_book_has_no_contradictions(store: SqliteStore) -> None:
    """
    Events posted under their customer, nobody or an owner of their subject are right.
    """
    with store.reading() as reader:
        assert reader.contradictions() == []


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            "DROP TRIGGER meterbook_entries_are_not_deleted;"
            "DELETE FROM meterbook_entries WHERE entry_id IN (1, 3)",
            [
                "places 1 to 1 have no entry",
                "places 3 to 3 have no entry",
                "entry 1: its posting under 'acme' is not what it says",
                "entry 3: the attributions have a row that it does not say",
                "place 2: place 3 did not correct it, and it is posted so",
                "place 2: place 3 did not correct it, and it is posted so",
            ],
            id="entries gone",
        ),
        pytest.param(
            "DELETE FROM meterbook_postings WHERE place = 1",
            ["entry 1: it has no posting that says what it says"],
            id="posting of a customer gone",
        ),
        pytest.param(
            "DELETE FROM meterbook_postings WHERE place = 4",
            ["entry 4: it has no posting that says what it says"],
            id="posting of a subject gone",
        ),
        pytest.param(
            "UPDATE meterbook_postings SET customer = 'other' WHERE place = 1",
            [
                "entry 1: it has no posting that says what it says",
                "entry 1: its posting under 'other' is not what it says",
            ],
            id="under another",
        ),
        pytest.param(
            "UPDATE meterbook_postings SET occurred_at = 0 WHERE place = 4",
            [
                "entry 4: it has no posting that says what it says",
                "entry 4: its posting under 'acme' is not what it says",
            ],
            id="at another time",
        ),
        pytest.param(
            "INSERT INTO meterbook_postings SELECT '', type,"
            " occurred_at, place, seq, sign"
            " FROM meterbook_postings WHERE place = 4",
            ["entry 4: it is posted more than once"],
            id="twice",
        ),
        pytest.param(
            "INSERT INTO meterbook_postings SELECT 'other', type,"
            " occurred_at, place, seq, sign"
            " FROM meterbook_postings WHERE place = 4",
            ["entry 4: its posting under 'other' is not what it says"],
            id="under somebody who never owned the subject",
        ),
        pytest.param(
            "UPDATE meterbook_worker SET posted = 3",
            ["entry 4: its posting under 'acme' is not what it says"],
            id="above the mark",
        ),
    ],
)
def test_what_was_changed_behind_our_back_is_found(
    store: SqliteStore, sql: str, expected: list[str]
) -> None:
    """
    Each contradiction between entries and postings is a sentence that names the entry.
    """
    store._session._connection.executescript(sql)

    with store.reading() as reader:
        assert reader.contradictions() == expected
