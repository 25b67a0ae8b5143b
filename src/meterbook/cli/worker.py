"""
`meterbook worker`: number entries, post their effects, keep the rollups.
"""

from __future__ import annotations

import signal
import threading

from typing import TYPE_CHECKING, Annotated

import typer

from meterbook.cli import options
from meterbook.cli.opening import opened
from meterbook.cli.rendering import print_json


if TYPE_CHECKING:
    from types import FrameType

    from meterbook.services.worker.following import Step


# Entries are read from the tail meanwhile: a second late is soon enough.
PAUSE_SECONDS = 1.0

commands = options.noun("worker", "Number entries, post their effects, keep rollups.")


@commands.callback()
def worker() -> None:
    """
    Number entries, post their effects, keep rollups.
    """


@commands.command("run", **options.with_example("meterbook worker run --once"))
def run(
    once: Annotated[
        bool, typer.Option("--once", help="Stop when nothing is left to do.")
    ] = False,
    pause: Annotated[
        float,
        typer.Option("--pause", min=0.01, help="Seconds between looks, when idle."),
    ] = PAUSE_SECONDS,
    book: options.Book = None,
    schema: options.Schema = options.SCHEMA,
    json: options.Json = False,
) -> None:
    """
    Do the worker's steps until stopped by SIGTERM or Ctrl-C.

    At most one worker is at work on a book; others wait to take over. It can be killed
    at any moment and started again.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    with opened(book, schema) as found:
        while True:
            step = found.work(until_caught_up=once)
            if once or not step.idle:
                _print_step(step, as_json=json)
            if once or stop.is_set():
                return
            if (step.idle or step.busy) and stop.wait(pause):
                return


def _stop_on_signals(stop: threading.Event) -> None:
    """
    Let the step that is running end, then stop.
    """

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)


def _print_step(step: Step, *, as_json: bool) -> None:
    if as_json:
        print_json(step)
    elif step.busy:
        typer.echo("another worker is at work")
    else:
        typer.echo(
            f"{step.numbered:,} numbered, {step.posted:,} posted, "
            f"{step.rolled:,} rolled up for meters that were behind"
        )
