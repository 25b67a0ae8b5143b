"""
A declaration is read as it was written, and kept as it was read.
"""

from __future__ import annotations

import json

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.foundation.errors import InvalidCaptureError
from meterbook.metering.captures import capture_from, constant_way, stored_capture


KEYS = st.from_regex(r"\A[a-z][a-z0-9_]{0,29}\Z")
NAMES = st.text(min_size=1, max_size=20).filter(lambda name: "\x00" not in name)
BARE = st.from_regex(r"\A[a-z_][a-z0-9_]{0,9}\Z")
EXPRESSIONS = st.sampled_from(
    ["active", "role = 'x'", "'it''s'", "CASE WHEN a THEN b END"]
)
FIELDS = {"table": "t", "customer": "c", "member": "m", "event_type": "e"}


def quoted(part: str) -> str:
    return '"{}"'.format(part.replace('"', '""'))


@given(
    key=KEYS,
    table=st.lists(NAMES, min_size=1, max_size=2),
    customer=NAMES,
    member=NAMES,
    more=st.dictionaries(st.sampled_from(["way", "when", "state"]), EXPRESSIONS),
)
def test_a_definition_is_kept_as_it_was_read(
    key: str, table: list[str], customer: str, member: str, more: dict[str, str]
) -> None:
    """
    What a book keeps of a declaration, read back, is the same declaration, whatever its
    names are.
    """
    mapping = {
        "table": ".".join(map(quoted, table)),
        "customer": customer,
        "member": member,
        "event_type": "seat.changed",
        **more,
    }
    capture = capture_from(key, mapping)
    assert capture.table == tuple(table)
    kept = json.loads(json.dumps(capture.definition()))
    assert stored_capture(key, kept) == capture


@given(schema=BARE, name=BARE)
def test_a_dot_parts_a_schema_from_a_name(schema: str, name: str) -> None:
    """
    Two bare names with a dot between are a schema and a table.
    """
    capture = capture_from("k", {**FIELDS, "table": f"{schema}.{name}"})
    assert capture.table == (schema, name)
    assert capture.table_name == f"{schema}.{name}"


@given(st.text(max_size=10).filter(lambda text: "\x00" not in text))
def test_a_way_that_is_a_constant(text: str) -> None:
    """
    A quoted text is the one way of all; anything else depends on the row; nothing is
    the way without a name.
    """
    literal = "'{}'".format(text.replace("'", "''"))
    assert constant_way(literal) == text
    assert constant_way(f" {literal} ") == text
    assert constant_way("role") is None
    assert constant_way(f"{literal} || role") is None
    assert constant_way(None) == ""


@pytest.mark.parametrize(
    ("key", "mapping", "sentence"),
    [
        ("Members", FIELDS, "key must be 1 to 30 lower-case letters"),
        (7, FIELDS, "key must be 1 to 30 lower-case letters"),
        ("m" * 31, FIELDS, "key must be 1 to 30 lower-case letters"),
        ("m", [], "declaration must be a table of fields"),
        ("m", {**FIELDS, "tabel": "x"}, "'tabel' is not a field; the fields are custo"),
        ("m", {"table": "t"}, "customer is missing"),
        ("m", {**FIELDS, "member": 1}, "member must be text of 1 to 255 characters"),
        ("m", {**FIELDS, "member": ""}, "member must be text of 1 to 255 characters"),
        ("m", {**FIELDS, "table": "a..b"}, "table must be a name, or two"),
        ("m", {**FIELDS, "table": '"a'}, "table must be a name, or two"),
        ("m", {**FIELDS, "customer": "a\x00"}, "customer holds a NUL character"),
        ("m", {**FIELDS, "event_type": " "}, "event_type must be printable text"),
        ("m", {**FIELDS, "event_type": "meterbook.a"}, "event_type begins with meterb"),
        ("m", {**FIELDS, "when": "a)"}, "when closes a ) that it did not open"),
        ("m", {**FIELDS, "way": 1}, "way must be text of 1 to 4000 characters"),
        ("m", {**FIELDS, "version": 0}, "version must be a whole number, 1 or more"),
        ("m", {**FIELDS, "version": True}, "version must be a whole number, 1 or more"),
    ],
)
def test_what_is_wrong_is_named(key: object, mapping: object, sentence: str) -> None:
    """
    A refusal names the capture, the field and the fault.
    """
    with pytest.raises(InvalidCaptureError) as raised:
        capture_from(key, mapping)
    assert sentence in str(raised.value)
    assert str(raised.value).startswith("capture ")
