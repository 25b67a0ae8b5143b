"""
The benchmarks can be run: what they measure is not asked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rich.console import Console

from benchmarks.places import Places, Scale
from benchmarks.running import BENCHMARKS, run


if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_benchmark_runs(
    postgres_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Every benchmark runs with tiny sizes, prints its figures beside their targets, and
    writes them down with the machine, the versions and the sizes.
    """
    with Places(Scale(name="quick"), address=postgres_server) as places:
        for name in BENCHMARKS:
            outcome = run(name, places, folder=tmp_path, console=Console(width=160))
            document = msgspec.json.decode((tmp_path / f"{name}.json").read_bytes())
            printed = capsys.readouterr().out

            assert [f["what"] for f in document["figures"]] == [
                figure.what for figure in outcome.figures
            ]
            assert all(figure.what in printed for figure in outcome.figures)
            assert any(figure.target for figure in outcome.figures)
            assert {"machine", "versions", "sizes", "met"} <= document.keys()
