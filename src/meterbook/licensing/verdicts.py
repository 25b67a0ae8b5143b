"""
What becomes of a report, and what the receiver knows when it decides.

Three answers: it is accepted, nothing happens, or it is refused and named why. When
each is given is written in `licensing.judging`.
"""

from __future__ import annotations

import enum

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from meterbook.licensing.tracing import Point


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Mapping, Sequence

    from meterbook.licensing.licences import Licence
    from meterbook.licensing.months import MonthId
    from meterbook.licensing.reports import Mark, Report, ReportedMonth


class Refusal(enum.StrEnum):
    """
    What is wrong with a report that is not accepted: `licensing.judging` says when.
    """

    MALFORMED = "malformed"
    FORGED = "forged"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_LICENCE = "unknown_licence"
    NOT_FOR_US = "not_for_us"
    CLONED = "cloned"
    EDITED = "edited"
    RESTORED_BACKUP = "restored_backup"
    CLOCK_SET_BACK = "clock_set_back"
    FAR_AHEAD = "far_ahead"
    GAP = "gap"


class Nothing(enum.StrEnum):
    """
    Why nothing happens.
    """

    DUPLICATE = "duplicate"
    OLDER = "older"


# What a person may accept all the same, with a reason. A restored book begins a new
# epoch instead, a clone gets an identity of its own, and the rest cannot be believed.
EXCUSABLE: Final = frozenset(
    {Refusal.EDITED, Refusal.CLOCK_SET_BACK, Refusal.FAR_AHEAD, Refusal.GAP}
)


class Notice(NamedTuple):
    """
    Something to look at in a report that was accepted all the same.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """
    The report is good, and continues what was accepted before.
    """

    report: Report
    notices: tuple[Notice, ...]

    @property
    def code(self) -> str:
        """
        The answer, for programs.
        """
        return "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inert:
    """
    The report says nothing that was not accepted before.
    """

    code: Nothing
    report: Report
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """
    The report is not accepted.

    Attributes:
        report: None if it could not be read.
    """

    code: Refusal
    report: Report | None
    reason: str


Verdict: TypeAlias = Accepted | Inert | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedReport:
    """
    What is remembered of a report that was accepted, or refused as another history.

    Attributes:
        digest: Of its text.

        earlier: The places of the reports before it, as it says.
    """

    digest: str
    epoch: int
    epoch_began_at: dt.datetime
    sequence: int
    made_at: dt.datetime
    size: int
    root: bytes
    marks: tuple[Mark, ...] = ()
    earlier: tuple[Point, ...] = ()

    @property
    def point(self) -> Point:
        """
        The place that it was read at.
        """
        return Point(self.size, self.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    What the receiver knows of an installation before a report comes in.

    Attributes:
        licences: That were issued here, by id, whoever they are for.

        accepted: The reports of this installation that were accepted, in any order.

        months: What the months of the report's epoch were said to be, by the newest
            report that said it.

        others: Reports that were refused because they are of another history.
    """

    licences: Mapping[str, Licence]
    accepted: Sequence[AcceptedReport] = ()
    months: Mapping[MonthId, ReportedMonth] = field(default_factory=dict)
    others: Sequence[AcceptedReport] = ()
