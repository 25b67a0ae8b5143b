"""
The laws of attribution.
"""

from __future__ import annotations

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from meterbook.metering.attribution import Attribution, payer


EVENT_SEQ = 5
places = st.sampled_from([place for place in range(1, 12) if place != EVENT_SEQ])
attributions = st.lists(
    st.builds(
        Attribution,
        customer=st.sampled_from([None, "acme", "globex"]),
        effective_at=st.integers(0, 4),
        seq=places,
    ),
    unique_by=lambda said: said.seq,
    max_size=8,
).map(lambda said: sorted(said, key=lambda one: one.seq))


def owner(said: list[Attribution], occurred_at: int) -> str | None:
    """
    Return whose the subject is at *occurred_at*, by a timeline built anew.
    """
    timeline = sorted(said, key=lambda one: (one.effective_at, one.seq))
    holding = [one.customer for one in timeline if one.effective_at <= occurred_at]
    return holding[-1] if holding else None


def oracle(
    said: list[Attribution], occurred_at: int, upto: int
) -> tuple[str | None, int]:
    """
    Return the payer, by asking after every place in turn.
    """
    for seq in range(EVENT_SEQ, upto + 1):
        known = [one for one in said if one.seq <= seq]
        if (customer := owner(known, occurred_at)) is not None:
            return customer, seq

    return None, EVENT_SEQ


@given(said=attributions, occurred_at=st.integers(0, 4), upto=st.integers(5, 12))
@example(
    said=[Attribution(None, 3, 6), Attribution("acme", 1, 7)],
    occurred_at=4,
    upto=9,
)
def test_oracle(said: list[Attribution], occurred_at: int, upto: int) -> None:
    """
    The payer is the first customer that the timeline gives, at or after the event.
    """
    assert payer(None, occurred_at, EVENT_SEQ, said, upto_seq=upto) == oracle(
        said, occurred_at, upto
    )


@given(said=attributions, occurred_at=st.integers(0, 4), upto=st.integers(5, 11))
def test_what_is_settled_stays(
    said: list[Attribution], occurred_at: int, upto: int
) -> None:
    """
    Once somebody pays, no later entry changes who, or when that was settled.
    """
    before = payer(None, occurred_at, EVENT_SEQ, said, upto_seq=upto)
    after = payer(None, occurred_at, EVENT_SEQ, said, upto_seq=upto + 1)

    assert before[0] is None or after == before


@given(said=attributions, occurred_at=st.integers(0, 4))
def test_what_is_stated_wins(said: list[Attribution], occurred_at: int) -> None:
    """
    The customer that the source states pays, whoever the subject belongs to.
    """
    settled = payer("initech", occurred_at, EVENT_SEQ, said, upto_seq=99)

    assert settled == ("initech", EVENT_SEQ)


ACME = Attribution("acme", effective_at=10, seq=1)
GLOBEX = Attribution("globex", effective_at=20, seq=2)
LATE_ACME = Attribution("acme", effective_at=10, seq=7)
LATE_NOBODY = Attribution(None, effective_at=10, seq=8)


@pytest.mark.parametrize(
    ("said", "occurred_at", "settled"),
    [
        pytest.param([ACME, GLOBEX], 10, ("acme", 5), id="from the instant on"),
        pytest.param([ACME, GLOBEX], 19, ("acme", 5), id="until the next"),
        pytest.param([ACME, GLOBEX], 20, ("globex", 5), id="which holds at once"),
        pytest.param([ACME, GLOBEX], 9, (None, 5), id="not before"),
        pytest.param([LATE_ACME], 10, ("acme", 7), id="given later"),
        pytest.param(
            [LATE_ACME, LATE_NOBODY], 10, ("acme", 7), id="and not taken back"
        ),
        pytest.param([GLOBEX, LATE_ACME], 25, ("globex", 5), id="settled is settled"),
        pytest.param([LATE_ACME], 9, (None, 5), id="not given"),
        pytest.param([], 9, (None, 5), id="never heard of"),
    ],
)
def test_examples(
    said: list[Attribution], occurred_at: int, settled: tuple[str | None, int]
) -> None:
    """
    Subjects move between customers; what was settled does not move with them.
    """
    assert payer(None, occurred_at, EVENT_SEQ, said, upto_seq=9) == settled


def test_a_later_entry_replaces_one_at_the_same_instant() -> None:
    """
    Of two that hold from one instant, the one the book heard last holds.
    """
    mistake = Attribution("globex", effective_at=10, seq=1)
    mended = Attribution("acme", effective_at=10, seq=2)

    assert payer(None, 15, EVENT_SEQ, [mistake, mended], upto_seq=9) == ("acme", 5)
