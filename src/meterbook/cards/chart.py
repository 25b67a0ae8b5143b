"""
A card's months as bars, with the seats that were bought as a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from meterbook.cards.extras import extra


if TYPE_CHECKING:
    from meterbook.licensing.cards import Card, CardMonth

WIDTH_POINTS: Final = 680
HEIGHT_POINTS: Final = 220

# A printed year of months; older ones are in the table.
MONTHS_SHOWN_MAX: Final = 24

WITHIN: Final = "within what was bought"
OVER: Final = "above what was bought"
RUNNING: Final = "in progress"
COLOURS: Final = {WITHIN: "#3a6ea5", OVER: "#c0504d", RUNNING: "#9db8d2"}


def chart_svg(card: Card) -> str:
    """
    Return the chart as SVG: a bar for each month whose peak is known, oldest first.

    Raises:
        MissingExtraError: If what draws it is not installed.
    """
    drawing = vega_lite(card)
    return str(extra("vl_convert").vegalite_to_svg(drawing))


def vega_lite(card: Card) -> dict[str, Any]:
    """
    Return the Vega-Lite specification of the chart. Counts stay whole numbers.

    Raises:
        MissingExtraError: If what draws it is not installed.
    """
    alt = extra("altair")
    months = list(reversed(card.months[:MONTHS_SHOWN_MAX]))
    rows = [_row(month, card.zone) for month in months]
    names = [row["month"] for row in rows]
    month = alt.X("month:N", sort=names, title=None, axis=alt.Axis(labelAngle=-40))
    base = alt.Chart({"values": rows})
    bars = base.mark_bar().encode(
        x=month,
        y=alt.Y("peak:Q", title="peak seats", axis=alt.Axis(format="d", tickMinStep=1)),
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
            legend=alt.Legend(orient="top"),
        ),
    )
    numbers = base.mark_text(dy=-7, fontWeight="bold").encode(
        x=month, y="peak:Q", text="peak:Q"
    )
    bought = base.mark_line(interpolate="step", strokeDash=[5, 3], color="#55606c")
    layers = alt.layer(bars, bought.encode(x=month, y="purchased:Q"), numbers)
    spec: dict[str, Any] = layers.properties(
        width=WIDTH_POINTS, height=HEIGHT_POINTS
    ).to_dict()
    return spec


def _row(month: CardMonth, zone: str) -> dict[str, Any]:
    start = month.period.start.astimezone(ZoneInfo(zone))
    kind = OVER if month.over_units else WITHIN if month.complete else RUNNING
    return {
        "month": start.strftime("%b %-d, %Y"),
        "peak": month.peak_units,
        "purchased": month.purchased_units,
        "kind": kind,
    }
