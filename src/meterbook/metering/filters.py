"""
Which of its events a meter reads: conditions on their fields, all of which must hold.

==============  ==========================================  =======================
condition       holds when the field                        operand
==============  ==========================================  =======================
eq, ne          equals it, or does not                      text, number, true/false
in, not_in      equals one of them, or none                 a list of those
lt lte gt gte   comes before or after it                    number or text
prefix          begins with it                              text
exists          is there (true) or is not (false)           true/false
==============  ==========================================  =======================

Numbers compare by value (1 is 1.0), text by code point, and values of different kinds
are never equal and never in order: "10" is not 10, and true is not 1. A field that is
missing meets only `ne`, `not_in` and `exists = false`. A field that is null is there.

Laws (tests/laws/test_filters.py):
    - *Oracle*: each condition is what a plain reading of the table says.
    - *Opposites*: `ne` and `not_in` are exactly what `eq` and `in` are not.
    - *Round trip*: a filter is its definition, and equal ones have equal text.
"""

from __future__ import annotations

import enum
import operator

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from meterbook.metering.paths import MISSING, Data, Envelope, compile_path
from meterbook.metering.scalars import (
    NUMBERS,
    SCALARS,
    number_text,
    plain_number,
    row_text,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


# A list longer than this is a table, and belongs into the events as a field.
OPERANDS_MAX: Final = 1_000

OPERAND_CHARS_MAX: Final = 1_000

Predicate: TypeAlias = "Callable[[object], bool]"


class Op(enum.StrEnum):
    """
    How a field is held against the operand.
    """

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    PREFIX = "prefix"
    EXISTS = "exists"


LISTS: Final = frozenset({Op.IN, Op.NOT_IN})
ORDERS: Final[dict[Op, Callable[[Any, Any], bool]]] = {
    Op.LT: operator.lt,
    Op.LTE: operator.le,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """
    A condition on one field.

    Two filters are equal when their definitions have equal text, so 1 is 1.0 and the
    order of a list does not matter, but true is not 1.

    Attributes:
        path: Which field.

        op: How it is compared.

        operand: What it is compared with: a scalar, or a tuple of them for `in` and
            `not_in`. Must be free of faults (`operand_fault`).
    """

    path: str
    op: Op
    operand: Any = field(compare=False)
    text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """
        Bring the operand to its one form.
        """
        assert operand_fault(self.op, self.operand) is None
        operands = self.operand if self.op in LISTS else [self.operand]
        by_text = {row_text([value]): plain_number(value) for value in operands}
        ordered = tuple(by_text[text] for text in sorted(by_text))
        operand = ordered if self.op in LISTS else ordered[0]
        object.__setattr__(self, "operand", operand)
        object.__setattr__(self, "text", row_text(ordered))

    def definition(self) -> dict[str, object]:
        """
        Return the filter as a mapping of JSON values: `{"path": "model", "eq": "xl"}`.

        A number that is not whole is written `{"decimal": "0.5"}`, because JSON numbers
        become binary floats in too many hands.
        """
        if self.op in LISTS:
            operands = [_json_value(value) for value in self.operand]
            return {"path": self.path, self.op.value: operands}

        return {"path": self.path, self.op.value: _json_value(self.operand)}


def operand_fault(op: Op, operand: object) -> str | None:
    """
    Return what is wrong with *operand* for *op* as a sentence, or None.
    """
    if op is Op.EXISTS:
        return None if type(operand) is bool else "must be true or false"

    if op is Op.PREFIX:
        is_text = type(operand) is str and _scalar_fault(operand) is None
        return None if is_text and operand else "must be text that is not empty"

    if op in ORDERS:
        ordered = type(operand) is str or type(operand) in NUMBERS
        return _scalar_fault(operand) if ordered else "must be a number or text"

    if op not in LISTS:
        return _scalar_fault(operand)

    if not isinstance(operand, list | tuple) or not 0 < len(operand) <= OPERANDS_MAX:
        return f"must be a list of 1 to {OPERANDS_MAX} values"

    return next(filter(None, map(_scalar_fault, operand)), None)


def compile_filters(
    filters: Sequence[Filter],
) -> Callable[[Data, Envelope], bool] | None:
    """
    Return a function that tells whether an event meets all *filters*; None if any does.
    """
    conditions = [(compile_path(f.path), compile_op(f.op, f.operand)) for f in filters]
    if not conditions:
        return None

    if len(conditions) == 1:
        ((find, holds),) = conditions
        return lambda data, envelope: holds(find(data, envelope))

    def all_hold(data: Data, envelope: Envelope) -> bool:
        for find, holds in conditions:  # noqa: SIM110 - a generator costs more here
            if not holds(find(data, envelope)):
                return False
        return True

    return all_hold


def compile_op(op: Op, operand: Any) -> Predicate:  # noqa: ANN401 - any scalar, or several
    """
    Return a function that tells whether a found value, or MISSING, meets a condition.
    """
    if op is Op.EXISTS:
        return lambda found: (found is not MISSING) is operand

    if op is Op.PREFIX:
        return lambda found: type(found) is str and found.startswith(operand)

    if op in ORDERS:
        kinds = NUMBERS if type(operand) in NUMBERS else frozenset({str})
        before = ORDERS[op]
        return lambda found: type(found) in kinds and before(found, operand)

    if op is Op.EQ and type(operand) is str:
        return lambda found: found == operand

    among = _compile_in(operand if op in LISTS else (operand,))
    if op in {Op.EQ, Op.IN}:
        return among

    return lambda found: not among(found)


def _compile_in(operands: Sequence[Any]) -> Predicate:
    """
    Return a function that tells whether a found value is one of *operands*.

    True and 1 are one value to a Python set, so truth values are looked up apart.
    """
    hashed = frozenset(value for value in operands if type(value) is not bool)
    truths = [value for value in operands if type(value) is bool]

    def among(found: object) -> bool:
        if type(found) is bool:
            return found in truths
        return type(found) in SCALARS and found in hashed

    return among


def _scalar_fault(operand: object) -> str | None:
    if type(operand) not in SCALARS:
        return "must be text, a whole or decimal number, true or false"

    if isinstance(operand, Decimal) and not operand.is_finite():
        return "must be a finite number"

    if len(str(operand)) > OPERAND_CHARS_MAX:
        return f"must have at most {OPERAND_CHARS_MAX} characters"

    if isinstance(operand, str) and any(map(_is_surrogate, operand)):
        return "must be text that UTF-8 can write"

    return None


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _json_value(value: Any) -> object:  # noqa: ANN401 - a scalar comes, JSON goes
    if type(value) is Decimal:
        return {"decimal": number_text(value)}

    return value
