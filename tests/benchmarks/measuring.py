"""
Measuring: two ways to do the same, in turn, and the ratio of their medians.

::

    ours   A       A       A      what is made ready for a round is not timed
    raw        B       B      B   a slow minute of the machine meets both

A ratio within one run says something on any machine; seconds do not. So nothing here
fails because it is slow: a figure stands beside its target, and says whether it is met.
"""

from __future__ import annotations

import gc
import statistics
import time

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias


# Makes round n ready, which is not timed, and returns what is.
Trial: TypeAlias = Callable[[int], Callable[[], object]]


class Samples(NamedTuple):
    """
    What was measured again and again.

    Attributes:
        name: Of what.

        unit: Of the values.

        values: In the order in which they were measured.
    """

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


class Target(NamedTuple):
    """
    What the issue asks of a figure.
    """

    bound: Literal["at least", "at most"]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    One number of a benchmark.

    Attributes:
        what: Which one.

        ours: What was measured of the book.

        against: What it is compared with, if with anything.

        target: What is asked of `value`, if anything.
    """

    what: str
    ours: Samples
    against: Samples | None = None
    target: Target | None = None

    @property
    def value(self) -> float:
        """
        Ours through the other, or our median where there is no other.
        """
        if self.against is None:
            return self.ours.median
        return self.ours.median / self.against.median

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        if self.target.bound == "at least":
            return self.value >= self.target.value
        return self.value <= self.target.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What a benchmark found.

    Attributes:
        sizes: How much of what was measured: the workload, in words and numbers.

        figures: What came out.
    """

    sizes: dict[str, object]
    figures: list[Figure] = field(default_factory=list)


def at_least(value: float) -> Target:
    return Target("at least", value)


def at_most(value: float) -> Target:
    return Target("at most", value)


def in_turn(ours: Trial, against: Trial, *, rounds: int) -> list[tuple[float, float]]:
    """
    Return the seconds of each round, ours and the other's: A B A B.
    """
    return [(timed(ours(n)), timed(against(n))) for n in range(rounds)]


def timed(work: Callable[[], object]) -> float:
    """
    Return how many seconds *work* takes; rubbish of earlier work is collected before.
    """
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rates(
    seconds: list[tuple[float, float]], *, amount: int, units: tuple[str, str]
) -> tuple[Samples, Samples]:
    """
    Return rounds of *amount* things each as rates, ours and the other's.
    """
    ours, raw = units
    return (
        Samples("ours", ours, tuple(amount / a for a, _ in seconds)),
        Samples("raw", raw, tuple(amount / b for _, b in seconds)),
    )
