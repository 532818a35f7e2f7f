"""Rows of one image, and of a correction of it that waits for a decision."""

from sqlalchemy.orm import Session

from screening.db.tables.decisions import Correction
from tests.rows.stored import NOON, add_bundle, add_classification, add_instance, add_score

STUDY, IMAGE_UID = "1.2.3", "1.2.3.1.7"
STANDS = {"PatientName": "Doe^Jane", "PatientID": "P00001", "ViewPosition": "PA"}
CORRECTED = {"PatientName": "Doe^Joan", "PatientID": "P00001", "ViewPosition": "PA"}


def add_waiting_correction(session: Session) -> int:
    """Add an image with a result, and a correction of the name; return the correction's number."""
    first = add_instance(
        session,
        STUDY,
        sop_instance_uid=IMAGE_UID,
        patient_name="Doe^Jane",
        patient_id="P00001",
        identification=STANDS,
    )
    add_score(session, first, add_bundle(session), priority="LOW", covid19=0.1)
    second = add_instance(
        session,
        STUDY,
        sop_instance_uid=IMAGE_UID,
        conflicting=True,
        patient_name="Doe^Joan",
        patient_id="P00001",
        identification=CORRECTED,
    )
    add_classification(session, second, state="not_applicable", reason="correction_waiting")
    row = Correction(instance_id=second.id, attributes=["PatientName"], found_at=NOON)
    session.add(row)
    session.flush()
    return row.id
