"""
A caller's connection: the driver's, and what its manager must be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Callable


def nothing() -> None:
    """
    Do nothing.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """
    A connection on which somebody else's transaction is open.

    Attributes:
        connection: The driver's; None for one of the book's own.

        failed: To be called when the driver raised an error. Who manages the
            transaction did not see it, and would end it as if nothing had happened.

        ready: To be called before something is recorded: a savepoint that was only
            noted so far is made.

        flush: Writes what the caller has changed in memory only: it is to be counted,
            and triggers are to see who changed it.
    """

    connection: object
    failed: Callable[[], None] = nothing
    ready: Callable[[], None] = nothing
    flush: Callable[[], None] = nothing
