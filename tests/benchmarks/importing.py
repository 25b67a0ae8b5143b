"""
What `import meterbook` costs a process that begins.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, Outcome, Samples, at_most


if TYPE_CHECKING:
    from benchmarks.places import Places

TITLE = "A process that begins and imports meterbook"

TARGET = 100.0

PROGRAMS = {
    "bare interpreter": "pass",
    "import meterbook": "import meterbook",
    "from meterbook import Book, Event": "from meterbook import Book, Event",
}


def run(places: Places) -> Outcome:
    rounds = places.scale.of(quick=2, full=10)
    compiled = str(places.folder / "compiled")
    for program in PROGRAMS.values():
        _milliseconds(program, compiled)
    values: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            values[name].append(_milliseconds(program, compiled))

    bare = values["bare interpreter"]
    figures = [_figure(name, found) for name, found in values.items()]
    for name in list(PROGRAMS)[1:]:
        less = [a - b for a, b in zip(values[name], bare, strict=True)]
        figures.append(_figure(f"{name}, less the bare interpreter", less))
    return Outcome(sizes={"rounds": rounds, "programs": PROGRAMS}, figures=figures)


def _figure(what: str, values: list[float]) -> Figure:
    target = at_most(TARGET) if what.startswith("import meterbook") else None
    return Figure(what=what, ours=Samples("ours", "ms", tuple(values)), target=target)


def _milliseconds(program: str, compiled: str) -> float:
    """
    Return how long a program takes whose modules were *compiled* before, as installed
    ones are.
    """
    environment = os.environ | {"PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return 1_000 * (time.perf_counter() - began)
