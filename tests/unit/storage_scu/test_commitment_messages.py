"""Data sets of Storage Commitment: what goes out can be read, what makes no sense is refused."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from screening.domain.commitment import (
    CommitmentAnswer,
    CommitmentEvent,
    CommitmentRequested,
    SopReference,
)
from screening.errors import UnreadableDataSetError
from screening.imaging.quiet import quiet
from screening.storage_scu.commitment_messages import (
    answer_information,
    read_answer,
    read_request,
    request_information,
)

FIRST, SECOND = (SopReference("1.2.840.10008.5.1.4.1.1.1", f"1.2.{number}") for number in (1, 2))


def sent(data_set: Dataset) -> Dataset:
    """Return a data set as the peer reads it."""
    encoded = encode(data_set, is_implicit_vr=True, is_little_endian=True)
    assert encoded is not None
    return decode(BytesIO(encoded), is_implicit_vr=True, is_little_endian=True)


def test_a_request_is_read_as_it_was_written() -> None:
    """Each instance once, in its order."""
    asked = CommitmentRequested("2.25.1", (SECOND, FIRST, SECOND))
    found = read_request(sent(request_information(asked)))
    assert found == CommitmentRequested("2.25.1", (SECOND, FIRST))


@pytest.mark.parametrize("failed", [{}, {SECOND: 0x0112}])
def test_an_answer_is_read_as_it_was_written(failed: dict[SopReference, int]) -> None:
    """With and without failures; the event type says which."""
    said = CommitmentAnswer("2.25.1", (FIRST,), failed)
    assert read_answer(sent(answer_information(said))) == said
    expected = CommitmentEvent.FAILURES_EXIST if failed else CommitmentEvent.ALL_COMMITTED
    assert said.event_type is expected


def test_an_instance_that_is_named_in_both_sequences_has_failed() -> None:
    """Of two answers the careful one counts."""
    said = sent(answer_information(CommitmentAnswer("2.25.1", (FIRST,), {FIRST: 0x0110})))
    assert read_answer(said) == CommitmentAnswer("2.25.1", (), {FIRST: 0x0110})


def test_a_failure_without_a_reason_is_a_processing_failure() -> None:
    """The reason is Type 1, and some peers leave it out."""
    said = answer_information(CommitmentAnswer("2.25.1", (), {FIRST: 0x0110}))
    del said.FailedSOPSequence[0].FailureReason
    assert read_answer(said).failed == {FIRST: 0x0110}


@pytest.mark.parametrize("missing", ["TransactionUID", "ReferencedSOPSequence"])
def test_a_request_without_what_it_needs_is_refused(missing: str) -> None:
    """The message names the attribute or the lack, and no value."""
    asked = request_information(CommitmentRequested("2.25.1", (FIRST,)))
    delattr(asked, missing)
    with pytest.raises(UnreadableDataSetError, match="expected"):
        read_request(asked)


@pytest.mark.parametrize("uid", ["", "Doe^Jane", "1.2 3", "1" * 65, "1.2\\1.3"])
def test_a_reference_that_is_no_uid_is_refused_unrepeated(uid: str) -> None:
    """Free text in place of a UID may be a patient's name: it goes nowhere."""
    asked = request_information(CommitmentRequested("2.25.1", (FIRST,)))
    with quiet():
        asked.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = uid
        with pytest.raises(UnreadableDataSetError) as refused:
            read_request(asked)
    assert not uid or uid not in str(refused.value)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_refused(encoded: bytes) -> None:
    """A peer may send what it likes: nothing but the one error comes of it."""
    with quiet():
        try:
            data_set = decode(BytesIO(encoded), is_implicit_vr=True, is_little_endian=True)
        except Exception:  # noqa: BLE001  that is pynetdicom's reader, caught by the handler
            return
        for read in (read_request, read_answer):
            try:
                read(data_set)
            except UnreadableDataSetError:
                continue
