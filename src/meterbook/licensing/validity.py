"""
Is a licence good? Six answers, and of several that would fit the first one holds.

=============== ======================================================== =============
answer          when                                                     may be used
=============== ======================================================== =============
`Forged`        the bytes are not what a known key of the vendor signed  no
`NotForUs`      it names another installation, or another customer       no
`NotYetValid`   its term has not begun                                   no
`Valid`         its term has begun and not ended                         yes
`InGrace`       its term has ended, and its days of grace have not       yes
`Expired`       both have ended                                          no
=============== ======================================================== =============

::

        NotYetValid      |          Valid           |  InGrace  |   Expired
    ---------------------[--------------------------[-----------[------------>
                       start                       end     end + grace

The end is exclusive, and so is the end of grace: at that very instant it is over. Days
of grace are days of the licence's zone.

A licence that its vendor has signed and that cannot be used all the same (seats: 0) is
no answer but an error, for it is neither forged nor expired: whoever issued it must.

Nothing is parsed before its signature is verified, and what is verified are the bytes
as they were received. So a field that this version does not know changes nothing, and
one that somebody added or took out makes it `Forged`.

Laws (tests/laws/test_validity.py):
    - *One byte*: a licence with any byte changed is `Forged`.
    - *Order*: as time goes on, the answers come in the order of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from meterbook.foundation.errors import (
    ForgedNoteError,
    MalformedNoteError,
    UnknownSignerError,
)
from meterbook.foundation.instants import format_instant, to_micros
from meterbook.foundation.periods import Calendar, Interval
from meterbook.licensing.licences import TITLE, Licence, read_licence
from meterbook.proof.notes import open_note


if TYPE_CHECKING:
    import datetime as dt

    from collections.abc import Sequence

    from meterbook.proof.keys import VerifierKey


# Why a note is no licence of ours, by what is wrong with it.
SIGNATURE: Final = "signature"
UNKNOWN_KEY: Final = "unknown_key"
MALFORMED: Final = "malformed"
NO_LICENCE: Final = "no_licence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forged:
    """
    The bytes are not a licence that a known key of the vendor has signed.

    Attributes:
        cause: `signature`: the text or the signature was changed. `unknown_key`: no
            key that is known here has signed it. `malformed`: it was cut off, saved in
            another encoding, or is no signed note. `no_licence`: it was signed, and is
            another kind of document.

        reason: For people.
    """

    code: ClassVar[str] = "forged"
    may_use: ClassVar[bool] = False
    cause: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotForUs:
    """
    The licence is for another installation, or for another customer.
    """

    code: ClassVar[str] = "not_for_us"
    may_use: ClassVar[bool] = False
    licence: Licence
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYetValid:
    """
    The term has not begun.
    """

    code: ClassVar[str] = "not_yet_valid"
    may_use: ClassVar[bool] = False
    licence: Licence
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Valid:
    """
    The licence is good.

    Attributes:
        until: The first moment at which it no longer is, but for grace; None: for ever.
    """

    code: ClassVar[str] = "valid"
    may_use: ClassVar[bool] = True
    licence: Licence
    until: dt.datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InGrace:
    """
    The term has ended, and what it opened is open for some days more.

    Attributes:
        until: The first moment at which it no longer is.
    """

    code: ClassVar[str] = "in_grace"
    may_use: ClassVar[bool] = True
    licence: Licence
    until: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """
    The term and its days of grace have ended.

    Attributes:
        since: The first moment at which it was so.
    """

    code: ClassVar[str] = "expired"
    may_use: ClassVar[bool] = False
    licence: Licence
    since: dt.datetime
    reason: str


Verification: TypeAlias = Valid | InGrace | Expired | NotYetValid | NotForUs | Forged


def verify_licence(
    note: bytes,
    *,
    keys: Sequence[VerifierKey],
    at: dt.datetime,
    instance: str | None,
    customer: str | None = None,
) -> Verification:
    """
    Return whether *note* is a licence, for us, and good at a moment.

    Args:
        note: The bytes as they were received.

        keys: The vendor's, as far as they are known here.

        at: The moment. Of an installation: the effective one, which no clock that was
            set back can move (`licensing.clocks`).

        instance: Which installation asks; None if none does, and then a licence for a
            certain one is not held against it.

        customer: Whose installation it is, if that is known.

    Raises:
        InvalidLicenceError: A known key has signed it, and it cannot be used.
    """
    try:
        opened = open_note(note, keys)
    except ForgedNoteError as error:
        return Forged(cause=SIGNATURE, reason=str(error))
    except UnknownSignerError as error:
        return Forged(cause=UNKNOWN_KEY, reason=str(error))
    except MalformedNoteError as error:
        return Forged(cause=MALFORMED, reason=str(error))
    if opened.text.partition("\n")[0] != TITLE:
        reason = f"This is signed, and is no licence: its first line is not {TITLE!r}."
        return Forged(cause=NO_LICENCE, reason=reason)

    licence = read_licence(opened.text)
    return standing(licence, at=at, instance=instance, customer=customer)


def standing(
    licence: Licence,
    *,
    at: dt.datetime,
    instance: str | None,
    customer: str | None = None,
) -> Valid | InGrace | Expired | NotYetValid | NotForUs:
    """
    Return how a licence stands whose signature was verified; as `verify_licence`.
    """
    if stranger := _stranger(licence, instance=instance, customer=customer):
        return NotForUs(licence=licence, reason=stranger)

    if licence.start is not None and at < licence.start:
        reason = f"It begins at {_shown(licence.start)}."
        return NotYetValid(licence=licence, reason=reason)

    end = licence.end
    if end is None:
        return Valid(licence=licence, until=None, reason="It has no end.")
    if at < end:
        reason = f"It is good until {_shown(end)}."
        return Valid(licence=licence, until=end, reason=reason)

    over = grace_ends(licence, end)
    if at < over:
        reason = f"It ended at {_shown(end)}; its grace ends at {_shown(over)}."
        return InGrace(licence=licence, until=over, reason=reason)

    grace = "" if over == end else f", and its grace at {_shown(over)}"
    reason = f"It ended at {_shown(end)}{grace}: ask for a new one."
    return Expired(licence=licence, since=over, reason=reason)


def grace_ends(licence: Licence, end: dt.datetime) -> dt.datetime:
    """
    Return the first moment after the days of grace that follow *end*.
    """
    return days_after(end, licence.grace_days, zone=licence.zone)


def days_after(moment: dt.datetime, days: int, *, zone: str) -> dt.datetime:
    """
    Return the moment some days of *zone* after *moment*, at the same time of day.

    Raises:
        InvalidPeriodError: If that is after the year 9999.
    """
    return Calendar(moment, Interval.DAY, zone=zone).boundary(days)


def _stranger(
    licence: Licence, *, instance: str | None, customer: str | None
) -> str | None:
    """
    Return why a licence is not for us, None if it may be.
    """
    if licence.instance is not None and instance not in {None, licence.instance}:
        return f"It is for the installation {licence.instance}; this one is {instance}."
    if customer not in {None, licence.customer}:
        return f"It is for {licence.customer}; this installation is of {customer}."

    return None


def _shown(moment: dt.datetime) -> str:
    return format_instant(to_micros(moment))
