"""
The words of a story as values.
"""

from __future__ import annotations

import datetime as dt

from decimal import Decimal


def moment(words: list[str]) -> dt.datetime:
    """
    Return the moment that a day, and perhaps a time of day, says; in UTC.
    """
    return dt.datetime.fromisoformat("T".join(words)).replace(tzinfo=dt.UTC)


def pairs(words: list[str]) -> list[tuple[str, str]]:
    """
    Return words as (name, value) pairs.
    """
    return list(zip(words[::2], words[1::2], strict=True))


def number(word: str) -> int | Decimal | str | None:
    """
    Return the number that a word says, None for unknown, or the word itself.
    """
    if word == "unknown":
        return None

    digits = word.removeprefix("-").replace(".", "", 1)
    if not digits.isdecimal():
        return word

    return Decimal(word) if "." in word else int(word)


def plain(word: str) -> int | str | list[str]:
    """
    Return a word of a definition: a whole number, a list if it has commas, or itself.
    """
    if "," in word:
        return word.split(",")

    return int(word) if word.isdecimal() else word
