"""
The errors, by who can mend them.

An error is for what could not be done. What was decided (a duplicate event, a
refused event) is a value that the function returns, and is not in this file.

::

    MeterbookError
    |__ CallerError     the request is wrong: change it, do not repeat it
    |__ StoreError      our storage failed: the same request may work later
    |__ CorruptBook     what is stored contradicts itself: stop, and look
"""

from __future__ import annotations

from typing import ClassVar


class MeterbookError(Exception):
    """
    Something could not be done.

    The first paragraph of a class docstring is what the user reads when no message
    is given, so it is a sentence to a user, not a note to a developer.

    Attributes:
        code: What programs read: stable, lower case, one for each class.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self._sentence())

    @classmethod
    def _sentence(cls) -> str:
        """
        Return the first paragraph of the docstring; the code where `-OO` took it.
        """
        paragraph = (cls.__doc__ or "").strip().partition("\n\n")[0]
        return " ".join(paragraph.split()) or cls.code


class CallerError(MeterbookError):
    """
    The request cannot be carried out as it stands: change it, then send it again.
    """

    code = "invalid_request"


class InvalidInstantError(CallerError):
    """
    A moment needs a date, a time and a UTC offset, as in 2026-01-31T09:30:00Z.
    """

    code = "invalid_instant"


class InvalidPeriodError(CallerError):
    """
    A period must start before it ends.
    """

    code = "invalid_period"


class InvalidMeterError(CallerError):
    """
    The definition of the meter cannot be used as it stands.
    """

    code = "invalid_meter"


class UnknownMeterError(CallerError):
    """
    No meter has this key: define it first, or list the meters to find its name.
    """

    code = "unknown_meter"


class InvalidCatalogError(CallerError):
    """
    The catalog cannot be read: it must be a table of meters by key.
    """

    code = "invalid_catalog"


class InvalidQueryError(CallerError):
    """
    The question cannot be answered as it is put.
    """

    code = "invalid_query"


class UnknownEntryError(CallerError):
    """
    The book has no such entry: nothing was changed.
    """

    code = "unknown_entry"


class AlreadyVoidError(CallerError):
    """
    The entry is void already: nothing was changed.
    """

    code = "already_void"


class BatchTooLargeError(CallerError):
    """
    The batch holds more events than one call takes: send it in parts.
    """

    code = "batch_too_large"


class UnknownPlaceError(CallerError):
    """
    The book has not numbered that place yet: let the worker catch up, or ask for
    an earlier one.
    """

    code = "unknown_place"


class NotABookError(CallerError):
    """
    There is no book here: create one first, or check the path or address.
    """

    code = "not_a_book"


class AlreadyABookError(CallerError):
    """
    There is a book here already: open it instead of creating it.
    """

    code = "already_a_book"


class SchemaTooOldError(CallerError):
    """
    The book was last written by an older version: migrate it, then open it.
    """

    code = "schema_too_old"


class SchemaTooNewError(CallerError):
    """
    The book was written by a newer version: upgrade meterbook, then open it.
    """

    code = "schema_too_new"


class ReadOnlyBookError(CallerError):
    """
    The book was opened for reading only: open it for writing to change it.
    """

    code = "read_only_book"


class MissingExtraError(CallerError):
    """
    An optional package is not installed: install meterbook with the extra needed.
    """

    code = "missing_extra"

    @classmethod
    def named(cls, extra: str, *, purpose: str) -> MissingExtraError:
        """
        Return the error that says which *extra* to install, and what for.

        Args:
            extra: The name of the extra in the package, as in `postgres`.

            purpose: What needs it, as a subject: "A book in PostgreSQL".
        """
        return cls(f'{purpose} needs an extra: pip install "meterbook[{extra}]".')


class UnusableConnectionError(CallerError):
    """
    Nothing can be recorded on this connection so that it is committed with your rows.
    """

    code = "unusable_connection"


class InvalidEventError(CallerError, ValueError):
    """
    The event cannot be written as it stands.
    """

    code = "invalid_event"


class UnknownSubjectError(CallerError):
    """
    The book knows no subject or actor of this name.
    """

    code = "unknown_subject"


class MalformedNoteError(CallerError):
    """
    This is not a signed note as it was written: get the file again, unchanged.
    """

    code = "malformed_note"


class ForgedNoteError(CallerError):
    """
    The signature is not of this text: it was changed after it was signed, or somebody
    else signed it.
    """

    code = "forged_note"


class UnknownSignerError(CallerError):
    """
    None of the keys given has signed this: check whose public key is needed.
    """

    code = "unknown_signer"


class InvalidKeyError(CallerError):
    """
    This is no key in its written form: copy the whole line.
    """

    code = "invalid_key"


class UnknownKeyError(CallerError):
    """
    There is no key of this name: make it, or list the keys to find its name.
    """

    code = "unknown_key"


class AlreadyAKeyError(CallerError):
    """
    There is a key of this name already: rotate it instead of making it.
    """

    code = "already_a_key"


class InsecureKeyError(CallerError):
    """
    Others may read or replace the private key: take their rights to the file away.
    """

    code = "insecure_key"


class InvalidProofError(CallerError):
    """
    The proof does not show what it says.
    """

    code = "invalid_proof"


class UnknownSubscriptionError(CallerError):
    """
    There is no such subscription: create it first, or list them to find its key.
    """

    code = "unknown_subscription"


class InvalidTermError(CallerError):
    """
    The term cannot be as it stands: a term starts before it ends, and has whole seats.
    """

    code = "invalid_term"


class UnknownTermError(CallerError):
    """
    The subscription has no such term: list its terms to find the key.
    """

    code = "unknown_term"


class UnknownCustomerError(CallerError):
    """
    The book has nothing of this customer: no name, no usage and no subscription.
    """

    code = "unknown_customer"


class InvalidImportError(CallerError):
    """
    The file has rows that cannot be taken: nothing was changed.
    """

    code = "invalid_import"


class InvalidMoveError(CallerError):
    """
    The move cannot be made as it stands: nothing was changed.
    """

    code = "invalid_move"


class InvalidPriceError(CallerError):
    """
    The price or its currency cannot be used as it stands.
    """

    code = "invalid_price"


class InvalidLicenceError(CallerError):
    """
    The licence cannot be used as it stands: ask whoever issued it for another.
    """

    code = "invalid_licence"


class RefusedLicenceError(CallerError):
    """
    The licence is not one that this installation can take.
    """

    code = "refused_licence"


class NoLicenceError(CallerError):
    """
    No licence is installed that says what to report: install one first.
    """

    code = "no_licence"


class InvalidReportError(CallerError):
    """
    The usage report cannot be read as it stands: get the file again, unchanged.
    """

    code = "invalid_report"


class NothingToReportError(CallerError):
    """
    No month is complete yet: wait until the first one is, or ask for the current one.
    """

    code = "nothing_to_report"


class InvalidCaptureError(CallerError):
    """
    The table cannot be captured as the declaration says.
    """

    code = "invalid_capture"


class UnknownCaptureError(CallerError):
    """
    No capture of this key is installed: list the captures to find its name.
    """

    code = "unknown_capture"


class StoreError(MeterbookError):
    """
    The storage failed.

    Attributes:
        retryable: Whether the very same request may work when it is sent again: a
            lock that timed out or a lost connection, but not a full disk.
    """

    code = "store_failed"

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class CorruptBook(MeterbookError):  # noqa: N818 - a state of the book, not a mistake
    """
    What is stored contradicts itself: stop writing, keep a copy, and verify.
    """

    code = "corrupt_book"
