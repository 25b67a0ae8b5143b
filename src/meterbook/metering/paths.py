"""
Where in an event a meter looks.

============================  ====================================================
`tokens`                      the field of `data` with that name
`usage.total`                 dots walk into objects: `data["usage"]["total"]`
`$source` `$type`             the envelope: who stated it, what happened
`$subject` `$actor`           the envelope: who used it, who acted
============================  ====================================================

A path that leads nowhere finds MISSING, which is not the same as finding null. A field
whose own name has a dot in it cannot be reached.
"""

from __future__ import annotations

import enum

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec


if TYPE_CHECKING:
    from collections.abc import Callable


# A path is shown in tables and kept in every definition: long enough for any nesting.
PATH_CHARS_MAX: Final = 200

ENVELOPE_PATHS: Final = ("$subject", "$actor", "$source", "$type")

# Names live apart from the book, so what an envelope holds of people is a number.
PEOPLE_PATHS: Final = frozenset({"$subject", "$actor"})


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """
    What an event says besides its data, as far as a meter may look.

    Attributes:
        source: Who states it.

        type: What happened.

        subject: The person id of who used it, or None.

        actor: The person id of who acted, or None.
    """

    source: str
    type: str
    subject: int | None = None
    actor: int | None = None


class _Nothing(enum.Enum):
    """
    What is found where nothing is.
    """

    MISSING = "missing"


MISSING: Final = _Nothing.MISSING

Data: TypeAlias = dict[str, Any]
Finder: TypeAlias = "Callable[[Data, Envelope], object]"


def fault_of(path: object) -> str | None:
    """
    Return what is wrong with *path* as a sentence, or None if it can be used.
    """
    if not isinstance(path, str) or not 0 < len(path) <= PATH_CHARS_MAX:
        return f"must be text of 1 to {PATH_CHARS_MAX} characters"

    if not path.isprintable():
        return "must be printable text"

    if path.startswith("$"):
        allowed = ", ".join(ENVELOPE_PATHS)
        return None if path in ENVELOPE_PATHS else f"must be a field, or {allowed}"

    return None if all(path.split(".")) else "has an empty step between its dots"


def is_field(path: str) -> bool:
    """
    Tell whether *path* is a field of the data itself: one step, not the envelope.
    """
    return "." not in path and not path.startswith("$")


def compile_path(path: str) -> Finder:
    """
    Return a function that finds what *path* leads to, or MISSING.
    """
    assert fault_of(path) is None
    if path.startswith("$"):
        return _envelope_finder(path)

    if is_field(path):
        return lambda data, _envelope: data.get(path, MISSING)

    first, *rest = path.split(".")

    def walk(data: Data, _envelope: Envelope) -> object:
        found = data.get(first, MISSING)
        for step in rest:
            if type(found) is not dict:
                return MISSING
            found = found.get(step, MISSING)
        return found

    return walk


def find(path: str, data: Data, envelope: Envelope) -> object:
    """
    Return what *path* leads to in one event, or MISSING.
    """
    return compile_path(path)(data, envelope)


def _envelope_finder(path: str) -> Finder:
    if path == "$source":
        return lambda _data, envelope: envelope.source

    if path == "$type":
        return lambda _data, envelope: envelope.type

    if path == "$subject":
        return lambda _data, envelope: (
            MISSING if envelope.subject is None else envelope.subject
        )

    return lambda _data, envelope: MISSING if envelope.actor is None else envelope.actor
