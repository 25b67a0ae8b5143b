"""
Documents as lines: what is written is read, and what is not meant is refused.
"""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from laws.documents import named
from meterbook.foundation.errors import InvalidLicenceError
from meterbook.licensing.lines import Fields, sections, whole_of, written


names = st.sampled_from(["a", "seats", "x-1", "grace-days", "z9"])


@given(st.lists(st.dictionaries(names, named, min_size=1), min_size=1, max_size=4))
def test_what_is_written_is_read(parts: list[dict[str, str]]) -> None:
    """
    Sections that were written are read, each field with its value.
    """
    text = "\n".join(written(part.items()) for part in parts)

    found = [Fields("text", s, fault=InvalidLicenceError) for s in sections(text)]

    assert [dict(fields.left()) for fields in found] == parts


@given(st.integers(0, 10**18))
def test_a_whole_number_has_one_text(number: int) -> None:
    """
    A number is read from the one text it has, and from no other.
    """
    assert whole_of(str(number)) == number
    for other in (
        f"0{number}",
        f"+{number}",
        f"{number}.0",
        f" {number}",
        f"{number}e0",
    ):
        assert whole_of(other) is None


@pytest.mark.parametrize(
    ("lines", "named_fault"),
    [
        pytest.param(["seats 5"], "'seats 5'", id="no colon"),
        pytest.param(["Seats: 5"], "'Seats: 5'", id="a name in capitals"),
        pytest.param(["seats: 5 "], "'seats: 5 '", id="a space at the end"),
        pytest.param(["seats:5"], "'seats:5'", id="no space after the colon"),
        pytest.param(["seats: " + "5" * 5000], "4096", id="too long"),
    ],
)
def test_a_line_of_another_form_is_refused(lines: list[str], named_fault: str) -> None:
    """
    A line that is not `name: value` is refused, and shown.
    """
    with pytest.raises(InvalidLicenceError, match=named_fault):
        Fields("licence", lines, fault=InvalidLicenceError)


def test_a_field_said_twice_is_refused() -> None:
    """
    Which of two is meant is not guessed.
    """
    fields = Fields("licence", ["seats: 5", "seats: 6"], fault=InvalidLicenceError)

    with pytest.raises(InvalidLicenceError, match="seats stands 2 times"):
        fields.take("seats")
