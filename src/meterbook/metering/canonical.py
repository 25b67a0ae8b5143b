r"""
The one text of a piece of data: what is stored, compared and signed.

::

    {"b": 1.50, "a": 1e0}      {"a": 1, "b": Decimal("1.5")}
                 \                 /
                  {"a":1,"b":1.5}

JSON with keys in order and numbers written in one way, so that data of equal value
has equal text: 1, 1.0 and 1e0 are ``1``, and no number has an exponent. What has no
such text is refused and named: a binary float (0.1 would not be 0.1), a number
of too many digits, text with a NUL or half a surrogate pair (which some stores
cannot keep), and whatever JSON does not have.

Laws (tests/laws/test_admission.py):
    - *Value*: equal data has equal text, and different data has different text.
    - *Round trip*: reading the text gives the data.
    - *Two ways*: the quick way for flat data and the careful one say the same.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from meterbook.metering.events import Refused


# A usage event is facts, not a document: larger ones belong in an object store, with
# their address here. Also what keeps one bad source from filling the book.
DATA_BYTES_MAX: Final = 65_536

# The data itself is the first level. No usage event that we have seen has five.
DATA_DEPTH_MAX: Final = 16

# What PostgreSQL's and most vendors' decimals hold. More are no quantity.
NUMBER_DIGITS_MAX: Final = 38

_NUMBER_END: Final = 10**NUMBER_DIGITS_MAX

# Binary floating point by the names of its types: Python's, then numpy's.
_BINARY: Final = frozenset({"float", "float16", "float32", "float64"})

# How much of a value a reason repeats: enough to find it, too little to flood a log.
_SHOWN_CHARS: Final = 40

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def canonical_text(data: object, *, field: str) -> bytes | Refused:
    """
    Return the one text of *data*, in UTF-8; or why it has none.

    Args:
        data: A dictionary of JSON values; numbers are int or Decimal.

        field: What to call *data* in a refusal: `data`.
    """
    return quick_text(data) or careful_text(data, field=field)


def quick_text(data: object) -> bytes | None:
    """
    Return the text of data that is flat: text, flags, whole numbers; else None.

    The loop is the hot path of recording: most usage events have two to five facts.
    """
    if type(data) is not dict:
        return None
    for value in data.values():
        if type(value) is str:
            continue
        if type(value) is int:
            if -_NUMBER_END < value < _NUMBER_END:
                continue
            return None
        if value is not None and type(value) is not bool:
            return None
    try:
        text = _ENCODER.encode(data)
    except (UnicodeEncodeError, TypeError):
        return None

    # Other text may hold these letters, too: the careful way decides. (`find`, since
    # `in` asks bytes for a number first and is five times slower.)
    if len(text) > DATA_BYTES_MAX or text.find(b"u0000") >= 0:
        return None

    return text


def careful_text(data: object, *, field: str) -> bytes | Refused:
    """
    Return what `canonical_text` returns, looking at every value.
    """
    if not isinstance(data, dict):
        return refusal(
            "wrong_type", field, f"is {type(data).__name__}", "send a JSON object."
        )
    try:
        plain = _Reading().mapping(data, field, 1)
    except _NotPlainError as error:
        return error.refused

    text = _ENCODER.encode(plain)
    return text if len(text) <= DATA_BYTES_MAX else _too_large(field)


def refusal(code: str, field: str, found: str, advice: str) -> Refused:
    """
    Return a refusal that says what was *found* in *field*, and gives *advice*.

    Where *field* is empty, *found* is a sentence of its own.
    """
    return Refused(code=code, field=field, reason=f"{field} {found}: {advice}".lstrip())


def shown(text: str) -> str:
    """
    Return *text* in quotes for a reason: shortened, and with nothing unprintable.
    """
    cut = text[:_SHOWN_CHARS]
    return repr(cut) if len(text) <= _SHOWN_CHARS else f"{cut!r}..."


def segment(key: str) -> str:
    """
    Return *key* as a step of a path: as it is, or quoted if it would be unreadable.
    """
    return key if len(key) <= _SHOWN_CHARS and key.isprintable() else shown(key)


def text_fault(text: str, field: str) -> Refused | None:
    """
    Return why *text* cannot be stored as text everywhere, or None if it can.
    """
    if "\0" in text:
        advice = "leave the NUL character out, which PostgreSQL cannot store."
        return refusal("not_text", field, f"is {shown(text)}", advice)
    try:
        text.encode()
    except UnicodeEncodeError:
        advice = "it holds half a surrogate pair, which is not text: send UTF-8."
        return refusal("not_text", field, f"is {shown(text)}", advice)

    return None


class _NotPlainError(Exception):
    """
    Some value has no canonical text: carries the refusal up from where it was found.
    """

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.refused = refused


class _Reading:
    """
    One careful walk through data, making a copy whose JSON is canonical.

    Attributes:
        bytes_left: How much more text the data may come to. Counted down on the way,
            since a few lists that hold each other can stand for more than a disk.
    """

    __slots__ = ("bytes_left",)

    def __init__(self) -> None:
        self.bytes_left = DATA_BYTES_MAX

    def mapping(
        self, data: dict[object, object], path: str, depth: int
    ) -> dict[str, object]:
        """
        Return a plain copy of *data*; *depth* is its own level, from 1.
        """
        _check_depth(path, depth)
        plain: dict[str, object] = {}
        for key, value in data.items():
            if not isinstance(key, str):
                advice = "use text for keys."
                found = f"has a key of type {type(key).__name__}"
                raise _NotPlainError(refusal("wrong_type", path, found, advice))
            inner = f"{path}.{segment(key)}"
            name = self._text(key, inner)
            plain[name] = self._value(value, inner, depth + 1)

        return plain

    def _value(self, value: object, path: str, depth: int) -> object:
        """
        Return a plain copy of *value*, or raise why there is none.
        """
        self._spend(1, path)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int):
            return _whole(value, path)
        if isinstance(value, Decimal):
            return _decimal(value, path)
        if isinstance(value, dict):
            return self.mapping(value, path, depth)
        if isinstance(value, list | tuple):
            _check_depth(path, depth)
            return [
                self._value(item, f"{path}[{index}]", depth + 1)
                for index, item in enumerate(value)
            ]

        raise _NotPlainError(_wrong_type(value, path))

    def _text(self, text: str, path: str) -> str:
        """
        Return *text* as an exact str, if it can be stored.
        """
        self._spend(len(text), path)
        if fault := text_fault(text, path):
            raise _NotPlainError(fault)

        return str.__str__(text)

    def _spend(self, size: int, path: str) -> None:
        """
        Count down *size* bytes, the least that a value comes to.
        """
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise _NotPlainError(_too_large(path))


def _check_depth(path: str, depth: int) -> None:
    """
    Check that a value at *depth* may hold others.
    """
    if depth > DATA_DEPTH_MAX:
        found = f"is nested more than {DATA_DEPTH_MAX} levels deep"
        raise _NotPlainError(refusal("too_deep", path, found, "send flatter data."))


def _whole(value: int, path: str) -> int:
    """
    Return *value* as an exact int, if it has not too many digits.
    """
    if -_NUMBER_END < value < _NUMBER_END:
        return int(value)

    raise _NotPlainError(_too_many_digits(path))


def _decimal(value: Decimal, path: str) -> int | msgspec.Raw:
    """
    Return *value* as JSON: an int if it is whole, else digits around a point.

    Digits are counted as written without an exponent, zeros at either end of the
    number left out, and before they are written: 1e999999999 would not end.
    """
    if not value.is_finite():
        found = f"is {value}, which is no number"
        raise _NotPlainError(
            refusal("out_of_range", path, found, "send a finite number.")
        )
    if not value:
        return 0

    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    written = "".join(map(str, digits)).rstrip("0")
    exponent += len(digits) - len(written)
    count = len(written) + exponent if exponent >= 0 else max(len(written), -exponent)
    if count > NUMBER_DIGITS_MAX:
        raise _NotPlainError(_too_many_digits(path))
    if exponent >= 0:
        whole = int(written + "0" * exponent)
        return -whole if sign else whole

    written = written.rjust(1 - exponent, "0")
    minus = "-" if sign else ""
    return msgspec.Raw(f"{minus}{written[:exponent]}.{written[exponent:]}".encode())


def _too_many_digits(path: str) -> Refused:
    """
    Return the refusal of a number that is too large or too fine.
    """
    found = f"has more than {NUMBER_DIGITS_MAX} digits"
    return refusal("out_of_range", path, found, "send a smaller or rounder number.")


def _too_large(path: str) -> Refused:
    """
    Return the refusal of data whose text is too long.
    """
    found = f"makes the event larger than {DATA_BYTES_MAX} bytes"
    return refusal("too_large", path, found, "send the facts, and a link to the rest.")


def _wrong_type(value: object, path: str) -> Refused:
    """
    Return the refusal of a *value* that JSON does not have, or only nearly.
    """
    if type(value).__name__ in _BINARY:
        found = f"is the binary float {value!r}, which is not exact"
        return refusal("not_exact", path, found, "send an int, a Decimal or text.")

    found = f"is {type(value).__name__}, which JSON does not have"
    return refusal("wrong_type", path, found, "send text, a number, a list or a dict.")
