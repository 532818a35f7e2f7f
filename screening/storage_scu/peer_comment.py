"""A destination's Error Comment on a report, without the patient's values.

Error Comment (0000,0902) is free text, and some archives name the patient in it.
"""

import re
from io import BytesIO

import pydicom

from screening.imaging.quiet import quiet

PATIENT_KEYWORDS = (
    *("PatientName", "PatientID", "PatientBirthDate", "IssuerOfPatientID", "AccessionNumber"),
    *("StudyID", "StudyDate", "StudyDescription", "ReferringPhysicianName"),
)
LEFT_OUT = "[left out]"
_SHORTEST_PART = 2
_CONTAINED_PART = 4
"""Parts this long are left out also in the middle of a word."""


def without_patient(comment: str, report: bytes) -> str:
    """Return a comment with every value of the patient and study left out.

    report: the DICOM file that the comment is on. Values are found whole and in parts (names,
    words, numbers), in any case; one letter alone is none.
    """
    for part in sorted(_parts(report), key=len, reverse=True):
        pattern = re.escape(part)
        if len(part) < _CONTAINED_PART:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        comment = re.sub(pattern, LEFT_OUT, comment, flags=re.IGNORECASE)
    return comment


def _parts(report: bytes) -> set[str]:
    with quiet():
        header = pydicom.dcmread(BytesIO(report), specific_tags=list(PATIENT_KEYWORDS))
        values = [str(header.get(keyword) or "") for keyword in PATIENT_KEYWORDS]
    dates = [f"{v[:4]}-{v[4:6]}-{v[6:]}" for v in values if re.fullmatch(r"\d{8}", v)]
    parts = {part for value in values for part in re.split(r"\W+|_", value)}
    return {part for part in (*values, *dates, *parts) if len(part) >= _SHORTEST_PART}
