"""
The report card: what an administrator sees of an installation's seats and licence.

A card is worked out once, as of a moment, and drawn as a page, as PDF, or in the
terminal: the same numbers everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    import datetime as dt

    from meterbook.foundation.periods import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMonth:
    """
    One subscription month of the card.

    Attributes:
        number: From 1, anew with each licence.

        licence: The id of the licence that the month is one of.

        period: The month, end exclusive.

        peak_units: The most seats held at any moment of it; None where it is not known,
            which is not 0.

        peak_at: When they were first held.

        end_units: The seats at the end of what has elapsed of it; None if not known.

        purchased_units: The seats that were bought; None for as many as are used.

        complete: The month has ended.

        known_since: When seats were first recorded, if that is after its start.
    """

    number: int
    licence: str
    period: Period
    peak_units: int | None
    peak_at: dt.datetime | None
    end_units: int | None
    purchased_units: int | None
    complete: bool
    known_since: dt.datetime | None = None

    @property
    def over_units(self) -> int:
        """
        Seats used above those that were bought; 0 where either is not known.
        """
        if self.peak_units is None or self.purchased_units is None:
            return 0
        return max(0, self.peak_units - self.purchased_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """
    What is drawn.

    Attributes:
        licensee: Who the licence is for.

        customer: Whose seats are counted.

        meter: By which meter.

        instance: The installation.

        licence: The licence's id; "" without one.

        licence_state: What the licence is now: Valid, InGrace, Expired, ...

        licence_detail: Why, in a sentence.

        zone: By whose calendar months and days are shown.

        made_at: As of when the card is.

        last_report_at: When the last report was made; None if none was.

        next_report_due: By when the next is due; None if none is.

        months: Newest first; those that have begun.

        message: What to do where there is no month to show, or "".
    """

    licensee: str
    customer: str
    meter: str
    instance: str
    licence: str
    licence_state: str
    licence_detail: str
    zone: str
    made_at: dt.datetime
    last_report_at: dt.datetime | None
    next_report_due: dt.datetime | None
    months: tuple[CardMonth, ...]
    message: str = ""
