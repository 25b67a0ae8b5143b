"""
A card as a static page: one file, no scripts, nothing fetched from anywhere.
"""

from __future__ import annotations

import base64

from importlib import resources
from typing import TYPE_CHECKING, Final

from meterbook.cards.chart import chart_svg
from meterbook.cards.extras import extra
from meterbook.cards.wording import card_words


if TYPE_CHECKING:
    from meterbook.licensing.cards import Card

TEMPLATE: Final = "card.html"


def card_html(card: Card) -> str:
    """
    Return the page. Whatever a name contains, it is text there and nothing else.

    The chart is an image inside the page, so that nothing in it can act.

    Raises:
        MissingExtraError: If what draws it is not installed.
    """
    jinja2 = extra("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    text = resources.files("meterbook.cards").joinpath("templates", TEMPLATE)
    template = environment.from_string(text.read_text(encoding="utf-8"))
    chart = base64.b64encode(chart_svg(card).encode()).decode() if card.months else ""
    return str(template.render(**card_words(card), chart=chart))
