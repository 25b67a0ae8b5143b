"""
Worked cases of other systems and of standards, as data: where they are, and which.

They stand beside the project, not in it: `shared/vectors` next to its root. Where they
are absent the tests that read them are skipped, and say so.
"""

from __future__ import annotations

import json

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"


@dataclass(frozen=True, kw_only=True)
class Case:
    """
    One worked case.

    Attributes:
        id: What its file calls it, as in `KB-019`. Unique.

        kind: What it is about, as in `anchor.monthly`.

        inputs: What goes in, by name.

        expected: What comes out: anything that JSON can say.
    """

    id: str
    kind: str
    inputs: dict[str, Any]
    expected: Any


def require_vectors() -> None:
    """
    Skip the module that calls this, with the reason, if there are no vectors.
    """
    if not VECTORS.is_dir():
        pytest.skip("shared/vectors is absent", allow_module_level=True)


def all_cases() -> list[Case]:
    """
    Return every case that has a kind, file by file.
    """
    return [
        Case(
            id=case["id"],
            kind=case["kind"],
            inputs=case["inputs"],
            expected=case["expected"],
        )
        for path in sorted(VECTORS.glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))
        if "kind" in case
    ]
