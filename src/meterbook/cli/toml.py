"""
Writing TOML, as far as the definition of a meter needs it.
"""

from __future__ import annotations

import re

from typing import TYPE_CHECKING

from meterbook.cli.rendering import json_text


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_table(path: Sequence[str], values: Mapping[str, object]) -> str:
    """
    Return a table with its header and a line for each value; empty ones are left out.
    """
    lines = [f"[{'.'.join(map(_key, path))}]"]
    lines += [
        f"{_key(name)} = {_value(value)}"
        for name, value in values.items()
        if value not in ("", {}, [])
    ]
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    """
    Return a JSON value as TOML writes it.
    """
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"

    # Numbers, truth values and text are written as in JSON, but for one character.
    return json_text(value).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)
