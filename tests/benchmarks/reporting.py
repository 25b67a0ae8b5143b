"""
What a benchmark found, as a table to look at and as a document to keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rich.table import Table


if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.measuring import Figure, Outcome, Samples, Target

BOUNDS = {"at least": "≥", "at most": "≤"}
VERDICTS = {True: "[green]met", False: "[red]missed", None: ""}


def table(title: str, figures: Sequence[Figure], *, caption: str = "") -> Table:
    """
    Return the figures beside what is asked of them.
    """
    shown = Table(title=title, title_justify="left", title_style="bold")
    shown.caption = caption or None
    shown.add_column("")
    for name in ("ours", "against", "ratio", "target"):
        shown.add_column(name, justify="right")
    shown.add_column("")
    for figure in figures:
        ratio = "" if figure.against is None else f"{figure.value:.2f}"
        shown.add_row(
            figure.what,
            _median(figure.ours),
            "" if figure.against is None else _median(figure.against),
            ratio,
            _target(figure.target),
            VERDICTS[figure.met],
        )
    return shown


def write_document(path: Path, outcome: Outcome, **heading: object) -> None:
    """
    Write what was found to *path* as JSON, every single measurement included.
    """
    judged = [figure.met for figure in outcome.figures if figure.met is not None]
    document = {
        **heading,
        "sizes": outcome.sizes,
        "figures": [_figure(figure) for figure in outcome.figures],
        "met": all(judged),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def _figure(figure: Figure) -> dict[str, object]:
    found: dict[str, object] = {"what": figure.what, "ours": _samples(figure.ours)}
    if figure.against is not None:
        found |= {"against": _samples(figure.against), "ratio": figure.value}
    if figure.target is not None:
        found |= {"target": figure.target._asdict(), "met": figure.met}
    return found


def _samples(samples: Samples) -> dict[str, object]:
    return {**samples._asdict(), "median": samples.median}


def _median(samples: Samples) -> str:
    digits = 0 if samples.median >= 1_000 else 2 if samples.median >= 1 else 4
    return f"{samples.median:,.{digits}f} {samples.unit}"


def _target(target: Target | None) -> str:
    return "" if target is None else f"{BOUNDS[target.bound]} {target.value:,g}"
