"""
Packages that only cards need.
"""

from __future__ import annotations

import importlib

from typing import Any

from meterbook.foundation.errors import MissingExtraError


def extra(name: str) -> Any:  # noqa: ANN401 - a module without types
    """
    Return the package *name*.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise _missing() from error


def _missing() -> MissingExtraError:
    return MissingExtraError.named("cards", purpose="A report card")
