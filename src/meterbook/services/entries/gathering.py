"""
Group commit: what several threads append at the same moment is one transaction.

::

    thread a   append ------ leads: writes a, then answers ------>
    thread b      append .. waits .. leads: writes b, c and d ---->
    thread c        append .. waits .................. answered -->
    thread d          append .. waits ................ answered -->

Who comes first writes at once and alone. Whoever comes while it writes waits, and the
first of them then writes for all. A commit is what costs, so eight threads wait for one
instead of eight; nobody is answered before what they appended is durable. A thread
that is alone waits for nothing.
"""

from __future__ import annotations

import threading

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from meterbook.foundation.errors import StoreError
from meterbook.ports import Appended


if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterbook.ports import NewEntry


# What is written together at the most, and the largest append that joins others: above
# it a transaction of its own costs little for each event.
GATHERED_ROWS_MAX: Final = 500


class Append(Protocol):
    """
    Appends rows; see `meterbook.ports.Store.append_unless_erased`.
    """

    def __call__(self, rows: Sequence[NewEntry], *, erasures: str) -> Appended | None:
        """
        Append *rows* in one transaction, unless people were erased meanwhile.
        """
        ...


class _Turn:
    """
    What one thread wants to append, and what became of it.
    """

    def __init__(self, rows: Sequence[NewEntry], erasures: str) -> None:
        self.rows = rows
        self.erasures = erasures
        self.done = False
        self.appended: Appended | None = None
        self._waits = threading.Lock()
        self._waits.acquire()

    def wait(self) -> None:
        """
        Wait until the turn is done, or until it is this thread's to lead.
        """
        self._waits.acquire()

    def wake(self) -> None:
        """
        Let the thread that waits go on.
        """
        self._waits.release()


class Gathering:
    """
    One way to append for all threads of a process.

    Laws (tests/services/test_gathering.py):
        - Each append gets its own answer, the one it would have got alone.
        - What cannot be written together is written apart: one's failure is nobody
          else's.
    """

    def __init__(self, append: Append) -> None:
        """
        Gather what is to be appended by *append*.
        """
        self._append = append
        self._lock = threading.Lock()
        self._waiting: deque[_Turn] = deque()
        self._led = False

    def append(self, rows: Sequence[NewEntry], *, erasures: str) -> Appended | None:
        """
        Append as `Store.append_unless_erased` does, together with other threads.
        """
        if len(rows) > GATHERED_ROWS_MAX:
            return self._append(rows, erasures=erasures)

        turn = _Turn(rows, erasures)
        with self._lock:
            leads, self._led = not self._led, True
            if not leads:
                self._waiting.append(turn)
        if not leads:
            turn.wait()
        if not turn.done:
            self._lead(turn)
        # Not written with the others: alone, it fails or succeeds by itself.
        return turn.appended if turn.done else self._append(rows, erasures=erasures)

    def _lead(self, first: _Turn) -> None:
        """
        Write *first* and what waits behind it, and let them all go on.

        Where that fails, each tries alone.
        """
        turns = self._joined(first)
        try:
            self._write(turns)
        except StoreError:
            if len(turns) == 1:
                raise
        finally:
            for turn in turns[1:]:
                turn.wake()
            self._hand_over()

    def _joined(self, first: _Turn) -> list[_Turn]:
        """
        Return *first* and, of those behind it, who can be written with it.
        """
        turns, count = [first], len(first.rows)
        with self._lock:
            while self._waiting:
                behind = self._waiting[0]
                count += len(behind.rows)
                if behind.erasures != first.erasures or count > GATHERED_ROWS_MAX:
                    break
                turns.append(self._waiting.popleft())
        return turns

    def _write(self, turns: Sequence[_Turn]) -> None:
        rows = [row for turn in turns for row in turn.rows]
        appended = self._append(rows, erasures=turns[0].erasures)
        start = 0
        for turn in turns:
            end = start + len(turn.rows)
            turn.appended = None if appended is None else _part(appended, start, end)
            turn.done = True
            start = end

    def _hand_over(self) -> None:
        """
        Let the next who waits lead; if nobody does, whoever comes.
        """
        with self._lock:
            if self._waiting:
                self._waiting.popleft().wake()
            else:
                self._led = False


def _part(appended: Appended, start: int, end: int) -> Appended:
    """
    Return what became of the rows at [*start*, *end*), by their position there.
    """
    known = {
        index - start: entry
        for index, entry in appended.known.items()
        if start <= index < end
    }
    return Appended(appended.entry_ids[start:end], known)
