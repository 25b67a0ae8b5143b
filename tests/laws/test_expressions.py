"""
An expression that is taken stays between our brackets.
"""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.metering.expressions import fault_in, pieces_of


# What opens, closes, quotes and ends, and little else: most texts are nearly something.
OPENING = ["(", ")", "[", "]", "'", "''", '"', "`", "--", "/*", "*/", ";", "$"]
WORDS = ["OR", "AND", "1", "0", "x", "e'", "\\", ",", "=", ":a", "::text", "true"]
PIECES = st.sampled_from([*OPENING, *WORDS])
SPACES = st.sampled_from(["", " ", "\n"])
TEXTS = st.lists(PIECES | SPACES, max_size=16).map("".join)


@given(TEXTS)
@example("1) OR (1")
@example("1 -- ")
@example("'' OR 1) OR ('")
@example("/* ) OR (1 */ 1")
@example("[)] OR 1")
def test_what_is_taken_cannot_leave_its_brackets(text: str) -> None:
    """
    Whatever is taken, `false AND (...)` stays false, and is one statement: oracle is
    SQLite itself.
    """
    if fault_in(text) is not None:
        return

    statement = f"SELECT 1 WHERE 0 AND ({text})"
    assert not sqlite3.complete_statement(statement)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            assert connection.execute(statement).fetchall() == []
        except sqlite3.Error:
            return


@pytest.mark.parametrize(
    "text",
    [
        "active",
        "role = 'it''s; (odd -- /* '",
        "\"a;b\" <> E'\\'; (' AND x::text = 'b'",
        "data ->> '$.state' = 'on'",
        "x[1:2] = ARRAY[(1)]",
        "data ? 'a' AND n @> 3",
    ],
)
def test_what_people_write_is_taken(text: str) -> None:
    """
    Quotes of every kind, casts, slices and operators are nobody's business.
    """
    assert fault_in(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("active;", "holds a semicolon"),
        ("a) OR (b", "closes a ) that it did not open"),
        ("(a", "does not close its ("),
        ("(a]", "closes a ] that it did not open"),
        ("a -- b", "holds a comment"),
        ("a /* b */", "holds a comment"),
        ("'a", "has a quote that is not closed"),
        ('"a', "has a double quote that is not closed"),
        ("a = $1", "holds a $"),
        ("a = $$b$$", "holds a $"),
        ("a = :b", "holds ':b'"),
        ("`a`", "holds a backquote"),
        ("a\x00", "holds a NUL"),
    ],
)
def test_what_is_refused_is_named(text: str, fault: str) -> None:
    """
    A refusal says what is wrong.
    """
    found = fault_in(text)
    assert found is not None
    assert found.startswith(fault)


def test_pieces() -> None:
    """
    Names in double quotes are found whole, and what is quoted leaves the rest.
    """
    pieces = pieces_of('"a ""b""" = \'now()\' AND c')
    assert pieces.names == ('a "b"',)
    assert "now" not in pieces.bare
    assert pieces.bare.split() == ["=", "AND", "c"]
