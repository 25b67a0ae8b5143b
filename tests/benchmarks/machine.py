"""
On what it was measured: the machine, and the versions of what took part.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess

from importlib import metadata
from pathlib import Path

import servers


PACKAGES = ("meterbook", "msgspec", "psycopg")


def machine() -> dict[str, object]:
    """
    Return what is known of the machine, and how busy it was with other things.
    """
    return {
        "processor": _from("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _from("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "load_before": os.getloadavg(),
    }


def versions() -> dict[str, str]:
    """
    Return the versions of what was measured, and of what it stands on.
    """
    server = subprocess.run(
        [servers.POSTGRES, "--version"], check=True, capture_output=True, text=True
    )
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgres": server.stdout.strip().removeprefix("postgres (PostgreSQL) "),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def _from(path: str, name: str) -> str:
    """
    Return the first value of *name* in a file of `name: value` lines.
    """
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    pairs = (line.partition(":") for line in lines)
    return next((v.strip() for key, _, v in pairs if key.strip() == name), "unknown")
