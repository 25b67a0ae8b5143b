"""
A meter: which events, which value of theirs, folded how, grouped by what.

A meter reads events of one type that meet its filters. It can be defined after they
were recorded; its answers are what they would have been. Nothing but its definition
says what it counts, so the definition has one written form: two meters are equal when
the JSON text of their definitions is.

==============  ===================  ===============================================
field           applies to           what it says
==============  ===================  ===============================================
event_type      all                  which events, by their type
aggregation     all                  one of the eleven ways to fold
value           all but count,       a path to a number; for unique, to one or more
                members              parts of the key
scale           numbers              how many decimal places a value may have (0)
missing         numbers              an event without value is `unusable` or `zero`
negative        sum average min max  values below 0 are `allowed` or `refused`
group_by        all but members      names and paths to tell events apart by
filters         all                  conditions that must all hold
percentile      percentile           above 0, at most 100, such as "99"
hourly          percentile           how one hour is read
rounding        percentile           the share that is dropped, in whole hours: `floor`
                                     or `ceil` of it
drop_hours      percentile           or: a fixed number of hours to drop
states          members              in which states a member counts (`active`)
description     all                  for people
unit            all                  for people: what one of them is called
==============  ===================  ===============================================

Laws (tests/laws/test_meters.py):
    - *Round trip*: a meter is its definition, through JSON text, too.
    - *One form*: the order of tables, filters and lists in a definition does not
      matter.
    - *Oracle*: what a meter takes from an event is what plain decimal arithmetic says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meterbook.foundation.units import SCALE_MAX
from meterbook.metering.aggregations import (
    CARRIED,
    HOURLY,
    LEVELS,
    Aggregation,
    Missing,
    Negative,
    Rounding,
)
from meterbook.metering.definitions import TEXT_CHARS_MAX, Form
from meterbook.metering.members import ACTIVE
from meterbook.metering.observing import Observe, Sample, Unusable, compile_meter
from meterbook.metering.paths import Envelope


if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterbook.metering.filters import Filter


__all__ = [
    "Aggregation",
    "Envelope",
    "Meter",
    "Observe",
    "Sample",
    "Unusable",
    "compile_meter",
    "meter_from",
]

EVENT_TYPE_CHARS_MAX: Final = 255

# A century, so that "all hours" can be said.
DROP_HOURS_MAX: Final = 876_600

FIELDS: Final = frozenset(
    {
        "aggregation",
        "description",
        "drop_hours",
        "event_type",
        "filters",
        "group_by",
        "hourly",
        "missing",
        "negative",
        "percentile",
        "rounding",
        "scale",
        "states",
        "unit",
        "value",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """
    What is measured, and how events fold into it.

    Made by `meter_from`, which checks it. The table at the head of this file says what
    each attribute means.

    Attributes:
        value: A path; for unique a tuple of paths; None for count and members.

        scale: Units are 10**scale to one natural unit.

        group_by: (name, path) pairs in order of name.

        percentile: In decimal digits, or None. Likewise *hourly*; and of *rounding* and
            *drop_hours* exactly one is there if they are.

        states: In order; of members only, and there never empty.
    """

    key: str
    event_type: str
    aggregation: Aggregation
    value: str | tuple[str, ...] | None = None
    scale: int = 0
    group_by: tuple[tuple[str, str], ...] = ()
    filters: tuple[Filter, ...] = ()
    missing: Missing = Missing.UNUSABLE
    negative: Negative = Negative.ALLOWED
    percentile: str | None = None
    hourly: Aggregation | None = None
    rounding: Rounding | None = None
    drop_hours: int | None = None
    states: tuple[str, ...] = ()
    description: str = ""
    unit: str = ""

    @property
    def reads_levels(self) -> bool:
        """
        Whether it reads how many there are now, which holds until the next.
        """
        return (self.hourly or self.aggregation) in CARRIED

    @property
    def names_members(self) -> bool:
        """
        Whether its level is made of members that come and go.
        """
        return self.aggregation is Aggregation.MEMBERS

    @property
    def whole_from_groups(self) -> bool:
        """
        Whether the whole can only be read by reading its groups: levels of groups.
        """
        return self.reads_levels and bool(self.group_by)

    @property
    def group_names(self) -> tuple[str, ...]:
        """
        The names of the groups, in the order of a group's text.
        """
        return tuple(name for name, _ in self.group_by)

    def definition(self) -> dict[str, object]:
        """
        Return the definition in its one form, of JSON values; `meter_from` reads it.

        Every field that applies is there, also one that was left to its default, so
        that a default can change without changing what was defined before.
        """
        stated: dict[str, object] = {
            "event_type": self.event_type,
            "aggregation": self.aggregation.value,
            "filters": [condition.definition() for condition in self.filters],
            "description": self.description,
            "unit": self.unit,
            "percentile": self.percentile,
            "hourly": self.hourly and self.hourly.value,
            "rounding": self.rounding and self.rounding.value,
            "drop_hours": self.drop_hours,
        }
        if self.names_members:
            stated["states"] = list(self.states)
        else:
            stated["group_by"] = dict(self.group_by)
        if _takes_numbers(self.aggregation, self.hourly):
            stated["value"] = self.value
            stated["scale"] = self.scale
            stated["missing"] = self.missing.value
        if _takes_negatives(self.aggregation, self.hourly):
            stated["negative"] = self.negative.value
        if isinstance(self.value, tuple):
            stated["value"] = list(self.value)
        return {
            name: stated[name] for name in sorted(stated) if stated[name] is not None
        }


def meter_from(key: str, mapping: Mapping[str, object]) -> Meter:
    """
    Return the meter *key* that *mapping* defines.

    Args:
        key: 1 to 100 lower-case letters, digits, `_`, `.` and `-`.

        mapping: The fields in the table at the head of this file, of strings, ints,
            Decimals, lists and dicts.

    Raises:
        InvalidMeterError: If a field is missing, unknown, does not apply, or has a
            value that is not allowed. The message names it.
    """
    form = Form(key, mapping, fields=FIELDS)
    aggregation = form.choice("aggregation", Aggregation)
    percentile = hourly = rounding = drop_hours = None
    if aggregation is Aggregation.PERCENTILE:
        percentile = form.percentile("percentile")
        hourly = form.choice("hourly", Aggregation, among=HOURLY)
        rounding, drop_hours = _dropping(form)

    states: tuple[str, ...] = ()
    group_by: tuple[tuple[str, str], ...] = ()
    if aggregation is Aggregation.MEMBERS:
        states = form.texts("states", default=(ACTIVE,))
    else:
        group_by = form.groups("group_by")

    value: str | tuple[str, ...] | None = None
    scale, missing, negative = 0, Missing.UNUSABLE, Negative.ALLOWED
    if aggregation is Aggregation.UNIQUE:
        value = form.paths("value")
    elif _takes_numbers(aggregation, hourly):
        value = form.path("value")
        if form.has("scale"):
            scale = form.whole("scale", least=0, most=SCALE_MAX)
        missing = form.choice("missing", Missing, default=missing)
        negative = _negative(form, levels=(hourly or aggregation) in LEVELS)

    meter = Meter(
        key=key,
        event_type=form.text("event_type", chars_max=EVENT_TYPE_CHARS_MAX),
        aggregation=aggregation,
        value=value,
        scale=scale,
        group_by=group_by,
        filters=form.filters("filters"),
        missing=missing,
        negative=negative,
        percentile=percentile,
        hourly=hourly,
        rounding=rounding,
        drop_hours=drop_hours,
        states=states,
        description=form.text("description", chars_max=TEXT_CHARS_MAX, default=""),
        unit=form.text("unit", chars_max=TEXT_CHARS_MAX, default=""),
    )
    form.close(aggregation)
    return meter


def _takes_numbers(aggregation: Aggregation, hourly: Aggregation | None) -> bool:
    return (hourly or aggregation) not in _NO_NUMBERS


_NO_NUMBERS: Final = frozenset(
    {Aggregation.COUNT, Aggregation.UNIQUE, Aggregation.MEMBERS}
)


def _takes_negatives(aggregation: Aggregation, hourly: Aggregation | None) -> bool:
    folded = hourly or aggregation
    return folded not in LEVELS and _takes_numbers(aggregation, hourly)


def _negative(form: Form, *, levels: bool) -> Negative:
    """
    Take whether values below 0 are allowed; for levels there is no choice.
    """
    default = Negative.REFUSED if levels else Negative.ALLOWED
    negative = form.choice("negative", Negative, default=default)
    if levels and negative is Negative.ALLOWED:
        form.refuse("negative", "must be refused: a level is never below 0")
    return negative


def _dropping(form: Form) -> tuple[Rounding | None, int | None]:
    """
    Take exactly one of the two rules of how many hours a percentile drops.
    """
    if form.has("rounding") == form.has("drop_hours"):
        form.refuse("rounding", "or drop_hours must be stated, and not both")
    if form.has("rounding"):
        return form.choice("rounding", Rounding), None

    return None, form.whole("drop_hours", least=0, most=DROP_HOURS_MAX)
