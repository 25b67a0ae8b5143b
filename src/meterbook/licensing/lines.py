"""
Documents as lines of `name: value`, which a person reads and a program does, too.

::

    meterbook licence              <- what kind of document it is, first of all
    version: 1
    licence: acme-2026
    seats: 25

    month: 1 of acme-2026          <- an empty line, and the next section
    peak: 15

A signature covers every line. Names that a reader does not know are kept and passed
over, so that a later version can say more and an older reader goes on reading. A name
that is known stands once in a section; a second one would leave open which is meant.

Laws (tests/laws/test_lines.py):
    - *Round trip*: sections that were written are read.
"""

from __future__ import annotations

import re

from typing import TYPE_CHECKING, Final, NoReturn

from meterbook.foundation.errors import (
    InvalidInstantError,
    InvalidLicenceError,
    InvalidPeriodError,
    InvalidReportError,
)
from meterbook.foundation.instants import parse_moment


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Iterable, Sequence


# What reads a line of a document that cannot be used.
Fault = type[InvalidLicenceError] | type[InvalidReportError]

# As long as a customer's key may be: what is named in the book can be named here.
VALUE_CHARS_MAX: Final = 4_096
NAMED_CHARS_MAX: Final = 255

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:+-]{0,99}")
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_FIRST_PRINTABLE: Final = " "


def written(fields: Iterable[tuple[str, object]]) -> str:
    """
    Return the lines of a section; a field whose value is None is left out.
    """
    return "".join(f"{name}: {value}\n" for name, value in fields if value is not None)


def sections(text: str) -> list[list[str]]:
    """
    Return the lines of each section of *text*, which ends with a line feed.
    """
    return [part.split("\n") for part in text.removesuffix("\n").split("\n\n")]


def is_named(text: object) -> bool:
    """
    Tell whether *text* can be a value: 1 to 255 visible characters, not blank at ends.
    """
    return (
        isinstance(text, str)
        and 0 < len(text) <= NAMED_CHARS_MAX
        and text == text.strip()
        and all(letter >= _FIRST_PRINTABLE for letter in text)
    )


def is_id(text: object) -> bool:
    """
    Tell whether *text* can name a document: 1 to 100 letters, digits and ._/@:+-.
    """
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def whole_of(text: str) -> int | None:
    """
    Return the number that *text* writes in the one way there is, or None.

    No sign, no zeros in front, no fraction: 25 and 25.0 would be two texts of one
    number, and nobody could tell which was signed.
    """
    return int(text) if _WHOLE.fullmatch(text) else None


class Fields:
    """
    The fields of one section, taken one by one; what is left was not known.
    """

    def __init__(self, what: str, lines: Sequence[str], *, fault: Fault) -> None:
        """
        Args:
            what: The section, as errors call it: "licence".

            lines: Of the form `name: value`.

            fault: The error to raise for what cannot be used.

        Raises:
            InvalidLicenceError: A line has another form.

            InvalidReportError: Likewise, if that is the *fault*.
        """
        self._what = what
        self._fault = fault
        self._left: dict[str, list[str]] = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            if not colon or not _NAME.fullmatch(name) or value != value.strip():
                self.refuse(f"line {line[:60]!r} is not of the form `name: value`")
            if len(value) > VALUE_CHARS_MAX:
                self.refuse(f"{name} has more than {VALUE_CHARS_MAX} characters")
            self._left.setdefault(name, []).append(value)

    def refuse(self, sentence: str) -> NoReturn:
        """
        Raise the fault of this document.
        """
        message = f"In the {self._what}, {sentence}."
        raise self._fault(message)

    def take(self, name: str) -> str | None:
        """
        Return the value of *name*, None if it is absent.
        """
        values = self._left.pop(name, None)
        if values is None:
            return None
        if len(values) > 1:
            self.refuse(f"{name} stands {len(values)} times: say it once")
        return values[0]

    def has(self, name: str, value: str) -> bool:
        """
        Take *name* if *value* is what it says, and tell whether it is.
        """
        if self._left.get(name) != [value]:
            return False

        del self._left[name]
        return True

    def need(self, name: str) -> str:
        """
        Return the value of *name*, which must be there.
        """
        value = self.take(name)
        if value is None:
            self.refuse(f"{name} is missing")
        return value

    def take_all(self, name: str) -> list[str]:
        """
        Return every value of *name*, in order.
        """
        return self._left.pop(name, [])

    def named(self, name: str) -> str:
        """
        Return the value of *name*, a name of somebody or something.
        """
        value = self.need(name)
        if not is_named(value):
            self.refuse(f"{name} is blank, or longer than {NAMED_CHARS_MAX} characters")
        return value

    def whole(self, name: str, *, least: int, most: int) -> int | None:
        """
        Return the whole number of *name*, None if it is absent.
        """
        value = self.take(name)
        if value is None:
            return None
        number = whole_of(value)
        if number is None or not least <= number <= most:
            self.refuse(
                f"{name} is {value[:40]!r}: use a whole number from {least} to {most}"
            )
        return number

    def need_whole(self, name: str, *, least: int, most: int) -> int:
        """
        Return the whole number of *name*, which must be there.
        """
        number = self.whole(name, least=least, most=most)
        if number is None:
            self.refuse(f"{name} is missing")
        return number

    def moment(self, name: str, *, zone: str) -> dt.datetime | None:
        """
        Return the moment of *name*, None if it is absent. A date is midnight in *zone*.
        """
        value = self.take(name)
        if value is None:
            return None
        try:
            return parse_moment(value, zone=zone)
        except (InvalidInstantError, InvalidPeriodError) as error:
            message = f"In the {self._what}, {name} cannot be used. {error}"
            raise self._fault(message) from error

    def need_moment(self, name: str) -> dt.datetime:
        """
        Return the moment of *name*, which must be there.
        """
        moment = self.moment(name, zone="UTC")
        if moment is None:
            self.refuse(f"{name} is missing")
        return moment

    def left(self) -> tuple[tuple[str, str], ...]:
        """
        Return the fields that nobody took, in order.
        """
        return tuple(
            (name, value) for name, values in self._left.items() for value in values
        )
