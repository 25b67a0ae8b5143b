"""
Values drawn from what goes wrong: for the laws of what may be recorded.
"""

from __future__ import annotations

import datetime as dt
import enum

from decimal import Decimal

from hypothesis import strategies as st

from meterbook.metering.canonical import NUMBER_DIGITS_MAX


NUMBER_END = 10**NUMBER_DIGITS_MAX
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


class Word(str, enum.Enum):  # noqa: UP042 - the older kind, whose str() is not its text
    """
    Text that is more than text.
    """

    WORD = "word"


class Count(enum.IntEnum):
    """
    A number that is more than a number.
    """

    SEVEN = 7


odd_texts = st.sampled_from(
    [
        *("", " ", "\t\n", "\0", "a\0", "\ud800", "\\u0000", "\u3000", "\x1f"),
        *("x" * 255, "x" * 256, "meterbook:void", " meterbook:", "None", "!"),
        Word.WORD,
    ]
)
plain_texts = st.sampled_from(["api", "user-7", "acme", "caf\u00e9", "a b"])
texts = plain_texts | plain_texts | odd_texts | st.text(max_size=8)

# Mostly fit for a name, so that the other fields of an event are looked at, too.
names: st.SearchStrategy[object] = (
    plain_texts | plain_texts | plain_texts | texts | st.sampled_from([5, b"a", True])
)

numbers = (
    st.integers(-(10**6), 10**6)
    | st.sampled_from([NUMBER_END - 1, NUMBER_END, -NUMBER_END, 2**63, 2**64])
    | st.sampled_from([Count.SEVEN])
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.builds(
        lambda digits, exponent: Decimal(digits).scaleb(exponent),
        st.integers(-99, 99),
        st.integers(-40, 40),
    )
)
plain_values = st.none() | st.booleans() | st.integers(-9, 9) | plain_texts
values: st.SearchStrategy[object] = (
    plain_values | texts | numbers | st.sampled_from([0.5, b"a", NOON])
)
nested = st.recursive(
    values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts, inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=8,
)
plain_data = st.dictionaries(plain_texts, plain_values, max_size=4)
mappings = (
    plain_data
    | st.dictionaries(texts, values, max_size=4)
    | st.dictionaries(texts, nested, max_size=3)
)
data: st.SearchStrategy[object] = plain_data | mappings | nested


def deep(levels: int) -> dict[str, object]:
    """
    Return data of so many levels, itself the first.
    """
    inside: dict[str, object] = {}
    for _ in range(levels - 1):
        inside = {"a": inside}

    return inside


def laughing(levels: int) -> list[object]:
    """
    Return ten lists, each of the same ten lists, each of the same ten lists.
    """
    inside: list[object] = ["ha"]
    for _ in range(levels):
        inside = [inside] * 10

    return inside
