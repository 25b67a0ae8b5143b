"""
Progress, for whoever watches: on stderr, and only if that is a terminal.
"""

from __future__ import annotations

import sys
import time

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress, TaskID


class Telling:
    """
    A line that says how far something has come, gone when it is done.

    Attributes:
        progress: None where nobody watches; everything is a no-op then.
    """

    def __init__(self, *, total: int | None = None) -> None:
        """
        Begin with nothing done.

        Args:
            total: How much there is to do, in the unit of `advance`; None if unknown.
        """
        self.progress: Progress | None = None
        self._total = total
        self._started = time.monotonic()
        self._tasks: dict[str, TaskID] = {}
        if sys.stderr.isatty():
            self.progress = _progress(bar=total is not None)

    def __enter__(self) -> Self:
        if self.progress is not None:
            self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.progress is not None:
            self.progress.stop()

    def tell(self, what: str, count: int) -> None:
        """
        Say that *count* of something were looked at.
        """
        self.advance(what, count, done=count)

    def advance(self, what: str, count: int, *, done: int) -> None:
        """
        Say that *count* of something are done, *done* of the total.
        """
        if self.progress is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self.progress.add_task(
                what, total=self._total, n="0", rate=""
            )
        elapsed = time.monotonic() - self._started
        rate = f", {count / elapsed:,.0f} a second" if elapsed else ""
        self.progress.update(
            self._tasks[what], completed=done, n=f"{count:,}", rate=rate
        )


def _progress(*, bar: bool) -> Progress:
    # Rich's bars are loaded where there is somebody to watch.
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.progress import (  # noqa: PLC0415 - see above
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        BarColumn() if bar else SpinnerColumn(),
        TextColumn("{task.fields[n]} {task.description}{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
