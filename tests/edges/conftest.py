"""
A book with a few events, and the program that asks it.
"""

from __future__ import annotations

import json
import shutil

from typing import TYPE_CHECKING

import pytest

from edges import vendors
from edges.program import Program


if TYPE_CHECKING:
    from pathlib import Path


CATALOG = """
[meters.tokens]
event_type = "llm.request"
aggregation = "sum"
value = "tokens"
scale = 1
unit = "token"
group_by = { model = "model" }

[meters.seats]
event_type = "seats"
aggregation = "peak"
value = "seats"

[meters.models]
event_type = "llm.request"
aggregation = "unique"
value = "model"
"""


def document(name: str, time: str | None = None, **said: object) -> str:
    """
    Return a CloudEvent on a line.
    """
    event = {"specversion": "1.0", "source": "api", "id": name, "type": "llm.request"}
    given = {} if time is None else {"time": time}
    return json.dumps({**event, **given, **said}) + "\n"


def request(name: str, time: str, tokens: object, **said: object) -> str:
    data = {"tokens": tokens, "model": "xl" if name.startswith("x") else "s"}
    return document(name, time, data=data, **said)


EVENTS = "".join(
    [
        request("a", "2026-01-31T10:00:00Z", 420, customer="acme", subject="ann"),
        request("x", "2026-02-01T10:00:00Z", 1000.5, customer="acme", subject="bob"),
        request("b", "2026-02-28T00:00:00Z", 7, customer="acme", subject="ann"),
        request("c", "2026-02-28T00:00:00Z", "no", customer="globex"),
        document(
            "d", "2026-01-15T00:00:00Z", customer="acme", data={"seats": 5}
        ).replace("llm.request", "seats"),
    ]
)


@pytest.fixture
def bare(tmp_path: Path) -> Program:
    """
    A book without meters, by the machine's clock.
    """
    program = Program(tmp_path, str(tmp_path / "usage.db"))
    program.ok("book", "init")
    return program


@pytest.fixture
def empty(tmp_path: Path) -> Program:
    """
    A test book, on 2026-03-10, that knows three meters.
    """
    program = Program(tmp_path, str(tmp_path / "usage.db"))
    program.ok("book", "init", "--test-clock", "2026-03-10T00:00:00Z")
    program.ok("catalog", "apply", program.write("catalog.toml", CATALOG))
    return program


@pytest.fixture
def program(empty: Program) -> Program:
    """
    The same with five events.
    """
    empty.ok("events", "record", empty.write("events.ndjson", EVENTS))
    return empty


@pytest.fixture(scope="session")
def made_vendor(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """
    A test book, on May 1, with a subscription of two seats and three members.
    """
    folder = tmp_path_factory.mktemp("made")
    program = Program(folder, str(folder / "usage.db"))
    program.ok("book", "init", "--test-clock", "2026-05-01T00:00:00Z")
    program.ok("catalog", "apply", program.write("catalog.toml", vendors.CATALOG))
    program.ok("events", "record", program.write("events.ndjson", vendors.EVENTS))
    months = ("--meter", "members", "--anchor", "2026-01-31")
    program.ok("subscriptions", "create", *vendors.MAIN, *months)
    program.ok(*vendors.term("2026", "2026-01-31", seats="2"), "--to", "2027-01-31")
    return program


@pytest.fixture
def vendor(made_vendor: Program, tmp_path: Path) -> Program:
    """
    A copy of that book, to change.
    """
    shutil.copy(made_vendor.book, tmp_path)
    return Program(tmp_path, str(tmp_path / "usage.db"))
