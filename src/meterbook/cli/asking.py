"""
Which entries a command is about, as its options say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meterbook.cli.errors import moment_of


if TYPE_CHECKING:
    from meterbook.services.entries.listing import EventQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """
    The options that narrow a list of entries. What is None does not.
    """

    customer: str | None = None
    type: str | None = None
    source: str | None = None
    subject: str | None = None
    start: str | None = None
    end: str | None = None

    def query(self) -> EventQuery:
        """
        Return the query that they make.

        Raises:
            BadParameter: If a moment is none.
        """
        # Loaded with the book, not for help.
        from meterbook.services.entries.listing import EventQuery  # noqa: PLC0415 - see above

        return EventQuery(
            customer=self.customer,
            type=self.type,
            source=self.source,
            subject=self.subject,
            start=None if self.start is None else moment_of("--from", self.start),
            end=None if self.end is None else moment_of("--to", self.end),
        )
