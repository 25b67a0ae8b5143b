"""
A card as PDF, set by typst.
"""

from __future__ import annotations

import json

from importlib import resources
from typing import TYPE_CHECKING, Final

from meterbook.cards.chart import chart_svg
from meterbook.cards.extras import extra
from meterbook.cards.wording import card_words


if TYPE_CHECKING:
    from meterbook.licensing.cards import Card

TEMPLATE: Final = "card.typ"


def card_pdf(card: Card) -> bytes:
    """
    Return the card as a PDF document. What is in names is text, never typst's markup.

    Raises:
        MissingExtraError: If what sets it is not installed.
    """
    text = resources.files("meterbook.cards").joinpath("templates", TEMPLATE)
    inputs = {
        "card": json.dumps(card_words(card)),
        "chart": chart_svg(card) if card.months else "",
    }
    made: bytes = extra("typst").compile(text.read_bytes(), sys_inputs=inputs)
    return made
