"""
Following histories by their marks: where they part, and who was alive when.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from laws.documents import JAN_31, month, report
from meterbook.foundation.instants import SECOND, to_micros, to_moment
from meterbook.licensing.reports import EarlierReport, Mark
from meterbook.licensing.tracing import (
    MARKS_MAX,
    Point,
    alive_since,
    begins_with,
    changed,
    check_report,
    marked_sizes,
)
from meterbook.proof.checkpoints import Checkpoint
from meterbook.proof.merkle import consistency_proof, leaf_hash, root


T0 = to_micros(JAN_31)


def history(name: str, size: int, *, shared: int = 0) -> list[bytes]:
    """
    Return the leaves of a book whose first *shared* entries every other has, too.
    """
    return [
        leaf_hash(f"{'all' if place < shared else name} {place}".encode())
        for place in range(size)
    ]


def marks(leaves: list[bytes], *, after: int) -> tuple[Mark, ...]:
    sizes = marked_sizes(after=after, upto=len(leaves))
    return tuple(Mark(n, root(leaves[:n]), T0 + n * SECOND) for n in sizes)


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_marks_are_few_and_lie_between(after: int, length: int) -> None:
    """
    A report marks places after the last one's and before its own, and not too many; of
    a short stretch all of them.
    """
    upto = after + length

    found = marked_sizes(after=after, upto=upto)

    assert all(after < size < upto for size in found)
    assert len(found) <= MARKS_MAX
    if length <= MARKS_MAX:
        assert found == list(range(after + 1, upto))
    elif length:
        assert len(found) >= MARKS_MAX // 2 - 1


@settings(max_examples=40)
@given(
    st.integers(0, 300), st.integers(1, 300), st.integers(0, 300), st.integers(1, 300)
)
def test_two_reports_of_one_history_agree(
    after: int, length: int, other: int, longer: int
) -> None:
    """
    Wherever two reports of one book mark the same place, they say the same root.
    """
    leaves = history("one", 180)

    one = {m.size: m.root for m in marks(leaves[: after + length], after=after)}
    two = {m.size: m.root for m in marks(leaves[: other + longer], after=other)}

    assert all(one[size] == two[size] for size in one.keys() & two.keys())


@settings(max_examples=50)
@given(st.integers(0, 40), st.integers(1, 60), st.integers(1, 60))
@example(0, 100, 90)
def test_no_entry_before_the_parting_is_taken_for_one_after(
    shared: int, more: int, other: int
) -> None:
    """
    What a report is found to have recorded for itself was recorded after the parting;
    of a short stretch that is its very first entry after it.
    """
    ours = history("ours", shared + more, shared=shared)
    theirs = history("theirs", shared + other, shared=shared)
    accepted = {m.size: m.root for m in marks(ours, after=0)}
    accepted[len(ours)] = root(ours)
    found = report(
        [],
        size=1,
        checkpoint=Checkpoint(origin="x", size=len(theirs), root=root(theirs)),
        marks=marks(theirs, after=0),
        recorded_to=to_moment(T0 + len(theirs) * SECOND),
    )

    alive = alive_since(found, accepted=accepted, size=len(ours))

    first_own = T0 + (shared + 1) * SECOND
    assert alive is None or alive >= first_own
    if len(ours) <= MARKS_MAX and len(theirs) <= MARKS_MAX:
        assert alive == first_own


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 39))
def test_a_report_proves_its_beginning(old: int, more: int, edited: int) -> None:
    """
    A book proves that it begins as it did; with any one entry changed it does not.
    """
    leaves = history("one", old + more)
    earlier = EarlierReport(
        sequence=1,
        made_at=JAN_31,
        size=old,
        root=root(leaves[:old]),
        proof=tuple(consistency_proof(leaves, old)),
    )

    def told(now: list[bytes]) -> bool:
        proof = tuple(consistency_proof(now, old))
        one = report(
            [],
            sequence=2,
            checkpoint=Checkpoint(origin="x", size=len(now), root=root(now)),
            earlier=(replace(earlier, proof=proof),),
        )
        assert (check_report(one) is None) == begins_with(one, Point(old, earlier.root))
        return begins_with(one, Point(old, earlier.root))

    assert told(leaves)
    changed_leaves = [*leaves]
    changed_leaves[edited % old] = leaf_hash(b"edited")
    assert not told(changed_leaves)


def test_what_is_another_in_a_month() -> None:
    """
    A figure that is another is named; a month that was cut since is not compared.
    """
    before = month(1, [(JAN_31, 5)])

    assert changed(before, before) is None
    assert changed(before, month(1, [(JAN_31, 4)])) == "peak 5 before and 4 now"
    cut = replace(before.period, end=to_moment(T0 + SECOND))
    assert changed(before, month(1, [(JAN_31, 4)], period=cut)) is None
