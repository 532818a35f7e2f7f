"""What both roles of Storage Commitment share: contexts, and reading and writing data sets.

Source: PS3.4 tables J.3-1 and J.3-2.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from screening.domain.commitment import (
    COMMITMENT_PUSH_MODEL,
    CommitmentAnswer,
    CommitmentRequested,
    NotCommitted,
    SopReference,
)
from screening.errors import UnreadableDataSetError
from screening.imaging.quiet import quiet
from screening.storage_scu.association import Context

CONTEXTS = tuple(
    Context(COMMITMENT_PUSH_MODEL, str(syntax))
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
)
_UID = re.compile(r"[0-9][0-9.]{0,63}")


def read_request(information: Dataset) -> CommitmentRequested:
    """Return what an N-ACTION asks for; an instance that is named twice counts once.

    Raises UnreadableDataSetError where the Transaction UID or the references are missing, or a UID
    is not valid (PS3.5 9.1); the message repeats no value of the data set.
    """
    with _faults_named(), quiet():
        references = dict.fromkeys(_references(information, "ReferencedSOPSequence"))
        if not references:
            raise UnreadableDataSetError("expected at least one referenced SOP instance")
        return CommitmentRequested(_uid(information, "TransactionUID"), tuple(references))


def read_answer(information: Dataset) -> CommitmentAnswer:
    """Return what an N-EVENT-REPORT says. Raises UnreadableDataSetError as `read_request`."""
    with _faults_named(), quiet():
        failed = {
            _reference(item): int(item.get("FailureReason") or NotCommitted.PROCESSING_FAILURE)
            for item in information.get("FailedSOPSequence") or ()
        }
        return CommitmentAnswer(
            _uid(information, "TransactionUID"),
            tuple(
                one
                for one in _references(information, "ReferencedSOPSequence")
                if one not in failed
            ),
            failed,
        )


def status_of_response(send: Callable[..., Any], *arguments: object) -> int | None:
    """Send a DIMSE-N request; return the response's status, None where the association ended."""
    try:
        response, _ = send(*arguments)
    except RuntimeError:
        return None
    status: int | None = response.get("Status")
    return status


def request_information(request: CommitmentRequested) -> Dataset:
    """Return the Action Information of an N-ACTION."""
    information = Dataset()
    information.TransactionUID = request.transaction_uid
    information.ReferencedSOPSequence = [_item(one) for one in request.references]
    return information


def answer_information(answer: CommitmentAnswer) -> Dataset:
    """Return the Event Information of an N-EVENT-REPORT."""
    information = Dataset()
    information.TransactionUID = answer.transaction_uid
    if answer.committed:
        information.ReferencedSOPSequence = [_item(one) for one in answer.committed]
    if answer.failed:
        information.FailedSOPSequence = [
            _item(one, reason) for one, reason in answer.failed.items()
        ]
    return information


@contextmanager
def _faults_named() -> Iterator[None]:
    """Turn any exception that a data set causes into an UnreadableDataSetError."""
    try:
        yield
    except UnreadableDataSetError:
        raise
    except Exception as error:  # noqa: BLE001  whatever a damaged data set provokes in the parser
        raise UnreadableDataSetError(
            "expected the data set of a Storage Commitment, found one that cannot be read "
            f"({type(error).__name__})"
        ) from None


def _references(information: Dataset, keyword: str) -> list[SopReference]:
    return [_reference(item) for item in information.get(keyword) or ()]


def _reference(item: Dataset) -> SopReference:
    return SopReference(_uid(item, "ReferencedSOPClassUID"), _uid(item, "ReferencedSOPInstanceUID"))


def _uid(data_set: Dataset, keyword: str) -> str:
    uid = str(data_set.get(keyword) or "").strip(" \0")
    if not _UID.fullmatch(uid):
        raise UnreadableDataSetError(f"expected a UID as {keyword}, found none")
    return uid


def _item(reference: SopReference, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    if reason is not None:
        item.FailureReason = reason
    return item
