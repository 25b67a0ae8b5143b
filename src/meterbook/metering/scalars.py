"""
The written form of the plain values that name a group or a key.

A group of (`eu`, 4) and a key of (`N14228`) are kept as JSON arrays, `["eu",4]` and
`["N14228"]`. Values that are equal have equal text, whether a source wrote 4, 4.0 or
0.4e1; values of another kind do not: `4` is not `"4"`, and `true` is not `1`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec


if TYPE_CHECKING:
    from collections.abc import Sequence


Scalar: TypeAlias = str | int | bool | Decimal | None

SCALARS: Final = frozenset({str, int, bool, type(None), Decimal})
NUMBERS: Final = frozenset({int, Decimal})

_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_decode: Final = msgspec.json.Decoder(list[Any], float_hook=Decimal).decode


def row_text(values: Sequence[Any]) -> str:
    """
    Return the JSON array of *values*, each a scalar; equal rows have equal text.
    """
    for value in values:
        if type(value) is Decimal:
            return _encode([_written(value) for value in values]).decode()

    return _encode(values).decode()


def row_texts(rows: Sequence[Sequence[Scalar]]) -> list[str]:
    """
    Return what `row_text` does for each of *rows*, in which there are no Decimals.
    """
    # JSON escapes the line breaks inside of texts, so that they only come between rows.
    return _encode_lines(rows).decode().split("\n")[:-1]


def row_values(text: str) -> tuple[Scalar, ...]:
    """
    Return the values of a text that `row_text` wrote.
    """
    return tuple(plain_number(value) for value in _decode(text))


def plain_number(value: Any) -> Any:  # noqa: ANN401 - passes on what is no number
    """
    Return a Decimal in its one form: as an int if it is whole; others as they are.
    """
    if type(value) is Decimal:
        text = number_text(value)
        return Decimal(text) if "." in text else int(text)

    return value


def number_text(number: Decimal) -> str:
    """
    Return *number* in digits: no exponent, no zeros at the end, no lone minus.
    """
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _written(value: Scalar) -> object:
    if type(value) is Decimal:
        return msgspec.Raw(number_text(value).encode())

    return value
