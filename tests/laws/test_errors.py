"""
The laws of errors.
"""

from __future__ import annotations

import pytest

from meterbook.foundation import errors
from meterbook.foundation.errors import (
    CallerError,
    CorruptBook,
    InvalidPeriodError,
    MeterbookError,
    MissingExtraError,
    StoreError,
)


CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, MeterbookError)
]
PLAIN = [cls for cls in CLASSES if cls is not StoreError]


@pytest.mark.parametrize("cls", PLAIN, ids=lambda cls: cls.__name__)
def test_an_error_speaks_to_the_user(cls: type[MeterbookError]) -> None:
    """
    Without a message, an error says its docstring's first paragraph, on one line.
    """
    said = str(cls())

    assert said.endswith(".")
    assert "\n" not in said
    assert "  " not in said
    assert str(cls("Something else.")) == "Something else."


def test_codes_are_unique() -> None:
    """
    Programs tell errors by their codes, so no two share one.
    """
    codes = [cls.code for cls in CLASSES]

    assert len(set(codes)) == len(codes)
    assert all(code.islower() and code.replace("_", "").isalpha() for code in codes)


def test_an_error_without_docstrings_says_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Where Python was told to forget docstrings, the code is said instead.
    """
    monkeypatch.setattr(InvalidPeriodError, "__doc__", None)

    assert str(InvalidPeriodError()) == "invalid_period"


def test_who_can_mend_it() -> None:
    """
    Errors are told by who can mend them: the caller, time, or a person who looks.
    """
    others = {MeterbookError, StoreError, CorruptBook}

    assert all(issubclass(cls, CallerError) for cls in CLASSES if cls not in others)
    assert not issubclass(CorruptBook, CallerError | StoreError)
    assert StoreError("The database is gone.", retryable=True).retryable
    assert not StoreError("The disk is full.", retryable=False).retryable


def test_a_missing_extra_says_what_to_type() -> None:
    """
    A package that is not installed is named by the command that installs it.
    """
    error = MissingExtraError.named("postgres", purpose="A book in PostgreSQL")

    assert str(error) == (
        'A book in PostgreSQL needs an extra: pip install "meterbook[postgres]".'
    )
