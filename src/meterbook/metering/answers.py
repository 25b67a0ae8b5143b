"""
A reading: what a meter says of a period, as of when, and what was read to say so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from meterbook.foundation.instants import to_micros
from meterbook.foundation.units import format_units


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.foundation.periods import Period
    from meterbook.metering.aggregations import Aggregation


@dataclass(frozen=True, slots=True)
class AsOf:
    """
    The two clocks of a question. The same as-of has the same answer for ever.

    Attributes:
        place: The last place in the book that is read; None while what is read has no
            place yet, and then the answer is provisional and cannot be cited.

        moment: In UTC. What occurred after it is not counted.
    """

    place: int | None
    moment: dt.datetime

    @property
    def moment_us(self) -> int:
        """
        The moment in microseconds since 1970-01-01 UTC.
        """
        return to_micros(self.moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """
    What was read to give an answer.

    Two readings that say the same are equal however they were read: *rolled* and *tail*
    tell of cost, never of meaning, and do not take part in comparisons.

    Attributes:
        entries: How many entries of the period were counted. What is carried in
            comes from earlier ones, which are not among them.

        first_place: The lowest place among them; None when there are none, or none has
            a place yet.

        last_place: The highest; None when there are none, or one has no place yet.

        rolled: How many of the entries were answered by rollups.

        tail: How many were looked at one by one.
    """

    entries: int
    first_place: int | None
    last_place: int | None
    rolled: int = field(default=0, compare=False)
    tail: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    What a meter says of a period for one customer.

    Attributes:
        customer_key: Whose usage it is.

        meter_key: Which meter was read.

        meter_version: In which of its versions.

        period: The stretch that was read, end exclusive.

        as_of: The place and moment at which the question was asked.

        aggregation: How the meter folds.

        scale: How many decimal places the natural unit has.

        group: The names and values of a group, in the order asked for; None for the
            whole. A value is text, a number, a truth value or None.

        units: Exact, in the smallest unit. A Fraction for averages. None for an
            average, lowest or highest value of nothing, and where groups do not add up:
            the peak of several groups, or a percentile of their levels.

        peak_at: For a peak, the first moment of the period at which it was held.

        last_units: For a level, what holds at the end of the elapsed part and is
            carried out. None while no level is known.

        carried_units: For a level, what the period began with. None when it was not
            known.

        known_since: For a level, when the first one ever was recorded for; the level
            before that counts as 0 and is not a true 0. None while none is known.

        complete: The period has ended at as-of. Late usage may still change it.

        provisional: Entries without a place were read; the answer may change and cannot
            be cited.

        behind: More entries wait for a place than can be decided from.

        provenance: What was read.

        groups: The readings of the groups, when they were asked for, by value.
    """

    customer_key: str
    meter_key: str
    meter_version: int
    period: Period
    as_of: AsOf
    aggregation: Aggregation
    scale: int
    group: tuple[tuple[str, object], ...] | None
    units: int | Fraction | None
    peak_at: dt.datetime | None
    last_units: int | None
    carried_units: int | None
    known_since: dt.datetime | None
    complete: bool
    provisional: bool
    behind: bool
    provenance: Provenance
    groups: tuple[Reading, ...] = ()

    @property
    def value(self) -> Decimal | Fraction | None:
        """
        The number in natural units, exact: a Decimal, or a Fraction for averages.
        """
        if self.units is None:
            return None

        if isinstance(self.units, Fraction):
            return self.units / Fraction(10**self.scale)

        return _decimal(self.units, self.scale)

    def text(self) -> str:
        """
        Return the number for people; "-" when there is none.

        An average is rounded half away from zero to two places more than the natural
        unit has; everything else is exact. Zeros at the end are left out.
        """
        if self.units is None:
            return "-"

        shown = self.units
        if isinstance(shown, Fraction):
            shown = Fraction(rounded_half_away(shown * 100), 100)
        return format_units(shown, self.scale)


def rounded_half_away(number: Fraction) -> int:
    """
    Return the whole number nearest to *number*; a half goes away from zero.
    """
    whole, rest = divmod(abs(number.numerator), number.denominator)
    whole += 2 * rest >= number.denominator
    return whole if number >= 0 else -whole


def _decimal(units: int, scale: int) -> Decimal:
    """
    Return *units* with the last *scale* digits after the point, however many there are.
    """
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((int(units < 0), digits, -scale))
