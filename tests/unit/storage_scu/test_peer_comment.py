"""What a destination says of a report is kept without what names the patient."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from pydicom import dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from screening.delivery.kind import StoredReport
from screening.delivery_kinds.c_store import CStoreSender
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.peer_comment import without_patient
from tests.reports.samples import header
from tests.services.servers import free_port
from tests.sites.listening import storage_scp


def encoded(**attributes: str) -> bytes:
    """Return a file whose header names Jane Doe, PID-77."""
    made = header()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = BytesIO()
    dcmwrite(stream, made, enforce_file_format=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("out of resources", "out of resources"),
        ("Doe^Jane is locked", "[left out] is locked"),
        ("patient JANE DOE unknown", "patient [left out] [left out] unknown"),
        ("PID-77 merged", "[left out] merged"),
        ("id 77", "id [left out]"),
        ("[ACC-0123456789]", "[[left out]]"),
        ("born 1970-01-31", "born [left out]"),
        ("born 19700131", "born [left out]"),
        ("does not fit", "does not fit"),
        ("xJanex", "x[left out]x"),
    ],
)
def test_values_are_left_out_whole_and_in_parts(comment: str, kept: str) -> None:
    """In any case; a short name is no part of a longer word."""
    assert without_patient(comment, encoded()) == kept


def test_values_of_one_letter_and_of_patterns_are_harmless() -> None:
    """A patient ID of one letter leaves the comment alone; brackets are no pattern."""
    report = encoded(PatientID="a", PatientName="(.*", AccessionNumber="", StudyID="[")
    assert without_patient("a busy archive (.*)", report) == "a busy archive [left out])"


def test_a_destinations_comment_is_recorded_without_the_patient() -> None:
    """Status and the rest of the words stay, for whoever has to mend it."""
    port = free_port()
    peer = DicomDestination("pacs", "127.0.0.1", port, "DESTINATION", "SCREENING")
    report = StoredReport("1.2.3.1.1.1", "1.2.840.10008.5.1.4.1.1.1", datetime.now(UTC), encoded())
    with storage_scp(port, lambda found: (0xC000, f"no patient {found.PatientName}")):
        (answer,) = CStoreSender(peer, report.sop_class_uid).send([report])
    assert answer.status == "0xC000"
    assert answer.message.endswith("no patient [left out]")
