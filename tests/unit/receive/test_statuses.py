"""Every error has a C-STORE status; only those of the environment ask for another attempt."""

from collections.abc import Iterator

import pytest

from screening import errors
from screening.dimse.messages import MAX_COMMENT_CHARACTERS
from screening.receive.statuses import STATUS_OF_ERROR, refusal_of


def _below(klass: type[Exception]) -> Iterator[type[Exception]]:
    for child in klass.__subclasses__():
        yield child
        yield from _below(child)


@pytest.mark.parametrize("error", list(_below(errors.TransientError)))
def test_what_may_pass_is_answered_so_that_senders_try_again(error: type[Exception]) -> None:
    """Refused: Out of Resources (PS3.4 B.2.3)."""
    assert refusal_of(error("why")).status == 0xA700


NEGOTIATED = {errors.SOPClassNotReceivedError: 0x0122, errors.TransferSyntaxError: 0xC122}
"""Of STOW-RS alone, since associations negotiate both (PS3.18 table I.2-2)."""


@pytest.mark.parametrize(
    "error", [one for one in _below(errors.RejectedInstanceError) if one not in NEGOTIATED]
)
def test_what_will_not_pass_is_answered_so_that_senders_stop(error: type[Exception]) -> None:
    """Data Set does not match SOP Class, or Cannot Understand (PS3.4 B.2.3)."""
    assert refusal_of(error("why")).status & 0xFF00 in {0xA900, 0xC000}


def test_what_associations_negotiate_has_a_failure_reason_of_its_own() -> None:
    """Referenced SOP Class, or Transfer Syntax, not supported."""
    assert {error: refusal_of(error("why")).status for error in NEGOTIATED} == NEGOTIATED


@pytest.mark.parametrize("error", [OSError, FileNotFoundError, PermissionError])
def test_a_spool_that_cannot_be_used_is_no_fault_of_the_object(error: type[OSError]) -> None:
    """An input or output error, too many open files, a file system gone: all may pass."""
    refusal = refusal_of(error("/spool/DOE^JANE"))
    assert refusal.status == 0xA700
    assert "DOE" not in refusal.comment


def test_an_unexpected_error_is_a_processing_failure() -> None:
    """PS3.7 C.5: senders may try again, and the text of the error stays here."""
    refusal = refusal_of(ValueError("DOE^JANE"))
    assert refusal.status == 0x0110
    assert "DOE" not in refusal.comment


def test_comments_fit_into_the_answer() -> None:
    """Error Comment (0000,0902) is LO: 64 characters."""
    assert all(0 < len(r.comment) <= MAX_COMMENT_CHARACTERS for r in STATUS_OF_ERROR.values())
