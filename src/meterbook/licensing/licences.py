"""
A licence: what an installation may do, for whom, and since when. Readable text.

::

    meterbook licence
    version: 1
    licence: acme-2026
    licensee: Acme Works Ltd
    customer: acme
    mode: usage-based
    seats: 100
    ...

==================== ===================== ==========================================
field                if absent             what it says
==================== ===================== ==========================================
`version`            invalid               1; a later one is read as far as it is known
`licence`            invalid               what this licence is called
`licensee`           invalid               for whom, in words
`customer`           invalid               for whom, as the vendor's book calls them
`instance`           any                   the one installation it is for
`instance-key`       not said              by which key that one signs its reports
`features`           none                  what it opens, divided by commas
`mode`               invalid               `capped`: `seats` is the most there may be;
                                           `usage-based`: what goes beyond is billed
`seats`              unlimited             a whole number from 1, or `unlimited`
`meter`              nothing is counted    the meter that counts the seats
`totals`             none                  further meters to report, by commas
`start`              since ever            the first moment of the term
`end`                open                  the first moment after it; or `open`
`anchor`             `start`               from where its months are counted
`zone`               UTC                   whose clock says when a day begins
`interval`           month                 what is called a month here: the period
`grace-days`         3                     for how long it is good after the end; 0: not
`report-to`          not said              where reports go
`report-within-days` no deadline           by when, in days after the end of a month
`issued-at`          invalid               when it was issued
==================== ===================== ==========================================

A date is a midnight in `zone`. Nothing is implied by another field: whether seats are
a cap is what `mode` says, and a capped licence without a number of seats is invalid. So
is a number of 0, below 0 or with a fraction, which elsewhere has meant "unlimited".

With neither `anchor` nor `start` there is nothing to count months from, and none are
made up.

Laws (tests/laws/test_licences.py):
    - *Round trip*: a licence that was written is read, and is the same.
    - *Later versions*: fields of a later version change nothing that is known.

Source:
    semantics 8.1. The default of 3 days' grace is that of 7.6.
"""

from __future__ import annotations

import enum
import re

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NoReturn

from meterbook.foundation.errors import (
    InvalidInstantError,
    InvalidKeyError,
    InvalidLicenceError,
    InvalidPeriodError,
)
from meterbook.foundation.instants import (
    format_instant,
    parse_moment,
    to_micros,
    to_utc,
)
from meterbook.foundation.periods import Calendar, Interval, interval_named
from meterbook.foundation.zones import zone_named
from meterbook.licensing.lines import Fields, is_id, is_named, sections, written
from meterbook.proof.keys import VerifierKey


if TYPE_CHECKING:
    import datetime as dt


TITLE: Final = "meterbook licence"
VERSION: Final = 1
VERSION_MAX: Final = 1_000_000

UNLIMITED: Final = "unlimited"
OPEN: Final = "open"

# More people than there are.
SEATS_MAX: Final = 10**10

# What 7.6 gives who says nothing. Ten years are for ever, and a mistake.
GRACE_DAYS_DEFAULT: Final = 3
GRACE_DAYS_MAX: Final = 3_660
REPORT_DAYS_MAX: Final = 366

FEATURES_MAX: Final = 1_000
TOTALS_MAX: Final = 32

# A page has 3,000: more is no licence, and is not read.
LICENCE_BYTES_MAX: Final = 65_536

_FEATURE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_METER: Final = re.compile(r"[a-z0-9_.-]{1,100}")


class Mode(enum.StrEnum):
    """
    What a number of seats means: where it ends, or what has been paid for.
    """

    CAPPED = "capped"
    USAGE_BASED = "usage-based"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """
    What an installation may do. The table at the head of this file says what is what.

    Attributes:
        seats: None if there may be as many as there are.

        start: None: since ever.

        end: None: for ever.

        anchor: As stated; None if it was not. See `counted_from`.

        unknown: Names and values of a later version, in order. Signed like the rest.

    Raises:
        InvalidLicenceError: If a field cannot be used; the message names it.
    """

    licence_id: str
    licensee: str
    customer: str
    mode: Mode
    seats: int | None
    issued_at: dt.datetime
    meter: str | None = None
    totals: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    instance: str | None = None
    instance_key: VerifierKey | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    anchor: dt.datetime | None = None
    zone: str = "UTC"
    interval: Interval = Interval.MONTH
    grace_days: int = GRACE_DAYS_DEFAULT
    report_to: str | None = None
    report_days: int | None = None
    version: int = VERSION
    unknown: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _check_names(self)
        _check_numbers(self)
        for name in ("start", "end", "anchor", "issued_at"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, _settled(name, moment, self.zone))
        _check_term(self)

    @property
    def counted_from(self) -> dt.datetime | None:
        """
        The anchor of its months; None if there is nothing to count from.
        """
        return self.anchor if self.anchor is not None else self.start

    @property
    def begins(self) -> dt.datetime | None:
        """
        The first moment that its months may contain; None if there are none.
        """
        return self.start if self.start is not None else self.anchor

    def calendar(self) -> Calendar | None:
        """
        Return the periods that its months are counted in; None if there are none.
        """
        anchor = self.counted_from
        if anchor is None:
            return None

        return Calendar(anchor, self.interval, zone=self.zone)

    def grants(self, feature: str) -> bool:
        """
        Tell whether it opens *feature*. Names that nobody knows open nothing.
        """
        return feature in self.features

    def to_text(self) -> str:
        """
        Return the licence as it is written, to be signed.
        """
        fields: list[tuple[str, object]] = [
            ("version", self.version),
            ("licence", self.licence_id),
            ("licensee", self.licensee),
            ("customer", self.customer),
            ("instance", self.instance),
            ("instance-key", self.instance_key and self.instance_key.to_text()),
            ("features", ", ".join(self.features) or None),
            ("mode", self.mode.value),
            ("seats", UNLIMITED if self.seats is None else self.seats),
            ("meter", self.meter),
            ("totals", ", ".join(self.totals) or None),
            ("start", self._shown(self.start)),
            ("end", OPEN if self.end is None else self._shown(self.end)),
            ("anchor", self._shown(self.anchor)),
            ("zone", self.zone),
            ("interval", self.interval.value),
            ("grace-days", self.grace_days),
            ("report-to", self.report_to),
            ("report-within-days", self.report_days),
            ("issued-at", format_instant(to_micros(self.issued_at))),
            *self.unknown,
        ]
        return f"{TITLE}\n{written(fields)}"

    def _shown(self, moment: dt.datetime | None) -> str | None:
        if moment is None:
            return None

        return _date_of(moment, self.zone) or format_instant(to_micros(moment))


def read_licence(text: str) -> Licence:
    """
    Return the licence that *text* is, which is what was signed.

    Raises:
        InvalidLicenceError: It is no licence, or one that cannot be used.
    """
    if len(text) > LICENCE_BYTES_MAX:
        message = f"The licence has more than {LICENCE_BYTES_MAX} characters."
        raise InvalidLicenceError(message)
    [title, *lines], *_ = sections(text)
    if title != TITLE:
        message = f"This is no licence: its first line is not {TITLE!r}."
        raise InvalidLicenceError(message)

    fields = Fields("licence", lines, fault=InvalidLicenceError)
    zone = _zone(fields)
    grace_days = fields.whole("grace-days", least=0, most=GRACE_DAYS_MAX)
    licence = Licence(
        version=fields.need_whole("version", least=1, most=VERSION_MAX),
        licence_id=fields.need("licence"),
        licensee=fields.named("licensee"),
        customer=fields.named("customer"),
        instance=fields.take("instance"),
        instance_key=_key(fields),
        features=_listed(fields, "features"),
        mode=mode_named(fields.take("mode")),
        seats=_seats(fields),
        meter=fields.take("meter"),
        totals=_listed(fields, "totals"),
        start=fields.moment("start", zone=zone),
        end=_end(fields, zone=zone),
        anchor=fields.moment("anchor", zone=zone),
        zone=zone,
        interval=_interval(fields),
        grace_days=GRACE_DAYS_DEFAULT if grace_days is None else grace_days,
        report_to=fields.take("report-to"),
        report_days=fields.whole("report-within-days", least=0, most=REPORT_DAYS_MAX),
        issued_at=fields.need_moment("issued-at"),
    )
    return replace(licence, unknown=fields.left())


def seats_from(text: str) -> int | None:
    """
    Return how many seats *text* says: a whole number from 1; None for `unlimited`.

    Raises:
        InvalidLicenceError: It says neither.
    """
    if text == UNLIMITED:
        return None

    if not re.fullmatch(r"[1-9][0-9]{0,10}", text) or int(text) > SEATS_MAX:
        _refuse(
            "seats",
            f"is {text[:40]!r}: use a whole number from 1, or {UNLIMITED}. 0, a number "
            "below 0 and a fraction say nothing that could be kept to",
        )
    return int(text)


def _seats(fields: Fields) -> int | None:
    text = fields.take("seats")
    return None if text is None else seats_from(text)


def _zone(fields: Fields) -> str:
    zone = fields.take("zone")
    if zone is None:
        return "UTC"
    try:
        zone_named(zone)
    except InvalidPeriodError as error:
        message = f"In the licence, {error}"
        raise InvalidLicenceError(message) from error
    return zone


def _key(fields: Fields) -> VerifierKey | None:
    text = fields.take("instance-key")
    if text is None:
        return None
    try:
        return VerifierKey.from_text(text)
    except InvalidKeyError as error:
        message = f"In the licence, instance-key cannot be used. {error}"
        raise InvalidLicenceError(message) from error


def _listed(fields: Fields, name: str) -> tuple[str, ...]:
    text = fields.take(name)
    return () if text is None else tuple(text.split(", "))


def mode_named(text: str | None) -> Mode:
    """
    Return the mode that people write as *text*.

    Raises:
        InvalidLicenceError: There is none; also if nothing was said.
    """
    if text not in {mode.value for mode in Mode}:
        found = "is missing" if text is None else f"is {text[:40]!r}"
        choice = f"{Mode.CAPPED} or {Mode.USAGE_BASED}"
        _refuse("mode", f"{found}: say {choice}, no other field implies it")
    return Mode(text)


def _interval(fields: Fields) -> Interval:
    text = fields.take("interval")
    try:
        return Interval.MONTH if text is None else interval_named(text)
    except InvalidPeriodError as error:
        message = f"In the licence, {error}"
        raise InvalidLicenceError(message) from error


def _end(fields: Fields, *, zone: str) -> dt.datetime | None:
    return None if fields.has("end", OPEN) else fields.moment("end", zone=zone)


def _check_names(licence: Licence) -> None:
    """
    Check what is called how.
    """
    if not is_id(licence.licence_id):
        _refuse("licence", "must be 1 to 100 letters, digits and ._/@:+-")
    for name in ("licensee", "customer", "instance", "report_to"):
        value = getattr(licence, name)
        if not (value is None or is_named(value)):
            _refuse(
                name.replace("_", "-"),
                "must be one line of 1 to 255 characters, without spaces at its ends",
            )
    lists = (
        ("features", licence.features, _FEATURE, FEATURES_MAX),
        ("totals", licence.totals, _METER, TOTALS_MAX),
        ("meter", (licence.meter,) if licence.meter is not None else (), _METER, 1),
    )
    for name, values, form, most in lists:
        for value in values:
            if not form.fullmatch(value):
                _refuse(name, f"names {value[:40]!r}, which is no such name")
        if len(values) > most or len(set(values)) < len(values):
            _refuse(name, f"must name each thing once, and at most {most}")


def _check_numbers(licence: Licence) -> None:
    """
    Check what is counted, and that a cap is one.
    """
    if licence.seats is not None:
        seats_from(str(licence.seats))
    if licence.mode is Mode.CAPPED and licence.seats is None:
        _refuse("seats", "is unlimited, and mode is capped: say at which number")
    limits = (
        ("grace-days", licence.grace_days, GRACE_DAYS_MAX),
        ("report-within-days", licence.report_days, REPORT_DAYS_MAX),
    )
    for name, days, most in limits:
        if days is not None and not 0 <= days <= most:
            _refuse(name, f"is {days}: use a whole number of days from 0 to {most}")


def _check_term(licence: Licence) -> None:
    """
    Check that the term is one, and that its months can be counted.
    """
    begins, end = licence.begins, licence.end
    if begins is not None and end is not None and end <= begins:
        _refuse("end", "is not after the start")
    if (
        licence.start is not None
        and licence.anchor is not None
        and licence.anchor > licence.start
    ):
        _refuse("anchor", "is after the start: nothing precedes the anchor")
    licence.calendar()


def _settled(name: str, moment: dt.datetime, zone: str) -> dt.datetime:
    """
    Return *moment* in the one form that a licence keeps: a local midnight, else UTC.

    A midnight stays one that the wall shows, also where a clock change skips it: a
    calendar anchored on such a day is back at midnight the day after.
    """
    try:
        date = _date_of(moment, zone)
        return parse_moment(date, zone=zone) if date else to_utc(moment)
    except (InvalidInstantError, InvalidPeriodError, OverflowError) as error:
        message = f"In the licence, {name} cannot be used. {error}"
        raise InvalidLicenceError(message) from error


def _date_of(moment: dt.datetime, zone: str) -> str | None:
    """
    Return the date whose midnight in *zone* the *moment* is; None if it is none.
    """
    date = to_utc(moment).astimezone(zone_named(zone)).date().isoformat()
    midnight = parse_moment(date, zone=zone)
    return date if to_micros(midnight) == to_micros(moment) else None


def _refuse(name: str, sentence: str) -> NoReturn:
    message = f"In the licence, {name} {sentence}."
    raise InvalidLicenceError(message)
