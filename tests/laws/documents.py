"""
Licences and reports, drawn and made for tests.
"""

from __future__ import annotations

import datetime as dt

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from meterbook.foundation.instants import to_micros, to_moment
from meterbook.foundation.periods import Interval, Period
from meterbook.licensing.licences import Licence, Mode
from meterbook.licensing.months import MonthId
from meterbook.licensing.reports import (
    EarlierReport,
    Mark,
    Report,
    ReportedMonth,
    ReportedTerm,
    Total,
)
from meterbook.licensing.timelines import held_in, peak_of, said_briefly
from meterbook.metering.seats import Knowledge, LevelChange
from meterbook.proof.checkpoints import Checkpoint
from meterbook.proof.keys import Signer


if TYPE_CHECKING:
    from collections.abc import Sequence


VENDOR = Signer(name="vendor.example/licences", seed=b"v" * 32)
ACME = Signer(name="acme.example/meterbook", seed=b"a" * 32)
STRANGER = Signer(name="stranger.example/key", seed=b"s" * 32)

JAN_31 = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)

ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"]

# What people call things, and what a careless reader would trip over.
named = st.sampled_from(
    [
        "acme",
        "Acme Wörks & Söhne",
        "日本",
        "a: b",
        "seats: 5",
        "x=1, y",
        "— a",
        "+1",
        "0",
    ]
)
ids = st.sampled_from(["acme-2026", "1", "a/b@c:d+e._-", "9" * 100])
moments = st.datetimes(
    min_value=dt.datetime(2020, 1, 1),  # noqa: DTZ001 - the zone is drawn apart
    max_value=dt.datetime(2030, 1, 1),  # noqa: DTZ001 - likewise
    timezones=st.just(dt.UTC),
)


def licence(**said: Any) -> Licence:  # noqa: ANN401 - any field
    """
    Return a licence that says what is said, and else what is usual.
    """
    usual: dict[str, Any] = {
        "licence_id": "acme-2026",
        "licensee": "Acme Works",
        "customer": "acme",
        "mode": Mode.USAGE_BASED,
        "seats": 10,
        "meter": "seats",
        "issued_at": JAN_31 - 10 * DAY,
        "start": JAN_31,
        "end": dt.datetime(2027, 1, 31, tzinfo=dt.UTC),
    }
    return Licence(**{**usual, **said})


@st.composite
def licences(draw: st.DrawFn) -> Licence:
    """
    Draw a licence that can be.
    """
    mode = draw(st.sampled_from(Mode))
    seats = draw(st.integers(1, 10**6))
    moments_ = sorted(draw(st.lists(moments, min_size=3, max_size=3, unique=True)))
    unlimited = mode is Mode.USAGE_BASED and draw(st.booleans())
    return Licence(
        licence_id=draw(ids),
        licensee=draw(named),
        customer=draw(named),
        mode=mode,
        seats=None if unlimited else seats,
        issued_at=draw(moments),
        meter=draw(st.none() | st.sampled_from(["seats", "users.active"])),
        totals=draw(st.sampled_from([(), ("tokens",), ("tokens", "pages")])),
        features=draw(st.sampled_from([(), ("sso",), ("sso", "audit")])),
        instance=draw(st.none() | named),
        instance_key=draw(st.none() | st.just(ACME.verifier)),
        anchor=draw(st.none() | st.just(moments_[0])),
        start=draw(st.none() | st.just(moments_[1])),
        end=draw(st.none() | st.just(moments_[2])),
        zone=draw(st.sampled_from(ZONES)),
        interval=draw(st.sampled_from(Interval)),
        grace_days=draw(st.integers(0, 60)),
        report_to=draw(st.none() | named),
        report_days=draw(st.none() | st.integers(0, 60)),
    )


def month(  # noqa: PLR0913 - a month may be told in any part of it
    number: int,
    levels: Sequence[tuple[dt.datetime, int]],
    *,
    period: Period | None = None,
    as_of: dt.datetime | None = None,
    seats: int | None = 10,
    totals: tuple[Total, ...] = (),
    licence_id: str = "acme-2026",
) -> ReportedMonth:
    """
    Return a month with these levels, all figures following from them.
    """
    whole = period or licence(licence_id=licence_id).calendar().period(number - 1)  # type: ignore[union-attr]  # it has one
    assert whole is not None
    moment = as_of or whole.end
    end = min(whole.end_us, to_micros(moment) + 1)
    changes = [LevelChange(to_micros(at), units) for at, units in levels]
    held = held_in(changes, start=whole.start_us, end=end)
    peak = peak_of(held)
    resolution, brief = said_briefly(held, end=end)
    known = Knowledge.UNKNOWN
    if held:
        begins = held[0].at == whole.start_us
        known = Knowledge.KNOWN if begins else Knowledge.PARTLY
    return ReportedMonth(
        month=MonthId(licence_id, number),
        meter="seats",
        period=whole,
        complete=whole.end <= moment,
        knowledge=known,
        peak_units=0 if peak is None else peak.units,
        peak_at=None if peak is None else to_moment(peak.at),
        end_units=held[-1].units if held else 0,
        seats=seats,
        resolution=resolution,
        levels=tuple(brief),
        totals=totals,
    )


def report(months: Sequence[ReportedMonth], **said: Any) -> Report:  # noqa: ANN401 - any field
    """
    Return a report of these months.
    """
    as_of = max((one.period.end for one in months), default=JAN_31)
    size = said.pop("size", 10)
    usual: dict[str, Any] = {
        "licence_id": "acme-2026",
        "licensee": "Acme Works",
        "customer": "acme",
        "instance": "A",
        "key": ACME.verifier,
        "epoch": 1,
        "epoch_began_at": JAN_31,
        "since_epoch": False,
        "sequence": 1,
        "made_at": as_of,
        "as_of": as_of,
        "checkpoint": Checkpoint(
            origin="meterbook/1", size=size, root=bytes([size % 256]) * 32
        ),
        "recorded_from": JAN_31,
        "recorded_to": as_of,
        "terms": (
            ReportedTerm(
                licence_id="acme-2026",
                mode=Mode.USAGE_BASED,
                seats=10,
                meter="seats",
                start=JAN_31,
                end=dt.datetime(2027, 1, 31, tzinfo=dt.UTC),
            ),
        ),
        "months": tuple(months),
    }
    return Report(**{**usual, **said})


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """
    Draw a report that can be, of a few months and any levels in them.
    """
    calendar = licence().calendar()
    assert calendar is not None
    said = []
    for index in range(draw(st.integers(0, 4))):
        period = calendar.period(index)
        assert period is not None
        ats = draw(
            st.lists(st.integers(0, 27 * 24 * 60), unique=True, max_size=5).map(sorted)
        )
        levels = [
            (period.start + dt.timedelta(minutes=at), draw(st.integers(0, 50)))
            for at in ats
        ]
        totals = (Total("tokens", draw(st.integers(-(10**9), 10**12)), 3),)
        drawn = month(index + 1, levels, totals=draw(st.sampled_from([(), totals])))
        said.append(drawn)
    sizes = draw(
        st.lists(st.integers(0, 10**6), unique=True, min_size=1, max_size=4).map(sorted)
    )
    earlier = tuple(
        EarlierReport(
            sequence=number,
            made_at=draw(moments),
            size=size,
            root=draw(st.binary(min_size=32, max_size=32)),
            late=draw(st.integers(0, 5)),
            proof=tuple(
                draw(st.lists(st.binary(min_size=32, max_size=32), max_size=3))
            ),
        )
        for number, size in enumerate(sizes[:-1], start=1)
    )
    marks = tuple(
        Mark(size, draw(st.binary(min_size=32, max_size=32)), to_micros(draw(moments)))
        for size in sizes
    )
    return report(
        said,
        size=sizes[-1] + 1,
        licensee=draw(named),
        customer=draw(named),
        instance=draw(named),
        epoch=draw(st.integers(1, 9)),
        since_epoch=draw(st.booleans()),
        sequence=len(earlier) + 1,
        recorded_from=draw(st.none() | moments),
        earlier=earlier,
        marks=draw(st.sampled_from([(), marks])),
    )
