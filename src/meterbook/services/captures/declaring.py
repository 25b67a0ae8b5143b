"""
Declarations: the captures that a TOML file asks for.
"""

from __future__ import annotations

import tomllib

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meterbook.foundation.errors import InvalidCaptureError
from meterbook.metering.captures import capture_from


if TYPE_CHECKING:
    from meterbook.metering.captures import Capture

# A declaration is ten lines, and an application has a handful of tables to capture.
DECLARATIONS_CHARS_MAX: Final = 1_000_000
CAPTURES_MAX: Final = 100


def captures_in(text: str) -> list[Capture]:
    """
    Return the captures that a TOML file declares, by key.

    Raises:
        InvalidCaptureError: If it cannot be read, or one of them is wrong; each of
            those has a line.
    """
    if len(text) > DECLARATIONS_CHARS_MAX:
        message = f"The file is longer than {DECLARATIONS_CHARS_MAX:,} characters."
        raise InvalidCaptureError(message)
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError, RecursionError) as error:
        message = f"The file is not TOML: {error}."
        raise InvalidCaptureError(message) from error

    found = tables.pop("captures", None)
    if tables or not isinstance(found, dict) or not 0 < len(found) <= CAPTURES_MAX:
        message = (
            f"The file must hold 1 to {CAPTURES_MAX} tables as [captures.members], and"
            f" nothing else{_beside(tables)}."
        )
        raise InvalidCaptureError(message)

    captures, faults = [], []
    for key, mapping in sorted(found.items()):
        try:
            captures.append(capture_from(key, mapping))
        except InvalidCaptureError as error:
            faults.append(str(error))
    if faults:
        raise InvalidCaptureError("\n".join(faults))
    return captures


def _beside(tables: dict[str, object]) -> str:
    return f" (it has {', '.join(sorted(tables))})" if tables else ""
