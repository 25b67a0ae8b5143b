"""
A vendor's book with a subscription: for tests of the program.
"""

from __future__ import annotations

import json


CATALOG = """
[meters.members]
event_type = "membership"
aggregation = "members"

[meters.licences]
event_type = "licences.counted"
aggregation = "peak"
value = "n"

[meters.tokens]
event_type = "llm.request"
aggregation = "sum"
value = "n"
"""
MAIN = ("acme", "main")
TERM = "term  kind  from         to           "
OF_2026 = "2026  paid  Jan 31 2026  Jan 30 2027  "
WHO = ("--actor", "ops", "--reason", "the contract says so")


def change(name: str, time: str, change: str, customer: str = "acme") -> str:
    return (
        json.dumps(
            {
                "specversion": "1.0",
                "source": "app",
                "id": f"{name} {time}",
                "type": "membership",
                "time": time,
                "customer": customer,
                "subject": name,
                "actor": "bob",
                "data": {"change": change},
            }
        )
        + "\n"
    )


EVENTS = "".join(
    [
        change("ann", "2026-01-31T00:00:00Z", "join"),
        change("bob", "2026-02-10T09:00:00Z", "join"),
        change("eve", "2026-03-01T00:00:00Z", "join"),
        change("eve", "2026-03-05T00:00:00Z", "leave"),
    ]
)


def term(key: str, start: str, *, seats: str) -> list[str]:
    return [
        *("terms", "add", *MAIN, key),
        *("--from", start, "--kind", "paid", "--seats", seats),
    ]
