"""
Charts: bars in the terminal, and the same as an SVG or PNG file.

A file is drawn by Vega-Lite, through altair and vl-convert: no browser is needed. They
are an extra, for a book does without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meterbook.foundation.errors import MissingExtraError


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterator, Sequence


# Bars are drawn in eighths of a character.
EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
FULL: Final = EIGHTHS[-1]

BAR_CHARS: Final = 40

SUFFIXES: Final = (".svg", ".png")

# Sharp on a screen of two pixels to the point.
PNG_SCALE: Final = 2

WIDTH_POINTS: Final = 720
HEIGHT_POINTS: Final = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """
    A window and what a meter says of it.

    Attributes:
        label: The window, for people.

        start: The window's first moment as the clock of its zone shows it.

        end: The first moment after, likewise.

        value: In natural units; None where there is none.

        text: The value, for people.
    """

    label: str
    start: dt.datetime
    end: dt.datetime
    value: Fraction | None
    text: str


def terminal_bars(bars: Sequence[Bar]) -> Iterator[str]:
    """
    Yield a line for each bar: its label, a bar to scale, its number.

    Bars grow from zero; of a value below zero the bar shows how far below.
    """
    widest = max((abs(bar.value) for bar in bars if bar.value), default=Fraction(1))
    labels = max((len(bar.label) for bar in bars), default=0)
    texts = max((len(bar.text) for bar in bars), default=0)
    for bar in bars:
        drawn = _drawn(abs(bar.value or Fraction(0)) / widest)
        yield f"{bar.label:<{labels}}  {bar.text:>{texts}}  {drawn}".rstrip()


def _drawn(share: Fraction) -> str:
    """
    Return a bar of *share* of the full length; what is not nothing is seen.
    """
    eighths = int(share * BAR_CHARS * 8)
    if share and not eighths:
        eighths = 1
    whole, part = divmod(eighths, 8)
    return FULL * whole + (EIGHTHS[part] if part else "")


def write_chart(path: Path, bars: Sequence[Bar], *, title: str, unit: str) -> None:
    """
    Draw *bars* into the file at *path*, an SVG or a PNG by its suffix.

    Raises:
        MissingExtraError: If altair or vl-convert is not installed.

        OSError: If the file cannot be written.
    """
    drawing = vega_lite(bars, title=title, unit=unit)
    try:
        import vl_convert  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing() from error

    if path.suffix == ".svg":
        path.write_text(vl_convert.vegalite_to_svg(drawing), encoding="utf-8")
    else:
        path.write_bytes(vl_convert.vegalite_to_png(drawing, scale=PNG_SCALE))


def vega_lite(bars: Sequence[Bar], *, title: str, unit: str) -> dict[str, Any]:
    """
    Return the Vega-Lite specification of the chart.

    Pixels are binary fractions: here, and only here, a quantity becomes one.

    Raises:
        MissingExtraError: If altair is not installed.
    """
    try:
        import altair as alt  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing() from error

    rows = [
        {
            # The wall's time is drawn as if it were UTC: no machine's zone moves it.
            "start": f"{bar.start.isoformat()}Z",
            "end": f"{bar.end.isoformat()}Z",
            "value": float(bar.value),
        }
        for bar in bars
        if bar.value is not None
    ]
    chart = (
        alt.Chart({"values": rows}, title=title)
        .mark_bar(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("start:T", title=None, scale=alt.Scale(type="utc")),
            x2="end:T",
            y=alt.Y("value:Q", title=unit or None),
        )
        .properties(width=WIDTH_POINTS, height=HEIGHT_POINTS)
    )
    drawing: dict[str, Any] = chart.to_dict()
    return drawing


def _missing() -> MissingExtraError:
    return MissingExtraError.named("charts", purpose="A chart in a file")
