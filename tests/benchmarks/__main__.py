"""
Measure: `python -m benchmarks [NAME ...] [--quick | --large] [--json FOLDER]`.
"""

from __future__ import annotations

import argparse
import os

from pathlib import Path

from rich.console import Console

import servers

from benchmarks.places import Places, Scale
from benchmarks.running import BENCHMARKS, run


RESULTS = Path(__file__).parents[2] / "bench-results"


def main() -> None:
    """
    Run the benchmarks that are named, or all of them. Nothing fails for being slow.
    """
    asked = _parser().parse_args()
    scale = Scale(name="quick" if asked.quick else "large" if asked.large else "full")
    console = Console()
    address = os.environ.get(servers.ADDRESS_VARIABLE)
    with Places(scale, address=address) as places:
        for name in asked.names or BENCHMARKS:
            run(name, places, folder=asked.json, console=console)
    console.print(f"Every measurement is in {asked.json}/*.json")


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(BENCHMARKS)
    parser = argparse.ArgumentParser(prog="benchmarks", epilog=f"Names: {names}.")
    parser.add_argument("names", nargs="*", metavar="NAME", type=_known)
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--quick", action="store_true", help="see that all runs; measures nothing"
    )
    size.add_argument(
        "--large", action="store_true", help="books of a million, or of five"
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=RESULTS,
        metavar="FOLDER",
        help="where to write NAME.json (default: bench-results)",
    )
    return parser


def _known(name: str) -> str:
    if name not in BENCHMARKS:
        message = f"there is no benchmark {name!r}"
        raise argparse.ArgumentTypeError(message)
    return name


if __name__ == "__main__":
    main()
