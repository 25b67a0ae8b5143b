"""
Pending, active, suspended: the states of a membership as a real product had them, and
what the book says of each step.

A member is *pending* until the first request, *active* from then on, and *suspended*
while an administrator says so; only active ones are billed. The table keeps two
moments, `suspended_at` and `last_active_at`, and the state follows from them.

Source:
    The membership states, the service's tests and the weaknesses W1, W5, W18 and W19 of
    the first system in ../shared/field, restated; where it billed wrongly, our answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from captures.applications import Application


DECLARATION = """
[captures.members]
table = "user_to_org"
customer = "org_id"
member = "user_id"
event_type = "seat.changed"
state = '''
CASE
    WHEN suspended_at IS NOT NULL THEN 'suspended'
    WHEN last_active_at IS NULL THEN 'pending'
    ELSE 'active'
END'''
"""

EVERYBODY = {
    "everybody": {
        "event_type": "seat.changed",
        "aggregation": "members",
        "states": ["active", "pending", "suspended"],
    }
}

TABLE = """
CREATE TABLE user_to_org (
    org_id integer NOT NULL REFERENCES org ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES person ON DELETE CASCADE,
    role text NOT NULL DEFAULT 'MEMBER',
    suspended_at text,
    last_active_at text,
    scim_external_id text,
    PRIMARY KEY (org_id, user_id),
    UNIQUE (org_id, scim_external_id)
)
"""

ANN = "WHERE org_id = 1 AND user_id = 'ann'"
CREATE = "INSERT INTO user_to_org (org_id, user_id) VALUES (1, 'ann')"
ACTIVATE = (
    f"UPDATE user_to_org SET last_active_at = '10:00' {ANN}"
    " AND suspended_at IS NULL AND last_active_at IS NULL"
)
REFRESH = f"UPDATE user_to_org SET last_active_at = '10:05' {ANN}"
SUSPEND = (
    f"UPDATE user_to_org SET suspended_at = '11:00', last_active_at = NULL {ANN}"
    " AND suspended_at IS NULL"
)
REACTIVATE = f"UPDATE user_to_org SET suspended_at = NULL {ANN}"

PENDING = [CREATE]
ACTIVE = [CREATE, ACTIVATE]
SUSPENDED = [CREATE, ACTIVATE, SUSPEND]


@pytest.fixture
def product(application: Application) -> Application:
    """
    Give the product's own table, captured.
    """
    application.connection.execute(TABLE)
    application.book.define(EVERYBODY)
    application.install(DECLARATION)
    return application


LEAVE = f"DELETE FROM user_to_org {ANN}"
PROMOTE = f"UPDATE user_to_org SET role = 'OWNER' {ANN}"
RELABEL = f"UPDATE user_to_org SET scim_external_id = 'x1' {ANN}"
DELETE_USER = "DELETE FROM person WHERE id = 'ann'"
DELETE_ORG = "DELETE FROM org WHERE id = 1"

# What happens, from which state, by which statements, and what the book is told of it.
STEPS: list[tuple[str, list[str], list[str], list[tuple[str, str | None]]]] = [
    ("created", [], [CREATE], [("join", "pending")]),
    ("first request", PENDING, [ACTIVATE], [("join", None)]),
    ("somebody else won", PENDING, [ACTIVATE, ACTIVATE], [("join", None)]),
    ("already active", ACTIVE, [ACTIVATE], []),
    ("suspended, asks for a page", SUSPENDED, [ACTIVATE], []),
    ("seen again", ACTIVE, [REFRESH, REFRESH], []),
    ("suspended", ACTIVE, [SUSPEND], [("join", "suspended")]),
    ("never came, suspended", PENDING, [SUSPEND], [("join", "suspended")]),
    ("already suspended", SUSPENDED, [SUSPEND], []),
    ("reactivated", SUSPENDED, [REACTIVATE], [("join", "pending")]),
    ("was not suspended", ACTIVE, [REACTIVATE], []),
    ("another external id", ACTIVE, [RELABEL], []),
    ("promoted", ACTIVE, [PROMOTE], []),
    ("left", ACTIVE, [LEAVE], [("leave", None)]),
    ("gave up", PENDING, [LEAVE], [("leave", None)]),
    ("removed while suspended", SUSPENDED, [LEAVE], [("leave", None)]),
    ("the user deleted", ACTIVE, [DELETE_USER], [("leave", None)]),
    ("the organisation deleted", SUSPENDED, [DELETE_ORG], [("leave", None)]),
]


def test_what_is_told_of_a_step(product: Application) -> None:
    """
    Each step of a membership's life is told once, as the state that it ends in; what
    changes no state is not told.
    """
    for happens, before, steps, told in STEPS:
        product.run(
            "DELETE FROM user_to_org",
            "INSERT INTO org VALUES (1) ON CONFLICT DO NOTHING",
            "INSERT INTO person VALUES ('ann') ON CONFLICT DO NOTHING",
            *before,
        )
        known = len(product.told())
        product.run(*steps)
        said = [(t.change, t.state) for t in product.told()[known:]]
        assert said == told, happens
    assert product.check().clean


def test_only_the_active_are_billed(product: Application) -> None:
    """
    Of pending, active and suspended members only the active count; another meter can
    count all of them.
    """
    product.run(
        "INSERT INTO user_to_org (org_id, user_id, suspended_at, last_active_at) VALUES"
        " (1, 'ann', NULL, NULL), (1, 'bob', NULL, '09:00'), (1, 'cid', '09:30', NULL),"
        " (1, 'dan', NULL, '09:10')"
    )
    product.tick()
    assert product.peak("1") == 2
    everybody = product.book.seats.present("everybody", customer="1", names=True)
    assert [member.member for member in everybody.members] == [
        "ann",
        "bob",
        "cid",
        "dan",
    ]


def test_a_request_that_races_a_suspension(product: Application) -> None:
    """
    W18: a late refresh may write a moment of activity into a suspended row. Suspended
    it stays, for the bill too; when it is reactivated, the book says active from then
    on, and who looks sees when.
    """
    product.run(*SUSPENDED, REFRESH)
    assert product.told()[-1].state == "suspended"
    known = len(product.told())
    product.run(REACTIVATE)
    assert [(t.change, t.state) for t in product.told()[known:]] == [("join", None)]
    assert product.check().clean


def test_cycling_does_not_lower_the_peak(product: Application) -> None:
    """
    W19: whoever is suspended and reactivated before each count is pending when somebody
    looks; the month's peak has seen them.
    """
    product.run(*ACTIVE)
    for _ in range(3):
        product.run(SUSPEND, REACTIVATE)
    product.tick()
    assert product.seats() == {}
    assert product.peak("1") == 1


def test_a_user_who_is_deleted_is_billed_no_longer(product: Application) -> None:
    """
    W5: a user's deletion takes the membership with it, and the level falls at once; the
    next month does not pay for them.
    """
    product.run(*ACTIVE, "DELETE FROM person WHERE id = 'ann'")
    product.tick()
    now = product.book.now()
    product.tick()
    reading = product.book.read(
        "seats", customer="1", start=now, end=product.book.now()
    )
    assert (reading.units, reading.known_since is not None) == (0, True)
