"""
Reading a definition field by field, refusing what is not understood.

A definition is written by people, in TOML or JSON, and what is misspelt must not pass
as a default: a field that nobody took is an error, and so is one that does not apply
to the aggregation. Every refusal names the meter, the field, and what is allowed.
"""

from __future__ import annotations

import enum
import re

from decimal import Decimal
from typing import Final, NoReturn, TypeVar

from meterbook.foundation.errors import InvalidMeterError
from meterbook.metering.filters import LISTS, Filter, Op, operand_fault
from meterbook.metering.paths import PEOPLE_PATHS, fault_of
from meterbook.metering.scalars import number_text


Choice = TypeVar("Choice", bound=enum.StrEnum)

METER_KEY_CHARS_MAX: Final = 100
TEXT_CHARS_MAX: Final = 1_000

# A meter's groups multiply its rollup rows; its filters cost every event.
PATHS_MAX: Final = 8
FILTERS_MAX: Final = 32

# States of members that count: a source has a handful of them.
TEXTS_MAX: Final = 32
TEXT_OF_MANY_CHARS_MAX: Final = 100

_METER_KEY: Final = re.compile(rf"[a-z0-9_.-]{{1,{METER_KEY_CHARS_MAX}}}")
_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9_.$-]{1,200}")
_DECIMAL: Final = re.compile(r"[0-9]{1,38}(?:\.[0-9]{1,38})?")


class Form:
    """
    A definition that is being read. Each field can be taken once.
    """

    def __init__(self, key: object, mapping: object, *, fields: frozenset[str]) -> None:
        """
        Begin to read the definition *mapping* of the meter *key*.

        Raises:
            InvalidMeterError: If *key* is no meter key, or *mapping* no mapping.
        """
        self._key = key
        self._fields = fields
        if not isinstance(key, str) or not _METER_KEY.fullmatch(key):
            self.refuse(
                "key",
                f"must be 1 to {METER_KEY_CHARS_MAX} lower-case letters, digits, _ . -",
            )
        if not hasattr(mapping, "items"):
            self.refuse("definition", "must be a table of fields")
        self._left: dict[object, object] = dict(mapping.items())

    def refuse(self, field: str, fault: str) -> NoReturn:
        """
        Raise the error that says what is wrong with *field*.
        """
        shown = repr(self._key)[: METER_KEY_CHARS_MAX + 2]
        message = f"meter {shown}: {field} {fault}"
        raise InvalidMeterError(message)

    def has(self, field: str) -> bool:
        """
        Tell whether *field* is stated and not taken yet.
        """
        return field in self._left

    def take(self, field: str) -> object:
        """
        Take the value of *field*.

        Raises:
            InvalidMeterError: If it is not stated.
        """
        if field not in self._left:
            self.refuse(field, "is missing")
        return self._left.pop(field)

    def close(self, aggregation: str) -> None:
        """
        Refuse what was not taken: unknown fields, and known ones that do not apply.
        """
        for left in self._left:
            if left in self._fields:
                self.refuse(str(left), f"does not apply to aggregation {aggregation}")
            allowed = ", ".join(sorted(self._fields))
            self.refuse(repr(left)[:100], f"is not a field; the fields are {allowed}")

    def text(self, field: str, *, chars_max: int, default: str | None = None) -> str:
        """
        Take printable text; it may be empty only where there is a *default*.
        """
        if default is not None and not self.has(field):
            return default

        found = self.take(field)
        fewest = 0 if default is not None else 1
        if not isinstance(found, str) or not fewest <= len(found) <= chars_max:
            self.refuse(field, f"must be text of {fewest} to {chars_max} characters")
        if not found.isprintable():
            self.refuse(field, "must be printable text")
        return found

    def texts(self, field: str, *, default: tuple[str, ...]) -> tuple[str, ...]:
        """
        Take a list of different printable texts, in one order.
        """
        if not self.has(field):
            return default

        found = self.take(field)
        if not isinstance(found, list | tuple) or not 0 < len(found) <= TEXTS_MAX:
            self.refuse(field, f"must be a list of 1 to {TEXTS_MAX} texts")
        for text in found:
            if not isinstance(text, str) or not (
                0 < len(text) <= TEXT_OF_MANY_CHARS_MAX and text.isprintable()
            ):
                most = TEXT_OF_MANY_CHARS_MAX
                self.refuse(field, f"must be printable texts of 1 to {most} characters")
        if len(set(found)) < len(found):
            self.refuse(field, "must not name a text twice")
        return tuple(sorted(found))

    def whole(self, field: str, *, least: int, most: int) -> int:
        """
        Take a whole number from *least* to *most*.
        """
        found = self.take(field)
        if type(found) is not int or not least <= found <= most:
            self.refuse(field, f"must be a whole number from {least} to {most}")
        return found

    def choice(
        self,
        field: str,
        kind: type[Choice],
        *,
        among: frozenset[Choice] | None = None,
        default: Choice | None = None,
    ) -> Choice:
        """
        Take one of the values of *kind*, or of those *among* them.
        """
        if default is not None and not self.has(field):
            return default

        found = self.take(field)
        allowed = {v.value: v for v in kind if among is None or v in among}
        if not isinstance(found, str) or found not in allowed:
            self.refuse(field, f"must be one of {', '.join(allowed)}")
        return allowed[found]

    def path(self, field: str) -> str:
        """
        Take a path into the event's data. The envelope holds no numbers.
        """
        found = self.take(field)
        self._check_path(field, found)
        assert isinstance(found, str)
        if found.startswith("$"):
            self.refuse(field, "must be a field of data: an envelope has no numbers")
        return found

    def paths(self, field: str) -> tuple[str, ...]:
        """
        Take one path or a list of different paths.
        """
        found = self.take(field)
        paths = [found] if isinstance(found, str) else found
        if not isinstance(paths, list | tuple) or not 0 < len(paths) <= PATHS_MAX:
            self.refuse(field, f"must be a path or a list of 1 to {PATHS_MAX} paths")
        for path in paths:
            self._check_path(field, path)
        if len(set(paths)) < len(paths):
            self.refuse(field, "must not name a path twice")
        return tuple(paths)

    def groups(self, field: str) -> tuple[tuple[str, str], ...]:
        """
        Take names and the paths they stand for, in order of name.

        A list of paths is short for paths that are their own names.
        """
        if not self.has(field):
            return ()

        found = self.take(field)
        if isinstance(found, list | tuple) and all(isinstance(p, str) for p in found):
            if len(set(found)) < len(found):
                self.refuse(field, "must not name a path twice")
            found = {path: path for path in found}
        if not isinstance(found, dict) or len(found) > PATHS_MAX:
            self.refuse(field, f"must be a table or a list of at most {PATHS_MAX}")
        for name, path in found.items():
            self._check_path(field, path)
            if name != path and not (
                isinstance(name, str) and _GROUP_NAME.fullmatch(name)
            ):
                self.refuse(field, "must have names of letters, digits, _ . $ -")
        return tuple(sorted(found.items()))

    def filters(self, field: str) -> tuple[Filter, ...]:
        """
        Take a list of conditions, in one order whatever order they were written in.
        """
        if not self.has(field):
            return ()

        found = self.take(field)
        if not isinstance(found, list | tuple) or len(found) > FILTERS_MAX:
            self.refuse(field, f"must be a list of at most {FILTERS_MAX} conditions")
        conditions = {self._condition(field, stated) for stated in found}
        return tuple(sorted(conditions, key=lambda f: (f.path, f.op, f.text)))

    def percentile(self, field: str) -> str:
        """
        Take a number above 0 and at most 100, as text or a number, to its one form.
        """
        found = self.take(field)
        text = str(found) if type(found) in {int, Decimal, str} else ""
        if not _DECIMAL.fullmatch(text) or not 0 < Decimal(text) <= _HUNDRED:
            self.refuse(field, 'must be above 0 and at most 100, as in "99"')
        return number_text(Decimal(text))

    def _condition(self, field: str, stated: object) -> Filter:
        """
        Return the filter that one table states: a path, and one operator with operand.
        """
        if not isinstance(stated, dict) or "path" not in stated:
            self.refuse(field, 'must be tables such as {path = "model", eq = "xl"}')
        path = stated["path"]
        self._check_path(field, path)
        if path in PEOPLE_PATHS:
            self.refuse(field, f"must not look at {path}: names live apart")
        ops = [name for name in stated if name != "path"]
        known = {op.value: op for op in Op}
        if len(ops) != 1 or ops[0] not in known:
            self.refuse(field, f"must state path and one of {', '.join(known)}")
        op = known[ops[0]]
        operand = _operand(stated[ops[0]], op)
        fault = operand_fault(op, operand)
        if fault is not None:
            self.refuse(f"{field}: {op} of {path}", fault)
        return Filter(path, op, operand)

    def _check_path(self, field: str, path: object) -> None:
        fault = fault_of(path)
        if fault is not None:
            self.refuse(f"{field}: path {repr(path)[:100]}", fault)


_HUNDRED: Final = 100


def _operand(stated: object, op: Op) -> object:
    """
    Return the operand with every `{"decimal": "0.5"}` as the number it says.
    """
    if op in LISTS and isinstance(stated, list | tuple):
        return [_number(value) for value in stated]

    return _number(stated)


def _number(stated: object) -> object:
    """
    Return the number that a `{"decimal": ...}` says; anything else as it is.
    """
    if isinstance(stated, dict) and set(stated) == {"decimal"}:
        text = stated["decimal"]
        if isinstance(text, str) and _DECIMAL.fullmatch(text.removeprefix("-")):
            return Decimal(text)

    return stated
