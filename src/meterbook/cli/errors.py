"""
What goes wrong, as a shell sees it: one sentence on stderr, and an exit code.

=====  ============  =====================================================
code   said          when
=====  ============  =====================================================
0      done          also where nothing had to be done
1      refused       the book or the request says no: change something
2      wrong usage   an option is missing, unknown or unreadable
3      try again     the storage failed for now: the same command may work
=====  ============  =====================================================
"""

from __future__ import annotations

import enum

from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import typer

from typer.core import TyperGroup

from meterbook.foundation.errors import InvalidInstantError, MeterbookError, StoreError
from meterbook.foundation.instants import parse_moment


if TYPE_CHECKING:
    import datetime as dt


EXIT_CODES = "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 try again."

# Where a command leaves word that it was asked for JSON, for whoever reports its error.
JSON_ASKED = "meterbook.json"

# Nouns as they are also spelt. They are not shown: there is one name for each.
ALIASES = {"license": "licence"}

# Also missing and unknown options: typer has no public name for the class of them all.
_USAGE_ERROR: Any = typer.BadParameter.__base__


class ExitCode(enum.IntEnum):
    """
    What the shell is told.
    """

    DONE = 0
    REFUSED = 1
    WRONG_USAGE = 2
    TRY_AGAIN = 3


class Program(TyperGroup):
    """
    The program: runs a command, and says what went wrong in one sentence.
    """

    def resolve_command(  # type: ignore[explicit-override]  # as below
        self,
        ctx: Any,  # noqa: ANN401 - as below
        args: list[str],
    ) -> Any:  # noqa: ANN401 - likewise
        """
        Find the group of commands of a noun, by its name or as others spell it.
        """
        noun, *rest = args
        return super().resolve_command(ctx, [ALIASES.get(noun, noun), *rest])

    def parse_args(  # type: ignore[explicit-override]  # as below
        self,
        ctx: Any,  # noqa: ANN401 - as below
        args: list[str],
    ) -> list[str]:
        """
        Read the command line, and remember whether it asks for JSON.

        The option itself may come after the word that is at fault.
        """
        ctx.meta[JSON_ASKED] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(  # type: ignore[explicit-override]  # typing has it from 3.12
        self,
        ctx: Any,  # noqa: ANN401 - typer keeps its context private
    ) -> Any:  # noqa: ANN401 - likewise
        """
        Run the command that *ctx* asks for.
        """
        try:
            return super().invoke(ctx)
        except _USAGE_ERROR as error:
            if not ctx.meta.get(JSON_ASKED, False):
                raise
            _say("wrong_usage", error.format_message(), as_json=True)
            raise typer.Exit(ExitCode.WRONG_USAGE) from error
        except MeterbookError as error:
            _say(error.code, str(error), as_json=ctx.meta.get(JSON_ASKED, False))
            raise typer.Exit(exit_code(error)) from error
        except BrokenPipeError:
            # Whoever read our output has seen enough: typer ends without a word.
            raise
        except OSError as error:
            name = "" if error.filename is None else f"{error.filename}: "
            sentence = f"{name}{error.strerror or error}."
            _say("system", sentence, as_json=ctx.meta.get(JSON_ASKED, False))
            raise typer.Exit(ExitCode.REFUSED) from error


def exit_code(error: MeterbookError) -> ExitCode:
    """
    Return what to tell the shell of *error*.
    """
    if isinstance(error, StoreError) and error.retryable:
        return ExitCode.TRY_AGAIN

    return ExitCode.REFUSED


def refuse(option: str, sentence: str) -> NoReturn:
    """
    Refuse an *option* that cannot be used as it was given.

    Raises:
        BadParameter: Always: the program ends with 2.
    """
    raise typer.BadParameter(sentence, param_hint=option)


def moment_of(option: str, text: str, *, zone: str = "UTC") -> dt.datetime:
    """
    Return the moment that *text* writes; a bare date is midnight in *zone*.

    Raises:
        BadParameter: If it is no moment; naming the *option*.
    """
    try:
        return parse_moment(text, zone=zone)
    except InvalidInstantError as error:
        refuse(option, str(error))


def _say(code: str, sentence: str, *, as_json: bool) -> None:
    if as_json:
        document = {"error": code, "message": sentence}
        typer.echo(msgspec.json.encode(document), err=True)
    else:
        typer.echo(f"Error: {sentence}", err=True)
