"""One received SOP instance, as far as the stations need to know it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST_UID = 64
"""Characters. Source: PS3.5 section 9.1."""
LONGEST_PATIENT_VALUE: Mapping[str, int] = {
    "PatientID": 64,
    "PatientName": 324,
    "AccessionNumber": 64,
}
"""Most characters stored, by keyword: legal values fit (64, 3 x 64 + 2 and 16, PS3.5 6.2).

Longer values are refused: cut, they might be another patient's.
"""
_UID_AS_RECEIVED = re.compile(r"[!-\[\]-~]+")
"""Letters and leading zeros are illegal but identify; blanks, controls and backslashes do not."""


def fault_of_uid(uid: str) -> str:
    """Return why a UID cannot be stored unchanged, in words without its value; else ""."""
    if len(uid) > LONGEST_UID:
        return f"{len(uid)} characters"
    return "" if _UID_AS_RECEIVED.fullmatch(uid) else "characters that no UID has"


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """What the gate and the rows need of a data set; no patient attribute.

    Text is upper-case and stripped; absent attributes are "" or None. `patient_age_years` is the
    only value derived from the patient and serves the age rule.
    Source: PS3.3 C.7 and C.8.11 (DX), C.8.1 (CR), C.8.6 (SC).
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    modality: str = ""
    body_part: str = ""
    anatomic_region: tuple[str, ...] = ()
    """Code values and meanings of Anatomic Region Sequence (0008,2218)."""
    view_position: str = ""
    view_code: tuple[str, ...] = ()
    """Code values and meanings of View Code Sequence (0054,0220)."""
    presentation_intent: str = ""
    image_type: tuple[str, ...] = ()
    patient_age_years: float | None = None
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int = 1
    samples_per_pixel: int | None = None
    photometric_interpretation: str = ""
    has_pixel_data: bool = False


@dataclass(frozen=True, slots=True)
class PatientAttributes:
    """What readers need to recognise a study. Kept out of `repr`, so out of logs and errors.

    Dates are YYYYMMDD, the age is an Age String such as 045Y; "" where absent or illegal.
    Source: PS3.3 C.7.1.1 (patient), C.7.2.1 (study); PS3.5 section 6.2 (DA, AS).
    """

    patient_id: str = field(default="", repr=False)
    patient_name: str = field(default="", repr=False)
    patient_birth_date: str = field(default="", repr=False)
    patient_sex: str = field(default="", repr=False)
    patient_age: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_time: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
