"""
Money: a currency's smallest unit, and prices as people write them.

::

    100.00 USD  = 10000 minor units         100 JPY  = 100         1.234 KWD = 1234

An amount that is asked for is a whole number of minor units. Before that it is an exact
fraction of them; a price may be finer than a minor unit (0.0001 a request).

Laws (tests/laws/test_money.py):
    - *Round trip*: an amount's text, read as a price, is the amount.

Source:
    ISO 4217, list one (active codes) as of 2025, for the codes and their decimal
    places. Funds codes, metals and test codes are left out: nobody is billed in them.
"""

from __future__ import annotations

import re

from decimal import Decimal
from fractions import Fraction
from typing import Final

from meterbook.foundation.errors import InvalidPriceError
from meterbook.foundation.units import format_units


_TWO_PLACES: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP "
    "GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW "
    "KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS "
    "UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NO_PLACES: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_PLACES: Final = "BHD IQD JOD KWD LYD OMR TND"

# Decimal places by currency.
MINOR_PLACES: Final = (
    dict.fromkeys(_TWO_PLACES.split(), 2)
    | dict.fromkeys(_NO_PLACES.split(), 0)
    | dict.fromkeys(_THREE_PLACES.split(), 3)
)

# Far beyond any price, and far within what is exact.
PRICE_CHARS_MAX: Final = 40

_PRICE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def minor_places(currency: str) -> int:
    """
    Return how many decimal places amounts of *currency* have.

    Raises:
        InvalidPriceError: If it is no currency.
    """
    places = MINOR_PLACES.get(currency)
    if places is None:
        message = (
            f"currency is {str(currency)[:20]!r}: use a code of ISO 4217 in capitals, "
            "as in USD, EUR or JPY."
        )
        raise InvalidPriceError(message)

    return places


def price_in_minor(price: str | int | Decimal, currency: str) -> Fraction:
    """
    Return *price* in minor units of *currency*, exactly.

    Args:
        price: In the currency's major unit: "100.00", 100 or Decimal("0.0001"). Never
            negative.

        currency: By its code.

    Raises:
        InvalidPriceError: If it is no price, or no currency.
    """
    places = minor_places(currency)
    plain = isinstance(price, str | Decimal) or type(price) is int
    text = f"{price:f}" if isinstance(price, Decimal) else str(price)
    if not plain or len(text) > PRICE_CHARS_MAX or _PRICE.fullmatch(text) is None:
        message = (
            f"price is {text[:PRICE_CHARS_MAX]!r}: use a plain decimal that is not "
            "negative, as in 100.00."
        )
        raise InvalidPriceError(message)

    return Fraction(text) * Fraction(10) ** places


def amount_text(amount_minor: int, currency: str) -> str:
    """
    Return an amount with all its decimal places, without the currency: "1000.00".
    """
    places = minor_places(currency)
    whole, _, part = format_units(amount_minor, places).partition(".")
    return f"{whole}.{part.ljust(places, '0')}" if places else whole
