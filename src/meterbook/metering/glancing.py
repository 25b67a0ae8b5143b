"""
Seeing in passing that a meter can take an event.

Whoever records hears at once when a meter cannot take a value. To find that out every
meter would have to observe every event twice: when it is recorded, and when it is
rolled up. A glance is a fraction of that, and is enough for the plain events that most
are. It never says yes to an event that is unusable (tests/laws/test_meters.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from meterbook.foundation.units import UNITS_MAX
from meterbook.metering.aggregations import Negative
from meterbook.metering.members import Change
from meterbook.metering.paths import MISSING, Data, is_field


if TYPE_CHECKING:
    from collections.abc import Callable

    from meterbook.metering.meters import Meter


Glance: TypeAlias = "Callable[[Data, int | None, int | None], bool]"

# So few texts, so short, make a row that can be kept, however they are encoded.
FIELDS_MAX: Final = 4
CHARS_MAX: Final = 20


def compile_glance(meter: Meter) -> Glance:
    """
    Return a function that sees in passing that *meter* can take an event's data.

    Returns:
        glance(data, subject, actor) -> True if no event with these data, of this
        subject and actor (by their ids), is unusable. False says nothing: then
        observing tells.
    """
    if meter.names_members:
        return _glance_at_member

    if meter.value == ("$subject",) and not meter.group_by:
        return _has_subject

    keys = meter.value if isinstance(meter.value, tuple) else ()
    texts = (*keys, *(path for _, path in meter.group_by))
    looked_at = (*texts, meter.value) if isinstance(meter.value, str) else texts
    if len(texts) > FIELDS_MAX or not all(is_field(path) for path in looked_at):
        return _not_at_a_glance

    if not isinstance(meter.value, str):
        return lambda data, _subject, _actor: _are_short_texts(data, texts)

    glance = _glance_at_number(meter, meter.value)
    if not texts:
        return glance
    return lambda data, subject, actor: (
        glance(data, subject, actor) and _are_short_texts(data, texts)
    )


def _glance_at_number(meter: Meter, path: str) -> Glance:
    highest = UNITS_MAX // 10**meter.scale
    lowest = -highest if meter.negative is Negative.ALLOWED else 0

    def glance(data: Data, _subject: int | None, _actor: int | None) -> bool:
        value = data.get(path, MISSING)
        return type(value) is int and lowest <= value <= highest

    return glance


def _are_short_texts(data: Data, paths: tuple[str, ...]) -> bool:
    for path in paths:
        value = data.get(path)
        if type(value) is not str or len(value) > CHARS_MAX:
            return False
    return True


def _glance_at_member(data: Data, subject: int | None, _actor: int | None) -> bool:
    return (
        subject is not None
        and data.get("change") in _NAMED_CHANGES
        and type(data.get("way", "")) is str
        and type(data.get("state", "")) is str
    )


_NAMED_CHANGES: Final = (Change.JOIN.value, Change.LEAVE.value)


def _has_subject(_data: Data, subject: int | None, _actor: int | None) -> bool:
    return subject is not None


def _not_at_a_glance(_data: Data, _subject: int | None, _actor: int | None) -> bool:
    return False
